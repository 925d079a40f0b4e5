"""Batches that remember what they are decoded from, so that a worker can take its rows before any work is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

Decode = Callable[["tf.data.Dataset"], "tf.data.Dataset"]


def remembering(data: tf.data.Dataset, records: tf.data.Dataset, decode: Decode) -> tf.data.Dataset:
    """The same data.

    Args:
        data: batches.
        records: what each batch is made of, row by row, and is cheap to read.
        decode: makes batches of data of batches of records, which may have any number of rows, also none.
    """
    data.tfvae_decoded_from = records, decode
    return data


def undecoded(data: tf.data.Dataset) -> tuple[tf.data.Dataset, Decode]:
    """What the data remember; of any other dataset itself, since who changed it may have changed its rows."""
    return getattr(data, "tfvae_decoded_from", (data, lambda same: same))
