"""What all benchmarks share: equal work is checked, then every system is measured in turn, each in its own process.

A script states a `Question`: experiments, the systems that take part in each, and targets for ratios of medians.
`main(question)` first lets every peer compute the loss of tfvae's first step for the same weights, batch and random
numbers, and stops unless losses agree to 1e-4 (relative) and models have as many parameters. Then it goes through all
experiments and systems once a repeat, so that a machine that slows down slows all of them down. Everything that was
measured goes to `results/NAME.json`. Options:

    --repeats N   times everything is measured (5)
    --only TEXT   experiments whose name holds TEXT
    --check       compare losses and parameters only
    --smoke       one repeat of a few steps, to show that it runs; writes nothing
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from cases import Case, Draws, training_images

RESULT = "RESULT "
RESULTS = Path(__file__).parent / "results"
TOLERANCE = 1e-4
STARTED = "BENCHMARK_STARTED"  # environment variable: when the measuring process was started, `time.time()`
PACKAGES = ("tensorflow", "keras", "tensorflow-probability", "numpy", "torch", "jax", "jaxlib", "pythae")
NEEDS = {"jax_vae": "jax", "torch_vae": "torch", "pythae_vae": "pythae"}  # modules of peers that need an extra


@dataclass(frozen=True)
class System:
    """One way to do the work.

    Attributes:
        name: in the report.
        module: of `peers`.
        measure: (the module, smoke) -> a figure in the experiment's unit; smoke asks for a tiny amount of work.
    """

    name: str
    module: str
    measure: Callable[[Any, bool], float]


@dataclass(frozen=True)
class Experiment:
    """What is measured, for several systems.

    Attributes:
        name: in the report and for `--only`.
        unit: of the figures.
        systems: that are compared.
        case: the model whose losses are compared first; None where there is nothing to compare.
        ours: the module whose loss is the reference.
    """

    name: str
    unit: str
    systems: Sequence[System]
    case: Case | None = None
    ours: str = "tfvae_vae"


@dataclass(frozen=True)
class Target:
    """What a median should be, beside the medians of peers.

    Attributes:
        experiment, ours: whose median is looked at.
        peers: the best of these medians is what it is divided by; none: it stands for itself.
        bound: what the result should reach, or not exceed where less is better; None: only reported.
        less_is_better: for seconds and memory.
        difference: the best peer's median is subtracted instead.
    """

    experiment: str
    ours: str
    peers: Sequence[str]
    bound: float | None
    less_is_better: bool = False
    difference: bool = False

    def result(self, medians: dict[str, float]) -> float | None:
        """None if something was not measured."""
        peers = [medians[name] for name in self.peers if name in medians]
        if self.ours not in medians or (self.peers and not peers):
            return None
        if not peers:
            return medians[self.ours]
        best = min(peers) if self.less_is_better else max(peers)
        return medians[self.ours] - best if self.difference else medians[self.ours] / best

    def met(self, result: float) -> bool | None:
        if self.bound is None:
            return None
        return result <= self.bound if self.less_is_better else result >= self.bound

    def __str__(self) -> str:
        sign = " - " if self.difference else " / "
        return f"{self.experiment}: " + sign.join([self.ours, *([" or ".join(self.peers)] if self.peers else [])])


@dataclass(frozen=True)
class Question:
    """What a script answers.

    Attributes:
        name: the script's, and the result file's.
        derive: from the medians by experiment and system to further figures of the report.
    """

    name: str
    experiments: Sequence[Experiment]
    targets: Sequence[Target] = ()
    derive: Callable[[dict[str, dict[str, float]]], dict[str, float]] = field(default=lambda medians: {})


def main(question: Question) -> None:
    options = parse()
    if options.child:
        task, *arguments = options.child
        print(f"\n{RESULT}{json.dumps(TASKS[task](question, *arguments))}", flush=True)
        return
    experiments = [e for e in question.experiments if options.only in e.name]
    if not experiments:
        raise SystemExit(f"No experiment's name has {options.only!r} in it.")
    left_out = sorted({s.module for e in experiments for s in e.systems if not installed(s.module)})
    for module in left_out:
        print(f"{module} is left out: {NEEDS[module]} is not installed.")
    checks = {e.name: check(e) for e in experiments if e.case}
    if options.check:
        return
    repeats: dict[str, dict[str, list[dict]]] = {e.name: {s.name: [] for s in present(e)} for e in experiments}
    for index in range(1 if options.smoke else options.repeats):
        for experiment in experiments:
            for system in present(experiment):
                figure = child("measure", experiment.name, system.name, str(int(options.smoke)))
                repeats[experiment.name][system.name].append(figure)
                label = f"{index + 1} {experiment.name}, {system.name}"
                print(f"{label}: {figure['value']:,.4g} {experiment.unit}", flush=True)
    report = summary(question, repeats) | {"left_out": left_out, "checks": checks}
    if options.smoke:
        return  # ratios of a few steps mean nothing
    print_results(question, report)
    write(question, report)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)  # a task of TASKS, in this process
    return parser.parse_args()


def installed(module: str) -> bool:
    return module not in NEEDS or importlib.util.find_spec(NEEDS[module]) is not None


def present(experiment: Experiment) -> list[System]:
    return [system for system in experiment.systems if installed(system.module)]


def child(*task: str) -> Any:
    """What a task gives in a fresh process of the same script."""
    load = os.getloadavg()
    command = [sys.executable, os.path.abspath(sys.argv[0]), "--child", *task]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3"} | os.environ | {STARTED: repr(time.time())}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(task)} failed:\n{done.stderr[-3000:]}")
    line = next(line for line in done.stdout.splitlines() if line.startswith(RESULT))
    result = json.loads(line.removeprefix(RESULT))
    return result | {"load_average_before": load} if task[0] == "measure" else result


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


def summary(question: Question, repeats: dict[str, dict[str, list[dict]]]) -> dict[str, Any]:
    medians = {
        experiment: {name: statistics.median(each["value"] for each in figures) for name, figures in systems.items()}
        for experiment, systems in repeats.items()
    }
    results = [(target, target.result(medians.get(target.experiment, {}))) for target in question.targets]
    return {
        "units": {e.name: e.unit for e in question.experiments if e.name in repeats},
        "medians": medians,
        "targets": [
            asdict(t) | {"result": result, "met": t.met(result)} for t, result in results if result is not None
        ],
        "derived": question.derive(medians),
        "repeats": repeats,
    }


def print_results(question: Question, report: dict[str, Any]) -> None:
    for target in question.targets:
        result = target.result(report["medians"].get(target.experiment, {}))
        if result is None:
            continue
        sign = "<=" if target.less_is_better else ">="
        missed = ": MISSED" if target.met(result) is False else ""
        aim = "" if target.bound is None else f" (target {sign} {target.bound}{missed})"
        print(f"{target} = {result:.3f}{aim}")
    for name, value in report["derived"].items():
        print(f"{name} = {value:.3f}")


def write(question: Question, report: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    machine = {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    report |= {"machine": machine, "versions": versions(), "written": time.strftime("%Y-%m-%d")}
    (RESULTS / f"{question.name}.json").write_text(json.dumps(report, indent=1) + "\n")


def versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
