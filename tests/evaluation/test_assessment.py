"""What an assessment reports: each figure against its closed form or its own function, and what it says is missing."""

import functools
import json

import numpy as np
import pytest

import small
import tiny
from linear_gaussian import linear_vae
from oracles import LinearGaussian
from tfvae import evaluation, families, preprocessing
from tfvae.evaluation import Examples, assess, assessment, sections
from tfvae.noise import Noise

SYSTEM = LinearGaussian.random(data=4, latent=2, orthogonal=True)
EXACT = SYSTEM.posterior()
WIDE = EXACT._replace(offset=EXACT.offset + 0.1, covariance=1.3**2 * EXACT.covariance)
NARROW = EXACT._replace(covariance=0.2**2 * EXACT.covariance)
X = SYSTEM.draw(40)
DISCS = tiny.images(120)
LABELS = (DISCS[:, :4].sum(axis=(1, 2, 3)) > DISCS[:, 4:].sum(axis=(1, 2, 3))).astype(int)
TEST, TRAIN = Examples(DISCS[:40], LABELS[:40]), Examples(DISCS[40:], LABELS[40:])


@pytest.fixture(autouse=True, scope="module")
def few_draws():
    with pytest.MonkeyPatch.context() as patch:
        small.few_draws(patch)
        yield


POSTERIORS = {"exact": EXACT, "wide": WIDE, "narrow": NARROW}


@functools.cache
def linear(posterior, sample_size=200, seed=0):
    """Of a linear-Gaussian model, which needs the fixture `float64`."""
    test, train = Examples(X, None), Examples(SYSTEM.draw(9, 1), None)
    return assess(linear_vae(SYSTEM, POSTERIORS[posterior]), test, train, sample_size, seed)


@pytest.mark.usefixtures("float64")
def test_with_the_exact_posterior_every_figure_is_its_closed_form():
    report = linear("exact", 60).report
    evidence, found = SYSTEM.log_evidence(X), report["likelihood"]
    for name in ("bound", "corrected", "elbo"):
        assert found[name] == pytest.approx(evidence.mean(), rel=1e-10), name
    assert found["interval_95"] == pytest.approx([evidence.mean()] * 2, rel=1e-9)
    assert found["monte_carlo_error"] < 1e-9
    assert found["sampling_error"] == pytest.approx(evidence.std(ddof=1) / np.sqrt(len(X)))
    assert found["draw_error"] == 0
    assert (found["median"], found["lowest"]) == pytest.approx((np.median(evidence), evidence.min()))
    assert found["distortion"] == pytest.approx(SYSTEM.distortion(X, EXACT).mean(), rel=1e-9)
    assert report["latents"]["rate"] == pytest.approx(SYSTEM.rate(X, EXACT).mean(), rel=1e-9)
    assert report["simulated"]["gap"] == pytest.approx(0, abs=1e-9)
    assert report["reliability"]["effective_sample_size"] == pytest.approx(dict.fromkeys(("mean", "median", "min"), 60))


@pytest.mark.usefixtures("float64")
def test_elbo_and_rate_make_the_distortion():
    model = linear_vae(SYSTEM, WIDE)
    found = linear("wide", 2000).report
    direct = -np.asarray(model.trace_of(X, Noise(7), 2000).log_px_z)
    error = np.sqrt(np.sum(direct.var(axis=0) / len(direct))) / len(X)
    assert error < 0.01
    assert (
        abs(found["likelihood"]["distortion"] - direct.mean()) < 4 * np.sqrt(2) * error
    )  # both have draws of their own
    assert abs(found["likelihood"]["distortion"] - SYSTEM.distortion(X, WIDE).mean()) < 4 * error


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
def test_the_errors_of_z_and_of_the_test_set_are_apart():
    one, other = (linear("wide", seed=seed).report["likelihood"] for seed in (0, 1))
    estimate = evaluation.likelihood_estimate(linear_vae(SYSTEM, WIDE), X, 200)
    assert one["monte_carlo_error"] == estimate.monte_carlo_error
    assert one["sampling_error"] == estimate.sampling_error
    assert one["interval_95"] == [
        one["bound"] - 1.96 * estimate.monte_carlo_error,
        one["bound"] + 1.96 * estimate.monte_carlo_error,
    ]  # fmt: skip
    apart = abs(one["bound"] - other["bound"])
    assert 0 < apart < 4 * np.hypot(one["monte_carlo_error"], other["monte_carlo_error"])
    assert apart < 0.1 * one["sampling_error"]  # other draws of z are not other examples


@pytest.mark.usefixtures("float64")
def test_examples_that_cannot_be_trusted_are_named():
    found = linear("narrow", 1000)
    shapes, said = found.by_example["pareto_shape"], found.report["reliability"]
    bad = np.flatnonzero(shapes > 0.7)
    assert 20 < len(bad) == said["unreliable"]
    assert said["unreliable_share"] == len(bad) / len(X)
    named = [each["example"] for each in said["worst"]]
    assert named == sorted(bad, key=lambda index: -shapes[index])[:20]
    assert [each["pareto_shape"] for each in said["worst"]] == [shapes[index] for index in named]
    assert f"{len(bad)} of 40 examples" in said["words"]
    assert "can be trusted" in linear("exact", 60).report["reliability"]["words"]
    unknown = linear("wide", 24).report["reliability"]
    assert "cannot be judged" in unknown["words"]
    assert unknown["unreliable"] is None and unknown["unreliable_share"] is None


