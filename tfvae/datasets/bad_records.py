"""Records that do not decode, or decode to an image of another shape: named, or left out where that was asked for."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tfvae.datasets.streams import StreamedSplit

REMEDY = "prepare the data again, or leave such records out (`bad_records` 'skip')"


class BadRecord(NamedTuple):
    """Attributes: where, the file, escaped (and the number of the record in it, from 0); reason, what is wrong."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


def listed(records: tuple[BadRecord, ...], most: int = 3) -> str:
    """How many were left out, and the first of them, in a sentence."""
    shown = "; ".join(map(str, records[:most])) + ("; ..." if len(records) > most else "")
    return f"{len(records)} bad {'record is' if len(records) == 1 else 'records are'} skipped: {shown}."


@contextlib.contextmanager
def naming_bad_records(*splits: Any) -> Iterator[None]:
    """A failure in the block that comes from the files of a streamed split becomes an OSError that names the record.

    TensorFlow's own error knows neither file nor record. To find them, the images are decoded once more, up to the
    first bad one.
    """
    from tfvae.datasets.streams import StreamedSplit

    try:
        yield
    except failures() as error:
        for split in splits:
            if isinstance(split, StreamedSplit):
                refuse(split, error)
        raise


def failures() -> tuple[type[Exception], ...]:
    """What TensorFlow raises about files that are damaged or missing and records that do not decode."""
    import tensorflow as tf

    # Its errors quote the record, and those about one that is no text cannot be made in Python (TensorFlow 2.21).
    quoted = UnicodeDecodeError
    errors = tf.errors
    return (
        errors.InvalidArgumentError, errors.DataLossError, errors.NotFoundError, errors.FailedPreconditionError, quoted,
    )  # fmt: skip


def refuse(split: StreamedSplit, cause: Exception) -> None:
    """Raises OSError about the first bad record of a split, if it has one."""
    bad = next(split.bad_records(), None)
    if bad is not None:
        raise OSError(f"{bad[1]}; {REMEDY}.") from cause


def reason_of(error: Exception) -> str:
    """The first line of an error of TensorFlow's, without the names of its nodes and the full stop."""
    if isinstance(error, UnicodeDecodeError):
        return "it cannot be parsed"
    line = (getattr(error, "message", None) or str(error)).splitlines()[0]
    return re.sub(r"\{\{.*?\}\} ?|\[Op:.*", "", line).strip().rstrip(".")
