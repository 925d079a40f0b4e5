"""The codes of a data set under a run's encoder, as arrays and as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tfvae._support.files import written_whole
from tfvae._support.printing import say
from tfvae.app.outputs import of_codes
from tfvae.app.run.folder import RunFolder, as_run
from tfvae.evaluation import encode, fix

PARTS = ("train", "validation", "test")


def codes(
    run: RunFolder, data: str | None = None, data_dir: str | None = None, axes: str | None = None
) -> dict[str, np.ndarray]:
    """The mean and standard deviation of q(z|x) for every image of a data set; see `write_codes`.

    Raises:
        FileNotFoundError: there is no such run, or no such data.
        ValueError: the images have another shape than the model's, or what lies where the run's own images did are
            others.
        FloatingPointError: the codes are not finite, because the model's weights are not.
    """
    model, (whole, _) = run.model, run.data_or_others(data, data_dir, axes)
    say(*whole.said, err=True)
    arrays: dict[str, Any] = {}
    for part in PARTS:
        split = getattr(whole, part)
        if split is None:
            continue
        images = split.first(len(split))
        x = fix(np.asarray(model.as_examples(images.images)), model.preprocess)
        found = encode(model, x.x)._asdict().items()
        arrays |= {f"{part}_{name}": value for name, value in found if value is not None}
        arrays[f"{part}_digest"] = np.array(x.digest)
        if images.labels is not None:
            arrays[f"{part}_labels"] = images.labels
    return arrays


def write_codes(
    run: RunFolder | Path,
    data: str,
    out: Path,
    data_dir: str | None = None,
    overwrite: bool = False,
    axes: str | None = None,
) -> dict[str, int]:
    """Writes mean and standard deviation of q(z|x) for every image of a data set.

    The file has, for each part of the data that there is, `train_mean` and `train_stddev` (`[N, D]`, float32),
    `train_labels` (`[N]`, where the data have labels) and `train_digest` (of the x that was encoded: the fixed draw of
    binarisation or dequantisation in the data's order); the same for `test` and, in data that have such a part, for
    `validation`. A model whose codes are points, such as an autoencoder, gives no `stddev`. Data without a test part
    are divided as `tfvae train` divides them with the run's seed; both parts keep the data's order.

    Args:
        run: a run, or its folder.
        data: what `tfvae train --data` takes; images are resized as the run's were.
        out: .npz file.
        data_dir: the folder of prepared TensorFlow Datasets; the run's for its own data if not given.
        overwrite: replace an .npz file that is there.
        axes: those of the images in a file, as for `tfvae train --axes`; the run's for its own data, if not given.

    Returns:
        The number of images in each part.

    Raises:
        FileNotFoundError: there is no such run, or no such data.
        ValueError: `out` is no .npz file or one that is read here, the images have another shape than the model's, or
            what lies where the run's own images did are others.
        FileExistsError: `out` is there, and `overwrite` is False.
        FloatingPointError: the codes are not finite, because the model's weights are not.
        OSError: the file cannot be written.
    """
    run = as_run(run)
    output = of_codes(run.folder, data, out, overwrite)
    arrays: dict[str, Any] = codes(run, data, data_dir, axes)
    output.check()
    with written_whole(out) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return {part: len(arrays[f"{part}_mean"]) for part in PARTS if f"{part}_mean" in arrays}
