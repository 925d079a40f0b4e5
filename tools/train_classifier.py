"""Makes the weights of the package's classifier, evaluation/digits/data/digits.npz: `python tools/train_classifier.py`.

Trains on MNIST's training images less the 5,000 of `split_validation()`, slightly shifted, turned and scaled, with the
plain cross entropy. Nothing was tuned but what the validation images say; the test images are looked at once, in the
end, and with the weights as they are stored (float16). A few minutes on two cores.
"""

import hashlib
import io
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfvae import datasets
from tfvae.evaluation.digits import classifier

TARGET = Path(__file__).resolve().parents[1] / "tfvae/evaluation/digits/data/digits.npz"
SEED, BATCH, EPOCHS, LEARNING_RATE = 0, 128, 25, 2e-3


def main() -> None:
    keras.utils.set_random_seed(SEED)
    data = datasets.load("mnist")
    train, validation = data.split_validation()
    model = classifier.network()
    steps = EPOCHS * (len(train) // BATCH)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.fit(batches(train), epochs=EPOCHS, validation_data=arrays(validation), validation_batch_size=500, verbose=2)
    weights = [weight.astype("float16") for weight in model.get_weights()]
    write(weights)
    model.set_weights([weight.astype("float32") for weight in weights])
    for name, split in (("validation", validation), ("test", data.test)):
        loss, accuracy = model.evaluate(*arrays(split), batch_size=500, verbose=0)
        share = np.mean(tf.nn.softmax(model.predict(arrays(split)[0], verbose=0)).numpy().max(axis=1) > 0.9)
        print(f"{name}: accuracy {accuracy:.4f}, cross entropy {loss:.4f}, recognised with p > 0.9 {share:.4f}")


def arrays(split: datasets.Split) -> tuple[np.ndarray, np.ndarray]:
    return (split.images / 255).astype("float32"), split.labels.astype("int32")


def batches(split: datasets.Split) -> tf.data.Dataset:
    """An epoch of shuffled batches, each image shifted, turned and scaled a little."""
    augment = keras.Sequential(
        [
            keras.layers.RandomRotation(10 / 360, fill_mode="constant", seed=SEED),
            keras.layers.RandomTranslation(2 / 28, 2 / 28, fill_mode="constant", seed=SEED + 1),
            keras.layers.RandomZoom(0.1, fill_mode="constant", seed=SEED + 2),
        ]
    )
    dataset = tf.data.Dataset.from_tensor_slices(arrays(split)).shuffle(len(split), seed=SEED)
    return dataset.batch(BATCH, drop_remainder=True).map(lambda x, y: (augment(x, training=True), y)).prefetch(4)


def write(weights: list[np.ndarray]) -> None:
    """Write the weights in their order, and print the digest that `tfvae/evaluation/digits/classifier.py` checks."""
    buffer = io.BytesIO()
    np.savez(buffer, *weights)
    TARGET.write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    print(
        f"{TARGET.name}: {sum(w.size for w in weights):,} weights, {len(buffer.getvalue()):,} bytes, SHA-256 {digest}"
    )


if __name__ == "__main__":
    main()
