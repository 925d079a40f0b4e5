"""How fast does a convolutional VAE train (filters 32-64, stride 2, transposed mirror, Bernoulli, batch 128)?

tfvae inside `fit` with the progress bar; 12,800 images an epoch. PyTorch has every combination of eager or compiled and
its usual memory format or channels-last; TensorFlow by hand runs with and without XLA. The best of each counts.
"JAX scan" is a compiled step in a Python loop here, which is faster than a scan.
"""

from cases import CONVOLUTIONAL
from harness import main
from questions import Experiment, Question, Target
from systems import BY_HAND, COMPILED, EAGER, JAX, KERAS, OURS, all_training, training

NAME = "batch 128"
EAGER_LAST, COMPILED_LAST, NO_XLA = f"{EAGER}, channels-last", f"{COMPILED}, channels-last", f"{BY_HAND}, no XLA"

QUESTION = Question(
    "convolutional",
    [
        Experiment(
            NAME,
            "images/s",
            [
                *all_training(CONVOLUTIONAL),
                training(EAGER_LAST, "torch_vae", CONVOLUTIONAL, "channels-last"),
                training(COMPILED_LAST, "torch_vae", CONVOLUTIONAL, "compiled channels-last"),
                training(NO_XLA, "tensorflow_by_hand", CONVOLUTIONAL, "no XLA"),
                training(KERAS, "keras_example", CONVOLUTIONAL),
            ],
            CONVOLUTIONAL,
        )
    ],
    [
        Target(NAME, OURS, [EAGER, COMPILED, EAGER_LAST, COMPILED_LAST], 1.4),
        Target(NAME, OURS, [JAX], 1.0),
        Target(NAME, OURS, [BY_HAND, NO_XLA], 0.95),
        Target(NAME, OURS, [KERAS], None),
    ],
)

if __name__ == "__main__":
    main(QUESTION)
