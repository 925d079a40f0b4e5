"""`tfvae train` by two processes: killed, asked to stop, started unlike one another; nothing hangs and nothing is lost.

Every process is a real one, and each kill is checked to have hit one that ran.
"""

import contextlib
import dataclasses
import random
import re
import shutil
import signal
import socket
import time

import numpy as np
import pytest

import bad_pictures as bad_records
from faults import fault
from processes import DEADLINE, Worker, ended, environment, free_ports, workers
from resumed import everything
from tfvae.app import run
from tfvae.app.interruption import EXIT_CODE
from tfvae.app.settings import Settings, as_yaml
from tfvae.datasets import load, tfds
from tfvae.parallel.strategies import HEARTBEAT
from tiers import first, long

NOTICED = 60  # seconds in which the others have to have ended, as docs/distributed.md says
assert HEARTBEAT < NOTICED


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "levels.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (300, 8, 8), np.uint8))
    return Settings(
        model="vae(latent_size=1, network=mlp(4))", data=str(path), batch_size=9, averaging=0.9, clip=5.0, epochs=4,
        seed=2,
    )  # fmt: skip  # 9 = 4 + 5


def command(folder, settings=None):
    """For Python, to train in a folder; without settings it goes on."""
    if settings is None:
        return ["-m", "tfvae", "train", "--resume", "--out", str(folder)]
    config = folder.with_name(f"{folder.name}-{time.monotonic_ns()}.yaml")
    config.write_text(as_yaml(settings))
    return ["-m", "tfvae", "train", "--config", str(config), "--out", str(folder)]


def changed(change, line):
    """The command in a process in which a line of Python has changed something."""
    program = f"import runpy, time, tfvae.app.run\n{change}\nrunpy.run_module('tfvae', None, '__main__', True)"
    return ["-c", program, *line[2:]]


@contextlib.contextmanager
def two(folder, settings=None):
    """Two workers that train in a folder."""
    line = command(folder, settings)
    with workers(line, line) as started:
        yield started


def epochs_done(folder):
    history = folder / "history.csv"
    return max(0, len(history.read_text().splitlines()) - 1) if history.exists() else 0


def wait_for_an_epoch(folder, started, before):
    end = time.monotonic() + DEADLINE
    while epochs_done(folder) <= before:
        assert all(each.process.poll() is None for each in started), [each.output() for each in started]
        assert time.monotonic() < end
        time.sleep(0.02)


def finish(folder, settings=None):
    with two(folder, settings) as started:
        codes, outputs = ended(started)
    assert codes == [0, 0], outputs
    return outputs


