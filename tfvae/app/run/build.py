"""From settings to a model that is ready to train: its parts, first weights, optimiser and way of running steps."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfvae._support.devices import replicas
from tfvae.app.run.folder import model_of
from tfvae.app.settings import Settings, recipe_of
from tfvae.models import GuardedModel
from tfvae.noise import Noise
from tfvae.recipes.options import LOOKED_AT, call
from tfvae.training.choice import Choice, by_measurement, by_rule, estimated_seconds

_WORTH_MEASURING = 30  # seconds of training by estimate: measuring takes five to ten


def model(settings: Settings, image_shape: Sequence[int], steps_per_epoch: int) -> GuardedModel:
    """The model of the settings' recipe, not compiled, its weights drawn by the settings' seed."""
    keras.utils.set_random_seed(settings.seed)
    context = {
        "image_shape": tuple(image_shape), "steps_per_epoch": steps_per_epoch, "epochs": settings.epochs,
        "seed": settings.seed,
    }  # fmt: skip
    with _policy(settings.precision):
        made = call(recipe_of(settings), settings.model.options, context)
    if not isinstance(made, GuardedModel):
        raise ValueError(
            f"The recipe {settings.model.name!r} must return a model of tfvae, such as `tfvae.VAE`; it returned "
            f"{'None' if made is None else f'a `{type(made).__name__}`'}."
        )
    if settings.patience is not None and not made.judged_by_loss:
        raise ValueError(f"`patience` waits for a better val_loss, which does not judge a {type(made).__name__}.")
    return made


def optimizer(
    settings: Settings, steps_per_epoch: int, adam: Mapping[str, float] | None = None
) -> keras.optimizers.Optimizer:
    """The optimiser of the settings.

    Args:
        settings: the run's.
        steps_per_epoch: steps of an epoch, for the schedule.
        adam: momenta that the model asks for, if any.
    """
    rate: Any = settings.scaled_learning_rate
    if settings.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, settings.epochs * steps_per_epoch)
    more: dict[str, Any] = {} if settings.averaging is None else {"use_ema": True, "ema_momentum": settings.averaging}
    made = keras.optimizers.Adam(rate, epsilon=settings.epsilon, global_clipnorm=settings.clip, **more, **(adam or {}))
    # `compile` does this by itself only where the model's own policy is float16, and a VAE's never is.
    return keras.optimizers.LossScaleOptimizer(made) if settings.precision == "float16" else made


def start(model: GuardedModel, settings: Settings, images: Any) -> None:
    """Gives a new model the weights that its training begins with, where the seed does not decide them alone.

    Args:
        model: new.
        settings: the run's.
        images: training split, of which 10,000 images are looked at.

    Raises:
        ValueError: the settings do not fit the data, or the weights of another run do not fit the model.
    """
    if settings.start_at_mean:
        if not hasattr(getattr(model, "decoder", None), "start_at"):
            raise ValueError(f"`start_at_mean` is not for this model: `{type(model).__name__}` has no decoder.")
        try:
            model.decoder.start_at(np.asarray(np.mean(_examples(model, images), axis=0, dtype=np.float64)))
        except NotImplementedError as error:
            raise ValueError(f"`start_at_mean` is not for this model: {error}") from None
    if settings.weights is not None:
        _take_weights(model, Path(settings.weights))
    elif model.starts_from_data:
        model.start_at(_examples(model, images), settings.seed)


def choose(
    settings: Settings, model: GuardedModel, optimizer: keras.optimizers.Optimizer, images: Any, steps_per_epoch: int
) -> Choice:
    """The way to compile the model: `xla` and `steps_per_execution` of the settings, measured where they are None."""
    xla, steps, batch_size = settings.xla, settings.steps_per_execution, settings.batch_size
    if replicas() > 1:
        if (steps or 1) > 1:
            raise ValueError(f"`steps_per_execution` of {replicas()} replicas must be 1; received {steps}.")
        return by_rule(model, batch_size, xla)
    if xla is None and steps is not None and steps > 1:
        xla = True
    if xla is not None and steps is not None:
        return Choice(xla, steps, "by the settings")
    if estimated_seconds(model, batch_size) * steps_per_epoch * settings.epochs < _WORTH_MEASURING:
        choice = by_rule(model, batch_size, xla)
    else:
        choice = by_measurement(model, optimizer, images.first(batch_size).images, xla)
    return dataclasses.replace(choice, steps_per_execution=steps or choice.steps_per_execution)


def resolved(settings: Settings, model: GuardedModel) -> Settings:
    """The settings with what the model was compiled with where they say nothing: they repeat the run bit for bit."""
    xla = model.jit_compile if settings.xla is None else settings.xla
    steps = settings.steps_per_execution or model.steps_per_execution
    return dataclasses.replace(settings, xla=xla, steps_per_execution=steps)


def _examples(model: GuardedModel, images: Any) -> np.ndarray:
    """x of training images, drawn as in training."""
    return np.asarray(model.preprocess(model.as_examples(images.first(LOOKED_AT).images), Noise(0)))


def _take_weights(model: GuardedModel, path: Path) -> None:
    """Gives a new model the weights of another one's parts."""
    before = model_of(path)
    for each in (model, before):
        if not hasattr(each, "parts"):
            raise ValueError(f"`weights` are of models that list their `parts`; `{type(each).__name__}` does not.")
    for mine, others in zip(model.parts, before.parts, strict=True):
        shapes, given = ([tuple(weight.shape) for weight in part.weights] for part in (mine, others))
        if shapes != given:
            raise ValueError(
                f"`weights` must be of the same networks; {others.name} of {path} has weights of shapes {given}, "
                f"{mine.name} of these settings {shapes}."
            )
        mine.set_weights(others.get_weights())


@contextlib.contextmanager
def _policy(precision: str) -> Iterator[None]:
    """The precision of layers made inside, whatever Keras' settings are: half precision has weights in float32."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy(precision if precision == "float32" else f"mixed_{precision}")
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
