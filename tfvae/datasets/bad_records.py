"""Records that do not decode, or decode to an image of another shape: named, or left out where that was asked for."""

from __future__ import annotations

import re
from typing import NamedTuple

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


def failures() -> tuple[type[Exception], ...]:
    """What TensorFlow raises about files that are damaged or missing and records that do not decode."""
    import tensorflow as tf

    # Its errors quote the record, and those about one that is no text cannot be made in Python (TensorFlow 2.21).
    quoted = UnicodeDecodeError
    errors = tf.errors
    return (
        errors.InvalidArgumentError, errors.DataLossError, errors.NotFoundError, errors.FailedPreconditionError, quoted,
    )  # fmt: skip


def reason_of(error: Exception) -> str:
    """The first line of an error of TensorFlow's, without the names of its nodes and the full stop."""
    if isinstance(error, UnicodeDecodeError):
        return "it cannot be parsed"
    line = (getattr(error, "message", None) or str(error)).splitlines()[0]
    return re.sub(r"\{\{.*?\}\} ?|\[Op:.*", "", line).strip().rstrip(".")
