"""Probes of a linear classifier of two classes: its margin, the perceptron beside it, its boundary."""

from __future__ import annotations

import torch
from torch import Tensor

from lab_core.models import Linear
from lab_core.predictors import margin_l2
from lab_core.probes.base import Columns, Moment
from lab_core.probes.kernel import solved
from lab_core.probes.training import cosine


def classifies(m: Moment) -> bool:
    """Whether this is a linear classifier of signs."""
    objective = m.objective
    signs = objective.criterion.targets == "signs" and objective.y.shape[2] == 1
    return isinstance(objective.model, Linear) and signs


def margin(m: Moment) -> Columns:
    """`margin` = min_i y_i w . x_i / |w|, above 0 once all examples are right; and `angle`, in degrees,
    to the direction of largest margin (`predictors.margin_l2`), to which GD on the logistic loss tends
    (Soudry et al. 2018). Not measured: both at w = 0, the angle where nothing separates the examples.
    """
    if not classifies(m):
        return {}
    x, y = m.objective.x, m.objective.y
    if "max_margin" not in m.memory:
        m.memory["max_margin"] = solved(margin_l2, x, y, len(m.w))
    least = (y * m.train).flatten(1).amin(1) / m.w.norm(dim=1)
    along = cosine(m.w, m.memory["max_margin"]).clamp(-1, 1)
    lost = (m.w == 0).all(1) | m.memory["max_margin"].isnan().any(1)
    return {"margin": least, "angle": along.acos().rad2deg().where(~lost, torch.nan)}


def perceptron(m: Moment) -> Columns:
    """How near w / lr is to the batch perceptron's iterate v_t at the same step, v_0 = 0:
    `perceptron_distance` = |w / lr - v| / |v| and `perceptron_cosine` = cos(w, v).

    v <- v + mean_i z_i (1[v . z_i < 0] + 1[v . z_i = 0] / 2), z_i = y_i x_i, is to what gradient
    descent from w = 0 on the logistic loss tends as lr grows (Tyurin 2024). It says so only of a
    learning rate that was the same at all steps. Not measured at step 0.
    """
    if not classifies(m):
        return {}
    v = advanced(m)
    m.memory |= {
        "perceptron": v.expand(len(m.w), -1),
        "perceptron_step": m.w.new_full((len(m.w),), m.t),
    }
    if m.t == 0:
        nothing = torch.full_like(m.w[:, 0], torch.nan)
        return {"perceptron_distance": nothing, "perceptron_cosine": nothing}
    far = (m.w / m.optimizer.lr - v).norm(dim=1) / v.norm(dim=1)
    return {"perceptron_distance": far, "perceptron_cosine": cosine(m.w, v.expand_as(m.w))}


def advanced(m: Moment) -> Tensor:
    """v [R or 1, d] at this step, from where the last measurement left it."""
    z = m.objective.y * m.objective.x
    v, done = torch.zeros_like(z[:, 0]), 0
    if "perceptron" in m.memory:
        v, done = m.memory["perceptron"][: len(z)], int(m.memory["perceptron_step"][0])
    for _ in range(m.t - done):
        sign = torch.sign(z @ v[:, :, None])  # 1/2 at 0: the logistic loss's slope there
        v = v + ((1 - sign) / 2 * z).mean(1)
    return v


def boundary(m: Moment) -> Columns:
    """Of two inputs, the line w . x = 0 within the box that the examples fill, as its two ends
    `arrays["boundary"]` = (x [R, 2], y [R, 2]), nan where there is none; and the examples,
    `arrays["points"]` = (x, y, label), [R or 1, N] each.
    """
    x = m.objective.x
    if not classifies(m) or x.shape[2] != 2:
        return {}
    m.arrays["points"] = (x[..., 0], x[..., 1], m.objective.y[..., 0])
    m.arrays["boundary"] = ends(m.w, x.amin(1), x.amax(1))
    return {}


def ends(w: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Where the lines through 0 across w [R, 2] enter and leave the box from low to high [R or 1, 2]."""
    along = torch.stack((-w[:, 1], w[:, 0]), 1)
    sides = torch.stack((low / along, high / along))  # of s with s * along on a side, per input
    free = (along == 0) & (low <= 0) & (high >= 0)
    first = sides.amin(0).where(~free, -torch.inf).amax(1, keepdim=True)
    last = sides.amax(0).where(~free, torch.inf).amin(1, keepdim=True)
    s = torch.cat((first, last), 1).where((first < last) & first.isfinite(), torch.nan)
    return s * along[:, :1], s * along[:, 1:]
