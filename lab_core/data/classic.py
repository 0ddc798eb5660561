"""Data sets of the curvature labs: digits, Chebyshev polynomials, clusters, one point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab_core.data.base import Arrays, Data
from lab_core.knobs import knob

PIXELS = ("true", "shuffled", "each-shuffled", "gaussian")


def digits(n: int, corruption: float, pixels: str, seed: int) -> Arrays:
    """scikit-learn's handwritten digits (Alpaydin & Kaynak 1998): d = 64, c = 10.

    Pixels / 16, a seeded subset of `n`, up to 500 others as the test set; the subset's per-pixel mean
    is removed and everything divided by its one standard deviation. A share `corruption` of the
    training labels is moved to any other class: at 0.9 they say nothing (Zhang et al. 2017). `pixels`
    are in their order, in another one, each image in one of its own, or N(0, 1) in their place.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images))
    train, test = order[:n], order[n : n + 500]
    x, draw = images / 16.0, np.random.default_rng([seed, 1])
    if "shuffled" in pixels:
        x = x[:, draw.permutation(64)] if pixels == "shuffled" else draw.permuted(x, axis=1)
    mean = x[train].mean(0)
    scale = (x[train] - mean).std() or 1.0  # one example has no spread
    x, y = (x - mean) / scale, np.eye(10)
    x = draw.standard_normal(x.shape) if pixels == "gaussian" else x
    wrong = rng.integers(1, 10, n) * (np.arange(n) < round(corruption * n))
    return x[train], y[(labels[train] + wrong) % 10], x[test], y[labels[test]]


def chebyshev(n: int, degree: int, seed: int) -> Arrays:
    """Chebyshev polynomial regression (Cohen et al. 2021): y = T_k(x) = cos(k arccos x).

    x is `n` equispaced points in [-1, 1], d = c = 1; the seed is not used. The test set is the
    midpoints.
    """
    x = np.linspace(-1.0, 1.0, n)[:, None]
    x_test = (x[1:] + x[:-1]) / 2
    return x, np.cos(degree * np.arccos(x)), x_test, np.cos(degree * np.arccos(x_test))


def clusters(n: int, k: int, dim: int, separation: float, corruption: float, seed: int) -> Arrays:
    """Gaussian clusters: x = separation * u_j + N(0, I/4), u_j a random unit vector for class j.

    Everything is divided by sqrt(dim) / 2; classes take turns, so they are balanced to within one.
    A share `corruption` of the training labels is moved to another class, each as likely; at 1 - 1/k
    they say nothing. A test set of 500, with its true labels, is drawn from the same clusters.
    """
    rng = np.random.default_rng(seed)
    means = rng.standard_normal((k, dim))
    means *= separation / np.linalg.norm(means, axis=1, keepdims=True)
    labels = np.arange(n + 500) % k
    x = (means[labels] + 0.5 * rng.standard_normal((n + 500, dim))) * 2 / dim**0.5
    wrong = rng.integers(1, k, n) * (np.arange(n) < round(corruption * n))
    y = np.eye(k)
    return x[:n], y[(labels[:n] + wrong) % k], x[n:], y[labels[n:]]


def point(n: int, seed: int) -> Arrays:
    """One input, target zero (Lewkowycz et al. 2020): x = 1, y = 0, repeated `n` times; no test set."""
    x, y = np.ones((n, 1)), np.zeros((n, 1))
    return x, y, x[:0], y[:0]


@dataclass(frozen=True)
class Digits(Data):
    """Handwritten digits; see `digits`."""

    label = "handwritten digits"
    targets = "one-hot"
    source = staticmethod(digits)
    n: int = knob(200, 50, 1000, log=True, domain="[1, 1797]", label="examples")
    corruption: float = knob(0.0, 0.0, 0.9, domain="[0, 1]", label="corrupted labels ξ", stacks=True,
                             help="the share of training labels that are wrong")  # fmt: skip
    pixels: str = knob("true", choices=PIXELS,
                       help="each-shuffled: every image in an order of its own")  # fmt: skip


@dataclass(frozen=True)
class Chebyshev(Data):
    """Chebyshev polynomial regression; see `chebyshev`."""

    label = "Chebyshev polynomial"
    targets = "real"
    source = staticmethod(chebyshev)
    n: int = knob(20, 5, 100, log=True, domain="[1, 10000]", label="examples")
    degree: int = knob(4, 1, 8, domain="[0, 100]")


@dataclass(frozen=True)
class Clusters(Data):
    """Gaussian clusters; see `clusters`."""

    label = "Gaussian clusters"
    targets = "one-hot"
    source = staticmethod(clusters)
    n: int = knob(200, 20, 1000, log=True, domain="[1, 10000]", label="examples")
    k: int = knob(4, 2, 10, domain="[2, 100]", label="classes")
    dim: int = knob(20, 2, 100, log=True, domain="[1, 1000]", label="input dimension")
    separation: float = knob(3.0, 0.0, 6.0, domain="[0, inf)")
    corruption: float = knob(0.0, 0.0, 0.9, domain="[0, 1]", label="corrupted labels ξ", stacks=True,
                             help="the share of training labels that are wrong")  # fmt: skip


@dataclass(frozen=True)
class Point(Data):
    """One input, target zero; see `point`."""

    label = "one point, target zero"
    targets = "real"
    source = staticmethod(point)
    n: int = knob(1, 1, 10, domain="[1, 1000]", label="examples")
