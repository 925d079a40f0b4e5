"""How much memory does training take?

The most resident memory that a process has had, in MB, imports and data included, after twenty steps of each model with
55,000 images in memory, and after the log-likelihood with 5,000 samples of 100 images.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cases import BURDA_50, CONVOLUTIONAL, DENSE, Case, training_images
from harness import main, peak_memory_mb
from questions import Experiment, Question, System, Target
from systems import BY_HAND, COMPILED, EAGER, JAX, OURS

STEPS, IMAGES = 20, 55_000
LIKELIHOOD = "log-likelihood"
CASES = {"dense": DENSE, "Burda's network, 50 samples": BURDA_50, "convolutional": CONVOLUTIONAL}


def after(name: str, module: str, work: Callable[[Any, bool], Any]) -> System:
    def measure(peer: Any, smoke: bool) -> float:
        work(peer, smoke)
        return peak_memory_mb()

    return System(name, module, measure)


def training(name: str, module: str, case: Case, variant: str = "") -> System:
    short = replace(case, images=STEPS * case.batch, epochs=1)

    def work(peer: Any, smoke: bool) -> None:
        peer.train(case.small() if smoke else short, training_images(IMAGES), variant)

    return after(name, module, work)


def likelihood(name: str, module: str, variant: str = "") -> System:
    def work(peer: Any, smoke: bool) -> None:
        peer.log_likelihood(BURDA_50, training_images(100), 100 if smoke else 5000, variant)

    return after(name, module, work)


def experiments() -> list[Experiment]:
    trained = [
        Experiment(
            name,
            "MB",
            [
                training(OURS, "tfvae_vae", case),
                training(BY_HAND, "tensorflow_by_hand", case, "no XLA" if case.filters else ""),
                training(JAX, "jax_vae", case),
                training(EAGER, "torch_vae", case),
                training(COMPILED, "torch_vae", case, "compiled"),
            ],
            case,
        )
        for name, case in CASES.items()
    ]
    systems = [likelihood(OURS, "tfvae_vae"), likelihood(JAX, "jax_vae"), likelihood(EAGER, "torch_vae")]
    return [*trained, Experiment(LIKELIHOOD, "MB", systems, BURDA_50)]


QUESTION = Question(
    "memory",
    experiments(),
    [Target(name, OURS, [peer], None, less_is_better=True) for name in CASES for peer in (BY_HAND, JAX, EAGER)]
    + [Target(LIKELIHOOD, OURS, [peer], None, less_is_better=True) for peer in (JAX, EAGER)],
)

if __name__ == "__main__":
    main(QUESTION)
