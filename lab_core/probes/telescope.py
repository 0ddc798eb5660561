"""The telescoping model of a trained net: the sum of its first-order changes (Jeffares et al. 2024)."""

from __future__ import annotations

import torch
from torch import Tensor

from lab_core.losses import SquaredError
from lab_core.optimizers import GD, Filter
from lab_core.probes.base import Columns, Moment
from lab_core.probes.training import right, share

MOST = 2**26  # numbers of the per-example gradients that are held at a time


def increment(m: Moment, w: Tensor, x: Tensor) -> Tensor:
    """J(w) (w_now - w) [R, N, c], the first-order change of the outputs on x from weights w.

    By two products with the transpose, since u -> J^T u is linear: torch's forward mode compiles its
    rules first, which takes seconds.
    """
    with torch.inference_mode(False), torch.enable_grad():
        before, step = w.clone().requires_grad_(), (m.w - w).clone()
        f = m.objective.outputs(before, x.clone())
        u = torch.zeros_like(f).requires_grad_()
        (back,) = torch.autograd.grad(f, before, u, create_graph=True)
        return torch.autograd.grad(back, u, step)[0]


def telescope(m: Moment) -> Columns:
    """f~ <- f~ + J(w_before) (w - w_before), from f~ = f at the first measurement of an arm; meant for
    every step, in float64, where `before` is the step before.

    `telescope_error` is ||f~ - f|| / ||f - f_0||, Euclidean over the test inputs (the training inputs
    where there are none), and `telescope_accuracy` the accuracy of f~ there, for classes.
    """
    (x, y), f = m.test, m.tested
    if not x.shape[1]:
        x, y, f = m.objective.x, m.objective.y, m.train
    start = m.memory.setdefault("telescope_start", f.clone())
    model = m.memory.get("telescope", start)
    if "telescope_w" in m.memory:
        model = model + increment(m, m.memory["telescope_w"], x)
    m.memory |= {"telescope": model, "telescope_w": m.w}
    moved = (f - start).flatten(1).norm(dim=1)
    error = (model - f).flatten(1).norm(dim=1) / moved.clamp_min(torch.finfo(f.dtype).tiny)
    columns = {"telescope_error": error}
    return columns | ({"telescope_accuracy": share(right(model, y))} if m.classes else {})


def parameters(m: Moment) -> Columns:
    """Effective parameters of the training and of the test inputs, p(I) = n / |I| sum_{j in I}
    ||s_j||^2, where rows s_j [n] of the smoother S say how the outputs depend on the n training
    targets: f = f_0 + S (y - f_0(X)). S starts at 0, and a step of GD is

        S <- S - lr / n K(., X) (S_train - I),   K(x, x') = grad f(x) . grad f(x');

    from one measurement to the next K is taken as it was at the first of them. `smoother_error` is
    ||f_0 + S (y - f_0) - f|| / ||f - f_0|| over all inputs. Only for plain full-batch GD on the
    squared error of one output, without weight decay, where the gradients of all examples fit into
    memory.
    """
    if not smooth(m):
        return {}
    x = torch.cat([a.expand(len(m.w), -1, -1) for a in (m.objective.x, m.test[0])], 1)
    if x.shape[0] * x.shape[1] * m.w.shape[1] > MOST:
        return {}
    f, n = m.objective.outputs(m.w, x)[..., 0], m.objective.x.shape[1]
    start = m.memory.setdefault("smoother_start", f.clone())
    S = m.memory.get("smoother", f.new_zeros(*f.shape, n))
    if "smoother_w" in m.memory:
        S = smoothed(m, S, x)
    rate = torch.as_tensor(m.optimizer.lr / n, dtype=f.dtype).expand(len(f), 1)
    now = torch.full_like(m.alive, m.t, dtype=torch.long)
    m.memory |= {"smoother": S, "smoother_w": m.w, "smoother_rate": rate, "smoother_t": now}
    used = n * S.square().sum(-1)
    residual = (m.objective.y.expand(len(f), -1, -1)[..., 0] - start[:, :n])[..., None]
    error = (start + (S @ residual)[..., 0] - f).norm(dim=1)
    columns = {
        "parameters_train": used[:, :n].mean(-1),
        "smoother_error": error / (f - start).norm(dim=1).clamp_min(torch.finfo(f.dtype).tiny),
    }
    return columns | ({"parameters_test": used[:, n:].mean(-1)} if f.shape[1] > n else {})


def smooth(m: Moment) -> bool:
    """Whether the outputs are a linear smoother of the targets to first order, with one output; those
    of the test inputs too, if these are of the same kind.
    """
    o = m.optimizer
    if m.objective.x.shape[2] != m.test[0].shape[2]:
        return False
    plain = type(o) is GD and type(m.filter) is Filter and not torch.as_tensor(o.weight_decay).any()
    return plain and type(m.objective.criterion) is SquaredError and m.objective.y.shape[2] == 1


def smoothed(m: Moment, S: Tensor, x: Tensor) -> Tensor:
    """S [R, N, n] after the steps since the last measurement, with the tangent kernel of that time."""
    K = tangent_kernel(m, m.memory["smoother_w"], x, S.shape[2])
    K = K * m.memory["smoother_rate"][..., None]
    eye = torch.eye(S.shape[2]).to(S)
    for _ in range(m.t - int(m.memory["smoother_t"][0])):
        S = S - K @ (S[:, : S.shape[2]] - eye)
    return S


def tangent_kernel(m: Moment, w: Tensor, x: Tensor, n: int) -> Tensor:
    """K(x, X) [R, N, n] between all inputs and the first n, of a net with one output."""
    with torch.inference_mode(False), torch.enable_grad():
        w = w.clone().requires_grad_()
        f = m.objective.outputs(w, x.clone())[..., 0]
        each = torch.eye(f.shape[1]).to(f)[:, None].expand(-1, *f.shape)
        J = torch.autograd.grad(f, w, each, is_grads_batched=True)[0].transpose(0, 1)
    return J @ J[:, :n].mT  # J [R, N, P]
