"""Data in the forms that users hand to `fit`, `evaluate` and `predict`, turned into what Keras takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfvae._support import private
from tfvae._support.checks import check_batch_sizes
from tfvae.datasets.batches import untuned
from tfvae.datasets.splits import Split
from tfvae.raw_images import refuse_masked
from tfvae.training.doors import NO_EXAMPLES, is_empty, required

if TYPE_CHECKING:
    from tfvae.models.model import GuardedModel

_IMAGE, _LABEL = "image", "label"  # the names of TensorFlow Datasets


def for_training(model: GuardedModel, x: Any, y: Any, options: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """Return `x`, `y` and the options of `fit` as Keras takes them; see `checked`.

    Args:
        model: the model that is trained.
        x, y: training data and labels.
        options: other arguments of `fit`, of which `validation_data` is checked as well.

    Raises:
        ValueError: arrays hold no images, there is no validation example, or `class_weight` is given without labels.
    """
    x, y = checked(model, required("`x`", x), y)
    check_batch_sizes(batch_size=options.get("batch_size"), validation_batch_size=options.get("validation_batch_size"))
    if options.get("class_weight") is not None and y is None and (not _is_stream(x) or _lacks_labels(x)):
        raise ValueError("`class_weight` needs labels, `y`; weigh examples without labels by `sample_weight`.")
    if "sample_weight" in options:
        options = options | {"sample_weight": weights(options["sample_weight"])}
    if options.get("sample_weight") is not None and y is None:
        y = x  # or Keras drops the weights
    validation = _for_validation(model, options.get("validation_data"))
    if validation is not None and is_empty(validation):
        raise ValueError(f"`validation_data`: {NO_EXAMPLES}")
    return x, y, options | {"validation_data": validation}


def for_evaluation(
    model: GuardedModel, x: Any, y: Any, sample_weight: Any, batch_size: Any
) -> tuple[Any, Any, np.ndarray | None]:
    """Return `x`, `y` and `sample_weight` of `evaluate` as Keras takes them; raises as `checked` and `weights` do."""
    (x, y), sample_weight = checked(model, required("`x`", x), y), weights(sample_weight)
    check_batch_sizes(batch_size=batch_size)
    return x, x if sample_weight is not None and y is None else y, sample_weight  # or Keras drops the weights


def for_prediction(model: GuardedModel, x: Any) -> Any:
    """Return `x` of `predict` as Keras takes it; raises as `checked` does."""
    return checked(model, required("`x`", x), whole=False)[0]


def _for_validation(model: GuardedModel, given: Any) -> Any:
    if not isinstance(given, list | tuple):
        return checked(model, given, what="`validation_data`")[0]
    images, labels, of_images = keras.utils.unpack_x_y_sample_weight(given)
    images, labels = checked(model, images, labels, what="`validation_data`")
    if len(given) == 3 and labels is None:
        labels = images  # or Keras drops the weights
    return (images, labels, weights(of_images))[: max(2, len(given))]


def with_own(own: Sequence[keras.callbacks.Callback], callbacks: Any, model: GuardedModel) -> Any:
    """Callbacks of a `fit`, after the model's own."""
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        return [*own, *tf.nest.flatten(callbacks or [])]
    callbacks.callbacks[:0] = own  # before the history, which takes figures as it finds them
    callbacks.set_model(model)
    callbacks.set_params(callbacks.params)
    return callbacks


def checked(model: GuardedModel, x: Any, y: Any = None, what: str = "`x`", whole: bool = True) -> tuple[Any, Any]:
    """Return `x` and `y` as Keras takes them.

    Arrays are checked by value, all at once; the batches of a dataset are checked in the step. A dict is taken as
    TensorFlow Datasets make them: its `image` is x, its `label` is y. A list holds one array, or the single examples.
    Labels that are text are left out: no tensor of a model can be made of them.
    TensorFlow tunes none of these datasets: see `untuned`.

    Args:
        model: the model that the data are for.
        x: arrays, tensors, a list or a dict of them, or a dataset of batches.
        y: labels, or None.
        what: names x in errors.
        whole: x is a set of images; see `Preprocessing.check`.

    Raises:
        ValueError: arrays hold no images, or a list or a dict other things.
        TypeError: x is a split.
    """
    private.change_datasets_of_devices(untuned)
    if isinstance(x, Split):
        raise TypeError(f"{what} is a `Split`; pass its `images`, or its `batches(...)` or `in_order(...)`.")
    if isinstance(x, tf.data.Dataset):
        return untuned(_without_names(x, what)), y
    if _is_stream(x):
        return x, y
    if isinstance(x, Mapping):
        image, label = _of_dict(x, what)
        x, y = image, label if y is None else y
    if isinstance(x, list | tuple):
        x = _as_array(x, tuple(model.data_shape), what)
    if hasattr(x, "__array__"):
        model.preprocess.check(required(what, x), what, whole)
    refuse_masked(y, "`y`")
    if isinstance(y, list | tuple):
        y = np.asarray(y)
    return x, None if y is not None and _is_text(y) else y


