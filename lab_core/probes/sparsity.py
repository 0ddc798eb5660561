"""Probes of sparsity: of the linear function that a diagonal net is, of the features of a ReLU net."""

from __future__ import annotations

import torch
from torch import Tensor

from lab_core.models import MLP, DiagonalLinear
from lab_core.probes.base import Columns, Moment

LEAST = 0.05  # of a weight of the linear function that counts as not 0


def linear_sparsity(m: Moment) -> Columns:
    """Of a diagonal linear net b = u * u - v * v on data with a linear teacher: how many |b_i| are above
    0.05, and the excess error of b on the test set, rms, which is |b - b*| for inputs from N(0, I).
    Nothing for other models.
    """
    model = m.objective.model
    if not isinstance(model, DiagonalLinear):
        return {}
    count = (model.predictor(m.views(m.w)).abs() > LEAST).flatten(1).sum(1)
    error = (m.tested - m.test[1]).square().sum(-1).mean(-1).sqrt()
    return {"nonzeros": count, "teacher_error": error}


def patterns(m: Moment) -> Columns:
    """Of a ReLU net of depth 2: how many distinct sets of training examples its units are active on,
    the empty one not counted. Units with the same set act as one. Nothing for other models.
    """
    model = m.objective.model
    if not isinstance(model, MLP) or (model.activation, model.depth) != ("relu", 2):
        return {}
    units: list[Tensor] = []

    def keep(i: int, a: Tensor) -> Tensor:
        units.append(a)
        return a

    x = m.objective.x.expand(m.objective.replicas, -1, -1)
    model.through(m.views(m.w), x, keep)
    found = [torch.unique(rows, dim=0) for rows in (units[0] > 0).mT]
    count = [int(rows.any(1).sum()) for rows in found]
    return {"patterns": torch.tensor(count, dtype=torch.float64)}


def function(m: Moment) -> Columns:
    """Of a net with one input x, others constant, and one output, on a test set in the order of x: the
    total variation of the slope, sum_k |s_{k+1} - s_k|; the function itself, `arrays["function"]` =
    (x [1 or R, n], f [R, n]); and the examples, `arrays["points"]` = (x, y, 1), [1 or R, N] each.
    Nothing for other nets.
    """
    x, y = m.test
    varies = x.diff(dim=1)
    if y.shape[2] != 1 or not bool((varies[..., :1] > 0).all()) or bool(varies[..., 1:].any()):
        return {}
    f = m.tested[..., 0]
    slopes = f.diff(dim=1) / varies[..., 0]
    ours = m.objective
    m.arrays["points"] = (ours.x[..., 0], ours.y[..., 0], torch.ones_like(ours.y[..., 0]))
    m.arrays["function"] = (x[..., 0], f)
    return {"slope_variation": slopes.diff(dim=1).abs().sum(1)}
