"""Several workers are one device: the same weights, figures and predictions from the same global batches.

Compared with plain gradient descent, since Adam turns the rounding of gradients near zero into whole steps.
"""

import numpy as np
import pytest

import training_cases as cases
from processes import DEADLINE, ended, workers
from training_cases import SCRIPT


def trained_by(number, names, folder):
    """What each of so many workers found, by case."""
    with workers(*[[SCRIPT, str(folder), *names] for _ in range(number)]) as started:
        codes, outputs = ended(started, DEADLINE + 30 * len(names))
    assert codes == [0] * number, "\n---\n".join(outputs)
    return {name: [dict(np.load(folder / f"{name}-{worker}.npz")) for worker in range(number)] for name in names}


# Noise is float32 also in float64, by a logarithm that TensorFlow takes of several numbers at once and, of those
# left over, of one at a time: of one normal in a hundred the last bit (6.6e-8) depends on the rows beside it.
TOLERANCE = dict.fromkeys(("elbo64", "clipped64", "compiled64", "gan64", "realnvp64", "flow64"), 1e-10)
# Each device rounds its sums over examples to half precision, of 8 and 11 bits.
TOLERANCE |= {"iwae64": 1e-7, "elbo_bfloat16": 1e-2, "elbo_float16": 3e-3}


def assert_one_device(found, name):
    one, tolerance = cases.trained(name), TOLERANCE.get(name, 1e-5)
    for worker in found:
        assert worker.keys() == one.keys()
        for key, value in one.items():
            norm = np.linalg.norm(value)
            assert norm > 0, key
            # Keras keeps figures in float32.
            allowed = tolerance if key.startswith("variable") else max(tolerance, 1e-5)
            assert np.linalg.norm(worker[key] - value) <= allowed * norm, key
    for key in one:  # to the last bit among one another
        for worker in found[1:]:
            np.testing.assert_array_equal(worker[key], found[0][key])


pytestmark = pytest.mark.slow
MODELS = ("elbo64", "clipped64")
OTHER_MODELS = ("elbo", "elbo_bfloat16", "elbo_float16", "compiled64", "iwae64", "gan64", "realnvp64", "flow64")


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    return trained_by(2, MODELS, tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def two_workers_more(tmp_path_factory):
    return trained_by(2, (*OTHER_MODELS, "upstream", "likelihoods"), tmp_path_factory.mktemp("two"))


@pytest.mark.long
def test_two_workers_give_each_example_the_figures_of_one_device(two_workers_more):
    one = cases.likelihoods()
    for found in two_workers_more["likelihoods"]:
        assert found.keys() == one.keys()
        for key, value in one.items():
            np.testing.assert_array_equal(found[key], value, err_msg=key)


@pytest.mark.parametrize("name", MODELS)
def test_two_workers_train_like_one_device(two_workers, name):
    assert_one_device(two_workers[name], name)


@pytest.mark.long
@pytest.mark.parametrize("name", OTHER_MODELS)
def test_two_workers_train_other_models_like_one_device(two_workers_more, name):
    assert_one_device(two_workers_more[name], name)


@pytest.mark.long
def test_keras_still_cannot_by_itself(two_workers_more):
    """When this fails, a workaround of `parallel.multi_worker` can go."""
    for found in two_workers_more["upstream"]:
        assert "PerReplica" in str(found["first batch"])  # `private.BuiltWhenMade`
        assert "Invalid reduction dimension 0 for input with 0 dimensions" in str(found["logs"])  # `as_log`
        assert str(found["nothing"]) == ""
        assert "You must feed a value for placeholder tensor" in str(found["steps"])  # `require_single_steps`
        assert "CollectiveReduceV2" in str(found["XLA"])  # `step.compiled_by_xla`


@pytest.mark.long
def test_four_workers_train_like_one_device(tmp_path):
    """Of the batches of 20, 27 and 1 examples they get 5 each; 6, 7, 7 and 7; and three of them none."""
    names = ("elbo64", "iwae64", "gan")
    for name, found in trained_by(4, names, tmp_path).items():
        assert_one_device(found, name)
