"""Linear measurements of a matrix of low rank: dense Gaussian ones, or some of its entries.

Both are isotropic, so that a learning rate means the same for either: the mean over examples of
||A_i(D)||^2 is ||D||_F^2 on average. A model of a matrix reads three kinds of example: a measurement
[n * n], whose output is <A, M>; a row (e_i, weights) [2 n], whose output is weights * M[i]; and so the
test set, which is every row with weights of 1: its targets are the matrix itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab_core.data.base import Arrays, Data
from lab_core.knobs import BadInput, knob

TARGETS = ("symmetric", "general")
MOST_NUMBERS = 1.25e8  # of all measurements: 1 GB


def low_rank(size: int, true_rank: int, condition: float, target: str, seed: int) -> np.ndarray:
    """M [n, n] = U diag(s) V^T with random orthonormal U and V, or V = U where it is symmetric; s falls
    in equal steps from 1 to 1 / condition.
    """
    draws = np.random.default_rng(seed).standard_normal((2, size, size))
    u, v = (np.linalg.qr(draw[:, :true_rank])[0] for draw in draws)
    s = np.linspace(1.0, 1 / condition, true_rank)
    return (u * s) @ (u if target == "symmetric" else v).T


def sensing(
    size: int, true_rank: int, condition: float, target: str, outliers: float,
    outlier_size: float, measurements: int, seed: int,
) -> Arrays:  # fmt: skip
    """y_i = <A_i, M>, A_i of independent N(0, 1), or (A + A^T) / 2 of such for a symmetric M
    (Recht, Fazel & Parrilo 2010); a share `outliers` of y has N(0, outlier_size^2) added.
    """
    n, rng = size, np.random.default_rng([seed, 1])
    truth = low_rank(n, true_rank, condition, target, seed)
    x = rng.standard_normal((measurements, n, n))
    if target == "symmetric":
        for a in x:  # one by one: a second copy of all would double the memory
            a += a.T.copy()
        x *= 0.5
    x = x.reshape(measurements, -1)
    y = x @ truth.reshape(-1, 1)
    noise = outlier_size * rng.standard_normal((measurements, 1))
    hit = rng.permutation(measurements) < round(outliers * measurements)
    return x, y + noise * hit[:, None], np.hstack([np.eye(n), np.ones((n, n))]), truth


def completion(
    size: int, true_rank: int, condition: float, target: str, outliers: float,
    outlier_size: float, observed: float, seed: int,
) -> Arrays:  # fmt: skip
    """A seeded share `observed` of the entries of M, row by row, each with the weight
    sqrt(n / observed) (Candes & Recht 2009); of a symmetric M both (i, j) and (j, i), or neither. A
    share `outliers` of those has N(0, outlier_size^2) added.
    """
    n, rng = size, np.random.default_rng([seed, 1])
    truth = low_rank(n, true_rank, condition, target, seed)
    chance, corrupt, noise = rng.random((n, n)), rng.random((n, n)), rng.standard_normal((n, n))
    if target == "symmetric":
        chance, corrupt, noise = (np.triu(a) + np.triu(a, 1).T for a in (chance, corrupt, noise))
    weights = (chance < observed) * (n / observed) ** 0.5
    y = weights * (truth + outlier_size * noise * (corrupt < outliers))
    return np.hstack([np.eye(n), weights]), y, np.hstack([np.eye(n), np.ones((n, n))]), truth


@dataclass(frozen=True)
class Measured(Data):
    """What both kinds of measurement have."""

    targets = "real"
    inputs = "measurements"
    size: int = knob(20, 5, 100, log=True, domain="[3, 500]", label="size n",
                     help="of an n × n matrix")  # fmt: skip
    true_rank: int = knob(3, 1, 20, domain="[1, 500]", label="true rank r", stacks=True)
    condition: float = knob(1.0, 1.0, 1000.0, log=True, domain="[1, inf)", stacks=True,
                            label="condition number κ",
                            help="largest over smallest singular value")  # fmt: skip
    target: str = knob("symmetric", choices=TARGETS, help="U S Uᵀ or U S Vᵀ")
    outliers: float = knob(0.0, 0.0, 0.5, domain="[0, 1]", label="outliers", stacks=True,
                           help="the share of measurements that are wrong")  # fmt: skip
    outlier_size: float = knob(100.0, 0.1, 1000.0, log=True, domain="[0, inf)", stacks=True,
                               label="size of outliers")  # fmt: skip

    def arrays(self, seed: int) -> Arrays:
        """As `Data.arrays`. Raises BadInput for a rank above n, or more than fits in memory."""
        if self.true_rank > self.size:
            raise BadInput(
                f"true_rank: {self.true_rank} is above the size {self.size} of the matrix; give one"
                " from 1 to the size."
            )
        if (numbers := getattr(self, "measurements", 2) * self.size**2) > MOST_NUMBERS:
            raise BadInput(
                f"measurements: {numbers:,.0f} numbers of them do not fit in memory (limit"
                f" {MOST_NUMBERS:,.0f}, 1 GB); take fewer, or a smaller size."
            )
        return super().arrays(seed)


@dataclass(frozen=True)
class Sensing(Measured):
    """Gaussian measurements of a matrix; see `sensing`."""

    label = "Gaussian measurements of a matrix"
    source = staticmethod(sensing)
    measurements: int = knob(800, 50, 2000, log=True, domain="[1, 100000]")


@dataclass(frozen=True)
class Completion(Measured):
    """Some entries of a matrix; see `completion`."""

    label = "entries of a matrix"
    source = staticmethod(completion)
    observed: float = knob(1.0, 0.05, 1.0, domain="(0, 1]", label="observed share", stacks=True,
                           help="of the entries; 1 is all of them")  # fmt: skip
