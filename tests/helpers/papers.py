"""Made-up results of the reproduced papers."""

import json


def row(title, start, bound):
    return {
        "title": title,
        "published": None if start else 86.764,
        "reruns": {} if start else {"one": 86.354, "another": 87.0},
        "start": start,
        "data": {"examples": 12_345, "digest": "0123456789ab"},
        "likelihood": {
            "sample_size": 5432,
            "bound": bound,
            "monte_carlo_error": 0.01249,
            "sampling_error": 0.2346,
            "draw_error": None if start else 0.0789,
            "corrected": bound + 0.126,
        },
        "reliability": {"unreliable": 1234},
        "simulated": {"examples": 4321, "lower": -91.238, "upper": -90.121},
        "hardware": {"processor": "An Abacus", "cores": 17},
        "active_units": 19,
        "aim": {"nats": 85.0, "minutes": 80.0} if start else {"nats": 86.6, "minutes": 70.0},
        "seed": 3,
        "settings": {"epochs": 51, "passes": 23, "validation_size": 1357},
        "minutes": 72.6,
        "processor_minutes": 101.4,
    }


IWAE = {
    "paper": "The paper of weights",
    "command": "the command",
    "rows": {"plain": row("Plain", None, -87.4567), "weighted": row("Weighted", "plain", -84.994)},
}


AGAINST = {"row": "plain", "nats": 0.6666, "paired_error": 0.0444, "recognised_shares": [0.5123, 0.7456]}


AEVB = {
    "paper": "The paper of pictures",
    "convention": "nats of the test",
    "samples": 6789,
    "command": "tfvae of pictures",
    "latent_sizes": {
        size: {
            "elbo": {"mean": -143.126, "standard_error": 0.456},
            "log_likelihood": {"mean": -137.994, "standard_error": 0.344},
            "active_units": int(size),
            "naive": {
                "images": 97,
                "bound": -137.5,
                "draws": [1, 2, 4096],
                "log_p": [-900.0, -600.0, -137.5 - 4.26 * int(size)],
                "draws_within_a_nat": 2048 if size == "2" else None,
            },
            "data_digest": "ba9876543210",
            "training_seconds": 93.0,
        }
        for size in ("2", "7")
    },
}


FREY_FACE = {
    "paper": "The paper of faces",
    "frames": 1967,
    "dimension": 561,
    "unit": "nats a face",
    "scale_floor": 0.00390625,
    "neighbours": "Neighbours are alike.",
    "chosen_on": "Chosen elsewhere.",
    "command": "tfvae of faces",
    "studies": {
        "first": {
            "published": [1322.96, 10.03],
            "log_likelihood": {"mean": 1356.126, "standard_error": 8.994},
            "elbo": {"mean": 1321.216, "standard_error": 7.006},
        },
        "second": {
            "published": None,
            "log_likelihood": {"mean": -1.006, "standard_error": 0.126},
            "elbo": {"mean": -2.5, "standard_error": 0.25},
            "bits_per_dim": {"mean": 4.5678, "standard_error": 0.1},
        },
    },
}


def pixel_row(title, published, exact):
    """A row of bits per dimension."""
    return row(title, None, -1010.126) | {
        "published": published,
        "likelihood": {
            "sample_size": 5432,
            "bound": -1010.126,
            "sampling_error": 1.2346,
            "bits_per_dim": 1.8586,
            "median": -1001.5,
            "lowest": -54321.4,
            "exact": exact,
        },
        "model": {"parameters": 1_234_567},
        "samples": {"recognised_share": 0.4567},
        "curve": {"passes": [1.0, 2.0, 3.0], "held_out_loss": [5.5, 4.5, 4.6]},
    }


PIXELS = {
    "paper": "The paper of bits",
    "command": "tfvae of bits",
    "rows": {"flow": pixel_row("Flow", 1.057, True), "bound": pixel_row("Bound", None, False)},
}


DEPTH = {
    "paper": "The paper of levels",
    "command": "tfvae of levels",
    "rows": {"deep": row("Deep", None, -83.3333) | {"aim": None}},
}


FILES = {
    "iwae/iwae.json": IWAE,
    "depth/depth.json": DEPTH,
    "aevb/aevb.json": AEVB,
    "frey-face/frey_face.json": FREY_FACE,
    "pixels/pixels.json": PIXELS,
}


def write(folder, results):
    for name, result in results.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(result))
    return folder
