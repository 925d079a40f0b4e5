"""What must hold of the figures that each notebook prints last, in its committed form and in its quick test."""

import itertools
import math

import pytest


def check_first_vae(printed, committed):
    elbo = printed["elbo"]
    assert all(math.isfinite(value) for value in elbo)
    assert elbo[-1] > elbo[0] + 20 and printed["val_elbo"][-1] > printed["val_elbo"][0] + 20
    margin = 1000 if committed else 50  # nats; a few epochs leave sigma wide, and then all images are much alike
    assert printed["log_p"]["digit"] > printed["log_p"]["noise"] + margin
    assert printed["log_p"]["digit"] > printed["log_p"]["shuffled"] + margin / 5
    test = printed["test"]
    assert test == printed["test_again"]
    assert test["elbo"] == pytest.approx(-(test["distortion"] + test["rate"]), rel=1e-5)
    if committed:
        assert abs(test["elbo"] - printed["val_elbo"][-1]) < 30
        assert printed["log_p"]["digit"] > 0 > printed["log_p"]["noise"]  # better and worse than eight bits a pixel


def check_objective(printed, committed):
    assert printed["jensen"]["smallest_gap"] > 1
    assert printed["jensen"]["log_of_average_error"] < (1 if committed else 3)
    assert printed["second"]["error_of_each_draw"] < 1e-10 and printed["second"]["in_errors"] < 4
    closing = printed["closing"]
    assert closing["first"] > 100 * closing["last"] > 0 and closing["last"] < 0.01  # from weights without a seed
    assert closing["elbo"] == pytest.approx(closing["log_p_x"] - closing["last"], abs=1e-3)
    assert printed["capacity"]["approximation"] > 0.01 and printed["capacity"]["amortisation"] > 0.5
    kl = printed["kl"]
    assert kl["difference"] < 1e-12 and kl["by_draws"] == pytest.approx(kl["rate"], abs=0.02)
    slips = printed["slips"]
    assert slips["z = mu + sigma^2 eps"] > 0.5 and slips["E[log p(x,z)] - KL"] < -2 and slips["share"] == 1
    assert abs(slips["z = mu + sigma eps"]) < 0.02 and abs(slips["E[log p(x,z) - log q(z|x)]"]) < 0.02
    assert printed["sides"]["right"] < printed["sides"]["left"] / 5
    _check_gradients(printed)
    elbos = [elbo[-1] for elbo in printed["samples"].values()]
    assert max(elbos) - min(elbos) < 3 and min(elbos) > (-145 if committed else -300)


def _check_gradients(printed):
    how = ("reparameterised", "score", "score, less the average of f")
    gradients = printed["gradients"]
    assert all(each["worst"] < 4.5 for each in gradients.values())  # standard errors, of up to 50 dimensions
    for size, factor in ((2, 5), (10, 100), (50, 1000)):
        variances = [gradients[f"{name}, {size}"]["variance"] for name in how]
        assert variances[1] > factor * variances[0] and variances[2] < variances[1]
    for spread in printed["spread"].values():
        assert spread[0] / spread[2] == pytest.approx(math.sqrt(50), rel=0.2)
    noise = printed["noise"]
    assert noise["1"] / noise["50"] == pytest.approx(math.sqrt(50), rel=0.5) and noise["batch"] > noise["1"]


def check_naive_monte_carlo(printed, committed):
    # Of other draws; few of them, and a model that is hardly trained, in the fast mode.
    assert abs(printed["by_hand"] - printed["by_package"]) < (3 if committed else 15)
    sizes = [printed["sizes"][size] for size in ("2", "5", "10", "20")]
    for fewer, more in itertools.pairwise(sizes):
        assert fewer["rate"] < more["rate"] or not committed
        assert fewer["missing"] < more["missing"] or not committed
    where = printed["where"]
    assert where["best"] < where["typical"] and 1 <= where["effective"] < 20
    assert printed["distance"]["piece"] < printed["distance"]["shifted"] / 3 and printed["distance"]["share"] > 0.95
    log_p = {name: each["log_p"] for name, each in printed["trained"].items()}
    assert all(math.isfinite(value) for value in log_p.values())
    if committed:
        assert sizes[0]["within"] <= 1024 and sizes[2]["within"] is sizes[3]["within"] is None
        assert sizes[3]["missing"] > 15
        assert log_p["10, vae"] > log_p["10, 1000"] + 5 > log_p["10, 100"] + 5
        assert abs(log_p["2, vae"] - log_p["2, 1000"]) < 3


