"""docs/reproduction.md, made from the results that the reproductions leave."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tfvae._support import markdown
from tfvae._support.files import read_json
from tfvae._support.inputs import understood

_HEAD = """# Published results, made again

This page is made by `python -m reproduction --table` from the JSON results in `docs/reproduction`;
`python -m reproduction --help` says how to make those again. Nothing in it is typed in by hand but the figures of
others, which are quoted with their source.

Three errors go with a figure and are never added up: *MC*, what other draws of z would change; *test set*, what other
test images would change; *draw*, what another draw of binarisation of the same test images would change.
"""


EVIDENCE = ("iwae/iwae.json", "depth/depth.json")
"""The tables of -log p(x) of binarised images."""
PARETO = "pareto.png"
"""In the folder of results, beside those of the tables."""
_PARETO = f"""## What time buys

-log p(x) of the rows of the two tables above against the processor minutes of their training; the line joins those
that no other row beats in both. Beside it, without their time, what the papers and the reruns report of the same
models.

![Likelihood against processor minutes](reproduction/{PARETO})
"""


def document(results: Path) -> str:
    """The page, in Markdown.

    Args:
        results: folder with iwae/iwae.json, depth/depth.json, aevb/aevb.json, frey-face/frey_face.json and
            pixels/pixels.json; those that are missing are left out.

    Raises:
        FileNotFoundError: there are no results in the folder.
        ValueError: a result is damaged or of another version.
    """
    parts = (
        (
            "iwae/iwae.json",
            partial(_evidence, title="One stochastic layer on dynamically binarised MNIST", name="iwae"),
        ),
        (
            "depth/depth.json",
            partial(_evidence, title="Two stochastic layers, other priors, and pixels that see others", name="depth"),
        ),
        ("aevb/aevb.json", _aevb),
        ("frey-face/frey_face.json", _frey_face),
        ("pixels/pixels.json", _pixels),
    )
    found = {path: section for path, made in parts if (section := _section(results / path, made))}
    if not found:
        raise FileNotFoundError(f"{results} holds no results; `python -m reproduction iwae` makes some.")
    sections = list(found.values())
    if (results / PARETO).exists():
        sections.insert(sum(path in found for path in EVIDENCE), _PARETO)  # those come first
    return "\n".join([_HEAD, *sections])


def _section(path: Path, made: Callable[[dict[str, Any]], str]) -> str | None:
    result = read_json(path)
    with understood(path, "make it again"):
        return None if result is None else made(result)


_MISSES = {
    "iwae": "",
    "depth": """
Why the papers' figures and the aim are missed: rows have some hundred passes, where the papers took thousands, and the
losses below were still falling when the time was over. The autoregressive model's losses on training and on held-out
images differ by less than a nat, so that more passes or a wider network would help it, and less freedom would not. Its
context is narrow so that L_S of all test images takes minutes and not hours.
""",
}


def _evidence(result: dict[str, Any], title: str, name: str) -> str:
    rows = list(result["rows"].values())
    errors = ("monte_carlo_error", "sampling_error", "draw_error")
    head = ["-log p(x), nats", "paper", "reruns", "tfvae", "S", "MC", "test set", "draw", "corrected", "active units"]
    table = markdown.table(
        [*head, "aim"],
        [
            [
                row["title"],
                _nats(row["published"]),
                "; ".join(f"{value:.2f} ({source})" for source, value in row["reruns"].items()) or "-",
                f"**{-row['likelihood']['bound']:.2f}**",
                f"{row['likelihood']['sample_size']:,}",
                *(_nats(row["likelihood"][name], digits=3) for name in errors),
                _nats(-row["likelihood"]["corrected"]),
                str(row["active_units"]),
                _aim(row),
            ]
            for row in rows
        ],
    )
    how = markdown.table(
        ["row", "starts from", "seed", "array", *_TRAINING],
        [
            [
                row["title"],
                "-" if row["start"] is None else result["rows"][row["start"]]["title"],
                str(row["seed"]),
                f"`{row['data']['digest']}`",
                *_training(result, key),
            ]
            for key, row in result["rows"].items()
        ],
    )
    notes = "\n".join([*map(_weights, rows), *(_against(row, result["rows"]) for row in rows if "against" in row)])
    hardware = rows[0]["hardware"]
    held_out = f"{rows[0]['settings']['validation_size']:,} of the training images"
    examples = f"{rows[0]['data']['examples']:,} test images"
    return f"""## {title}

