"""Where does the time of a training step go?

    python benchmarks/step_profile.py       writes results/profile.json

Traces executions of the dense Gaussian VAE (784-500-20) at batch 100 and 1000 with TensorFlow's profiler and sorts the
pieces of the XLA program by the TensorFlow operation that each was made from: matrix products, the optimiser, random
numbers, and all other elementwise work. What is left of an execution is launching it and handing it the batches
("Python and input"). Shares are of the time of a step in steady state and sum to 100 %; pieces that ran at once
are scaled down together. (Writing the trace makes a step some per cent slower.)
"""

from __future__ import annotations

import collections
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

DUMP = tempfile.mkdtemp()
# XLA reads this when it starts, and then writes its programs there, with what each piece was made from.
os.environ["XLA_FLAGS"] = f"--xla_dump_to={DUMP} --xla_dump_hlo_as_text"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

import tfvae
from cases import DENSE, DENSE_LARGE_BATCH, LEARNING_RATE, Case, training_images
from peers import tfvae_vae
from records import write

STEPS, EXECUTIONS = 20, 9
REST = "Python and input"


def kind(name: str, made_from: str) -> str:
    """Of a piece of the program, from its own name and that of the operation that it was made from."""
    if name.startswith(("MatMul", "dot")):
        return "matrix products"
    if "adam" in made_from or name.startswith("copy"):  # of the weights, which the optimiser then overwrites
        return "optimiser"
    return "random numbers" if "StatelessRandom" in made_from else "elementwise"


def pieces() -> dict[str, str]:
    """The kind of each instruction of the program that was compiled last."""
    program = max(Path(DUMP).glob("*after_optimizations.txt"), key=lambda path: path.stat().st_mtime)
    found = {}
    for line in program.read_text().splitlines():
        if instruction := re.match(r"\s*(?:ROOT )?%?([\w.\-]+) = ", line):
            made_from = re.search(r'op_name="([^"]*)"', line)
            found[instruction[1]] = kind(instruction[1], made_from[1] if made_from else "")
    return {name: each for name, each in found.items() if not name.startswith("while")}  # it contains the others


def traced(execution: Callable[[], object], known: dict[str, str]) -> dict[str, float]:
    """Milliseconds a step by kind, of one execution."""
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        start = time.perf_counter()
        execution()
        whole = (time.perf_counter() - start) / STEPS
        tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    found: dict[str, float] = collections.Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                if name in known:
                    found[known[name]] += event.duration_ps / 1e12 / STEPS
    together = sum(found.values())
    if together > whole:  # some pieces ran at the same time
        found = {name: seconds * whole / together for name, seconds in found.items()}
    found[REST] = max(0.0, whole - together)
    return {name: 1e3 * seconds for name, seconds in found.items()}


def profile(case: Case) -> dict[str, float]:
    model = tfvae_vae.build(case)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), jit_compile=True, steps_per_execution=STEPS)
    train = model.make_train_function()
    iterator = iter(tfvae.training.batches(training_images(55_000), case.batch, seed=0))
    for _ in range(3):
        train(iterator)
    known = pieces()
    runs = [traced(lambda: train(iterator), known) for _ in range(EXECUTIONS)]
    return {name: statistics.median(run.get(name, 0.0) for run in runs) for name in runs[0]}


def main() -> None:
    milliseconds = {}
    for case in (DENSE, DENSE_LARGE_BATCH):
        times = profile(case)
        milliseconds[f"batch {case.batch}"] = times
        whole = sum(times.values())
        print(f"batch {case.batch}: {whole:.2f} ms a step")
        for name, each in sorted(times.items(), key=lambda item: -item[1]):
            print(f"  {name:18} {each:6.3f} ms {100 * each / whole:5.1f} %", flush=True)
    write("profile", {"milliseconds": milliseconds})


if __name__ == "__main__":
    main()
