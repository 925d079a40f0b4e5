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

from tfvae._support.files import written_whole
from tfvae._support.seals import SEAL, is_unbroken, seal
from tfvae.app.settings import Settings, as_yaml
from tfvae.app.settings.files import FLAT
from tfvae.app.settings.settings import fields
from tfvae.recipes.specification import named_by_a_file

NAMES = {
    "naive": "naive_monte_carlo", "ae": "autoencoder", "dae": "denoising_autoencoder", "mae": "masked_autoencoder",
    "gmm": "mixture",
}  # fmt: skip
"""Earlier names of models."""
DEFAULTS: dict[str, Any] = {
    "model": "vae", "likelihood": "normal", "preprocess": None, "scale": "shared", "network": None, "hidden": (),
    "activation": "gelu", "latent_size": 6, "levels": 1, "inference": "top-down", "corruption": "gaussian",
    "corruption_strength": 0.5, "mask_share": 0.75, "patch_size": 4, "components": 10, "rank": 0, "prior": "normal",
    "pseudo_inputs": 500, "posterior": "normal", "flow_depth": None, "flow_hidden": (), "flow_levels": 2, "alpha": 0.05,
    "draws": 1000, "penalty": 1.0, "objective": "elbo", "sample_size": 1, "gradient": "plain", "beta": 1.0,
    "warm_up": 0.0, "free_bits": 0.0,
}  # fmt: skip
"""What files of version 0.1 leave out. The sizes of networks that are None or () are the defaults of their parts."""


def is_flat(settings: Any) -> bool:
    """Tells settings of version 0.1 from those of today, and from entries of that name that are no settings."""
    return isinstance(settings, dict) and not settings.keys().isdisjoint(FLAT)


def rewritten(old: dict[str, Any]) -> dict[str, Any]:
    """The settings in today's form: those of every run, and `model`, a recipe with its options.

    Raises:
        ValueError: they hold a name that was no setting of version 0.1, or a value that was refused by it.
    """
    if not is_flat(old):
        return old
    unknown = sorted(old.keys() - DEFAULTS.keys() - fields().keys())
    if unknown:
        raise ValueError(f"There was no setting {unknown[0]!r} in version 0.1.")
    whole = DEFAULTS | old
    recipe = NAMES.get(whole["model"], whole["model"])
    if recipe == "vae" and whole["levels"] > 1:
        recipe = "ladder_vae" if whole["inference"] == "top-down" else "stacked_vae"
    kept = {name: value for name, value in old.items() if name in fields() and name != "model"}
    settings = Settings(model={recipe: _options(recipe, whole)}, **kept)
    return {name: value for name, value in settings.plain().items() if name in kept or name == "model"}


def _options(recipe: str, old: dict[str, Any]) -> dict[str, Any]:
    sized = {"latent_size": old["latent_size"], "network": _network(old)}
    sizes = _given(depth=old["flow_depth"], hidden=old["flow_hidden"])
    match recipe:
        case "masked_autoencoder":
            return {name: old[name] for name in ("patch_size", "mask_share")}
        case "mixture":
            return {name: old[name] for name in ("components", "rank")}
        case "realnvp" | "glow":
            filters = _given(depth=old["flow_depth"], filters=old["flow_hidden"])
            return {"levels": old["flow_levels"], "alpha": old["alpha"], **filters}
        case "maf":
            return {"alpha": old["alpha"], **sizes}
        case "gan":
            return sized | {"penalty": old["penalty"]}
        case "autoencoder":
            return sized
        case "denoising_autoencoder":
            return sized | {"corruption": {_word(old["corruption"]): {"strength": old["corruption_strength"]}}}
    likelihood = _word(old["likelihood"])
    scale = {"scale": old["scale"]} if likelihood in ("normal", "discretized_logistic") else {}
    scored = sized | {"likelihood": {likelihood: scale}, "preprocess": old["preprocess"]}
    if recipe == "naive_monte_carlo":
        return scored | {"draws": old["draws"]}
    priors = {
        "normal": "normal", "flow": {"flow": sizes}, "vamp": {"vamp": {"pseudo_inputs": old["pseudo_inputs"]}},
        "mixture": {"mixture": {"components": old["components"], "rank": old["rank"]}},
    }  # fmt: skip
    scored |= {"prior": priors[old["prior"]], "objective": _objective(old)}
    if recipe == "vae":
        return scored | {"posterior": {"flow": sizes} if old["posterior"] == "flow" else "normal"}
    return scored | {"levels": old["levels"]}


def _network(old: dict[str, Any]) -> dict[str, Any]:
    name = old["network"] or ("conv" if old["likelihood"] == "categorical" else "mlp")
    layers = {"mlp": "units", "conv": "channels"}[name]
    return {name: {**_given(**{layers: old["hidden"]}), "activation": old["activation"]}}


def _objective(old: dict[str, Any]) -> dict[str, Any]:
    if old["objective"] == "iwae":
        return {"iwae": {"samples": old["sample_size"], "gradient": old["gradient"]}}
    return {"elbo": {"samples": old["sample_size"], **{name: old[name] for name in ("beta", "warm_up", "free_bits")}}}


def _word(text: str) -> str:
    return text.replace("-", "_")


def _given(**sizes: Any) -> dict[str, Any]:
    return {name: value for name, value in sizes.items() if value}


def rewrite_json(value: Any) -> Any:
    """The value with all flat `settings` inside it rewritten; what was sealed, and whole, is sealed again."""
    if isinstance(value, list):
        return [rewrite_json(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {
        name: rewritten(each) if name == "settings" and is_flat(each) else rewrite_json(each)
        for name, each in value.items()
    }
    return seal(found) if SEAL in value and is_unbroken(value, SEAL) else found


def rewrite(path: Path) -> None:
    """Rewrites a file, in the layout that it has.

    Raises:
        ValueError: it holds no settings of version 0.1 that are whole.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        value = json.loads(text)
        same = (indent for indent in (1, 2, 4, None) if json.dumps(value, indent=indent) == text.rstrip())
        new = json.dumps(rewrite_json(value), indent=next(same, 2)) + "\n"
    else:
        value = yaml.safe_load(text)
        with named_by_a_file():
            new = as_yaml(Settings(**rewritten(value))) if is_flat(value) else text
    if new != text:
        with written_whole(path) as unfinished:
            unfinished.write_text(new, encoding="utf-8")


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        rewrite(path)
        print(f"Rewrote {path}")


if __name__ == "__main__":
    main()
