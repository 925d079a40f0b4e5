"""How long does an exported model take to answer, through the loader that TensorFlow Serving uses?

Size, load time, p50 and p99 of each signature at batch 1, 32 and 256, and rows a second, through TensorFlow's C API in
a process without its Python. Beside them, for what both can do, Keras' own `predict_on_batch` and OpenVINO, which reads
the same SavedModels with code of its own. Then 16 threads send requests of mixed sizes, one in a hundred malformed:
every good one has to be answered right, every bad one refused, and memory must not grow.

Two models: the default one, `tfvae.vae()`, as its weights begin (a request takes as long with others), and
saved_models/mnist-vae-k1.

    --repeats N       requests of one row for a figure (200)
    --requests N      under load (10,000)
    --smoke           a few requests, to show that it runs; writes nothing
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from c_api import SavedModel
from harness import RESULT, report_to_parent
from questions import Target
from records import write

DEFAULT, PUBLISHED = "default model", "mnist-vae-k1"
SAVED = Path(__file__).resolve().parents[1] / "saved_models"
BATCHES = (1, 32, 256)
SIZES = (1, 2, 7, 16, 33)  # of the requests under load
THREADS = 16
WARM_UP = 1000  # requests before memory is looked at
BAD = 100  # one request in so many is malformed
COMPARED = ("encode", "decode", "reconstruct")  # what Keras and OpenVINO do too
TARGETS = (
    Target(DEFAULT, "encode of one row, p50 in ms", [], 1.0, less_is_better=True),
    *(
        Target(model, what, [], bound, less_is_better=True)
        for model in (DEFAULT, PUBLISHED)
        for what, bound in (("wrong answers under load", 0), ("bytes of memory a request under load", 1000))
    ),
)
_TYPES = {"uint8": np.uint8, "float32": np.float32, "int64": np.int64}


def inputs(card: dict[str, Any], name: str, rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random rows for a signature of a card."""
    rng, found = np.random.default_rng(seed), {}
    for key, field in card["signatures"][name]["inputs"].items():
        if key == "image_bytes":
            found[key] = files(rng.integers(0, 256, (rows, *card["data_shape"]), np.uint8))
            continue
        kind, shape = _TYPES[field["dtype"]], (rows, *field["shape"][1:])
        numbers = {
            "image": 255 * rng.random(shape) if kind is np.uint8 else rng.random(shape),
            "z": rng.normal(size=shape),
        }
        found[key] = numbers.get(key, np.arange(rows)).astype(kind)
    return found


def files(images: np.ndarray) -> np.ndarray:
    """PNG files of grey images `[B, H, W, 1]`."""
    found = [io.BytesIO() for _ in images]
    for file, image in zip(found, images, strict=True):
        Image.fromarray(image[..., 0]).save(file, "PNG")
    return np.array([file.getvalue() for file in found])


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


