"""Closed forms in NumPy and SciPy, float64, that owe nothing to the package: what the tests compare it with."""

from typing import NamedTuple

import numpy as np
from scipy import special, stats


def normal_log_density(x, mean, stddev):
    """log N(x; mean, stddev^2) of each element."""
    return stats.norm.logpdf(np.asarray(x, np.float64), mean, stddev)


def continuous_bernoulli_log_density(x, logits):
    """log of exp(s x) s / (exp(s) - 1) for s = logits != 0, written for exp(-|s|)."""
    x, logits = np.asarray(x, np.float64), np.asarray(logits, np.float64)
    size = np.abs(logits)
    from_mode = np.where(logits > 0, 1 - x, x)
    return np.log(size / -np.expm1(-size)) - size * from_mode


def logistic_level_log_probability(level, loc, scale):
    """log P(k) of a logistic variable rounded to 0 ... 255, all in levels.

    (tanh(b/2) - tanh(a/2))/2 = sinh((b - a)/2) / (2 cosh(a/2) cosh(b/2)) inside, a tail at both ends.
    """
    level, loc, scale = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (level, loc, scale)))
    lower, upper = (level - 0.5 - loc) / scale, (level + 0.5 - loc) / scale
    half_width = 0.5 / scale
    log_sinh = half_width + np.log(-np.expm1(-2 * half_width)) - np.log(2)
    log_cosh = [np.logaddexp(edge / 2, -edge / 2) - np.log(2) for edge in (lower, upper)]
    inside = log_sinh - np.log(2) - log_cosh[0] - log_cosh[1]
    tails = [special.log_expit(upper), special.log_expit(-lower)]
    return np.select([level <= 0, level >= 255], tails, inside)


def kl_diagonal_normals(mean, stddev, other_mean=0.0, other_stddev=1.0):
    """KL(N(mean, stddev^2) || N(other_mean, other_stddev^2)) of each element, in nats; not summed."""
    ratio = (np.asarray(stddev, np.float64) / other_stddev) ** 2
    return 0.5 * (ratio + ((np.asarray(mean, np.float64) - other_mean) / other_stddev) ** 2 - 1 - np.log(ratio))


def kl_full_normals(mean, covariance, other_mean, other_covariance):
    """KL(N(mean, covariance) || N(other_mean, other_covariance)) for means [..., D] and covariances [D, D]."""
    difference = np.asarray(other_mean, np.float64) - mean
    precision = np.linalg.inv(other_covariance)
    mahalanobis = np.einsum("...i,ij,...j->...", difference, precision, difference)
    log_dets = np.linalg.slogdet(other_covariance)[1] - np.linalg.slogdet(covariance)[1]
    return 0.5 * (np.trace(precision @ covariance) + mahalanobis - len(precision) + log_dets)


def log_mean_exp(log_w):
    """log of the mean of exp(log_w) over the first axis."""
    return special.logsumexp(np.asarray(log_w, np.float64), axis=0) - np.log(len(log_w))


def softplus_inverse(value):
    """The x with log(1 + exp(x)) = value > 0."""
    return np.log(np.expm1(np.asarray(value, np.float64)))


class AffineNormal(NamedTuple):
    """q(z|x) = N(slope x + offset, covariance): slope [D, P], offset [D], covariance [D, D]."""

    slope: np.ndarray
    offset: np.ndarray
    covariance: np.ndarray

    def mean(self, x):
        """[B, P] -> [B, D]."""
        return x @ self.slope.T + self.offset


class LinearGaussian(NamedTuple):
    """x = weights z + bias + sigma eps with z, eps standard normal: weights [P, D], bias [P], sigma > 0."""

    weights: np.ndarray
    bias: np.ndarray
    sigma: float

    @classmethod
    def random(cls, data=6, latent=3, sigma=0.5, orthogonal=False, seed=0):
        """Any weights, or weights whose columns are orthogonal (of different lengths): a diagonal posterior."""
        rng = np.random.default_rng(seed)
        weights = rng.normal(size=(data, latent))
        if orthogonal:
            weights = np.linalg.qr(weights)[0] * np.linspace(0.5, 2.0, latent)
        return cls(weights, rng.normal(size=data), sigma)

    def draw(self, size, seed=0):
        """x, [size, P]."""
        rng = np.random.default_rng(seed)
        data, latent = self.weights.shape
        noise = self.sigma * rng.normal(size=(size, data))
        return rng.normal(size=(size, latent)) @ self.weights.T + self.bias + noise

    def log_evidence(self, x):
        """log p(x) = log N(x; bias, W W' + sigma^2 I), [B, P] -> [B]."""
        covariance = self.weights @ self.weights.T + self.sigma**2 * np.eye(len(self.bias))
        return np.atleast_1d(stats.multivariate_normal.logpdf(x, self.bias, covariance))

    def posterior(self):
        """p(z|x), exactly: covariance sigma^2 (W'W + sigma^2 I)^-1, mean W'(x - bias) times that / sigma^2."""
        latent = self.weights.shape[1]
        inverse = np.linalg.inv(self.weights.T @ self.weights + self.sigma**2 * np.eye(latent))
        slope = inverse @ self.weights.T
        return AffineNormal(slope, -slope @ self.bias, self.sigma**2 * inverse)

    def gap(self, x, posterior):
        """log p(x) - ELBO = KL(q(z|x) || p(z|x)), [B]."""
        exact = self.posterior()
        return kl_full_normals(posterior.mean(x), posterior.covariance, exact.mean(x), exact.covariance)

    def rate(self, x, posterior):
        """KL(q(z|x) || p(z)), [B]."""
        latent = self.weights.shape[1]
        return kl_full_normals(posterior.mean(x), posterior.covariance, np.zeros(latent), np.eye(latent))

    def distortion(self, x, posterior):
        """-E_q log p(x|z), [B], from the moments of q."""
        error = x - posterior.mean(x) @ self.weights.T - self.bias
        spread = np.trace(self.weights @ posterior.covariance @ self.weights.T)
        squares = (np.sum(error**2, axis=-1) + spread) / self.sigma**2
        return 0.5 * (squares + len(self.bias) * np.log(2 * np.pi * self.sigma**2))
