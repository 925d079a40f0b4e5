"""Real worker processes on the loopback interface, none of which is left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import tfvae

DEADLINE = 240  # seconds, after which something hangs; on a quiet machine two workers need ten


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def environment(ports, index):
    """What makes a process the worker of that number."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
    package = str(Path(tfvae.__file__).parents[1])  # the one that is tested, wherever the process begins
    return {**os.environ, "TF_CONFIG": json.dumps(config), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": package}


class Worker:
    """A process in a group of its own, whose output is kept in a file, so that no pipe can be full."""

    def __init__(self, arguments, environment):
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed by `end`)
        self.process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdout=self._output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip

    def output(self):
        self._output.seek(0)
        return self._output.read()

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._output.close()


@contextmanager
def workers(*arguments):
    """One worker for each list of arguments for Python."""
    ports = free_ports(len(arguments))
    started = [Worker(each, environment(ports, index)) for index, each in enumerate(arguments)]
    try:
        yield started
    finally:
        for each in started:
            each.end()


def ended(started, deadline=DEADLINE):
    """The exit codes and outputs of all workers, when they have ended."""
    end = time.monotonic() + deadline
    codes = []
    for each in started:
        try:
            codes.append(each.process.wait(max(0.1, end - time.monotonic())))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{deadline} s have passed:\n" + "\n---\n".join(e.output() for e in started)) from None
    return codes, [each.output() for each in started]
