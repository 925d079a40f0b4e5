"""Does a training run that is killed at random moments end as if nothing had happened?

    python benchmarks/kills.py --work FOLDER      writes results/kills.json

Five kinds of small models, one run each, on one device. A run is killed with SIGKILL ten times, each time in a process
of its own, that goes on where the one before was killed: every other time at a random moment after its start, which may
be in an import or in a compilation, and every other time at one after it has ended an epoch, which may be in a step, a
picture or the writing of a checkpoint. A kill counts only if the process was running and SIGKILL is what ended it. Then
the run is left to end, and all its files are compared with those of a run that was never killed: history, report,
settings and pictures byte for byte, and every variable of the model and of its optimisers bit for bit.

The folder keeps what was done: the same command goes on with it. `--text` only writes docs/reliability.md anew.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import fault_table
from records import write
from report import filled, machine, read
from tfvae._support.files import is_leftover
from tfvae._support.markdown import table

TEXT = Path(__file__).resolve().parent / "reliability.md.in"
DOCUMENT = TEXT.parents[1] / "docs/reliability.md"

DEADLINE = 300.0  # seconds, after which something hangs
LATEST = {"the start": 9.0, "an epoch": 1.0}  # processor seconds after it, which a busy machine does not change
SHARED = {"batch_size": 10, "validation_size": 50, "seed": 3, "xla": False}
LATENTS = "latent_size=2, network=mlp(8)"
# Epochs are more than ten kills need.
KINDS: dict[str, dict[str, Any]] = {
    "VAE of convolutions, averaged weights": {
        "model": "vae(latent_size=2, network=conv(2, 2))", "epochs": 40, "averaging": 0.9,
    },
    "dense VAE, four steps an XLA program": {
        "model": f"vae({LATENTS})", "epochs": 40, "xla": True, "steps_per_execution": 4, "clip": 1.0,
    },
    "importance-weighted VAE in float16": {
        "model": f"vae({LATENTS}, objective=iwae(samples=3))", "epochs": 40, "precision": "float16",
    },
    "GAN": {"model": f"gan({LATENTS})", "epochs": 80},
    "flow on pixels, patience": {"model": "maf(depth=2, hidden=(8,))", "epochs": 80, "patience": 80},
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, help="folder for the runs")
    parser.add_argument("--text", action="store_true", help="kill nothing")
    parser.add_argument("--kills", type=int, default=10, help="of each kind of model")
    parser.add_argument("--kinds", type=int, default=len(KINDS), help="how many of them")
    parser.add_argument("--smoke", action="store_true", help="write nothing into results/")
    options = parser.parse_args()
    if options.text:
        write_document()
        return
    if options.work is None:
        parser.error("--work is missing")
    options.work.mkdir(parents=True, exist_ok=True)
    np.save(options.work / "levels.npy", np.random.default_rng(0).integers(0, 256, (400, 8, 8), np.uint8))
    rows = [tried(kind, options.work, options.kills) for kind in list(KINDS)[: options.kinds]]
    report = {"question": __doc__.splitlines()[0], "kinds": rows, **totals(rows)}
    if not options.smoke:
        write("kills", report)
        write_document()
    print(json.dumps(totals(rows)))
    if any(row["differences"] for row in rows):
        raise SystemExit("A run that was killed differs from one that was not.")


def totals(rows: list[dict[str, Any]]) -> dict[str, int]:
    kills = [kill for row in rows for kill in row["kills"]]
    return {
        "kills": len(kills),
        "in_an_unfinished_checkpoint": sum(kill["checkpoint_unfinished"] for kill in kills),
        "before_the_first_checkpoint_of_the_process": sum(kill["checkpoints_written"] == 0 for kill in kills),
        "runs_that_differ": sum(bool(row["differences"]) for row in rows),
    }


def tried(kind: str, work: Path, kills: int) -> dict[str, Any]:
    """One kind of model: its kills, and the names of what differs in the end."""
    place = work / str(list(KINDS).index(kind))
    place.mkdir(exist_ok=True)
    config, whole, run, log = (place / name for name in ("config.yaml", "whole", "run", "kills.jsonl"))
    config.write_text(json.dumps({"data": str(work / "levels.npy"), **SHARED, **KINDS[kind]}))  # JSON is YAML
    if not (whole / "report.json").exists():
        finish(start(whole, config))
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    while len(done) < kills:
        # Of its number alone, so that going on with this script changes nothing.
        moment = killed(run, config, random.Random(f"{kind} {len(done)}"), ("the start", "an epoch")[len(done) % 2])
        done.append(moment)
        with log.open("a") as file:
            file.write(json.dumps(moment) + "\n")
        print(f"{kind}: {moment}", flush=True)
    if not (run / "report.json").exists():
        finish(start(run, config))
    return {"kind": kind, "settings": SHARED | KINDS[kind], "kills": done, "differences": differences(run, whole)}


def start(folder: Path, config: Path) -> subprocess.Popen[str]:
    """A process that trains in the folder, from the start or from where the one before was killed."""
    options = ["--resume"] if (folder / "config.yaml").exists() else ["--config", str(config)]
    command = [sys.executable, "-m", "tfvae", "train", *options, "--out", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=20 * DEADLINE)
    if process.returncode:
        raise SystemExit(f"A run ended with code {process.returncode}:\n{errors[-3000:]}")


def killed(folder: Path, config: Path, chance: random.Random, after: str) -> dict[str, Any]:
    """Starts a process and kills it at a random moment; what was seen."""
    before = checkpoints(folder)
    process = start(folder, config)
    if after == "an epoch":
        end = time.monotonic() + DEADLINE
        while checkpoints(folder) <= before:
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"No epoch was ended in {folder}, code {process.poll()}.")
            time.sleep(0.005)
    seconds = chance.uniform(0.0, LATEST[after])
    moment = processor_seconds(process) + seconds
    while process.poll() is None and processor_seconds(process) < moment:
        time.sleep(0.005)
    if process.poll() is not None:
        raise SystemExit(f"The run in {folder} ended before the kill; it needs more epochs.")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=DEADLINE)
    if process.returncode != -signal.SIGKILL:
        raise SystemExit(f"The process ended with code {process.returncode} and not by SIGKILL.")
    return {
        "after": after,
        "processor_seconds": round(seconds, 3),
        "checkpoints_written": checkpoints(folder) - before,
        "epoch": checkpoints(folder),
        # left behind where a kill fell into the writing of a checkpoint
        "checkpoint_unfinished": any(is_leftover(path) for path in folder.glob("checkpoints/*")),
    }


def processor_seconds(process: subprocess.Popen[str]) -> float:
    """What a process that nobody has waited for has used so far, in the kernel's ticks."""
    after_name = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")