@pytest.mark.usefixtures("float64")
def test_the_naive_average_says_from_how_many_draws_on_it_is_close(monkeypatch):
    found = linear("wide")
    (naive, drawn), bound = (found.report["naive"], found.naive), found.by_example["bound"][:10].mean()
    assert (naive["examples"], naive["draws"], naive["bound"]) == (10, 256, bound)
    within = naive["draws_within_a_nat"]
    index = list(drawn["draws"]).index(within)
    assert np.all(drawn["log_p"][index:] >= bound - 1)
    assert index == 0 or drawn["log_p"][index - 1] < bound - 1
    assert naive["words"] == f"From L = {within} on it is at most 1 nat below L_S."
    better, _ = sections.naive(linear_vae(SYSTEM, WIDE), X, found.by_example["bound"] - 5, 0)
    above = better.log_p - better.bound
    assert better.words.endswith(
        f"With L = 256 it is {above:.1f} nats above L_S, which is too low: do not trust q(z|x)."
    )
    monkeypatch.setattr(sections, "_NAIVE_DRAWS", 1)
    poor, _ = sections.naive(linear_vae(SYSTEM, WIDE), X, found.by_example["bound"], 0)
    assert poor.draws_within_a_nat is None
    assert poor.words == f"With L = 1 it is still {bound - poor.log_p:.1f} nats below L_S."


@pytest.fixture(scope="module")
def trained():
    model = tiny.compiled(tiny.vae())
    tiny.train(model, 150, TRAIN.images)
    return model


@pytest.fixture(scope="module")
def found(few_draws, trained):
    return assess(trained, TEST, TRAIN, 30)


def test_the_figures_are_those_of_the_single_functions(trained, found):
    report, x = found.report, evaluation.fix(TEST.images, trained.preprocess)
    train_x = evaluation.fix(TRAIN.images, trained.preprocess).x
    estimate = evaluation.likelihood_estimate(trained, x.x, 30)
    for name in assessment.PER_EXAMPLE:
        np.testing.assert_array_equal(found.by_example[name], getattr(estimate, name))
    assert report["data"]["digest"] == x.digest
    assert report["likelihood"]["bits_per_dim"] == pytest.approx(-estimate.mean / (64 * np.log(2)) + 8)
    use = evaluation.latent_statistics(trained, TEST.images)
    whole = evaluation.aggregate_posterior(trained, x.x)
    latents = report["latents"]
    assert (latents["rate"], latents["active_units"]) == (use.total_rate, use.active_units)
    assert latents["rate_per_dimension"] == use.rate.tolist()
    assert latents["variance_of_mean"] == use.variance_of_mean.tolist()
    assert latents["mutual_information"] == whole.mutual_information
    assert latents["mutual_information_ceiling"] == np.log(40)
    assert latents["saturated"] == (whole.mutual_information > np.log(40) - 0.1)
    assert latents["marginal_kl"] == whole.marginal_kl.tolist()
    assert latents["mutual_information"] + latents["aggregate_kl"] == pytest.approx(latents["rate_of_draws"])
    means = [evaluation.encode(trained, each).mean for each in (train_x, x.x)]
    for name, measure in (
        ("linear_probe", evaluation.linear_probe), ("nearest_neighbours", evaluation.nearest_neighbours)
    ):  # fmt: skip
        expected = measure(means[0], TRAIN.labels, means[1], TEST.labels)
        assert report["representation"][name] == expected._asdict()


def test_it_is_the_same_again(trained, found):
    assert assess(trained, TEST, TRAIN, 30).report == found.report


def test_another_seed_changes_draws_but_not_x(trained, found):
    other = assess(trained, TEST, TRAIN, 30, seed=1).report
    assert other["data"]["digest"] == found.report["data"]["digest"]
    for section, name in (("likelihood", "bound"), ("simulated", "lower"), ("naive", "log_p")):
        assert other[section][name] != found.report[section][name]


def test_a_report_is_json(found):
    assert json.loads(json.dumps(found.report, allow_nan=False)) == found.report
    assert len(small.figures(found.report)) > 40
    assert set(found.report["missing"]) == {"samples", "clusters"}


def assess_discs(model, test=TEST, train=TRAIN, sample_size=30):
    report = assess(model, test, train, sample_size).report
    json.dumps(report, allow_nan=False)
    small.figures(report)
    assert "test examples" in evaluation.table(report)
    return report


