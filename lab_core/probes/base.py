"""What a probe sees: a moment of a run. Probes measure and never steer.

A probe is a pure function of a moment, with a cadence. It returns columns of numbers [R]; what is
wider than a number a replica goes to `Moment.arrays`. Random starts come from streams of their own,
never from the training's.
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
from lab_core.models import stream, views
from lab_core.objective import Objective
from lab_core.optimizers import Filter, Optimizer

Columns = dict[str, Tensor]


@dataclass
class Moment:
    """What a probe may look at: step t, weights, the gradient that the filter is about to get.

    `memory` is kept from one measurement to the next (warm starts); `arrays` takes wide results.
    `truth()` is y [R or 1, N, c] before any label was corrupted; `origin()` are the weights [R, P]
    from which a run of these recipes starts.
    """

    t: int
    w: Tensor
    alive: Tensor
    g: Tensor
    optimizer: Optimizer
    filter: Filter
    state: dict[str, Any]
    objective: Objective
    test: tuple[Tensor, Tensor]
    classes: bool
    memory: dict[str, Tensor]
    truth: Callable[[], Tensor]
    origin: Callable[[], Tensor]
    arrays: dict[str, Any] = field(default_factory=dict)

    def views(self, w: Tensor) -> dict[str, Tensor]:
        """The named pieces of w, each [R, *shape]."""
        return views(w, self.objective.shapes)

    @cached_property
    def filtered(self) -> Tensor:
        """The gradient [R, P] as the filter will pass it on to the optimizer."""
        return self.filter.step(self.w, self.g, self.state, self)[0]

    @cached_property
    def train(self) -> Tensor:
        """Outputs [R, N, c] on the training set."""
        return self.objective.outputs(self.w, self.objective.x)

    @cached_property
    def tested(self) -> Tensor:
        """Outputs on the test set."""
        return self.objective.outputs(self.w, self.test[0])

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
