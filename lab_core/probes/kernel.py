"""Probes of what theory says of delayed generalisation: kernels, linear parts, implicit biases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lab_core import predictors as exact
from lab_core.knobs import knobs
from lab_core.models import DiagonalLinear, Model, Shapes, stream, views
from lab_core.probes.base import Columns, Moment

MOST_EXAMPLES = 400
MOST_NUMBERS = 2e7  # of the Jacobians of a stack


def kernel(m: Moment) -> Columns:
    """The empirical tangent kernel K = J J^T on the first training examples, up to 400 and fewer for
    a large net: `ntk_drift` = |K - K_0| / |K_0|, `kernel_alignment` = y K y / (|K| |y|^2) (Cristianini
    et al. 2001), Frobenius; and `weight_drift` = |w - w_0| / |w_0|.

    Of several outputs J is the Jacobian of their sum with random signs, and y the targets' sum with
    the same ones.
    """
    w, origin, objective = m.w, m.origin(), m.objective
    model, shapes = objective.model, objective.shapes
    few = int(max(1, min(MOST_EXAMPLES, MOST_NUMBERS // w.numel())))
    x, y = (t[:, :few].expand(len(w), -1, -1) for t in (objective.x, objective.y))
    signs = torch.randint(0, 2, (y.shape[2],), generator=stream("kernel")).to(w) * 2 - 1
    K = tangent(model, shapes, w, x, signs)
    if "kernel" not in m.memory:
        m.memory["kernel"] = tangent(model, shapes, origin, x, signs)
    first, y = m.memory["kernel"], y @ signs
    size, fits = K.flatten(1).norm(dim=1), (y[:, None] @ K @ y[:, :, None])[:, 0, 0]
    return {
        "ntk_drift": (K - first).flatten(1).norm(dim=1) / first.flatten(1).norm(dim=1),
        "kernel_alignment": fits / (size * y.square().sum(1)),
        "weight_drift": (w - origin).norm(dim=1) / origin.norm(dim=1),
    }


def tangent(model: Model, shapes: Shapes, w: Tensor, x: Tensor, signs: Tensor) -> Tensor:
    """K [R, n, n] on x [R, n, d] of the outputs' sum with these signs [c]: in the model's own closed
    form, or from the Jacobian of each example, as if each were a replica.
    """
    closed = getattr(model, "kernel", None)
    if closed is not None:
        return closed(views(w, shapes), x)
    R, n, d = x.shape
    own = {k: getattr(model, k) for k in knobs(model)}
    own = {k: v.repeat_interleave(n, 0) for k, v in own.items() if isinstance(v, Tensor)}
    with torch.inference_mode(False), torch.enable_grad():
        copies = w.clone().repeat_interleave(n, 0).requires_grad_()
        each = replace(model, **own).forward(views(copies, shapes), x.reshape(R * n, 1, d).clone())
        (J,) = torch.autograd.grad((each @ signs.clone()).sum(), copies)
    J = J.view(R, n, -1)
    return J @ J.mT


def linearity(m: Moment) -> Columns:
    """Correlation [R] over the test inputs of the outputs with those of the net's linear part; nothing
    for a net that has no such part.
    """
    linear = getattr(m.objective.model, "linear", None)
    x, y = m.test
    if linear is None or not y.shape[1]:
        return {}
    part = linear(m.views(m.w), x.expand(len(m.w), -1, -1))
    f, part = (t.flatten(1) - t.flatten(1).mean(1, keepdim=True) for t in (m.tested, part))
    return {"linearity": torch.cosine_similarity(f, part, dim=1)}


def predictors(m: Moment) -> Columns:
    """How far the linear function b of a diagonal net is from the predictor that its kernel is biased
    to, of least L2 norm, and from the one that its weight decay is, of least L1 norm: min over c of
    |c b - b*| / |b*|, c = 1 for regression, any c >= 0 for signs, where only direction counts.

    Under squared error b* fits the targets; under a loss of signs it has margin 1.
    """
    model, objective = m.objective.model, m.objective
    if not isinstance(model, DiagonalLinear):
        return {}
    signs = objective.criterion.targets == "signs"
    methods = (exact.margin_l2, exact.margin_l1) if signs else (exact.least_l2, exact.least_l1)
    for name, method in zip(("kernel", "rich"), methods, strict=True):
        if f"{name}/{signs}" not in m.memory:
            m.memory[f"{name}/{signs}"] = solved(method, objective.x, objective.y, len(m.w))
    b = model.predictor(m.views(m.w)).flatten(1)
    return {
        f"distance_{name}": distance(b, m.memory[f"{name}/{signs}"], free=signs)
        for name in ("kernel", "rich")
    }


def solved(method: Callable[..., np.ndarray], x: Tensor, y: Tensor, replicas: int) -> Tensor:
    """A predictor [R, d c] for every replica, output by output."""
    rows = [
        np.stack([method(a, column) for column in b.T], 1).ravel()
        for a, b in zip(x.double().cpu().numpy(), y.double().cpu().numpy(), strict=True)
    ]
    return torch.as_tensor(np.stack(rows)).to(x).expand(replicas, -1)


def distance(b: Tensor, target: Tensor, free: bool) -> Tensor:
    """|c b - b*| / |b*| [R], with the best c >= 0 where it is free; 1 at b = 0."""
    if free:
        along = (b * target).sum(1, keepdim=True).clamp_min(0)
        b = b * along / b.square().sum(1, keepdim=True).clamp_min(torch.finfo(b.dtype).tiny)
    return (b - target).norm(dim=1) / target.norm(dim=1)
