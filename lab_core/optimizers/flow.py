"""Gradient flow: the path of gradient descent in infinitely small steps, by a method for stiff problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.optimizers.base import At, Optimizer, State, Value

Slope = Callable[[Tensor], Tensor]

STAGES = 250  # of a substep, at most
REACH = 0.65 * (STAGES**2 - 1)  # of a substep, at most: its length times the curvature
SUBSTEPS = 300  # of a step; after so many, each is at least `SHARE` of the rest, whatever its error
SHARE = 0.05
AGAIN = 10  # substeps after which the top curvature is looked at again
DAMPING = 2 / 13
FLOOR = 100  # roundings of ||w|| below which an error is not asked to be


class Stage(NamedTuple):
    """w_j = (1 - mu - nu) w_0 + mu w_{j-1} + nu w_{j-2} + h (mu_f F_{j-1} + gamma_f F_0)."""

    mu: float
    nu: float
    mu_f: float
    gamma_f: float


@lru_cache
def stages(s: int) -> tuple[float, list[Stage]]:
    """The coefficients of s >= 2 stages (Sommeijer, Shampine & Verwer 1998): of the first one h F_0,
    and of the others. Stable while h times the curvature is below about 0.65 (s^2 - 1).
    """
    x = 1 + DAMPING / s**2
    T, D, C = [1.0, x], [0.0, 1.0], [0.0, 0.0]  # Chebyshev polynomials at x, 1st and 2nd derivative
    for _ in range(2, s + 1):
        C.append(4 * D[-1] + 2 * x * C[-1] - C[-2])
        D.append(2 * T[-1] + 2 * x * D[-1] - D[-2])
        T.append(2 * x * T[-1] - T[-2])
    b = [C[j] / D[j] ** 2 if j > 1 else C[2] / D[2] ** 2 for j in range(s + 1)]
    b[1] = 1 / x
    scale = D[s] / C[s]
    found = []
    for j in range(2, s + 1):
        mu, nu = 2 * b[j] * x / b[j - 1], -b[j] / b[j - 2]
        mu_f = 2 * b[j] * scale / b[j - 1]
        found.append(Stage(mu, nu, mu_f, -(1 - b[j - 1] * T[j - 1]) * mu_f))
    return b[1] * scale, found


@dataclass(frozen=True)
class GradientFlow(Optimizer):
    """dw/dt = -(grad L + decay w), by the time `lr` a step, on all examples.

    Runge-Kutta-Chebyshev (Sommeijer, Shampine & Verwer 1998): of second order, explicit, and with s
    gradients stable as far as s^2 / 3 of Euler's would be. A step is cut into substeps whose error,
    as estimated, is below `tolerance` of ||w||; s follows from the top curvature, by power iteration.
    At kinks, as of ReLU nets, where no substep is short enough, it goes on after `SUBSTEPS` of them.
    It has no stability threshold. Batches and filters do not change it: it asks for its gradients
    itself.
    """

    label = "gradient flow"
    lr: Value = knob(0.1, 1e-3, 10.0, log=True, domain="(0, inf)", label="time of a step")
    tolerance: Value = knob(1e-6, 1e-8, 1e-3, log=True, domain="(0, 1)")

    def init(self, w: Tensor) -> State:
        row = torch.randn(w.shape[1], generator=torch.Generator().manual_seed(0)).to(w)
        return {"length": torch.full_like(w[:, :1], torch.inf), "top": row.expand_as(w).clone()}

    def stability_threshold(self) -> Value:
        return torch.nan

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        def slope(w: Tensor) -> Tensor:
            return -self.decayed(w, at.objective.gradient(w)[1])

        F, h, top = slope(w), state["length"], state["top"]
        left = torch.where(F.isfinite().all(1, keepdim=True), torch.as_tensor(self.lr).to(w), 0.0)
        radius, tried = left, 0
        while bool((left > 0).any()) and tried < 2 * SUBSTEPS:
            if tried % AGAIN == 0:
                radius, top = self.radius(w, top, at)
            hasty = tried >= SUBSTEPS
            length = torch.maximum(h, SHARE * left) if hasty else h
            length = torch.minimum(torch.minimum(length, left), REACH / radius)
            new, F_new = substep(slope, w, F, length, radius)
            error = self.error(w, new, F, F_new, length)
            good = (left > 0) & (error.isfinite() if hasty else error <= 1)
            h = torch.where(left > 0, after(h, length, error, good), h)
            w, F = torch.where(good, new, w), torch.where(good, F_new, F)
            left, tried = torch.where(good, left - length, left), tried + 1
        return torch.where(left > 0, torch.nan, w), {"length": h, "top": top}

    def error(self, w: Tensor, new: Tensor, F: Tensor, F_new: Tensor, h: Tensor) -> Tensor:
        """The estimated error of a substep [R, 1] as a multiple of what is tolerated."""
        estimate = 0.8 * (w - new) + 0.4 * h * (F + F_new)
        size = torch.maximum(w.norm(dim=1), new.norm(dim=1))[:, None]
        least = FLOOR * torch.finfo(w.dtype).eps
        tolerance = torch.as_tensor(self.tolerance).to(w).clamp_min(least)
        found = estimate.norm(dim=1)[:, None] / (tolerance * size).clamp_min(1e-30)
        return found.nan_to_num(nan=torch.inf)

    def radius(self, w: Tensor, v: Tensor, at: At) -> tuple[Tensor, Tensor]:
        """A bound [R, 1] on |curvature|, decay included, from power iteration; and its vector."""
        product, before = at.objective.hvp(w), torch.zeros_like(w[:, :1])
        for _ in range(50):
            v = v / v.norm(dim=1, keepdim=True).clamp_min(1e-30)
            v = product(v) + self.weight_decay * v
            size = v.norm(dim=1, keepdim=True)
            if bool((size <= 1.05 * before).all()):
                break
            before = size
        return (1.2 * size).clamp_min(1e-30), v


def after(h: Tensor, length: Tensor, error: Tensor, good: Tensor) -> Tensor:
    """The next length to try; one that was cut short by the end of a step says nothing against h."""
    better = length * (0.8 * error.clamp_min(1e-9) ** (-1 / 3)).clamp(0.1, 5.0)
    return torch.where(good & (length < h), h.maximum(better), better)


def substep(slope: Slope, w: Tensor, F: Tensor, h: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """w [R, P] after a time h [R, 1], and the slope F there; as many stages as the stiffest needs."""
    s = max(2, 1 + int(float((1 + 1.54 * h * radius).nan_to_num(0.0).max()) ** 0.5))
    first, others = stages(s)
    pull = h * F
    before, now = w, w + first * pull
    for mu, nu, mu_f, gamma_f in others:
        new = (1 - mu - nu) * w + gamma_f * pull
        new = new.add_(now, alpha=mu).add_(before, alpha=nu).addcmul_(h, slope(now), value=mu_f)
        before, now = now, new
    return now, slope(now)
