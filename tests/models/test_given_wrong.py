"""What is no data, weight or batch size: one sentence, where Keras and NumPy would raise their own or say nothing."""

import numpy as np
import pytest
import tensorflow as tf

import tiny
from faults import fault
from tfvae.raw_images import NotImages

RAW = tiny.images(16)
MODEL = tiny.compiled(tiny.vae(), run_eagerly=True)
POINTS = tiny.compiled(tiny.vae(), run_eagerly=True).decoder
MASKED = np.ma.masked_array(RAW, RAW > 100)
USES = {
    "fit": lambda x, **options: MODEL.fit(x, verbose=0, **options),
    "evaluate": lambda x, **options: MODEL.evaluate(x, verbose=0, **options),
    "predict": lambda x, **options: MODEL.predict(x, verbose=0, **options),
    "encoder": lambda x, **options: MODEL.encoder.predict(x, verbose=0, **options),
    "decoder": lambda x, **options: POINTS.predict(x, verbose=0, **options),
}


@fault("data-forms")
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("x", [None, np.float32(3), np.array(3), tf.constant(3.0)], ids=["None", "NumPy", "0-d", "TF"])
def test_nothing_and_a_single_number_are_no_data(use, x):
    with pytest.raises(ValueError, match=r"^`x` must be an array or a tensor of .*; received (None|a single)"):
        USES[use](x)


@fault("data-forms")
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("size", [-1, 0, 2.0, "4"])
def test_a_batch_size_is_an_integer_of_at_least_1(use, size):
    x = np.zeros((4, 2), "float32") if use == "decoder" else RAW
    wrong = "at least 1" if isinstance(size, int) else "an integer"
    with pytest.raises(ValueError, match=f"^`batch_size` must be {wrong}; received {size!r}"):
        USES[use](x, batch_size=size)
    with pytest.raises(ValueError, match=f"^`validation_batch_size` must be {wrong}; "):
        MODEL.fit(RAW, validation_data=RAW, validation_batch_size=size, verbose=0)


@fault("data-forms")
@pytest.mark.parametrize("use", ["fit", "evaluate", "predict", "encoder"])
@pytest.mark.parametrize("x", [MASKED, [MASKED], list(MASKED), {"image": MASKED}], ids=["array", "one", "list", "dict"])
def test_a_mask_is_not_ignored(use, x):
    with pytest.raises(NotImages, match=r"^`x` is a masked array, and no model knows a mask"):
        USES[use](x)


@fault("data-forms")
def test_masks_of_other_arrays_are_seen_as_well():
    weights = np.ma.masked_array(np.ones(16), np.arange(16) > 3)
    with pytest.raises(NotImages, match=r"^`sample_weight` is a masked"):
        MODEL.fit(RAW, sample_weight=weights, verbose=0)
    with pytest.raises(NotImages, match=r"^`y` is a masked"):
        MODEL.fit(RAW, weights, verbose=0)
    with pytest.raises(NotImages, match=r"^`validation_data` is a masked"):
        MODEL.fit(RAW, validation_data=MASKED, verbose=0)
    with pytest.raises(NotImages, match=r"^`raw` is a masked"):
        MODEL.log_likelihood(MASKED, 2)
    MODEL.fit(np.ma.masked_array(RAW), verbose=0)  # hides nothing


@fault("empty-average")
@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (np.zeros(16), "must be above 0 for some example: an average over none has no value."),
        ([False] * 16, "must be above 0 for some example"),
        (np.full(16, 1e-60), "must be above 0 for some example"),
        ([-1.0, *[1.0] * 15], "must hold numbers from 0 on; received -1."),
        (np.array([1, -1] * 8), "must hold numbers from 0 on; received -1."),
        (np.full(16, 1e38), "holds values that are not finite, or whose sum is not in float32."),
        (np.full(16, 1e300), "holds values that are not finite"),
    ],
)
def test_weights_that_give_no_average_are_refused(weights, sentence):
    for use in (
        lambda: MODEL.fit(RAW, sample_weight=weights, verbose=0),
        lambda: MODEL.evaluate(RAW, sample_weight=weights, verbose=0),
        lambda: MODEL.fit(RAW, validation_data=(RAW, None, weights), verbose=0),
    ):
        with pytest.raises(ValueError) as caught:
            use()
        assert str(caught.value).startswith("`sample_weight` ") and sentence in str(caught.value)
