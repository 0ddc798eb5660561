"""The linear model by hand: loss, gradient and Hessian-vector products, a stack at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lab_core.models.linear import Linear


class Rows:
    """Examples x [R or 1, N, d] as factors of products with the weights of R replicas.

    What all replicas share is multiplied once, by the weights of all. Both products are written the way
    round that is the fastest, in which the examples, or the inputs, come first.
    """

    def __init__(self, x: Tensor):
        self.n, self.shared = x.shape[1], len(x) == 1
        self.forth = x.mT[0].contiguous() if self.shared else x.mT
        self.back = (self.forth / self.n).contiguous()

    def times(self, W: Tensor) -> Tensor:
        """W [R, c, d] times every example, [R, c, N]."""
        if not self.shared:
            return torch.bmm(W, self.forth)
        return torch.mm(W.reshape(-1, W.shape[2]), self.forth).view(*W.shape[:2], -1)

    def mean(self, s: Tensor) -> Tensor:
        """(1/N) sum_i s_i x_i of slopes s [R, c, N], as [R, d c]."""
        if not self.shared:
            return torch.bmm(self.back, s.mT).flatten(1)
        G = torch.mm(self.back, s.reshape(-1, self.n).T).view(-1, *s.shape[:2])  # [d, R, c]
        return G.transpose(0, 1).reshape(len(s), -1)


class LinearKernel:
    """Outputs, loss and derivatives of the mean loss over x [R or 1, N, d], y [R or 1, N, c].

    A loss of signs is one of u = -y f alone, and so of u = -(y x) . w: the labels go into the examples.
    """

    def __init__(self, model: Linear, loss: Any, x: Tensor, y: Tensor, replicas: int):
        self.loss, self.R, self.c = loss, replicas, y.shape[2]
        self.feed(x, y)

    def feed(self, x: Tensor, y: Tensor) -> None:
        """Replace the examples by others."""
        self.n, self.d = x.shape[1:]
        self.y = y.mT.contiguous().mT  # laid out as the outputs are
        self.x = Rows(x)
        self.turned = Rows(-y * x) if self.c == 1 else None

    def _weights(self, w: Tensor) -> Tensor:
        return w.view(self.R, self.d, self.c).mT

    def outputs(self, w: Tensor) -> Tensor:
        """f [R, N, c], its examples last in memory."""
        return self.x.times(self._weights(w)).mT

    def gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and its gradient [R, P]."""
        if self.turned is not None and self.loss.targets == "signs":
            total, slope = self.loss.signed(self.turned.times(self._weights(w))[:, 0])
            return total / self.n, self.turned.mean(slope[:, None])
        loss, slope = self.loss.first(self.outputs(w), self.y)
        return loss, self.x.mean(slope.mT)

    def hvp(self, w: Tensor) -> Callable[[Tensor], Tensor]:
        """v [R, P] -> H(w) v = J^T (d^2 l / df^2) J v / N; J is x."""
        f = self.outputs(w)
        return lambda v: self.x.mean(self.loss.second(f, self.y, self.outputs(v)).mT)
