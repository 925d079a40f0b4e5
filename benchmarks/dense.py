"""How fast does a dense Gaussian VAE (784-500-20) train, against other frameworks and against its own matrix products?

At batch 100 tfvae is measured inside `fit` with the progress bar, with 5,000 validation images an epoch and without;
the peers have neither. "overhead" is over the same maths in TensorFlow by hand. At batch 1000 the share of the
machine's GEMM peak is that of the products that training needs: forwards, and backwards with respect to weights and
inputs, but not with respect to the images.
"""

from __future__ import annotations

from cases import DENSE, DENSE_LARGE_BATCH, Case, layer_shapes
from harness import Experiment, Question, System, Target, main, training_speed

OURS, VALIDATED, BY_HAND = "tfvae", "tfvae with validation", "TensorFlow by hand"
EAGER, COMPILED, JAX, KERAS = "PyTorch eager", "PyTorch compiled", "JAX scan", "Keras example"
SMALL, LARGE, PEAK = "batch 100", "batch 1000", "GEMM peak"


def systems(case: Case) -> list[System]:
    return [
        training_speed(OURS, "tfvae_vae", case),
        training_speed(VALIDATED, "tfvae_vae", case, "validation"),
        training_speed(BY_HAND, "tensorflow_by_hand", case),
        training_speed(JAX, "jax_vae", case),
        training_speed(EAGER, "torch_vae", case),
        training_speed(COMPILED, "torch_vae", case, "compiled"),
    ]


def gemm(name: str, variant: str) -> System:
    return System(name, "gemm", lambda peer, smoke: peer.gflops(2048, 0.1 if smoke else 3, variant))


def useful_flops(case: Case) -> int:
    """Of the matrix products that one training image needs."""
    products = [2 * kernel[0] * kernel[1] for kernel, _ in layer_shapes(case)]
    return 3 * sum(products) - products[0]  # nobody needs the gradient with respect to the image


def shares(medians: dict[str, dict[str, float]]) -> dict[str, float]:
    """Of the GEMM peak, by system, at batch 1000."""
    if not {LARGE, PEAK} <= medians.keys():
        return {}
    peak = max(medians[PEAK].values()) * 1e9
    return {
        f"{name}: share of the GEMM peak": speed * useful_flops(DENSE_LARGE_BATCH) / peak
        for name, speed in medians[LARGE].items()
    }


QUESTION = Question(
    "dense",
    experiments=[
        Experiment(SMALL, "images/s", systems(DENSE), DENSE),
        Experiment(LARGE, "images/s", systems(DENSE_LARGE_BATCH), DENSE_LARGE_BATCH),
        Experiment(PEAK, "GFLOP/s", [gemm("TensorFlow", ""), gemm("TensorFlow XLA", "XLA")]),
    ],
    targets=[
        Target(SMALL, VALIDATED, [EAGER], 3.0),
        Target(SMALL, VALIDATED, [COMPILED], None),
        Target(SMALL, VALIDATED, [JAX], 1.05),
        Target(SMALL, OURS, [BY_HAND], 0.95),
        Target(LARGE, OURS, [BY_HAND], 0.95),
        Target(LARGE, VALIDATED, [JAX], None),
        Target(LARGE, VALIDATED, [EAGER, COMPILED], None),
    ],
    derive=shares,
)

if __name__ == "__main__":
    main(QUESTION)
