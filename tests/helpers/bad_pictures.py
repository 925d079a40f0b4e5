"""A dataset of small images, some of whose records are spoilt."""

import io

import numpy as np
import tensorflow as tf
import tensorflow_datasets
from PIL import Image

import prepared
from tfvae.app.settings import Settings

GENERATOR = np.random.default_rng(0)


SIZE = 40  # training images


def png(*shape):
    file = io.BytesIO()
    Image.fromarray(GENERATOR.integers(0, 256, shape, np.uint8)).save(file, "png")
    return file.getvalue()


def spoilt(record, how):
    if how == "no example":
        return b"\xff no protocol buffer"
    example = tf.train.Example.FromString(record)
    example.features.feature["image"].bytes_list.value[0] = b"no image" if how == "undecodable" else png(9, 8)
    return example.SerializeToString()


def prepare(folder, bad):
    """A dataset of 8x8 images, `bad` of whose training records are spoilt; their bytes as they were before."""
    features = {"image": tensorflow_datasets.features.Image(shape=(8, 8, 1))}
    splits = {
        name: [{"image": GENERATOR.integers(0, 256, (8, 8, 1), np.uint8)} for _ in range(size)]
        for name, size in (("train", SIZE), ("test", 6))
    }
    prepared.dataset(folder, "pictures", features, splits)
    (path,) = folder.glob("pictures/1.0.0/pictures-train*")
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number, record in enumerate(records):
            writer.write(spoilt(record, bad[number]) if number in bad else record)
    return path, records


SETTINGS = Settings(
    data="tfds:pictures",
    epochs=3,
    validation_size=5,
    batch_size=5,
    model="vae(latent_size=2, network=mlp(4))",
    xla=False,
)
