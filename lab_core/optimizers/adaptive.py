"""RMSProp, Adam and AdamW as torch.optim writes them; the preconditioner P is what they divide by.

Frozen P turns each into descent preconditioned by it, so the curvature that decides stability is the
effective sharpness, the top eigenvalue of P^-1 H (Cohen et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.optimizers.base import At, Optimizer, State, Value, descend


@dataclass(frozen=True)
class RMSProp(Optimizer):
    """RMSProp (Hinton 2012): v <- beta2 v + (1 - beta2) g^2;  w <- w - lr g / P,
    P = sqrt(v) + eps.  Stable while P^-1 H < 2 / lr.
    """

    label = "RMSProp"
    formula = "2/lr"
    lr: Value = knob(1e-3, 1e-5, 0.1, log=True, domain="(0, inf)", label="learning rate")
    beta2: Value = knob(0.99, 0.9, 0.9999, domain="[0, 1)", label="squared-gradient memory β₂")
    eps: Value = knob(1e-8, 1e-10, 1e-2, log=True, domain="(0, inf)", label="ε")

    def init(self, w: Tensor) -> State:
        return {"v": torch.zeros_like(w), "t": 0}

    def moment(self, g: Tensor, state: State) -> Tensor:
        """v [R, P], the current gradient included."""
        return torch.lerp(state["v"], g * g, 1 - self.beta2)

    def divisor(self, v: Tensor, t: int) -> Tensor:
        """P [R, P] of the t-th step."""
        return v.sqrt() + self.eps

    def preconditioner(self, w: Tensor, g: Tensor, state: State) -> Tensor:
        return self.divisor(self.moment(self.decayed(w, g), state), state["t"] + 1)

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        g, t = self.decayed(w, g), state["t"] + 1
        v = self.moment(g, state)
        return descend(w, self.lr, g, self.divisor(v, t)), {"v": v, "t": t}

    def stability_threshold(self) -> Value:
        return 2 / self.lr


@dataclass(frozen=True)
class Adam(RMSProp):
    """Adam (Kingma & Ba 2015): m <- beta1 m + (1 - beta1) g, v as in RMSProp;  w <- w - lr m / P,
    P = (1 - beta1^t) (sqrt(v / (1 - beta2^t)) + eps), t from 1.

    Stable while P^-1 H < (2 + 2 beta1) / ((1 - beta1) lr).
    """

    label = "Adam"
    formula = "(2+2β₁)/((1−β₁) lr)"
    beta1: Value = knob(0.9, 0.0, 0.99, domain="[0, 1)", label="momentum β₁")

    def init(self, w: Tensor) -> State:
        return {"m": torch.zeros_like(w), "v": torch.zeros_like(w), "t": 0}

    def divisor(self, v: Tensor, t: int) -> Tensor:
        scale = 1 - self.beta1**t
        return v.sqrt() * (scale / (1 - self.beta2**t) ** 0.5) + scale * self.eps

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        g, t = self.decayed(w, g), state["t"] + 1
        m = torch.lerp(state["m"], g, 1 - self.beta1)
        v = self.moment(g, state)
        return descend(w, self.lr, m, self.divisor(v, t)), {"m": m, "v": v, "t": t}

    def stability_threshold(self) -> Value:
        return (2 + 2 * self.beta1) / ((1 - self.beta1) * self.lr)


@dataclass(frozen=True)
class AdamW(Adam):
    """AdamW (Loshchilov & Hutter 2019): Adam on the bare gradient after w <- (1 - lr decay) w.

    Stable while P^-1 H < (2 - lr decay) (1 + beta1) / ((1 - beta1) lr).
    """

    label = "AdamW"
    formula = "(2−lr λ)(1+β₁)/((1−β₁) lr)"
    coupled = False
    weight_decay: Value = knob(0.0, 0.0, 5.0, domain="[0, inf)")

    def decayed(self, w: Tensor, g: Tensor) -> Tensor:
        return g

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        return super().step(w * (1 - self.lr * self.weight_decay), g, state, at)

    def stability_threshold(self) -> Value:
        factor = (1 + self.beta1) / ((1 - self.beta1) * self.lr)
        return (2 - self.lr * self.weight_decay) * factor
