"""Data with a teacher behind them, of which it is known what early and late training find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab_core.data.base import Arrays, Data
from lab_core.knobs import knob


def xor(n: int, dim: int, separation: float, corruption: float, seed: int) -> Arrays:
    """XOR clusters (Xu et al. 2023): x = +-separation e_1 with label +1 and +-separation e_2 with
    label -1, plus N(0, I); y [N, 1].

    The four clusters take turns, and in each a share `corruption` of the training labels is
    flipped. 1000 more examples, with their true labels, are the test set.
    """
    rng = np.random.default_rng(seed)
    place = np.arange(n + 1000)
    cluster = place % 4
    x = rng.standard_normal((n + 1000, dim))
    x[place, cluster % 2] += np.where(cluster < 2, separation, -separation)
    y = np.where(cluster % 2, -1.0, 1.0)[:, None]
    sizes = np.bincount(cluster[:n], minlength=4)
    flipped = place[:n] // 4 < np.round(corruption * sizes)[cluster[:n]]
    return x[:n], np.where(flipped[:, None], -y[:n], y[:n]), x[n:], y[n:]


def single_index(n: int, dim: int, degree: int, seed: int) -> Arrays:
    """A polynomial of one direction (Kumar et al. 2023): x ~ N(0, I / dim), y = h^degree / degree!
    with h = sqrt(dim) x_1 ~ N(0, 1). 1000 more examples are the test set.
    """
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n + 1000, dim)) / dim**0.5
    y = (dim**0.5 * x[:, :1]) ** degree / np.prod(np.arange(1.0, degree + 1))
    return x[:n], y[:n], x[n:], y[n:]


def sparse_linear(n: int, dim: int, nonzeros: int, seed: int) -> Arrays:
    """A sparse linear teacher (Lyu et al. 2023): x ~ N(0, I), y = the sum of the first `nonzeros`
    inputs. 1000 more examples are the test set.
    """
    x = np.random.default_rng(seed).standard_normal((n + 1000, dim))
    y = x[:, :nonzeros].sum(1, keepdims=True)
    return x[:n], y[:n], x[n:], y[n:]


def sparse_signs(n: int, dim: int, nonzeros: int, seed: int) -> Arrays:
    """The same as two classes (Lyu et al. 2023): x ~ N(0, I), y the sign of the sum of the first
    `nonzeros` inputs.
    """
    x = np.random.default_rng(seed).standard_normal((n + 1000, dim))
    y = np.where(x[:, :nonzeros].sum(1, keepdims=True) < 0, -1.0, 1.0)
    return x[:n], y[:n], x[n:], y[n:]


def kinks(n: int, bends: int, seed: int) -> Arrays:
    """A piecewise linear function of one variable: inputs (x, 1) with x at `n` equispaced points in
    [-1, 1], y from +1 to -1 and back, straight between `bends` kinks at random places. The constant
    input gives a net random kinks to start with. The test set is the middles of 400 equal parts.
    """
    gaps = 0.5 + np.random.default_rng(seed).random(bends + 1)
    at = np.concatenate([[-1.0], 2 * gaps.cumsum() / gaps.sum() - 1])
    heights = (-1.0) ** np.arange(bends + 2)
    places = np.linspace(-1, 1, n), (2 * np.arange(400) + 1) / 400 - 1
    x, x_test = (np.stack([at_x, np.ones(len(at_x))], 1) for at_x in places)
    y, y_test = (np.interp(a[:, :1], at, heights) for a in (x, x_test))
    return x, y, x_test, y_test


@dataclass(frozen=True)
class XorClusters(Data):
    """XOR clusters; see `xor`."""

    label = "XOR clusters"
    targets = "signs"
    source = staticmethod(xor)
    n: int = knob(200, 20, 1000, log=True, domain="[1, 10000]", label="examples")
    dim: int = knob(4000, 20, 4000, log=True, domain="[2, 20000]", label="input dimension")
    separation: float = knob(15.0, 0.0, 30.0, domain="[0, inf)")
    corruption: float = knob(0.0, 0.0, 0.5, domain="[0, 1]", label="corrupted labels ξ",
                             help="the share of training labels that are flipped")  # fmt: skip


@dataclass(frozen=True)
class SingleIndex(Data):
    """A polynomial of one direction; see `single_index`."""

    label = "polynomial of one direction"
    targets = "real"
    source = staticmethod(single_index)
    n: int = knob(400, 50, 1000, log=True, domain="[1, 10000]", label="examples")
    dim: int = knob(30, 5, 100, log=True, domain="[1, 1000]", label="input dimension")
    degree: int = knob(2, 1, 4, domain="[0, 20]")


@dataclass(frozen=True)
class SparseLinear(Data):
    """A sparse linear teacher; see `sparse_linear`."""

    label = "sparse linear teacher"
    targets = "real"
    source = staticmethod(sparse_linear)
    n: int = knob(60, 10, 500, log=True, domain="[1, 10000]", label="examples")
    dim: int = knob(200, 10, 500, log=True, domain="[1, 10000]", label="input dimension")
    nonzeros: int = knob(3, 1, 20, domain="[1, 10000]", label="inputs that matter")


@dataclass(frozen=True)
class SparseSigns(SparseLinear):
    """A sparse linear teacher of two classes; see `sparse_signs`."""

    label = "sparse linear classifier"
    targets = "signs"
    source = staticmethod(sparse_signs)


@dataclass(frozen=True)
class Kinks(Data):
    """A piecewise linear function of one input; see `kinks`."""

    label = "piecewise linear function"
    targets = "real"
    source = staticmethod(kinks)
    n: int = knob(12, 5, 100, log=True, domain="[1, 10000]", label="examples")
    bends: int = knob(2, 0, 6, domain="[0, 100]", label="kinks")
