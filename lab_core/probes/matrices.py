"""Probes of a matrix that is recovered from measurements: how far it is, and what it looks like.

They look at the test set of such data, every row of the matrix, and find nothing for other models.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lab_core.probes.base import Columns, Moment

SHOWN = 5  # singular values


def found(m: Moment) -> tuple[Tensor, Tensor] | None:
    """The matrix of the model and the true one [R, n, n]; None for a model of something else."""
    if m.objective.model.inputs != "measurements":
        return None
    return m.tested, m.test[1].expand_as(m.tested)


def recovery(m: Moment) -> Columns:
    """||M' - M|| / ||M||, Frobenius, of the model's matrix M' and the true M."""
    if (both := found(m)) is None:
        return {}
    ours, truth = (t.flatten(1) for t in both)
    return {"recovery": (ours - truth).norm(dim=1) / truth.norm(dim=1)}


def singular(m: Moment) -> Columns:
    """The five largest singular values of the model's matrix, and of the true one where not 0."""
    if (both := found(m)) is None:
        return {}
    out: Columns = {}
    for name, matrix in zip(("singular", "truth"), both, strict=True):
        values = torch.linalg.svdvals(matrix)[:, :SHOWN]
        floor = torch.finfo(values.dtype).eps * matrix.shape[1]
        kept = values if name == "singular" else values.where(values > floor, torch.nan)
        out |= {f"{name}_{i + 1}": kept[:, i] for i in range(kept.shape[1])}
    return {k: v for k, v in out.items() if not bool(v.isnan().all())}


def matrix(m: Moment) -> Columns:
    """`arrays["matrix"]`: the model's matrix, an empty column, and the true one [R, n, 2 n + 1]."""
    if (both := found(m)) is None:
        return {}
    ours, truth = both
    gap = ours.new_full((len(ours), ours.shape[1], 1), torch.nan)
    m.arrays["matrix"] = torch.cat((ours, gap, truth), 2)
    return {}
