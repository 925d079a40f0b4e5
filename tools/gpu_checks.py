"""The checks of check_gpu.py: `python tools/gpu_checks.py NAME FOLDER [--small]` runs one and prints its result.

Each gives figures, and raises AssertionError where a figure is not what it has to be. What is compared with a CPU is
computed again in a process that sees no GPU: a function named `..._on_cpu`, which reads the model from FOLDER.
Steps are compared with plain gradient descent, since Adam turns the rounding of gradients near zero into whole steps.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tfvae
from tfvae._support import devices
from tfvae.noise import Noise

RESULT = "RESULT "
BATCH = 100
# Norm of a difference / norm. TensorFloat-32 multiplies numbers of 11 bits, float32 sums have theirs in another order.
ROUNDING, TENSOR_FLOAT, PLAIN_STEPS = 1e-4, 3e-2, 1e-5


class Setting:
    """Attributes: folder, for files; small, on a CPU to see the checks run; device, the one to compute on; images."""

    def __init__(self, folder: Path, small: bool):
        self.folder, self.small = folder, small
        self.device = "GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"
        self.images = tfvae.datasets.load("mnist").train.images[: 2_000 if small else 50_000]

    def steps(self, many: int) -> int:
        return 20 if self.small else many


# Models and how they are trained.


def dense(setting: Setting, **changes: Any) -> tfvae.VAE:
    """What `tfvae train` trains; on a CPU two narrow layers."""
    keras.utils.set_random_seed(0)
    return tfvae.vae(network="mlp(32, 32)" if setting.small else "mlp", **changes)


def convolutional(setting: Setting) -> tfvae.VAE:
    keras.utils.set_random_seed(0)
    return tfvae.conv_vae(network="conv(4, 8)" if setting.small else "conv")


def fitted(setting: Setting, model: tfvae.VAE, optimizer: Any, steps: int, epochs: int = 1, **how: Any) -> list[float]:
    """Trains with `how` as arguments of `compile`; each epoch's training loss."""
    if not model.compiled:
        model.compile(optimizer, **how)
    data = tfvae.training.batches(setting.images, BATCH, seed=0, start=model.steps)
    return model.fit(data, steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=0).history["loss"]


def learning(setting: Setting, model: tfvae.VAE, optimizer: Any, steps: int) -> dict[str, Any]:
    """Trains three epochs of so many steps as XLA programs; the speed is that of the last two."""
    how = {"jit_compile": True, "steps_per_execution": 10}
    first = fitted(setting, model, optimizer, steps, **how)[0]
    start = time.perf_counter()
    last = fitted(setting, model, optimizer, steps, epochs=2)[-1]
    speed = 2 * steps * BATCH / (time.perf_counter() - start)
    assert np.isfinite(last) and last < first, f"the loss went from {first:.2f} to {last:.2f}"
    assert model.skipped_steps == 0, f"{model.skipped_steps} steps were skipped"
    return {"first_loss": first, "last_loss": last, "images_per_second": round(speed)}


def values(variables: Any) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def distance(ones: list[np.ndarray], others: list[np.ndarray]) -> float:
    """Norm of the difference / norm of the second, over all arrays together."""
    pairs = list(zip(ones, others, strict=True))
    return float(np.sqrt(sum(np.sum((a - b) ** 2.0) for a, b in pairs) / sum(np.sum(b**2.0) for _, b in pairs)))


def moved(model: tfvae.VAE, train: Any) -> list[np.ndarray]:
    """How far training moves the weights."""
    before = values(model.trainable_variables)
    train(model)
    return [after - each for after, each in zip(values(model.trainable_variables), before, strict=True)]


def elsewhere(setting: Setting, name: str, **environment: str) -> dict[str, np.ndarray]:
    """What the function `name` of this file returns in another process; without a GPU if its name says so."""
    if name.endswith("_on_cpu"):
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
    command = [sys.executable, __file__, name, str(setting.folder)] + ["--small"] * setting.small
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert done.returncode == 0, f"{name} failed: {done.stderr[-1500:]}"
    with np.load(setting.folder / f"{name}.npz") as file:
        return dict(file)


# The checks, and what they compare with.