def checkpoints(folder: Path) -> int:
    """Epochs whose checkpoint is there: a run of this script saves at the end of each, and nowhere else."""
    per_epoch = (400 - 40 - SHARED["validation_size"]) // SHARED["batch_size"]
    steps = [int(path.name.split("-")[1]) for path in folder.glob("checkpoints/step-*.keras")]
    return max(steps, default=0) // per_epoch


def differences(run: Path, whole: Path) -> list[str]:
    """Names of the files, and of the variables of the model, that are not the same in both run folders."""
    import keras

    import tfvae

    mine, others = contents(run), contents(whole)
    found = sorted(name for name in mine.keys() | others.keys() if mine.get(name) != others.get(name))
    models = [tfvae.load(folder / "model.keras") for folder in (run, whole)]
    states = [[keras.ops.convert_to_numpy(each) for each in model.state()] for model in models]
    names = [variable.name for variable in models[0].state()]
    for name, one, other in zip(names, *states, strict=True):
        if one.tobytes() != other.tobytes():
            found.append(name)
    return found


def contents(folder: Path) -> dict[str, Any]:
    """The files of a run by name, without those that have a time in them: zip files, and the seconds of the report."""
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    found: dict[str, Any] = {name: path.read_bytes() for name, path in names.items() if not name.endswith(".keras")}
    report = json.loads(found["report.json"])
    varying = ("seconds", "content_digest")  # which is of the seconds too
    return found | {"report.json": {name: each for name, each in report.items() if not name.endswith(varying)}}


def kinds_table() -> str:
    rows = []
    for row in read("kills")["kinds"]:
        kills = row["kills"]
        found = ", ".join(row["differences"]) or "equal"
        unsaved = sum(kill["checkpoints_written"] == 0 for kill in kills)
        rows.append([row["kind"], str(len(kills)), str(unsaved), str(max(kill["epoch"] for kill in kills)), found])
    head = ["model", "kills", "before a checkpoint of their process", "epochs at the last", "in the end"]
    return table(head, rows)


def totals_sentence() -> str:
    found = read("kills")
    where = found["in_an_unfinished_checkpoint"]
    return (
        f"{found['kills']} kills, all of running processes; {where} left a half-written checkpoint behind. "
        f"{found['runs_that_differ']} of {len(found['kinds'])} runs differ from one that was never killed."
    )


MAKERS = {
    "kills": kinds_table, "totals": totals_sentence, "machine": machine, "number": lambda: str(read("kills")["kills"]),
    "faults": fault_table.faults_table,
}  # fmt: skip


def write_document() -> None:
    """Writes docs/reliability.md from its text and the results."""
    DOCUMENT.write_text(filled(TEXT.read_text(), MAKERS))


if __name__ == "__main__":
    main()
