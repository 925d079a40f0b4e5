"""Planted bugs: one line of the package replaced by one that looks right, and the tests that have to notice."""

from typing import NamedTuple


class Bug(NamedTuple):
    """`old` occurs once in tfvae/`file` and is replaced by `new`; `tests` are the files that have to notice."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


OBJECTIVES = ("tests/test_objectives.py",)
MATHS = ("tests/models/test_vae_maths.py",)
FAMILIES = ("tests/families/test_families.py",)
LOGISTIC = ("tests/families/test_discretized_logistic.py",)
PREPROCESSING = ("tests/test_preprocessing.py",)
NOISE = ("tests/test_noise.py",)
REPLICAS = ("tests/models/test_replicas.py",)
GUARD = ("tests/models/test_guard.py",)
LOSS_SCALE = ("tests/models/test_loss_scale.py",)
PRECISION = ("tests/models/test_precision.py",)
KERAS = ("tests/models/test_keras_use.py",)
LATENTS = ("tests/evaluation/test_latents.py",)
AGGREGATE = ("tests/evaluation/test_aggregate.py",)
KERNEL_DISTANCE = ("tests/evaluation/test_kernel_distance.py",)
REPRESENTATION = ("tests/evaluation/test_representation.py",)
STREAMS = ("tests/datasets/test_streams.py",)
DATA = ("tests/datasets/test_files.py", "tests/datasets/test_load.py")
FIXED = ("tests/evaluation/test_fixed.py",)
FOLDS = ("tests/reproduction/test_frey_face.py",)

BUGS = [
    Bug("dropped -log q", "objectives.py", "latent.log_p - latent.log_q for", "latent.log_p for", OBJECTIVES),
    Bug(
        "mean for sum over latent dimensions",
        "objectives.py",
        "rate = _total([tf.reduce_sum(each, axis=-1)",
        "rate = _total([tf.reduce_mean(each, axis=-1)",
        OBJECTIVES,
    ),
    Bug(
        "rate with the wrong sign",
        "objectives.py",
        "elbo=-(distortion + rate), distortion=distortion, rate=rate)\n\n    def _beta_at",
        "elbo=-(distortion - rate), distortion=distortion, rate=rate)\n\n    def _beta_at",
        OBJECTIVES,
    ),
    Bug(
        "log S forgotten",
        "objectives.py",
        "tf.reduce_logsumexp(log_w, axis=0) - tf.math.log(sample_size)",
        "tf.reduce_logsumexp(log_w, axis=0) - 0.0 * sample_size",
        OBJECTIVES,
    ),
    Bug(
        "mean of log w for log of mean w",
        "objectives.py",
        "return tf.reduce_logsumexp(log_w, axis=0) - tf.math.log(sample_size)",
        "return tf.reduce_mean(log_w, axis=0) + 0.0 * sample_size",
        OBJECTIVES,
    ),
    Bug(
        "beta also in the reported rate",
        "objectives.py",
        "return Scores(loss=loss, elbo=-(distortion + rate), distortion=distortion, rate=rate)\n\n    def _beta_at",
        "return Scores(loss=loss, elbo=-loss, distortion=distortion, rate=rate)\n\n    def _beta_at",
        OBJECTIVES,
    ),
    Bug(
        "free bits on the sum instead of each dimension",
        "objectives.py",
        "tf.reduce_sum(tf.maximum(each, self.free_bits), axis=-1)",
        "tf.maximum(tf.reduce_sum(each, axis=-1), self.free_bits)",
        OBJECTIVES,
    ),
    Bug(
        "warm-up never ends",
        "objectives.py",
        "tf.minimum(1.0, tf.cast(step, tf.float32) / self.steps)",
        "(tf.cast(step, tf.float32) / self.steps)",
        OBJECTIVES,
    ),
    Bug(
        "swapped KL",
        "trace.py",
        "tfd.kl_divergence(posterior.distribution, prior.distribution)",
        "tfd.kl_divergence(prior.distribution, posterior.distribution)",
        ("tests/test_trace.py",),
    ),
    Bug(
        "prior scored under the posterior",
        "trace.py",
        "log_p=prior.log_prob(z)",
        "log_p=posterior.log_prob(z)",
        ("tests/test_trace.py",),
    ),
    Bug(
        "stopped log q not stopped",
        "trace.py",
        "log_q_stopped=_stopped(posterior).log_prob(z)",
        "log_q_stopped=posterior.log_prob(z)",
        ("tests/test_trace.py",),
    ),
    Bug(
        "prior counted twice",
        "models/vae.py",
        "log_px_z=likelihood.log_prob(x), latents",
        "log_px_z=likelihood.log_prob(x) + self.prior.distribution(self.encoder).log_prob(z), latents",
        MATHS,
    ),
    Bug(
        "decoder fed the posterior mean instead of the draw",
        "models/vae.py",
        "likelihood = self.decoder(z, training=training)",
        "likelihood = self.decoder(tf.zeros_like(z) + posterior.mean(), training=training)",
        MATHS,
    ),
    Bug(
        "variance for standard deviation in the reparameterisation",
        "families/normal.py",
        "distribution.stddev() * base",
        "distribution.variance() * base",
        FAMILIES,
    ),
    Bug(
        "full normal transposed",
        "families/normal.py",
        "distribution.scale.matvec(base)",
        "distribution.scale.matvec(base, adjoint=True)",
        FAMILIES,
    ),
    Bug(
        "no floor under the scale",
        "families/location_scale.py",
        "scale = self.min_scale + softplus(raw_scale)",
        "scale = softplus(raw_scale)",
        FAMILIES,
    ),
    Bug(
        "Bernoulli drawn inverted",
        "families/bernoulli.py",
        "tf.cast(base < distribution.mean()",
        "tf.cast(base > distribution.mean()",
        FAMILIES,
    ),
    Bug(
        "quantile of the continuous Bernoulli with the wrong sign of a cumulant",
        "families/continuous_bernoulli.py",
        "third, fourth, fifth, sixth = v * d, v * (1 - 6 * v)",
        "third, fourth, fifth, sixth = v * d, v * (1 + 6 * v)",
        ("tests/families/test_continuous_bernoulli.py",),
    ),
    Bug(
        "draws of the continuous Bernoulli run backwards",
        "families/continuous_bernoulli.py",
        "far = tf.where(positive, uniform, 1 - uniform)",
        "far = tf.where(positive, 1 - uniform, uniform)",
        ("tests/families/test_continuous_bernoulli.py",),
    ),
    Bug(
        "last level without its tail",
        "families/discretized_logistic.py",
        "tf.where(last, below, below + above + width)",
        "below + above + width",
        LOGISTIC,
    ),
    Bug(
        "width of the levels forgotten",
        "families/discretized_logistic.py",
        "tf.where(last, below, below + above + width)",
        "tf.where(last, below, below + above)",
        LOGISTIC,
    ),
    Bug(
        "levels that begin at their edge",
        "families/discretized_logistic.py",
        "offset = value - self.loc",
        "offset = value + 0.5 - self.loc",
        LOGISTIC,
    ),
    Bug(
        "mean of the logistic instead of its levels",
        "families/discretized_logistic.py",
        "return _over_levels(lambda k: tf.sigmoid((self.loc - k - 0.5) / self.scale), LEVELS - 1, self._zeros())",
        "return self.loc + self._zeros()",
        LOGISTIC,
    ),
    Bug(
        "categorical draws one level up",
        "families/categorical.py",
        "return tf.reduce_sum(tf.cast(edges < base[..., tf.newaxis], base.dtype), axis=-1)",
        "return 1 + tf.reduce_sum(tf.cast(edges[..., 1:] < base[..., tf.newaxis], base.dtype), axis=-1)",
        ("tests/families/test_categorical.py",),
    ),
    Bug(
        "encoder sees whole levels",
        "models/vae.py",
        "return self.encoder(self.preprocess.grey(x), training=training)",
        "return self.encoder(x, training=training)",
        ("tests/models/test_encoder_input.py",),
    ),
    Bug(
        "binarisation inverted",
        "preprocessing.py",
        "return tf.cast(grey > threshold, grey.dtype)",
        "return tf.cast(grey < threshold, grey.dtype)",
        PREPROCESSING,
    ),
    Bug(
        "dequantisation over 255",
        "preprocessing.py",
        "return (level + offset) / LEVELS",
        "return (level + offset) / (LEVELS - 1)",
        PREPROCESSING,
    ),
    Bug(
        "bits with the wrong sign of the offset",
        "units.py",
        "+ self.bits_offset",
        "- self.bits_offset",
        ("tests/test_units.py",),
    ),
    Bug(
        "noise addressed by local row",
        "noise.py",
        "tf.cast(first_row, tf.int64) * counters",
        "tf.cast(first_row, tf.int64) * 0",
        NOISE,
    ),
    Bug(
        "same noise for every sample",
        "noise.py",
        "tf.cast(sample, tf.int64)])",
        "tf.cast(sample, tf.int64) * 0])",
        NOISE,
    ),
    Bug(
        "same noise at every step",
        "noise.py",
        "tf.cast(self.step, tf.int64) + tf.constant",
        "tf.cast(self.step, tf.int64) * 0 + tf.constant",
        NOISE,
    ),
    Bug("uniforms that reach 1", "noise.py", "+ 2.0**-24", "+ 2.0**-22", NOISE),
    Bug(
        "replicas' losses not scaled",
        "models/unsupervised.py",
        "/ tf.cast(global_rows, scores.loss.dtype)",
        "/ tf.cast(tf.shape(raw)[0], scores.loss.dtype)",
        REPLICAS,
    ),
    Bug(
        "second replica's rows begin at 0",
        "models/global_batch.py",
        "return tf.cumsum(sizes, exclusive=True)[replica], tf",
        "return tf.constant(0), tf",
        REPLICAS,
    ),
    Bug(
        "sample weights ignored",
        "models/unsupervised.py",
        "tf.reduce_sum(_weighted(scores.loss, sample_weight))",
        "tf.reduce_sum(scores.loss)",
        KERAS,
    ),
    Bug(
        "non-finite steps applied",
        "models/guard.py",
        "fine = ~tf.reduce_any(bad)",
        "fine = tf.reduce_any(bad) | True",
        GUARD,
    ),
    Bug(
        "evaluation noise by batch",
        "models/unsupervised.py",
        "self._evaluated.value + tf.cast(first_row, tf.int64)",
        "tf.cast(first_row, tf.int64)",
        ("tests/evaluation/test_fixed.py",),
    ),
    Bug(
        "sample chunks share their noise",
        "evaluation/likelihood.py",
        "(index + 1, add(total, index * _SAMPLES, _SAMPLES))",
        "(index + 1, add(total, 0, _SAMPLES))",
        ("tests/evaluation/test_likelihood.py",),
    ),
    Bug(
        "infinite gradients cut off by clipping go unseen in one program",
        "models/unsupervised.py",
        "seen = gradients if guarded or hidden else []",
        "seen = gradients if guarded else []",
        GUARD,
    ),
    Bug(
        "a loss's scale is halved for ever",
        "models/loss_scale.py",
        "optimizer.dynamic_scale <= SMALLEST_SCALE",
        "optimizer.dynamic_scale < 0.0",
        LOSS_SCALE,
    ),
    Bug(
        "an overflow on another replica gets into the weights",
        "models/loss_scale.py",
        "tf.where(overflows > 0, tf.cast",
        "tf.where(overflows < 0, tf.cast",
        LOSS_SCALE,
    ),
    Bug(
        "bad gradients at the smallest scale go unseen in one program",
        "models/unsupervised.py",
        "hidden = self.optimizer.clipvalue is not None or scales_loss(self.optimizer)",
        "hidden = self.optimizer.clipvalue is not None",
        LOSS_SCALE,
    ),
    Bug(
        "the head computes in half precision",
        "conditional.py",
        "dtype=_at_least_float32(network.variable_dtype))",
        "dtype=network.compute_dtype)",
        PRECISION,
    ),
    Bug(
        "a hopeful program's state is not put back",
        "execution/program.py",
        "                variable.assign(value)",
        "                variable.assign(variable)",
        GUARD,
    ),
    Bug(
        "a hopeful program's weights are not looked at",
        "execution/program.py",
        "fine &= tf.reduce_all(tf.math.is_finite(variable))",
        "fine &= tf.reduce_all(variable >= variable) | True",
        GUARD,
    ),
    Bug(
        "a repeated program counts twice in the metrics",
        "models/unsupervised.py",
        "[*self.variables, *self.metrics_variables, *self.optimizer.variables]",
        "[*self.variables, *self.optimizer.variables]",
        GUARD,
    ),
    Bug(
        "the softplus from the wrong side of zero",
        "families/softplus.py",
        "tf.where(x >= 0, -share, share)",
        "tf.where(x > 0, -share, share)",
        ("tests/families/test_softplus.py",),
    ),
    Bug(
        "an execution goes past the end of the epoch",
        "execution/program.py",
        "sys.maxsize if steps is None else steps - batch",
        "sys.maxsize",
        ("tests/models/test_epochs.py",),
    ),
    Bug(
        "the slower way is taken",
        "execution/choice.py",
        "best = min(ways",
        "best = max(ways",
        ("tests/test_execution.py",),
    ),
    Bug(
        "variance within batches only",
        "evaluation/latents.py",
        "shift**2 * (self.count * len(rows) / total)",
        "0.0 * shift**2 * (self.count * len(rows) / total)",
        LATENTS,
    ),
    Bug(
        "every batch has the draws of the first",
        "evaluation/latents.py",
        "first_row=means.count",
        "first_row=0",
        LATENTS,
    ),
    Bug(
        "active units by their standard deviation",
        "evaluation/latents.py",
        "return self.variance_of_mean > ACTIVE",
        "return np.sqrt(self.variance_of_mean) > ACTIVE",
        LATENTS,
    ),
    Bug(
        "rate as a mean over latent dimensions",
        "evaluation/latents.py",
        "total_rate=float(np.sum(rates.mean))",
        "total_rate=float(np.mean(rates.mean))",
        LATENTS,
    ),
    Bug(
        "the manifold upside down",
        "plots/images.py",
        "flat = images[::-1].reshape(",
        "flat = images.reshape(",
        ("tests/test_plots.py",),
    ),
    Bug(
        "the manifold's axes exchanged",
        "callbacks/images.py",
        "z[..., right], z[..., upwards] = values, values[:, np.newaxis]",
        "z[..., upwards], z[..., right] = values, values[:, np.newaxis]",
        ("tests/test_callbacks.py",),
    ),
    Bug(
        "samples cost no time",
        "execution/choice.py",
        "return 6 * parameters * batch_size * samples / (",
        "return 6 * parameters * batch_size / (",
        ("tests/test_execution.py",),
    ),
    Bug(
        "a stream shuffles its blocks alike in all epochs",
        "datasets/streams.py",
        "noise = Noise(seed, epoch, first_row=number * self.block)",
        "noise = Noise(seed, 0, first_row=number * self.block)",
        STREAMS,
    ),
    Bug(
        "a stream shuffles all blocks of an epoch alike",
        "datasets/streams.py",
        "first_row=number * self.block)",
        "first_row=0)",
        STREAMS,
    ),
    Bug(
        "a resumed stream goes back to the start of its block",
        "datasets/streams.py",
        ".skip(passed - before)",
        ".skip(0 * passed)",
        STREAMS,
    ),
    Bug(
        "held-out images stay in the training images",
        "datasets/splits.py",
        "split.take(np.sort(order[size:]))",
        "split.take(np.sort(order))",
        DATA,
    ),
    Bug("Frey faces lie on a side", "datasets/files.py", "frey.T.reshape(-1,", "frey.reshape(-1,", DATA),
    Bug("resizing without antialiasing", "datasets/resizing.py", "antialias=True", "antialias=False", DATA),
    Bug(
        "a fold is trained on the frames that it is tested on",
        "reproduction/cross_validation.py",
        "rest = np.delete(frames, test, axis=0)",
        "rest = frames",
        FOLDS,
    ),
    Bug(
        "frames are not shuffled before they are split",
        "reproduction/cross_validation.py",
        "np.random.Generator(np.random.PCG64(seed)).permutation(examples)",
        "np.arange(examples)",
        FOLDS,
    ),
    Bug(
        "a fold of another study is taken as done",
        "reproduction/cross_validation.py",
        "**dataclasses.asdict(protocol), **study.as_dict()}",
        "**dataclasses.asdict(protocol)}",
        FOLDS,
    ),
    Bug(
        "the standard deviation of a sample divided by N",
        "reproduction/results.py",
        "ddof=1",
        "ddof=0",
        ("tests/reproduction/test_results.py",),
    ),
    Bug(
        "the digest of batches draws each batch alike",
        "evaluation/fixed.py",
        "Noise(seed, first_row=rows)",
        "Noise(seed, first_row=0)",
        FIXED,
    ),
    Bug(
        "log N forgotten in the aggregate posterior",
        "evaluation/aggregate.py",
        "return total - math.log(len(x))",
        "return total",
        AGGREGATE,
    ),
    Bug(
        "every batch has the first one's draws",
        "evaluation/aggregate.py",
        "Noise(seed, 0, start)",
        "Noise(seed, 0, 0)",
        AGGREGATE,
    ),
    Bug(
        "determinant forgotten",
        "evaluation/pairwise.py",
        "-0.5 * quadratic - log_scale -",
        "-0.5 * quadratic -",
        AGGREGATE,
    ),
    Bug(
        "midpoints that are not in the middle",
        "evaluation/marginals.py",
        "(np.arange(intervals) + 0.5)",
        "(np.arange(intervals) + 1.0)",
        AGGREGATE,
    ),
    Bug(
        "reversed divergence of the marginals",
        "evaluation/marginals.py",
        "q * (log_q - log_prior(z))",
        "q * (log_prior(z) - log_q)",
        AGGREGATE,
    ),
    Bug(
        "an example compared with itself",
        "evaluation/kernel_distance.py",
        "(aa - a_own) / (n * (n - 1))",
        "aa / n**2",
        KERNEL_DISTANCE,
    ),
    Bug(
        "p-values that can be zero",
        "evaluation/kernel_distance.py",
        "(1 + as_far) / (1 + permutations)",
        "as_far / permutations",
        KERNEL_DISTANCE,
    ),
    Bug(
        "the decoder's means for draws",
        "evaluation/kernel_distance.py",
        "model.sample(n, seed)[1]",
        "model.sample(n, seed, mean=True)[1]",
        KERNEL_DISTANCE,
    ),
    Bug(
        "a probe tested on what it was fitted on",
        "evaluation/representation.py",
        "predict(test_means)\n",
        "predict(train_means)[: len(test_labels)]\n",
        REPRESENTATION,
    ),
    Bug(
        "means that are not standardised",
        "evaluation/representation.py",
        "make_pipeline(StandardScaler(), ",
        "make_pipeline(",
        REPRESENTATION,
    ),
]
