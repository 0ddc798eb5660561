"""A covariance matrix as data: what a linear net without noise of its own can generate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab_core.data.base import Arrays, Data
from lab_core.knobs import knob


def covariance(dim: int, true_rank: int, condition: float, seed: int) -> Arrays:
    """A covariance matrix S0 (Brechet et al. 2023): x = sqrt(d) I, y = sqrt(d) S0^(1/2), [d, d], so that
    (1/N) sum y y^T = S0, and (1/N) sum f f^T = W^T W for the outputs f = x W of a linear net.

    S0 has `true_rank` eigenvalues, all where that is 0 or above dim, at equal ratios from 1 to 1 /
    `condition`, and a random basis. No test set.
    """
    rank = min(true_rank or dim, dim)
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0][:, :rank]
    values = np.geomspace(1.0, 1.0 / condition, rank)
    x, y = np.eye(dim) * dim**0.5, (basis * (dim * values) ** 0.5) @ basis.T
    return x, y, x[:0], y[:0]


@dataclass(frozen=True)
class Covariance(Data):
    """A covariance matrix; see `covariance`."""

    label = "covariance matrix"
    targets = "real"
    source = staticmethod(covariance)
    dim: int = knob(6, 2, 20, domain="[1, 200]", label="dimension")
    true_rank: int = knob(0, 0, 20, domain="[0, 200]", help="0 is the full rank")
    condition: float = knob(10.0, 1.0, 1e5, log=True, domain="[1, inf)", label="condition number κ")