{result["paper"]}; quoted as in its later reruns' repositories.
The average of -L_S over {examples} that were binarised once: an estimate of an upper bound of
-log p(x). *Corrected* is the jackknife's estimate of -log p(x) itself from the same weights. *Aim* is what was to be
reached on two cores.

{table}

{how}

Minutes are those of training, validation and pictures, with those of the rows that a row starts from, on the clock and
of all cores together ({hardware["processor"]}, {hardware["cores"]} cores).
{held_out} were held out for choices; the test images had no part in any.

{notes}
{_MISSES[name]}
![Loss on held-out images](reproduction/{name}/curves.png)
"""


_TRAINING = ("minutes", "processor minutes", "passes", "command")


def _training(result: dict[str, Any], name: str) -> list[str]:
    """What a row of a table took, by `_TRAINING`."""
    row = result["rows"][name]
    return [
        f"{row['minutes']:.0f}",
        f"{row['processor_minutes']:.0f}",
        f"{row['settings']['epochs'] * row['settings']['passes']:,}",
        f"`{result['command']} --rows {name}`",
    ]


def _aim(row: dict[str, Any]) -> str:
    if row["aim"] is None:
        return "-"
    nats, minutes = -row["likelihood"]["bound"] - row["aim"]["nats"], row["minutes"] - row["aim"]["minutes"]
    missed = [f"{nats:.2f} nats"] * (nats > 0) + [f"{minutes:.0f} minutes"] * (minutes > 0.5)
    outcome = f"missed by {' and '.join(missed)}" if missed else "met"
    return f"{row['aim']['nats']:.1f} in {row['aim']['minutes']:.0f} minutes: {outcome}"


def _weights(row: dict[str, Any]) -> str:
    unreliable, simulated = row["reliability"]["unreliable"], row["simulated"]
    return (
        f"- {row['title']}: {unreliable:,} of {row['data']['examples']:,} images have weights of a Pareto shape above "
        f"0.7. On {simulated['examples']:,} images drawn from the model log p(x) is on average between "
        f"{simulated['lower']:.2f} and {simulated['upper']:.2f}."
    )


def _against(row: dict[str, Any], rows: dict[str, Any]) -> str:
    against = row["against"]
    other = rows[against["row"]]["title"]
    if "reason" in against:
        return f"- {row['title']} was not set against {other}: {against['reason']}."
    sentence = (
        f"- {row['title']} against {other}: L_S is {against['nats']:+.2f} +- {against['paired_error']:.2f} nats from "
        "it, image by image"
    )
    if against["recognised_shares"]:
        before, after = against["recognised_shares"]
        sentence += f"; of its samples {after:.1%} are recognised as digits, of the other's {before:.1%}"
    return f"{sentence}."


def _aevb(result: dict[str, Any]) -> str:
    sizes = result["latent_sizes"]
    table = markdown.table(
        ["latents", "ELBO, nats", "L_S, nats", "draws from the prior", "active units", "array", "minutes"],
        [
            [
                size,
                _with_error(row["elbo"]),
                _with_error(row["log_likelihood"]),
                _naive_draws(row["naive"]),
                str(row["active_units"]),
                f"`{row['data_digest']}`",
                f"{row['training_seconds'] / 60:.1f}",
            ]
            for size, row in sizes.items()
        ],
    )
    *others, last = sizes
    images = sizes[last]["naive"]["images"]
    return f"""## Samples for {", ".join(others)} and {last} latents

{result["paper"]}. Mean over the test images and its standard error over them (test set); S = {result["samples"]:,};
{result["convention"]}. *Draws from the prior*: how many it takes until the naive average of p(x|z) over them is at most
1 nat below L_S, on the first {images} test images. Made by `{result["command"]}`.

{table}

![Samples for each number of latents](reproduction/aevb/samples.png)

