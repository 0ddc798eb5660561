"""Two classes that a linear function can tell apart, and a set that takes the perceptron long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab_core.data.base import Arrays, Data
from lab_core.knobs import knob


def separable(
    n: int, dim: int, margin: float, stretch: float, corruption: float, seed: int
) -> Arrays:
    """A linear teacher with a margin: x ~ N(0, S^2), y = sign(w . x) with w ~ N(0, I), and every x
    moved by the margin along y w / |w|, away from the teacher's boundary.

    S is diagonal, from `stretch` in the first input to 1 in the last, by equal factors. A share
    `corruption` of the training labels is flipped: then the set is not separable. 1000 more
    examples, with their true labels, are the test set.
    """
    rng = np.random.default_rng(seed)
    w = rng.standard_normal(dim)
    x = rng.standard_normal((n + 1000, dim)) * stretch ** np.linspace(1, 0, dim)
    y = np.where(x @ w < 0, -1.0, 1.0)[:, None]
    x += margin * y * w / np.linalg.norm(w)
    flip = np.where(np.arange(n) < round(corruption * n), -1.0, 1.0)[:, None]
    return x[:n], y[:n] * flip, x[n:], y[n:]


def hard_set(n: int, margin: float, seed: int) -> Arrays:
    """A set on which the perceptron needs a number of steps that grows with n (after Tyurin 2024):
    n - 1 copies of (1, margin), labelled +1, and one (1, -margin), labelled -1.

    As z = y x they are (1, margin) and (-1, margin): the many turn w to the one input in which they
    disagree with the one. The seed is not used; there is no test set.
    """
    y = np.where(np.arange(n) < n - 1, 1.0, -1.0)[:, None]
    x = np.concatenate([np.ones((n, 1)), margin * y], 1)
    return x, y, x[:0], y[:0]


def digit_pair(n: int, seed: int) -> Arrays:
    """scikit-learn's handwritten 3 (+1) against 8 (-1) (Alpaydin & Kaynak 1998): d = 65, pixels / 16
    and a constant 1. A seeded subset of `n`; the others of the 357 are the test set.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    chosen = np.flatnonzero((labels == 3) | (labels == 8))
    order = np.random.default_rng(seed).permutation(chosen)
    x = np.concatenate([images[order] / 16.0, np.ones((len(order), 1))], 1)
    y = np.where(labels[order] == 3, 1.0, -1.0)[:, None]
    return x[:n], y[:n], x[n:], y[n:]


@dataclass(frozen=True)
class Separable(Data):
    """A linear teacher with a margin; see `separable`."""

    label = "linear teacher with a margin"
    targets = "signs"
    source = staticmethod(separable)
    n: int = knob(200, 20, 1000, log=True, domain="[1, 10000]", label="examples")
    dim: int = knob(20, 2, 100, log=True, domain="[1, 1000]", label="input dimension")
    margin: float = knob(0.1, 0.0, 1.0, domain="[0, inf)")
    stretch: float = knob(1.0, 1.0, 30.0, log=True, domain="(0, inf)",
                          help="width of the first input over that of the last")  # fmt: skip
    corruption: float = knob(0.0, 0.0, 0.5, domain="[0, 1]", label="corrupted labels ξ",
                             help="the share of training labels that are flipped")  # fmt: skip


@dataclass(frozen=True)
class HardSet(Data):
    """A set that takes the perceptron long; see `hard_set`."""

    label = "hard set for the perceptron"
    targets = "signs"
    source = staticmethod(hard_set)
    n: int = knob(200, 20, 1000, log=True, domain="[1, 10000]", label="examples")
    margin: float = knob(0.3, 0.05, 1.0, log=True, domain="(0, inf)")


@dataclass(frozen=True)
class DigitPair(Data):
    """Handwritten 3 against 8; see `digit_pair`."""

    label = "handwritten 3 against 8"
    targets = "signs"
    source = staticmethod(digit_pair)
    n: int = knob(250, 50, 357, log=True, domain="[1, 357]", label="examples")
