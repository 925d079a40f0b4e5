"""How many steps are run as one program: a rule with known bounds. (That they do the same is in `tests/models`.)"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.execution import settings

SHAPE = (4, 4, 1)


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])


def dense(hidden=5):
    return tfvae.vae(SHAPE, latent_size=2, hidden=(hidden,))


def importance_weighted(samples):
    model = dense()
    return tfvae.VAE(
        model.encoder, model.decoder, model.prior, model.preprocess, tfvae.ImportanceWeighted(sample_size=samples)
    )


def seconds(model, batch_size):
    """Of a step, by the documented rule."""
    parameters = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    return 6 * parameters * batch_size * model.objective.sample_size / 100e9


@pytest.mark.parametrize(("steps_per_epoch", "expected"), [(550, 50), (50, 50), (49, 49), (53, 1), (77, 11), (1, 1)])
def test_a_small_model_runs_as_many_steps_as_divide_the_epoch(steps_per_epoch, expected):
    assert settings(dense(), steps_per_epoch) == {"jit_compile": True, "steps_per_execution": expected}


@pytest.mark.parametrize("model", [lambda: dense(), lambda: importance_weighted(50)], ids=["ELBO", "50 samples"])
@pytest.mark.parametrize("batch_size", [100, 10**4, 10**6, 10**8])
def test_an_execution_is_estimated_at_no_more_than_the_bound(model, batch_size):
    model = model()
    steps = settings(model, 2 * 3 * 4 * 5 * 7, batch_size)["steps_per_execution"]
    assert steps == 1 or steps * seconds(model, batch_size) <= 0.3
    longer = [k for k in range(steps + 1, 51) if 840 % k == 0]
    assert not longer or longer[0] * seconds(model, batch_size) > 0.3


def test_samples_count_as_examples():
    assert settings(importance_weighted(50), 840, 10**5) == settings(dense(), 840, 50 * 10**5)
    assert settings(dense(), 840, 10**5) != settings(dense(), 840, 50 * 10**5)


def test_a_huge_model_runs_one_step_at_a_time():
    model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(10000)])
    assert settings(model, 100, batch_size=1000)["steps_per_execution"] == 1  # 0.6 s a step, by the rule


def test_convolutions_run_one_step_at_a_time_without_xla_on_a_cpu_only(monkeypatch):
    model = tfvae.conv_vae(SHAPE, latent_size=2, filters=(2,))
    assert settings(model, 100) == {"jit_compile": False, "steps_per_execution": 1}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["one"])
    assert settings(model, 100) == {"jit_compile": True, "steps_per_execution": 50}
