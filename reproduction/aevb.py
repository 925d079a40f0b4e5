"""Kingma and Welling 2013: samples for latents of 2, 5, 10 and 20 dimensions, and the manifold of two.

What the paper shows of MNIST (arXiv:1312.6114, looked up): random samples for these four sizes (figure 5), the means of
a decoder with two latent dimensions at the quantiles of the prior (figure 4b), and curves of the lower bound, without
numbers (figure 2). Encoder and decoder have one hidden layer of 500 units with tanh, the pixels are Bernoulli, batches
have 100 images, and one sample is drawn for each.

Two things differ. Pixels are drawn anew at every use, as a one with probability u/255, so that log p(x) is that of a
binary image. Adam with a cosine schedule stands in for their Adagrad with a weight decay.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reproduction.results import elbos, mean_and_error
from reproduction.run_training import trained_run
from tfvae import callbacks, evaluation, plots
from tfvae._support.files import read_json, write_json
from tfvae._support.hardware import hardware, versions
from tfvae.app.interruption import Interruption
from tfvae.app.run import Run
from tfvae.app.settings import Settings
from tfvae.callbacks.picture import write_png
from tfvae.models import VAE

LATENT_SIZES = (2, 5, 10, 20)
SETTINGS = Settings(
    model="vae(likelihood=bernoulli, network=mlp(500, activation=tanh))",
    batch_size=100,
    learning_rate=1e-3,
    epochs=10,
    passes=10,
)
RESULT, SAMPLES, MANIFOLD = "aevb.json", "samples.png", "manifold.png"

_SEED = 0  # of the samples that estimate log p(x), and of the latents that are drawn
_SHOWN = 64  # samples in each grid
_MANIFOLD_SIDE = 20
_NAIVE_IMAGES, _NAIVE_DRAWS = 100, 2**20  # test images that are scored with draws from the prior


def run(
    folder: Path,
    samples: int = 5000,
    settings: Settings = SETTINGS,
    latent_sizes: Sequence[int] = LATENT_SIZES,
    command: str = "",
    interruption: Interruption | None = None,
    verbose: int = 2,
) -> dict[str, Any]:
    """Trains a VAE for each latent size, measures them and draws them.

    The folder gets a run folder `latent-D` for each size, with its figures in measured.json; aevb.json with all of
    them; samples.png with the sample grids side by side; and manifold.png where one of the sizes is 2. A run that has
    ended is not trained again, one that was interrupted goes on, and figures that are there are not measured again.

    Args:
        folder: made if missing.
        samples: S of the estimate of log p(x).
        settings: of each run, but for the latent size.
        latent_sizes: the latent dimensions.
        command: what all this can be made with again; it is kept in aevb.json.
        interruption: entered by the caller, who is told of a stop by `Interrupted`.
        verbose: as for `fit`.

    Returns:
        What aevb.json holds: for each size the ELBO (a lower bound) and L_S (an estimate of a tighter one, see
        `evaluation.log_likelihood`), in nats on average over the test images with the standard error over them, and
        how many draws from the prior the naive average over p(x|z) takes to be at most 1 nat below L_S.

    Raises:
        ValueError: a run in the folder has other settings, or the settings do not fit the data.
        OSError: the folder cannot be written.
    """
    folder, interruption = Path(folder), interruption or Interruption()
    measured = {}
    for size in latent_sizes:
        run_folder = folder / f"latent-{size}"
        trained_run(settings.with_options(latent_size=size), run_folder, interruption, verbose)
        measured[str(size)] = _measured(run_folder, samples)
    models = {size: Run(folder / f"latent-{size}").model for size in latent_sizes}
    _draw(folder, models)
    result = {
        "paper": "Kingma and Welling 2013, arXiv:1312.6114: figures 4b and 5; it prints no likelihoods to compare with",
        "convention": next(iter(models.values())).unit.convention,
        "samples": samples,
        "seed": _SEED,
        "latent_sizes": measured,
        "hardware": hardware(),
        "versions": versions(),
        "command": command,
    }
    write_json(folder / RESULT, result)
    return result


def _measured(folder: Path, samples: int) -> dict[str, Any]:
    """The figures of a run that has ended, which are kept in its folder."""
    kept, trained = read_json(folder / "measured.json"), Run(folder)
    digest = None if trained.identity is None else trained.identity.digest
    if kept is not None and kept.get("samples") == samples and kept.get("run_digest", digest) == digest:
        return kept
    report, model, test = trained.report, trained.model, trained.data.test
    images = test.first(len(test)).images
    log_p = evaluation.log_likelihood(model, images, samples, _SEED)
    found = {
        "samples": samples,
        "elbo": mean_and_error(elbos(model, images)),
        "log_likelihood": mean_and_error(log_p),
        "naive": _naive(model, images[:_NAIVE_IMAGES], float(np.mean(log_p[:_NAIVE_IMAGES]))),
    }
    from_report = ("test_images", "data_digest", "steps", "active_units")
    seconds = ("training_seconds", "training_processor_seconds")
    found |= {name: getattr(report, name) for name in (*from_report, *seconds)} | {
        "settings": trained.settings.plain(),
        "run_digest": digest,
    }
    write_json(folder / "measured.json", found)
    return found


def _naive(model: VAE, images: np.ndarray, bound: float) -> dict[str, Any]:
    """How many draws from the prior the first images take, whose L_S is `bound`."""
    found = evaluation.naive_estimate(model, evaluation.fix(images, model.preprocess).x, _NAIVE_DRAWS, _SEED)
    return {
        "images": len(images),
        "bound": bound,
        "draws": found.draws.tolist(),
        "log_p": found.log_p.tolist(),
        "draws_within_a_nat": found.draws_within_a_nat(bound),
    }


def _draw(folder: Path, models: dict[int, VAE]) -> None:
    grids = [np.asarray(model.sample(_SHOWN, seed=_SEED, mean=True)[1]) for model in models.values()]
    titles = [f"{size}-D latent space" for size in models]
    write_png(plots.image_grids(grids, titles), folder / SAMPLES)
    if 2 in models:
        picture = callbacks.Manifold(folder, n=_MANIFOLD_SIDE)
        picture.set_model(models[2])
        write_png(picture.figure(), folder / MANIFOLD)
