"""Committees: two-layer nets whose second layer is fixed, and what theory says of them in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.models.base import Model, Shapes, per_replica


@dataclass(frozen=True)
class Committee(Model):
    """f(x) = sum_j a_j relu(w_j . x), a_j = +-1 / sqrt(width), half of each (Xu et al. 2023).

    Only w [d, width] is trained, from N(0, 1e-12): so small that the first step decides where it
    points. With several outputs each has neurons of its own.
    """

    label: ClassVar[str] = "ReLU committee"
    width: int = knob(200, 10, 500, log=True, domain="[1, 4096]")
    init_scale: float = knob(1.0, 0.1, 4.0, log=True, domain="[0, inf)", stacks=True)

    def shapes(self, d: int, c: int) -> Shapes:
        return {"weight": (c, d, self.width)}

    def stds(self, d: int, c: int) -> dict[str, float]:
        return {"weight": 1e-6}

    def signs(self, like: Tensor) -> Tensor:
        """a [width]."""
        half = torch.arange(self.width, device=like.device) % 2
        return (1 - 2 * half).to(like.dtype) / self.width**0.5

    def forward(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        w = views["weight"]
        return (torch.relu(x[:, None] @ w) @ self.signs(w)).mT

    def linear(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        """The linear part of f, 1/2 sum_j a_j w_j . x [R, N, c]: relu(h) is h / 2 + |h| / 2."""
        w = views["weight"]
        return 0.5 * x @ (w @ self.signs(w)).mT


@dataclass(frozen=True)
class ScaledCommittee(Model):
    """f(x) = alpha [1/m sum_i phi(w_i . x) - the same at the start], phi(h) = h + bend h^2 / 2,
    w ~ N(0, 1), alpha the output scale and m the width (Kumar et al. 2023). The larger alpha, the
    less w has to move: lazy; the smaller, the richer.

    The parameters are v = alpha w / sqrt(m). Then dL/dv = sqrt(m) / alpha dL/dw, and v <- v - lr dL/dv
    is w <- w - lr m / alpha^2 dL/dw: at one lr the output moves as fast at every alpha and m. In v
    the output is sum_i v_i . x / sqrt(m) + bend / (2 alpha) (v_i . x)^2. The objective takes off what
    it is at the start (`centred`); with several outputs each has neurons of its own.
    """

    label: ClassVar[str] = "committee with an output scale"
    centred: ClassVar[bool] = True
    width: int = knob(60, 10, 500, log=True, domain="[1, 4096]")
    output_scale: float = knob(1.0, 0.1, 100.0, log=True, domain="(0, inf)", stacks=True,
                               label="output scale α")  # fmt: skip
    bend: float = knob(0.25, 0.0, 1.0, domain="[0, inf)", help="of h + bend h²/2")
    init_scale: float = knob(1.0, 0.1, 4.0, log=True, domain="[0, inf)", stacks=True)

    def shapes(self, d: int, c: int) -> Shapes:
        return {"weight": (c, d, self.width)}

    def stds(self, d: int, c: int) -> dict[str, float]:
        return {"weight": self.output_scale / self.width**0.5}

    def forward(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        h = x[:, None] @ views["weight"]
        quadratic = h.square().sum(-1).mT * (self.bend / (2 * per_replica(self.output_scale)))
        return h.sum(-1).mT / self.width**0.5 + quadratic

    def kernel(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        """The tangent kernel [R, N, N] of a sum of the outputs with any signs: sum_i s_i s_i^T times
        x x^T, elementwise, with the slopes s_i = 1 / sqrt(m) + bend / alpha h_i.
        """
        h = (x[:, None] @ views["weight"]).transpose(1, 2).flatten(2)
        slope = self.width**-0.5 + h * (self.bend / per_replica(self.output_scale))
        return (slope @ slope.mT) * (x @ x.mT)
