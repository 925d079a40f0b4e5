"""`tfvae evaluate` by two processes: the report of one, which the chief alone writes; killed or started unlike."""

import json
import shutil
import signal
import time

import numpy as np
import pytest

import tiny
from processes import DEADLINE, ended, workers
from small_runs import contents, make
from tfvae.app.run import evaluation

pytestmark = pytest.mark.slow
SHARED = ("likelihood", "reliability", "simulated", "latents", "data", "settings", "model_digest", "missing")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """230 test images are blocks of 100, 100 and 30."""
    folder, images = tmp_path_factory.mktemp("run"), tiny.images(330)
    np.savez(folder / "discs.npz", images=images[230:], test_images=images[:230])
    return make(folder / "run", folder / "discs.npz", steps=20)


@pytest.fixture
def run(source, tmp_path):
    return shutil.copytree(source, tmp_path / "run")


def command(folder, *options):
    return ["-m", "tfvae", "evaluate", str(folder), *map(str, options)]


def test_two_workers_write_the_report_of_one(source, run, tmp_path):
    other = shutil.copytree(source, tmp_path / "other")
    one = evaluation.evaluate(other, 30)
    line = command(run, "--sample-size", 30)
    with workers(line, line) as started:
        codes, outputs = ended(started)
    assert codes == [0, 0], outputs
    assert "... log p(x) with 30 samples for each of 230 examples" in outputs[0] and "Wrote" in outputs[0]
    assert "..." not in outputs[1] and "Wrote" not in outputs[1] and "log p(x)" not in outputs[1], outputs[1]
    two, arrays = evaluation.read(run)
    for section in SHARED:
        assert two[section] == json.loads(json.dumps(one[section])), section
    for name, array in evaluation.read(other)[1].items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)
    tables = [(folder / "evaluation/table.txt").read_text() for folder in (run, other)]
    assert tables[0] == tables[1]
    assert {path.name for path in run.iterdir()} == {"config.yaml", "model.keras", "evaluation"}


@pytest.mark.long
def test_workers_that_were_started_unlike_one_another_are_refused(source, run, tmp_path):
    other = shutil.copytree(source, tmp_path / "other")
    (other / "model.keras").write_bytes((source / "model.keras").read_bytes() + b"\0")
    before = contents(run)
    with workers(command(run, "--seed", 1), command(other, "--images", 5)) as started:
        codes, outputs = ended(started)
    assert codes == [1, 1], outputs
    for output in outputs:
        assert "Error: All workers must be started alike: worker 1 has `--images` 5, the chief None;" in output
        assert "worker 1 has `--seed` 0, the chief 1; worker 1 has the model " in output
        assert "worker 1 has the test images" in output and "Traceback" not in output
    assert contents(run) == before


@pytest.mark.long
def test_a_worker_that_sees_no_run_is_named(run, tmp_path):
    with workers(command(run), command(tmp_path / "nothing")) as started:
        codes, outputs = ended(started)
    assert codes == [1, 1], outputs
    assert "Error: Worker 1 cannot go on: " in outputs[0] and "nothing" in outputs[0]
    assert not (run / "evaluation").exists()


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("victim", [0, 1])
def test_a_kill_ends_the_other_and_leaves_nothing(run, victim, number):
    before, line = contents(run), command(run, "--sample-size", 100_000)
    with workers(line, line) as started:
        end = time.monotonic() + DEADLINE
        while "... log p(x)" not in started[0].output():
            assert all(each.process.poll() is None for each in started), [each.output() for each in started]
            assert time.monotonic() < end
            time.sleep(0.05)
        started[victim].process.send_signal(number)
        codes, outputs = ended(started)  # the other does its own share first
    assert codes[victim] == -number
    assert codes[1 - victim] == 1, outputs[1 - victim]
    assert f"Worker {1 - victim} of 2 has lost another worker" in outputs[1 - victim]
    assert "Nothing was written; start all again." in outputs[1 - victim]
    assert "Traceback" not in outputs[1 - victim]
    assert contents(run) == before
