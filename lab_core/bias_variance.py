"""The error of an estimator over several seeds, split into bias and variance."""

from __future__ import annotations

import numpy as np


def split(predictions: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """bias^2 and variance of predictions [S, n, c] of S >= 2 seeds at the same n inputs, whose true
    outputs are truth [n, c]: summed over outputs, averaged over inputs.

    Both are unbiased: the variance divides by S - 1, and from the squared distance of the seeds' mean
    its own share of it, variance / S, is taken off, so that a small bias^2 can come out below 0. Their
    sum is the mean squared error. nan of fewer than two seeds.
    """
    seeds = len(predictions)
    if seeds < 2:
        return np.nan, np.nan
    variance = float(predictions.var(0, ddof=1).sum(-1).mean())
    off = float(np.square(predictions.mean(0) - truth).sum(-1).mean())
    return off - variance / seeds, variance
