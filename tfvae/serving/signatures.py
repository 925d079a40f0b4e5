"""The signatures of an exported model: each answer, in each form of its images."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from tfvae._support.finite import LARGEST
from tfvae.raw_images import BAD_INPUT
from tfvae.serving.answers import Answers
from tfvae.serving.blocks import Tensors, in_blocks
from tfvae.serving.forms import FILE, FILE_SUFFIX, Form, as_files, forms, gives_files
from tfvae.serving.meanings import SEED, Z, meaning

DEFAULT = "reconstruct"
"""What a request gets that names no signature, where the model can do it."""


class Field(NamedTuple):
    """An input or output. Attributes: spec, `[None, ...]`; meaning, with the unit."""

    spec: tf.TensorSpec
    meaning: str


class Signature(NamedTuple):
    """Attributes: function, a concrete one to be saved; inputs and outputs by name."""

    function: Any
    inputs: dict[str, Field]
    outputs: dict[str, Field]


class _Answer(NamedTuple):
    """Attributes: takes, the arguments of the method of `Answers`; image, which output is one, if any."""

    takes: tuple[str, ...]
    image: str | None = None


_ANSWERS = {
    "encode": _Answer(("image",)),
    "encode_sample": _Answer(("image", "seed")),
    "decode": _Answer(("z",), image="mean"),
    "reconstruct": _Answer(("image",), image="image"),
    "sample": _Answer(("seed",), image="image"),
    "log_likelihood": _Answer(("image", "seed")),
    "anomaly_score": _Answer(("image",)),
}


def with_default(signatures: dict[str, Signature]) -> dict[str, Signature]:
    """The signatures, and once more the one that a request gets which names none."""
    if DEFAULT not in signatures:
        return signatures
    return signatures | {tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY: signatures[DEFAULT]}


def signatures(answers: Answers) -> tuple[dict[str, Signature], dict[str, str]]:
    """The signatures of a model by name, and a sentence for each answer that it lacks.

    `encode`, `reconstruct` and so on take levels, uint8; the same with `_float` grey values in [0, 1], with `_bytes`
    PNG or JPEG files. Where the answer is an image, `_bytes` gives it as a PNG file.
    """
    found: dict[str, Signature] = {}
    missing: dict[str, str] = {}
    # Once for all answers, so that what reads files is traced and saved once.
    taken = forms(answers.model.preprocess, answers.model.data_shape)
    for name in _ANSWERS:
        try:
            found |= _in_all_forms(answers, name, taken)
        except NotImplementedError as reason:
            missing[name] = str(reason)
    return found, missing


def _in_all_forms(answers: Answers, name: str, taken: list[Form]) -> dict[str, Signature]:
    # One function, so that it is traced and saved once for all forms of the same type.
    block = tf.function(lambda given: getattr(answers, name)(**given), autograph=False)
    if "image" in _ANSWERS[name].takes:
        return {name + form.suffix: _signature(answers, name, block, form) for form in taken}
    found = {name: _signature(answers, name, block)}
    if gives_files(answers.model.preprocess, answers.model.data_shape):
        found[name + FILE_SUFFIX] = _signature(answers, name, block, as_file=True)
    return found


def _signature(answers: Answers, name: str, block: Any, form: Form | None = None, as_file: bool = False) -> Signature:
    """One answer in one form; an image is answered in the form that images are taken in."""
    takes, image = _ANSWERS[name]
    inputs = {key: field for each in takes for key, field in _input(answers, each, form).items()}

    def serve(*values: tf.Tensor) -> Tensors:
        # The C API takes inputs of any shape, and a later operation would speak of its own operands.
        shaped = (tf.ensure_shape(each, spec.shape, name=spec.name) for each, spec in zip(values, specs, strict=True))
        given = dict(zip(takes, shaped, strict=True))
        _check_rows(given)
        if form is not None:
            given["image"] = form.read(given["image"])
        _check_values(answers, given)
        found = in_blocks(block, given)
        for key, each in found.items():
            _assert(tf.reduce_all(tf.math.is_finite(each)), f"`{key}` is not finite: the input is too large.")
        if image is None or not (as_file or (form is not None and form.suffix == FILE_SUFFIX)):
            return found
        grey = found[image] if image == "image" else answers.model.preprocess.grey(found[image])
        return {key: each for key, each in found.items() if key == "z"} | {FILE: as_files(grey)}

    specs = [tf.TensorSpec(field.spec.shape, field.spec.dtype, key) for key, field in inputs.items()]
    function = tf.function(serve, autograph=False, input_signature=specs).get_concrete_function()
    outputs = {
        key: Field(tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype), meaning(answers, name, key))
        for key, tensor in function.structured_outputs.items()
    }
    return Signature(function, inputs, outputs)


def _input(answers: Answers, name: str, form: Form | None) -> dict[str, Field]:
    """An argument of an answer as an input, by the input's name."""
    if form is not None and name == "image":
        return {form.field: Field(form.spec, form.meaning)}
    if name == "seed":
        return {"seed": Field(tf.TensorSpec([None], tf.int64), SEED)}
    return {"z": Field(tf.TensorSpec([None, *answers.latent_shape], tf.float32), Z)}


def _check_rows(given: Tensors) -> None:
    """In a graph: an error unless there are equally many rows of everything."""
    first, *others = (tf.shape(tensor)[0] for tensor in given.values())
    for other in others:
        tf.debugging.assert_equal(first, other, message="All inputs must have the same number of rows.")


def _check_values(answers: Answers, given: Tensors) -> None:
    """In a graph: an error for images that are none, and for latents that are not finite."""
    if "image" in given:
        # Each row by itself: a server may put rows of several clients together.
        tf.debugging.Assert(~tf.reduce_any(answers.model.preprocess.bad(given["image"])), [BAD_INPUT])
    if "z" in given:
        # NaN is not below anything.
        _assert(tf.reduce_all(tf.abs(given["z"]) < LARGEST), "`z` must be finite, and below 2^64 in size.")


def _assert(condition: tf.Tensor, sentence: str) -> None:
    tf.debugging.Assert(condition, [sentence])
