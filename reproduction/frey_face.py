"""Frey Face after Li and Turner 2016: test log-likelihood in ten folds, and the manifold of two latents.

Their protocol (arXiv:1602.02311; looked up in the paper's source and programs): 10-fold cross-validation, one hidden
layer of 200 units, 20 latents, a normal p(x|z) with a scale for each pixel, batches of 100, x = u/255 without
dequantisation, log p(x) estimated with 5,000 samples: VAE 1322.96 +- 10.03 nats, IWAE-5 1380.30 +- 4.60. Their VAE
takes 5 samples a step as well.

Their programs squash the decoder's mean by a sigmoid, decay the weights and put no floor under the scale. Here the mean
is linear, weights do not decay, and the scale has a floor, which the result states. The manifold is figure 4a of Kingma
and Welling 2013.

What the protocol leaves open was chosen in the training part of fold 0, by the log-likelihood of fold 1 after training
on folds 2 to 9 (undequantised VAE, 500 samples). At 9,000 steps and a rate of 1e-3 a scale for each pixel gave 1226
nats, for each image 1018, one for all 894; at 3e-3 softplus gave 1348 and gelu 1339; at 6e-3 softplus gave 1322; 19,500
steps at 3e-3 gave 1370.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reproduction.cross_validation import Study, cross_validate
from reproduction.fold_training import Protocol, trained
from tfvae import callbacks
from tfvae._support.files import write_json
from tfvae._support.folders import below
from tfvae._support.hardware import hardware, versions
from tfvae.app.interruption import Interruption
from tfvae.callbacks.picture import write_png
from tfvae.datasets import files
from tfvae.objectives import ELBO, ImportanceWeighted
from tfvae.preprocessing import Dequantize, Rescale

SHAPE = (28, 20, 1)
RESULT, MANIFOLD = "frey_face.json", "manifold.png"
_MANIFOLD_SIDE, _MANIFOLD_STEPS = 20, 6000
_CHOSEN_ON = (
    "Scale, activation, learning rate and steps were chosen once, by the log-likelihood of fold 1 of the shuffled "
    "frames after training on folds 2 to 9; fold 0 had no part in it, and the same choice serves all folds and studies."
)
_NEIGHBOURS = (
    "Neighbouring frames of the video are nearly the same. Shuffled, they fall into training and test alike, so that "
    "figures of shuffled folds are optimistic for a new part of the video; in blocks only those at a block's ends do."
)


PROTOCOL = Protocol()
STUDIES = (
    Study("undequantised-vae", ELBO(), Rescale(), published=(1322.96, 10.03)),
    Study("undequantised-iwae-5", ImportanceWeighted(5), Rescale(), published=(1380.30, 4.60)),
    Study("dequantised-vae", ELBO(), Dequantize()),
    Study("dequantised-iwae-5", ImportanceWeighted(5), Dequantize()),
    Study("blocks-dequantised-vae", ELBO(), Dequantize(), shuffled=False),
)


def run(
    folder: Path,
    path: Path,
    protocol: Protocol = PROTOCOL,
    studies: Sequence[Study] = STUDIES,
    command: str = "",
    interruption: Interruption | None = None,
    verbose: int = 1,
) -> dict[str, Any]:
    """Draws the manifold of a VAE with two latents and cross-validates every study.

    The folder gets manifold.png, `folds/STUDY-FOLD.json` as each fold ends, and after each study frey_face.json with
    all that are done. A fold that is there is not trained again, so that an interruption loses one fold at most.

    Args:
        folder: made if missing.
        path: a file of frames of 28 x 20 in the order of the video.
        protocol: how each fold is trained and scored.
        studies: what is cross-validated.
        command: what all this can be made with again; it is kept in frey_face.json.
        interruption: entered by the caller, who is told of a stop by `Interrupted`.
        verbose: 0 prints nothing, else a line for each fold.

    Returns:
        What frey_face.json holds: for each study the log-likelihood L_S and the ELBO (lower bounds, estimated, on
        average over the test frames of a fold), in nats an image: their mean over the folds with its standard error.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no frames of this shape, or the folder has folds of other frames or another protocol.
        OSError: the file cannot be read, or the folder cannot be written.
    """
    folder, path, interruption = Path(folder), Path(path), interruption or Interruption()
    images, folds = frames(path), below(folder, "folds")
    _draw_manifold(folder / MANIFOLD, images, protocol, interruption)
    result: dict[str, Any] = {
        "paper": "Li and Turner 2016, arXiv:1602.02311, table 1, whose VAE also takes 5 samples a step",
        "file": path.name,
        "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "frames": len(images),
        "frames_sha256": hashlib.sha256(images.tobytes()).hexdigest(),  # the same in any format of file
        "dimension": int(np.prod(SHAPE)),
        "unit": "nats an image, on average over the test frames of a fold; mean and standard error over the folds",
        "scale_floor": protocol.min_scale,
        "chosen_on": _CHOSEN_ON,
        "neighbours": _NEIGHBOURS,
        "protocol": dataclasses.asdict(protocol),
        "studies": {},
        "hardware": hardware(),
        "versions": versions(),
        "command": command,
    }
    for study in studies:
        result["studies"][study.name] = cross_validate(study, images, protocol, folds, interruption, verbose)
        write_json(folder / RESULT, result)
    return result


def frames(path: Path) -> np.ndarray:
    """The frames in a file, uint8 `[N, 28, 20, 1]`, in its order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds other images, or none.
        OSError: it cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`path` must be the file of the Frey faces, such as frey_faces.npz; {path} is none.")
    images = files.in_order(path).images
    if images.shape[1:] != SHAPE:
        raise ValueError(
            f"`path` must hold grey frames of 28 x 20; {path.name} has images of shape {images.shape[1:]}."
        )
    return images


def _draw_manifold(path: Path, images: np.ndarray, protocol: Protocol, interruption: Interruption) -> None:
    """Draws the decoder's means for two latents, of a VAE with one scale trained on all frames, unless it is there."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    interruption.unsaved = True
    # With a scale for each pixel two latents explain so much that codes leave most of N(0, I) empty, and most of the
    # picture is glare.
    steps = min(protocol.steps, _MANIFOLD_STEPS)
    planar = dataclasses.replace(protocol, latent_size=2, scale="shared", learning_rate=1e-3, steps=steps)
    model = trained(images, ELBO(), Dequantize(), planar, protocol.seed, interruption)
    picture = callbacks.Manifold(path.parent, n=_MANIFOLD_SIDE)
    picture.set_model(model)
    write_png(picture.figure(), path)
    interruption.unsaved = False
