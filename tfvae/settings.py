"""What a training run is made of. No TensorFlow here, so that the command line's help is instant."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import yaml

HIDDEN = {"mlp": (500, 500), "conv": (32, 64)}
"""The networks by name, with what `hidden` is if it is not given."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of `tfvae train`; each is an option of the command line and a key of a run's config.yaml.

    Attributes:
        network: "mlp" or "conv".
        hidden: units of the dense layers, or channels of the convolutions; those of `HIDDEN` if not given.
        latent_size: number of latent dimensions.
        scale: standard deviation of p(x|z): "shared", "image", "pixel" or a number.
        epochs: passes over the training part.
        batch_size: examples a step.
        learning_rate: of Adam at the start; it falls to zero along a cosine.
        train_size: images to train on, the first of the training part; None for all.
        validation_size: images held out of the training images.
        seed: of initial weights, noise and data order.
    """

    network: str = "mlp"
    hidden: tuple[int, ...] = ()
    latent_size: int = 8
    scale: str | float = "shared"
    epochs: int = 20
    batch_size: int = 100
    learning_rate: float = 1e-3
    train_size: int | None = None
    validation_size: int = 5000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.network not in HIDDEN:
            raise ValueError(f"`network` must be {' or '.join(map(repr, HIDDEN))}; received {self.network!r}.")
        if not self.hidden:
            object.__setattr__(self, "hidden", HIDDEN[self.network])
        for name in ("latent_size", "epochs", "batch_size", "validation_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1; received {getattr(self, name)}.")
        if self.seed < 0:
            raise ValueError(f"`seed` must be at least 0; received {self.seed}.")
        if self.train_size is not None and self.train_size < 1:
            raise ValueError(f"`train_size` must be at least 1; received {self.train_size}.")
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"`learning_rate` must be between 0 and 1; received {self.learning_rate}.")

    def write(self, path: Path) -> None:
        """Writes the settings as YAML."""
        values = dataclasses.asdict(self) | {"hidden": list(self.hidden)}
        path.write_text(yaml.safe_dump(values, sort_keys=False))
