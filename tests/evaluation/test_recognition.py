"""The classifier in the package is as good as its README says, and the measures made with it are what they claim."""

import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import tfvae
from tfvae.evaluation import classify, reconstruction_accuracy
from tfvae.evaluation.digits import classifier, recognition

LN_10 = math.log(10)


@pytest.fixture(scope="module")
def digits():
    """The test images as grey values, and their labels."""
    test = tfvae.datasets.load("mnist").test
    return (test.images / 255).astype("float32"), test.labels


class Fake:
    """A model whose samples and reconstructions are given."""

    data_shape = (28, 28, 1)
    preprocess = SimpleNamespace(grey=lambda x: x)

    def __init__(self, draw, predict=None):
        self.draw, self.predicted = draw, predict

    def sample(self, n, seed, mean):
        assert mean
        images = self.draw(n, np.random.default_rng(seed))
        return np.zeros((n, 2)), images

    def predict(self, images, batch_size, verbose):
        return self.predicted(images)


def test_the_shipped_weights_classify_test_images(digits):
    images, labels = digits
    probabilities = classify(images)
    assert probabilities.shape == (10_000, 10) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    accuracy, sure = np.mean(probabilities.argmax(axis=1) == labels), np.mean(probabilities.max(axis=1) > 0.9)
    assert accuracy == pytest.approx(0.9947, abs=2e-4)  # what the README beside the weights says, to a rounding
    assert sure == pytest.approx(0.9908, abs=2e-4)


def test_its_confidence_means_what_it_says(digits):
    images, labels = digits
    probabilities = classify(images[:5000])
    sure = probabilities.max(axis=1) > 0.9
    right = probabilities.argmax(axis=1) == labels[:5000]
    assert abs(probabilities.max(axis=1).mean() - right.mean()) < 0.01
    assert np.mean(right[~sure]) < 0.9  # where it is not sure it has a reason


def test_values_outside_zero_and_one_are_clipped(digits):
    images = digits[0][:20]
    np.testing.assert_array_equal(classify(np.where(images == 0, -3, images)), classify(images))
    np.testing.assert_array_equal(
        classify(np.where(images > 0.99, 7, images)), classify(np.where(images > 0.99, 1, images))
    )


def test_a_model_that_samples_real_digits_has_the_reference_share(digits):
    model = Fake(lambda n, rng: digits[0][rng.choice(10_000, n, replace=False)])
    found = recognition(model, 2000)
    assert found.n == 2000 and found.classes.sum() == round(found.share * 2000)
    assert found.standard_error == pytest.approx(math.sqrt(found.share * (1 - found.share) / 2000))
    assert abs(found.share - 0.9908) < 4 * found.standard_error < 0.01
    assert 2.28 < found.class_entropy <= LN_10


def test_a_model_that_always_makes_the_same_digit_has_no_entropy(digits):
    found = recognition(Fake(lambda n, rng: np.repeat(digits[0][:1], n, axis=0)), 100)
    assert found[:3] == (1.0, 0.0, 0.0)
    assert found.classes[digits[1][0]] == 100


def test_one_digit_of_each_class_has_all_the_entropy(digits):
    first = [int(np.flatnonzero(digits[1] == digit)[0]) for digit in range(10)]
    found = recognition(Fake(lambda n, rng: digits[0][np.resize(first, n)]), 50)
    assert found.share == 1
    assert found.class_entropy == pytest.approx(LN_10, abs=1e-12)


def test_nothing_recognised_has_no_entropy():
    assert recognition(Fake(lambda n, rng: np.zeros((n, 28, 28, 1), "float32")), 100)[:3] == (0.0, 0.0, 0.0)


def test_noise_is_not_taken_for_all_digits():
    """Uniform noise passes for an 8, nearly always; no other digit comes up, and the class entropy tells."""
    found = recognition(Fake(lambda n, rng: rng.random((n, 28, 28, 1))), 500)
    assert found.class_entropy < 0.1
    assert np.argmax(found.classes) == 8


