"""Does gradient descent on the exact likelihood find as good a mixture of normals as expectation maximisation does?

Ten normals on the first 50 principal components of MNIST's training images, brought into [0, 1] by one factor and
offset, so that both programs see the same array. Both start from the same k-means clusters: tfvae by
`start_at`, scikit-learn by the shares, means and variances that tfvae starts from. `python
benchmarks/mixture.py` writes results/mixture.json.
"""

import json
import math
import sys
import time
from pathlib import Path

import keras
import numpy as np
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

import tfvae
from tfvae import evaluation
from tfvae._support.hardware import hardware, versions
from tfvae.models import Density
from tfvae.preprocessing import Rescale
from tfvae.priors import MixtureOfNormals

COMPONENTS, DIMENSIONS, SEEDS = 10, 50, (0, 1, 2)
EPOCHS, BATCH, RATE = 30, 500, 1e-2
RESULT = Path(__file__).parent / "results" / "mixture.json"


def components(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Principal components of both, float32 `[N, 50]` in [0, 1]."""
    flat = [np.reshape(images, [len(images), -1]).astype("float32") / 255 for images in (train, test)]
    projection = PCA(DIMENSIONS, random_state=0).fit(flat[0])
    found = [projection.transform(each) for each in flat]
    low, high = min(each.min() for each in found), max(each.max() for each in found)
    return tuple(np.clip((each - low) / (high - low), 0, 1).astype("float32") for each in found)


def by_gradient(train: np.ndarray, seed: int, epochs: int) -> tuple[Density, MixtureOfNormals, float]:
    """The trained model, the mixture that it started from, and its seconds."""
    keras.utils.set_random_seed(seed)
    density = MixtureOfNormals((DIMENSIONS,), COMPONENTS, min_scale=1e-3)
    density.start_at(train[:10_000], seed)
    first = MixtureOfNormals.from_config(density.get_config())
    first.set_weights(density.get_weights())
    model = Density(density, Rescale(), seed)
    began = time.perf_counter()
    steps = epochs * math.ceil(len(train) / BATCH)
    model.compile(optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, steps)))
    model.fit(train, batch_size=BATCH, epochs=epochs, verbose=0)
    return model, first, time.perf_counter() - began


def by_expectation_maximisation(train: np.ndarray, first: MixtureOfNormals) -> tuple[GaussianMixture, float]:
    """The fitted mixture and its seconds."""
    start = first.distribution()
    normals = start.components_distribution
    weights = np.float64(start.mixture_distribution.probs_parameter())
    mixture = GaussianMixture(
        COMPONENTS,
        covariance_type="diag",
        weights_init=weights / weights.sum(),  # of float32
        means_init=np.float64(normals.mean()),
        precisions_init=1 / np.float64(normals.variance()),
        max_iter=500,
    )
    began = time.perf_counter()
    mixture.fit(train.astype("float64"))
    return mixture, time.perf_counter() - began


def measure(seed: int, train: np.ndarray, test: np.ndarray, labels: np.ndarray, epochs: int) -> dict[str, object]:
    """Both mixtures on both arrays: log p(x) in nats an example, and the agreement of components and digits."""
    model, first, seconds = by_gradient(train, seed, epochs)
    theirs, their_seconds = by_expectation_maximisation(train, first)
    ours = {name: float(np.mean(model.predict(x, batch_size=1000, verbose=0))) for name, x in
            (("train", train), ("test", test))}  # fmt: skip
    return {
        "seed": seed,
        "tfvae": {
            **ours,
            "seconds": seconds,
            **evaluation.clustering(np.asarray(model.clusters(test)), labels)._asdict(),
        },
        "scikit-learn": {
            "train": float(theirs.score(train)),
            "test": float(theirs.score(test)),
            "seconds": their_seconds,
            "converged": bool(theirs.converged_),
            **evaluation.clustering(theirs.predict(test), labels)._asdict(),
        },
    }


def main(epochs: int = EPOCHS) -> None:
    data = tfvae.datasets.load("mnist")
    train, test = components(data.train.images, data.test.images)
    rows = [measure(seed, train, test, data.test.labels, epochs) for seed in SEEDS]
    result = {
        "question": (__doc__ or "").splitlines()[0],
        "unit": "nats an example",
        "settings": {"epochs": epochs, "batch": BATCH, "rate": RATE, "examples": len(train)},
        "rows": rows,
        "hardware": hardware(),
        "versions": versions(),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for row in rows:
        print(json.dumps(row))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
