"""How fast are decoder means, and draws, of 10,000 samples from the prior of the dense Gaussian VAE (784-500-20)?

Images a second, each call giving latents and images in memory; what is compiled was compiled before.
"""

from typing import Any

from cases import DENSE
from harness import main
from questions import Experiment, Question, System, Target
from systems import COMPILED, EAGER, OURS

NUMBER, CALLS, JAX = 10_000, 10, "JAX"
MEANS, DRAWS = "means", "draws"


def sampling(name: str, module: str, variant: str) -> System:
    def measure(peer: Any, smoke: bool) -> float:
        calls = 1 if smoke else CALLS
        return calls * NUMBER / peer.sample(DENSE, NUMBER, calls, variant)

    return System(name, module, measure)


def systems(kind: str) -> list[System]:
    return [
        sampling(OURS, "tfvae_vae", kind),
        sampling(JAX, "jax_vae", kind),
        sampling(EAGER, "torch_vae", kind),
        sampling(COMPILED, "torch_vae", f"compiled {kind}"),
    ]


QUESTION = Question(
    "sampling",
    [Experiment(kind, "images/s", systems(kind), DENSE) for kind in (MEANS, DRAWS)],
    [Target(kind, OURS, [peer], None) for kind in (MEANS, DRAWS) for peer in (JAX, EAGER, COMPILED)],
)

if __name__ == "__main__":
    main(QUESTION)
