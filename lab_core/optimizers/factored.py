"""Optimizers of the factors of a matrix; each asks the model which factor multiplies which."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.models.base import per_replica
from lab_core.optimizers.base import At, Optimizer, State, Value
from lab_core.optimizers.momentum import GD


@dataclass(frozen=True)
class ScaledGD(Optimizer):
    """ScaledGD(lambda) (Tong, Ma & Chi 2021; Xu et al. 2023): F <- F - lr dL/dF (G^T G + lambda I)^-1,
    and G likewise with F; with one factor X it is its own partner.

    Near a solution the steps are those of a well-conditioned problem whatever the singular values;
    lambda keeps the inverse bounded where the rank is higher than it need be.
    """

    label = "scaled gradient descent"
    models = ("measurements",)
    damping: Value = knob(0.01, 1e-6, 1.0, log=True, domain="[0, inf)", label="damping λ")

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        factors, slopes = at.views(w), at.views(self.decayed(w, g))
        moves = []
        for name, partner in at.objective.model.partners.items():
            other = factors[partner]
            gram = other.mT @ other
            gram.diagonal(dim1=1, dim2=2).add_(self.damping)
            moves.append(torch.linalg.solve(gram, slopes[name].mT).mT.flatten(1))
        return w - self.lr * torch.cat(moves, 1), state

    def stability_threshold(self) -> Value:
        """None is stated in the curvature of the loss: what it divides by has no diagonal."""
        return float("nan")


@dataclass(frozen=True)
class RebalancedGD(GD):
    """Gradient descent with one other step (Xiong, Ding & Du 2023): at step `rebalance_at`, with F = A
    S B^T, F becomes beta A and G becomes G B S / beta. Their product is the same, and spare directions
    then converge at the rate lr beta^2, whatever the start; without, at lr times its imbalance.
    """

    label = "gradient descent, rebalanced once"
    models = ("measurements",)
    balance: Value = knob(1.0, 0.1, 2.0, domain="(0, inf)", label="scale β of F")
    rebalance_at: int = knob(200, 1, 2000, log=True, unit="steps", domain="[0, 10000000]",
                             label="rebalance at step")  # fmt: skip

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        factors = list(at.views(w).values())
        if at.t != self.rebalance_at or len(factors) < 2:
            return super().step(w, g, state, at)
        F, G = factors
        A, S, Bt = torch.linalg.svd(F, full_matrices=False)
        beta = per_replica(self.balance)
        pieces = beta * A, G @ Bt.mT * S[:, None] / beta
        return torch.cat([p.flatten(1) for p in pieces], 1), state
