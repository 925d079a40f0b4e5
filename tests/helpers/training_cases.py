"""What is trained or measured both on one device and by several workers, and the script that such a worker runs.

python training_cases.py OUT CASE ...      does one after the other, and writes OUT/CASE-WORKER.npz
"""

import contextlib
import sys
import time
from pathlib import Path

import numpy as np

import training_cases as cases

SIZES = (20, 27, 1)  # of the global batches: 27 = 13 + 14, and 1 = 0 + 1


def elbo(tiny, tfvae):
    return tiny.vae()


def clipped(tiny, tfvae):
    return tiny.vae()


def compiled(tiny, tfvae):
    return tiny.vae()


def iwae(tiny, tfvae):
    return tiny.vae(objective=tfvae.ImportanceWeighted(3), kind="conv")


def realnvp(tiny, tfvae):
    import keras

    keras.utils.set_random_seed(0)
    return tfvae.realnvp(tiny.SHAPE, levels=1, depth=2, filters=(4,))


def flow(tiny, tfvae):
    """As prior and as posterior."""
    import keras

    keras.utils.set_random_seed(0)
    prior = tfvae.flows.Flow((2,), tfvae.bijectors.vector_flow(2, (4,)), name="prior")
    posterior = tfvae.flows.InverseAutoregressive((2,), 1, (4,))
    return tiny.vae(posterior=posterior, prior=prior, objective=tfvae.ELBO(analytic_kl=False))


def gan(tiny, tfvae):
    import keras

    keras.utils.set_random_seed(0)
    return tfvae.gan(tiny.SHAPE, latent_size=2, network="mlp(8)")


CASES = {each.__name__: each for each in (elbo, clipped, compiled, iwae, realnvp, flow, gan)}


def batches():
    """The global batches, with labels, as one device gets them."""
    import tensorflow as tf

    import tiny

    ends = np.cumsum(SIZES)
    images, labels = tf.constant(tiny.images(60)), tf.range(60) % 3
    # Not from a generator: its iterator needs Python when it is deleted, which hung in the middle of a `fit`.
    data = tf.data.Dataset.from_tensor_slices((ends - SIZES, ends))
    return data.map(lambda begin, end: (images[begin:end], labels[begin:end]))


def trained(name, strategy=None):
    """How far training moved each variable, what it and an evaluation reported, and predictions; as arrays by name.

    The name is that of a case, and ends in "64" for float64, in "_bfloat16" or "_float16" for networks in half
    precision.
    """
    import keras

    import tfvae
    import tiny

    case, _, half = name.partition("_")
    case, floatx = case.removesuffix("64"), "float64" if case.endswith("64") else "float32"
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(f"mixed_{half}" if half else floatx)
    try:
        rate, most = 1e-3 if case == "realnvp" else 1e-2, 0.5 if case == "clipped" else None
        with strategy.scope() if strategy else contextlib.nullcontext():
            model = CASES[case](tiny, tfvae)
            optimizer = keras.optimizers.SGD(rate, global_clipnorm=most)
            if half == "float16":
                # Of the usual scale first steps overflow, fewer of them where a device sums fewer examples.
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=64.0)
            model.compile(optimizer, jit_compile=case == "compiled")
            model.build_optimizers()
        start = tiny.values(model.trainable_variables)
        history = model.fit(batches(), epochs=2, validation_data=batches(), verbose=0).history
        assert history.pop("skipped") == [0, 0]
        moved = [after - before for after, before in zip(tiny.values(model.trainable_variables), start, strict=True)]
        found = {f"variable {number}": each for number, each in enumerate(moved)}
        found |= {f"history {key}": np.asarray(values) for key, values in history.items()}
        found["evaluation"] = np.asarray(model.evaluate(tiny.images(27), batch_size=8, verbose=0))
        found["prediction"] = model.predict(tiny.images(27), batch_size=8, verbose=0)
        return found
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def likelihoods(strategy=None):
    """The figures of each example, of so many that two workers have a block each and one has a third, or one none."""

    import tiny
    from tfvae.evaluation import likelihood_estimate, simulated_bracket
    from tfvae.evaluation.assessment import PER_EXAMPLE

    with strategy.scope() if strategy else contextlib.nullcontext():
        model = tiny.vae()
    found = {}
    for examples in (230, 5, 1):
        estimate = likelihood_estimate(model, np.float32(tiny.images(examples)) / 255, 30)
        found |= {f"{name} of {examples}": getattr(estimate, name) for name in PER_EXAMPLE}
    return found | {f"{name} simulated": each for name, each in simulated_bracket(model, 230, 5)._asdict().items()}


def upstream(strategy):
    """What becomes of a plain Keras model, without any of this package; errors by name, empty where there was none."""
    import keras
    import tensorflow as tf

    class Plain(keras.Model):
        def __init__(self):
            super().__init__()
            self.layer, self.mean = keras.layers.Dense(1), keras.metrics.Mean("loss")
            self.layer.build((None, 2))
            self.built = True

        @property
        def metrics(self):
            return [self.mean]

        def train_step(self, data):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(self.layer(data[0]) ** 2)
            variables = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            self.mean.update_state(loss)
            return {"loss": self.mean.result()}

    class NoFirstBatch(Plain):
        def _maybe_symbolic_build(self, iterator=None, data_batch=None):
            pass

    class LogsOfOneAxis(NoFirstBatch):
        def train_step(self, data):
            return {name: tf.reshape(log, (1,)) for name, log in super().train_step(data).items()}

    errors = {}
    for name, kind, options in (
        ("first batch", Plain, {}),
        ("logs", NoFirstBatch, {}),
        ("nothing", LogsOfOneAxis, {}),
        ("steps", LogsOfOneAxis, {"steps_per_execution": 2}),
        ("XLA", LogsOfOneAxis, {"jit_compile": True}),
    ):
        with strategy.scope():
            model = kind()
            model.compile("sgd", **{"jit_compile": False, **options})
            model.optimizer.build(model.trainable_variables)
        data = tf.data.Dataset.from_tensors((np.ones((4, 2)), np.ones((4, 1)))).repeat(4)
        try:
            model.fit(data, verbose=0)
            errors[name] = ""
        except Exception as error:
            errors[name] = " ".join(str(error).split())
    return errors


def main(out, *names):
    from tfvae.parallel.team import Team

    team = Team("auto")  # before TensorFlow's first operation

    for name in names:
        others = {"upstream": upstream, "likelihoods": likelihoods}
        found = others[name](team.strategy) if name in others else trained(name, team.strategy)
        np.savez(Path(out) / f"{name}-{team.worker}.npz", **found)
        print("done", name, time.strftime("%X"), flush=True)
    team.part()


if __name__ == "__main__":
    main(*sys.argv[1:])


SCRIPT = str(Path(cases.__file__))
