"""Probes of a linear classifier of two classes: its margin, the perceptron beside it, its boundary."""

from __future__ import annotations

import torch
from torch import Tensor

from lab_core.models import Linear
from lab_core.predictors import margin_l2
from lab_core.probes.base import Columns, Moment
from lab_core.probes.kernel import solved
from lab_core.probes.training import cosine, right, share

REACH = 3  # times the distance of the farthest example, so that a line crosses any view of them


def classifies(m: Moment) -> bool:
    """Whether this is a linear classifier of signs."""
    objective = m.objective
    signs = objective.criterion.targets == "signs" and objective.y.shape[2] == 1
    return isinstance(objective.model, Linear) and signs


def margin(m: Moment) -> Columns:
    """`train_error`, the share of examples that are not right; `margin` = min_i y_i w . x_i / |w|, above 0
    once all are; and `angle`, in degrees, to the direction of largest margin
    (`predictors.margin_l2`), to which GD on the logistic loss tends (Soudry et al. 2018). Not
    measured: the last two at w = 0, the angle where nothing separates the examples.
    """
    if not classifies(m):
        return {}
    x, y = m.objective.x, m.objective.y
    if "max_margin" not in m.memory:
        m.memory["max_margin"] = solved(margin_l2, x, y, len(m.w))
    least = (y * m.train).flatten(1).amin(1) / m.w.norm(dim=1)
    along = cosine(m.w, m.memory["max_margin"]).clamp(-1, 1)
    lost = (m.w == 0).all(1) | m.memory["max_margin"].isnan().any(1)
    wrong = 1 - share(right(m.train, y))
    return {
        "train_error": wrong,
        "margin": least,
        "angle": along.acos().rad2deg().where(~lost, torch.nan),
    }


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
    """Of two inputs, the line w . x = 0 as two ends on it, on either side of all examples and beyond:
    `arrays["boundary"]` = (x [R, 2], y [R, 2]), nan at w = 0; and the examples, `arrays["points"]` =
    (x, y, label), [R or 1, N] each.
    """
    x = m.objective.x
    if not classifies(m) or x.shape[2] != 2:
        return {}
    m.arrays["points"] = (x[..., 0], x[..., 1], m.objective.y[..., 0])
    reach = REACH * x.norm(dim=2).amax(1, keepdim=True) * m.w.new_tensor([-1.0, 1.0])
    across, up = (m.w / m.w.norm(dim=1, keepdim=True))[..., None].unbind(1)
    m.arrays["boundary"] = (-up * reach, across * reach)
    return {}
