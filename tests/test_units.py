"""What log p may be called: every pair of preprocessing and family, and the arithmetic of bits."""

import math

import numpy as np
import pytest

from tfvae.families import (
    AutoregressiveBernoulli,
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    Delta,
    DiscretizedLogistic,
    FullNormal,
    Normal,
)
from tfvae.preprocessing import Binarize, Dequantize, Identity, Levels, Rescale
from tfvae.units import unit

SHAPE = (4,)
DENSITIES = [Normal(SHAPE), Normal(SHAPE, "shared"), FullNormal(SHAPE), ContinuousBernoulli(SHAPE)]
AUTOREGRESSIVE = AutoregressiveBernoulli((2, 2, 1), 1, (), 1)
OF_LEVELS = [DiscretizedLogistic(SHAPE), Categorical(SHAPE)]

# preprocessing, families, kind, is it a likelihood, offset of the bits
TABLE = [
    (Binarize(), [Bernoulli(SHAPE), AUTOREGRESSIVE], "probability", True, None),
    (Dequantize(), DENSITIES, "density", True, 8.0),
    (Levels(), OF_LEVELS, "probability", True, 0.0),
    (Rescale(), DENSITIES, "density", True, None),
    (Rescale(), [Bernoulli(SHAPE)], "cross entropy", False, None),
    (Identity(), DENSITIES, "density", True, None),
    (Rescale(), [Delta(SHAPE)], "squared error", False, None),
    (Binarize(), [Delta(SHAPE)], "squared error", False, None),
]
QUOTED = [(preprocess, family, *rest) for preprocess, families, *rest in TABLE for family in families]
FAMILIES = [*DENSITIES, Bernoulli(SHAPE), AUTOREGRESSIVE, Delta(SHAPE), *OF_LEVELS]
REFUSED = [
    (preprocess, family)
    for preprocess in (Binarize(), Dequantize(), Levels(), Rescale(), Identity())
    for family in FAMILIES
    if (type(preprocess), type(family)) not in {(type(p), type(f)) for p, f, *_ in QUOTED}
]


@pytest.mark.parametrize(("preprocess", "family", "kind", "is_likelihood", "offset"), QUOTED)
def test_pairs_that_mean_something(preprocess, family, kind, is_likelihood, offset):
    found = unit(preprocess, family)
    assert (found.kind, found.is_likelihood, found.bits_offset) == (kind, is_likelihood, offset)


def test_every_pair_is_either_quoted_or_refused():
    assert len(QUOTED) + len(REFUSED) == 5 * len(FAMILIES)


@pytest.mark.parametrize(("preprocess", "family"), REFUSED)
def test_pairs_that_mean_nothing_are_refused(preprocess, family):
    names = f"^`{type(preprocess).__name__}` and the family `{type(family).__name__}` do not fit: .+\\.$"
    with pytest.raises(ValueError, match=names):
        unit(preprocess, family)


@pytest.mark.parametrize(
    ("preprocess", "family", "sentence"),
    [
        (
            Binarize(),
            Normal(SHAPE),
            "`Binarize` and the family `Normal` do not fit: a density on the two points 0 and 1 grows without limit as "
            "it narrows. This family fits a `preprocess` that makes dequantized or grey or reals.",
        ),
        (
            Levels(),
            ContinuousBernoulli(SHAPE),
            "`Levels` and the family `ContinuousBernoulli` do not fit: a density on whole levels grows without limit "
            "as it narrows. This family fits a `preprocess` that makes dequantized or grey or reals.",
        ),
        (
            Dequantize(),
            Categorical(SHAPE),
            "`Dequantize` and the family `Categorical` do not fit: the one makes dequantized, the other scores levels. "
            "This family fits a `preprocess` that makes levels.",
        ),
        (  # whose draws would never see the grey values that it was trained with
            Rescale(),
            AUTOREGRESSIVE,
            "`Rescale` and the family `AutoregressiveBernoulli` do not fit: the one makes grey, the other scores bits. "
            "This family fits a `preprocess` that makes bits.",
        ),
        (
            Dequantize(),
            Delta(SHAPE),
            "`Dequantize` and the family `Delta` do not fit: all mass in one point gives no likelihood of anything "
            "else. This family fits a `preprocess` that makes grey or bits.",
        ),
    ],
)
def test_a_refusal_says_why_and_what_fits_instead(preprocess, family, sentence):
    with pytest.raises(ValueError) as error:
        unit(preprocess, family)
    assert str(error.value) == sentence


@pytest.mark.parametrize("bits", [0.5, 8.0])
def test_bits_of_levels_are_minus_log2_p_per_dimension(bits):
    log_p = np.full(3, 784 * math.log(2.0**-bits))
    np.testing.assert_allclose(
        unit(Levels(), DiscretizedLogistic(SHAPE)).bits_per_dim(log_p, 784), np.full(3, bits), rtol=1e-14
    )


def test_bits_of_a_density_of_dequantized_values_have_eight_more_for_the_width_of_the_bins():
    found = unit(Dequantize(), Normal(SHAPE))
    assert found.bits_per_dim(0.0, 784) == 8  # the uniform density on [0, 1]: 8 bits for 256 equal levels
    assert found.bits_per_dim(784 * math.log(256.0), 784) == pytest.approx(0, abs=1e-14)  # certain of every level
    assert found.bits_per_dim(-784 * math.log(2.0), 784) == pytest.approx(9, rel=1e-14)


@pytest.mark.parametrize(
    ("preprocess", "family"),
    [
        (Binarize(), Bernoulli(SHAPE)),
        (Rescale(), Normal(SHAPE)),
        (Rescale(), Bernoulli(SHAPE)),
        (Identity(), Normal(SHAPE)),
    ],
)
def test_bits_are_refused_where_they_mean_nothing(preprocess, family):
    with pytest.raises(ValueError, match=r"^There are no bits per dimension here: nats: "):
        unit(preprocess, family).bits_per_dim(-1.0, 4)


def test_only_the_cross_entropy_says_that_it_is_no_likelihood():
    for preprocess, family, _, is_likelihood, _ in QUOTED:
        assert ("not a likelihood" in unit(preprocess, family).convention) == (not is_likelihood)
