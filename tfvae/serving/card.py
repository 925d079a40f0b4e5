"""What an exported model is, for people and programs that have nothing but its folder: `card.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfvae._support import hardware
from tfvae._support.files import read_json, write_json
from tfvae._support.inputs import understood
from tfvae._support.seals import SEAL, is_unbroken, seal
from tfvae.serving.folder import versions

CARD = "card.json"
"""In the folder of a version."""


def make(
    answers: Any, name: str, signatures: dict[str, Any], missing: dict[str, str], warmed_up: bool
) -> dict[str, Any]:
    """The card of a model that is being exported.

    Args:
        answers: of the model.
        name: the model's.
        signatures: `Signature` by name.
        missing: why there are no others.
        warmed_up: whether there are warm-up requests.
    """
    model = answers.model
    return {
        "name": name,
        "model": type(model).__name__,
        "parameters": model.count_params(),
        "data_shape": list(model.data_shape),
        "latent_shape": None if model.latent_shape is None else list(model.latent_shape),
        "preprocessing": type(model.preprocess).__name__,
        "convention": model.unit.convention,
        "sample_size": answers.sample_size,
        "reference_images": None if answers.reference is None else len(answers.reference),
        "reference_score": None if answers.reference is None else float(answers.reference.mean(dtype="float64")),
        "signatures": {key: _signature(each) for key, each in signatures.items()},
        "missing": missing,
        "warm_up_requests": warmed_up,
        "versions": hardware.versions(),
    }


def write(folder: Path, card: dict[str, Any]) -> None:
    """Writes a card into the folder of a version."""
    write_json(folder / CARD, seal(card))


def read(target: Path, version: int | None = None) -> dict[str, Any]:
    """The card of a version of an exported model, of the newest one if none is named.

    Raises:
        FileNotFoundError: there is no such model or version, or it has no card.
        ValueError: the card is damaged.
    """
    found = versions(target)
    if not found:
        raise FileNotFoundError(f"{target} holds no exported model; `tfvae export RUN {target}` makes one.")
    if version is not None and version not in found:
        raise FileNotFoundError(f"{target} has no version {version}, but {', '.join(map(str, found))}.")
    path = target / str(version or found[-1]) / CARD
    card = read_json(path)
    if card is None:
        raise FileNotFoundError(f"{path.parent} has no {CARD}: `tfvae export` did not make it.")
    if not is_unbroken(card, SEAL):
        raise ValueError(f"{path} is damaged: its content is not what was written. Export the model again.")
    if not isinstance(card.get("signatures"), dict):
        raise ValueError(f"{path} is damaged or of another version: it names no signatures.")
    return card | {"version": int(path.parent.name)}


def lost(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The signatures of one version that another one has not."""
    return sorted(set(before["signatures"]) - set(after["signatures"]))


def as_text(card: dict[str, Any]) -> str:
    """A card to be read: a head, the signatures, what is missing.

    Raises:
        ValueError: it is no card as `make` makes them.
    """
    with understood("The card", "export the model again"):
        return "\n".join([*_head(card), "", *_signatures(card), *_missing(card)])


def _head(card: dict[str, Any]) -> list[str]:
    shape = " x ".join(map(str, card["data_shape"]))
    latents = "" if card["latent_shape"] is None else f", latents {' x '.join(map(str, card['latent_shape']))}"
    lines = [
        f"{card['name']}, version {card['version']}: {card['model']}, {card['parameters']:,} parameters",
        f"data {shape}{latents}; x by {card['preprocessing']}, without noise",
        f"log p(x): {card['convention']}",
    ]
    if card["reference_images"] and "reference_score" in card:
        mean = f"whose mean score is {card['reference_score']:.2f}"
        lines.append(f"anomalies: told from {card['reference_images']:,} images, {mean}")
    if card.get("command"):
        lines.append(f"made by: {card['command']}")
    of_packages = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    return [*lines, f"versions: {of_packages}"]


def _signatures(card: dict[str, Any]) -> list[str]:
    lines = []
    for name, each in card["signatures"].items():
        lines.append(name)
        for way, sign in (("inputs", "<-"), ("outputs", "->")):
            for key, field in each[way].items():
                shape = ", ".join("B" if size is None else str(size) for size in field["shape"])
                lines.append(f"  {sign} {key} {field['dtype']} [{shape}]: {field['meaning']}")
    return lines


def _missing(card: dict[str, Any]) -> list[str]:
    return ["", *(f"no {name}: {reason}" for name, reason in card["missing"].items())] if card["missing"] else []


def _signature(signature: Any) -> dict[str, Any]:
    return {
        way: {key: _field(field) for key, field in getattr(signature, way).items()} for way in ("inputs", "outputs")
    }


def _field(field: Any) -> dict[str, Any]:
    return {"dtype": field.spec.dtype.name, "shape": field.spec.shape.as_list(), "meaning": field.meaning}
