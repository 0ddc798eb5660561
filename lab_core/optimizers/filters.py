"""Gradient filters: what is done to a gradient before the optimizer, any optimizer, takes its step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.optimizers.base import At, State, Value


@dataclass(frozen=True)
class Filter:
    """step: w [R, P], g [R, P], state -> the gradient for the optimizer, and what to remember.

    The state is part of the optimizer's, under names that no optimizer has. This one passes g on.
    """

    label: ClassVar[str] = "none"

    def init(self, w: Tensor) -> State:
        return {}

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        return g, {}

    def gain(self) -> Value:
        """What becomes of a gradient that changes its sign at every step, as the one along the top
        eigenvector does at a stability threshold: a factor.

        Nothing is stable above threshold / gain. Below, a filter that looks back may let a slow
        oscillation grow, as any feedback that comes late; each says for which knobs.
        """
        return 1.0


@dataclass(frozen=True)
class Grokfast(Filter):
    """Grokfast-EMA (Lee et al. 2024): m <- alpha m + (1 - alpha) g;  g + lambda m, from m = g.

    Threshold / gain is exact before gradient descent, and before momentum beta (heavy ball, beta1 of
    Adam) while beta (1 + lambda (1 - alpha)) <= 1. Beyond, slow oscillations may grow from curvature
    (1 - alpha beta) (1 - alpha) (1 - beta) / (alpha (beta (1 + lambda (1 - alpha)) - 1) lr) on.
    """

    label = "Grokfast (EMA)"
    strength: Value = knob(2.0, 0.0, 10.0, domain="[0, inf)", label="filter strength λ")
    memory: Value = knob(0.98, 0.5, 0.999, domain="[0, 1)", label="filter memory α")

    def init(self, w: Tensor) -> State:
        return {"slow": torch.zeros_like(w), "filtered": 0}

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        slow = state["slow"] * self.memory + (1 - self.memory) * g if state["filtered"] else g
        return g + self.strength * slow, {"slow": slow, "filtered": state["filtered"] + 1}

    def gain(self) -> Value:
        return 1 + self.strength * (1 - self.memory) / (1 + self.memory)


@dataclass(frozen=True)
class GrokfastMA(Filter):
    """Grokfast-MA (Lee et al. 2024): g + lambda times the mean of the last k gradients, once there
    are k of them.

    Before gradient descent threshold / gain is exact while lambda <= 1, and with an odd k while it is
    below 3. A larger lambda, or momentum, lets slow oscillations grow far below: at lambda = 5,
    k = 50 from 2 % of it on.
    """

    label = "Grokfast (MA)"
    strength: Value = knob(5.0, 0.0, 10.0, domain="[0, inf)", label="filter strength λ")
    window: int = knob(50, 2, 200, log=True, unit="steps", domain="[1, 1000]",
                       label="filter window k")  # fmt: skip

    def init(self, w: Tensor) -> State:
        return {"window": w.new_empty(len(w), 0, w.shape[1])}

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        seen = torch.cat((state["window"], g[:, None]), 1)[:, -self.window :]
        full = seen.shape[1] == self.window
        return g + self.strength * seen.mean(1) if full else g, {"window": seen}

    def gain(self) -> Value:
        return 1 + self.strength * (self.window % 2) / self.window


@dataclass(frozen=True)
class Orthogonal(Filter):
    """Perpendicular gradient (Prieto et al. 2025), of each parameter tensor: what is left of g
    without its part along w, scaled to the length of g; of a tensor of one number nothing is.
    """

    label = "perpendicular gradient ⊥"

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        pieces = zip(at.views(w).values(), at.views(g).values(), strict=True)
        return torch.cat([across(a.flatten(1), b.flatten(1)) for a, b in pieces], 1), {}


def across(w: Tensor, g: Tensor) -> Tensor:
    """The part of g [R, n] that is orthogonal to w [R, n], as long as g."""
    if w.shape[1] == 1:  # it would be a rounding error, made as long as g
        return torch.zeros_like(g)
    along = (w * g).sum(1, keepdim=True) / w.square().sum(1, keepdim=True).clamp_min(1e-30)
    rest = g - along * w
    return rest * (g.norm(dim=1, keepdim=True) / rest.norm(dim=1, keepdim=True).clamp_min(1e-30))


FILTERS: dict[str, type[Filter]] = {
    "none": Filter,
    "grokfast": Grokfast,
    "grokfast-ma": GrokfastMA,
    "orthogonal": Orthogonal,
}
