"""Writes docs/performance.md: the text of performance.md.in, its tables made from `results/*.json`.

python benchmarks/report.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from precision import sentence
from records import RESULTS
from tfvae._support.markdown import table

HERE = Path(__file__).resolve().parent
TEXT = HERE / "performance.md.in"
DOCUMENT = HERE.parent / "docs/performance.md"


def read(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text())


def targets() -> str:
    """What was aimed at and what came, of all questions."""
    rows = []
    for file in sorted(RESULTS.glob("*.json")):
        report = read(file.stem)
        for target in report.get("targets", []):
            if target["bound"] is None:
                continue
            peers = " or ".join(target["peers"])
            over = f" {'less' if target['difference'] else 'over'} {peers}" if peers else ""
            sign = "<=" if target["less_is_better"] else ">="
            rows.append(
                [
                    f"{file.stem}, {target['experiment']}: {target['ours']}{over}",
                    f"{sign} {target['bound']}",
                    f"{target['result']:.2f}",
                    "yes" if target["met"] else "**no**",
                ]
            )
    return table(["question, experiment: what", "aim", "median", "met"], rows)


def medians(name: str) -> str:
    """All systems of a question, experiment by experiment."""
    report = read(name)
    rows = []
    for experiment, systems in report["medians"].items():
        unit = report["units"][experiment]
        for system, value in sorted(systems.items(), key=lambda item: -item[1]):
            repeats = report["repeats"][experiment][system]
            values, memory = ([run[what] for run in repeats] for what in ("value", "peak_memory_mb"))
            spread = f"{figure(min(values))} to {figure(max(values))}"
            rows.append([experiment, system, f"{figure(value)} {unit}", spread, str(len(repeats)), figure(max(memory))])
    return table(["experiment", "system", "median", "spread", "repeats", "peak memory, MB"], rows)


def derived(name: str) -> str:
    rows = [[what, f"{value:.2f}"] for what, value in read(name)["derived"].items()]
    return table(["what", "value"], rows)


def profile() -> str:
    times = read("profile")["milliseconds"]
    kinds = sorted(next(iter(times.values())), key=lambda kind: -next(iter(times.values()))[kind])
    rows = []
    for kind in [*kinds, "whole step"]:
        row = [kind]
        for of_batch in times.values():
            whole = sum(of_batch.values())
            value = whole if kind == "whole step" else of_batch[kind]
            row.append(f"{value:.2f} ms ({100 * value / whole:.0f} %)")
        rows.append(row)
    return table(["kind of work", *times], rows)


def costs() -> str:
    rows = []
    for axis, values in read("costs")["medians"].items():
        of = "seconds for 100 images" if "likelihood" in axis else "images/s"
        points = "; ".join(f"{int(value):,}: {figure(each['figure'])}" for value, each in values.items())
        memory = [each["peak_memory_mb"] for each in values.values()]
        rows.append([axis, of, points, f"{figure(min(memory))} to {figure(max(memory))}"])
    return table(["what grows", "figure", "value: figure", "peak memory, MB"], rows)


def serving(*words: str) -> str:
    """What an exported model's signatures take, through each of the loaders."""
    model = read("serving")["models"][" ".join(words)]
    by_loader = {"TensorFlow's C API": model["latencies"]} | {
        name: model.get(name, {}) for name in ("Keras", "OpenVINO")
    }
    rows = []
    for signature in model["latencies"]:
        for loader, times in by_loader.items():
            if signature in times:
                sizes = times[signature].values()
                cells = [f"{figure(each['p50_ms'])} ({figure(each['p99_ms'])})" for each in sizes]
                most = max(each["rows_per_second"] for each in sizes)
                rows.append([f"`{signature}`", loader, *cells, f"{most:,.0f}"])
    sizes = next(iter(model["latencies"].values()))
    head = [f"{size} row{'s' * (size != '1')}: p50 (p99), ms" for size in sizes]
    return table(["signature", "through", *head, "rows/s at most"], rows)


def load() -> str:
    """Size and loading of the exported models, and how they stood many requests at once."""
    rows = []
    for name, model in read("serving")["models"].items():
        load = model["under_load"]
        answers = [f"{load[what]:,}" for what in ("good", "refused", "wrong")]
        speed, memory = f"{load['requests_per_second']:,.0f}", f"{load['bytes_per_request']:,.0f}"
        rows.append([name, f"{model['bytes'] / 1e6:.1f}", f"{model['load_seconds']:.2f}", *answers, speed, memory])
    answers = ["right", "malformed and refused", "wrong"]
    return table(["model", "MB", "load, s", *answers, "requests/s", "bytes a request"], rows)


def precision() -> str:
    return "\n".join(f"- {sentence(found)}" for found in read("precision")["comparisons"])


def machine(name: str) -> str:
    report = read(name)
    versions = ", ".join(f"{package} {version}" for package, version in report["versions"].items())
    return f"{report['machine']['processor']}, {report['machine']['cores']} cores; {versions}; {report['written']}."


def figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


MAKERS = {
    "targets": targets, "medians": medians, "derived": derived, "profile": profile, "costs": costs, "machine": machine,
    "precision": precision, "serving": serving, "load": load,
}  # fmt: skip


def document() -> str:
    """The whole text."""
    return filled(TEXT.read_text(), MAKERS)


def filled(text: str, makers: Mapping[str, Callable[..., str]]) -> str:
    """The text where `{{maker argument}}` stands for what a maker gives."""

    def made(match: re.Match[str]) -> str:
        maker, *arguments = match[1].split()
        return makers[maker](*arguments)

    return re.sub(r"\{\{(.+?)\}\}", made, text)


if __name__ == "__main__":
    DOCUMENT.write_text(document())
