"""The diagonal linear net by hand: loss, gradient and Hessian-vector products, a stack at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lab_core.models.diagonal import DiagonalLinear


class DiagonalKernel:
    """Outputs, loss and derivatives of the mean loss over x [R or 1, N, d], y [R or 1, N, c]."""

    def __init__(self, model: DiagonalLinear, loss: Any, x: Tensor, y: Tensor, replicas: int):
        self.loss, self.R = loss, replicas
        self.feed(x, y)

    def feed(self, x: Tensor, y: Tensor) -> None:
        """Replace the examples by others."""
        self.n = x.shape[1]
        self.x, self.y = (t.expand(self.R, -1, -1).contiguous() for t in (x, y))
        self.back = self.x.mT / self.n

    def halves(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """u and v, [R, d, c] each."""
        u, v = w.view(self.R, 2, self.x.shape[2], -1).unbind(1)
        return u, v

    def outputs(self, w: Tensor) -> Tensor:
        """f [R, N, c]."""
        u, v = self.halves(w)
        return torch.bmm(self.x, u * u - v * v)

    def gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R], and with G = dL/d(u * u - v * v) its gradient (2 u G, -2 v G) [R, P]."""
        loss, d = self.loss.first(self.outputs(w), self.y)
        return loss, self._by_halves(w, 2 * torch.bmm(self.back, d))

    def _by_halves(self, w: Tensor, G: Tensor) -> Tensor:
        """(u G, -v G) [R, P]."""
        u, v = self.halves(w)
        return torch.stack((u * G, -v * G), 1).view_as(w)

    def hvp(self, w: Tensor) -> Callable[[Tensor], Tensor]:
        """t [R, P] -> H(w) t: with b = u * u - v * v, J^T (d^2 L / db^2) J t + (2 G, -2 G) * t."""
        f = self.outputs(w)
        G = 2 * torch.bmm(self.back, self.loss.first(f, self.y)[1])

        def product(t: Tensor) -> Tensor:
            (u, v), (du, dv) = self.halves(w), self.halves(t)
            moved = torch.bmm(self.x, 2 * (u * du - v * dv))
            bent = 2 * torch.bmm(self.back, self.loss.second(f, self.y, moved))
            return self._by_halves(w, bent) + self._by_halves(t, G)

        return product
