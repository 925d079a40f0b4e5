"""One training run from settings to a run folder: the main job behind `tfvae train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfvae import callbacks, datasets, evaluation, execution, plots, recipes, training
from tfvae.models import VAE
from tfvae.settings import Settings

MODEL = "model.keras"
CHECKPOINT = "checkpoint.keras"
_PICTURED = 30  # validation images in the reconstruction grids
_EVALUATION_BATCH = 500


def train(settings: Settings, folder: Path, verbose: int = 1) -> dict[str, Any]:
    """Trains a VAE on MNIST, measures it once on the test images and fills a run folder.

    The folder gets config.yaml, history.csv, samples/ and reconstructions/ with a picture an epoch, latent_map.png,
    checkpoint.keras (rewritten every epoch), model.keras and report.json.

    Args:
        settings: what to train.
        folder: made here; must not hold anything yet.
        verbose: as for `fit`.

    Returns:
        The report: the test figures by name, with their convention and the digest of the array they are about.

    Raises:
        FileExistsError: the folder exists and is not empty.
        ValueError: the settings do not fit the data.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists already and is not an empty folder; choose another with --out.")
    data = datasets.load("mnist")
    if settings.validation_size >= len(data.train):
        raise ValueError(
            f"`validation_size` must leave training images: below {len(data.train)}; "
            f"received {settings.validation_size}."
        )
    training_part, validation = datasets.hold_out(data.train, settings.validation_size, settings.seed)
    images = training_part.images[: settings.train_size]
    per_epoch = training.steps_per_epoch(len(images), settings.batch_size)
    keras.utils.set_random_seed(settings.seed)
    model = build(settings, data.train.images.shape[1:])
    folder.mkdir(parents=True, exist_ok=True)
    settings.write(folder / "config.yaml")
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.epochs * per_epoch)
    model.compile(optimizer=keras.optimizers.Adam(schedule), **execution.settings(model, per_epoch))
    model.fit(
        training.batches(images, settings.batch_size, settings.seed),
        epochs=settings.epochs,
        steps_per_epoch=per_epoch,
        validation_data=validation.images,
        validation_batch_size=_EVALUATION_BATCH,
        shuffle=False,
        callbacks=[
            callbacks.SampleGrid(folder / "samples"),
            callbacks.ReconstructionGrid(folder / "reconstructions", validation.images[:_PICTURED]),
            keras.callbacks.CSVLogger(str(folder / "history.csv")),
            keras.callbacks.ModelCheckpoint(str(folder / CHECKPOINT)),
        ],
        verbose=verbose,
    )
    model.save(folder / MODEL)
    if settings.latent_size >= 2:
        means = model.encoder.predict(validation.images, batch_size=_EVALUATION_BATCH, verbose=0)
        plots.latent_map(means, validation.labels, data.class_names).savefig(folder / "latent_map.png")
    report = test(model, data.test.images)
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    return report


def build(settings: Settings, image_shape: tuple[int, ...]) -> VAE:
    """The model of the settings."""
    recipe = {"mlp": recipes.vae, "conv": recipes.conv_vae}[settings.network]
    return recipe(image_shape, settings.latent_size, settings.hidden, scale=settings.scale, seed=settings.seed)


def test(model: VAE, images: np.ndarray) -> dict[str, Any]:
    """Scores the fixed test array once."""
    figures = model.evaluate(images, batch_size=_EVALUATION_BATCH, verbose=0, return_dict=True)
    report = {"test_images": len(images), "samples_per_image": model.objective.sample_size, **figures}
    if model.unit.bits_offset is not None:
        report["bits_per_dim"] = model.unit.bits_per_dim(figures["elbo"], int(np.prod(model.data_shape)))
    digest = evaluation.fix(images, model.preprocess).digest
    return report | {"convention": model.unit.convention, "data_digest": digest, "steps": model.steps}
