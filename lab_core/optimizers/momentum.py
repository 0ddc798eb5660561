"""Gradient descent and its two momentum forms, as torch.optim.SGD writes them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.optimizers.base import At, Optimizer, State, Value, descend


@dataclass(frozen=True)
class GD(Optimizer):
    """Gradient descent (Cauchy 1847): w <- w - lr (g + decay w).  Stable while H < 2 / lr - decay.

    With a batch smaller than the data it is SGD.
    """

    label = "gradient descent"
    formula = "2/lr"

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        return descend(w, self.lr, self.decayed(w, g)), state

    def stability_threshold(self) -> Value:
        return 2 / self.lr - self.weight_decay


@dataclass(frozen=True)
class HeavyBall(Optimizer):
    """Heavy ball (Polyak 1964): v <- beta v + g;  w <- w - lr v.

    Stable while H < (2 + 2 beta) / lr - decay.
    """

    label = "heavy ball"
    formula = "(2+2β)/lr"
    beta: Value = knob(0.9, 0.0, 0.99, domain="[0, 1)", label="momentum")

    def init(self, w: Tensor) -> State:
        return {"v": torch.zeros_like(w)}

    def velocity(self, w: Tensor, g: Tensor, state: State) -> tuple[Tensor, Tensor]:
        g = self.decayed(w, g)
        return g, state["v"] * self.beta + g

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        _, v = self.velocity(w, g, state)
        return descend(w, self.lr, v), {"v": v}

    def stability_threshold(self) -> Value:
        return (2 + 2 * self.beta) / self.lr - self.weight_decay


@dataclass(frozen=True)
class Nesterov(HeavyBall):
    """Nesterov momentum (Nesterov 1983; Sutskever et al. 2013): v <- beta v + g;
    w <- w - lr (g + beta v).  Stable while H < (2 + 2 beta) / ((1 + 2 beta) lr) - decay.
    """

    label = "Nesterov"
    formula = "(2+2β)/((1+2β) lr)"

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        g, v = self.velocity(w, g, state)
        return descend(w, self.lr, g + self.beta * v), {"v": v}

    def stability_threshold(self) -> Value:
        return (2 + 2 * self.beta) / ((1 + 2 * self.beta) * self.lr) - self.weight_decay
