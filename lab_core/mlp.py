"""The MLP by hand: forward, gradient, and Pearlmutter's R-operator, for a stack of replicas.

Each layer's weights and bias lie together in `w`, so with a last column b of activations one matrix
product serves both: z = s [a, t/s] [W; b]. Buffers are made once; autograd is the oracle in tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lab_core.models import ACTIVATIONS, MLP, Layer

_aten = torch.ops.aten
# a = phi(z) written where the next layer reads it; (z, a)
_FORWARD: dict[str, Callable[[Tensor, Tensor], object]] = {
    "tanh": lambda z, a: torch.tanh(z, out=a),
    "relu": lambda z, a: torch.clamp_min(z, 0, out=a),
    "gelu": lambda z, a: a.copy_(ACTIVATIONS["gelu"].value(z)),
    "linear": lambda z, a: a.copy_(z),
}
# d/dz of a = phi(z) times e, fused, where torch has it; (e, z, a) -> [R, N, n]
_BACKWARD: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "tanh": lambda e, z, a: _aten.tanh_backward(e, a),
    "relu": lambda e, z, a: _aten.threshold_backward(e, z, 0),
    "gelu": lambda e, z, a: _aten.gelu_backward(e, z),
    "linear": lambda e, z, a: e,
}


class Kernel:
    """Loss, gradient and Hessian-vector products of the mean loss over x [R, N, d], y [R, N, c]."""

    def __init__(self, model: MLP, loss: Any, x: Tensor, y: Tensor, replicas: int):
        self.loss, self.y, self.n = loss, y.expand(replicas, -1, -1), x.shape[1]
        self.layers: list[Layer] = model.layers(x.shape[2], y.shape[2])
        self.blocks = [(m.fan_in + model.bias, m.fan_out) for m in self.layers]
        self.sizes = [m * n for m, n in self.blocks]
        self.phi = ACTIVATIONS[model.activation]
        self.forward, self.backward = _FORWARD[model.activation], _BACKWARD[model.activation]
        self.w = x.new_empty(replicas, sum(self.sizes))
        self.W = self._blocks(self.w)
        # one contiguous tensor a layer: a batched product into a piece of a larger one is a loop
        self.G = [x.new_empty(replicas, *b) for b in self.blocks]
        self.flat = [G.view(replicas, -1) for G in self.G]
        # the transposed weights without the bias row carry the error backwards
        self.WT = [W[:, : m.fan_in].mT for W, m in zip(self.W, self.layers, strict=True)]
        self.a = [self._input(x, m, replicas if i else x.shape[0], model.bias)
                  for i, m in enumerate(self.layers)]  # fmt: skip
        self.inner = [a[..., : m.fan_in] for a, m in zip(self.a, self.layers, strict=True)]
        self.inner[0].copy_(x)
        self.a[0] = self.a[0].expand(replicas, -1, -1)
        self.aT = [a.mT for a in self.a]
        self.Ra = [torch.zeros_like(a) for a in self.a[1:]]  # R of inputs; that of the bias is 0
        self.Rinner = [r[..., : m.fan_in] for r, m in zip(self.Ra, self.layers[1:], strict=True)]
        self.z = [x.new_empty(replicas, self.n, m.fan_out) for m in self.layers]

    def _input(self, x: Tensor, layer: Layer, replicas: int, bias: bool) -> Tensor:
        """A layer's input [R, N, fan_in (+ 1)] whose last column is what multiplies the bias."""
        fill = layer.bias_scale / layer.weight_scale
        return x.new_full((replicas, self.n, layer.fan_in + bias), fill)

    def _blocks(self, flat: Tensor) -> list[Tensor]:
        pieces = torch.split(flat, self.sizes, dim=1)
        return [p.view(-1, *b) for p, b in zip(pieces, self.blocks, strict=True)]

    def feed(self, x: Tensor, y: Tensor) -> None:
        """Replace the examples by others [R, N, d], [R, N, c] (a minibatch)."""
        self.inner[0].copy_(x)
        self.y = y

    def outputs(self, w: Tensor) -> Tensor:
        """f [R, N, c]; leaves every layer's z and a behind."""
        self.w.copy_(w)
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            z, s = self.z[i], layer.weight_scale
            torch.baddbmm(z, self.a[i], self.W[i], beta=0, alpha=s, out=z)
            if i < last:
                self.forward(z, self.inner[i + 1])
        return self.z[last]

    def gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and its gradient [R, P]."""
        loss, d = self.loss.first(self.outputs(w), self.y)
        d = d / self.n
        for i in reversed(range(len(self.layers))):
            s = self.layers[i].weight_scale
            torch.baddbmm(self.G[i], self.aT[i], d, beta=0, alpha=s, out=self.G[i])
            if i:
                e = self._scaled(torch.bmm(d, self.WT[i]), s)
                d = self.backward(e, self.z[i - 1], self.inner[i])
        return loss.mean(-1), torch.cat(self.flat, 1)

    def hvp(self, w: Tensor) -> Callable[[Tensor], Tensor]:
        """v [R, P] -> H(w) v [R, P], by the R-operator (Pearlmutter 1994).

        R z = s (R[a] W + a V); R a = phi'(z) R z; backwards, with e = s d W^T and d = phi'(z) e:
        R e = s (R[d] W^T + d V^T); R d = phi'(z) R e + phi''(z) e R z. What does not depend on v is
        computed once here, and is valid until the kernel is used at other weights.
        """
        f = self.outputs(w)
        d: list[Tensor] = [self.loss.first(f, self.y)[1] / self.n]
        first: list[Tensor] = []
        second: list[Tensor] = []
        for i in reversed(range(1, len(self.layers))):
            z, a = self.z[i - 1], self.inner[i]
            e = self._scaled(torch.bmm(d[0], self.WT[i]), self.layers[i].weight_scale)
            first.insert(0, self.phi.first(z, a))
            second.insert(0, self.phi.second(z, a) * e)
            d.insert(0, e * first[0])

        def product(v: Tensor) -> Tensor:
            V, H = self._blocks(v), [torch.empty_like(G) for G in self.G]
            Rz = self._forward(V, first)
            Rd = self.loss.second(f, self.y, Rz[-1]) / self.n
            for i in reversed(range(len(self.layers))):
                s, m = self.layers[i].weight_scale, self.layers[i].fan_in
                torch.baddbmm(H[i], self.aT[i], Rd, beta=0, alpha=s, out=H[i])
                if i:
                    H[i].baddbmm_(self.Ra[i - 1].mT, d[i], alpha=s)
                    Re = torch.bmm(Rd, self.WT[i]).baddbmm_(d[i], V[i][:, :m].mT)
                    Rd = torch.addcmul(second[i - 1] * Rz[i - 1], first[i - 1], self._scaled(Re, s))
            return torch.cat([h.flatten(1) for h in H], 1)

        return product

    def _forward(self, V: list[Tensor], first: list[Tensor]) -> list[Tensor]:
        """R z of every layer; leaves R a of every layer's input behind (the data do not move)."""
        Rz: list[Tensor] = []
        for i, layer in enumerate(self.layers):
            r = self._scaled(torch.bmm(self.a[i], V[i]), layer.weight_scale)
            if i:
                torch.mul(first[i - 1], Rz[-1], out=self.Rinner[i - 1])
                r.baddbmm_(self.Ra[i - 1], self.W[i], alpha=layer.weight_scale)
            Rz.append(r)
        return Rz

    @staticmethod
    def _scaled(x: Tensor, s: float) -> Tensor:
        return x if s == 1 else x.mul_(s)
