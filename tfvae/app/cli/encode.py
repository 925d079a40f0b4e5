"""The command `encode`."""

from __future__ import annotations

from pathlib import Path

from tfvae._support.printing import say
from tfvae.app.cli.common import start_tensorflow
from tfvae.app.outputs import of_codes
from tfvae.app.run import Run


def encode(
    run: Path,
    data: str,
    *,
    out: Path,
    data_dir: str | None = None,
    overwrite: bool = False,
    axes: str | None = None,
) -> None:
    """Write mean and standard deviation of q(z|x) for every image of a data set, with labels where it has them.

    Args:
        run: folder that `tfvae train` wrote.
        data: source of the images, as for `tfvae train --data`.
        out: .npz file to write.
        data_dir: folder of prepared TensorFlow Datasets. [default: the run's, for its own data]
        overwrite: replace an .npz file that is there.
        axes: axes of the images in a file, as for `tfvae train`. [default: the run's]
    """
    of_codes(run, data, out, overwrite)
    found = Run(run)
    found.settings  # noqa: B018 (which a model alone has not)
    found.check()
    start_tensorflow()
    from tfvae.app.run import encoding

    sizes = encoding.write_codes(found, data, out, data_dir, overwrite, axes)
    say(f"Wrote {out}: " + ", ".join(f"{size:,} {part} images" for part, size in sizes.items()))
