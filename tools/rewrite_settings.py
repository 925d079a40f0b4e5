"""Rewrites settings of version 0.1, a flat list, as a recipe with options: `python tools/rewrite_settings.py FILE...`.

A FILE is a config.yaml of a run, or JSON with an entry "settings", such as a card, a report or a result. What is
rewritten already stays as it is.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from tfvae.app.settings import Settings, as_yaml
from tfvae.app.settings.settings import fields

NAMES = {
    "naive": "naive_monte_carlo", "ae": "autoencoder", "dae": "denoising_autoencoder", "mae": "masked_autoencoder",
    "gmm": "mixture",
}  # fmt: skip
"""Earlier names of models."""
DEFAULTS: dict[str, Any] = {
    "model": "vae", "likelihood": "normal", "preprocess": None, "scale": "shared", "network": "mlp",
    "hidden": (300, 300, 300, 300), "activation": "gelu", "latent_size": 6, "levels": 1, "inference": "top-down",
    "corruption": "gaussian", "corruption_strength": 0.5, "mask_share": 0.75, "patch_size": 4, "components": 10,
    "rank": 0, "prior": "normal", "pseudo_inputs": 500, "posterior": "normal", "flow_depth": 4,
    "flow_hidden": (128, 128), "flow_levels": 2, "alpha": 0.05, "draws": 1000, "penalty": 1.0, "objective": "elbo",
    "sample_size": 1, "gradient": "plain", "beta": 1.0, "warm_up": 0.0, "free_bits": 0.0,
}  # fmt: skip
"""What older files leave out."""


def rewritten(old: dict[str, Any]) -> dict[str, Any]:
    """The settings in today's form: those of every run, and `model`, a recipe with its options."""
    if isinstance(old.get("model"), dict):
        return old
    kept = {name: old[name] for name in fields() if name in old and name != "model"}
    old = DEFAULTS | old
    recipe = NAMES.get(old["model"], old["model"])
    if old["model"] == "vae" and old["levels"] > 1:
        recipe = "ladder_vae" if old["inference"] == "top-down" else "stacked_vae"
    settings = Settings(model={recipe: _options(recipe, old)}, **_known(kept))
    return {name: value for name, value in settings.plain().items() if name in kept or name == "model"}


def _known(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}


def _options(recipe: str, old: dict[str, Any]) -> dict[str, Any]:
    size = {"latent_size": old["latent_size"]}
    network = {
        "network": {
            str(old["network"]): {_LAYERS.get(old["network"], ""): old["hidden"], "activation": old["activation"]}
        }
    }
    match recipe:
        case "masked_autoencoder":
            return {name: old[name] for name in ("patch_size", "mask_share")}
        case "mixture":
            return {name: old[name] for name in ("components", "rank")}
        case "realnvp" | "glow":
            return {
                "levels": old["flow_levels"], "depth": old["flow_depth"], "filters": old["flow_hidden"],
                "alpha": old["alpha"],
            }  # fmt: skip
        case "maf":
            return {"depth": old["flow_depth"], "hidden": old["flow_hidden"], "alpha": old["alpha"]}
        case "gan":
            return size | network | {"penalty": old["penalty"]}
        case "autoencoder":
            return size | network
        case "denoising_autoencoder":
            name = old["corruption"].replace("-", "_")
            return size | network | {"corruption": {name: {"strength": old["corruption_strength"]}}}
    likelihood = old["likelihood"].replace("-", "_")
    scale = {"scale": old["scale"]} if likelihood in ("normal", "discretized_logistic") else {}
    scored = size | network | {"likelihood": {likelihood: scale}, "preprocess": old["preprocess"]}
    if recipe == "naive_monte_carlo":
        return scored | {"draws": old["draws"]}
    flow = {"flow": {"depth": old["flow_depth"], "hidden": old["flow_hidden"]}}
    priors = {
        "normal": "normal", "flow": flow, "vamp": {"vamp": {"pseudo_inputs": old["pseudo_inputs"]}},
        "mixture": {"mixture": {"components": old["components"], "rank": old["rank"]}},
    }  # fmt: skip
    if old["objective"] == "iwae":
        objective = {"iwae": {"samples": old["sample_size"], "gradient": old["gradient"]}}
    else:
        names = ("beta", "warm_up", "free_bits")
        objective = {"elbo": {"samples": old["sample_size"], **{name: old[name] for name in names}}}
    whole = scored | {"prior": priors[old["prior"]], "objective": objective}
    if recipe == "vae":
        return whole | {"posterior": flow if old["posterior"] == "flow" else "normal"}
    return whole | {"levels": old["levels"]}


_LAYERS = {"mlp": "units", "conv": "channels"}


def _rewrite_json(value: Any) -> Any:
    """The value with each flat `settings` inside it rewritten."""
    if isinstance(value, dict):
        return {
            name: rewritten(each)
            if name == "settings" and isinstance(each, dict) and "model" in each
            else _rewrite_json(each)
            for name, each in value.items()
        }
    return [_rewrite_json(each) for each in value] if isinstance(value, list) else value


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        if path.suffix == ".json":
            path.write_text(json.dumps(_rewrite_json(json.loads(path.read_text())), indent=2) + "\n", encoding="utf-8")
        else:
            path.write_text(as_yaml(Settings(**rewritten(yaml.safe_load(path.read_text())))), encoding="utf-8")
        print(f"Rewrote {path}")


if __name__ == "__main__":
    main()
