"""How fast is the log-likelihood with 5,000 samples, of Burda's network on 500 binarised images?

Images times samples a second; what a system compiles was compiled before. Each goes through as many images and samples
at a time as suit it. The loss that is compared first is the same bound with 50 samples.
"""

from dataclasses import replace
from typing import Any

from cases import BURDA_50, training_images
from harness import main
from questions import Experiment, Question, System, Target
from systems import COMPILED, EAGER, OURS

NAME, JAX = "5,000 samples", "JAX"
IMAGES, SAMPLES = 500, 5000
CASE = replace(BURDA_50, images=IMAGES)


def likelihoods(name: str, module: str, variant: str = "") -> System:
    def measure(peer: Any, smoke: bool) -> float:
        images, samples = (100, 100) if smoke else (IMAGES, SAMPLES)
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
        )
    ],
    [Target(NAME, OURS, [JAX], 1.0), Target(NAME, OURS, [EAGER, COMPILED], 2.0)],
)

if __name__ == "__main__":
    main(QUESTION)
