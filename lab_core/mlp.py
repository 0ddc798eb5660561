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
        self.phi, self.backward = ACTIVATIONS[model.activation], _BACKWARD[model.activation]
        self.w = x.new_empty(replicas, sum(self.sizes))
        self.g = torch.empty_like(self.w)
        self.W, self.G = self._blocks(self.w), self._blocks(self.g)
        # the transposed weights without the bias row carry the error backwards
        self.WT = [W[:, : m.fan_in].mT for W, m in zip(self.W, self.layers, strict=True)]
        self.a = [self._input(x, m, replicas if i else x.shape[0], model.bias)
                  for i, m in enumerate(self.layers)]  # fmt: skip
        self.inner = [a[..., : m.fan_in] for a, m in zip(self.a, self.layers, strict=True)]
        self.inner[0].copy_(x)
        self.a[0] = self.a[0].expand(replicas, -1, -1)
        self.aT = [a.mT for a in self.a]
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
                self.inner[i + 1].copy_(self.phi.value(z))
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
        return loss.mean(-1), self.g.clone()

    def hvp(self, w: Tensor) -> Callable[[Tensor], Tensor]:
        """v [R, P] -> H(w) v [R, P], by the R-operator (Pearlmutter 1994).

        R z = s (R[a] W + a V); R a = phi'(z) R z; backwards, with e = s d W^T and d = phi'(z) e:
        R e = s (R[d] W^T + d V^T); R d = phi'(z) R e + phi''(z) e R z. What does not depend on v is
        computed once here, and is valid until the kernel is used at other weights.
        """
        f = self.outputs(w)
        d: list[Tensor] = [self.loss.first(f, self.y)[1] / self.n]
        first, second = [], []
        for i in reversed(range(1, len(self.layers))):
            z, a = self.z[i - 1], self.inner[i]
            e = self._scaled(torch.bmm(d[0], self.WT[i]), self.layers[i].weight_scale)
            first.insert(0, self.phi.first(z, a))
            second.insert(0, self.phi.second(z, a) * e)
            d.insert(0, e * first[0])

        def product(v: Tensor) -> Tensor:
            V, out = self._blocks(v), torch.empty_like(v)
            H = self._blocks(out)
            Rz, Ra = self._forward(V, first)
            Rd = self.loss.second(f, self.y, Rz[-1]) / self.n
            for i in reversed(range(len(self.layers))):
                s, m = self.layers[i].weight_scale, self.layers[i].fan_in
                torch.baddbmm(H[i], self.aT[i], Rd, beta=0, alpha=s, out=H[i])
                if i:
                    inner = H[i][:, :m]
                    torch.baddbmm(inner, Ra[i].mT, d[i], alpha=s, out=inner)
                    Re = torch.bmm(Rd, self.WT[i]).baddbmm_(d[i], V[i][:, :m].mT)
                    Rd = torch.addcmul(second[i - 1] * Rz[i - 1], first[i - 1], self._scaled(Re, s))
            return out

        return product

    def _forward(self, V: list[Tensor], first: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """R z of every layer, and R a of every layer's input (of the data: nothing)."""
        Rz: list[Tensor] = []
        Ra: list[Tensor] = [V[0]]  # a place-holder: the data do not move
        for i, layer in enumerate(self.layers):
            r = self._scaled(torch.bmm(self.a[i], V[i]), layer.weight_scale)
            if i:
                Ra.append(first[i - 1] * Rz[-1])
                r.baddbmm_(Ra[i], self.W[i][:, : layer.fan_in], alpha=layer.weight_scale)
            Rz.append(r)
        return Rz, Ra

    @staticmethod
    def _scaled(x: Tensor, s: float) -> Tensor:
        return x if s == 1 else x.mul_(s)
