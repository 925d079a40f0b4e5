"""Run folders that are made in a second, and evaluations of them that take another."""

import json

import numpy as np
import pytest

import small
import tiny
from tfvae.app.run import MODEL, build, evaluation, identity, training
from tfvae.app.run import data as run_data
from tfvae.app.settings import CONFIG, Settings, as_yaml


def data(path):
    """An .npz file of 200 training and 60 test images of 8x8 with two classes."""
    images = tiny.images(260)
    labels = (images[:, :4].sum(axis=(1, 2, 3)) > images[:, 4:].sum(axis=(1, 2, 3))).astype(int)
    parts = {"images": images[:200], "labels": labels[:200], "test_images": images[200:], "test_labels": labels[200:]}
    np.savez(path, **parts)
    return path


def make(folder, source, steps=0, model="vae(latent_size=2, network=mlp(8))", **settings):
    """A run folder with settings and a model, trained for some steps on all training images."""
    chosen = Settings(data=str(source), epochs=1, model=model, **settings)
    whole = run_data.load_data(chosen)
    images = whole.train.first(200).images
    model = tiny.compiled(build.model(chosen, images.shape[1:], 1))
    if steps:
        tiny.train(model, steps, images)
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text(as_yaml(chosen))
    images = run_data.fingerprints(*run_data.parts(whole, chosen), whole.test)
    save(model, folder, identity.identity_of(chosen, images))
    return folder


def save(model, folder, bound=None):
    """Saves the model of a run, bound as `train` binds it, or as the one that it takes the place of."""
    bound = bound or identity.read(folder / MODEL)
    model.save(folder / MODEL)
    identity.write(folder / MODEL, bound)


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    """Evaluations that take a second, in a module of tests that read what was measured."""
    with pytest.MonkeyPatch.context() as patch:
        small.few_draws(patch)
        patch.setattr(evaluation, "_TRAINING", 100)
        yield


def without_pictures(patch):
    """Neither training nor evaluating draws any, which takes half of the time of both."""
    patch.setattr(training, "pictures", lambda *_: [])
    patch.setattr(evaluation, "_write_picture", lambda *_: None)


def contents(folder):
    """Everything in a folder, byte for byte."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def written(
    folder,
    seed=0,
    digest="aa",
    convention="nats: C",
    sample_size=10,
    bound=(1.0, 2.0, 3.0),
    errors=0.1,
    steps=10,
    latent_size=2,
    **more,
):
    """An evaluation as far as `compare` reads it."""
    bound = np.float64(bound)
    path = folder / "evaluation"
    path.mkdir(parents=True)
    model = {"vae": {"latent_size": latent_size}}
    report = {
        "data": {"examples": len(bound), "digest": digest, "convention": convention},
        "settings": {"seed": seed, "model": model, "weights": None, "xla": True, **more},
        "missing": {},
        "steps": steps,
    }
    arrays = {}
    if sample_size:
        report["likelihood"] = {"sample_size": sample_size, "bound": bound.mean()}
        arrays = {"bound": bound, "standard_error": np.full(len(bound), errors)}
    (path / "report.json").write_text(json.dumps(report))
    np.savez(path / "examples.npz", **arrays)
    return folder
