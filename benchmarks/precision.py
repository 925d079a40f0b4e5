"""Does half precision cost likelihood? The test ELBO after training in float32, bfloat16 and float16, three seeds each.

    python benchmarks/precision.py                                   # trains what results/precision.json does not have
    python benchmarks/precision.py --precisions float32 bfloat16     # without float16, which is slow on a CPU
    python benchmarks/precision.py --table                           # says what was found, trains nothing

Each row is `tfvae train` on the embedded MNIST with its defaults but for the precision, the seed and `--epochs`, in a
process of its own; its figures are those of its report, on the fixed array of test images. Rows are written as they
come, and those that are there are not trained again (`--again` does).

What is asked: is the difference of the means, half precision - float32, within two standard errors? The standard error
is that of a difference of two means of independent runs, from the spread over the seeds,

    se = sqrt(s_half^2 / n + s_float32^2 / n),    s^2 with n - 1 in the denominator.

Runs of one seed begin alike (weights, order, noise) but rounding soon leads them apart, so they are not taken for
pairs; the standard error of their differences is reported beside it, and is the smaller one where pairing does mean
something. All rows are scored on the same images and noise, so that the choice of test images is not in it. With three
seeds each there are four degrees of freedom: two standard errors hold 88 % (Student's t), and a difference below
about three of them cannot be told from none. So the difference is quoted with its standard error, not as "equal".
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
RESULTS = HERE.parent / "results/precision.json"
PRECISIONS = ("float32", "bfloat16", "float16")
SEEDS = (0, 1, 2)
KEYS = ("precision", "seed", "epochs", "train_size", "network")
"""What a row is known by; None stands for the default of `tfvae train`."""
REPORTED = ("elbo", "bits_per_dim", "distortion", "rate", "convention", "data_digest", "test_images", "steps")


def train(key: dict[str, Any]) -> dict[str, Any]:
    """The row of one training run: its key, figures and seconds, pictures and test included."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "tfvae", "train", "--out", str(out)]
        for name, value in key.items():
            command += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
        environment = os.environ | {"PYTHONPATH": str(HERE.parents[1])}
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            sys.exit(f"Training failed: {' '.join(command[1:])}\n{done.stderr[-2000:]}")
        report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    row = key | {name: report[name] for name in REPORTED} | {"seconds": round(time.perf_counter() - start, 1)}
    return row | {"tensorflow": version("tensorflow"), "keras": version("keras")}


def compared(half: list[float], single: list[float]) -> dict[str, Any]:
    """The difference of the means (see above) and whether it is within two standard errors."""
    spread = math.sqrt(statistics.variance(half) / len(half) + statistics.variance(single) / len(single))
    differences = [a - b for a, b in zip(half, single, strict=True)]
    difference = statistics.mean(half) - statistics.mean(single)
    return {
        "difference": difference,
        "standard_error": spread,
        "standard_error_of_pairs": statistics.stdev(differences) / math.sqrt(len(differences)),
        "within_two_standard_errors": abs(difference) <= 2 * spread,
    }


def comparisons(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each half precision with float32, for every set of conditions under which both have the same seeds."""
    groups: dict[str, dict[str, dict[int, dict[str, Any]]]] = {}
    for row in rows:
        conditions = json.dumps({name: row[name] for name in KEYS if name not in ("precision", "seed")})
        groups.setdefault(conditions, {}).setdefault(row["precision"], {})[row["seed"]] = row
    found = []
    for conditions, by_precision in groups.items():
        single = by_precision.get("float32", {})
        for precision in PRECISIONS[1:]:
            seeds = sorted(single.keys() & by_precision.get(precision, {}).keys())
            if len(seeds) < 2:
                continue
            pair = [[each[seed] for seed in seeds] for each in (by_precision[precision], single)]
            if len({row["data_digest"] for side in pair for row in side}) != 1:
                sys.exit("The rows were scored on different arrays; train all of them again with --again.")
            found.append(
                json.loads(conditions)
                | {"precision": precision, "seeds": seeds, "unit": "nats", "convention": pair[0][0]["convention"]}
                | compared(*([row["elbo"] for row in side] for side in pair))
                | {"elbo": statistics.mean(row["elbo"] for row in pair[0])}
                | {"elbo_float32": statistics.mean(row["elbo"] for row in pair[1])}
                | {"bits_per_dim": statistics.mean(row["bits_per_dim"] for row in pair[0])}
                | {"bits_per_dim_float32": statistics.mean(row["bits_per_dim"] for row in pair[1])}
                | {"seconds": statistics.median(row["seconds"] for row in pair[0])}
                | {"seconds_float32": statistics.median(row["seconds"] for row in pair[1])}
            )
    return found


def sentence(found: dict[str, Any]) -> str:
    verdict = "within" if found["within_two_standard_errors"] else "NOT within"
    return (
        f"{found['precision']}, {found['epochs']} epochs, {len(found['seeds'])} seeds: ELBO {found['elbo']:.2f} nats "
        f"({found['bits_per_dim']:.4f} bits/dim), float32 {found['elbo_float32']:.2f}; difference "
        f"{found['difference']:+.2f}, standard error {found['standard_error']:.2f} (of pairs "
        f"{found['standard_error_of_pairs']:.2f}): {verdict} two standard errors; {found['seconds']:.0f} s a run, "
        f"float32 {found['seconds_float32']:.0f} s."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--train-size", type=int, help="train on the first so many images only")
    parser.add_argument("--network", help="as for `tfvae train`")
    parser.add_argument("--again", action="store_true", help="train also what has been trained")
    parser.add_argument("--table", action="store_true", help="train nothing")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows = json.loads(options.out.read_text(encoding="utf-8"))["rows"] if options.out.exists() else []
    # Seeds are outside, so that a machine whose speed drifts treats all precisions alike.
    wanted = [(seed, precision) for seed in options.seeds for precision in options.precisions]
    for seed, precision in [] if options.table else wanted:
        values = (precision, seed, options.epochs, options.train_size, options.network)
        key = dict(zip(KEYS, values, strict=True))
        others = [row for row in rows if any(row[name] != key[name] for name in KEYS)]
        if len(others) < len(rows) and not options.again:
            continue
        row = train(key)
        rows = [*others, row]
        print(f"{precision:<9} seed {seed}: test ELBO {row['elbo']:.2f} nats, {row['seconds']:.0f} s", flush=True)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        content = {"rows": rows, "comparisons": comparisons(rows)}
        options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(*map(sentence, comparisons(rows)), sep="\n")


if __name__ == "__main__":
    main()
