"""A two-layer net on pairs of numbers: its first layer is two tables, looked up and added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.models.base import Model, Shapes

# a = phi(h) of the hidden layer; the square is what trigonometric identities need (Gromov 2023)
PAIR_ACTIVATIONS = {"square": torch.square, "relu": torch.relu}


@dataclass(frozen=True)
class PairMLP(Model):
    """f(a, b) = U phi(A_a + B_b), without biases: one-hot inputs make rows of the first layer.

    phi is the square (Gromov 2023) or ReLU; A, B [c, width] and U [c, width] are drawn with the
    variances of uniform numbers in +-1/sqrt(2c) and +-1/sqrt(width).
    """

    label: ClassVar[str] = "two-layer net on pairs"
    inputs: ClassVar[str] = "pairs"
    width: int = knob(128, 16, 512, log=True, domain="[1, 4096]")
    activation: str = knob("square", choices=PAIR_ACTIVATIONS)
    init_scale: float = knob(1.0, 0.1, 8.0, log=True, domain="[0, inf)", stacks=True)

    def shapes(self, d: int, c: int) -> Shapes:
        return {name: (c, self.width) for name in ("left", "right", "out")}

    def stds(self, d: int, c: int) -> dict[str, float]:
        table, out = (6 * c) ** -0.5, (3 * self.width) ** -0.5
        return {"left": table, "right": table, "out": out}

    def tables(self, views: dict[str, Tensor]) -> list[Tensor]:
        return [views["left"], views["right"]]

    def hidden(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        """phi(A_a + B_b) [R, N, width] of pairs x [R, N, 2]."""
        a, b = x.long().unbind(-1)
        return PAIR_ACTIVATIONS[self.activation](rows(views["left"], a) + rows(views["right"], b))

    def forward(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        return self.hidden(views, x) @ views["out"].mT


def rows(table: Tensor, index: Tensor) -> Tensor:
    """The rows [R, N, n] of tables [R, c, n] at an index [R, N]; far faster than a gather."""
    R, c, n = table.shape
    first = torch.arange(R, device=index.device)[:, None] * c
    return table.reshape(-1, n).index_select(0, (index + first).view(-1)).view(R, -1, n)
