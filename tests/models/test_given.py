"""Data as people have them: dicts, lists, labels that are text; what is refused says what to do."""

import numpy as np
import pytest
import tensorflow as tf

import tiny
from faults import fault
from tfvae.datasets import Split
from tfvae.models import given

RAW = tiny.images(16)
LABELS, NAMES = np.arange(16), [f"{number}.png" for number in range(16)]
MODEL = tiny.compiled(tiny.vae(), run_eagerly=True)


def stream(data):
    return tf.data.Dataset.from_tensor_slices(data).batch(8)


@fault("data-forms")
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ({"image": RAW, "label": LABELS}, LABELS),
        ({"image": RAW, "id": NAMES}, None),
        ([RAW], None),
        ((RAW,), None),
        (list(RAW), None),
        (list(RAW[..., 0]), None),
        ([RAW[0].tolist()], None),
    ],
    ids=["dict", "dict without labels", "list of one", "tuple of one", "images", "images without channel", "one image"],
)
def test_dicts_and_lists_are_taken(x, y):
    found, labels = given.checked(MODEL, x)
    expected = RAW[:1] if len(found) == 1 else RAW
    np.testing.assert_array_equal(np.reshape(found, expected.shape), expected)
    np.testing.assert_array_equal(labels, y)


@fault("data-forms")
@pytest.mark.parametrize("labels", [NAMES, np.array(NAMES), np.array(NAMES, object), tf.constant(NAMES)])
def test_labels_that_are_text_are_left_out(labels):
    assert given.checked(MODEL, RAW, labels)[1] is None


@fault("data-forms")
def test_labels_in_a_list_are_an_array():
    np.testing.assert_array_equal(given.checked(MODEL, RAW, LABELS.tolist())[1], LABELS)


@fault("data-forms")
@pytest.mark.parametrize(
    ("data", "elements"),
    [
        ({"image": RAW, "label": LABELS, "id": NAMES}, 2),
        ({"image": RAW, "label": NAMES}, 1),
        ((RAW, NAMES), 1),
        ((RAW, NAMES, np.ones(16)), 3),
        ((RAW, LABELS), 2),
        (RAW, 1),
    ],
    ids=["dict", "dict with names", "names", "names and weights", "labels", "images"],
)
def test_datasets_have_images_and_numbers(data, elements):
    found, _ = given.checked(MODEL, stream(data))
    parts = found.element_spec if isinstance(found.element_spec, tuple) else (found.element_spec,)
    assert len(parts) == elements
    assert all(part.dtype != tf.string for part in parts)
    first = next(iter(found))
    np.testing.assert_array_equal(first[0] if elements > 1 else first, RAW[:8])


@fault("data-forms")
def test_every_door_takes_them():
    dicts = {"image": RAW, "label": LABELS}
    expected = tiny.compiled(tiny.vae(), run_eagerly=True).fit(RAW, batch_size=8, shuffle=False, verbose=0).history
    model = tiny.compiled(tiny.vae(), run_eagerly=True)
    assert model.fit(stream(dicts), validation_data=dicts, verbose=0).history["loss"] == expected["loss"]
    expected = model.predict(RAW, batch_size=8, verbose=0)
    np.testing.assert_array_equal(model.predict(stream((RAW, NAMES)), verbose=0), expected)
    assert model.evaluate(stream(dicts), verbose=0) == model.evaluate([RAW], NAMES, batch_size=8, verbose=0)


@pytest.mark.slow
@fault("data-forms")
def test_names_do_not_disturb_xla():
    model = tiny.compiled(tiny.vae(), jit_compile=True)
    assert np.isfinite(model.fit(stream((RAW, NAMES)), verbose=0).history["loss"]).all()


@fault("data-forms")
@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        ({"picture": RAW}, r"^`x` holds dicts of `picture`: name the images `image` and labels `label`, or turn each"),
        (stream({"picture": RAW}), r"^`x` holds dicts of `picture`: .* into \(image, label\), by `map` in a dataset"),
        ([RAW, RAW], r"^`x` is a list of 2 arrays of shape \(16, 8, 8, 1\); pass one array of examples of shape"),
        ([RAW[0], RAW[0, 1:]], r"^`x` is a list of 2 arrays of shape \(7, 8, 1\), \(8, 8, 1\); pass one array"),
        (Split(RAW), r"^`x` is a `Split`; pass its `images`, or its `batches\(...\)` or `in_order\(...\)`\.$"),
    ],
    ids=["dict", "dataset of dicts", "two arrays", "ragged", "split"],
)
def test_other_forms_are_refused_with_the_way_out(x, sentence):
    for use in (MODEL.fit, MODEL.evaluate, MODEL.predict):
        with pytest.raises((ValueError, TypeError), match=sentence):
            use(x, verbose=0)


@fault("data-forms")
def test_class_weights_need_labels():
    with pytest.raises(ValueError, match=r"^`class_weight` needs labels, `y`; weigh examples without labels by"):
        MODEL.fit(RAW, class_weight={0: 1.0}, verbose=0)


@fault("data-forms")
@pytest.mark.parametrize("weights", [LABELS.tolist(), tuple(LABELS), LABELS[:, np.newaxis], LABELS.astype(np.float16)])
def test_weights_of_any_usual_form_are_taken(weights):
    expected = MODEL.evaluate(RAW, sample_weight=LABELS, verbose=0, return_dict=True)
    assert MODEL.evaluate(RAW, sample_weight=weights, verbose=0, return_dict=True) == expected


@fault("overflow")
@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (np.where(LABELS == 3, np.nan, 1.0), "`sample_weight` holds values that are not finite"),
        (np.full(16, np.inf), "`sample_weight` holds values that are not finite"),
        (np.ones((16, 3)), "must hold a number for each example"),
        (LABELS * 1j, "must hold a number for each example"),
        (NAMES, "must hold a number for each example"),
    ],
    ids=["NaN", "infinite", "three", "complex", "text"],
)
def test_weights_that_are_none_are_refused(weights, sentence):
    for use in (MODEL.fit, MODEL.evaluate):
        with pytest.raises(ValueError, match=sentence):
            use(RAW, sample_weight=weights, verbose=0)
    with pytest.raises(ValueError, match=sentence):
        MODEL.fit(RAW, validation_data=(RAW, None, weights), verbose=0)


@fault("data-forms")
@pytest.mark.parametrize("data", [RAW, {"image": RAW}, (RAW, NAMES)], ids=["images", "dict", "text"])
def test_class_weights_of_a_dataset_without_labels_are_refused(data):
    with pytest.raises(ValueError, match="`class_weight` needs labels"):
        MODEL.fit(stream(data), class_weight={0: 1.0}, verbose=0)


def test_no_dataset_is_tuned_unless_it_asks_for_it():
    """TensorFlow's tuning thread can keep the end of an epoch waiting for up to a minute."""
    data, options = stream(RAW), tf.data.Options()
    x, _, kept = given.for_training(MODEL, data, None, {"validation_data": data})
    taken = [x, kept["validation_data"], given.for_evaluation(MODEL, data, None, None, None)[0]]
    for each in (*taken, given.for_prediction(MODEL, data)):
        assert each.options().autotune.enabled is False
    options.autotune.enabled = True
    assert given.for_prediction(MODEL, data.with_options(options)).options().autotune.enabled is True
