"""What log p(x) may be called, by the pair of preprocessing and family: a probability, a density, or nothing."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from tfvae.families import Family
from tfvae.preprocessing import LEVELS, Preprocessing


@dataclasses.dataclass(frozen=True)
class Unit:
    """How the log probability of a pair is quoted.

    Attributes:
        kind: "probability", "density", "cross entropy" or "squared error".
        is_likelihood: whether log p(x), and so an ELBO, is about a normalised distribution of x at all.
        bits_offset: what is added to -log2 p(x)/D to give bits per dimension of the 8-bit image, or None where bits
            must not be quoted.
        convention: one sentence that goes with every figure.
    """

    kind: str
    is_likelihood: bool
    bits_offset: float | None
    convention: str

    @property
    def scored(self) -> str:
        """What is scored, in words for the middle of a sentence."""
        return self.convention.removeprefix("nats: ")

    def bits_per_dim(self, log_p: Any, dimensions: int) -> Any:
        """Bits per dimension: -log2 p(x)/D + offset.

        Args:
            log_p: log p(x) in nats (or a bound on it), any shape.
            dimensions: number D of elements of one example.

        Raises:
            ValueError: bits mean nothing for this pair.
        """
        if self.bits_offset is None:
            raise ValueError(f"There are no bits per dimension here: {self.convention}")
        return -log_p / (dimensions * math.log(2.0)) + self.bits_offset


_BITS = Unit(
    "probability", True, None, "nats: log probability of the binarised image, one binary draw of each test image"
)
# (what the preprocessing makes, what the family scores)
_UNITS = {
    ("bits", "binary"): _BITS,
    ("bits", "bits"): _BITS,
    ("dequantized", "density"): Unit(
        "density",
        True,
        math.log2(LEVELS),
        "density of the dequantised image (u + U)/256, one draw of U for each test image; "
        "bits/dim = -log2 p/D + 8, an upper bound on the bits of the 8-bit image",
    ),
    ("levels", "levels"): Unit("probability", True, 0.0, "log probability of the 8-bit image; bits/dim = -log2 p/D"),
    ("grey", "density"): Unit(
        "density",
        True,
        None,
        "nats: density of the undequantised values u/255, which bounds nothing and is unlimited as the scale shrinks",
    ),
    ("grey", "binary"): Unit(
        "cross entropy", False, None, "nats: cross entropy on grey values, which is not a likelihood"
    ),
    ("grey", "point"): Unit(
        "squared error", False, None, "squared error of an image's grey values u/255, which is not a likelihood"
    ),
    ("bits", "point"): Unit(
        "squared error", False, None, "squared error of a binarised image, which is not a likelihood"
    ),
    ("reals", "density"): Unit("density", True, None, "nats: density of x in the units of the data"),
}


_POINTS = {"bits": "the two points 0 and 1", "levels": "whole levels"}


def unit(preprocess: Preprocessing, family: Family) -> Unit:
    """The unit of log p(x) for x made by `preprocess` and scored by `family`.

    Raises:
        ValueError: the pair has no meaning, for example a density of binarised pixels.
    """
    found = _UNITS.get((preprocess.makes, family.scores))
    if found is None:
        raise ValueError(_refusal(preprocess, family))
    return found


def _refusal(preprocess: Preprocessing, family: Family) -> str:
    names = f"`{type(preprocess).__name__}` and the family `{type(family).__name__}` do not fit: "
    if family.scores == "density" and preprocess.makes in _POINTS:
        reason = f"a density on {_POINTS[preprocess.makes]} grows without limit as it narrows"
    elif family.scores == "point":
        reason = "all mass in one point gives no likelihood of anything else"
    else:
        reason = f"the one makes {preprocess.makes}, the other scores {family.scores}"
    fitting = [makes for makes, scores in _UNITS if scores == family.scores]
    fits = f" This family fits a `preprocess` that makes {' or '.join(fitting)}." if fitting else ""
    return f"{names}{reason}.{fits}"


def suiting(family: Family) -> str:
    """The name of the preprocessing whose x a family of p(x|z) scores best: binarize, levels or dequantize."""
    return {"binary": "binarize", "bits": "binarize", "levels": "levels"}.get(family.scores, "dequantize")
