"""An assessment's report as text, a figure a line."""

from __future__ import annotations

from typing import Any

_WIDTH = 34


def table(report: dict[str, Any]) -> str:
    """The report of an `Assessment` as a table for people, nats per example if nothing else is said."""
    lines = [f"{report['data']['examples']:,} test examples, array {report['data']['digest']}"]
    lines += [f"({report['data']['convention']})"]
    for section, rows in (
        ("likelihood", _likelihood),
        ("reliability", _reliability),
        ("simulated", _simulated),
        ("naive", _naive),
        ("latents", _latents),
        ("representation", _representation),
        ("samples", _samples),
    ):
        if section in report:
            lines += ["", *rows(report[section])]
    if report["missing"]:
        lines += ["", "Not measured", *(f"  {name}: {reason}" for name, reason in report["missing"].items())]
    return "\n".join(lines) + "\n"


def _row(name: str, value: str, note: str = "") -> str:
    return f"  {name:<{_WIDTH}}{value:>12}" + (f"  {note}" if note else "")


def _likelihood(found: dict[str, Any]) -> list[str]:
    size = f"{found['sample_size']:,}"
    rows = [
        "log p(x), nats",
        _row(f"L_S with S = {size} (lower bound)", f"{found['bound']:.3f}"),
        _row("  Monte Carlo error", _error(found["monte_carlo_error"]), "other draws of z"),
        _row("  test-set error", _error(found["sampling_error"]), "other test examples"),
        _row("  draw error", _error(found["draw_error"]), "another draw of the same examples' x"),
        _row("corrected by the jackknife", f"{found['corrected']:.3f}", f"bias correction {found['correction']:+.3f}"),
        _row("ELBO", f"{found['elbo']:.3f}", f"averaged over {size} samples"),
    ]
    if "distortion" in found:
        rows.append(_row("  distortion", f"{found['distortion']:.3f}"))
    if "bits_per_dim" in found:
        return [*rows, _row("bits per dimension", f"{found['bits_per_dim']:.4f}", "from L_S")]
    return [*rows, f"  {found['no_bits_per_dim']}"]


def _reliability(found: dict[str, Any]) -> list[str]:
    sizes = found["effective_sample_size"]
    rows = [
        "Importance weights",
        _row(
            "effective sample size", f"{sizes['mean']:.1f}", f"median {sizes['median']:.1f}, least {sizes['min']:.1f}"
        ),
        f"  {found['words']}",
    ]
    if found["worst"]:
        worst = ", ".join(f"{each['example']} ({each['pareto_shape']:.2f})" for each in found["worst"])
        rows.append(f"  Worst examples, with their shape: {worst}")
    return rows


def _simulated(found: dict[str, Any]) -> list[str]:
    return [
        f"{found['examples']:,} examples drawn from the model",
        _row("log p(x), lower bound", f"{found['lower']:.3f}"),
        _row("log p(x), upper bound", f"{found['upper']:.3f}", f"gap {found['gap']:.3f} +- {found['gap_error']:.3f}"),
    ]


def _naive(found: dict[str, Any]) -> list[str]:
    return [
        f"Naive average over draws from the prior, first {found['examples']} examples",
        _row(f"with {found['draws']:,} draws", f"{found['log_p']:.3f}", f"L_S of the same {found['bound']:.3f}"),
        f"  {found['words']}",
    ]


def _latents(found: dict[str, Any]) -> list[str]:
    saturated = ", saturated: more examples would give more" if found["saturated"] else ""
    return [
        "Latents, nats",
        _row("rate", f"{found['rate']:.3f}", "exact" if found["rate_is_exact"] else "estimate, one draw an example"),
        _row("active units", f"{found['active_units']} of {found['dimensions']}", "variance of the mean above 0.01"),
        _row(
            "mutual information of x and z",
            f"{found['mutual_information']:.3f}",
            f"ceiling log N = {found['mutual_information_ceiling']:.3f}{saturated}",
        ),
        _row("KL(q(z) || p(z))", f"{found['aggregate_kl']:.3f}", "of the aggregate posterior; their sum is the rate"),
        *([_row("  of its marginals, summed", f"{sum(found['marginal_kl']):.3f}")] if "marginal_kl" in found else []),
    ]


def _representation(found: dict[str, Any]) -> list[str]:
    names = {"linear_probe": "linear probe", "nearest_neighbours": "nearest neighbours"}
    return [
        f"Labels read off the posterior means ({found['linear_probe']['n_train']:,} training examples)",
        *(
            _row(name, f"{found[key]['accuracy']:.2%}", f"+- {found[key]['standard_error']:.2%}")
            for key, name in names.items()
        ),
    ]


def _samples(found: dict[str, Any]) -> list[str]:
    distance = found["kernel_distance"]
    rows = [
        "Samples",
        _row(
            "taken for a digit by a classifier",
            f"{found['recognised_share']:.1%}",
            f"class entropy {found['class_entropy']:.2f} of 2.30 nats",
        ),
    ]
    for key, name in (("of_draws", "kernel distance of draws"), ("of_training_images", "  of training images")):
        each = distance[key]
        note = f"p = {each['p_value']:.3f}; by chance below {each['null_quantile']:.4f} in 95 %"
        rows.append(_row(name, f"{each['distance']:.4f}", note))
    return [*rows, f"  {distance['note']}"]


def _error(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
