"""The encoder and the decoder: a network whose output is a distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._support.finite import require_finite, require_input
from tfvae._support.layer_state import set_state_of_layers
from tfvae._support.precision import at_least_float32
from tfvae._support.serialization import SavedWhole
from tfvae.families import Family
from tfvae.networks.checks import built_body, refuse_quantization, require_body
from tfvae.preprocessing import Preprocessing
from tfvae.training import doors


@keras.saving.register_keras_serializable("tfvae")
class ConditionalDistribution(SavedWhole):
    """A Keras model that is called with tensors and returns a TFP distribution: q(z|x), p(x|z).

    It adds the layers between the network's features and the family's parameters itself (the head), so a network is a
    body only and nobody computes output sizes. The head and the distribution are float32 under mixed precision and
    float64 under a float64 policy.

    Args:
        network: a Keras model or layer, `[B, *input]` -> features. Features `[B, H, W, F]` whose H and W are those of
            an image event get a head of 1x1 convolutions; all others are flattened and get a dense head.
        family: the family of the distribution.

    Calling it: `[..., *input]` -> a distribution with batch shape `[...]`, event shape `family.event_shape`.
    `predict(...)` gives the distribution's mean as an array; the encoder of a `VAE` first applies the VAE's
    preprocessing, so it takes raw images there, also when it is saved, copied or pickled alone, and refuses what
    `VAE.predict` refuses, in the batches of a dataset too.

    Raises:
        FloatingPointError: `predict` is given numbers that are not finite or that overflow, a batch of raw data that
            are no images, or the mean is not finite.
        TypeError: an argument is of another kind; it is called with integers (raw grey levels have to be preprocessed
            first).
        ValueError: it is called with inputs of another shape than it was built for; when it is built: the network does
            not take such inputs, or gives something else than features `[B, ...]`.
    """

    built: bool

    def __init__(self, network: keras.Layer, family: Family, name: str | None = None):
        if not isinstance(network, keras.Layer) or not isinstance(family, Family):
            raise TypeError(
                "`network` must be a Keras layer or model and `family` a family of tfvae; "
                f"received {type(network).__name__} and {type(family).__name__}."
            )
        require_body("network", network)
        super().__init__(name=name, dtype=at_least_float32(network.variable_dtype))
        self.network, self.family = network, family
        self._family_layers = list(family.layers)  # Keras looks for them in attributes of layers only
        self.prepare: Callable[[Any], tf.Tensor] | None = None
        """From raw data to inputs: set by the model that this is the encoder of, and used by `predict` only."""
        self.look: doors.Look | None = None
        """Raises what is wrong with the shape of a batch for `prepare`; set beside it."""
        self.preprocess: Preprocessing | None = None
        """What `prepare` is made of, which an encoder that is saved alone takes along."""
        self.problems: Callable[[tf.Tensor], tf.Tensor] | None = None
        """How many of the raw data of a batch are no input, int32 scalar; set beside it."""
        self.take: Callable[[Any], Any] | None = None
        """From what `predict` is given to raw data that are checked; set beside it."""
        self._input_event_shape: tuple[int, ...] | None = None
        self._spatial_head = False

    @property
    def input_event_shape(self) -> tuple[int, ...]:
        """Shape of one input, without leading axes; ValueError before it is built."""
        if self._input_event_shape is None:
            raise ValueError(f"`{self.name}` is not built yet, so that the shape of its inputs is not known.")
        return self._input_event_shape

    def build(self, input_shape: Sequence[int | None]) -> None:
        event_shape = tuple(int(extent) for extent in input_shape[1:] if extent is not None)
        if self.built:
            if event_shape != self.input_event_shape:
                raise ValueError(
                    f"`{self.name}` was built for inputs of shape {self.input_event_shape}, and here they have shape "
                    f"{event_shape}."
                )
            return
        self._input_event_shape = event_shape
        self._features_shape = built_body(f"{self.name}.network", self.network, event_shape)
        features_shape = (None, *self._features_shape)
        event_shape, parameters = self.family.event_shape, self.family.parameters
        self._spatial_head = len(event_shape) == 3 and features_shape[1:-1] == event_shape[:-1]
        per_element = sum(p.size for p in parameters.values() if p.per == "element")
        per_example = sum(p.size for p in parameters.values() if p.per == "example")
        elements = event_shape[-1] if self._spatial_head else math.prod(event_shape)
        flat_features = (None, math.prod(self._features_shape))
        like_the_rest: dict[str, Any] = {"dtype": self.dtype_policy, "trainable": self.trainable}
        if per_element:
            self._element_head = keras.layers.Dense(per_element * elements, **like_the_rest, name="elements")
            self._element_head.build(features_shape if self._spatial_head else flat_features)
        if per_example:
            # From an image's features their average over positions: a dense layer on all of them would be huge.
            self._example_head = keras.layers.Dense(per_example, **like_the_rest, name="examples")
            self._example_head.build((None, features_shape[-1]) if self._spatial_head else flat_features)
        self._free = {
            name: self.add_weight(shape=(p.size,), initializer="zeros", dtype=self.variable_dtype, name=name)
            for name, p in parameters.items()
            if p.per == "model"
        }
        self.built = True
        if self._state_when_built:
            set_state_of_layers(self, self._state_when_built)

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> tfp.distributions.Distribution:
        # Checked here, because Keras puts a frame of many lines around what `call` raises.
        if not isinstance(inputs, keras.KerasTensor):
            inputs = tf.convert_to_tensor(inputs)
            self._check_inputs(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def _check_inputs(self, inputs: tf.Tensor) -> None:
        if not inputs.dtype.is_floating:
            raise TypeError(
                f"`{self.name}` takes preprocessed floats; received {inputs.dtype.name}. "
                "Pass raw images to the whole model or to `predict`, or preprocess them first."
            )
        self.require_shape(inputs.shape)
        levels = getattr(self.preprocess, "makes", "") == "levels" and tf.executing_eagerly() and tf.size(inputs)
        if levels and (most := float(tf.reduce_max(inputs))) > 2 and tf.reduce_all(inputs == tf.round(inputs)):
            raise ValueError(
                f"`{self.name}` takes grey values, `preprocess.grey(x)`; received levels up to {most:g}. The model's "
                "`posterior(x)` takes levels."
            )

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tfp.distributions.Distribution:
        # Keras' functional models drop or mix leading axes, so the network only ever sees one.
        leading = _leading_shape(inputs, len(self.input_event_shape))
        flat = inputs if len(leading) == 1 else tf.reshape(inputs, [-1, *self.input_event_shape])
        features = tf.cast(self.network(flat, training=training), self.compute_dtype)
        features = tf.ensure_shape(features, [None, *self._features_shape])
        return self.family.distribution(**self._parameters(features, leading))

    def start_at(self, mean: np.ndarray) -> None:
        """Sets the biases of the head so that features of zero give a distribution with about this mean.

        A decoder that starts at the mean of the data need not learn it first, and fewer latent dimensions die of what
        it does meanwhile. Call it before training, once the model is built.

        Args:
            mean: `[*event]`, of x. Of images under a head of 1x1 convolutions, whose biases are the same everywhere,
                the average over positions is taken.

        Raises:
            ValueError: the mean has another shape than x.
            NotImplementedError: the family does not say for which parameters it has a given mean.
        """
        event_shape = self.family.event_shape
        if np.shape(mean) != event_shape:
            raise ValueError(f"`mean` must have the shape of x, {event_shape}; received {np.shape(mean)}.")
        if self._spatial_head:
            mean = np.broadcast_to(np.mean(mean, axis=(0, 1)), event_shape)
        known = self.family.parameters_at(mean)
        bias, start = self._element_head.bias.numpy(), 0
        for name, parameter in self.family.parameters.items():
            if parameter.per != "element":
                continue
            size = parameter.size * (event_shape[-1] if self._spatial_head else math.prod(event_shape))
            if name in known:
                value = known[name][0, 0] if self._spatial_head else known[name]
                bias[start : start + size] = np.ravel(value)
            start += size
        self._element_head.bias.assign(bias)

    def require_shape(self, shape: tf.TensorShape) -> None:
        """ValueError unless that is the shape of inputs; any shape will do as long as it is not built."""
        wanted = self._input_event_shape
        if wanted is not None and tuple(shape[-len(wanted) :]) != tuple(wanted):
            raise ValueError(
                f"`{self.name}` was built for inputs of shape (..., {', '.join(map(str, wanted))}); "
                f"received {tuple(shape)}."
            )

    def quantize(self, mode: Any = None, config: Any = None, **kwargs: Any) -> None:
        """Not done: raises NotImplementedError."""
        refuse_quantization(self.name)

    def predict_step(self, data: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """The means for a batch, and `[1]`, how many of its raw data are no input: what `predict` refuses."""
        raw = tf.convert_to_tensor(keras.utils.unpack_x_y_sample_weight(data)[0])
        problems = self._problems(raw)
        inputs = self._prepared(raw)
        if not self.built:
            self.build((None, *inputs.shape[1:]))
        # Keras traces this for inputs of any rank once it has seen two, so that leading axes are not known.
        leading = tf.shape(inputs)[: -len(self.input_event_shape)]
        means = self(tf.reshape(inputs, [-1, *self.input_event_shape]), training=False).mean()
        means = tf.reshape(means, tf.concat([leading, self.family.event_shape], axis=0))
        return means, tf.cast(problems, means.dtype)[tf.newaxis]

    def make_predict_function(self, force: bool = False) -> Any:
        def look(shape: tf.TensorShape) -> None:
            if self.look is not None:
                self.look(shape)
            elif self.preprocess is None or tuple(shape[1:]) != self.input_event_shape[:-1]:
                self.require_shape(shape)

        return doors.make_predict_function(self, super().make_predict_function, look, force)

    def predict(self, x: Any, batch_size: int | None = None, *args: Any, **kwargs: Any) -> Any:
        """Keras' `predict`: the mean of the distribution for each input.

        Raises:
            ValueError: there are no inputs, some of another shape, or raw data of an encoder that are no images.
        """
        if self.take is None:
            require_input(self.name, doors.required("`x`", x))
        with doors.some_examples(batch_size):
            means = super().predict(x if self.take is None else self.take(x), batch_size, *args, **kwargs)
        require_finite(f"The means of `{self.name}`", means)
        return means

    def predict_on_batch(self, x: Any) -> Any:
        """Keras' `predict_on_batch`; several replicas share the batch."""
        require_input(self.name, x)
        means = super().predict_on_batch(doors.among_replicas(x, self.distribute_strategy))
        require_finite(f"The means of `{self.name}`", means)
        return means

    def _problems(self, raw: tf.Tensor) -> tf.Tensor:
        """How many of a batch of raw data are no input; 0 where `predict` is not given raw data."""
        if self.problems is not None:
            return self.problems(raw)
        if self.preprocess is not None:
            return self.preprocess.problems(tf.reshape(raw, [-1, *self.input_event_shape]))
        return tf.constant(0)

    def _prepared(self, raw: tf.Tensor) -> tf.Tensor:
        """Inputs for what `predict` is given."""
        if self.prepare is not None:
            return self.prepare(raw)
        if self.preprocess is not None:
            # The last axis of one channel may be missing.
            return self.preprocess.grey(self.preprocess(tf.reshape(raw, [-1, *self.input_event_shape])))
        if not raw.dtype.is_floating:
            raise TypeError(
                f"`{self.name}` is not the encoder of a model and has no preprocessing: `predict` takes floats as the "
                f"network does; received {raw.dtype.name}. The encoder of a whole model takes raw images."
            )
        return raw

    def _parameters(self, features: tf.Tensor, leading: list[Any]) -> dict[str, tf.Tensor]:
        """The family's parameters by name, `[*leading, ...]`."""
        event_shape, wanted = self.family.event_shape, self.family.parameters
        flat = features if self._spatial_head else tf.reshape(features, [-1, math.prod(features.shape[1:])])
        values: dict[str, tf.Tensor] = {name: variable.value for name, variable in self._free.items()}
        names = [name for name, p in wanted.items() if p.per == "element"]
        if names:
            depth = event_shape[-1] if self._spatial_head else math.prod(event_shape)
            parts = tf.split(self._element_head(flat), [wanted[name].size * depth for name in names], axis=-1)
            for name, part in zip(names, parts, strict=True):
                size = wanted[name].size
                values[name] = tf.reshape(part, [*leading, *event_shape] + ([size] if size > 1 else []))
        names = [name for name, p in wanted.items() if p.per == "example"]
        if names:
            pooled = tf.reduce_mean(flat, axis=[1, 2]) if self._spatial_head else flat
            parts = tf.split(self._example_head(pooled), [wanted[name].size for name in names], axis=-1)
            for name, part in zip(names, parts, strict=True):
                values[name] = tf.reshape(part, [*leading, wanted[name].size])
        return values

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.preprocess is not None:
            config["preprocess"] = keras.saving.serialize_keras_object(self.preprocess)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ConditionalDistribution:
        whole = super().from_config({name: value for name, value in config.items() if name != "preprocess"})
        whole.preprocess = keras.saving.deserialize_keras_object(config.get("preprocess"))
        return whole

    def get_build_config(self) -> dict[str, Any] | None:
        return {"input_shape": [None, *self.input_event_shape]} if self.built else None

    def build_from_config(self, config: dict[str, Any]) -> None:
        self.build(config["input_shape"])


def _leading_shape(inputs: tf.Tensor, event_rank: int) -> list[Any]:
    """Sizes before the event: ints where they are known, else scalar tensors."""
    static = inputs.shape[: inputs.shape.rank - event_rank].as_list()
    return [tf.shape(inputs)[axis] if extent is None else extent for axis, extent in enumerate(static)]
