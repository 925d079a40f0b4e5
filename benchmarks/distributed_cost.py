"""What would data-parallel training cost on 8 to 1,024 GPUs, and is the model of that right about what is here?

    python benchmarks/distributed_cost.py          writes results/distributed_cost.json, a chart and docs/scaling.md
    python benchmarks/distributed_cost.py --text   only the chart and the text, from the results

`cost_model.py` is the model. Checked are the bytes of an all-reduce, by what goes through the loopback interface
between two and four processes, and the time that two replicas on one core add to a step, in processor seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

import cost_model
from cost_model import Cluster, Link, Work
from harness import RESULT, in_own_process, report_to_parent
from records import write
from report import filled, machine, medians, read
from tfvae._support.markdown import table

HERE = Path(__file__).resolve().parent
TEXT = HERE / "scaling.md.in"
DOCUMENT = HERE.parent / "docs/scaling.md"
PICTURE = HERE.parent / "docs/images/scaling.png"

REPLICAS = (1, 8, 16, 32, 64, 128, 256, 512, 1024)
GLOBAL_BATCH = 8192
BATCH = 128  # on each replica, in the tables
# Eight H100 a machine. Bandwidths are four fifths of NVLink's 450 GB/s a direction and of eight adapters of 400 Gb/s
# (NVIDIA, DGX H100 user guide); the rest are assumptions, see docs/scaling.md.
RINGS = Cluster(5e13, 3e-3, 8, within=Link(3e-6, 0.8 * 450e9), between=Link(1e-5, 0.8 * 8 * 50e9))
TREES = replace(RINGS, trees=True)
KINDS = {"rings": RINGS, "trees": TREES}

WIDTHS = (64, 256, 512, 768)  # of two hidden layers there and back, for gradients of several sizes
MEASURED_BATCH = 100
PROCESSES, MEGABYTES, TIMES = (2, 4), 16, 5  # of the all-reduces through the loopback interface


def models() -> dict[str, tuple[Any, tuple[int, ...]]]:
    """A small and a large model, with the shape of their images."""
    import tfvae

    shapes = ((28, 28, 1), (64, 64, 3))
    return {
        "dense": (tfvae.vae(shapes[0]), shapes[0]),
        "convolutions": (tfvae.conv_vae(shapes[1], 64, "conv(64, 128, 256)"), shapes[1]),
    }


def work_of(model: Any, image_shape: tuple[int, ...]) -> Work:
    """What training on one image asks for, by TensorFlow's own count for matrix products and convolutions."""
    import tensorflow as tf
    from tensorflow.python.framework import ops

    from tfvae.noise import Noise

    batch = 2
    if not model.compiled:
        model.compile("adam", jit_compile=False)

    @tf.function(autograph=False)
    def gradients(raw: Any) -> Any:
        noise = Noise(0, tf.constant(0, tf.int64), tf.constant(0))
        attempt = model.attempt(model.as_examples(raw), None, None, noise, tf.constant(batch))
        terms.append(1 + len(attempt.not_finite) + 1)  # input and gradient beside the model's own
        return attempt.updates[0].gradients

    terms: list[int] = []
    graph = gradients.get_concrete_function(tf.TensorSpec((batch, *image_shape), tf.uint8)).graph
    counted = [op for op in graph.get_operations() if op.type == "MatMul" or op.type.startswith("Conv2D")]
    flops = sum(ops.get_stats_for_node_def(graph, op.node_def, "flops").value for op in counted) / batch
    weights = sum(int(tf.size(each.value)) for each in model.trainable_variables)
    return Work(float(flops), 4.0 * weights, terms[0], len(model.metrics))


