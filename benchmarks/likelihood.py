"""How fast is the log-likelihood with 5,000 samples, of Burda's network on 500 binarised images, and on 10,000?

Images times samples a second; what a system compiles was compiled before. Each goes through as many images and samples
at a time as suit it. The loss that is compared first is the same bound with 50 samples. A whole test set takes minutes,
so that only tfvae and the fastest peer go through one, which also shows whether memory grows with it.
"""

from dataclasses import replace
from typing import Any

from cases import BURDA_50, training_images
from harness import main
from questions import Experiment, Question, System, Target
from systems import COMPILED, EAGER, OURS

NAME, TEST_SET, JAX = "5,000 samples", "5,000 samples of a test set", "JAX"
IMAGES, TEST_IMAGES, SAMPLES = 500, 10_000, 5000
CASE = replace(BURDA_50, images=IMAGES)


def likelihoods(name: str, module: str, variant: str = "", number: int = IMAGES) -> System:
    def measure(peer: Any, smoke: bool) -> float:
        images, samples = (100, 100) if smoke else (number, SAMPLES)
        seconds, _ = peer.log_likelihood(CASE, training_images(images), samples, variant)
        return images * samples / seconds

    return System(name, module, measure)


QUESTION = Question(
    "likelihood",
    [
        Experiment(
            NAME,
            "images x samples/s",
            [
                likelihoods(OURS, "tfvae_vae"),
                likelihoods(JAX, "jax_vae"),
                likelihoods(EAGER, "torch_vae"),
                likelihoods(COMPILED, "torch_vae", "compiled"),
            ],
            CASE,
        ),
        Experiment(
            TEST_SET,
            "images x samples/s",
            [likelihoods(OURS, "tfvae_vae", number=TEST_IMAGES), likelihoods(JAX, "jax_vae", number=TEST_IMAGES)],
            replace(CASE, images=TEST_IMAGES),
        ),
    ],
    [Target(TEST_SET, OURS, [JAX], 1.0), Target(NAME, OURS, [JAX], 1.0), Target(NAME, OURS, [EAGER, COMPILED], 2.0)],
)

if __name__ == "__main__":
    main(QUESTION)
