"""Empty batches among others, as filtering makes them: they are no steps, and no bad ones."""

import numpy as np
import pytest
import tensorflow as tf

import tiny
from faults import fault
from tiers import long, slow

RAW = tiny.images(16)


def stream(*sizes):
    def batches():
        start = 0
        for size in sizes:
            yield RAW[start : start + size]
            start += size

    return tf.data.Dataset.from_generator(batches, output_signature=tf.TensorSpec((None, *tiny.SHAPE), RAW.dtype))


@fault("empty-average")
@pytest.mark.parametrize("mode", ["eager", slow("graph"), long("XLA"), slow("one program")])
def test_empty_batches_are_no_steps(mode, recwarn):
    with_empty, without = (tiny.compiled(tiny.vae(kind="linear"), **tiny.MODES[mode]) for _ in range(2))
    history = with_empty.fit(stream(8, *[0] * 12, 8), verbose=0).history
    expected = without.fit(stream(8, 8), verbose=0).history
    assert (with_empty.steps, with_empty.skipped_steps, int(with_empty.optimizer.iterations)) == (2, 0, 2)
    assert history["skipped"] == [0]
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-6)
    for found, wanted in zip(with_empty.get_weights(), without.get_weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert not [each for each in recwarn if "skipped" in str(each.message)]


@fault("empty-average")
def test_data_of_empty_batches_only_hold_no_example():
    model = tiny.compiled(tiny.vae())
    before = tiny.values(model.trainable_variables)
    with pytest.raises(ValueError, match="There must be at least one example"):
        model.fit(stream(*[0] * 12), verbose=0)
    tiny.assert_same_bits(tiny.values(model.trainable_variables), before)