def at_all_sizes(call: Callable[[dict[str, np.ndarray]], Any], card: dict[str, Any], name: str, repeats: int) -> Any:
    """By batch size: the times of a signature, and rows a second."""
    found = {}
    for rows in BATCHES:
        given = inputs(card, name, rows)
        times = timed(lambda given=given: call(given), max(5, repeats // (1 + rows // 8)))
        found[rows] = times | {"rows_per_second": 1e3 * rows / times["p50_ms"]}
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


def through_c_api(model: Path, repeats: int, requests: int) -> dict[str, Any]:
    """Every signature, and many at once."""
    folder, card = model / "1", card_of(model)
    start = time.perf_counter()
    served = SavedModel(folder)
    found: dict[str, Any] = {
        "load_seconds": time.perf_counter() - start,
        "bytes": sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()),
        "latencies": {
            name: at_all_sizes(lambda given, name=name: served.run(name, given), card, name, repeats)
            for name in card["signatures"]
        },
        "under_load": load(served, card, requests),
    }
    assert "tensorflow" not in sys.modules
    return found


def through_keras(model: Path, repeats: int) -> dict[str, Any]:
    """The model that was exported, in Python: means by `predict_on_batch`, without XLA, which the others have not."""
    import tfvae

    card, whole = card_of(model), tfvae.load(model / "model.keras")
    parts = {"encode": whole.encoder, "decode": whole.decoder, "reconstruct": whole}
    for part in parts.values():
        part.compile(jit_compile=False)
    return {
        name: at_all_sizes(lambda given, part=part: part.predict_on_batch(*given.values()), card, name, repeats)
        for name, part in parts.items()
    }


def through_openvino(model: Path, repeats: int) -> dict[str, Any]:
    """The signatures as default ones, which are all that OpenVINO reads; in float32, as it is not by itself."""
    import openvino

    import tfvae
    from tfvae.serving import saved_model
    from tfvae.serving.answers import Answers
    from tfvae.serving.signatures import DEFAULT as READ
    from tfvae.serving.signatures import signatures

    card, whole, core = card_of(model), tfvae.load(model / "model.keras"), openvino.Core()
    made, found = signatures(Answers(whole, sample_size=1))[0], {}
    for name in COMPARED:
        with tempfile.TemporaryDirectory() as folder:
            saved_model._save(whole, {READ: made[name]}, Path(folder))
            compiled = core.compile_model(core.read_model(folder), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
            found[name] = at_all_sizes(
                lambda given, compiled=compiled: compiled(list(given.values())), card, name, repeats
            )
    return found


def make_default(model: Path) -> str:
    """Exports `tfvae.vae()`, with a thousand images that anomalies are told from."""
    import keras

    import tfvae

    keras.utils.set_random_seed(0)
    made = tfvae.vae()
    tfvae.export(made, model, tfvae.datasets.load("mnist").train.images[:1000])
    made.save(model / "model.keras")
    return model.name


def card_of(model: Path) -> dict[str, Any]:
    return json.loads((model / "1/card.json").read_text())


TASKS: dict[str, Callable[..., Any]] = {
    "C API": through_c_api, "Keras": through_keras, "OpenVINO": through_openvino, "make": make_default,
}  # fmt: skip


def child(what: str, *arguments: object) -> Any:
    """A figure from a process of its own."""
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3"} | os.environ
    command = [sys.executable, __file__, "--child", what, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{what} failed:\n{done.stderr[-3000:]}")
    line = next(line for line in done.stdout.splitlines() if line.startswith(RESULT))
    return json.loads(line.removeprefix(RESULT))


def measured(model: Path, repeats: int, requests: int) -> dict[str, Any]:
    """All of one model."""
    found = child("C API", model, repeats, requests) | {"Keras": child("Keras", model, repeats)}
    if openvino_is_here():
        found["OpenVINO"] = child("OpenVINO", model, repeats)
    return found


def openvino_is_here() -> bool:
    return importlib.util.find_spec("openvino") is not None


def results(models: dict[str, Any]) -> list[dict[str, Any]]:
    """The targets, and what came."""
    figures = {
        name: {
            "encode of one row, p50 in ms": each["latencies"]["encode"]["1"]["p50_ms"],
            "wrong answers under load": each["under_load"]["wrong"],
            "bytes of memory a request under load": each["under_load"]["bytes_per_request"],
        }
        for name, each in models.items()
    }
    found = [(target, figures[target.experiment][target.ours]) for target in TARGETS]
    return [asdict(target) | {"result": result, "met": target.met(result)} for target, result in found]


def main() -> None:
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        what, model, *numbers = options.child
        report_to_parent(TASKS[what](Path(model), *map(int, numbers)))
        return
    repeats, requests = (10, 400) if options.smoke else (options.repeats, options.requests)
    before = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        child("make", Path(folder, "default"))
        places = {DEFAULT: Path(folder, "default"), PUBLISHED: SAVED / PUBLISHED}
        models = {name: measured(place, repeats, requests) for name, place in places.items()}
    left_out = [] if openvino_is_here() else ["OpenVINO: it is not installed"]
    report = {"models": models, "targets": results(models), "left_out": left_out, "load_average_before": before}
    print(json.dumps(report, indent=2))
    if not options.smoke:
        write("serving", report)


if __name__ == "__main__":
    main()
