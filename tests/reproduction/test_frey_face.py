"""The folds of Frey Face, on a few made-up frames through the same functions."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from interruptions import After
from reproduction import cross_validation, fold_training, frey_face
from reproduction.cross_validation import Study, block_folds, cross_validate, random_folds
from reproduction.fold_training import Protocol, scored, trained
from reproduction.results import mean_and_error
from tfvae import evaluation, recipes
from tfvae.app.interruption import Interrupted, Interruption
from tfvae.objectives import ELBO, ImportanceWeighted
from tfvae.preprocessing import Dequantize, Rescale
from tfvae.training.choice import Choice

FREY_FACE = os.environ.get("TFVAE_FREY_FACE")
FRAMES = np.random.default_rng(0).integers(0, 256, (23, 28, 20, 1), np.uint8)
TINY = Protocol(folds=3, hidden=3, latent_size=2, batch_size=5, steps=2, samples=4, seed=7)
PLAIN = Study("plain", ELBO(), Dequantize())
STUDIES = (Study("weighted", ImportanceWeighted(2), Rescale(), shuffled=False, published=(1.5, 0.5)),)


@pytest.fixture
def path(tmp_path):
    np.savez(tmp_path / "faces.npz", images=FRAMES)
    return tmp_path / "faces.npz"


@pytest.fixture
def step_by_step(monkeypatch):
    """Trains without XLA, whose compilation would take most of the time."""
    monkeypatch.setattr(fold_training, "by_rule", lambda *_: Choice(False, 1, "for tests"))


@pytest.fixture
def trainings(monkeypatch):
    """Stands in for training and scoring; the frames and seeds of what was trained, in order."""
    calls = []

    def noted(frames, objective, preprocess, protocol, seed, interruption):
        calls.append((frames, seed))
        return frames

    def figures(model, frames, protocol):
        return {"log_likelihood": float(frames.mean()), "elbo": float(model.mean()), "frames": len(frames)}

    monkeypatch.setattr(cross_validation, "trained", noted)
    monkeypatch.setattr(cross_validation, "scored", figures)
    return calls


@pytest.mark.parametrize(("examples", "folds"), [(10, 10), (23, 3), (1965, 10), (2, 2)])
def test_folds_are_disjoint_cover_everything_and_are_of_one_size(examples, folds):
    for found in (random_folds(examples, folds, 0), block_folds(examples, folds)):
        assert sorted(np.concatenate(found)) == list(range(examples))
        assert len(found) == folds
        assert max(map(len, found)) - min(map(len, found)) <= 1


def test_random_folds_are_shuffled_first_and_blocks_are_not():
    shuffled, blocks = random_folds(1000, 10, 0), block_folds(1000, 10)
    assert all(np.all(np.diff(fold) == 1) for fold in blocks)
    # A fold of 100 in 1000 random ones has about 10 neighbours that follow one another; in order, 99.
    assert all(np.sum(np.diff(np.sort(fold)) == 1) < 30 for fold in shuffled)
    np.testing.assert_array_equal(np.concatenate(shuffled), np.concatenate(random_folds(1000, 10, 0)))
    assert np.any(np.concatenate(shuffled) != np.concatenate(random_folds(1000, 10, 1)))


@pytest.mark.parametrize(("folds", "bound"), [(1, "at least 2"), (24, "at most the number of examples, 23")])
def test_a_number_of_folds_that_makes_none_is_refused(folds, bound):
    with pytest.raises(ValueError, match=rf"^`folds` must be {bound}; received {folds}\.$"):
        random_folds(23, folds, 0)


def test_each_fold_is_scored_on_its_own_frames_and_trained_on_all_others(tmp_path, trainings):
    found = cross_validate(PLAIN, FRAMES, TINY, tmp_path, Interruption())
    tests = random_folds(23, 3, TINY.seed)
    assert [seed for _, seed in trainings] == [7, 8, 9]
    for (trained_on, _), test, fold in zip(trainings, tests, found["folds"], strict=True):
        rest = np.setdiff1d(np.arange(23), test)
        np.testing.assert_array_equal(trained_on, FRAMES[rest])
        assert (fold["frames"], fold["training_frames"]) == (len(test), len(rest))
        assert fold["log_likelihood"] == FRAMES[test].mean()
    values = [fold["log_likelihood"] for fold in found["folds"]]
    assert found["log_likelihood"] == mean_and_error(values)


def test_blocks_are_parts_of_the_video(tmp_path, trainings):
    cross_validate(dataclasses.replace(PLAIN, shuffled=False), FRAMES, TINY, tmp_path, Interruption())
    np.testing.assert_array_equal(trainings[1][0], np.delete(FRAMES, slice(8, 16), axis=0))


@pytest.mark.slow
def test_a_fold_can_be_made_again_outside(tmp_path, step_by_step):
    """Its figures are those of the model that `trained` gives: nothing else goes into them."""
    protocol = dataclasses.replace(TINY, folds=2)
    found = cross_validate(PLAIN, FRAMES, protocol, tmp_path, Interruption())["folds"][1]
    test = random_folds(23, 2, TINY.seed)[1]
    rest = FRAMES[np.setdiff1d(np.arange(23), test)]
    model = trained(rest, ELBO(), Dequantize(), protocol, TINY.seed + 1, Interruption())
    assert scored(model, FRAMES[test], protocol)["log_likelihood"] == pytest.approx(found["log_likelihood"], rel=1e-6)
    assert found["log_likelihood"] == pytest.approx(model.log_likelihood(FRAMES[test], TINY.samples).mean(), rel=1e-6)
    assert found["bits_per_dim"] == pytest.approx(8 - found["log_likelihood"] / (560 * np.log(2)), rel=1e-12)
    assert found["digest"] == evaluation.fix(FRAMES[test], Dequantize()).digest
    assert model.steps == TINY.steps


@pytest.mark.slow
def test_training_ends_where_it_is_asked_to(step_by_step):
    with pytest.raises(Interrupted):
        trained(FRAMES, ELBO(), Rescale(), dataclasses.replace(TINY, steps=10**9), 0, After(1))


def test_the_share_of_scales_below_twice_the_floor_is_counted():
    model = recipes.vae(FRAMES.shape[1:], 2, "mlp(3)", "normal(scale=pixel)")
    scales = np.sort(np.asarray(model(FRAMES).stddev()), axis=None)
    below = len(scales) // 4
    floor = float(scales[below - 1 : below + 1].mean()) / 2
    found = scored(model, FRAMES, dataclasses.replace(TINY, min_scale=floor))
    assert found["scales_at_floor"] == pytest.approx(0.25, abs=1e-4)


@pytest.mark.slow
def test_the_result_states_what_it_is_about(tmp_path, path, step_by_step):
    folder, protocol = tmp_path / "run", dataclasses.replace(TINY, folds=2)
    result = frey_face.run(folder, path, protocol, STUDIES, command="the command", verbose=0)
    written = json.loads((folder / frey_face.RESULT).read_text())
    assert written == json.loads(json.dumps(result))
    assert (written["dimension"], written["frames"], written["command"]) == (560, 23, "the command")
    assert written["scale_floor"] == TINY.min_scale == written["protocol"]["min_scale"]
    digests = hashlib.sha256(path.read_bytes()).hexdigest(), hashlib.sha256(FRAMES.tobytes()).hexdigest()
    assert (written["file_sha256"], written["frames_sha256"]) == digests
    (weighted,) = written["studies"].values()
    assert "bits_per_dim" not in weighted  # of undequantised values there are none
    assert weighted["published"] == [1.5, 0.5]
    assert (weighted["objective"], weighted["preprocess"], weighted["shuffled"]) == (
        "ImportanceWeighted",
        "Rescale",
        False,
    )
    assert str(tmp_path) not in json.dumps(written)
    assert (folder / frey_face.MANIFOLD).stat().st_size > 1000


def test_a_finished_fold_is_not_done_again_and_the_result_is_the_same(tmp_path, trainings):
    first = cross_validate(PLAIN, FRAMES, TINY, tmp_path, Interruption())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert before.keys() == {"plain-00.json", "plain-01.json", "plain-02.json"}
    (tmp_path / "plain-01.json").unlink()
    assert cross_validate(PLAIN, FRAMES, TINY, tmp_path, Interruption()) == first
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert [seed for _, seed in trainings[3:]] == [8]


def test_an_interruption_leaves_the_folds_that_are_done(tmp_path, trainings):
    with pytest.raises(Interrupted):
        cross_validate(PLAIN, FRAMES, TINY, tmp_path, After(2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain-00.json", "plain-01.json"]
    assert len(trainings) == 2


@pytest.mark.parametrize(
    ("study", "protocol", "frames"),
    [
        (PLAIN, dataclasses.replace(TINY, steps=3), FRAMES),
        (PLAIN, TINY, FRAMES[::-1]),
        (dataclasses.replace(PLAIN, objective=ELBO(sample_size=2)), TINY, FRAMES),
        (dataclasses.replace(PLAIN, objective=ImportanceWeighted(1)), TINY, FRAMES),
        (dataclasses.replace(PLAIN, preprocess=Rescale()), TINY, FRAMES),
        (dataclasses.replace(PLAIN, shuffled=False), TINY, FRAMES),
    ],
    ids=["protocol", "frames", "samples", "objective", "preprocessing", "blocks"],
)
def test_folds_of_something_else_are_not_taken(tmp_path, trainings, study, protocol, frames):
    cross_validate(PLAIN, FRAMES, TINY, tmp_path, Interruption())
    with pytest.raises(ValueError, match=r"plain-00\.json is of other frames or another protocol; choose another"):
        cross_validate(study, frames, protocol, tmp_path, Interruption())


def test_a_wrong_path_is_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^`path` must be .* frey_faces\.npz; .*nowhere\.mat is none\.$"):
        frey_face.run(tmp_path / "run", tmp_path / "nowhere.mat")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("shape", [(20, 28, 1), (28, 20, 3)], ids=str)
def test_other_images_are_refused(tmp_path, shape):
    np.savez(tmp_path / "other.npz", images=np.full((4, *shape), 9, np.uint8))
    with pytest.raises(ValueError, match=r"must hold grey frames of 28 x 20; other\.npz has images of shape \("):
        frey_face.run(tmp_path / "run", tmp_path / "other.npz")


@pytest.mark.skipif(not FREY_FACE, reason="TFVAE_FREY_FACE names no file of the Frey faces")
def test_the_frames_themselves_come_in_the_order_of_the_video():
    frames = frey_face.frames(Path(FREY_FACE))
    assert frames.shape == (1965, 28, 20, 1)
    steps = [np.abs(np.diff(each.astype(int), axis=0)).mean() for each in (frames, frames[random_folds(1965, 2, 0)[0]])]
    assert steps[0] < steps[1] / 2


def test_help_can_be_written_without_tensorflow():
    code = "import sys, reproduction; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
