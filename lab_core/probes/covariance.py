"""Probes of what covariance a net generates, and of how sharply a loss of it bends."""

from __future__ import annotations

import torch

from lab_core import curvature
from lab_core.probes.base import Columns, Moment

SHOWN = 6  # eigenvalues
MOST_PARAMETERS = 200  # of a dense Hessian


def covariance(m: Moment) -> Columns:
    """The outputs' second moments S = (1/N) sum f f^T on the training set against the targets' S0:
    `covariance_error` = |S - S0| / |S0|, Frobenius, and the largest eigenvalues of both.
    """
    f, y = (t / t.shape[1] ** 0.5 for t in (m.train, m.objective.y.expand_as(m.train)))
    S, S0 = f.mT @ f, y.mT @ y
    error = (S - S0).flatten(1).norm(dim=1) / S0.flatten(1).norm(dim=1)
    columns = {"covariance_error": error}
    for name, rows in (("covariance", f), ("target", y)):
        # the squares of singular values are right to a relative rounding where they are tiny
        values = torch.linalg.svdvals(torch.where(rows.isfinite(), rows, 0.0)).square()
        columns |= {f"{name}_{i + 1}": v for i, v in enumerate(values.T[:SHOWN])}
    return columns


def covariance_curvature(m: Moment) -> Columns:
    """The largest eigenvalue of the Hessian of the loss as a function of S; nothing for a loss that is
    none of S.
    """
    exact = getattr(m.objective.criterion, "covariance_curvature", None)
    return {} if exact is None else {"covariance_curvature": exact(m.train, m.objective.y)}


def curvature_range(m: Moment) -> Columns:
    """The smallest and the largest eigenvalue of the Hessian by the weights, exactly, and how far the
    smallest is below 0; nothing for a net of more than 200 parameters.
    """
    if m.w.shape[1] > MOST_PARAMETERS:
        return {}
    H = curvature.dense(m.hvp, m.w)
    values = torch.linalg.eigvalsh(H.nan_to_num())
    low, high = values[:, 0], values[:, -1]
    return {"curvature_min": low, "curvature_max": high, "negative_curvature": -low.clamp_max(0)}
