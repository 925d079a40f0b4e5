"""Several passes an epoch, the weights that a run starts from, and the seconds that it has taken."""

import csv
import dataclasses
import json
import re
import zipfile

import keras
import numpy as np
import pytest

import tiny
from small_runs import make
from tfvae.app import run
from tfvae.app.interruption import Interrupted, Interruption
from tfvae.app.run import recorder
from tfvae.app.run.checkpoints import Checkpoints
from tfvae.app.run.recorder import Recorder
from tfvae.app.settings import Settings

pytestmark = pytest.mark.usefixtures("eagerly")
# One latent dimension has no map and no manifold to draw, which would take most of the time.
SETTINGS = Settings(
    model="vae(latent_size=1, network=mlp(3))", batch_size=20, epochs=2, passes=3, validation_size=20,
    learning_rate=0.03, averaging=0.9, xla=False, steps_per_execution=1, seed=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "discs.npy"
    np.save(path, tiny.images(80))
    return dataclasses.replace(SETTINGS, data=str(path))


@pytest.fixture(scope="module")
def first(settings, tmp_path_factory):
    """A run that ended: 52 images to train on, so 2 steps a pass."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    run.train(settings, folder, verbose=0)
    return folder


@pytest.fixture(scope="module")
def untrained(settings, tmp_path_factory):
    """A run of the same networks, which has the first weights."""
    return make(tmp_path_factory.mktemp("runs") / "first", settings.data, model="vae(latent_size=1, network=mlp(3))")


def losses(folder):
    with (folder / "history.csv").open(newline="") as file:
        return [float(row["val_loss"]) for row in csv.DictReader(file)]


def everything(folder):
    return [keras.ops.convert_to_numpy(variable) for variable in run.model_of(folder).state()]


@pytest.mark.slow
def test_an_epoch_of_three_passes_is_three_epochs(first, settings, tmp_path):
    """Bit for bit, with the step size that falls over all passes; what is left out is validated less often only."""
    run.train(dataclasses.replace(settings, epochs=6, passes=1), tmp_path / "run", verbose=0)
    assert run.model_of(first).steps == run.model_of(tmp_path / "run").steps == 6 * 2
    for one, other in zip(everything(first), everything(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(one, other)
    assert losses(first) == losses(tmp_path / "run")[2::3]


@pytest.mark.slow
@pytest.mark.parametrize("of", [".", run.MODEL], ids=["run", "model"])
def test_a_run_starts_from_the_weights_of_another(first, settings, tmp_path, of):
    """With steps of no size its loss begins where the other's ended, which is not where that one began."""
    rising = settings.with_options(objective="elbo(warm_up=0.5)")
    standing = dataclasses.replace(rising, weights=str(first / of), learning_rate=1e-9, epochs=1)
    run.train(standing, tmp_path / "run", verbose=0)
    assert losses(tmp_path / "run") == pytest.approx(losses(first)[-1:], rel=1e-5)
    assert losses(first)[-1] < losses(first)[0] - 1
    # A warm-up is given in epochs, whatever their passes: these are 6 steps.
    assert run.model_of(tmp_path / "run").objective.beta.steps == 3


def test_only_the_weights_are_taken(untrained, settings, tmp_path):
    """Objective, steps and the optimiser's state are the run's own."""
    weighted = settings.with_options(objective="iwae(samples=2)")
    weighted = dataclasses.replace(weighted, weights=str(untrained), epochs=1, passes=1)
    report = run.train(weighted, tmp_path / "run", verbose=0)
    model = run.model_of(tmp_path / "run")
    assert model.objective.sample_size == report["samples_per_image"] == 2
    assert report["steps"] == int(model.optimizer.iterations) == 2


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"network": "mlp(4)"}, "encoder"),
        ({"latent_size": 2}, "encoder"),
        ({"likelihood": "normal(scale=pixel)"}, "decoder"),
    ],
    ids=str,
)
def test_other_networks_are_refused_in_one_sentence(untrained, settings, tmp_path, change, part):
    other = dataclasses.replace(settings.with_options(**change), weights=str(untrained))
    words = rf"^`weights` must be of the same networks; {part} of \S*first has weights of shapes \[\(.*\.$"
    with pytest.raises(ValueError, match=words):  # a dot is no new line
        run.train(other, tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


def test_a_missing_folder_is_named(settings, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^There is no run folder .*nowhere; `tfvae train` makes one\.$"):
        run.train(dataclasses.replace(settings, weights=str(tmp_path / "nowhere")), tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


def test_gradients_are_of_the_importance_weighted_bound():
    sentence = "`elbo` has no option `gradient`. Its options are samples, beta, warm_up, free_bits."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        Settings(model="vae(objective=elbo(gradient=dreg))")
    with pytest.raises(ValueError, match=r"^`passes` must be at least 1; received 0\.$"):
        Settings(passes=0)


def test_seconds_go_on_from_those_of_the_checkpoint(tmp_path, monkeypatch):
    state = {"epoch": 1, "step": 0, "metrics": {}, "history": [], "best": None, "seconds": [100.0, 40.0]}
    now = {"perf_counter": 5.0, "process_time": 7.0}
    for name in now:
        monkeypatch.setattr(recorder.time, name, lambda name=name: now[name])
    resumed, new = (
        Recorder(tmp_path, Checkpoints(tmp_path), 5, Interruption(), {}, state=each) for each in (state, None)
    )
    now |= {"perf_counter": 8.0, "process_time": 8.5}
    assert (resumed.seconds, new.seconds) == ((103.0, 41.5), (3.0, 1.5))


@pytest.mark.slow
def test_the_seconds_of_a_run_never_fall(settings, tmp_path):
    """From checkpoint to checkpoint and to the report, over an interruption in the second epoch."""

    class Later(Interruption):
        looks = 0

        @property
        def wanted(self):
            self.looks += 1
            return self.looks > 11

        @wanted.setter
        def wanted(self, value):
            pass

    with pytest.raises(Interrupted):
        run.train(settings, tmp_path, Later(), verbose=0)
    seconds = [kept(each.path) for each in Checkpoints(tmp_path / run.CHECKPOINTS).all()]
    assert len(seconds) == 2  # after the first epoch, and in the second
    report = run.train(settings, tmp_path, resume=True, verbose=0)
    seconds.append(kept(Checkpoints(tmp_path / run.CHECKPOINTS).all()[-1].path))
    seconds.append([report["training_seconds"], report["training_processor_seconds"]])
    assert np.all(np.diff([[0.0, 0.0], *seconds], axis=0) > 0)
    assert json.loads((tmp_path / "report.json").read_text()) == report


def kept(path):
    """The seconds in a checkpoint."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("training.json"))["seconds"]


def test_a_run_may_start_at_the_mean_of_its_training_images(settings, tmp_path):
    """Seen after steps of size 1e-30."""
    few = dataclasses.replace(
        settings.with_options(likelihood="bernoulli"), start_at_mean=True, learning_rate=1e-30, epochs=1
    )
    run.train(few, tmp_path / "run", verbose=0)
    found = run.model_of(tmp_path / "run").decoder(np.zeros((1, 1), np.float32)).mean()[0].numpy()
    grey = run.load_data(few).train.images / 255.0
    # 52 of the 72 images are trained on, and x are drawn.
    error = np.sqrt(grey.mean(axis=0) * (1 - grey.mean(axis=0)) / 52)
    assert np.abs(found - grey.mean(axis=0)).max() < 5 * error.max()
    assert np.ptp(found) > 10 * error.max() / 5


def test_a_likelihood_without_a_known_mean_is_refused(settings, tmp_path):
    sentence = (
        "`start_at_mean` is not for this model: `Categorical` does not say for which parameters it has a given mean."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        wanted = settings.with_options(likelihood="categorical")
        run.train(dataclasses.replace(wanted, start_at_mean=True), tmp_path / "run", verbose=0)