def weights(sample_weight: Any) -> Any:
    """Return the weights of examples in arrays as an array.

    Raises:
        ValueError: they are not numbers from 0 on, one for each example, of which one is above 0.
    """
    if sample_weight is None or not (isinstance(sample_weight, list | tuple) or hasattr(sample_weight, "__array__")):
        return sample_weight
    refuse_masked(sample_weight, "`sample_weight`")
    found = np.asarray(sample_weight)
    if found.shape[1:] not in ((), (1,)) or not found.ndim or found.dtype.kind not in "biufV":  # V of bfloat16
        raise ValueError(
            f"`sample_weight` must hold a number for each example; received {found.dtype} of shape {found.shape}."
        )
    with np.errstate(over="ignore"):
        values = found.astype(np.float32)  # as the averages are
        if not np.isfinite(values).all() or not np.isfinite(values.sum()):
            raise ValueError("`sample_weight` holds values that are not finite, or whose sum is not in float32.")
    if (values < 0).any():
        raise ValueError(f"`sample_weight` must hold numbers from 0 on; received {values.min():g}.")
    if len(values) and not values.any():
        raise ValueError("`sample_weight` must be above 0 for some example: an average over none has no value.")
    return found


def _lacks_labels(x: Any) -> bool:
    spec = x.element_spec if isinstance(x, tf.data.Dataset) else (None, None)
    return not isinstance(spec, tuple) or len(spec) < 2


def _is_stream(x: Any) -> bool:
    """Whether the data come batch by batch, or are no data at all."""
    arrays = isinstance(x, list | tuple | Mapping) or hasattr(x, "__array__")
    return x is None or isinstance(x, tf.data.Dataset) or not arrays


def _without_names(data: tf.data.Dataset, what: str) -> tf.data.Dataset:
    """The dataset; where its elements are dicts or have labels that are text, one of images and other labels."""
    spec = data.element_spec
    if isinstance(spec, Mapping):
        has_label = _of_dict(spec, what)[1] is not None and not _is_text(spec[_LABEL])
        data = data.map(lambda each: (each[_IMAGE], each[_LABEL]) if has_label else each[_IMAGE])
    elif isinstance(spec, tuple) and len(spec) > 1 and isinstance(spec[1], tf.TensorSpec) and _is_text(spec[1]):
        # Weights need something in the place of labels, or Keras drops them.
        data = data.map(lambda x, _, *weights: (x, x, *weights) if weights else x)
    return data


def _of_dict(given: Mapping[str, Any], what: str) -> tuple[Any, Any]:
    if _IMAGE not in given:
        raise ValueError(
            f"{what} holds dicts of {', '.join(f'`{key}`' for key in given) or 'nothing'}: name the images `image` and "
            "labels `label`, or turn each dict into (image, label), by `map` in a dataset."
        )
    return given[_IMAGE], given.get(_LABEL)


def _as_array(given: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """One array of a list of one, or of single examples."""
    for each in given:
        refuse_masked(each, what)
    arrays = [np.asarray(each) for each in given]
    if len(arrays) == 1 and arrays[0].ndim >= len(shape):
        one = arrays[0]
        return one[np.newaxis] if one.shape == shape else one
    sizes = {each.shape for each in arrays}
    if len(sizes) == 1 and sizes <= {shape, shape[:-1] if shape[-1:] == (1,) else shape}:
        return np.stack(arrays)
    found = ", ".join(str(size) for size in sorted(sizes)[:3]) + (", ..." if len(sizes) > 3 else "")
    raise ValueError(
        f"{what} is a list of {len(arrays)} arrays of shape {found}; pass one array of examples of shape {shape}, such "
        "as `np.stack` or `np.concatenate` makes of them."
    )


def _is_text(labels: Any) -> bool:
    """Whether labels, or the specification of some, are text."""
    dtype = getattr(labels, "dtype", None)
    if not isinstance(dtype, np.dtype):
        return dtype == tf.string
    return dtype.kind in "SU" or (dtype.kind == "O" and all(isinstance(each, str | bytes) for each in labels.flat))
