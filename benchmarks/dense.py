"""How fast does a dense Gaussian VAE (784-500-20) train, against other frameworks and against its own matrix products?

At batch 100 and 1000, tfvae inside `fit` with the progress bar, with 5,000 validation images an epoch and without; the
peers have neither. "TensorFlow by hand" is what a bare XLA program of the same maths makes. At batch 1000 the share of
the machine's GEMM peak is that of the products that training needs: forwards, and backwards with respect to weights and
inputs, but not with respect to the images.

pythae comes with a model of its own, so it is compared with that model built from tfvae's parts: 784-512-10, batch 100,
both with 5,000 validation images an epoch and a progress bar.
"""

from __future__ import annotations

from cases import DENSE, DENSE_LARGE_BATCH, LIKE_PYTHAE, Case, layer_shapes
from harness import main
from questions import Experiment, Figures, Question, System, Target
from systems import BY_HAND, COMPILED, EAGER, JAX, KERAS, OURS, VALIDATED, all_training, training

SMALL, LARGE, PEAK, PYTHAE = "batch 100", "batch 1000", "GEMM peak", "pythae"
SHARE = "share of the GEMM peak, batch 1000"


def systems(case: Case) -> list[System]:
    return [
        *all_training(case),
        training(VALIDATED, "tfvae_vae", case, "validation"),
        training(KERAS, "keras_example", case),
    ]


def gemm(name: str, variant: str) -> System:
    return System(name, "gemm", lambda peer, smoke: peer.gflops(2048, 0.1 if smoke else 3, variant))


def useful_flops(case: Case) -> int:
    """Of the matrix products that one training image needs."""
    products = [2 * kernel[0] * kernel[1] for kernel, _ in layer_shapes(case)]
    return 3 * sum(products) - products[0]  # nobody needs the gradient with respect to the image


def shares(medians: Figures) -> Figures:
    """Of the GEMM peak, at batch 1000."""
    if not {LARGE, PEAK} <= medians.keys():
        return {}
    per_image = useful_flops(DENSE_LARGE_BATCH) / (max(medians[PEAK].values()) * 1e9)
    return {SHARE: {name: speed * per_image for name, speed in medians[LARGE].items()}}


QUESTION = Question(
    "dense",
    [
        Experiment(SMALL, "images/s", systems(DENSE), DENSE),
        Experiment(LARGE, "images/s", systems(DENSE_LARGE_BATCH), DENSE_LARGE_BATCH),
        Experiment(PEAK, "GFLOP/s", [gemm("TensorFlow", ""), gemm("TensorFlow XLA", "XLA")]),
        Experiment(
            PYTHAE,
            "images/s",
            [
                training(VALIDATED, "tfvae_like_pythae", LIKE_PYTHAE),
                training("pythae", "pythae_vae", LIKE_PYTHAE),
            ],
            LIKE_PYTHAE,
            ours="tfvae_like_pythae",
        ),
    ],
    [
        Target(SMALL, VALIDATED, [EAGER], 3.0),
        Target(SMALL, VALIDATED, [JAX], 1.05),
        Target(PYTHAE, VALIDATED, ["pythae"], 2.0),
        *(Target(name, OURS, [BY_HAND], 0.95) for name in (SMALL, LARGE)),
        Target(SHARE, OURS, [], 0.6),
        *(Target(SHARE, peer, [], None) for peer in (BY_HAND, JAX, EAGER, COMPILED, KERAS)),
        *(Target(SMALL, VALIDATED, [peer], None) for peer in (COMPILED, KERAS)),
        *(Target(LARGE, VALIDATED, [peer], None) for peer in (JAX, EAGER, COMPILED, KERAS)),
    ],
    derive=shares,
)

if __name__ == "__main__":
    main(QUESTION)