![The manifold of two latents](reproduction/aevb/manifold.png)
"""


def _naive_draws(naive: dict[str, Any]) -> str:
    within, most, off = naive["draws_within_a_nat"], naive["draws"][-1], naive["log_p"][-1] - naive["bound"]
    if within is None:
        return f"not by {most:,}: {-off:.1f} nats below"
    return f"{within:,}" if off < 1 else f"{within:,}; by {most:,} {off:.1f} nats above: L_S is too low"


def _frey_face(result: dict[str, Any]) -> str:
    table = markdown.table(
        ["study", "paper", "L_S, nats", "ELBO, nats", "bits/dim"],
        [
            [
                name,
                "-" if study["published"] is None else f"{study['published'][0]:.2f} +- {study['published'][1]:.2f}",
                _with_error(study["log_likelihood"]),
                _with_error(study["elbo"]),
                f"{study['bits_per_dim']['mean']:.3f}" if "bits_per_dim" in study else "-",
            ]
            for name, study in result["studies"].items()
        ],
    )
    return f"""## Frey Face

{result["paper"]}. {result["frames"]:,} frames of {result["dimension"]} pixels; {result["unit"]}. Only the
undequantised figures can be compared with the paper's: densities of the values u/255, which bound nothing and grow
without limit as the scale of p(x|z) shrinks; its floor here is {result["scale_floor"]:.5f}. {result["neighbours"]}
{result["chosen_on"]} Made by `{result["command"]}`.

{table}

![The manifold of two latents](reproduction/frey-face/manifold.png)
"""


def _pixels(result: dict[str, Any]) -> str:
    rows = result["rows"]
    table = markdown.table(
        ["model", "published", "bits/dim", "what", "log p(x), nats", "test set", "parameters", "recognised", "array"],
        [
            [
                row["title"],
                _nats(row["published"]),
                f"**{row['likelihood']['bits_per_dim']:.3f}**",
                "exact" if row["likelihood"]["exact"] else f"bound, S = {row['likelihood']['sample_size']:,}",
                _nats(row["likelihood"]["bound"]),
                _nats(row["likelihood"]["sampling_error"]),
                f"{row['model']['parameters']:,}",
                f"{row['samples']['recognised_share']:.1%}",
                f"`{row['data']['digest']}`",
            ]
            for row in rows.values()
        ],
    )
    how = markdown.table(
        ["model", "seed", *_TRAINING],
        [
            [
                row["title"],
                str(row["seed"]),
                *_training(result, name),
            ]
            for name, row in rows.items()
        ],
    )
    return f"""## Flows beside VAEs, in bits per dimension

Published: {result["paper"]}, for training on GPUs for days; here each row has about as many processor minutes as
the others. Of 8-bit MNIST, dequantised but for the discretised likelihood: the lower the better. *Bound* is -L_S, which
is no less than the truth; *recognised* is the share of samples that the package's classifier takes for a digit.

{table}

{how}

{"".join(_distance(row) for row in rows.values())}
![Loss on held-out images](reproduction/pixels/curves.png)
"""


def _distance(row: dict[str, Any]) -> str:
    """How far a row is from the published figure, and whether it had learned all it could."""
    passes, losses = row["curve"]["passes"], row["curve"]["held_out_loss"]
    best = passes[losses.index(min(losses))]
    learned = f"its held-out loss was lowest after {best:g} of {passes[-1]:g} passes"
    found = row["likelihood"]
    if "median" in found:  # of versions that measure it
        spread = f"more than {found['median']:,.0f} nats, the lowest {found['lowest']:,.0f}"
        learned += f"; half of the test images have {spread}"
    if row["published"] is None:
        return f"- {row['title']}: {learned}.\n"
    gap = found["bits_per_dim"] - row["published"]
    return (
        f"- {row['title']}: {gap:+.3f} bits/dim from the published figure, with {row['model']['parameters']:,} "
        f"parameters and {row['processor_minutes']:.0f} processor minutes; {learned}.\n"
    )


def _with_error(figure: dict[str, float]) -> str:
    return f"{figure['mean']:.2f} +- {figure['standard_error']:.2f}"


def _nats(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
