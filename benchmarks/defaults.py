"""What the default settings of `tfvae train` cost and bring: likelihood against samples that are digits.

    python benchmarks/defaults.py              # measures the rows that defaults.json does not have, writes the table
    python benchmarks/defaults.py --only 3     # that row, counted from 0
    python benchmarks/defaults.py --table      # writes the table only
    python benchmarks/defaults.py --test       # the chosen row on the test images, once, with seeds 0, 1 and 2

Every row is trained on MNIST's training part and measured on the 5,000 validation images; everything was chosen by
these. A row takes one to a few minutes on two cores. Figures go to defaults.json beside this file, the table to
docs/defaults.md between its two markers.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfvae._support.markdown import table

HERE = Path(__file__).resolve()
RESULTS = HERE.with_suffix(".json")
TABLE = HERE.parents[1] / "docs/defaults.md"
SEEDS = (0, 1, 2)
SAMPLES = 10_000
BATCH = 500  # of evaluation
FIGURES = ("bits/dim", "rate", "active", "recognised", "entropy", "reconstructed", "seconds")


@dataclasses.dataclass(frozen=True)
class Row:
    """A configuration, what is not given being a plain one.

    Attributes:
        scale: of p(x|z): "shared", "image", "pixel" or a number.
        latent_size: number of latent dimensions.
        hidden: units of the dense layers of the encoder; the decoder has them in reverse order.
        activation: of the dense layers.
        beta: weight of the rate.
        warm_up: epochs in which it rises from 0.
        free_bits: floor of the rate of each latent dimension, in nats.
        epochs, batch_size: of the training.
        learning_rate: of Adam at the start.
        schedule: "cosine" (down to 0) or "constant".
        average: momentum of the moving average of the weights; 0 for none.
    """

    scale: str | float = "shared"
    latent_size: int = 8
    hidden: tuple[int, ...] = (500, 500)
    activation: str = "relu"
    beta: float = 1.0
    warm_up: int = 0
    free_bits: float = 0.0
    epochs: int = 20
    batch_size: int = 100
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    average: float = 0.0

    @property
    def changes(self) -> dict:
        """What differs from a plain row."""
        default = Row()
        return {k: v for k, v in dataclasses.asdict(self).items() if v != getattr(default, k)}


THREE, FOUR, NARROW = (500,) * 3, (500,) * 4, (300,) * 4
CHOSEN = Row(hidden=NARROW, activation="gelu", latent_size=6, epochs=25)
ROWS = (
    # Where the scale comes from.
    Row(scale="pixel", latent_size=20, hidden=(500,)),
    Row(scale="pixel", hidden=THREE, activation="gelu"),
    Row(scale="image", hidden=THREE, activation="gelu"),
    Row(scale=0.25, hidden=THREE, activation="gelu"),
    Row(hidden=THREE, activation="gelu"),
    # Depth and activation.
    Row(),
    Row(hidden=THREE),
    Row(hidden=FOUR),
    Row(hidden=NARROW),
    Row(hidden=FOUR, activation="gelu"),
    Row(hidden=NARROW, activation="gelu"),
    # The weight of the rate.
    Row(beta=4.0),
    Row(hidden=THREE, beta=4.0),
    Row(hidden=THREE, activation="gelu", beta=2.0),
    Row(hidden=THREE, activation="gelu", beta=4.0),
    Row(hidden=FOUR, activation="gelu", beta=2.0),
    Row(hidden=FOUR, activation="gelu", beta=2.0, warm_up=5),
    # Latent dimensions.
    Row(hidden=THREE, activation="gelu", beta=2.0, latent_size=6),
    Row(hidden=THREE, activation="gelu", beta=2.0, latent_size=12),
    Row(hidden=FOUR, activation="gelu", beta=2.0, latent_size=6),
    Row(hidden=NARROW, activation="gelu", beta=2.0, latent_size=6),
    # The training.
    Row(hidden=THREE, activation="gelu", beta=2.0, epochs=30),
    Row(hidden=THREE, activation="gelu", beta=2.0, batch_size=200, learning_rate=2e-3),
    Row(hidden=NARROW, activation="gelu", epochs=30),
    Row(hidden=NARROW, activation="gelu", latent_size=6),
    CHOSEN,
    Row(hidden=NARROW, activation="gelu", latent_size=6, epochs=30),
    dataclasses.replace(CHOSEN, schedule="constant"),
    dataclasses.replace(CHOSEN, schedule="constant", average=0.999),
    dataclasses.replace(CHOSEN, warm_up=5),
    dataclasses.replace(CHOSEN, free_bits=0.5),
)


def build(row: Row, per_epoch: int, seed: int):
    """The model of a row, made of parts, so that the table does not change with the recipes' defaults."""
    import keras

    from tfvae import VAE, ConditionalDistribution, families, networks, preprocessing, priors
    from tfvae.objectives import ELBO, WarmUp

    keras.utils.set_random_seed(seed)
    shape, hidden = (28, 28, 1), row.hidden
    bodies = networks.mlp(hidden, row.activation), networks.mlp(hidden[::-1], row.activation)
    beta = WarmUp(row.warm_up * per_epoch, row.beta) if row.warm_up else row.beta
    return VAE(
        encoder=ConditionalDistribution(bodies[0], families.Normal((row.latent_size,)), name="encoder"),
        decoder=ConditionalDistribution(bodies[1], families.Normal(shape, scale=row.scale), name="decoder"),
        prior=priors.StandardNormal((row.latent_size,)),
        preprocess=preprocessing.Dequantize(),
        objective=ELBO(beta=beta, free_bits=row.free_bits),
        seed=seed,
    )


