"""Models with several levels of latents: against systems whose evidence is known, and against the flat VAE."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats
from scipy.special import logsumexp

import small
import small_runs
import tfvae
import tiny
from command_lines import command
from oracles import AffineNormal, kl_diagonal_normals, softplus_inverse
from tfvae import callbacks, families, networks, preprocessing
from tfvae.app import run
from tfvae.app.run import build, evaluation
from tfvae.app.settings import Settings
from tfvae.evaluation import latent_statistics, likelihood_estimate, simulated_bracket
from tfvae.noise import Noise
from tfvae.objectives import log_weights
from tfvae.priors import MixtureOfNormals, VampPrior
from tfvae.recipes.parts import NETWORKS
from tiers import first, long, slow

P, D1, D2 = 5, 3, 2  # sizes of x and of the two levels


class TwoLevels:
    """z_2 ~ N(0, I), z_1 = A z_2 + a + s_1 e_1, x = W z_1 + b + s e: everything is normal and known."""

    rng = np.random.default_rng(4)
    A, a, s1 = rng.normal(size=(D1, D2)), rng.normal(size=D1), 0.7
    W, b, s = rng.normal(size=(P, D1)), rng.normal(size=P), 0.4
    mean = np.concatenate([np.zeros(D2), a, W @ a + b])
    from_noise = np.block(
        [
            [np.eye(D2), np.zeros((D2, D1 + P))],
            [A, s1 * np.eye(D1), np.zeros((D1, P))],
            [W @ A, s1 * W, s * np.eye(P)],
        ]
    )
    covariance = from_noise @ from_noise.T
    z2, z1, x = slice(0, D2), slice(D2, D2 + D1), slice(D2 + D1, None)

    @classmethod
    def given(cls, what, *known):
        """The conditional normal of one part given others, side by side."""
        index = np.concatenate([np.arange(len(cls.mean))[each] for each in known])
        cross = cls.covariance[what][:, index]
        slope = np.linalg.solve(cls.covariance[np.ix_(index, index)], cross.T).T
        offset = cls.mean[what] - slope @ cls.mean[index]
        return AffineNormal(slope, offset, cls.covariance[what, what] - slope @ cross.T)

    @classmethod
    def draw(cls, n):
        return (cls.mean + np.random.default_rng(0).normal(size=(n, len(cls.mean))) @ cls.from_noise.T)[:, cls.x]

    @classmethod
    def log_evidence(cls, x):
        return stats.multivariate_normal.logpdf(x, cls.mean[cls.x], cls.covariance[cls.x, cls.x])


def linear(family, name=None):
    return tfvae.ConditionalDistribution(networks.mlp(()), family, name=name)


def set_full(part, normal):
    """Gives a linear `FullNormal` the weights of an `AffineNormal`."""
    factor = np.linalg.cholesky(normal.covariance)
    raw = np.tril(factor, -1) + np.diag(softplus_inverse(np.diag(factor) - part.family.min_scale))
    triangle = np.asarray(tfp.math.fill_triangular_inverse(raw))
    part.get_layer("elements").set_weights([normal.slope.T, normal.offset])
    part.get_layer("examples").set_weights([np.zeros((normal.slope.shape[1], len(triangle))), triangle])


def linear_stack(**changes):
    system = TwoLevels
    model = tfvae.StackedVAE(
        posteriors=[linear(families.FullNormal((D1,))), linear(families.FullNormal((D2,)))],
        priors=[linear(families.Normal((D1,), scale=system.s1))],
        decoder=linear(families.Normal((P,), scale=system.s)),
        prior=tfvae.priors.StandardNormal((D2,)),
        preprocess=preprocessing.Identity(),
        **{"objective": tfvae.ELBO(analytic_kl=False)} | changes,
    )
    set_full(model.posteriors[0], system.given(system.z1, system.x))
    set_full(model.posteriors[1], system.given(system.z2, system.z1))
    model.priors[0].get_layer("elements").set_weights([system.A.T, system.a])
    model.decoder.get_layer("elements").set_weights([system.W.T, system.b])
    return model


def linear_ladder(**changes):
    system = TwoLevels
    model = tfvae.LadderVAE(
        bottom_up=[networks.mlp(()), networks.mlp(())],
        posteriors=[linear(families.FullNormal((D1,))), linear(families.FullNormal((D2,)))],
        top_down=[networks.mlp(())],
        priors=[linear(families.Normal((D1,), scale=system.s1))],
        decoder=linear(families.Normal((P,), scale=system.s)),
        prior=tfvae.priors.StandardNormal((D2,)),
        preprocess=preprocessing.Identity(),
        **{"objective": tfvae.ELBO(analytic_kl=False)} | changes,
    )
    set_full(model.posteriors[1], system.given(system.z2, system.x))
    set_full(model.posteriors[0], system.given(system.z1, system.x, system.z2))
    model.priors[0].get_layer("elements").set_weights([system.A.T, system.a])
    model.decoder.get_layer("elements").set_weights([np.concatenate([system.W.T, np.zeros((D2, P))]), system.b])
    return model


LINEAR = pytest.mark.parametrize("make", [linear_stack, linear_ladder], ids=["stack", "ladder"])


@pytest.mark.parametrize("sample_size", [1, 6])
@LINEAR
def test_with_the_exact_posterior_every_log_weight_is_the_evidence(make, sample_size, float64):
    x = TwoLevels.draw(7)
    trace = make().sample_trace(tf.constant(x), Noise(3, step=2), sample_size)
    assert [each.z.shape for each in trace.latents] == [(sample_size, 7, D1), (sample_size, 7, D2)]
    evidence = np.broadcast_to(TwoLevels.log_evidence(x), (sample_size, 7))
    np.testing.assert_allclose(log_weights(trace), evidence, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("make", [linear_stack, long(linear_ladder)], ids=["stack", "ladder"])
def test_with_another_posterior_bounds_are_in_order_below_the_evidence(make, float64):
    model = make()
    for part in model.posteriors:
        head = part.get_layer("elements")
        head.set_weights([0.9 * each for each in head.get_weights()])
    x = TwoLevels.draw(20)
    evidence = TwoLevels.log_evidence(x).mean()
    found = likelihood_estimate(model, x, 2000, seed=1)
    assert found.elbo.mean() < likelihood_estimate(model, x, 5).mean < found.mean
    assert found.mean <= evidence + 4 * found.monte_carlo_error
    assert abs(np.mean(found.corrected) - evidence) <= 4 * found.monte_carlo_error
    assert found.monte_carlo_error < 0.05 < evidence - found.elbo.mean()


@LINEAR
def test_draws_have_the_moments_of_the_system(make, float64):
    z, x = make().sample(40_000, seed=2)
    system = TwoLevels
    found = np.concatenate([np.asarray(z)[:, D1:], np.asarray(z)[:, :D1], np.asarray(x)], axis=1)
    spread = np.sqrt(np.diag(system.covariance))
    assert np.all(np.abs(found.mean(axis=0) - system.mean) <= 4 * spread / 200)
    np.testing.assert_allclose(np.cov(found.T), system.covariance, atol=0.03 * np.max(system.covariance))


@pytest.mark.parametrize("make", [slow(linear_stack), linear_ladder], ids=["stack", "ladder"])
def test_log_p_of_what_it_draws_itself_is_exact(make, float64, eager):
    lower, upper = simulated_bracket(make(), 9, sample_size=3, seed=1)
    np.testing.assert_allclose(lower, upper, rtol=1e-9)


@LINEAR
def test_the_likelihood_of_the_latents_side_by_side(make, float64):
    model = make()
    z, mean = model.sample(6, seed=3, mean=True)
    np.testing.assert_allclose(model.likelihood(z).mean(), mean, rtol=1e-12)
    np.testing.assert_allclose(mean, np.asarray(z)[:, :D1] @ TwoLevels.W.T + TwoLevels.b, rtol=1e-12)
    with pytest.raises(ValueError, match=r"`z` must be latents of shape \(\.\.\., 5\); received \(6, 4\)"):
        model.likelihood(z[:, :4])


@pytest.mark.parametrize("redrawn", [1, 2])
@LINEAR
def test_levels_above_the_highest_redrawn_one_are_the_same_in_all_draws(make, redrawn, float64):
    model = make()
    z = np.asarray(model.sample(5, seed=1, redrawn=redrawn)[0])
    varies = np.ptp(z, axis=0) > 0
    assert varies.tolist() == [level <= redrawn for level in model.level_of]
    if redrawn == 2:
        np.testing.assert_array_equal(z, model.sample(5, seed=1)[0])


@LINEAR
def test_the_code_is_the_mean_of_each_level_given_those_before(make, float64):
    system, x = TwoLevels, TwoLevels.draw(4)
    mean, stddev = make().moments(x)
    if make is linear_stack:
        z1 = system.given(system.z1, system.x).mean(x)
        z2 = system.given(system.z2, system.z1).mean(z1)
    else:
        z2 = system.given(system.z2, system.x).mean(x)
        z1 = system.given(system.z1, system.x, system.z2).mean(np.concatenate([x, z2], axis=1))
    np.testing.assert_allclose(mean, np.concatenate([z1, z2], axis=1), rtol=1e-9)
    assert stddev.shape == mean.shape == (4, D1 + D2)


def test_rates_and_the_variance_of_means_of_each_level(float64):
    """E[z_1|x] of the ladder is linear in x whatever is drawn of z_2, so its variance over x is known."""
    system, x = TwoLevels, TwoLevels.draw(4000)
    model = linear_ladder()
    wide = system.given(system.z2, system.x)._replace(covariance=100 * np.eye(D2))
    set_full(model.posteriors[1], wide)
    found = latent_statistics(model, x)
    exact = np.concatenate([system.given(each, system.x).mean(x).var(axis=0) for each in (system.z1, system.z2)])
    draws = system.given(system.z1, system.x, system.z2)
    noise = np.diag(draws.slope[:, P:] @ wide.covariance @ draws.slope[:, P:].T)
    # Of one draw in place of two it would be too high by the variance that z_2 adds.
    error = 4 * np.sqrt(2 / len(x)) * (exact[:D1] + noise)
    assert np.all(np.abs(found.variance_of_mean[:D1] - exact[:D1]) <= error)
    assert np.any(error < noise)  # it would be seen
    np.testing.assert_allclose(found.variance_of_mean[D1:], exact[D1:], rtol=1e-9)
    assert found.level_of.tolist() == [1, 1, 1, 2, 2]
    assert found.level_active_units.tolist() == [D1, D2]
    trace = model.trace_of(x, Noise(0), 2)
    rates = [np.mean(each.log_q - each.log_p) for each in trace.latents]
    np.testing.assert_allclose(found.level_rate, rates, rtol=1e-9)
    assert (found.sampled, found.rate) == (True, None)
    assert found.total_rate == pytest.approx(sum(rates))
    np.testing.assert_allclose(latent_statistics(model, x, batch_size=999).level_rate, rates, rtol=1e-9)


def model_with(make=tfvae.ladder_vae, levels=2, kind="dense", prior=None, objective=None, latents=4):
    keras.utils.set_random_seed(0)
    network, latents = ("mlp(9, activation=tanh)", latents) if kind == "dense" else ("conv(4, activation=tanh)", 2)
    parts = {"objective": objective or tfvae.ELBO()}
    if prior:
        parts["prior"] = prior(NETWORKS.make(network).levels(levels, latents, tiny.SHAPE).latent_shapes[-1])
    return make(tiny.SHAPE, levels, latents, network, "normal", seed=5, **parts)


MAKERS = {
    "ladder": (tfvae.ladder_vae, "dense"),
    "convolutional ladder": (tfvae.ladder_vae, "conv"),
    "stack": (tfvae.stacked_vae, "dense"),
    "convolutional stack": (tfvae.stacked_vae, "conv"),
}
EACH = pytest.mark.parametrize(("make", "kind"), MAKERS.values(), ids=MAKERS)


@pytest.mark.parametrize("make", [tfvae.ladder_vae, tfvae.stacked_vae])
def test_one_level_is_the_flat_vae(make, float64):
    model = model_with(make, levels=1)
    flat = tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(networks.mlp((9,), "tanh"), families.Normal((4,))),
        decoder=tfvae.ConditionalDistribution(networks.mlp((9,), "tanh"), families.Normal(tiny.SHAPE, scale="shared")),
        prior=tfvae.priors.StandardNormal((4,)),
        preprocess=preprocessing.Dequantize(),
        seed=5,
    )
    features = model.bottom_up[0].get_weights() if hasattr(model, "bottom_up") else []
    flat.encoder.set_weights([*features, *model.posteriors[0].get_weights()])
    flat.decoder.set_weights(model.decoder.get_weights())
    one, other = (each.sample_trace(tiny.images(6), Noise(1), 3) for each in (model, flat))
    tiny.assert_same_bits(tf.nest.flatten(one), tf.nest.flatten(other))
    tiny.assert_same_bits(model.sample(4, seed=2), flat.sample(4, seed=2))


def test_a_level_that_adds_nothing_leaves_the_flat_vae(float64):
    """z_2 passes through, q of the lower level is its prior, and the decoder does not look at it."""
    keras.utils.set_random_seed(1)
    flat = tiny.vae()
    body, family = networks.mlp((8,), "tanh"), families.Normal((3,))
    ladder = tfvae.LadderVAE(
        bottom_up=[networks.mlp(()), body],
        posteriors=[linear(family), linear(families.Normal((tiny.LATENT,)))],
        top_down=[networks.mlp(())],
        priors=[linear(family)],
        decoder=tfvae.ConditionalDistribution(networks.mlp((8,), "tanh"), families.Normal(tiny.SHAPE, scale="shared")),
        prior=tfvae.priors.StandardNormal((tiny.LATENT,)),
        preprocess=preprocessing.Dequantize(),
        seed=5,
    )
    body.set_weights(flat.encoder.network.get_weights())
    ladder.posteriors[1].get_layer("elements").set_weights(flat.encoder.get_layer("elements").get_weights())
    for part in (ladder.posteriors[0], ladder.priors[0]):
        head = part.get_layer("elements")
        head.set_weights([np.zeros(head.kernel.shape), np.arange(6.0) / 3])
    kernel, bias = flat.decoder.network.get_weights()
    ladder.decoder.network.set_weights([np.concatenate([np.zeros((3, 8)), kernel]), bias])
    ladder.decoder.get_layer("elements").set_weights(flat.decoder.get_layer("elements").get_weights())
    raw = tiny.images(7)
    one, other = (each.sample_trace(raw, Noise(1), 4) for each in (flat, ladder))
    for objective in (tfvae.ELBO(), tfvae.ELBO(analytic_kl=False), tfvae.ImportanceWeighted(4)):
        np.testing.assert_allclose(objective(other).loss, objective(one).loss, rtol=1e-12)
        np.testing.assert_allclose(objective(other).elbo, objective(one).elbo, rtol=1e-12)
    assert other.latents[0].z.shape == (4, 7, 3)


@EACH
def test_the_rate_of_a_lower_level_is_its_kl_divergence_given_the_draws_above(make, kind, float64):
    model = model_with(make, kind=kind)
    x = model.preprocess(tiny.images(5), Noise(0))
    for group, numbers in zip(model.groups(x, Noise(0), 6), model.trace_of(x, Noise(0), 6).latents, strict=True):
        mean, stddev = np.asarray(group.posterior.mean()), np.asarray(group.posterior.stddev())
        kl = kl_diagonal_normals(mean, stddev, np.asarray(group.prior.mean()), np.asarray(group.prior.stddev()))
        kl = kl if kl.ndim == numbers.z.ndim - 1 else kl.mean(axis=0)
        np.testing.assert_allclose(numbers.kl, kl.reshape(5, -1), rtol=1e-9)


@EACH
def test_each_weight_learns(make, kind, float64):
    model = model_with(make, levels=2 if kind == "conv" else 3, kind=kind)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.objective(model.sample_trace(tiny.images(5), Noise(0), 1)).loss)
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, [each.value for each in model.trainable_variables]), strict=True
    ):
        assert gradient is not None, variable.path
        assert np.all(np.isfinite(gradient))
        assert np.any(np.asarray(gradient) != 0), variable.path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "kind"),
    [MAKERS["convolutional ladder"], MAKERS["stack"], long(*MAKERS["ladder"]), long(*MAKERS["convolutional stack"])],
    ids=["convolutional ladder", "stack", "ladder", "convolutional stack"],
)
def test_eager_graph_and_xla_train_the_same(make, kind, float64):
    runs = []
    for mode in ("graph", "eager", "XLA"):
        model = tiny.compiled(model_with(make, kind=kind), keras.optimizers.SGD(1e-3), **tiny.MODES[mode])
        tiny.train(model, 3)
        runs.append(tiny.values(model.trainable_variables))
    tiny.assert_all_close(runs[1], runs[0], 1e-6)
    tiny.assert_all_close(runs[2], runs[0], 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "kind"), [MAKERS["ladder"], long(*MAKERS["stack"])], ids=["ladder", "stack"])
def test_two_replicas_train_like_one_device(make, kind, two, float64):
    data = tf.data.Dataset.from_tensor_slices(tiny.images(27)).batch(27).repeat(2)
    moved = []
    for scope in (None, two):
        if scope is None:
            model = tiny.compiled(model_with(make, kind=kind), keras.optimizers.SGD(1e-2))
        else:
            with scope.scope():
                model = tiny.compiled(model_with(make, kind=kind), keras.optimizers.SGD(1e-2))
        before = tiny.values(model.trainable_variables)
        model.fit(data, verbose=0)
        after = tiny.values(model.trainable_variables)
        moved.append([one - other for one, other in zip(after, before, strict=True)])
    tiny.assert_all_close(moved[1], moved[0], 1e-10)


@pytest.mark.parametrize(
    ("make", "kind"),
    [pytest.param(*pair, id=name, marks=() if name == "ladder" else pytest.mark.slow) for name, pair in MAKERS.items()],
)
def test_saved_is_loaded(make, kind, tmp_path, eager):
    objective = tfvae.ELBO(beta=(0.5, tfvae.WarmUp(10)), free_bits=(0.1, 0.0))
    model = tiny.compiled(model_with(make, kind=kind, objective=objective))
    tiny.train(model, 2)
    model.save(tmp_path / "model.keras")
    loaded = tfvae.load(tmp_path / "model.keras")
    raw = tiny.images(6)
    one, other = (each.sample_trace(raw, Noise(1), 2) for each in (model, loaded))
    tiny.assert_same_bits(tf.nest.flatten(one), tf.nest.flatten(other))
    assert loaded.objective.free_bits == (0.1, 0.0)
    assert loaded.objective.beta[0] == 0.5
    assert loaded.objective.beta[1].steps == 10


def test_the_ladder_with_all_examples_as_pseudo_inputs_has_the_aggregate_posterior_on_top(float64, eager):
    raw = tiny.images(11)
    model = model_with(
        prior=lambda shape: VampPrior(shape, tiny.SHAPE, len(raw)), objective=tfvae.ELBO(analytic_kl=False)
    )
    model.start_at(model.representative(raw))
    z = np.random.default_rng(0).normal(size=(3, *model.latent_shapes[-1]))
    top = model.groups(model.representative(raw), Noise(0), 1)[-1].posterior
    expected = logsumexp(np.asarray(top.log_prob(z[:, None])), axis=1) - np.log(len(raw))
    np.testing.assert_allclose(model.prior.distribution(model.top).log_prob(z), expected, rtol=1e-10)
    tiny.train(tiny.compiled(model), 2)
    assert model.sample(3)[0].shape == (3, *model.latent_shape)


def test_one_component_at_n_0_1_is_the_normal_prior(float64):
    mixture = model_with(prior=lambda shape: MixtureOfNormals(shape, 1), objective=tfvae.ELBO(analytic_kl=False))
    normal = model_with(objective=tfvae.ELBO(analytic_kl=False))
    for part, other in zip(mixture.parts[:-1], normal.parts[:-1], strict=True):
        part.set_weights(other.get_weights())
    logits, means, raw_scales = mixture.prior.get_weights()
    raw_scales[:] = softplus_inverse(1 - mixture.prior.min_scale)
    mixture.prior.set_weights([logits, 0 * means, raw_scales])
    one, other = (each.objective(each.sample_trace(tiny.images(6), Noise(1), 1)) for each in (mixture, normal))
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-10)


REFUSED = [
    ({"objective": tfvae.ImportanceWeighted(5, "stl")}, 'the gradient "stl", which is of one level'),
    ({"objective": tfvae.ImportanceWeighted(5, "dreg")}, 'the gradient "dreg", which is of one level'),
    (
        {"prior": lambda _: tfvae.priors.StandardNormal((7,))},
        r"The prior of level 2 is over latents of shape \(7,\), .*\(2,\)",
    ),
    ({"levels": 0}, "`levels` must be at least 1; received 0."),
    ({"levels": 4}, "`latent_size` 4 is enough for 3 levels.*; received 4 `levels`."),
    ({"levels": 4, "kind": "conv"}, "Images of 8 x 8 are too small for 4 levels.* nothing left to halve at level 4."),
    (
        {"prior": lambda shape: VampPrior(shape, (3, 3, 1), 2)},
        r"pseudo-inputs of shape \(3, 3, 1\), the data \(8, 8, 1",
    ),
    (
        {"make": tfvae.stacked_vae, "prior": lambda shape: VampPrior(shape, tiny.SHAPE, 2)},
        "which a stack has not; see `LadderVAE`",
    ),
]


@pytest.mark.parametrize(("parts", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_does_not_fit_is_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        model_with(**parts)


def test_other_numbers_of_parts_and_levels_are_refused():
    parts = {
        "decoder": linear(families.Normal((P,))),
        "prior": tfvae.priors.StandardNormal((D2,)),
        "preprocess": preprocessing.Identity(),
    }
    q = linear(families.Normal((D2,)))
    with pytest.raises(ValueError, match=r"A stack of L levels .* received 1 and 1\."):
        tfvae.StackedVAE([q], [q], **parts)
    with pytest.raises(ValueError, match=r"A ladder of L levels .* received 0, 0, 0 and 0\."):
        tfvae.LadderVAE([], [], [], [], **parts)
    with pytest.raises(TypeError, match=r"`posteriors\[0\]` must be a `ConditionalDistribution`; received int"):
        tfvae.StackedVAE([3], [], **parts)
    with pytest.raises(ValueError, match="`redrawn` must be at most the number of levels, 2; "):
        model_with().sample(2, redrawn=3)
    for objective in ({"beta": (1.0, 1.0, 1.0)}, {"free_bits": (0.0,)}):
        ((name, values),) = objective.items()
        message = rf"^`{name}` must be one value, or one for each of the 2 levels; received {len(values)}\.$"
        with pytest.raises(ValueError, match=message):
            model_with(objective=tfvae.ELBO(**objective))
    with pytest.raises(ValueError, match=r"^`beta` must be one value; received 2\.$"):
        tiny.vae(objective=tfvae.ELBO(beta=(1.0, 1.0)))


def test_a_beta_and_a_floor_for_each_level():
    trace = model_with().sample_trace(tiny.images(5), Noise(0), 1)
    kl = [np.asarray(each.kl) for each in trace.latents]
    objective = tfvae.ELBO(beta=(0.5, 2.0), free_bits=(0.3, 0.0))
    expected = 0.5 * np.maximum(kl[0], 0.3).sum(axis=1) + 2.0 * kl[1].sum(axis=1)
    scores = objective(trace)
    np.testing.assert_allclose(scores.loss - scores.distortion, expected, rtol=1e-4)
    np.testing.assert_allclose(scores.rate, kl[0].sum(axis=1) + kl[1].sum(axis=1), rtol=1e-5)


def test_burdas_network_of_two_stochastic_layers():
    model = tfvae.stacked_vae()
    units = [[layer.units for layer in part.network.layers[1:]] for part in (*model.posteriors, *model.priors)]
    assert units == [[200, 200], [100, 100], [100, 100]]
    assert [layer.units for layer in model.decoder.network.layers[1:]] == [200, 200]
    assert model.latent_shapes == ((100,), (50,))


def test_pictures_of_levels(tmp_path, monkeypatch):
    drawn = []
    draw = tfvae.plots.image_grid
    monkeypatch.setattr(tfvae.plots, "image_grid", lambda *given: drawn.append(given) or draw(*given))
    model, raw = model_with(), tiny.images(9)
    for picture in (
        callbacks.LevelSamples(tmp_path, n=3, seed=4),
        callbacks.Traversals(tmp_path, raw, dimensions=1, n=5),
        callbacks.LatentRates(tmp_path, raw),
    ):
        picture.set_model(model)
        picture.check()
        picture.figure()
    (samples, columns, _), (traversals, steps, title) = drawn
    assert (columns, steps) == (3, 5)
    for row, level in zip(np.split(samples, 2), (2, 1), strict=True):
        np.testing.assert_array_equal(row, model.sample(3, seed=4, mean=True, redrawn=level)[1])
    codes = np.asarray(model.codes(model.representative(raw)))
    first = 4 + np.argmax(codes[:, 4:].var(axis=0))
    z = np.repeat(codes[:1], 5, axis=0)
    z[:, first] = np.quantile(codes[:, first], np.linspace(0.02, 0.98, 5))
    np.testing.assert_allclose(traversals[:5], model.likelihood(z).mean(), rtol=1e-5)
    assert title.endswith(f"{first} (level 2); {np.argmax(codes[:, :4].var(axis=0))} (level 1)")
    manifold = callbacks.Manifold(tmp_path, raw)
    manifold.set_model(model)
    with pytest.raises(ValueError, match="A manifold is of one level of latents; `Traversals` are of several"):
        manifold.check()
    flat = callbacks.LevelSamples(tmp_path)
    flat.set_model(tiny.vae())
    with pytest.raises(ValueError, match="`LevelSamples` is of several levels of latents; `VAE` has none"):
        flat.check()


def test_samples_say_what_they_have_in_common(tmp_path):
    model, titles = model_with(), []
    for redrawn in (1, 2):
        picture = callbacks.SampleGrid(tmp_path, n=4, redrawn=redrawn)
        picture.set_model(model)
        titles.append(picture.figure().texts[0].get_text().split(",\n")[1])
    assert titles == ["the same above level 1", "all 2 levels drawn anew"]


RUNS = {
    "ladder": "ladder_vae(levels=3, {})",
    "warm-up": "ladder_vae({}, objective=elbo(warm_up=(0,1), free_bits=(0.1,0)))",
    "stack": "stacked_vae({}, likelihood=normal)",
    "flow": "ladder_vae({}, prior=flow(depth=1, hidden=(4,)))",
    "mixture": "ladder_vae({}, prior=mixture(components=2))",
    "vamp": "ladder_vae({}, prior=vamp(pseudo_inputs=4))",
    "conv": "ladder_vae(latent_size=4, network=conv(3), prior=flow(depth=1, hidden=(4,)))",
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return small_runs.data(tmp_path_factory.mktemp("data") / "discs.npz")


@pytest.mark.slow
@pytest.mark.parametrize("name", first(1, RUNS))
def test_a_run_trains_and_is_measured(name, source, tmp_path, monkeypatch):
    small.few_draws(monkeypatch)
    sizes = {"train_size": 40, "validation_size": 20, "epochs": 2, "batch_size": 20}
    model = RUNS[name].format("latent_size=4, network=mlp(8)")
    settings = Settings(data=str(source), xla=False, model=model, **sizes)
    report = run.train(settings, tmp_path / "run", verbose=0)
    assert np.isfinite(report["elbo"])
    evaluation.evaluate(tmp_path / "run", 20, progress=lambda _: None)
    measured, _ = evaluation.read(tmp_path / "run")
    latents = measured["latents"]
    assert latents["rate"] == pytest.approx(sum(latents["rate_per_level"]))
    assert sum(latents["active_units_per_level"]) == latents["active_units"]
    assert len(latents["active_units_per_level"]) == settings.model.options["levels"]
    assert "levels" in measured["missing"]["aggregate_posterior"]
    assert command("sample", tmp_path / "run", "--redrawn", 1, "-n", 4) == 0
    assert command("traverse", tmp_path / "run", "--dimensions", 1) == 0
    assert all((tmp_path / "run" / name).exists() for name in ("samples.png", "traversals.png", "level_samples"))


BAD_SETTINGS = [
    ("ladder_vae(levels=0)", "`levels` must be at least 1; received 0."),
    ("stacked_vae(levels=0)", "`levels` must be at least 1; received 0."),
    (
        "ladder_vae(posterior=flow)",
        "`ladder_vae` has no option `posterior`. Did you mean 'prior'? Its options are levels, latent_size, network, "
        "likelihood, preprocess, prior, objective.",
    ),
    (
        "ladder_vae(objective=iwae(gradient=dreg))",
        '`objective` has the gradient "dreg", which is of one level of latents.',
    ),
    (
        "stacked_vae(prior=vamp)",
        "`prior` needs q of the highest level given x alone, which a stack has not; see `LadderVAE`.",
    ),
    *(
        (
            f"ladder_vae(levels={levels}, latent_size=6)",
            "`latent_size` 6 is enough for 3 levels, each with half as many latents as the one below; received "
            f"{levels} `levels`.",
        )
        for levels in (4, 1000)
    ),
    (
        "ladder_vae(prior=flow, latent_size=3)",
        "A coupling needs two elements along the last axis, one to keep and one to transform; the examples have shape "
        "(1,).",
    ),
    (
        "ladder_vae(levels=3, objective=elbo(warm_up=(1, 2)))",
        "`warm_up` must be one value, or one for each of the 3 levels; received 2.",
    ),
    (
        "ladder_vae(objective=elbo(warm_up='0,'))",
        "`warm_up` must be one value, or one for each of the 2 levels; received 1.",
    ),
    ("ladder_vae(objective=elbo(free_bits='0.1,x'))", "`free_bits` must be a number; received '0.1,x'."),
    ("ladder_vae(objective=elbo(free_bits=('', 1)))", "`free_bits` must be a number; received ('', 1)."),
    (
        "ladder_vae(objective=elbo(warm_up=(1, 99)))",
        "`warm_up` must not be longer than training, 25 epochs; received 99.",
    ),
    ("gan(levels=2)", "`gan` has no option `levels`. Its options are latent_size, network, penalty."),
]


@pytest.mark.parametrize(
    ("model", "shapes"),
    [
        ("ladder_vae(network=conv, latent_size=1, prior=flow)", ((7, 7, 1), (4, 4, 1))),
        # Its networks are convolutions by default.
        ("ladder_vae(likelihood=categorical, levels=3, latent_size=2)", ((7, 7, 2), (4, 4, 2), (2, 2, 2))),
    ],
)
def test_of_maps_the_latent_size_is_not_halved(model, shapes):
    assert build.model(Settings(model=model), (28, 28, 1), 1).latent_shapes == shapes


@pytest.mark.parametrize(("model", "sentence"), BAD_SETTINGS, ids=range(len(BAD_SETTINGS)))
def test_settings_that_make_no_sense_are_refused(model, sentence):
    with pytest.raises(ValueError) as caught:
        build.model(Settings(model=model), tiny.SHAPE, 1)
    assert str(caught.value) == sentence


def test_images_too_small_for_the_levels_are_refused_before_training(source, tmp_path, capsys):
    levels = ("--levels", 4, "--network", "conv(3)")
    assert command("train", "ladder-vae", "--data", source, *levels, "--out", tmp_path / "run") == 1
    assert "Images of 8 x 8 are too small for 4 levels" in capsys.readouterr().err
    assert not (tmp_path / "run" / "history.csv").exists()
