"""How far the shape of a cloud of codes is from N(0, I), wherever it lies and however wide it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from tfvae._support.checks import integer
from tfvae.noise import Noise

_SINGULAR = 1e-12  # of the largest variance


class NormalShape(NamedTuple):
    """What `normal_shape` finds, in standard deviations of the whitened codes.

    Attributes:
        distance: sliced Wasserstein distance of the whitened codes from N(0, I).
        of_normal: the average distance of as many whitened draws from N(0, I): what chance alone leaves.
        of_normal_spread: the standard deviation of these distances.
        n: number N of codes.
    """

    distance: float
    of_normal: float
    of_normal_spread: float
    n: int


def normal_shape(codes: np.ndarray, directions: int = 200, repeats: int = 20, seed: int = 0) -> NormalShape:
    """The distance of whitened codes from a normal distribution, beside that of true normal samples of the same number.

    Whitening takes away place, width and direction, which a linear layer could undo; what is left is the shape. Codes
    that cannot be told from a normal distribution are about `of_normal` away from it, with that spread.

    Args:
        codes: `[N, D]`.
        directions: that are looked along, see `sliced_wasserstein`.
        repeats: sets of N normal samples.
        seed: of the directions and of these samples.

    Raises:
        ValueError: the codes cannot be whitened, or a number is below 1 (`repeats`: 2).
    """
    repeats = integer("repeats", repeats, 2)
    white = whitened(codes)
    samples = np.float64(Noise(seed).normal("normal shape", len(white), white.shape[1:], repeats))
    chance = [sliced_wasserstein(whitened(each), directions, seed) for each in samples]
    distance = sliced_wasserstein(white, directions, seed)
    return NormalShape(distance, float(np.mean(chance)), float(np.std(chance, ddof=1)), len(white))


def whitened(codes: np.ndarray) -> np.ndarray:
    """Codes with mean 0 and covariance I, by the symmetric root of their inverse covariance: `[N, D]`, float64.

    Raises:
        ValueError: they are no finite `[N, D]`, or do not vary in all directions.
    """
    codes = _checked(codes)
    centred = codes - codes.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(codes))
    if variances[0] <= _SINGULAR * variances[-1]:
        raise ValueError(f"`codes` must vary in all their {codes.shape[1]} directions; in one of them they do not.")
    return centred @ (axes / np.sqrt(variances)) @ axes.T


def sliced_wasserstein(codes: np.ndarray, directions: int = 200, seed: int = 0) -> float:
    """Sliced 2-Wasserstein distance between the N points and N(0, I).

        SW^2 = average over directions u of W_2^2(codes u, N(0, 1))

    Each W_2 is exact for these points: with x_(i) in rising order and Phi^-1 the normal quantile function, it is the
    integral of (x_(i) - Phi^-1(t))^2 over i/N < t < (i+1)/N, summed over i. So the only approximation is in the
    directions, which are random. N points drawn from N(0, I) have a distance above 0, see `normal_shape`.

    Args:
        codes: `[N, D]`.
        directions: their number, uniform on the sphere.
        seed: of the directions.

    Raises:
        ValueError: codes are no finite `[N, D]`, or `directions` is below 1.

    Source: Bonneel, Rabin, Peyre and Pfister 2015, "Sliced and Radon Wasserstein barycenters of measures".
    """
    codes = _checked(codes)
    directions = integer("directions", directions, 1)
    u = np.float64(Noise(seed).normal("directions", directions, codes.shape[1:]))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    projected = np.sort(codes @ u.T, axis=0)
    # The integral of Phi^-1 over a cell is the difference of the normal density at its ends.
    edges = special.ndtri(np.linspace(0, 1, len(codes) + 1))
    density = np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi)
    cost = np.mean(projected**2, axis=0) + 1 - 2 * (density[:-1] - density[1:]) @ projected
    return float(np.sqrt(max(0.0, np.mean(cost))))


def _checked(codes: np.ndarray) -> np.ndarray:
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or not codes.size or not np.all(np.isfinite(codes)):
        raise ValueError(f"`codes` must be finite numbers [N, D]; received shape {codes.shape}.")
    return codes