def trained(row: Row, images, seed: int):
    """The trained model of a row, and the seconds of its training: by the clock, and of processor time."""
    import keras

    from tfvae import training as execution
    from tfvae.datasets import batches as training

    per_epoch = training.steps_per_epoch(len(images), row.batch_size)
    model = build(row, per_epoch, seed)
    rate: object = row.learning_rate
    if row.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(row.learning_rate, row.epochs * per_epoch)
    average = {"use_ema": True, "ema_momentum": row.average} if row.average else {}
    model.compile(keras.optimizers.Adam(rate, **average), **execution.by_rule(model).arguments)
    clock, processor = time.perf_counter(), time.process_time()
    model.fit(
        training.batches(images, row.batch_size, seed),
        epochs=row.epochs,
        steps_per_epoch=per_epoch,
        shuffle=False,
        verbose=0,
    )
    return model, time.perf_counter() - clock, time.process_time() - processor


def measured(model, split) -> dict:
    """The figures of a trained model on a split."""
    from tfvae.evaluation import reconstruction_accuracy
    from tfvae.evaluation.digits import recognition

    scores = model.evaluate(split.images, batch_size=BATCH, verbose=0, return_dict=True)
    codes = model.encoder.predict(split.images, batch_size=BATCH, verbose=0)
    found = recognition(model, SAMPLES)
    scale = model.decoder(codes[:100]).stddev() if model.decoder.family.scale == "shared" else None
    return {
        "bits_per_dim": model.unit.bits_per_dim(scores["elbo"], split.images[0].size),
        "rate": scores["rate"],
        "active_units": int((codes.var(axis=0) > 0.01).sum()),
        "recognised": found.share,
        "standard_error": found.standard_error,
        "class_entropy": found.class_entropy,
        "classes": found.classes.tolist(),
        "reconstruction_accuracy": reconstruction_accuracy(model, split.images, split.labels),
        "learned_scale": None if scale is None else float(scale.numpy().mean()),
    }


def measure(row: Row, seed: int = 0, on: str = "validation") -> dict:
    from tfvae import datasets

    data = datasets.load("mnist")
    training_part, validation = data.split_validation()
    model, clock, processor = trained(row, training_part.images, seed)
    figures = measured(model, {"validation": validation, "test": data.test}[on])
    return {
        "row": dataclasses.asdict(row),
        "seed": seed,
        "on": on,
        "figures": figures | {"seconds": clock, "processor_seconds": processor},
    }


def read() -> list[dict]:
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else []


def find(row: Row, seed: int = 0, on: str = "validation") -> dict | None:
    """The figures of a row, if it has been measured."""
    for each in read():
        measured_row = Row(**each["row"] | {"hidden": tuple(each["row"]["hidden"])})
        if (measured_row, each["seed"], each["on"]) == (row, seed, on):
            return each["figures"]
    return None


def add(result: dict) -> None:
    RESULTS.write_text(json.dumps([*read(), result], indent=1) + "\n")


def validation_table() -> str:
    """The rows that have been measured, as Markdown; the chosen one is bold."""
    rows = []
    for row in ROWS:
        figures = find(row)
        if figures is None:
            continue
        mark = "**" if row == CHOSEN else ""
        cells = [*described(row), *formatted(figures)]
        rows.append([f"{mark}{cell}{mark}" if cell else "" for cell in cells])
    return table(["scale", "D", "network", "besides", *FIGURES], rows, rule="---")


def described(row: Row) -> list[str]:
    network, shown = "-".join(map(str, row.hidden)), {"scale", "latent_size", "hidden"}
    changes = {name: value for name, value in row.changes.items() if name not in shown}
    besides = [f"{name.replace('_', ' ')} {value}" for name, value in changes.items()]
    return [str(row.scale), str(row.latent_size), network, ", ".join(besides)]


def formatted(figures: dict) -> list[str]:
    return [
        f"{figures['bits_per_dim']:.2f}",
        f"{figures['rate']:.1f}",
        str(figures["active_units"]),
        f"{figures['recognised']:.3f}",
        f"{figures['class_entropy']:.2f}",
        f"{figures['reconstruction_accuracy']:.3f}",
        f"{figures['processor_seconds']:.0f}",
    ]


def test_table() -> str:
    found = ((seed, find(CHOSEN, seed, "test")) for seed in SEEDS)
    rows = [[str(seed), *formatted(figures)] for seed, figures in found if figures is not None]
    return table(["seed", *FIGURES], rows, rule="---")


def write_tables() -> None:
    text = TABLE.read_text()
    for name, content in (("validation", validation_table()), ("test", test_table())):
        start, stop = f"<!-- {name}: by benchmarks/defaults.py -->", f"<!-- end of {name} -->"
        before, after = text[: text.index(start)], text[text.index(stop) :]
        text = f"{before}{start}\n{content}\n{after}"
    TABLE.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, help="measure this row only, counted from 0")
    parser.add_argument("--test", action="store_true", help="measure the chosen row on the test images")
    parser.add_argument("--table", action="store_true", help="measure nothing")
    options = parser.parse_args()
    wanted = [(row, 0, "validation") for row in (ROWS if options.only is None else ROWS[options.only :][:1])]
    if options.test:
        wanted = [(CHOSEN, seed, "test") for seed in SEEDS]
    for row, seed, on in [] if options.table else wanted:
        if find(row, seed, on) is None:
            result = measure(row, seed, on)
            add(result)
            print(row.changes, seed, on, *formatted(result["figures"]), flush=True)
    write_tables()


if __name__ == "__main__":
    main()
