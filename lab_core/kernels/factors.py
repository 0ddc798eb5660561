"""Factored matrices by hand: outputs, loss and gradient from linear measurements, a stack at a time.

Where all replicas share dense measurements, theirs is one matrix product with all their matrices; and
entries are a weighted matrix, not a list.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lab_core.models import views
from lab_core.models.factors import Factors, SymmetricFactors, adjoint, side


class FactorKernel:
    """Outputs, loss and gradient of the mean loss over x [R or 1, N, d], y [R or 1, N, c]."""

    def __init__(self, model: Factors, loss: Any, x: Tensor, y: Tensor, replicas: int):
        self.model, self.loss, self.R = model, loss, replicas
        self.shapes = model.shapes(x.shape[2], y.shape[2])
        self.symmetric = isinstance(model, SymmetricFactors)
        self.feed(x, y)

    def feed(self, x: Tensor, y: Tensor) -> None:
        """Replace the measurements by others."""
        self.x, self.n = x, x.shape[1]
        self.y = y.expand(self.R, -1, -1)
        side_ = side(x.shape[2], y.shape[2])
        self.rows, self.weights = x.split(side_, -1) if y.shape[2] > 1 else (None, None)
        whole = self.rows is not None and self.n == side_
        if whole and bool((self.rows == torch.eye(side_).to(x)).all()):
            self.rows = None  # all rows in their order
        self.scaled = None if self.weights is None else self.weights / self.n

    def outputs(self, w: Tensor) -> Tensor:
        """f [R, N, c]; leaves the factors behind."""
        self.left, self.right = self.model.factors(views(w, self.shapes))
        if self.weights is not None:
            left = self.left if self.rows is None else self.rows @ self.left
            return torch.bmm(left, self.right.mT).mul_(self.weights)
        Z = torch.bmm(self.left, self.right.mT).flatten(1)
        if len(self.x) == 1:
            return (Z @ self.x[0].T)[..., None]
        return torch.bmm(self.x, Z[..., None])

    def gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R]; with D = dL/dM it is D G for F and D^T F for G, and their sum where the
        factors are one.
        """
        loss, d = self.loss.first(self.outputs(w), self.y)
        D = self._by_matrix(d)
        if self.symmetric:
            return loss, torch.bmm(D + D.mT, self.left).flatten(1)
        both = torch.bmm(D, self.right), torch.bmm(D.mT, self.left)
        return loss, torch.cat([g.flatten(1) for g in both], 1)

    def _by_matrix(self, d: Tensor) -> Tensor:
        """dL/dM [R, n, n] from dl/df [R, N, c]."""
        if self.weights is not None:
            d = d * self.scaled
            return d if self.rows is None else torch.bmm(self.rows.mT.expand(self.R, -1, -1), d)
        return adjoint(self.x, d) / self.n
