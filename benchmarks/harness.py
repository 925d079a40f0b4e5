"""What all benchmarks share: equal work is checked, then every system is measured in turn, each in its own process.

A script states a `Question`: experiments, the systems that take part in each, and targets for ratios of medians.
`main(question)` first lets every peer compute the loss of tfvae's first step for the same weights, batch and random
numbers, and stops unless losses agree to 1e-4 (relative) and models have as many parameters. Then it goes through all
experiments and systems once a repeat, so that a machine that slows down slows all of them down. Every repeat, with the
load before it, goes to `results/NAME.json`. Options:

    --repeats N   times everything is measured (5)
    --only TEXT   the experiment of this name, or all with TEXT in their names; others keep what was measured before
    --add         to the repeats that were measured before, on the same machine and with the same versions
    --check       compare losses and parameters only
    --smoke       one repeat of a few steps, to show that it runs; writes nothing
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cases import Draws, training_images
from questions import Experiment, Question, System
from records import print_results, results_from_here, summary, write

RESULT = "RESULT "
TOLERANCE = 1e-4
STARTED = "BENCHMARK_STARTED"  # environment variable: when the measuring process was started, `time.time()`
NEEDS = {  # modules of peers that need an extra
    "jax_realnvp": "jax",
    "jax_vae": "jax",
    "pythae_vae": "pythae",
    "torch_realnvp": "torch",
    "torch_vae": "torch",
}


def main(question: Question) -> None:
    options = parse()
    if options.child:
        task, *arguments = options.child
        report_to_parent(TASKS[task](question, *arguments))
        return
    exactly = [e for e in question.experiments if options.only == e.name]
    experiments = exactly or [e for e in question.experiments if options.only in e.name]
    if not experiments:
        raise SystemExit(f"No experiment's name has {options.only!r} in it.")
    for module in left_out(experiments):
        print(f"{module} is left out: {NEEDS[module]} is not installed.")
    checks = {e.name: check(e) for e in experiments if e.case}
    if options.smoke:
        measure_once(experiments, smoke=True)
    elif not options.check:
        measure_all(question, experiments, checks, options)


def measure_all(question: Question, experiments: list[Experiment], checks: dict, options: argparse.Namespace) -> None:
    """All repeats; what was measured is written after each, so that an interruption loses one at most."""
    names = [experiment.name for experiment in experiments]
    earlier = results_from_here(question.name)
    repeats = earlier.get("repeats", {}) | {name: {} for name in names if not options.add}
    checks = earlier.get("checks", {}) | checks
    for _ in range(options.repeats):
        for experiment, figures in measure_once(experiments, smoke=False).items():
            for system, figure in figures.items():
                repeats.setdefault(experiment, {}).setdefault(system, []).append(figure)
        report = summary(question, repeats) | {"left_out": left_out(question.experiments), "checks": checks}
        write(question.name, report)
    print_results(question, report)


def measure_once(experiments: list[Experiment], smoke: bool) -> dict[str, dict[str, dict]]:
    """One repeat: a figure for each system of each experiment."""
    figures: dict[str, dict[str, dict]] = {experiment.name: {} for experiment in experiments}
    for experiment in experiments:
        for system in present(experiment):
            figure = child("measure", experiment.name, system.name, str(int(smoke)))
            figures[experiment.name][system.name] = figure
            print(f"{experiment.name}, {system.name}: {figure['value']:,.4g} {experiment.unit}", flush=True)
    return figures


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)  # a task of TASKS, in this process
    return parser.parse_args()


def installed(module: str) -> bool:
    return module not in NEEDS or importlib.util.find_spec(NEEDS[module]) is not None


def left_out(experiments: Sequence[Experiment]) -> list[str]:
    """Modules whose framework is not installed."""
    return sorted({s.module for e in experiments for s in e.systems if not installed(s.module)})


def present(experiment: Experiment) -> list[System]:
    return [system for system in experiment.systems if installed(system.module)]


def child(*task: str) -> Any:
    """What a task gives in a fresh process of the same script."""
    load = os.getloadavg()
    result = in_own_process(*task)
    return result | {"load_average_before": load} if task[0] == "measure" else result


def in_own_process(*arguments: str) -> Any:
    """What this script reports when it is started with `--child` and these arguments."""
    command = [sys.executable, os.path.abspath(sys.argv[0]), "--child", *arguments]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3"} | os.environ | {STARTED: repr(time.time())}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    line = next(line for line in done.stdout.splitlines() if line.startswith(RESULT))
    return json.loads(line.removeprefix(RESULT))


def report_to_parent(result: Any) -> None:
    """In a child: hands the result to `in_own_process`."""
    print(f"\n{RESULT}{json.dumps(result)}", flush=True)


def measure(question: Question, experiment_name: str, system_name: str, smoke: str) -> dict[str, float]:
    system = next(s for s in named(question, experiment_name).systems if s.name == system_name)
    value = system.measure(importlib.import_module(f"peers.{system.module}"), smoke == "1")
    return {"value": value, "peak_memory_mb": peak_memory_mb()}


def peak_memory_mb() -> float:
    """Most resident memory that this process has had (not `ru_maxrss`, which begins with the parent's)."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def check(experiment: Experiment) -> dict[str, dict[str, float]]:
    """Loss and parameters of each of an experiment's modules, which have to be equal."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "reference.npz")
        ours = child("reference", experiment.name, file)
        found = {experiment.ours: ours}
        for module in sorted({system.module for system in present(experiment)} - {experiment.ours}):
            found[module] = child("peer", experiment.name, module, file)
            assert_equal(module, found[module], ours)
    losses = ", ".join(f"{module} {each['loss']:.4f}" for module, each in found.items())
    print(f"{experiment.name}: {ours['parameters']:,} parameters; loss {losses}", flush=True)
    return found


def assert_equal(module: str, peer: dict[str, float], ours: dict[str, float]) -> None:
    if peer["parameters"] != ours["parameters"]:
        raise SystemExit(f"{module} has {peer['parameters']} parameters, tfvae {ours['parameters']}.")
    if not abs(peer["loss"] / ours["loss"] - 1) <= TOLERANCE:
        raise SystemExit(f"{module} has a loss of {peer['loss']}, tfvae of {ours['loss']}.")


def named(question: Question, experiment_name: str) -> Experiment:
    return next(e for e in question.experiments if e.name == experiment_name)


def reference_task(question: Question, experiment_name: str, file: str) -> dict[str, float]:
    experiment = named(question, experiment_name)
    ours, case = importlib.import_module(f"peers.{experiment.ours}"), experiment.case
    raw = training_images(case.batch)
    weights, draws, loss = ours.reference(case, raw)
    np.savez(file, raw, *draws, *weights)
    return {"loss": loss, "parameters": ours.parameters(case)}


def peer_task(question: Question, experiment_name: str, module: str, file: str) -> dict[str, float]:
    case, peer = named(question, experiment_name).case, importlib.import_module(f"peers.{module}")
    raw, data, latent, *weights = np.load(file).values()
    return {"loss": peer.loss(case, weights, raw, Draws(data, latent)), "parameters": peer.parameters(case)}


TASKS = {"measure": measure, "reference": reference_task, "peer": peer_task}
