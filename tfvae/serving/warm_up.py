"""Requests that TensorFlow Serving answers itself before it calls a version ready, so that no user waits for the first.

They are written with Serving's own messages, which the extra `serving` installs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfvae.serving.forms import as_files
from tfvae.serving.signatures import Field, Signature, with_default

FILE = Path("assets.extra/tf_serving_warmup_requests")
"""In the folder of a version: where Serving looks for them."""


def write(folder: Path, name: str, signatures: dict[str, Signature], shape: Sequence[int]) -> bool:
    """Writes one request of one row for each signature.

    Args:
        folder: of the version.
        name: of the model.
        signatures: by name.
        shape: of one example of the data.

    Returns:
        Whether Serving's messages are installed; nothing is written otherwise.
    """
    if importlib.util.find_spec("tensorflow_serving") is None:
        return False
    path = folder / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as records:
        for signature, each in with_default(signatures).items():
            records.write(_request(name, signature, each.inputs, shape).SerializeToString())
    return True


def _request(name: str, signature: str, inputs: dict[str, Field], shape: Sequence[int]) -> Any:
    """A request as Serving logs it: black images, latents and seeds of zero."""
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = name, signature
    for key, field in inputs.items():
        is_file = field.spec.dtype == tf.string
        row = as_files(tf.zeros([1, *shape])) if is_file else tf.zeros([1, *field.spec.shape[1:]], field.spec.dtype)
        request.inputs[key].CopyFrom(tf.make_tensor_proto(row.numpy()))
    return log
