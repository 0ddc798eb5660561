"""Diagonal linear nets: the simplest homogeneous model, with two sorts of implicit bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.models.base import Model, Shapes


@dataclass(frozen=True)
class DiagonalLinear(Model):
    """f(x) = (u * u - v * v) . x with u = v = init scale at the start, so that f is 0 there (Woodworth
    et al. 2020; Lyu et al. 2023). u and v are [d, c].

    A linear function, but what training makes of it is not that of a linear one: from a large start
    early training is a kernel method, biased to small L2 norms; weight decay, |u|^2 + |v|^2 at a
    given function, is its L1 norm.
    """

    label: ClassVar[str] = "diagonal linear net"
    init_scale: float = knob(1.0, 0.1, 100.0, log=True, domain="[0, inf)", stacks=True)

    def shapes(self, d: int, c: int) -> Shapes:
        return {"u": (d, c), "v": (d, c)}

    def stds(self, d: int, c: int) -> dict[str, float]:
        return {"u": 1.0, "v": 1.0}

    def start(self, name: str, normal: Tensor, std: float) -> Tensor:
        return torch.full_like(normal, std)

    def predictor(self, views: dict[str, Tensor]) -> Tensor:
        """The linear function that it is, u * u - v * v [R, d, c]."""
        return views["u"].square() - views["v"].square()

    def forward(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        return x @ self.predictor(views)

    def linear(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        """The linear part of f: all of it."""
        return self.forward(views, x)

    def kernel(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        """The tangent kernel [R, N, N] of a sum of the outputs with any signs,
        4 x diag(u^2 + v^2) x^T, summed over outputs.
        """
        power = (views["u"].square() + views["v"].square()).sum(-1)
        return 4 * (x * power[:, None]) @ x.mT
