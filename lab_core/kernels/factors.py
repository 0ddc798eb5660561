"""Factored matrices by hand: outputs, loss and gradient from linear measurements, a stack at a time.

Where all replicas share dense measurements, theirs is one matrix product with all their matrices; of
symmetric ones only a triangle counts, which halves it. Entries are a weighted matrix, not a list.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lab_core.models import views
from lab_core.models.factors import Factors, SymmetricFactors, combined, measured, side


class FactorKernel:
    """Outputs, loss and gradient of the mean loss over x [R or 1, N, d], y [R or 1, N, c]."""

    def __init__(self, model: Factors, loss: Any, x: Tensor, y: Tensor, replicas: int):
        self.model, self.loss, self.R = model, loss, replicas
        self.shapes = model.shapes(x.shape[2], y.shape[2])
        self.side = side(x.shape[2], y.shape[2])
        self.symmetric = isinstance(model, SymmetricFactors)
        self.dense = Dense(self.side, self.symmetric, x) if y.shape[2] == 1 else None
        self.feed(x, y)

    def feed(self, x: Tensor, y: Tensor) -> None:
        """Replace the measurements by others."""
        self.n = x.shape[1]
        self.y = y.expand(self.R, -1, -1)
        if self.dense:
            self.x = self.dense.packed(x)
            return
        self.rows: Tensor | None
        self.rows, self.weights = x.split(self.side, -1)
        eye = torch.eye(self.side, dtype=x.dtype, device=x.device)
        if self.n == self.side and bool((self.rows == eye).all()):
            self.rows = None  # all of them, in their order
        self.scaled = self.weights / self.n

    def outputs(self, w: Tensor) -> Tensor:
        """f [R, N, c]; leaves the factors behind."""
        self.left, self.right = self.model.factors(views(w, self.shapes))
        if self.dense:
            return self.dense.measured(self.x, torch.bmm(self.left, self.right.mT))[..., None]
        left = self.left if self.rows is None else self.rows @ self.left
        return torch.bmm(left, self.right.mT).mul_(self.weights)

    def gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R]; with D = dL/dM it is D G for F and D^T F for G, and their sum where the
        factors are one.
        """
        loss, d = self.loss.first(self.outputs(w), self.y)
        if self.dense:
            D = self.dense.adjoint(self.x, d[..., 0] / self.n)
        else:
            D = d * self.scaled if self.rows is None else self.rows.mT @ (d * self.scaled)
        if self.symmetric:
            return loss, torch.bmm(D + D.mT, self.left).flatten(1)
        both = torch.bmm(D, self.right), torch.bmm(D.mT, self.left)
        return loss, torch.cat([g.flatten(1) for g in both], 1)


class Dense:
    """Measurements <A, M>: all of A, or, of symmetric M, A + A^T above its diagonal and A on it."""

    def __init__(self, n: int, symmetric: bool, like: Tensor):
        self.n, self.symmetric = n, symmetric
        row, column = torch.triu_indices(n, n, device=like.device)
        self.above, self.below = row * n + column, column * n + row
        self.half = torch.where(row == column, 0.5, 1.0).to(like)

    def packed(self, x: Tensor) -> Tensor:
        """What counts of A [R or 1, N, n n]."""
        if not self.symmetric:
            return x
        return x[..., self.above].add_(x[..., self.below]).mul_(self.half)

    def measured(self, x: Tensor, M: Tensor) -> Tensor:
        """<A, M> [R, N]."""
        z = M.flatten(1)
        return measured(x, z[:, self.above] if self.symmetric else z)

    def adjoint(self, x: Tensor, r: Tensor) -> Tensor:
        """sum_i r_i A_i [R, n, n], or its symmetric part."""
        z = combined(x, r)
        if self.symmetric:
            both = z.new_empty(len(z), self.n**2)
            both[:, self.above] = both[:, self.below] = z
            z = both.mul_(0.5)
            z.view(-1, self.n, self.n).diagonal(dim1=1, dim2=2).mul_(2)
        return z.view(-1, self.n, self.n)
