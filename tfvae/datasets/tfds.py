"""Image datasets of TensorFlow Datasets: in memory where they are small, streamed where they are not."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tfvae.datasets.arrays import check_channels
from tfvae.datasets.bad_records import BadRecord
from tfvae.datasets.resizing import resize
from tfvae.datasets.splits import Dataset, hold_out_test
from tfvae.datasets.streams import Part, StreamedSplit

if TYPE_CHECKING:
    import tensorflow as tf

PREFIX = "tfds:"
TRUST = "TFVAE_TRUST_DATA"
MEMORY_LIMIT = 2**30
"""Bytes of decoded images, training and test together, up to which a dataset is held in memory."""
BLOCK_BYTES = 2**27
"""Bytes of encoded images that are shuffled among themselves where a dataset is streamed."""
MOST_IN_A_BLOCK = 16_384


def load(
    name: str,
    size: tuple[int, int] | None,
    test_size: int | None,
    data_dir: str | os.PathLike | None,
    skip: bool = False,
    trust: bool = False,
) -> Dataset:
    """Return a dataset of TensorFlow Datasets that has one image in each example.

    What is not prepared yet in `data_dir` is downloaded, which needs a network. Images are counted in the order of the
    records in the files, which TensorFlow Datasets shuffles when it writes them. The training images are the split
    `train`. The test images are `test`, else `validation`, else the first `test_size` of the training images.

    Args:
        name: as in `tfds.load`: "NAME", "NAME/CONFIG" or "NAME/CONFIG:VERSION".
        size: height and width to resize to; needed where the images have several.
        test_size: number of images to hold out for the test where there is no split for it; a tenth if None.
        data_dir: folder of prepared datasets; None for the environment variable TFDS_DATA_DIR or
            ~/tensorflow_datasets.
        skip: leave out records that are no images, for which all images are decoded once before anything else.
        trust: import Python modules that the prepared data name; the environment variable TFVAE_TRUST_DATA=1 does too.

    Raises:
        ValueError: there is no such dataset, or it is not one image an example, or `test_size` does not fit, or the
            data name Python modules and are not trusted.
        OSError: the dataset is not there and cannot be downloaded, or it is damaged.
    """
    builder = _builder(name, data_dir, trust or os.environ.get(TRUST) == "1")
    read = _Reader(builder, name, size)
    training_name, test_name = _split_names(builder.info.splits, name)
    train: Any
    train, skipped = read.split(training_name, skip)
    test: Any
    if test_name is None:
        train, test, origin = hold_out_test(train, test_size, seed=None)
    elif test_size is not None:
        raise ValueError(f"`test_size` must not be given: {name} has a split {test_name!r}; received {test_size}.")
    else:
        test, of_test = read.split(test_name, skip)
        skipped, origin = skipped + of_test, f"the split {test_name!r} of TensorFlow Datasets"
    if (len(train) + len(test)) * int(np.prod(read.image_shape)) <= MEMORY_LIMIT:
        train, test = train.first(len(train)), test.first(len(test))
    return Dataset(PREFIX + name, train, test, read.class_names, origin, in_random_order=True, skipped=skipped)


class _Reader:
    """Makes splits of a prepared dataset.

    Args:
        builder: the dataset's.
        name: of the dataset, for errors.
        size: height and width to resize to, if any.

    Raises:
        ValueError: its examples are not one image each, or the images have several sizes and `size` is None.
    """

    def __init__(self, builder: Any, name: str, size: tuple[int, int] | None) -> None:
        import tensorflow_datasets as tfds

        self._info, self._size, features = builder.info, size, builder.info.features
        self._key = key = _image_key(features, name)
        *stored, channels = features[key].shape
        check_channels(channels, f"The images of {name}")
        if size is None and None in stored:
            raise ValueError(f"`image_size` must be given: the images of {name} have several sizes.")
        if builder.info.file_format and builder.info.file_format.value != "tfrecord":
            raise ValueError(
                f"{name} must be prepared as TFRecord files (file_format='tfrecord'); "
                f"received {builder.info.file_format.value}."
            )
        self.image_shape = (*(size or stored), channels)
        # Features of their own, so that nothing else in an example is parsed or decoded.
        self._image = tfds.features.FeaturesDict({key: features[key]})
        label = dict(features.items()).get("label")
        labelled = isinstance(label, tfds.features.ClassLabel)
        self._label = tfds.features.FeaturesDict({"label": label}) if labelled else None
        self.class_names: tuple[str, ...] = tuple(features["label"].names) if labelled else ()

    def split(self, name: str, skip: bool) -> tuple[StreamedSplit, tuple[BadRecord, ...]]:
        """A split, if asked for without the records that are no images, and those."""
        whole = self._split(name)
        bad = dict(whole.bad_records()) if skip else {}
        return (whole.without(bad) if bad else whole), tuple(bad.values())

    def _split(self, name: str) -> StreamedSplit:
        info = self._info.splits[name]
        parts = tuple(Part(os.fspath(each.filename), each.skip, each.take) for each in info.file_instructions)
        record_bytes = max(1, info.num_bytes // max(1, info.num_examples))
        block = int(min(max(1, BLOCK_BYTES // record_bytes), MOST_IN_A_BLOCK))
        return StreamedSplit(
            parts, self._decode_image, None if self._label is None else self._decode_label, self.image_shape, block
        )

    def _decode_image(self, record: tf.Tensor) -> tf.Tensor:
        import tensorflow as tf

        image = self._image.deserialize_example(record)[self._key]
        return tf.ensure_shape(image if self._size is None else resize(image, self._size), self.image_shape)

    def _decode_label(self, record: tf.Tensor) -> tf.Tensor:
        assert self._label is not None
        return self._label.deserialize_example(record)["label"]


def _image_key(features: Any, name: str) -> str:
    import tensorflow_datasets as tfds

    images = [
        key
        for key, feature in (features.items() if isinstance(features, tfds.features.FeaturesDict) else ())
        if isinstance(feature, tfds.features.Image) and not isinstance(feature, tfds.features.LabeledImage)
    ]
    if "image" not in images and len(images) != 1:
        raise ValueError(
            f"{name} must have one image in each example, which is called `image` if there are more; "
            f"received {', '.join(sorted(images)) or 'none'}."
        )
    key = "image" if "image" in images else images[0]
    if features[key].np_dtype != np.uint8:
        raise ValueError(f"The images of {name} must be uint8; received {np.dtype(features[key].np_dtype)}.")
    return key


def _split_names(splits: Any, name: str) -> tuple[str, str | None]:
    """The names of the training split and of the test split, if there is one."""
    filled = [key for key, info in splits.items() if info.num_examples]
    if "train" not in filled and len(filled) != 1:
        raise ValueError(
            f"{name} must have a split 'train', or one split only; received {', '.join(sorted(filled)) or 'none'}."
        )
    training = "train" if "train" in filled else filled[0]
    return training, next((key for key in ("test", "validation") if key in filled and key != training), None)


class _NotTrusted(ValueError):
    """Data would run code of their own."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"{PREFIX}{name} {what}, whose code would be run; if you trust it, set `trust_data` or the environment "
            f"variable {TRUST}=1."
        )


