"""The two-layer net on pairs by hand: loss and gradient, for a stack of replicas.

The first layer is a look-up in two tables that lie together in `w`, so one bag of two rows an
example is the forward pass, and two additions by index are its gradient. Outputs are kept as
[R, c, N]: a matrix product whose result has few columns takes twice the time. Large intermediates
have buffers of their own, since fresh memory costs as much as what is written to it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from lab_core.models.table import PairMLP


class TableKernel:
    """Outputs, loss and gradient of the mean loss over pairs x [R or 1, N, 2], y [R or 1, N, c]."""

    def __init__(self, model: PairMLP, loss: Any, x: Tensor, y: Tensor, replicas: int):
        self.loss, self.R, self.n, self.c = loss, replicas, x.shape[1], y.shape[2]
        self.width, self.square = model.width, model.activation == "square"
        self.a = x.new_empty(replicas, self.n, self.width)  # phi(h)
        self.dh, self.f = torch.empty_like(self.a), x.new_empty(replicas, self.c, self.n)
        self.feed(x, y)

    def feed(self, x: Tensor, y: Tensor) -> None:
        """Replace the examples by as many others."""
        first = torch.arange(self.R, device=x.device)[:, None, None] * 2 * self.c  # of each replica
        rows = x.long() + first + torch.tensor([0, self.c], device=x.device)
        self.rows = rows.reshape(-1, 2)
        self.columns = [r.contiguous() for r in self.rows.unbind(1)]
        self.y = y.expand(self.R, -1, -1).mT.contiguous().mT  # laid out as the outputs are

    def outputs(self, w: Tensor) -> Tensor:
        """f [R, N, c]; leaves h and phi(h) behind."""
        tables, self.U = w.split((2 * self.c * self.width, self.c * self.width), 1)
        self.U = self.U.reshape(self.R, self.c, self.width)
        h = embedding_bag(self.rows, tables.reshape(-1, self.width), mode="sum")
        self.h = h.view(self.R, self.n, self.width)
        if self.square:
            torch.square(self.h, out=self.a)
        else:
            torch.clamp_min(self.h, 0, out=self.a)
        return torch.bmm(self.U, self.a.mT, out=self.f).mT

    def gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and its gradient [R, P]."""
        loss, d = self.loss.first(self.outputs(w), self.y)
        d, a, h = d.mT, self.a, self.h  # d [R, c, N]
        # factors cost nothing within a product: 1 / N of the mean, and the 2 of the square's slope
        dU = torch.baddbmm(self.U, d, a, beta=0, alpha=1 / self.n)
        factor = (1 + self.square) / self.n
        dh = torch.baddbmm(self.dh, d.mT, self.U, beta=0, alpha=factor, out=self.dh)
        dh = dh.mul_(h) if self.square else torch.ops.aten.threshold_backward(dh, h, 0)
        tables = w.new_zeros(self.R * 2 * self.c, self.width)
        for column in self.columns:
            tables.index_add_(0, column, dh.view(-1, self.width))
        return loss, torch.cat((tables.view(self.R, -1), dU.flatten(1)), 1)