def predictions(work: Work) -> dict[str, Any]:
    """Of the model, by kind of all-reduce and number of replicas."""
    found: dict[str, Any] = {}
    for kind, cluster in KINDS.items():
        rows = {}
        for number in REPLICAS:
            rows[str(number)] = {
                "megabytes_sent": cost_model.bytes_sent(number, work.gradient_bytes) / 1e6,
                "communication_ms": 1e3 * cost_model.communication_seconds(cluster, work, number),
                "step_ms": 1e3 * cost_model.step_seconds(cluster, work, number, BATCH),
                "weak_efficiency": cost_model.weak_efficiency(cluster, work, number, BATCH),
                "batch_for_0.9": cost_model.least_batch(cluster, work, number, 0.9),
                "strong_efficiency": cost_model.strong_efficiency(cluster, work, number, GLOBAL_BATCH),
            }
        fastest, poor = cost_model.stops_paying(cluster, work, GLOBAL_BATCH, REPLICAS)
        found[kind] = {"replicas": rows, "fastest": fastest, "below_half": poor}
    return found


def step_seconds(width: int, replicas: int) -> dict[str, float]:
    """Processor seconds of a step of a dense VAE on one device or two, and the bytes of its gradients."""
    import tensorflow as tf

    import tfvae

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.get_strategy()
    if replicas > 1:
        # The default, collective operations, races where replicas share a device.
        one = tf.distribute.ReductionToOneDevice()
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=one)
    with strategy.scope():
        model = tfvae.vae((28, 28, 1), 6, f"mlp({width}, {width})")
        model.compile("adam", jit_compile=False)
        model.build_optimizers()
    images = np.random.default_rng(0).integers(0, 256, (1000, 28, 28, 1), np.uint8)
    data = tfvae.training.batches(images, MEASURED_BATCH, seed=0)
    data = iter(strategy.experimental_distribute_dataset(data) if replicas > 1 else data)
    run = model.make_train_function()
    seconds = []
    for _ in range(25):
        begin = time.process_time()
        for _ in range(4):
            run(data)
        seconds.append((time.process_time() - begin) / 4)
    size = 4.0 * sum(int(tf.size(each.value)) for each in model.trainable_variables)
    return {"seconds": statistics.median(seconds[5:]), "gradient_bytes": size}


def replication(repeats: int) -> dict[str, Any]:
    """What two replicas on one core add to a step, and how well a latency and a bandwidth describe it.

    They are fitted to all sizes but one and tried on that one.
    """
    rows = []
    for width in WIDTHS:
        found = {number: [in_own_process("step", str(width), str(number)) for _ in range(repeats)] for number in (1, 2)}
        one, two = (statistics.median(each["seconds"] for each in found[number]) for number in (1, 2))
        rows.append({"gradient_bytes": found[1][0]["gradient_bytes"], "one": one, "two": two, "repeats": found})
        print(rows[-1], flush=True)
    for row in rows:
        row["predicted_two"] = predicted(row, [other for other in rows if other is not row])
    return {"rows": rows, "fit": fit(rows)}


def fit(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds a step and bytes a second, by least squares."""
    sizes = np.array([row["gradient_bytes"] for row in rows])
    added = np.array([row["two"] - row["one"] for row in rows])
    (slope, constant), *_ = np.linalg.lstsq(np.stack([sizes, np.ones_like(sizes)], 1), added, rcond=None)
    return {"per_step": float(constant), "bandwidth": float(1 / slope)}


def predicted(row: dict[str, Any], others: list[dict[str, Any]]) -> float:
    """The step on two replicas: of the model with a link that the other sizes were fitted to."""
    found = fit(others)
    link = Link(found["per_step"] / (2 * 4), found["bandwidth"])  # four all-reduces of two hops
    cluster = Cluster(1.0, row["one"], 2, link, link)
    return cost_model.step_seconds(cluster, Work(0.0, row["gradient_bytes"]), 2, 1)


def loopback_bytes() -> int:
    line = next(line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[8])  # sent


def ring(number: int) -> dict[str, float]:
    """In each of `number` processes: all-reduces of TensorFlow's ring; what went through the loopback interface."""
    import tensorflow as tf

    options = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.RING
    )
    strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    value = tf.zeros(MEGABYTES * 250_000)

    @tf.function
    def summed() -> Any:
        return strategy.run(lambda: tf.distribute.get_replica_context().all_reduce("SUM", value))

    summed()
    before, begin = loopback_bytes(), time.perf_counter()
    for _ in range(TIMES):
        summed()
    # Nobody is done with the last sum before everybody has sent their part of it.
    return {"bytes": (loopback_bytes() - before) / TIMES, "seconds": (time.perf_counter() - begin) / TIMES}


