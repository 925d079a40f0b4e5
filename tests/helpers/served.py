"""Requests to an exported model, answered in a process of its own."""

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from places import ROOT

CHILD = Path(__file__).with_name("c_api_child.py")


def files(images, form="PNG"):
    """PNG or JPEG files of uint8 images `[B, H, W, C]`."""
    found = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, form)
        found.append(buffer.getvalue())
    return np.array(found)


def pixels(pngs):
    """uint8 `[B, H, W, C]` of PNG files."""
    images = [np.asarray(Image.open(io.BytesIO(each))) for each in pngs]
    return np.stack([image if image.ndim == 3 else image[..., np.newaxis] for image in images])


def inputs_for(signatures, images, z):
    """Inputs of every signature of a card, `[B, ...]`: the images in each form, latents, and seeds of 100 and more."""
    seeds = np.arange(100, 100 + len(images))
    values = {"z": z, "seed": seeds, "image_bytes": files(images)}
    found = {}
    for name, signature in signatures.items():
        image = np.float32(images / 255) if name.endswith("_float") else images
        found[name] = {key: values.get(key, image) for key in signature["inputs"]}
    return found


def answers(folder, cases):
    """Answers through the C API, in one process: `{case: {signature: {output: array}}}`.

    Args:
        folder: of a version.
        cases: `{case: (size, {signature: {input: array}})}`, sent in batches of that size.

    What was refused has the output "error". The case "signatures" is the names of those that the model has.
    """
    flat = {
        f"{case}/{size}/{signature}/{name}": value
        for case, (size, requests) in cases.items()
        for signature, inputs in requests.items()
        for name, value in inputs.items()
    }
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        asked, got = Path(scratch, "requests.npz"), Path(scratch, "answers.npz")
        np.savez(asked, **flat)
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "benchmarks"), "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, str(CHILD), str(folder), str(asked), str(got)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        with np.load(got) as archive:
            for key in archive.files:
                if key == "signatures":
                    found[key] = archive[key].tolist()
                    continue
                case, _, signature, output = key.split("/")
                found.setdefault(case, {}).setdefault(signature, {})[output] = archive[key]
    return found
