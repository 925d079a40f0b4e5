"""The codes of a data set under a run's encoder, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tfvae._support.files import written_whole
from tfvae._support.printing import say
from tfvae.app.outputs import NPZ, Output, of_runs
from tfvae.app.run.folder import run_of
from tfvae.evaluation import encode, fix

PARTS = ("train", "validation", "test")


def write_codes(
    folder: Path,
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
        folder: a run's.
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
    if out.suffix != ".npz":
        raise ValueError(f"`--out` must be a file that ends in .npz; received {out}.")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"`--out` must be a file in a folder that exists; {out.parent} is none.")
    output = Output("--out", out, NPZ, overwrite, (*of_runs(folder), Path(data)))
    output.check()
    run = run_of(folder)
    model, (whole, _) = run.model(), run.data_or_others(data, data_dir, axes)
    say(*whole.said, err=True)
    arrays: dict[str, Any] = {}
    parts = {part: split for part in PARTS if (split := getattr(whole, part)) is not None}
    for part, split in parts.items():
        images = split.first(len(split))
        x = fix(np.asarray(model.as_examples(images.images)), model.preprocess)
        codes = encode(model, x.x)
        found = {f"{part}_{name}": value for name, value in codes._asdict().items() if value is not None}
        arrays |= found | {f"{part}_digest": np.array(x.digest)}
        if images.labels is not None:
            arrays[f"{part}_labels"] = images.labels
    output.check()
    with written_whole(out) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return {part: len(arrays[f"{part}_mean"]) for part in parts}
