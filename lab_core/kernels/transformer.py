"""The transformer by hand: loss and gradient, for a stack of replicas.

Only "=" is read, so its query is one vector a replica, and a key or a value depends on a token and
its place alone: two tables of 2 c + 1 rows (a at 0, b at 1, "="). Attention is then a softmax of
three scores that are looked up, and its result a weighted bag of three rows of values a head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from lab_core.models import views
from lab_core.models.transformer import Transformer


class TransformerKernel:
    """Outputs, loss and gradient of the mean loss over pairs x [R or 1, N, 2], y [R or 1, N, c]."""

    def __init__(self, model: Transformer, loss: Any, x: Tensor, y: Tensor, replicas: int):
        self.loss, self.R, self.c = loss, replicas, y.shape[2]
        self.heads, self.width = model.heads, model.width
        self.scale = (model.heads / model.width) ** 0.5
        self.shapes = model.shapes(x.shape[2], self.c)
        self.M = model.mlp_width
        self.n = 0
        self.feed(x, y)

    def feed(self, x: Tensor, y: Tensor) -> None:
        """Replace the examples by others."""
        if self.n != x.shape[1]:
            self._room(x)
        rows, dev = 2 * self.c + 1, x.device
        place = torch.tensor([0, self.c], device=dev)
        a_b = (x.long() + place).expand(self.R, -1, -1)
        equals = a_b.new_full((1, 1, 1), rows - 1).expand(self.R, self.n, 1)
        first = torch.arange(self.R, device=dev)[:, None, None] * rows  # of each replica
        self.rows = (torch.cat((a_b, equals), 2) + first).view(-1, 3)
        self.columns = [r.contiguous() for r in self.rows.unbind(1)][:2]
        head = torch.arange(self.heads, device=dev)[:, None]
        self.bags = (self.rows[:, None] * self.heads + head).view(-1, 3)  # [R N heads, 3]
        self.y = y.expand(self.R, -1, -1).mT.contiguous().mT  # laid out as the outputs are

    def _room(self, x: Tensor) -> None:
        """Buffers for N examples: fresh memory for each of these costs as much as their product."""
        self.n = x.shape[1]
        self.hidden, self.dh = (x.new_empty(self.R, self.n, self.M) for _ in range(2))
        self.r, self.m, self.dm, self.dz = (
            x.new_empty(self.R, self.n, self.width) for _ in range(4)
        )

    def outputs(self, w: Tensor) -> Tensor:
        """f [R, N, c]; leaves behind what the gradient needs."""
        self.p = p = views(w, self.shapes)
        self._attend(p)
        torch.baddbmm(p["mlp_in_bias"], self.r, p["mlp_in"], out=self.hidden).relu_()
        torch.baddbmm(self.r, self.hidden, p["mlp_out"], out=self.m).add_(p["mlp_out_bias"])
        return torch.bmm(p["unembed"].mT, self.m.mT).mT

    def _attend(self, p: dict[str, Tensor]) -> None:
        """r [R, N, width] at "=" after attention."""
        tokens, positions = p["tokens"], p["positions"]
        a, b = (tokens[:, :-1] + positions[:, i : i + 1] for i in (0, 1))
        last = tokens[:, -1:] + positions[:, 2:]
        self.X = torch.cat((a, b, last), 1)
        self.query = torch.bmm(last, p["query"]).view(self.R, 1, self.heads, -1)
        key = p["key"].view(self.R, self.width, self.heads, -1)
        self.read = (key * self.query).sum(-1).mul_(self.scale)  # [R, width, heads]
        self.values = torch.bmm(self.X, p["value"])
        scores = torch.bmm(self.X, self.read)
        self.A = torch.softmax(scores.view(-1)[self.bags], -1)  # [R N heads, 3]
        table = self.values.view(-1, self.width // self.heads)
        z = embedding_bag(self.bags, table, per_sample_weights=self.A, mode="sum")
        self.z = z.view(self.R, self.n, self.width)
        torch.baddbmm(last, self.z, p["mix"], out=self.r)

    def gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and its gradient [R, P]."""
        loss, d = self.loss.first(self.outputs(w), self.y)
        d, p = d.mT / self.n, self.p  # [R, c, N]
        g: dict[str, Tensor] = {"unembed": torch.bmm(self.m.mT, d.mT)}
        dm = torch.bmm(d.mT, p["unembed"].mT, out=self.dm)
        dh = torch.bmm(dm, p["mlp_out"].mT, out=self.dh)
        torch.ops.aten.threshold_backward(dh, self.hidden, 0, grad_input=dh)
        g["mlp_out"], g["mlp_out_bias"] = torch.bmm(self.hidden.mT, dm), dm.sum(1)
        g["mlp_in"], g["mlp_in_bias"] = torch.bmm(self.r.mT, dh), dh.sum(1)
        dr = dm.baddbmm_(dh, p["mlp_in"].mT)
        g["mix"] = torch.bmm(self.z.mT, dr)
        self._through_attention(g, torch.bmm(dr, p["mix"].mT, out=self.dz), dr.sum(1, keepdim=True))
        return loss, torch.cat([g[name].reshape(self.R, -1) for name in self.shapes], 1)

    def _through_attention(self, g: dict[str, Tensor], dz: Tensor, d_last: Tensor) -> None:
        """The gradients of all that comes before z, into g; `d_last` is that by the residual x_2."""
        p, c = self.p, self.c
        d_values, d_scores = self._by_tables(dz)
        g["value"] = torch.bmm(self.X.mT, d_values)
        d_read = torch.bmm(self.X.mT, d_scores).mul_(self.scale)[..., None]
        g["key"] = d_read * self.query
        key = p["key"].view_as(g["key"])
        d_query = (d_read * key).sum(1).view(self.R, 1, -1)
        dX = torch.bmm(d_values, p["value"].mT).baddbmm_(d_scores, self.read.mT)
        last = self.X[:, -1:]
        d_last = dX[:, -1:] + d_last + torch.bmm(d_query, p["query"].mT)
        g["query"] = torch.bmm(last.mT, d_query)
        places = [dX[:, :c], dX[:, c:-1]]
        g["tokens"] = torch.cat((places[0] + places[1], d_last), 1)
        g["positions"] = torch.cat([x.sum(1, keepdim=True) for x in places] + [d_last], 1)

    def _by_tables(self, dz: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient by the tables of values [R, 2c + 1, width] and scores [R, 2c + 1, heads]."""
        A = self.A.view(self.R, self.n, self.heads, 3)
        split = (self.heads, -1)
        dz_heads, values = dz.unflatten(-1, split), self.values.view(-1, self.width)
        d_values, dA = torch.zeros_like(self.values), torch.empty_like(A)
        for i, column in enumerate(self.columns):
            row = values.index_select(0, column).view_as(dz_heads)
            torch.sum(row.mul_(dz_heads), -1, out=dA[..., i])
            torch.mul(dz_heads, A[..., i, None], out=row)
            d_values.view(-1, self.width).index_add_(0, column, row.view(-1, self.width))
        equals = self.values[:, -1].unflatten(-1, split)  # the same row for every example
        dA[..., 2] = torch.einsum("rnhd,rhd->rnh", dz_heads, equals)
        d_values[:, -1] = torch.einsum("rnhd,rnh->rhd", dz_heads, A[..., 2]).flatten(1)
        d = torch.ops.aten._softmax_backward_data(dA, A, -1, A.dtype)
        d_scores = d.new_zeros(self.values.shape[0] * self.values.shape[1] * self.heads)
        d_scores.index_add_(0, self.bags.view(-1), d.view(-1))
        return d_values, d_scores.view(self.R, -1, self.heads)
