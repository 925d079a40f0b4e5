"""Several steps as one XLA program, in epochs of any length. (They do what single steps do: `test_reproducibility`.)"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tiny
from tfvae.datasets import batches as training
from tiers import first

RAW = tiny.images(56)


@pytest.mark.slow
@pytest.mark.parametrize("together", first(1, [5, 7, 2, 50]))
def test_an_epoch_has_as_many_steps_as_it_should(together):
    """Keras runs whole executions: 10 or 50 steps where 7 were asked for."""
    outcomes = []
    for steps in (1, together):
        model = tiny.compiled(tiny.vae(kind="linear"), jit_compile=True, steps_per_execution=steps)
        history = model.fit(training.batches(RAW, 8, seed=0), epochs=2, steps_per_epoch=7, verbose=0).history
        assert model.steps == 14
        outcomes.append([*history["loss"], *tiny.state(model)])
    tiny.assert_same_bits(*outcomes)


def test_the_steps_of_an_epoch_are_counted_down():
    model = tiny.compiled(tiny.vae(), run_eagerly=True)
    left = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            left.append(model.steps_left.number)

    for callbacks in (Look(), [Look()]):
        left.clear()
        model.fit(training.batches(RAW, 8, seed=0), epochs=2, steps_per_epoch=3, callbacks=callbacks, verbose=0)
        assert left == [3, 2, 1] * 2
    model.fit(tf.data.Dataset.from_tensors(RAW[:8]).repeat(2).filter(lambda _: True), callbacks=Look(), verbose=0)
    assert min(left[-2:]) > 10**6  # nobody knows
    assert np.isfinite(model.evaluate(RAW, verbose=0)[0])
