"""`tfvae train --strategy mirrored` on the two logical CPUs: the run of one device, to rounding, resumed exactly."""

import dataclasses
import json

import numpy as np
import pytest

from interruptions import After
from resumed import everything
from tfvae.app import run
from tfvae.app.interruption import Interrupted
from tfvae.app.settings import Settings, settings_of
from tfvae.parallel import strategies


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "levels.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (100, 8, 8), np.uint8))
    return Settings(
        model="vae(latent_size=1, network=mlp(4))", data=str(path), batch_size=9, averaging=0.9, clip=0.5, epochs=2,
        strategy="mirrored", learning_rate=1e-4,
    )  # fmt: skip


@pytest.fixture(scope="module")
def mirrored(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "mirrored"
    run.train(settings, folder, verbose=0)
    return folder


def report(folder):
    return json.loads((folder / "report.json").read_text())


def test_auto_takes_what_there_is(monkeypatch):
    assert strategies.resolved("auto") == "one"
    assert strategies.resolved("mirrored") == "mirrored"
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    assert strategies.resolved("auto") == "multiworker"
    assert strategies.resolved("one") == "one"


def test_several_workers_need_names():
    with pytest.raises(ValueError, match="`strategy` multiworker takes TF_CONFIG, or the variables of a SLURM step"):
        strategies.strategy("multiworker")


@pytest.mark.long
@pytest.mark.slow
def test_two_replicas_make_the_run_of_one_device(mirrored, settings, tmp_path):
    one = run.train(dataclasses.replace(settings, strategy="one"), tmp_path / "one", verbose=0)
    two = report(mirrored)
    for figure in ("loss", "elbo", "distortion", "rate"):
        assert two[figure] == pytest.approx(one[figure], rel=1e-5)
    assert settings_of(mirrored).strategy == "mirrored"


@pytest.mark.slow
def test_an_interrupted_mirrored_run_goes_on_exactly(mirrored, settings, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(Interrupted):
        run.train(settings, folder, After(4), verbose=0)
    run.train(settings, folder, resume=True, verbose=0)
    for mine, others in zip(everything(folder / run.MODEL), everything(mirrored / run.MODEL), strict=True):
        np.testing.assert_array_equal(mine, others)


@pytest.mark.slow
def test_going_on_with_other_devices_is_said(mirrored, settings, tmp_path, capsys):
    folder = tmp_path / "run"
    with pytest.raises(Interrupted):
        run.train(settings, folder, After(4), verbose=0)
    found = run.train(dataclasses.replace(settings, strategy="one"), folder, resume=True, verbose=0)
    assert "The checkpoint was written on 2 replicas; this run goes on with 1" in capsys.readouterr().err
    assert found["elbo"] == pytest.approx(report(mirrored)["elbo"], rel=1e-5)


def test_several_steps_an_execution_are_refused(settings, tmp_path):
    with pytest.raises(ValueError, match="`steps_per_execution` of 2 replicas must be 1; received 4"):
        run.train(dataclasses.replace(settings, xla=True, steps_per_execution=4), tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


@pytest.mark.long
@pytest.mark.slow
def test_an_interrupted_run_by_xla_goes_on_exactly(settings, mirrored, tmp_path):
    settings = dataclasses.replace(settings, xla=True)
    whole = run.train(settings, tmp_path / "whole", verbose=0)
    with pytest.raises(Interrupted):
        run.train(settings, tmp_path / "run", After(4), verbose=0)
    found = run.train(settings, tmp_path / "run", resume=True, verbose=0)
    for mine, others in zip(*(everything(tmp_path / each / run.MODEL) for each in ("run", "whole")), strict=True):
        np.testing.assert_array_equal(mine, others)
    assert found["elbo"] == whole["elbo"] == pytest.approx(report(mirrored)["elbo"], rel=1e-5)