def device(setting: Setting) -> dict[str, Any]:
    """Which device there is, and that an operation runs on it."""
    build, gpus = tf.sysconfig.get_build_info(), tf.config.list_physical_devices("GPU")
    figures: dict[str, Any] = {"gpus": len(gpus), "processor": platform.machine()}
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        figures["gpu"] = details.get("device_name", gpus[0].name)
        figures["compute_capability"] = ".".join(map(str, details.get("compute_capability", ())))
        figures |= _nvidia_smi("driver_version", "memory.total")
    figures |= {name: str(build[name]) for name in ("cuda_version", "cudnn_version") if name in build}
    product = tf.matmul(tf.ones((64, 64)), tf.ones((64, 64)))
    assert setting.device in product.device, f"the product was computed on {product.device}"
    assert float(product[0, 0]) == 64.0
    return figures


def noise(setting: Setting) -> dict[str, Any]:
    """Uniform numbers are those of the CPU bit for bit, normal ones to 1e-6, with and without XLA."""

    def draw() -> tuple[tf.Tensor, tf.Tensor]:
        source = Noise(3, step=tf.constant(12, tf.int64), first_row=7)
        return source.uniform("x", 100, (28, 28, 1)), source.normal("z", 100, (6,), sample_size=3)

    with tf.device("CPU:0"):
        uniform, normal = draw()
    farthest = 0.0
    for how in (draw, tf.function(draw), tf.function(draw, jit_compile=True)):
        with tf.device(setting.device):
            ours = how()
        assert all(setting.device in each.device for each in ours), f"it was computed on {ours[0].device}"
        np.testing.assert_array_equal(ours[0], uniform)
        farthest = max(farthest, float(np.max(np.abs(ours[1] - normal))))
    assert farthest <= 2e-6, f"normal numbers differ by {farthest:.2g}"
    return {"uniform_numbers_differ": 0, "normal_numbers_differ_by": farthest}


