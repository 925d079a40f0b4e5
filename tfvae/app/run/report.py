"""The report of a run's training."""

from __future__ import annotations

from typing import Any


def summary(report: dict[str, Any]) -> str:
    """The report in a few sentences; the last states the figure with its convention."""
    samples = report["samples_per_image"]
    # With more than one draw an average over them, whose logarithm is too low.
    names = {"elbo": "ELBO", "log_likelihood": "log p(x)" if samples == 1 else "bound on log p(x)", "loss": "loss"}
    found = next(name for name in names if name in report)
    name, value = names[found], report[found]
    bits = f" = {report['bits_per_dim']:.3f} bits/dim" if "bits_per_dim" in report else ""
    tighter = ""
    if "importance_weighted_bound" in report:
        tighter = f" (importance-weighted bound {report['importance_weighted_bound']:.2f} nats)"
    digits = []
    if "recognised_share" in report:
        digits.append(
            f"Of samples a classifier takes {report['recognised_share']:.1%} for a digit (class entropy "
            f"{report['class_entropy']:.2f} of 2.30 nats)."
        )
    if "reconstruction_accuracy" in report:
        digits.append(
            f"It gives {report['reconstruction_accuracy']:.1%} of reconstructions to the right class."
            if digits
            else f"A classifier gives {report['reconstruction_accuracy']:.1%} of reconstructions to the right class."
        )
    nats = "" if found == "loss" and "nats" not in report["convention"] else " nats"
    judged = [f"{' '.join(digits)}\n"] if digits else []
    return "".join(judged) + (
        f"Test {name} {value:.2f}{nats}{bits}{tighter} on {report['test_images']:,} images, array "
        f"{report['data_digest']}, {samples} {'sample' if samples == 1 else 'samples'} an image "
        f"({report['convention']})."
    )
