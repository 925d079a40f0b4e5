"""What was measured: medians, how they stand to the targets, and the files that keep all of it."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from questions import Figures, Question, Target
from tfvae._support.hardware import processor

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    "tfvae", "tensorflow", "keras", "tensorflow-probability", "numpy", "torch", "jax", "jaxlib", "pythae", "openvino",
)  # fmt: skip


def summary(question: Question, repeats: dict[str, dict[str, list[dict]]]) -> dict[str, Any]:
    medians = {
        experiment: {name: statistics.median(each["value"] for each in figures) for name, figures in systems.items()}
        for experiment, systems in repeats.items()
    }
    derived = question.derive(medians)
    return {
        "units": {e.name: e.unit for e in question.experiments if e.name in repeats},
        "medians": medians,
        "targets": [
            asdict(target) | {"result": result, "met": target.met(result)}
            for target, result in results(question, medians | derived)
        ],
        "derived": {f"{name}: {what}": value for what, values in derived.items() for name, value in values.items()},
        "repeats": repeats,
    }


def results(question: Question, figures: Figures) -> list[tuple[Target, float]]:
    """The targets for which everything was measured, and what came."""
    found = [(target, target.result(figures.get(target.experiment, {}))) for target in question.targets]
    return [(target, result) for target, result in found if result is not None]


def print_results(question: Question, report: dict[str, Any]) -> None:
    for target, result in results(question, report["medians"] | question.derive(report["medians"])):
        sign = "<=" if target.less_is_better else ">="
        missed = ": MISSED" if target.met(result) is False else ""
        aim = "" if target.bound is None else f" (target {sign} {target.bound}{missed})"
        print(f"{target} = {result:.3f}{aim}")


def write(name: str, report: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    report |= {"machine": machine(), "versions": versions(), "written": time.strftime("%Y-%m-%d")}
    (RESULTS / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")


def results_from_here(name: str) -> dict[str, Any]:
    """What was measured before, if that was on this machine and with these versions; else nothing."""
    file = RESULTS / f"{name}.json"
    report = json.loads(file.read_text()) if file.exists() else {}
    return report if report and (report["machine"], report["versions"]) == (machine(), versions()) else {}


def machine() -> dict[str, Any]:
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