def test_a_cross_entropy_has_no_likelihood_but_latents():
    model = tiny.vae(likelihood=families.Bernoulli(tiny.SHAPE), preprocess=preprocessing.Rescale())
    report = assess_discs(model)
    assert set(report) == {"version", "data", "model", "latents", "representation", "missing"}
    assert report["missing"]["likelihood"] == (
        "There is no log p(x), nor an ELBO: this model scores the cross entropy on grey values, which is not a "
        "likelihood."
    )


def test_a_point_for_a_posterior_has_only_a_representation():
    model = tiny.vae(posterior=families.Delta((tiny.LATENT,)))
    report = assess_discs(model)
    assert set(report) == {"version", "data", "model", "representation", "missing"}
    assert "without a density" in report["missing"]["likelihood"]
    assert "its rate is infinite" in report["missing"]["latents"]


def test_a_full_covariance_has_no_rates_of_single_dimensions():
    report = assess_discs(tiny.vae(posterior=families.FullNormal((tiny.LATENT,))))
    assert {"rate_per_dimension", "marginal_kl"} <= set(report["missing"])
    assert not report["latents"]["rate_is_exact"] or "rate_per_dimension" not in report["latents"]


@pytest.mark.parametrize(
    ("family", "preprocess", "reason"),
    [
        (families.Bernoulli, preprocessing.Binarize, "the log probability of the binarised image"),
        (families.Normal, preprocessing.Rescale, "the density of the undequantised values u/255, which bounds nothing"),
    ],
)
def test_bits_are_refused_with_the_reason(family, preprocess, reason):
    found = assess_discs(tiny.vae(likelihood=family(tiny.SHAPE), preprocess=preprocess()))["likelihood"]
    assert "bits_per_dim" not in found
    assert reason in found["no_bits_per_dim"]


def test_one_sample_has_no_monte_carlo_error(trained):
    found = assess_discs(trained, sample_size=1)["likelihood"]
    for name in ("monte_carlo_error", "interval_95", "draw_error", "corrected", "correction"):
        assert found[name] is None
    assert found["bound"] == found["elbo"]


def test_examples_are_not_taken_for_arrays(trained):
    with pytest.raises(TypeError, match=r"`test` must be `Examples\(images, labels\)`; received ndarray\."):
        assess(trained, TEST.images, TRAIN)


def test_families_of_many_parameters_are_naively_tried_with_fewer_draws(trained, monkeypatch):
    """Rounded down to a power of two."""
    a_draw = len(trained.decoder.family.parameters) * int(np.prod(tiny.SHAPE))
    monkeypatch.setattr(sections, "_NAIVE_DRAWS", 2**13)
    monkeypatch.setattr(sections, "_NAIVE_NUMBERS", 3000 * a_draw)
    assert assess_discs(trained)["naive"]["draws"] == 2048


def test_one_example_has_no_test_set_error(trained):
    found = assess_discs(trained, Examples(*(each[:1] for each in TEST)))
    assert found["likelihood"]["sampling_error"] is None
    assert found["latents"]["mutual_information"] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        (Examples(TRAIN.images, None), "The data have no labels that could be read off the latents."),
        (Examples(TRAIN.images, np.zeros(80, int)), "`train_labels` must be of at least two classes; received one."),
        (
            Examples(TRAIN.images[:4], np.arange(4)),
            "`k` must be at most the number of training ",
        ),
    ],
    ids=["no labels", "one class", "few examples"],
)
def test_labels_that_cannot_be_read_off_are_missing_with_the_reason(trained, train, reason):
    report = assess_discs(trained, train=train)
    assert report["missing"]["representation"].startswith(reason)
    assert "likelihood" in report


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sample_size": 0}, r"^`sample_size` must be at least 1; received 0\.$"),
        ({"test": Examples(DISCS[:0], None)}, r"^`test` must hold at least one example; received none\.$"),
        ({"test": Examples(DISCS[:3, :7], None)}, r"takes examples of shape \(8, 8, 1\); received \(7, 8, 1\)"),
        ({"train": Examples(DISCS[:3, :7], None)}, r"takes examples of shape \(8, 8, 1\); received \(7, 8, 1\)"),
        (
            {"test": Examples(np.float32(DISCS), None)},
            r"^`raw` holds floats, which must be in \[0, 1\]; received 0 to 255",
        ),
        (
            {"train": Examples(np.float32(DISCS), LABELS)},
            r"^`raw` holds floats, which must be in \[0, 1\]; received 0 to 255",
        ),
    ],
)
def test_bad_input_is_refused(trained, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        assess(trained, **{"test": TEST, "train": TRAIN, **changes})


@pytest.mark.parametrize("preprocess", [preprocessing.Binarize, preprocessing.Rescale])
def test_weights_that_are_nan_are_refused_with_and_without_a_likelihood(preprocess):
    model = tiny.vae(likelihood=families.Bernoulli(tiny.SHAPE), preprocess=preprocess())
    bias = model.encoder.trainable_variables[-1]
    bias.assign(np.full(bias.shape, np.nan))
    with pytest.raises(FloatingPointError, match=r"^The model's weights are not finite: its training has failed\.$"):
        assess(model, TEST, TRAIN)
