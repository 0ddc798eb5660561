"""The linear classifier: the model of logistic regression and of the perceptron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from lab_core.knobs import knob
from lab_core.models.base import Model, Shapes


@dataclass(frozen=True)
class Linear(Model):
    """f(x) = w . x with w [d, c], from w = 0 where the init scale is 0, and without a bias: give the
    data a constant input where one is needed.
    """

    label: ClassVar[str] = "linear classifier"
    init_scale: float = knob(0.0, 0.0, 1.0, domain="[0, inf)", stacks=True)

    def shapes(self, d: int, c: int) -> Shapes:
        return {"weight": (d, c)}

    def stds(self, d: int, c: int) -> dict[str, float]:
        return {"weight": 1.0}

    def forward(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        return x @ views["weight"]

    def linear(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        """The linear part of f: all of it."""
        return self.forward(views, x)