def test_a_model_of_tfvae_is_measured_the_same_each_time():
    keras.utils.set_random_seed(0)
    model = tfvae.vae(latent_size=2, network="mlp(8)")
    # Strong weights, so that samples differ and some are taken for something.
    model.decoder.set_weights([10 * weight for weight in model.decoder.get_weights()])
    one, same, other = recognition(model, 300), recognition(model, 300), recognition(model, 300, seed=1)
    assert one.share == same.share and np.array_equal(one.classes, same.classes)
    assert not np.array_equal(one.classes, other.classes)
    means = model.sample(300, seed=0, mean=True)[1]
    assert one.share == np.mean(classify(means).max(axis=1) > 0.9)  # of the decoder's means, not of draws


def test_reconstruction_accuracy_counts_the_reconstructions_of_the_right_class(digits):
    images, labels = digits[0][:500], digits[1][:500]
    perfect, shifted = Fake(None, lambda x: x), Fake(None, lambda x: np.roll(x, 1, axis=0))
    assert reconstruction_accuracy(perfect, images, labels) > 0.99
    expected = np.mean(np.roll(labels, 1) == labels)
    assert abs(reconstruction_accuracy(shifted, images, labels) - expected) < 0.01


def test_grey_values_are_what_is_classified(digits):
    """A model of levels gives 0 ... 255; its preprocessing makes them grey values."""
    model = Fake(None, lambda x: 255 * x)
    model.preprocess = tfvae.preprocessing.Levels()
    assert reconstruction_accuracy(model, digits[0][:200], digits[1][:200]) > 0.99


def test_models_of_other_images_are_refused():
    model = Fake(None)
    model.data_shape = (32, 32, 3)
    message = r"^The classifier knows images of shape \(28, 28, 1\) only; `model` is of data of shape \(32, 32, 3\)\.$"
    with pytest.raises(ValueError, match=message):
        recognition(model)
    with pytest.raises(ValueError, match=message):
        reconstruction_accuracy(model, np.zeros((1, 32, 32, 3)), np.zeros(1))


def test_no_samples_or_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"^`n` must be at least 1; received 0\.$"):
        recognition(Fake(None), 0)
    with pytest.raises(ValueError, match=r"^`labels` must be one for each of the 3 images; received 2\.$"):
        reconstruction_accuracy(Fake(None), np.zeros((3, 28, 28, 1)), np.zeros(2))


@pytest.mark.parametrize("images", [np.zeros((2, 28, 28), "float32"), np.zeros((2, 28, 28, 1), "uint8")])
def test_what_is_no_grey_image_is_refused(images):
    with pytest.raises(ValueError, match=r"^`images` must be floats of shape \(N, 28, 28, 1\); received "):
        classify(images)


def test_no_images_have_no_probabilities():
    assert classify(np.zeros((0, 28, 28, 1), "float32")).shape == (0, 10)


def test_keras_policy_does_not_change_the_measure(digits):
    expected, policy = classify(digits[0][:50]), keras.config.dtype_policy()
    classifier._trained.cache_clear()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = classify(digits[0][:50])
    finally:
        keras.config.set_dtype_policy(policy)
        classifier._trained.cache_clear()
    np.testing.assert_array_equal(found, expected)


def test_one_changed_byte_of_the_weights_is_noticed(tmp_path, monkeypatch):
    damaged = bytearray(classifier.FILE.read_bytes())
    damaged[5000] ^= 1
    file = tmp_path / "digits.npz"
    file.write_bytes(damaged)
    monkeypatch.setattr(classifier, "FILE", file)
    classifier._trained.cache_clear()
    with pytest.raises(OSError, match=r"digits\.npz is damaged: .*install tfvae again"):
        classify(np.zeros((1, 28, 28, 1), "float32"))
    monkeypatch.undo()
    assert classify(np.zeros((1, 28, 28, 1), "float32")).shape == (1, 10)
