"""How fast does the network of Burda et al. (784-200-200-50, tanh, Bernoulli) train with 1, 5 and 50 samples?

The importance-weighted bound on dynamically binarised MNIST, batch 100; tfvae inside `fit` with the progress bar. With
50 samples an epoch has 10,000 images.
"""

from cases import BURDA, BURDA_5, BURDA_50
from harness import main
from questions import Experiment, Question, Target
from systems import BY_HAND, COMPILED, EAGER, JAX, OURS, all_training

ONE, FIVE, FIFTY = "1 sample", "5 samples", "50 samples"
CASES = {ONE: BURDA, FIVE: BURDA_5, FIFTY: BURDA_50}

QUESTION = Question(
    "burda",
    [Experiment(name, "images/s", all_training(case), case) for name, case in CASES.items()],
    [
        Target(FIFTY, OURS, [JAX], 1.1),
        Target(FIFTY, OURS, [EAGER, COMPILED], 2.0),
        *(Target(name, OURS, [BY_HAND], 0.95) for name in CASES),
        *(Target(name, OURS, [peer], None) for name in (ONE, FIVE) for peer in (JAX, EAGER, COMPILED)),
    ],
)

if __name__ == "__main__":
    main(QUESTION)
