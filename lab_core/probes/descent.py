"""Probes of double descent: what is predicted where, how a problem is conditioned, who the neighbours
of a wrong label are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lab_core.models import Linear
from lab_core.optimizers.exact import steps_taken
from lab_core.probes.base import Columns, Moment

NEIGHBOURS = 5


def predictions(m: Moment) -> Columns:
    """`arrays["predictions"]`: the outputs [R, n, c] on the test set."""
    if m.test[1].shape[1]:
        m.arrays["predictions"] = m.tested
    return {}


def gd_steps(m: Moment) -> Columns:
    """The steps of gradient descent behind this one: where an optimizer leaps, more than one each."""
    return {"gd_steps": torch.full_like(m.w[:, 0], steps_taken(m.optimizer, m.t))}


def condition(m: Moment) -> Columns:
    """Of a linear model the largest singular value of its inputs over the smallest that is not 0 (up
    to rounding): the root of the condition number of its Hessian.
    """
    if not isinstance(m.objective.model, Linear):
        return {}
    s, _ = m.objective.singular
    found = s[:, 0] / s.where(s > 0, torch.inf).amin(1)
    return {"condition": found.expand(len(m.w))}


def speeds(m: Moment) -> Columns:
    """Of a linear model and a linear teacher, whose inputs have variances of two sizes: the mean squared
    test error that is due to the weights of the large ones and of the small, which gradient descent
    learns fast and slowly. They add up to the whole where inputs are uncorrelated.
    """
    x, y = (t[0] for t in m.test)
    model = m.objective.model
    if not isinstance(model, Linear) or model.lifts or len(x) < x.shape[1] or y.shape[1] != 1:
        return {}
    size = x.square().mean(0)
    fast = size > size.amax() / 4
    if bool(fast.all()):
        return {}
    if "teacher" not in m.memory:
        m.memory["teacher"] = torch.linalg.lstsq(x, y).solution.T.expand_as(m.w)
    off = size * (m.w - m.memory["teacher"]).square()
    return {"error_fast": off[:, fast].sum(1), "error_slow": off[:, ~fast].sum(1)}


def neighbours(m: Moment) -> Columns:
    """k-NN recovery (Gu et al. 2024): the share of the training examples with a corrupted label whose 5
    nearest neighbours vote, with the labels that they were given, for the true one. Nearest by the
    cosine of the last hidden layer's activations (`recovered`), and of the raw inputs
    (`recovered_raw`), over all training examples. Nothing for a model without hidden layers, or where
    no label was corrupted.
    """
    hidden = getattr(m.objective.model, "hidden", None)
    truth, y = m.truth(), m.objective.y
    wrong = (truth != y).any(-1).expand(len(m.w), -1)
    if hidden is None or not m.classes or not bool(wrong.any()):
        return {}
    x = m.objective.x.expand(len(m.w), -1, -1)
    given = truth.expand(len(m.w), -1, -1), y.expand(len(m.w), -1, -1)
    if "recovered_raw" not in m.memory:
        m.memory["recovered_raw"] = recovery(x, *given, wrong)
    found = recovery(hidden(m.views(m.w), x), *given, wrong)
    return {"recovered": found, "recovered_raw": m.memory["recovered_raw"]}


def recovery(z: Tensor, truth: Tensor, y: Tensor, wrong: Tensor) -> Tensor:
    """The share [R] of the `wrong` examples [R, N] whose neighbours by z [R, N, m] vote for the truth
    [R, N, c]; of classes with as many votes the one whose neighbours are nearer has it.
    """
    return torch.stack([_recovery(*one) for one in zip(z, truth, y, wrong, strict=True)])


def _recovery(z: Tensor, truth: Tensor, y: Tensor, wrong: Tensor) -> Tensor:
    z = z / z.norm(dim=1, keepdim=True).clamp_min(torch.finfo(z.dtype).tiny)
    near = z[wrong] @ z.T
    near[torch.arange(len(near)), wrong.nonzero()[:, 0]] = -torch.inf  # none is its own
    closeness, who = near.topk(min(NEIGHBOURS, len(z) - 1), dim=1)
    votes = (y[who] * (1 + 1e-3 * closeness[..., None])).sum(1)
    agreed = votes * truth[wrong] > 0 if y.shape[1] == 1 else None
    if agreed is None:
        return (votes.argmax(1) == truth[wrong].argmax(1)).to(z).mean()
    return agreed[:, 0].to(z).mean()
