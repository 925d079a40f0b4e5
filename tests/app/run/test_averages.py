"""Averaged weights: which ones are validated and saved, and that training does not notice."""

import keras
import numpy as np
import pytest

import tiny
from tfvae.app import run
from tfvae.app.run.averages import Averages
from tfvae.app.settings import Settings

MOMENTUM = 0.8


def trained(callbacks, use_ema=True, **validation):
    """A VAE after two epochs of three steps, and its trainable weights after each step."""
    optimizer = keras.optimizers.SGD(1e-3, use_ema=use_ema, ema_momentum=MOMENTUM)
    model, steps = tiny.compiled(tiny.vae(), optimizer, run_eagerly=True), []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: steps.append(tiny.values(model.trainable_variables))
    )
    history = model.fit(
        tiny.images(24), batch_size=8, epochs=2, shuffle=False, verbose=0, callbacks=[*callbacks, record], **validation
    )
    return model, steps, history.history


def test_the_averages_are_validated_and_kept_and_training_does_not_notice():
    images = tiny.images(8, seed=1)
    model, steps, history = trained([Averages()], validation_data=(images,))
    _, plain, _ = trained([], use_ema=False)
    for with_averages, without in zip(steps, plain, strict=True):
        tiny.assert_same_bits(with_averages, without)
    average = steps[0]
    for step in steps[1:]:
        average = [MOMENTUM * old + (1 - MOMENTUM) * new for old, new in zip(average, step, strict=True)]
    for kept, expected in zip(tiny.values(model.trainable_variables), average, strict=True):
        np.testing.assert_allclose(kept, expected, rtol=1e-5, atol=1e-7)
    loss = model.evaluate(images, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(history["val_loss"][-1], rel=1e-6)


def test_an_exchange_and_back_changes_no_bit():
    model, *_ = trained([])
    averages = Averages()
    averages.set_model(model)
    before = tiny.values([*model.variables, *model.optimizer.variables])
    averages.exchange()
    assert tiny.differs(tiny.values(model.trainable_variables), before)
    averages.exchange()
    tiny.assert_same_bits(tiny.values([*model.variables, *model.optimizer.variables]), before)


@pytest.mark.slow
def test_an_unfinished_run_is_read_with_its_averages(eagerly, tmp_path):
    np.savez(tmp_path / "images.npz", x_train=np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype="uint8"))
    settings = Settings(
        model="vae(latent_size=1, network=mlp(4))",
        data=str(tmp_path / "images.npz"),
        epochs=1,
        batch_size=10,
        averaging=0.5,
        xla=False,
        steps_per_execution=1,
    )
    folder = tmp_path / "run"
    run.train(settings, folder, verbose=0)
    finished = run.model_of(folder)
    (folder / run.MODEL).unlink()
    unfinished = run.model_of(folder)
    tiny.assert_same_bits(tiny.values(unfinished.trainable_variables), tiny.values(finished.trainable_variables))
