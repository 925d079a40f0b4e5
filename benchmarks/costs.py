"""What does training cost as the work grows, and does memory stay flat where it should?

    python benchmarks/costs.py              writes results/costs.json and docs/images/costs.png

Images a second of the default model in steady state against the batch, the latent size, the samples S of the
importance-weighted bound, the side of the images and the number of training images, one changed at a time; and the peak
memory of a process that trains on a stream of N images, or scores 100 images with S samples. Each figure is the median
of `--repeats` processes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness import in_own_process, peak_memory_mb, report_to_parent
from records import write

PICTURE = Path(__file__).resolve().parents[1] / "docs/images/costs.png"
SECONDS = 2.0  # of training that are timed
IN_MEMORY = 10_000  # images, where their number is not what changes


def trained(
    batch: int = 100, latent: int = 6, samples: int = 1, side: int = 28, images: int = IN_MEMORY, streamed: bool = False
) -> float:
    """Images a second."""
    import keras

    import tfvae

    shape = (side, side, 1)
    objective = tfvae.ImportanceWeighted(samples) if samples > 1 else tfvae.ELBO()
    model = tfvae.vae(shape, latent_size=latent, objective=objective)
    split = stream(images, shape) if streamed else in_memory(images, shape)
    optimizer = keras.optimizers.Adam(1e-4)
    choice = tfvae.training.by_measurement(model, optimizer, split.first(batch).images)
    model.compile(optimizer, **choice.arguments)
    model.make_train_function()
    iterator = iter(split.batches(batch, seed=0))
    model.train_function(iterator)
    model.train_function(iterator)
    start = model.steps
    begin = time.perf_counter()
    while time.perf_counter() - begin < SECONDS or (streamed and (model.steps - start) * batch < images):
        model.train_function(iterator)
    return (model.steps - start) * batch / (time.perf_counter() - begin)


def in_memory(number: int, shape: tuple[int, ...]) -> Any:
    from tfvae.datasets import Split

    return Split(np.random.default_rng(0).integers(0, 256, (number, *shape), "uint8"), None)


def stream(number: int, shape: tuple[int, ...]) -> Any:
    """Raw images in one TFRecord file."""
    import tensorflow as tf

    from tfvae.datasets.streams import Part, StreamedSplit

    path = str(Path(tempfile.mkdtemp()) / "images")
    random = np.random.default_rng(0)
    with tf.io.TFRecordWriter(path) as file:
        for _ in range(number):
            file.write(random.integers(0, 256, shape, "uint8").tobytes())
    decode = lambda record: tf.reshape(tf.io.decode_raw(record, tf.uint8), shape)  # noqa: E731
    return StreamedSplit((Part(path, 0, number),), decode, None, shape, block=2000)


def scored(samples: int) -> float:
    """Seconds of 100 images with S samples."""
    import tfvae

    images = tfvae.datasets.load("mnist").test.images[:100]
    model = tfvae.vae()
    start = time.perf_counter()
    model.log_likelihood(images, samples)
    return time.perf_counter() - start


AXES: dict[str, tuple[tuple[int, ...], Callable[[int], float]]] = {
    "batch": ((10, 30, 100, 300, 1000, 3000), lambda n: trained(batch=n)),
    "latent size": ((2, 6, 20, 50, 200), lambda n: trained(latent=n)),
    "samples": ((1, 2, 5, 10, 20, 50), lambda n: trained(samples=n)),
    "image side": ((14, 28, 56, 112), lambda n: trained(side=n)),
    "images in memory": ((1_000, 10_000, 100_000), lambda n: trained(images=n)),
    "images streamed": ((10_000, 40_000, 160_000), lambda n: trained(images=n, streamed=True)),
    "samples of the log-likelihood": ((50, 500, 5_000, 50_000), scored),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        axis, value = options.child
        figure = AXES[axis][1](int(value))
        report_to_parent({"figure": figure, "peak_memory_mb": peak_memory_mb()})
        return
    repeats: dict[str, dict[int, list[dict[str, float]]]] = {
        axis: {value: [] for value in values} for axis, (values, _) in AXES.items()
    }
    for _ in range(options.repeats):
        for axis, (values, _) in AXES.items():
            for value in values:
                repeats[axis][value].append(in_own_process(axis, str(value)))
                print(axis, value, repeats[axis][value][-1], flush=True)
    medians = {
        axis: {
            value: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            for value, runs in figures.items()
        }
        for axis, figures in repeats.items()
    }
    write("costs", {"medians": medians, "repeats": repeats})
    draw(medians)


def draw(medians: dict[str, dict[int, dict[str, float]]]) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    speeds = [axis for axis in medians if "likelihood" not in axis]
    figure, axes = pyplot.subplots(2, 4, figsize=(12, 5.4), layout="constrained")
    for axis, panel in zip(speeds, axes.flat, strict=False):
        values = list(medians[axis])
        panel.loglog(values, [medians[axis][value]["figure"] for value in values], "o-", color="#0072B2")
        panel.set(xlabel=axis, ylabel="images/s", ylim=(1e3, 1e5))
        panel.set_xticks(values, [f"{value:,}" for value in values], fontsize=7)
        panel.minorticks_off()
    for axis, panel in zip(("images streamed", "samples of the log-likelihood"), axes.flat[6:], strict=True):
        values = list(medians[axis])
        panel.semilogx(values, [medians[axis][value]["peak_memory_mb"] for value in values], "o-", color="#D55E00")
        panel.set(xlabel=axis, ylabel="peak memory in MB", ylim=(0, None))
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