def check_generating(printed, committed):
    sizes = [printed["sizes"][size] for size in ("2", "5", "10", "20")]
    for each in sizes:
        assert each["elbo"] == pytest.approx(-(each["distortion"] + each["rate"]), rel=1e-5)
        assert 0 <= each["recognised"] <= 1
    traversals = printed["traversals"]
    assert traversals["rates"] == sorted(traversals["rates"], reverse=True)
    assert 0 < printed["draws"]["grey"] < 0.9
    if committed:
        assert all(one["elbo"] < other["elbo"] - 5 for one, other in itertools.pairwise(sizes[:3]))
        assert [each["active"] for each in sizes[:2]] == [2, 5]
        assert printed["manifold_classes"] >= 7
        assert printed["frey_face"] is None  # it cannot be passed on
        assert min(traversals["change"]) > 10  # all ten are active
        assert min(printed["interpolation"].values()) > 0.4
    else:
        assert printed["frey_face"]["frames"] == 100  # those of the test


def check_autoencoders(printed, committed):
    restore = printed["restore"]
    assert restore["AE"] < restore["average image"] and restore["DAE"] < restore["corrupted image"] / 3
    assert all(accuracy > (0.6 if committed else 0.2) for accuracy in printed["probe"].values())
    rows = printed["latent"]
    assert {len(each) for each in rows.values()} == {3 if committed else 2}
    if committed:
        assert restore["AE"] < restore["DAE"] and restore["MAE"] < restore["average image"]
        for vae, ae, dae in zip(rows["VAE"], rows["AE"], rows["DAE"], strict=True):
            assert vae["of_normal"] < vae["distance"] < min(ae["distance"], dae["distance"])


def check_flows(printed, committed):
    toy = printed["toy"]
    assert toy["log_p"] > toy["normal"] + (0.5 if committed else 0.05) and toy["error"] < 1e-4
    assert abs(toy["mean"]) < 0.2 and abs(toy["stddev"] - 1) < 0.2
    assert all(0 < bits < 9 for bits in printed["bits"].values())
    assert printed["spread"] == sorted(printed["spread"]) and printed["ends"] < 0.01
    plain, flow = printed["priors"]["N(0, I)"], printed["priors"]["a flow"]
    for each in (plain, flow):
        assert each["bound"] > each["elbo"]
    if committed:
        assert max(printed["bits"]["RealNVP"], printed["bits"]["Glow"]) < printed["bits"]["VAE"] - 1
        assert flow["elbo"] > plain["elbo"] + 2 and flow["bound"] > plain["bound"] + 2
        assert flow["recognised"] > plain["recognised"] + 0.1


def check_serving(printed, committed):
    assert printed["signatures"] == 19
    assert max(printed["differences"].values()) < 1e-4
    assert set(printed["rows"]["served"].values()) == {0} and max(printed["rows"]["Keras' encoder"].values()) > 0
    assert printed["rest"] < 0.51 and printed["rest_codes"] < 1e-6  # half a grey level is rounded away
    assert printed["floats up to 255"] and printed["half a file"]
    assert (printed["grpc"] or 0) < 1e-4  # None without Serving's messages
    percentiles = printed["percentiles"]
    assert percentiles["noise"] == 100
    assert 20 < printed["digits"]["median"] < 80 and printed["digits"]["above"] < 0.1
    if committed:
        assert percentiles["inverted"] == percentiles["pixels shuffled"] == 100
        assert max(percentiles[name] for name in ("a digit", "two at once", "a square", "upside down")) < 99
        assert percentiles["half as bright"] == percentiles["nothing"] < 50
        assert printed["grpc"] is not None


CHECKS = {
    "01_first_vae": check_first_vae,
    "02_objective": check_objective,
    "03_naive_monte_carlo": check_naive_monte_carlo,
    "04_generating": check_generating,
    "05_autoencoders": check_autoencoders,
    "06_flows": check_flows,
    "07_serving": check_serving,
}
