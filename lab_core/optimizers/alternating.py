"""Alternating minimisation over the two factors of a matrix, each update exact or by a few CG steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.models.base import per_replica
from lab_core.models.factors import combined, measured
from lab_core.optimizers.base import At, Optimizer, State, Value

Map = Callable[[Tensor], Tensor]
DAMPING = 1e4  # times the rounding error: added to the Hessian, whose scale is 1 for isotropic data


class Entries:
    """Weighted entries, x [R or 1, n, 2n] of every row in its order: A*A(P) = W^2 * P, so each row of a
    factor has normal equations of its own.
    """

    own: tuple[int, ...] = (-1,)  # what one system of equations extends over, of a factor [R, n, k]

    def __init__(self, x: Tensor, y: Tensor):
        self.weights, self.y = x[..., y.shape[2] :], y
        self.squared = self.weights.square()

    def residual(self, P: Tensor) -> Tensor:
        """A*(y - A(P)) [R, n, n]."""
        return torch.addcmul(self.y, self.weights, P, value=-1).mul_(self.weights)

    def normal(self, P: Tensor) -> Tensor:
        """A*A(P)."""
        return self.squared * P

    def matrix(self, G: Tensor, flip: bool) -> Tensor:
        """Of every row i, sum_j W_ij^2 g_j g_j^T [R, n, k, k]."""
        squared = self.squared.mT if flip else self.squared
        pairs = (G[..., None] * G[..., None, :]).flatten(2)
        return (squared @ pairs).unflatten(2, (G.shape[2], -1))


class Dense:
    """Measurements <A_i, M>, x [R or 1, N, n^2]: one system for all rows of a factor."""

    own = (-2, -1)

    def __init__(self, x: Tensor, y: Tensor):
        self.x, self.y = x, y

    def residual(self, P: Tensor) -> Tensor:
        return combined(self.x, self.y[..., 0] - measured(self.x, P.flatten(1))).view_as(P)

    def normal(self, P: Tensor) -> Tensor:
        return combined(self.x, measured(self.x, P.flatten(1))).view_as(P)

    def matrix(self, G: Tensor, flip: bool) -> Tensor:
        """B^T B [R, n k, n k] of the rows B_i = A_i G."""
        n = G.shape[1]
        A = self.x.unflatten(2, (n, n))
        B = ((A.mT if flip else A) @ G[:, None]).flatten(2)
        return B.mT @ B


def conjugate_gradients(product: Map, r: Tensor, steps: int, own: tuple[int, ...]) -> Tensor:
    """`steps` of them from 0 on the systems H v = r (Hestenes & Stiefel 1952), each over the axes
    `own`.
    """
    tiny = torch.finfo(r.dtype).tiny
    v, p, power = torch.zeros_like(r), r, r.square().sum(own, keepdim=True)
    for left in reversed(range(steps)):
        Hp = product(p)
        a = power / (p * Hp).sum(own, keepdim=True).clamp_min(tiny)
        v = v + a * p
        if left:
            r, before = r - a * Hp, power
            power = r.square().sum(own, keepdim=True)
            p = r + power / before.clamp_min(tiny) * p
    return v


def solved(H: Tensor, r: Tensor, shift: Any) -> Tensor:
    """(H + shift I)^-1 r, by Cholesky; H [R, n, k, k], of every row, or [R, n k, n k]."""
    H = H + shift * torch.eye(H.shape[-1]).to(H)
    L = torch.linalg.cholesky_ex(H).L  # which does not raise where a replica has diverged
    rows = r if H.dim() == 4 else r.flatten(1)
    return torch.cholesky_solve(rows[..., None], L).view_as(r)


@dataclass(frozen=True)
class AlternatingMinimisation(Optimizer):
    """Alternating minimisation of F G^T (Jain, Netrapalli & Sanghavi 2013), with exact or inexact
    updates (Gu, Song, Yin & Zhang 2023). A step is a pass:

    G = Q R becomes Q and F becomes F R^T, whose product is the same; then F <- F + lr v, where v = H^-1
    (-dL/dF) with the Hessian H of L in F leads to the least squares given G; then the same for G. With
    `updates` = j > 0, v is what j steps of conjugate gradients from 0 find, a warm start from F.

    It minimises the squared error (1/2N) sum |A_i(F G^T) - y_i|^2 + weight_decay/2 |F|^2 over all
    examples, whatever the run's loss and batch size are. H has `DAMPING` rounding errors added: what a
    row with fewer entries than k leaves open stays as it is, and a solution stays one.
    """

    label = "alternating minimisation"
    models = ("asymmetric-factors",)
    lr: Value = knob(1.0, 0.1, 1.0, log=True, domain="(0, inf)", label="learning rate",
                     help="1 is the whole way to the least squares")  # fmt: skip
    updates: int = knob(0, 0, 5, domain="[0, 1000]", label="CG steps an update",
                        help="0 solves the least squares exactly")  # fmt: skip

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        x, y = at.objective.x, at.objective.y
        data = Dense(x, y) if y.shape[2] == 1 else Entries(x, y)
        F, G = at.views(w).values()
        F, G = self.updated(F, G, data, False)
        G, F = self.updated(G, F, data, True)
        return torch.cat([F.flatten(1), G.flatten(1)], 1), state

    def updated(
        self, F: Tensor, G: Tensor, data: Entries | Dense, flip: bool
    ) -> tuple[Tensor, Tensor]:
        """F one update further and G made orthonormal; `flip` where they are those of M^T."""
        G, R = torch.linalg.qr(G)
        F = F @ R.mT
        N = data.y.shape[1]
        decay = N * per_replica(self.weight_decay)
        shift = decay + N * DAMPING * torch.finfo(F.dtype).eps

        def along(act: Map, P: Tensor) -> Tensor:
            """What `act` makes of a product of the factors, times G."""
            return (act(P.mT).mT if flip else act(P)) @ G

        r = along(data.residual, F @ G.mT) - decay * F
        if self.updates:
            v = conjugate_gradients(
                lambda p: along(data.normal, p @ G.mT) + shift * p, r, self.updates, data.own
            )
        else:
            v = solved(data.matrix(G, flip), r, _over(shift, data.own))
        return F + per_replica(self.lr) * v, G

    def stability_threshold(self) -> Value:
        """None is stated in the curvature of the loss: it divides by the Hessian in one factor."""
        return float("nan")


def _over(shift: Any, own: tuple[int, ...]) -> Any:
    """A knob [R, 1, 1] as a factor of the matrices: of every row, [R, 1, 1, 1]."""
    return shift[..., None] if isinstance(shift, Tensor) and len(own) == 1 else shift
