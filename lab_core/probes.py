"""Probes measure and never steer: pure functions of a moment of a run, each with a cadence.

A probe returns columns of numbers [R]; what is wider than a number a replica goes to
`Moment.arrays`. Random starts come from streams of their own, never from the training's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from lab_core import curvature
from lab_core.curvature import Eigen, Product
from lab_core.models import stream
from lab_core.objective import Objective
from lab_core.optimizers import Optimizer

Columns = dict[str, Tensor]


@dataclass
class Moment:
    """What a probe may look at: step t, weights, the gradient that the optimizer is about to use.

    `memory` is kept from one measurement to the next (warm starts); `arrays` takes wide results.
    """

    t: int
    w: Tensor
    alive: Tensor
    g: Tensor
    optimizer: Optimizer
    state: dict[str, Any]
    objective: Objective
    test: tuple[Tensor, Tensor]
    classes: bool
    memory: dict[str, Tensor]
    arrays: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def hvp(self) -> Product:
        """v -> H v of the training loss over all examples, shared by the probes of this moment."""
        product, alive = self.objective.hvp(self.w), self.alive[:, None]
        if bool(alive.all()):
            return product
        # a frozen replica counts as flat, so that the others do not wait for its huge curvature
        return lambda v: torch.where(alive, product(v), 0.0)

    def random(self, purpose: str) -> Tensor:
        """A Gaussian [R, P] of this probe's own, the same row for every replica."""
        row = torch.randn(self.w.shape[1], generator=stream(purpose, self.t), dtype=torch.float64)
        return row.to(self.w).expand_as(self.w).clone()

    def top(self, name: str, product: Product, k: int = 1) -> Eigen:
        """The k top eigenpairs, warm-started from the k + 1 of the last measurement."""
        start = self.memory.get(name)
        if start is None:
            start = torch.stack([self.random(f"{name}/{i}") for i in range(k + 1)], 1)
        found = curvature.top(product, start, k)
        self.memory[name] = found.vectors
        return Eigen(*(part[:, :k] for part in found))


def sharpness(m: Moment) -> Columns:
    """Top Hessian eigenvalue of the training loss with its residual, and the optimizer's threshold.

    Where the optimizer divides by P, also the effective sharpness, the top eigenvalue of
    P^-1 (H + coupled decay), whose threshold this then is. `ratio` is the curvature that decides,
    divided by its threshold.
    """
    raw = m.top("sharpness", m.hvp)
    out = {"sharpness": raw.values[:, 0], "residual": raw.residual[:, 0]}
    deciding = out["sharpness"]
    p = m.optimizer.preconditioner(m.w, m.g, m.state)
    if p is not None:
        root, decay = p.rsqrt(), m.optimizer.weight_decay if m.optimizer.coupled else 0.0

        def preconditioned(v: Tensor) -> Tensor:
            u = root * v
            return root * (m.hvp(u) + decay * u)

        found = m.top("effective_sharpness", preconditioned)
        deciding = out["effective_sharpness"] = found.values[:, 0]
        out["effective_residual"] = found.residual[:, 0]
    threshold = torch.as_tensor(m.optimizer.stability_threshold(), dtype=m.w.dtype)
    out["threshold"] = threshold.reshape(-1).to(m.w).expand(len(m.w))
    return out | {"ratio": deciding / out["threshold"]}


def eigenvalues(m: Moment) -> Columns:
    """The five largest Hessian eigenvalues."""
    values = m.top("eigenvalues", m.hvp, k=5).values
    return {f"eigenvalue_{i + 1}": values[:, i] for i in range(values.shape[1])}


def spectrum(m: Moment) -> Columns:
    """The spectral density of the Hessian; `arrays["spectrum"]` holds the newest."""
    m.arrays["spectrum"] = curvature.spectral_density(m.hvp, m.w, stream("spectrum", m.t))
    return {}


def trace(m: Moment) -> Columns:
    """tr H by Hutchinson's estimate, and its standard error."""
    estimate, error = curvature.trace(m.hvp, m.w, stream("trace", m.t))
    return {"trace": estimate, "trace_error": error}


def weight_norm(m: Moment) -> Columns:
    """||w||, Euclidean."""
    return {"weight_norm": m.w.norm(dim=1)}


def gradient_norm(m: Moment) -> Columns:
    """||grad L||, Euclidean, over all examples."""
    return {"gradient_norm": m.objective.gradient(m.w)[1].norm(dim=1)}


def accuracy(m: Moment) -> Columns:
    """Share of examples whose largest output is the label's; nothing where targets are real."""
    if not m.classes:
        return {}
    sets = {"train_accuracy": (m.objective.x, m.objective.y), "test_accuracy": m.test}
    return {
        name: (m.objective.outputs(m.w, x).argmax(-1) == y.argmax(-1)).to(m.w).mean(-1)
        for name, (x, y) in sets.items()
        if x.shape[1]
    }


def test_loss(m: Moment) -> Columns:
    """The mean loss over the test set; nothing where there is none."""
    x, y = m.test
    if not x.shape[1]:
        return {}
    return {"test_loss": m.objective.criterion(m.objective.outputs(m.w, x), y).mean(-1)}


PROBES: dict[str, Callable[[Moment], Columns]] = {
    "sharpness": sharpness,
    "eigenvalues": eigenvalues,
    "spectrum": spectrum,
    "trace": trace,
    "weight_norm": weight_norm,
    "gradient_norm": gradient_norm,
    "accuracy": accuracy,
    "test_loss": test_loss,
}