def assert_same_weights(one, other):
    """Of two finished runs every array in the model, bit for bit.

    The history only nearly: an epoch that was interrupted goes on with its sums divided anew among the workers.
    """
    for mine, others in zip(everything(one / run.MODEL), everything(other / run.MODEL), strict=True):
        np.testing.assert_array_equal(mine, others)
    histories = [np.loadtxt(each / "history.csv", delimiter=",", skiprows=1) for each in (one, other)]
    np.testing.assert_allclose(*histories, rtol=1e-6)


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    """A run that nothing happens to."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    outputs = finish(folder, settings)
    assert "Run folder" in outputs[0]
    assert "Run folder" not in outputs[1] and "Epoch" not in outputs[1]  # the chief alone says something
    return folder


def lost(started, victim, number=signal.SIGKILL):
    """One of two running workers gets a signal that it cannot answer, and the other one ends."""
    assert all(each.process.poll() is None for each in started), "the run ended before the signal"
    started[victim].process.send_signal(number)
    sent = time.monotonic()
    (code,), (output,) = ended([started[1 - victim]], NOTICED)
    print(f"The other worker ended {time.monotonic() - sent:.1f} s after the signal.")
    assert code == 1, output
    name = rf"/job:worker/(replica:0/)?task:{victim}" + ("" if victim else "|the chief")
    sentence = rf"Error: Worker {1 - victim} of 2 has lost another worker(, ({name})| \(.+\)): it has ended, or was not"
    assert re.search(sentence, output), output
    assert "start all again with --resume." in output
    assert "Traceback" not in output
    if number == signal.SIGKILL:
        assert started[victim].process.wait() == -number
    else:
        assert started[victim].process.poll() is None


def killed(folder, settings, victim, chance):
    """Two workers of whom one is killed at a random moment after the first epoch that they end."""
    done = epochs_done(folder)
    with two(folder, settings) as started:
        wait_for_an_epoch(folder, started, done)
        time.sleep(chance.uniform(0.0, 0.3))
        lost(started, victim)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("victims", [(1,), (0, 1, 0, 1)], ids=["one kill", "four kills"])
def test_kills_lose_nothing_and_nobody_hangs(whole, settings, tmp_path, victims):
    settings = dataclasses.replace(settings, epochs=len(victims) + 3)
    chance, folder = random.Random(3), tmp_path / "run"
    for number, victim in enumerate(victims):
        killed(folder, None if number else settings, victim, chance)
    finish(folder)
    if len(victims) > 1:
        finish(whole := tmp_path / "whole", settings)
    assert_same_weights(folder, whole)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_worker_that_hangs_is_lost_too(settings, tmp_path, victim):
    folder = tmp_path / "run"
    with two(folder, dataclasses.replace(settings, epochs=1000)) as started:
        wait_for_an_epoch(folder, started, 0)
        lost(started, victim, signal.SIGSTOP)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "victim"), [("training.load_data", 1), ("training.load_data", 0), ("build.model", 1)]
)
def test_a_worker_that_is_lost_before_the_first_step_is_missed_as_soon(settings, tmp_path, place, victim):
    line = command(tmp_path / "run", settings)
    there = tmp_path / "there"
    waits = f"lambda *_: open({str(there)!r}, 'w').close() or time.sleep({DEADLINE})"
    slow = changed(f"import tfvae.app.run.training; tfvae.app.run.{place} = {waits}", line)
    with workers(*[slow if number == victim else line for number in range(2)]) as started:
        end = time.monotonic() + DEADLINE
        while not there.exists():
            assert time.monotonic() < end, [each.output() for each in started]
            time.sleep(0.1)
        lost(started, victim)


@contextlib.contextmanager
def second_worker_alone(folder, settings, taken):
    """The second of two, whose chief's port or own is a socket of this test's."""
    ports = free_ports(2)
    with socket.create_server(("127.0.0.1", ports[taken])) as server:
        worker = Worker(command(folder, settings), environment(ports, 1))
        try:
            yield worker, server
        finally:
            worker.end()


@fault("environments")
@pytest.mark.slow
@pytest.mark.parametrize("number", first(1, [signal.SIGTERM, signal.SIGINT]))
def test_a_signal_ends_the_wait_for_the_others(settings, tmp_path, number):
    """When nothing has been done yet, and it has said whom it waits for."""
    with second_worker_alone(tmp_path / "run", settings, 0) as (worker, server):
        server.settimeout(DEADLINE)
        server.accept()  # so it waits
        time.sleep(4)
        worker.process.send_signal(number)
        assert worker.process.wait(NOTICED) == EXIT_CODE
        assert "Waiting for 1 other process, 127.0.0.1:" in worker.output()
        assert "`--strategy one` works alone." in worker.output()
        assert "Interrupted; nothing was lost." in worker.output()
    assert not (tmp_path / "run").exists()


@fault("workers")
@pytest.mark.slow
@pytest.mark.parametrize("unlucky", first(1, [1, 0]))
@pytest.mark.parametrize(
    "wrong", [["--netwrok", "mlp(4)"], long(["--config", "no-such-file.yaml"]), long(["--network", "mlp(none)"])]
)
def test_a_worker_that_cannot_begin_tells_the_others(settings, tmp_path, unlucky, wrong):
    line = command(tmp_path / "run", settings)
    with workers(*[[*line, *wrong] if number == unlucky else line for number in range(2)]) as started:
        codes, outputs = ended(started, NOTICED)
    assert all(codes), outputs
    assert "The 2 workers did not all come together: " in " ".join(outputs[1 - unlucky].split()), outputs
    assert "Traceback" not in "".join(outputs)
    assert not (tmp_path / "run").exists()


@pytest.mark.long
@pytest.mark.slow
def test_a_port_that_is_taken_is_named(settings, tmp_path):
    with second_worker_alone(tmp_path / "run", settings, 1) as (worker, server):
        codes, (output,) = ended([worker])
        address = f"127.0.0.1:{server.getsockname()[1]}"
    assert codes == [1]
    sentence = f"did not all come together: {address} cannot be listened at; another program may have that port."
    assert sentence in " ".join(output.split())
    assert "Traceback" not in output


@pytest.mark.slow
def test_sigterm_to_one_worker_and_then_a_kill_lose_nothing(whole, settings, tmp_path):
    folder = tmp_path / "run"
    with two(folder, settings) as started:
        wait_for_an_epoch(folder, started, 0)
        started[1].process.send_signal(signal.SIGTERM)
        codes, outputs = ended(started)
    assert codes == [EXIT_CODE, EXIT_CODE], outputs
    assert all("Interrupted; everything is saved." in each for each in outputs), outputs
    killed(folder, None, 1, random.Random(3))
    finish(folder)
    assert_same_weights(folder, whole)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("unlucky", [1, 0])
def test_a_record_that_one_worker_cannot_decode_ends_all(tmp_path, unlucky, monkeypatch):
    monkeypatch.setattr(tfds, "MEMORY_LIMIT", 0)
    bad_records.prepare(tmp_path, {})
    train, _ = load("tfds:pictures", data_dir=tmp_path).split_validation(5)
    (rows,) = train.batches(5, seed=0).skip(3).take(1).as_numpy_iterator()
    (images,) = train.in_order(len(train)).as_numpy_iterator()
    number = 5 + int((images == rows[3 * unlucky]).all((1, 2, 3)).argmax())  # 2 rows and 3
    shutil.rmtree(tmp_path / "pictures")
    path, _ = bad_records.prepare(tmp_path, {number: "undecodable"})
    line = command(tmp_path / "run", dataclasses.replace(bad_records.SETTINGS, data_dir=str(tmp_path)))
    line = changed("import tfvae.datasets.tfds; tfvae.datasets.tfds.MEMORY_LIMIT = 0", line)
    with workers(line, line) as started:
        ended([started[unlucky]])
        gone = time.monotonic()
        ended([started[1 - unlucky]], NOTICED)
        print(f"The other worker ended {time.monotonic() - gone:.1f} s later.")
        codes, outputs = ended(started)
    assert codes == [1, 1], outputs
    assert f"Error: Record {number} of {path} is no image of shape (8, 8, 1): Unknown image" in outputs[unlucky]
    assert f"Error: Worker {1 - unlucky} of 2 has lost another worker, /job:worker/" in outputs[1 - unlucky]
    assert "Traceback" not in "".join(outputs)


@pytest.mark.slow
def test_workers_that_were_started_unlike_one_another_are_refused(settings, tmp_path):
    folder = tmp_path / "run"
    others = dataclasses.replace(settings.with_options(network="mlp(5)"), batch_size=10)
    other = changed(
        "import tfvae._support.hardware; tfvae._support.hardware.__version__ = '0.0.9'", command(folder, others)
    )
    with workers(command(folder, settings), other) as started:
        codes, outputs = ended(started)
    assert codes == [1, 1]
    for output in outputs:
        assert (
            "Error: All workers must be started alike: worker 1 has `batch_size` 10, the chief 9; worker 1 has "
            "`network` mlp(units=(5,), activation=gelu), the chief mlp(units=(4,), activation=gelu); worker 1 has "
            "tfvae 0.0.9, the chief " in output
        )
        assert "Traceback" not in output
    assert not folder.exists()
