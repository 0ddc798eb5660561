"""The linear model by hand: loss, gradient and Hessian-vector products, a stack at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lab_core.models.linear import Linear


class LinearKernel:
    """Outputs, loss and derivatives of the mean loss over x [R or 1, N, d], y [R or 1, N, c].

    Data that all replicas share are multiplied once, by the weights of all: [R c, d] [d, N].
    """

    def __init__(self, model: Linear, loss: Any, x: Tensor, y: Tensor, replicas: int):
        self.loss, self.R, self.c = loss, replicas, y.shape[2]
        self.feed(x, y)

    def feed(self, x: Tensor, y: Tensor) -> None:
        """Replace the examples by others."""
        self.n, self.d = x.shape[1:]
        self.shared = len(x) == 1
        self.x = x[0].contiguous() if self.shared else x.contiguous()
        self.back = (self.x.mT / self.n).contiguous()  # [d, N], for it is the faster way round
        self.y = y.mT.contiguous().mT  # laid out as the outputs are

    def outputs(self, w: Tensor) -> Tensor:
        """f [R, N, c], its examples last in memory."""
        W = w.view(self.R, self.d, self.c).mT
        if self.shared:
            return torch.mm(W.reshape(-1, self.d), self.x.T).view(self.R, self.c, self.n).mT
        return torch.bmm(W, self.x.mT).mT

    def _back(self, slope: Tensor) -> Tensor:
        """J^T slope / N as [R, P], of slopes [R, N, c]."""
        if self.shared:
            G = torch.mm(slope.mT.reshape(-1, self.n), self.back.T)
            return G.view(self.R, self.c, self.d).mT.reshape(self.R, -1)
        return torch.bmm(self.back, slope).reshape(self.R, -1)

    def gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and its gradient [R, P]."""
        loss, slope = self.loss.first(self.outputs(w), self.y)
        return loss, self._back(slope)

    def hvp(self, w: Tensor) -> Callable[[Tensor], Tensor]:
        """v [R, P] -> H(w) v = J^T (d^2 l / df^2) J v / N; J is x."""
        f = self.outputs(w)
        return lambda v: self._back(self.loss.second(f, self.y, self.outputs(v)))