@contextlib.contextmanager
def _own_features_only(name: str) -> Iterator[None]:
    """Lets TensorFlow Datasets import no module of others in the block.

    `features.json` of a prepared dataset names a class for each feature, and `FeatureConnector.cls_from_name` of
    TensorFlow Datasets 4.9.10, through which all these names go, imports its module whatever it is.
    """
    import tensorflow_datasets as tfds

    from tfvae._support.private import is_registered_feature

    feature = tfds.features.FeatureConnector
    original = feature.cls_from_name

    def guarded(class_name: str) -> Any:
        if not is_registered_feature(class_name) and not class_name.startswith("tensorflow_datasets."):
            raise _NotTrusted(name, f"has a feature of the Python class {class_name!r}")
        return original(class_name)

    feature.cls_from_name = staticmethod(guarded)
    try:
        yield
    finally:
        feature.cls_from_name = original


def _builder(name: str, data_dir: str | os.PathLike | None, trust: bool) -> Any:
    """The builder of the dataset, with its files in place."""
    import tensorflow_datasets as tfds

    folder = None if data_dir is None else os.fspath(data_dir)
    if not trust and re.match(r"[\w-]+:[A-Za-z_]", name):
        raise _NotTrusted(name, "is of a namespace outside of TensorFlow Datasets")
    try:
        with contextlib.nullcontext() if trust else _own_features_only(name):
            builder = tfds.builder(name, data_dir=folder)
    except _NotTrusted:
        raise
    except tfds.core.DatasetNotFoundError as error:
        near = difflib.get_close_matches(name.lower(), tfds.list_builders())
        hint = f" Did you mean {' or '.join(repr(PREFIX + each) for each in near)}?" if near else ""
        raise ValueError(f"TensorFlow Datasets has no dataset {name!r}.{hint}") from error
    except Exception as error:  # a name, configuration or version that is none; of several classes
        raise ValueError(f"TensorFlow Datasets has no dataset {name!r}: {_first_line(error)}") from error
    if not builder.is_prepared():
        try:
            builder.download_and_prepare()
        except Exception as error:  # it raises all sorts of things, without a network and with one
            raise OSError(
                f"{PREFIX}{name} is not prepared in {builder.data_dir} and could not be downloaded "
                f"({_first_line(error)}); prepare "
                f"it where there is a network and copy that folder here, `data_dir` or TFDS_DATA_DIR being its root "
                f"{os.fspath(builder.data_dir_root)}."
            ) from error
    return builder


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
