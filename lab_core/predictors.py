"""The predictors that theory compares a net with, exactly: of least norm among those that fit the data.

Each takes x [N, d] and one output's targets y [N], and gives the linear function [d]; nan where none
fits. L2 norms are what kernel methods are biased to, L1 norms what decay of a diagonal net is.
"""

from __future__ import annotations

import numpy as np


def least_l2(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """argmin |b|_2 with x b = y: the pseudo-inverse's."""
    found = np.linalg.pinv(x) @ y
    fits = np.allclose(x @ found, y, atol=1e-8 * (1 + np.abs(y).max()))
    return found if fits else np.full(x.shape[1], np.nan)


def least_l1(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """argmin |b|_1 with x b = y, b = p - q with p, q >= 0: a linear programme."""
    return _programme(x, A_eq=np.concatenate([x, -x], 1), b_eq=y)


def margin_l2(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """argmin |b|_2 with y x b >= 1, of largest margin: the hard-margin support vector machine without
    an offset, as a least distance problem (Lawson & Hanson 1974, chapter 23).
    """
    from scipy.optimize import nnls

    G = y[:, None] * x
    E = np.concatenate([G.T, np.ones((1, len(y)))])
    target = np.zeros(len(E))
    target[-1] = 1
    r = E @ nnls(E, target, maxiter=100 * len(E))[0] - target
    return -r[:-1] / r[-1] if np.linalg.norm(r) > 1e-9 else np.full(x.shape[1], np.nan)


def margin_l1(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """argmin |b|_1 with y x b >= 1, of largest margin in L1: a linear programme."""
    G = y[:, None] * x
    return _programme(x, A_ub=np.concatenate([-G, G], 1), b_ub=-np.ones(len(y)))


def _programme(x: np.ndarray, **rules: np.ndarray) -> np.ndarray:
    """b = p - q of the least sum of p and q, both >= 0, that keep the rules."""
    from scipy.optimize import linprog

    d = x.shape[1]
    found = linprog(np.ones(2 * d), **rules).x
    return np.full(d, np.nan) if found is None else found[:d] - found[d:]