def rings(number: int) -> dict[str, float]:
    """Starts the processes; what the first of them saw, beside the bytes of the model."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    workers = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    processes = []
    for index in range(number):
        config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3"} | os.environ | {"TF_CONFIG": json.dumps(config)}
        command = [sys.executable, os.path.abspath(sys.argv[0]), "--child", "ring", str(number)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        processes.append(subprocess.Popen(command, env=environment, text=True, **pipes))
    try:
        outputs = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()
    text, errors = outputs[0]
    line = next((line for line in text.splitlines() if line.startswith(RESULT)), None)
    if line is None:
        raise SystemExit(f"The processes failed:\n{errors[-3000:]}")
    expected = number * cost_model.bytes_sent(number, MEGABYTES * 1e6)
    return {"processes": number, "expected_bytes": expected, **json.loads(line.removeprefix(RESULT))}


def draw(result: dict[str, Any]) -> None:
    from matplotlib.figure import Figure

    from tfvae.plots import style

    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    works = {name: Work(**each) for name, each in result["works"].items()}
    batches = 2.0 ** np.arange(0, 15)
    for (name, number), (line, colour) in zip(
        [(name, number) for name in works for number in (8, 64, 1024)], style.LINES, strict=True
    ):
        shares = [cost_model.weak_efficiency(RINGS, works[name], number, batch) for batch in batches]
        left.semilogx(batches, shares, line, color=colour, label=f"{name}, {number:,} GPUs")
    left.set(xlabel="images on each GPU", ylabel="efficiency, rings", ylim=(0, 1.02))
    lines = iter(style.LINES)
    for name, work in works.items():
        for kind, cluster in KINDS.items():
            line, colour = next(lines)
            seconds = [cost_model.step_seconds(cluster, work, n, GLOBAL_BATCH / n) for n in REPLICAS]
            right.loglog(REPLICAS, [1e3 * each for each in seconds], line, color=colour, label=f"{name}, {kind}")
    right.set(xlabel="GPUs", ylabel=f"ms a step, {GLOBAL_BATCH:,} images in all")
    for panel in (left, right):
        style.open_frame(panel)
        style.legend(panel)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def predicted_table(name: str) -> str:
    found = read("distributed_cost")["predictions"][name]
    batches = (f"efficiency, {BATCH} on each GPU", "images on each GPU for 0.9", f"efficiency, {GLOBAL_BATCH:,} in all")
    head = ["GPUs", "MB sent", "communication, ms", *batches]
    rows = []
    for number in REPLICAS[1:]:
        ring, tree = (found[kind]["replicas"][str(number)] for kind in KINDS)
        pairs = [
            f"{ring[what]:,.{digits}f} ({tree[what]:,.{digits}f})"
            for what, digits in (
                ("communication_ms", 2), ("weak_efficiency", 2), ("batch_for_0.9", 0), ("strong_efficiency", 2),
            )
        ]  # fmt: skip
        rows.append([f"{number:,}", f"{ring['megabytes_sent']:.1f}", *pairs])
    return table(head, rows)


def ends(name: str) -> str:
    """Where more GPUs are of no use, a line for each kind of all-reduce."""
    found = read("distributed_cost")["predictions"][name]
    lines = []
    for kind in KINDS:
        fastest, poor = found[kind]["fastest"], found[kind]["below_half"]
        below = f"the efficiency is below 0.5 from {poor:,} GPUs on" if poor else "the efficiency is never below 0.5"
        lines.append(f"- with {kind} the step is shortest on {fastest:,} GPUs, and {below}")
    return ";\n".join(lines) + "."


def busy(name: str) -> str:
    """The share of arithmetic in a step of one GPU."""
    work = Work(**read("distributed_cost")["works"][name])
    step = cost_model.compute_seconds(RINGS, work, BATCH)
    return f"{100 * (1 - RINGS.per_step / step):.2g} %"


def worst() -> str:
    """The largest difference between the predicted and the measured step of two replicas."""
    rows = read("distributed_cost")["replication"]["rows"]
    return f"{100 * max(abs(row['predicted_two'] / row['two'] - 1) for row in rows):.0f} %"


def works_table() -> str:
    rows = []
    for name, each in read("distributed_cost")["works"].items():
        figures = f"{each['flops'] / 1e6:,.1f}", f"{each['gradient_bytes'] / 1e6:.1f}"
        rows.append([name, *figures, str(each["terms"]), str(each["logs"])])
    return table(["model", "MFLOP an image", "MB of gradients", "counts of the guard", "figures"], rows)


def bytes_table() -> str:
    rows = [
        [str(each["processes"]), f"{each['expected_bytes'] / 1e6:.1f}", f"{each['bytes'] / 1e6:.1f}",
         f"{100 * (each['bytes'] / each['expected_bytes'] - 1):+.1f} %"]
        for each in read("distributed_cost")["rings"]
    ]  # fmt: skip
    return table(["processes", "MB by the formula, all together", "MB seen", "difference"], rows)


def replication_table() -> str:
    rows = []
    for row in read("distributed_cost")["replication"]["rows"]:
        times = [f"{1e3 * row[what]:.2f}" for what in ("one", "two", "predicted_two")]
        efficiency, expected = (row["one"] / row[what] for what in ("two", "predicted_two"))
        rows.append([f"{row['gradient_bytes'] / 1e6:.2f}", *times, f"{efficiency:.2f}", f"{expected:.2f}"])
    return table(
        ["MB of gradients", "one device, ms", "two replicas, ms", "predicted, ms", "efficiency", "predicted"], rows
    )


def fitted() -> str:
    found = read("distributed_cost")["replication"]["fit"]
    return f"{1e3 * found['per_step']:.1f} ms a step and {found['bandwidth'] / 1e6:,.0f} MB/s"


def replica_ratios() -> str:
    targets = read("replicas")["targets"]
    rows = [
        [each["experiment"], f"{each['ours']} / {each['peers'][0]}", f"{each['result']:.2f}",
         {True: "0.9: met", False: "0.9: MISSED", None: ""}[each["met"]]]
        for each in targets
    ]  # fmt: skip
    return table(["network", "ratio", "result", "target"], rows)


MAKERS: dict[str, Callable[..., str]] = {
    "predicted": predicted_table, "ends": ends, "works": works_table, "bytes": bytes_table,
    "replication": replication_table, "fitted": fitted, "machine": machine, "megabytes": lambda: str(MEGABYTES),
    "busy": busy, "worst": worst, "medians": medians, "replica_ratios": replica_ratios,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--text", action="store_true", help="measure nothing")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        task, *numbers = options.child
        report_to_parent({"step": step_seconds, "ring": ring}[task](*map(int, numbers)))
        return
    if not options.text:
        seen = [rings(number) for number in PROCESSES]
        print(seen, flush=True)
        works = {name: work_of(*each) for name, each in models().items()}
        write(
            "distributed_cost",
            {
                "question": __doc__.splitlines()[0],
                "cluster": asdict(RINGS),
                "works": {name: asdict(work) for name, work in works.items()},
                "predictions": {name: predictions(work) for name, work in works.items()},
                "rings": seen,
                "replication": replication(options.repeats),
            },
        )
    draw(read("distributed_cost"))
    DOCUMENT.write_text(filled(TEXT.read_text(), MAKERS))


if __name__ == "__main__":
    main()