def _gradients(setting: Setting, model: tfvae.VAE, jit_compile: bool) -> list[np.ndarray]:
    """Of the loss of one batch."""

    @tf.function(jit_compile=jit_compile, autograph=False)
    def gradients(raw: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            trace = model.sample_trace(raw, Noise(0, 1), 1, training=True)
            loss = tf.reduce_mean(model.objective(trace).loss)
        return tape.gradient(loss, [variable.value for variable in model.trainable_variables])

    return values(gradients(tf.constant(setting.images[:BATCH])))


def gradients(setting: Setting) -> dict[str, Any]:
    """Of the same weights and batch: those of the CPU to rounding, with and without XLA and TensorFloat-32."""
    figures = {}
    for kind, make in (("dense", dense), ("convolutional", convolutional)):
        model = make(setting)
        model.save(setting.folder / "gradients.keras")
        expected = list(elsewhere(setting, "gradients_on_cpu").values())
        for tensor_float, tolerance in ((False, ROUNDING), (True, TENSOR_FLOAT)):
            tf.config.experimental.enable_tensor_float_32_execution(tensor_float)
            for jit_compile in (False, True):
                name = f"{kind}{'_tf32' * tensor_float}{'_xla' * jit_compile}"
                figures[name] = distance(_gradients(setting, model, jit_compile), expected)
                assert figures[name] <= tolerance, f"{name}: off by {figures[name]:.2g}, more than {tolerance}"
    return figures


def gradients_on_cpu(setting: Setting) -> list[np.ndarray]:
    return _gradients(setting, tfvae.load(setting.folder / "gradients.keras"), jit_compile=False)


def train(setting: Setting) -> dict[str, Any]:
    """The default model with XLA and Adam."""
    return learning(setting, dense(setting), keras.optimizers.Adam(1e-3), setting.steps(500))


def float16(setting: Setting) -> dict[str, Any]:
    """The default model in float16 with loss scaling, and in bfloat16."""
    figures: dict[str, Any] = {}
    for precision in ("float16", "bfloat16"):
        keras.config.set_dtype_policy(f"mixed_{precision}")
        model, optimizer = dense(setting), keras.optimizers.Adam(1e-3)
        if precision == "float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        found = learning(setting, model, optimizer, setting.steps(300))
        figures |= {f"{precision}_{name}": value for name, value in found.items()}
        assert {str(layer.compute_dtype) for layer in model.decoder.network.layers} == {precision}
        if precision == "float16":
            figures["scale"] = float(optimizer.dynamic_scale.value)
            figures["overflows"] = model.steps - int(optimizer.iterations.value)
            assert figures["overflows"] < model.steps / 2
    return figures


def convolutional_model(setting: Setting) -> dict[str, Any]:
    """The convolutional model with XLA and Adam."""
    return learning(setting, convolutional(setting), keras.optimizers.Adam(1e-3), setting.steps(200))


def steps(setting: Setting) -> dict[str, Any]:
    """Twenty steps as two XLA programs move the weights as twenty single ones do."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    ways = ({"jit_compile": True, "steps_per_execution": 10}, {"jit_compile": True}, {"jit_compile": False})
    together, single, without = (
        moved(dense(setting), lambda model, how=how: fitted(setting, model, keras.optimizers.SGD(1e-4), 20, **how))
        for how in ways
    )
    figures = {"from_single_steps": distance(together, single), "from_no_xla": distance(together, without)}
    assert figures["from_single_steps"] <= PLAIN_STEPS, f"off by {figures['from_single_steps']:.2g}"
    assert figures["from_no_xla"] <= 10 * PLAIN_STEPS, f"without XLA off by {figures['from_no_xla']:.2g}"
    return figures


def mirrored(setting: Setting) -> dict[str, Any]:
    """`MirroredStrategy` on one GPU moves the weights as that GPU alone does."""
    tf.config.experimental.enable_tensor_float_32_execution(False)

    def trained(model: tfvae.VAE) -> None:
        fitted(setting, model, keras.optimizers.SGD(1e-4), 20, jit_compile=False)

    alone = moved(dense(setting), trained)
    with tf.distribute.MirroredStrategy([setting.device]).scope():
        model = dense(setting)
        model.compile(keras.optimizers.SGD(1e-4), jit_compile=False)
    off = distance(moved(model, trained), alone)
    assert off <= PLAIN_STEPS, f"off by {off:.2g}"
    return {"off_by": off}


def saved(setting: Setting) -> dict[str, Any]:
    """A model that was trained and saved on the GPU gives the same outputs where there is none."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    model = dense(setting)
    fitted(setting, model, keras.optimizers.Adam(1e-3), setting.steps(100), jit_compile=True, steps_per_execution=10)
    model.save(setting.folder / "saved.keras")
    expected = elsewhere(setting, "saved_on_cpu")
    ours = saved_on_cpu(setting, model)
    off = [float(np.max(np.abs(a - b))) for a, b in zip(ours, expected.values(), strict=True)]
    figures = dict(zip(("reconstructions_off_by", "samples_off_by", "elbo_off_by"), off, strict=True))
    figures["elbo"] = float(ours[2])
    assert max(off[:2]) <= 1e-4 and off[2] <= 1e-5 * abs(figures["elbo"]), str(figures)
    return figures


def saved_on_cpu(setting: Setting, model: tfvae.VAE | None = None) -> list[np.ndarray]:
    if model is None:
        assert not tf.config.list_physical_devices("GPU"), "this process sees a GPU"
        model = tfvae.load(setting.folder / "saved.keras")
    raw = setting.images[:500]
    elbo = model.evaluate(raw, batch_size=500, verbose=0, return_dict=True)["elbo"]
    return [model.predict(raw, verbose=0), model.sample(16, mean=True)[1].numpy(), np.array(elbo)]


def memory(setting: Setting) -> dict[str, Any]:
    """A process leaves memory to others: `tfvae train` runs beside this one, and its model is drawn from on a CPU."""
    figures: dict[str, Any] = {}
    if setting.device == "GPU:0":
        tf.matmul(tf.ones((64, 64)), tf.ones((64, 64)))
        gpus = tf.config.list_physical_devices("GPU")
        assert all(tf.config.experimental.get_memory_growth(gpu) for gpu in gpus), "memory growth is off"
        figures |= _nvidia_smi("memory.used")
    run = setting.folder / "run"
    command = [sys.executable, "-m", "tfvae", "train", "--epochs", "2", "--out", str(run), "--precision", "bfloat16"]
    command += ["--train-size", "1000" if setting.small else "20000"]
    command += ["--network", "mlp(32)" if setting.small else "mlp(300, 300)"]
    _command(command)
    _command([sys.executable, "-m", "tfvae", "sample", str(run), "-n", "4"], CUDA_VISIBLE_DEVICES="-1")
    history = list(csv.DictReader((run / "history.csv").open()))
    figures["bits_per_dim"] = json.loads((run / "report.json").read_text())["bits_per_dim"]
    assert float(history[1]["loss"]) < float(history[0]["loss"]), "the loss did not fall"
    return figures


def resume(setting: Setting) -> dict[str, Any]:
    """Training that goes on in a new process equals training that was never interrupted.

    Bit for bit is asked for only on a CPU: TensorFlow and XLA are told here to be deterministic, and the figure says
    whether they were.
    """
    whole = elsewhere(setting, "whole_run", **DETERMINISTIC)
    elsewhere(setting, "first_half", **DETERMINISTIC)
    halves = elsewhere(setting, "second_half", **DETERMINISTIC)
    off = distance(list(halves.values()), list(whole.values()))
    same = all(np.array_equal(halves[name], whole[name]) for name in whole)
    assert off <= PLAIN_STEPS and (same or setting.device == "GPU:0"), f"off by {off:.2g}"
    return {"same_bits": same, "off_by": off}


DETERMINISTIC = {
    "TF_DETERMINISTIC_OPS": "1",
    # Which of several algorithms is fastest would be found out anew in each process.
    "XLA_FLAGS": "--xla_gpu_deterministic_ops=true --xla_gpu_autotune_level=0",
}


def _resumable(setting: Setting, model: tfvae.VAE, steps: int) -> list[np.ndarray]:
    how = {"jit_compile": True, "steps_per_execution": 10}
    fitted(setting, model, keras.optimizers.SGD(1e-4, momentum=0.9), steps, **how)
    return values([*model.trainable_variables, *model.optimizer.variables[1:]])


def whole_run(setting: Setting) -> list[np.ndarray]:
    return _resumable(setting, dense(setting), 40)


def first_half(setting: Setting) -> list[np.ndarray]:
    model = dense(setting)
    trained = _resumable(setting, model, 20)
    model.save(setting.folder / "half.keras")
    return trained


def second_half(setting: Setting) -> list[np.ndarray]:
    return _resumable(setting, tfvae.load(setting.folder / "half.keras"), 20)


def _command(command: list[str], **environment: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert done.returncode == 0, f"{' '.join(command[1:4])} failed: {done.stderr[-1500:]}"


def _nvidia_smi(*names: str) -> dict[str, str]:
    """What NVIDIA's tool says of the first GPU, where it is installed."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return {}
    asked = [tool, f"--query-gpu={','.join(names)}", "--format=csv,noheader"]
    said = subprocess.run(asked, capture_output=True, text=True).stdout.splitlines()
    return dict(zip(names, (each.strip() for each in said[0].split(",")), strict=False)) if said else {}


CHECKS = {
    "device": device, "noise": noise, "gradients": gradients, "train": train, "float16": float16,
    "convolutional": convolutional_model, "steps": steps, "mirrored": mirrored, "saved": saved, "memory": memory,
    "resume": resume,
}  # fmt: skip
ELSEWHERE = (gradients_on_cpu, saved_on_cpu, whole_run, first_half, second_half)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=[*CHECKS, *(each.__name__ for each in ELSEWHERE)])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    devices.grow_memory()
    setting = Setting(options.folder, options.small)
    if options.name not in CHECKS:
        compute = next(each for each in ELSEWHERE if each.__name__ == options.name)
        np.savez(options.folder / f"{options.name}.npz", *compute(setting))
        return
    try:
        result: dict[str, Any] = {"passed": True, "figures": CHECKS[options.name](setting)}
    except Exception as error:
        result = {"passed": False, "error": f"{type(error).__name__}: {error}"}
    print("\n" + RESULT + json.dumps(result))


if __name__ == "__main__":
    main()
