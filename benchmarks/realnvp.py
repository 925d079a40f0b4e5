"""How fast does RealNVP train on MNIST (`tfvae.realnvp()`: two scales, 12 couplings, batch 100)?

tfvae inside `fit` with the progress bar; 2,500 images an epoch. PyTorch has every combination of eager or compiled and
its usual memory format or channels-last, of which the best counts. "JAX step" is a compiled step in a Python loop.
"""

from cases import REALNVP
from harness import main
from questions import Experiment, Question, Target
from systems import COMPILED, EAGER, OURS, training

NAME = "batch 100"
JAX, EAGER_LAST, COMPILED_LAST = "JAX step", f"{EAGER}, channels-last", f"{COMPILED}, channels-last"

QUESTION = Question(
    "realnvp",
    [
        Experiment(
            NAME,
            "images/s",
            [
                training(OURS, "tfvae_realnvp", REALNVP),
                training(JAX, "jax_realnvp", REALNVP),
                training(EAGER, "torch_realnvp", REALNVP),
                training(COMPILED, "torch_realnvp", REALNVP, "compiled"),
                training(EAGER_LAST, "torch_realnvp", REALNVP, "channels-last"),
                training(COMPILED_LAST, "torch_realnvp", REALNVP, "compiled channels-last"),
            ],
            REALNVP,
            ours="tfvae_realnvp",
        )
    ],
    [
        Target(NAME, OURS, [EAGER, COMPILED, EAGER_LAST, COMPILED_LAST], 1.5),
        Target(NAME, OURS, [JAX], 1.0),
    ],
)

if __name__ == "__main__":
    main(QUESTION)
