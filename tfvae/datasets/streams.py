"""Images that stay on disk and are read, shuffled and decoded while a model trains.

Training order, a function of (seed, epoch) and of nothing else: the files in random order, one after the other, their
records cut into blocks, and each block in a random order of its own. The random numbers are those of `noise`, because
`tf.data`'s own shuffling also depends on TensorFlow's global seed and cannot be entered at a later epoch, and
`index_shuffle` takes only the last eight bits of a seed or an epoch for small data (TensorFlow 2.21).
Resuming passes over whole files and whole records without decoding any image, so it takes no more than reading a part
of one file and a block.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tfvae._support.checks import integer
from tfvae.datasets.bad_records import REMEDY, BadRecord, failures, reason_of
from tfvae.datasets.records import Part, columns, decode_records, in_fixed_order, read_records, records_between
from tfvae.datasets.splits import Split
from tfvae.parallel.late_decoding import remembering

if TYPE_CHECKING:
    import tensorflow as tf


_DECODED_AT_ONCE = 256  # images, where they are decoded into memory


@dataclass(frozen=True, eq=False)
class StreamedSplit:
    """Images in TFRecord files, never all of them in memory; the methods are those of `Split`.

    Args:
        parts: the records, in the order in which they are counted.
        image: decodes a record (string scalar) to a raw image.
        label: decodes a record to a class number, or None where there are no labels.
        image_shape: (height, width, channels) of all images.
        block: number of consecutive records that are shuffled among themselves; two to three times as many are held.
    """

    parts: tuple[Part, ...]
    image: Callable[[tf.Tensor], tf.Tensor]
    label: Callable[[tf.Tensor], tf.Tensor] | None
    image_shape: tuple[int, ...]
    block: int

    def __len__(self) -> int:
        return sum(part.take for part in self.parts)

    def take_first(self, n: int) -> StreamedSplit:
        """The first n examples, or all if there are fewer, still on disk."""
        return replace(self, parts=records_between(self.parts, 0, integer("n", n, 1)))

    def drop_first(self, n: int) -> StreamedSplit:
        """All examples but the first n, still on disk."""
        return replace(self, parts=records_between(self.parts, n, len(self)))

    def first(self, n: int) -> Split:
        """The first n examples in memory, or all if there are fewer.

        Raises:
            OSError: a file is missing or damaged, or a record does not decode.
        """
        few = self.take_first(n)
        return Split(few._gather(few._checked), None if few.label is None else few._gather(few.label))

    def unread(self) -> str:
        """What is known of the images without reading them: shape, and of each file its name, its size in bytes and
        which of its records are used. Where the files are does not count.

        Raises:
            OSError: a file is missing.
        """
        import tensorflow as tf

        try:
            sizes = {path: tf.io.gfile.stat(path).length for path in {part.path for part in self.parts}}
        except tf.errors.OpError as error:
            raise self._damaged(error) from error
        files = [(os.path.basename(each.path), sizes[each.path], each.skip, each.take) for each in self.parts]
        return repr((self.image_shape, files))

    def batches(self, batch_size: int, seed: int, start: int = 0) -> tf.data.Dataset:
        """Endless shuffled batches of raw images, from any step on.

        Batch number s is a function of (seed, s) alone, as in `training.batches`: each epoch is a new random order of
        all examples, of which the last `len(self) % batch_size` are left out. The order is random within limits: see
        the head of this module.

        Args:
            batch_size: examples in each batch; every batch has this many.
            seed: of the order.
            start: number of the first batch.

        Returns:
            An infinite dataset of `[batch_size, *image_shape]`. A missing or damaged file, or a record that does not
            decode, raises an error of TensorFlow's when it is read; `naming_bad_records` says which one it is.

        Raises:
            ValueError: the batch is larger than the data.
        """
        import tensorflow as tf

        from tfvae.datasets import batches as training

        per_epoch = training.steps_per_epoch(len(self), batch_size)
        first_epoch, done = divmod(start, per_epoch)

        def epoch(number: tf.Tensor) -> tf.data.Dataset:
            passed = tf.where(number == first_epoch, tf.constant(done * batch_size, tf.int64), 0)
            return self._shuffled(seed, number, passed).take(per_epoch * batch_size - passed)

        records = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max).flat_map(epoch)
        return self._batched(records, batch_size, tf.data.INFINITE_CARDINALITY)

    def in_order(self, batch_size: int) -> tf.data.Dataset:
        """Raw images from first to last, [batch_size, H, W, C]; the last batch may be smaller. For evaluation."""
        return self._batched(read_records(*columns(self.parts)), batch_size, -(-len(self) // batch_size))

    def bad_records(self) -> Iterator[tuple[int, BadRecord]]:
        """The records that do not decode to an image of `image_shape`, with their numbers, in order.

        All images are decoded once, in parallel, whatever is done with the result.

        Raises:
            OSError: a file is missing or damaged; what comes behind the damage cannot be read.
        """
        import tensorflow as tf

        def decodes(record: tf.Tensor) -> tf.Tensor:
            # Errors are left out of a dataset of this record alone: those of the files themselves must be seen.
            one = tf.data.Dataset.from_tensors(record).map(self._checked).ignore_errors()
            return one.reduce(False, lambda *_: True)

        found = decode_records(read_records(*columns(self.parts)), decodes)
        try:
            for number, good in enumerate(in_fixed_order(found).as_numpy_iterator()):
                if not good:
                    yield number, self._described(number)
        except tf.errors.OpError as error:
            raise self._damaged(error) from error

    def without(self, numbers: Collection[int]) -> StreamedSplit:
        """The same split without the records of these numbers, still on disk.

        A file with k of them is opened k + 1 times an epoch.

        Raises:
            ValueError: none is left.
        """
        borders = [-1, *sorted(numbers), len(self)]
        between = itertools.pairwise(borders)
        parts = tuple(part for left, right in between for part in records_between(self.parts, left + 1, right))
        if not parts:
            raise ValueError(f"None of the {len(self)} records of {self._folder} decodes to an image.")
        return replace(self, parts=parts)

    @property
    def _folder(self) -> str:
        return os.path.dirname(self.parts[0].path)

    def _checked(self, record: tf.Tensor) -> tf.Tensor:
        """The raw image of a record, whose shape is looked at when it is decoded."""
        import tensorflow as tf

        return tf.ensure_shape(self.image(record), self.image_shape)

    def _batched(self, records: tf.data.Dataset, batch_size: int, number: int) -> tf.data.Dataset:
        """So many batches of raw images from single records; where they have an end, the last one may be smaller."""
        import tensorflow as tf

        known = tf.data.experimental.assert_cardinality(number)  # or Keras would warn at the end

        def batched(rows: tf.data.Dataset) -> tf.data.Dataset:
            return rows.batch(batch_size, drop_remainder=number == tf.data.INFINITE_CARDINALITY)

        images = batched(decode_records(records, self._checked)).prefetch(2).apply(known)
        return remembering(in_fixed_order(images), batched(records).apply(known), self._images)

    def _images(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Batches of raw images from batches of records, which may differ in size and be empty."""
        import tensorflow as tf

        def images(batch: tf.Tensor) -> tf.data.Dataset:
            decoded = decode_records(tf.data.Dataset.from_tensor_slices(batch), self._checked)
            none = tf.zeros((0, *self.image_shape), decoded.element_spec.dtype)  # of no records `batch` makes no batch
            some = decoded.batch(tf.maximum(tf.size(batch, tf.int64), 1))
            return some.concatenate(tf.data.Dataset.from_tensors(none)).take(1)

        shape, cardinality = (*batches.element_spec.shape, *self.image_shape), batches.cardinality()

        def of_known_shape(batch: tf.Tensor) -> tf.Tensor:
            return tf.ensure_shape(batch, shape)

        # Two batches at a time, so that no processor waits for the end of one. (`tf.map_fn` decodes one by one.)
        data = batches.interleave(images, cycle_length=2, num_parallel_calls=2, deterministic=True)
        data = data.map(of_known_shape).prefetch(2)
        if cardinality != tf.data.UNKNOWN_CARDINALITY:
            data = data.apply(tf.data.experimental.assert_cardinality(cardinality))
        return in_fixed_order(data)

    def _described(self, number: int) -> BadRecord:
        (part,) = records_between(self.parts, number, number + 1)
        (record,) = read_records(*columns([part]))
        unreadable: tuple[type[Exception], ...] = (*failures(), ValueError)
        try:
            self._checked(record)
            reason = "it did not decode before"  # and does now: the disk is not to be trusted
        except unreadable as error:
            reason = reason_of(error)
        return BadRecord(f"Record {part.skip} of {part.path} is no image of shape {self.image_shape}", reason)

    def _damaged(self, error: Exception) -> OSError:
        return OSError(f"{self._folder} is damaged: {reason_of(error)}.")

    def _gather(self, decode: Callable[[tf.Tensor], tf.Tensor]) -> np.ndarray:
        """What `decode` makes of all records, in one array that is filled batch by batch."""
        data = in_fixed_order(decode_records(read_records(*columns(self.parts)), decode).batch(_DECODED_AT_ONCE))
        spec = data.element_spec
        array, filled = np.empty((len(self), *spec.shape[1:]), spec.dtype.as_numpy_dtype), 0
        try:
            for batch in data:
                array[filled : filled + len(batch)] = batch
                filled += len(batch)
        except failures() as error:
            refuse(self, error)
            raise self._damaged(error) from error
        return array

    def _shuffled(self, seed: int, epoch: tf.Tensor, passed: tf.Tensor) -> tf.data.Dataset:
        """The records of one epoch in their random order, without the first `passed` of them."""
        import tensorflow as tf

        from tfvae.noise import Noise

        order = Noise(seed, epoch).permutation("order of files", len(self.parts))
        paths, skips, takes = (tf.gather(column, order) for column in columns(self.parts))
        first_block = passed // self.block
        before = first_block * self.block
        # How many of each file's records come before the first block that is needed.
        ahead = tf.clip_by_value(before - (tf.cumsum(takes) - takes), 0, takes)
        needed = ahead < takes
        records = read_records(*(tf.boolean_mask(each, needed) for each in (paths, skips + ahead, takes - ahead)))

        def permute(number: tf.Tensor, block: tf.Tensor) -> tf.Tensor:
            noise = Noise(seed, epoch, first_row=number * self.block)
            return tf.gather(block, noise.permutation("order in a block", tf.size(block)))

        blocks = records.batch(self.block).enumerate(first_block).map(permute)
        return blocks.unbatch().skip(passed - before)


@contextlib.contextmanager
def naming_bad_records(*splits: Any) -> Iterator[None]:
    """A failure in the block that comes from the files of a streamed split becomes an OSError that names the record.

    TensorFlow's own error knows neither file nor record. To find them, the images are decoded once more, up to the
    first bad one.
    """
    try:
        yield
    except failures() as error:
        for split in splits:
            if isinstance(split, StreamedSplit):
                refuse(split, error)
        raise


def refuse(split: StreamedSplit, cause: Exception) -> None:
    """Raises OSError about the first bad record of a split, if it has one."""
    bad = next(split.bad_records(), None)
    if bad is not None:
        raise OSError(f"{bad[1]}; {REMEDY}.") from cause
