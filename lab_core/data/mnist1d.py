"""MNIST-1D (Greydanus & Kobak 2020): ten shapes in one dimension, distorted, from their generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab_core.data.base import Arrays, Data
from lab_core.knobs import knob


def mnist1d(n: int, corruption: float, seed: int) -> Arrays:
    """MNIST-1D (Greydanus & Kobak 2020), as its generator makes it with its default settings: d = 40,
    c = 10, n examples and 1000 more as the test set.

    Each digit is a drawing of 12 points, standardised and starting at 0. It is followed by 36 to 60
    zeros, stretched to 72 points, scaled by 0.8 to 1.2, moved round by up to 47 points; where it is
    0 it gets smooth noise (of deviation 0.25 before a Gaussian filter of width 2), everywhere a
    little more (0.02); a slope of up to 0.375 is added and it is sampled at 40 points. Everything is
    then standardised by the mean and deviation of the n. A share `corruption` of the training labels
    is moved to another class, any with the same chance.
    """
    drawings = """
        5 6 6.5 6.75 7 7 7 7 6.75 6.5 6 5     5 3 3 3.4 3.8 4.2 4.6 5 5.4 5.8 5 5
        5 6 6.5 6.5 6 5.25 4.75 4 3.5 3.5 4 5     5 6 6.5 6.5 6 5 5 6 6.5 6.5 6 5
        5 4.4 3.8 3.2 2.6 2.6 5 5 5 5 5 5     5 3 3 3 3 5 6 6.5 6.5 6 4.5 5
        5 4 3.5 3.25 3 3 3 3 3.25 3.5 4 5     5 7 7 6.6 6.2 5.8 5.4 5 4.6 4.2 5 5
        5 4 3.5 3.5 4 5 5 4 3.5 3.5 4 5     5 4 3.5 3.5 4 5 5 5 5 4.7 4.3 5"""
    shapes = np.array(drawings.split(), float).reshape(10, 12)
    shapes = (shapes - shapes[:, :1]) / (6 * shapes.std(1, keepdims=True))
    rng, m, length, padded = np.random.default_rng(seed), n + 1000, 72, 12 + 60
    rows = np.arange(m)[:, None]

    def sampled(x: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Rows of x at places between its columns, on straight lines."""
        left = np.minimum(at.astype(int), x.shape[1] - 2)
        share = at - left
        return (1 - share) * x[rows, left] + share * x[rows, left + 1]

    labels = rng.permutation(np.arange(m) % 10)
    x = np.zeros((m, padded))
    x[:, :12] = shapes[labels] + 1e-8  # so that the shape's own zeros are not the padding's
    ends = 12 + rng.integers(36, 61, size=(m, 1)) - 1
    x = sampled(x, np.linspace(0, 1, length) * ends) * rng.uniform(0.8, 1.2, (m, 1))
    x = x[rows, (np.arange(length) - rng.integers(48, size=(m, 1))) % length]
    width = np.arange(-8, 9)
    filter = np.exp(-(width**2) / 8.0)
    noise = np.pad(0.25 * rng.standard_normal((m, length)), ((0, 0), (8, 8)), "symmetric")
    smooth = sum(f * noise[:, i : i + length] for i, f in enumerate(filter / filter.sum()))
    x = np.where(x != 0, x, smooth) + 0.02 * rng.standard_normal((m, length))
    x -= 0.75 * rng.uniform(-0.5, 0.5, (m, 1)) * np.linspace(-0.5, 0.5, length)
    x = sampled(x, np.linspace(0, length - 1, 40)[None])
    x = (x - x[:n].mean()) / x[:n].std()
    others = (labels + rng.integers(1, 10, size=m)) % 10
    wrong = rng.permutation(n) < round(corruption * n)
    given = np.concatenate([np.where(wrong, others[:n], labels[:n]), labels[n:]])
    y = np.eye(10)[given]
    return x[:n], y[:n], x[n:], y[n:]


@dataclass(frozen=True)
class MNIST1D(Data):
    """MNIST-1D; see `mnist1d`."""

    label = "MNIST-1D"
    targets = "one-hot"
    source = staticmethod(mnist1d)
    n: int = knob(4000, 100, 4000, log=True, domain="[1, 20000]", label="examples")
    corruption: float = knob(0.0, 0.0, 0.5, domain="[0, 1]", label="corrupted labels ξ",
                             help="the share of training labels that are wrong")  # fmt: skip
