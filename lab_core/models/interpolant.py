"""A net of depth two that can be written down for any set of examples: the construction of Zhang et al."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.models.base import Model, Shapes

STARTS = ("construction", "gaussian")


@dataclass(frozen=True)
class Interpolant(Model):
    """f(x) = sum_j w_j relu(a . x - b_j), one direction a for all m = `width` units: d + m (1 + c)
    weights, 2 m + d with one output (Zhang et al. 2017, theorem 1).

    The construction takes the first m examples in the order of z = a . x, b_j halfway from z_{j-1}
    to z_j, and solves the lower triangular system f(x_i) = y_i: whatever the targets, those m are
    interpolated. Units beyond the number of examples stay silent on them.
    """

    label: ClassVar[str] = "ReLU net of one direction"
    width: int = knob(200, 10, 500, log=True, domain="[1, 4096]")
    init_scale: float = knob(1.0, 0.1, 4.0, log=True, domain="[0, inf)", stacks=True)
    start_from: str = knob("construction", choices=STARTS, label="start",
                           help="construction: through the first `width` examples")  # fmt: skip

    def shapes(self, d: int, c: int) -> Shapes:
        return {"direction": (d, 1), "bias": (1, self.width), "weight": (self.width, c)}

    def stds(self, d: int, c: int) -> dict[str, float]:
        return {"direction": d**-0.5, "bias": 1.0, "weight": self.width**-0.5}

    def forward(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.relu(x @ views["direction"] - views["bias"]) @ views["weight"]

    def informed(self, w: Tensor, x: Tensor, y: Tensor) -> Tensor:
        if self.start_from == STARTS[1]:
            return w
        d, m = x.shape[2], min(self.width, x.shape[1])
        z, order = (x[:, :m] @ w[:, :d, None])[..., 0].sort(1)  # [R, m]
        y = y[:, :m].expand(len(w), -1, -1)
        targets = y.take_along_dim(order[..., None], 1)
        spare = self.width - m
        b = torch.cat(
            (z[:, :1] - 1, (z[:, 1:] + z[:, :-1]) / 2, z[:, -1:].expand(-1, spare) + 1), 1
        )
        rows = torch.relu(z[:, :, None] - b[:, None, :m])
        weight = torch.linalg.solve_triangular(rows, targets, upper=False)
        padded = torch.nn.functional.pad(weight, (0, 0, 0, spare))
        return torch.cat((w[:, :d], b, padded.flatten(1)), 1)
