"""Gradient descent where it can be solved: on squared error, for models linear in their parameters.

The Hessian is H = V diag(s^2 / N) V^T + decay I, with the singular values s and right singular vectors
V of the examples as the model sees them, and the gradient at w says all that is left to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.optimizers.base import At, Optimizer, State, Value

LINEAR = ("linear", "random-features")


@dataclass(frozen=True)
class Spectral(Optimizer):
    """What both have in common: the eigenvalues and eigenvectors of H, and a gradient along them."""

    models: ClassVar[tuple[str, ...]] = LINEAR
    losses: ClassVar[tuple[str, ...]] = ("squared-error",)

    def curvature(self, at: At) -> tuple[Tensor, Tensor]:
        """The eigenvalues [R or 1, k] of H but for the decay, not 0, and V^T [R or 1, k, d].

        Where a singular value is 0 the eigenvalue is infinite: nothing moves along it.
        """
        s, Vt = at.objective.singular
        return (s.square() / at.objective.x.shape[1]).where(s > 0, torch.inf), Vt

    def stability_threshold(self) -> Value:
        """None is stated in the curvature of the loss: it knows the curvature itself."""
        return float("nan")


@dataclass(frozen=True)
class LeastSquares(Spectral):
    """w <- w - lr H^+ (g + decay w): with lr = 1 one step to the least squares, where the weight decay
    is the ridge, and without one to the solution that is nearest to w: from w = 0 that of least norm.

    That is where gradient descent would end. It asks for the gradient over all examples itself.
    """

    label = "least squares"
    lr: Value = knob(1.0, 0.1, 1.0, log=True, domain="(0, inf)", label="learning rate",
                     help="1 is the whole way to the least squares")  # fmt: skip

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        g = self.decayed(w, at.objective.gradient(w)[1])
        found, Vt = self.curvature(at)
        G = g.view(len(w), Vt.shape[2], -1)
        along = Vt @ G
        decay = column(self.weight_decay, w)
        whole = along / (found + decay)[..., None]
        move = Vt.mT @ whole
        if bool((decay > 0).any()):  # across the examples there is the ridge alone
            across = G - Vt.mT @ along
            move = move + torch.where(decay > 0, 1 / decay, 0.0)[..., None] * across
        return w - self.lr * move.reshape(w.shape), state


@dataclass(frozen=True)
class Leaps(Spectral):
    """Gradient descent, or heavy ball, at steps that lie ever farther apart: after t leaps it is where
    max(t, 10^(t / leaps)) steps lead.

    Along an eigenvector of H with eigenvalue h, where the gradient was g, a step changes the way gone d
    and the velocity v to d - eta v' and v' = beta v + g + h d: k steps do so by the k-th power of the
    matrix of (d, v, g). The learning
    rate is in units of 1 / h_1, the largest eigenvalue, decay included: eta = lr / h_1, stable below 2 +
    2 beta. It asks for the gradient over all examples itself.
    """

    label = "gradient descent, in leaps"
    lr: Value = knob(1.0, 0.01, 2.0, log=True, domain="(0, inf)", label="learning rate",
                     help="times the largest eigenvalue: stable below 2 + 2β")  # fmt: skip
    beta: Value = knob(0.0, 0.0, 0.999, domain="[0, 1)", label="momentum")
    leaps: int = knob(10, 1, 30, domain="[1, 1000000]", label="leaps a decade",
                      help="after so many, ten times as many steps")  # fmt: skip

    def taken(self, t: int) -> int:
        """The steps of gradient descent after t leaps."""
        return max(t, round(10 ** (t / self.leaps))) if t else 0

    def init(self, w: Tensor) -> State:
        return {"v": torch.zeros_like(w)}

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        k = self.taken(at.t + 1) - self.taken(at.t)
        g = self.decayed(w, at.objective.gradient(w)[1])
        found, Vt = self.curvature(at)
        decay = column(self.weight_decay, w)
        rate = column(self.lr, w) / (found[:, :1] + decay)
        shape = len(w), Vt.shape[2], -1
        G, v = g.view(shape), state["v"].view(shape)
        moved, swift = self.leap(Vt @ G, Vt @ v, found + decay, rate, k)
        move, speed = Vt.mT @ moved, Vt.mT @ swift
        if bool((decay > 0).any()):  # else there is no gradient across the examples
            rest = G - Vt.mT @ (Vt @ G), v - Vt.mT @ (Vt @ v)
            across = self.leap(*rest, decay, rate, k)
            move, speed = (
                a + (decay > 0)[..., None] * b for a, b in zip((move, speed), across, strict=True)
            )
        return w + move.reshape(w.shape), state | {"v": speed.reshape(w.shape)}

    def leap(self, g: Tensor, v: Tensor, h: Tensor, rate: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """How far k steps lead, and the velocity after them [R, m, c], from gradients and velocities
        along eigenvectors with eigenvalues h [R or 1, m or 1]; nowhere where h is infinite.
        """
        beta = column(self.beta, g)
        moves = h.isfinite()
        h, rate, beta = torch.broadcast_tensors(h.where(moves, 0.0), rate, beta)
        o, i = torch.zeros_like(h), torch.ones_like(h)
        M = torch.stack([1 - rate * h, -rate * beta, -rate, h, beta, i, o, o, i], -1)
        P = torch.linalg.matrix_power(M.unflatten(-1, (3, 3)), k) * moves[..., None, None]
        by_v, by_g = P[..., :2, 1, None], P[..., :2, 2, None]
        return (
            by_v[..., 0, :] * v + by_g[..., 0, :] * g,
            by_v[..., 1, :] * v + by_g[..., 1, :] * g,
        )


def column(knob: Value, like: Tensor) -> Tensor:
    """A knob as [R or 1, 1]."""
    return torch.as_tensor(knob, dtype=like.dtype, device=like.device).reshape(-1, 1)


def steps_taken(optimizer: Any, t: int) -> int:
    """The steps of gradient descent behind t steps of an optimizer."""
    taken: int = optimizer.taken(t) if isinstance(optimizer, Leaps) else t
    return taken
