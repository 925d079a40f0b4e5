"""How long does an exported model take to answer, through the loader that TensorFlow Serving uses?

Size, load time, p50 and p99 of each signature at batch 1, 32 and 256, and rows a second, through TensorFlow's C API in
a process without its Python; beside them Keras' own `predict_on_batch`. Then 16 threads send requests of mixed sizes,
one in a hundred malformed: every good one has to be answered right, every bad one refused, and memory must not grow.

    --model FOLDER    of a version (saved_models/mnist-vae-k1/1)
    --repeats N       requests a figure (200)
    --requests N      under load (10,000)
    --smoke           a few requests, to show that it runs; writes nothing
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from c_api import SavedModel
from harness import RESULT, report_to_parent
from records import RESULTS

ROOT = Path(__file__).resolve().parents[1]
BATCHES = (1, 32, 256)
SIZES = (1, 2, 7, 16, 33)  # of the requests under load
THREADS = 16
WARM_UP = 1000  # requests before memory is looked at
BAD = 100  # one request in so many is malformed
_TYPES = {"uint8": np.uint8, "float32": np.float32, "int64": np.int64}


def inputs(card: dict[str, Any], name: str, rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random rows for a signature of a card. PNG files are left to the other signatures."""
    rng, found = np.random.default_rng(seed), {}
    for key, field in card["signatures"][name]["inputs"].items():
        kind, shape = _TYPES[field["dtype"]], (rows, *field["shape"][1:])
        numbers = {
            "image": 255 * rng.random(shape) if kind is np.uint8 else rng.random(shape),
            "z": rng.normal(size=shape),
        }
        found[key] = numbers.get(key, np.arange(rows)).astype(kind)
    return found


def timed(call: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Milliseconds: half and 99 % of the calls take no longer."""
    for _ in range(3):
        call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return {"p50_ms": 1e3 * float(np.median(seconds)), "p99_ms": 1e3 * float(np.quantile(seconds, 0.99))}


def latencies(model: SavedModel, card: dict[str, Any], repeats: int) -> dict[str, Any]:
    """By signature and batch size; of signatures without files."""
    found: dict[str, Any] = {}
    for name, signature in card["signatures"].items():
        if "image_bytes" in signature["inputs"]:
            continue
        for rows in BATCHES:
            given = inputs(card, name, rows)
            times = timed(lambda name=name, given=given: model.run(name, given), max(5, repeats // (1 + rows // 8)))
            found.setdefault(name, {})[rows] = times | {"rows_per_second": 1e3 * rows / times["p50_ms"]}
    return found


def load(model: SavedModel, card: dict[str, Any], requests: int) -> dict[str, Any]:
    """Many threads, mixed sizes, some bad requests: how many answers were wrong, and how memory grew."""
    right = {rows: model.run("encode", inputs(card, "encode", rows))["mean"] for rows in SIZES}
    counts = {"good": 0, "refused": 0, "wrong": 0}
    lock, memory = threading.Lock(), []

    def send(number: int) -> str:
        rows = SIZES[number % len(SIZES)]
        if number % BAD == 0:
            try:
                model.run("encode_float", {"image": np.float32(inputs(card, "encode", rows)["image"])})  # 0 to 255
            except RuntimeError:
                return "refused"
            return "wrong"
        answer = model.run("encode", inputs(card, "encode", rows))["mean"]
        return "good" if np.array_equal(answer, right[rows]) else "wrong"

    def work(first: int) -> None:
        for number in range(first, requests, THREADS):
            outcome = send(number)
            with lock:
                counts[outcome] += 1
                memory.append(resident())

    threads = [threading.Thread(target=work, args=(first,)) for first in range(THREADS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    later = np.array(memory[min(WARM_UP, len(memory) // 2) :])
    slope = float(np.polyfit(np.arange(len(later)), later, 1)[0])
    return counts | {"requests_per_second": requests / seconds, "bytes_per_request": slope}


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def through_c_api(folder: Path, repeats: int, requests: int) -> dict[str, Any]:
    card, start = json.loads((folder / "card.json").read_text()), time.perf_counter()
    model = SavedModel(folder)
    seconds = time.perf_counter() - start
    size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    found = {"bytes": size, "load_seconds": seconds, "latencies": latencies(model, card, repeats)}
    found["under_load"] = load(model, card, requests)
    assert "tensorflow" not in sys.modules
    return found


def through_keras(folder: Path, repeats: int) -> dict[str, Any]:
    """The model that was exported, in Python: reconstructions by `predict_on_batch`."""
    import tfvae

    card, model = json.loads((folder / "card.json").read_text()), tfvae.load(folder.parent / "model.keras")
    model.compile(jit_compile=False)
    found = {}
    for rows in BATCHES:
        image = inputs(card, "reconstruct", rows)["image"]
        found[rows] = timed(lambda image=image: model.predict_on_batch(image), max(5, repeats // (1 + rows // 8)))
    return found


def child(what: str, *arguments: str) -> Any:
    """A figure from a process of its own."""
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3"} | os.environ
    command = [sys.executable, __file__, "--child", what, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{what} failed:\n{done.stderr[-3000:]}")
    line = next(line for line in done.stdout.splitlines() if line.startswith(RESULT))
    return json.loads(line.removeprefix(RESULT))


def main() -> None:
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--model", type=Path, default=ROOT / "saved_models/mnist-vae-k1/1")
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        what, folder, *numbers = options.child
        task = through_c_api if what == "c_api" else through_keras
        report_to_parent(task(Path(folder), *map(int, numbers)))
        return
    repeats, requests = (10, 400) if options.smoke else (options.repeats, options.requests)
    before = os.getloadavg()
    report = {"c_api": child("c_api", str(options.model), str(repeats), str(requests)), "load_average_before": before}
    report["keras"] = child("keras", str(options.model), str(repeats))
    print(json.dumps(report, indent=2))
    if not options.smoke:
        (RESULTS / "serving.json").write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
