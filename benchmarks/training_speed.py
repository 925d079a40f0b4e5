"""How fast `fit` trains, against a plain PyTorch loop with the same model, data and batch size.

    python benchmarks/training_speed.py [--repeats 5] [--epochs 2]

The Gaussian VAE 784-500-20 (one scale a pixel) on dequantised MNIST, batch 100, Adam. tfvae is measured inside `fit`,
with 5,000 validation images an epoch and the progress bar; PyTorch without either. Each repeat runs both, each in a
process of its own and after a warm-up epoch; the figure is the ratio of the medians. Every repeat is written to
training_speed.json beside this file, with the machine and the versions.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

BATCH, HIDDEN, LATENT, PIXELS = 100, 500, 20, 784
RESULT = "RESULT "


def images_per_second_tfvae(epochs: int) -> dict:
    import keras

    import tfvae

    data = tfvae.datasets.load("mnist")
    train, validation = data.split_validation()
    model = tfvae.vae((28, 28, 1), latent_size=LATENT, hidden=(HIDDEN,), activation="relu", scale="pixel")
    per_epoch = tfvae.training.steps_per_epoch(len(train), BATCH)
    model.compile(keras.optimizers.Adam(1e-3), **tfvae.execution.settings(model, per_epoch, BATCH))
    clock = EpochClock()
    model.fit(
        tfvae.training.batches(train.images, BATCH, seed=0),
        steps_per_epoch=per_epoch,
        epochs=1 + epochs,
        validation_data=validation.images,
        validation_batch_size=500,
        shuffle=False,
        callbacks=[clock],
        verbose=1,
    )
    trained = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    seconds = (clock.times[-1] - clock.times[0]) / epochs
    return {"images_per_second": per_epoch * BATCH / seconds, "parameters": trained}


def EpochClock():
    import keras

    class Clock(keras.callbacks.Callback):
        """When each epoch, its validation included, was over."""

        def __init__(self):
            super().__init__()
            self.times = []

        def on_epoch_end(self, epoch, logs=None):
            self.times.append(time.perf_counter())

    return Clock()


def images_per_second_torch(epochs: int) -> dict:
    import torch
    from torch import nn

    import tfvae

    images = tfvae.datasets.load("mnist").split_validation()[0].images.reshape(-1, PIXELS)
    data = torch.from_numpy(images.copy())
    encoder = nn.Sequential(nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * LATENT))
    decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * PIXELS))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, 1e-3)
    softplus = nn.functional.softplus

    def step(raw):
        x = (raw.float() + torch.rand(raw.shape)) / 256
        mean, spread = encoder(x).chunk(2, dim=-1)
        stddev = 1 / 256 + softplus(spread)
        z = mean + stddev * torch.randn_like(mean)
        location, spread = decoder(z).chunk(2, dim=-1)
        scale = 1 / 256 + softplus(spread)
        distortion = -torch.distributions.Normal(location, scale, validate_args=False).log_prob(x).sum(-1)
        rate = (0.5 * (mean**2 + stddev**2 - 1) - stddev.log()).sum(-1)
        loss = (distortion + rate).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss

    def epoch():
        order = torch.randperm(len(data))
        for start in range(0, len(data) - BATCH + 1, BATCH):
            loss = step(data[order[start : start + BATCH]])
        return loss.item()

    epoch()
    start = time.perf_counter()
    for _ in range(epochs):
        epoch()
    seconds = (time.perf_counter() - start) / epochs
    return {
        "images_per_second": len(data) // BATCH * BATCH / seconds,
        "parameters": sum(p.numel() for p in parameters),
    }


SYSTEMS = {"tfvae": images_per_second_tfvae, "torch": images_per_second_torch}


def in_own_process(system: str, epochs: int) -> dict:
    command = [sys.executable, __file__, "--system", system, "--epochs", str(epochs)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})
    if done.returncode:
        raise SystemExit(f"{system} failed:\n{done.stderr[-3000:]}")
    line = next(line for line in done.stdout.splitlines() if line.startswith(RESULT))
    return json.loads(line.removeprefix(RESULT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2, help="measured epochs of each repeat")
    parser.add_argument("--system", choices=SYSTEMS, help="measure one system in this process")
    options = parser.parse_args()
    if options.system:
        print("\n" + RESULT + json.dumps(SYSTEMS[options.system](options.epochs)))
        return
    repeats = []
    for index in range(options.repeats):
        repeats.append({system: in_own_process(system, options.epochs) for system in SYSTEMS})
        speeds = ", ".join(f"{name} {each['images_per_second']:,.0f}" for name, each in repeats[-1].items())
        print(f"repeat {index + 1}: {speeds} images/s", flush=True)
    counts = {each[system]["parameters"] for each in repeats for system in SYSTEMS}
    if len(counts) != 1:
        raise SystemExit(f"The models differ: {counts} parameters.")
    medians = {s: statistics.median(each[s]["images_per_second"] for each in repeats) for s in SYSTEMS}
    report = {
        "medians": medians,
        "ratio": medians["tfvae"] / medians["torch"],
        "repeats": repeats,
        "machine": {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()},
        "versions": {name: version(name) for name in ("tensorflow", "keras", "tensorflow-probability", "torch")},
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"tfvae in fit: {report['ratio']:.2f} times PyTorch's eager loop (medians of {options.repeats} repeats)")


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


if __name__ == "__main__":
    main()
