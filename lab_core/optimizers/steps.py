"""Descent whose step is not the gradient alone: divided by the slopes of the loss, or with a penalty."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.optimizers.base import At, Optimizer, State, Value, descend
from lab_core.optimizers.momentum import GD


@dataclass(frozen=True)
class NormalisedGD(Optimizer):
    """Normalised gradient descent (Tyurin 2024): w <- w - lr (g + decay w) / mean_i |dl_i/df_i|.

    For logistic regression on z_i = y_i x_i this is w + lr (sum_i s_i z_i) / (sum_i s_i), s_i = 1 /
    (1 + exp(w . z_i)): a mean of the examples, weighted by how wrong they are, which does not fade
    when few are. The mean is over all examples, also under minibatches. Stable while H < 2 mean_i
    |dl_i/df_i| / lr - decay, which moves with the weights: no threshold of its own.
    """

    label = "normalised gradient descent"

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        slope = at.objective.slopes(w).mean(1, keepdim=True)
        divisor = slope.clamp_min(torch.finfo(w.dtype).tiny).expand_as(w)
        return descend(w, self.lr, self.decayed(w, g), divisor), state

    def stability_threshold(self) -> Value:
        return torch.nan


@dataclass(frozen=True)
class LassoGD(GD):
    """Sub-gradient descent on L + penalty |w|_1 (Tibshirani 1996): w <- w - lr (g + decay w +
    penalty sign(w)), sign(0) = 0; what automatic differentiation does with an L1 penalty.

    Diverges where H > 2 / lr - decay. Below, it does not converge to zeros as the lasso's solution
    has them: a weight that should be 0 steps to and fro by lr * penalty for ever.
    """

    label = "sub-gradient descent with an L1 penalty"
    penalty: Value = knob(0.0, 0.0, 10.0, domain="[0, inf)", label="L1 penalty")

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        return super().step(w, g + self.penalty * w.sign(), state, at)
