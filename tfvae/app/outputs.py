"""Files that a command writes where its user says, and what they may replace."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import NamedTuple

from tfvae._support.files import writing
from tfvae.app.settings import settings_of

_OF_A_RUN = ("config.yaml", "history.csv", "model.keras", "report.json", "checkpoints", "evaluation")
_HEAD = 4096  # bytes that a form is told by


class Form(NamedTuple):
    """A kind of file.

    Attributes:
        name: in words.
        head: what its first bytes are like.
    """

    name: str
    head: re.Pattern[bytes]


PNG = Form("PNG picture", re.compile(rb"\x89PNG\r\n\x1a\n"))
NPZ = Form(  # data and evaluations are .npz files too
    ".npz file of `tfvae encode`", re.compile(rb"PK\x03\x04.{26}(train|validation|test)_mean\.npy", re.DOTALL)
)
CSV = Form("CSV table of `tfvae compare`", re.compile(rb"run,"))
LATEX = Form("LaTeX table of `tfvae compare`", re.compile(rb"(%[^\n]*\n)*\\begin\{tabular\}"))


class Output(NamedTuple):
    """A file that a command is to write.

    Attributes:
        option: the option that names it.
        path: where it goes.
        form: what it will be.
        overwrite: whether a file of that form may be replaced.
        inputs: files and folders that the command reads; names of data that are none do no harm.
    """

    option: str
    path: Path
    form: Form
    overwrite: bool
    inputs: tuple[Path, ...]

    def check(self) -> None:
        """Looks at what is there, of which nothing may be lost that is no older output.

        Raises:
            ValueError: it is a link, no file, something that the command reads, a new picture in a folder that it
                reads, or a file of another form. An empty file has every form.
            FileExistsError: it is there, and `overwrite` is False.
            OSError: it cannot be read.
        """
        path = self.path
        if path.is_symlink():
            raise ValueError(f"`{self.option}` must not be a link, which nothing is written through; received {path}.")
        if not path.exists():
            if self.form is PNG and any(each.is_dir() and _holds(each, path) for each in self.inputs):
                raise ValueError(f"`{self.option}` must not add a picture to a folder that is read; received {path}.")
            return
        if not path.is_file():
            raise ValueError(f"`{self.option}` must be a file; received {path}, a folder or a device.")
        if any(_holds(each, path) for each in self.inputs):
            raise ValueError(f"`{self.option}` must not be a file that the command reads; received {path}.")
        if not self.overwrite:
            raise FileExistsError(f"{path} exists already; `--overwrite` replaces it.")
        with writing(path), path.open("rb") as file:
            head = file.read(_HEAD)
        if head and not self.form.head.match(head):
            raise ValueError(f"{path} is no {self.form.name} and is not replaced; choose another `{self.option}`.")


def of_runs(*runs: Path) -> tuple[Path, ...]:
    """What runs are made of, which only training and evaluation write, and their data. A run may be a model file."""
    found: list[Path] = []
    for run in runs:
        found += [run / name for name in _OF_A_RUN] if run.is_dir() else [run]
        with contextlib.suppress(ValueError, OSError):  # which the command says itself
            found.append(Path(settings_of(run).data))
    return tuple(found)


def of_codes(run: Path, data: str, out: Path, overwrite: bool) -> Output:
    """The file that `tfvae encode` is to write, checked.

    Raises:
        ValueError: it does not end in .npz; and as for `Output.check`.
        FileNotFoundError: its folder does not exist.
    """
    if out.suffix != ".npz":
        raise ValueError(f"`--out` must be a file that ends in .npz; received {out}.")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"`--out` must be a file in a folder that exists; {out.parent} is none.")
    output = Output("--out", out, NPZ, overwrite, (*of_runs(run), Path(data)))
    output.check()
    return output


def _holds(one: Path, path: Path) -> bool:
    """Whether a file is another one, or in a folder."""
    if one.is_dir():
        return path.resolve().is_relative_to(one.resolve())
    return one.exists() and path.samefile(one)
