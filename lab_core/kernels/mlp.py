"""The MLP by hand: forward, gradient, and Pearlmutter's R-operator, for a stack of replicas.

Each layer's weights and bias lie together in `w`, so with a last row of ones t/s under the
activations one matrix product serves both: z = s [W; b]^T [a; t/s]. The examples are the last axis
here, [R, n, N], so that a layer's activations without that row are contiguous. Buffers are made
once; autograd is the oracle in tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lab_core.models import ACTIVATIONS, MLP, Layer

_aten = torch.ops.aten
_MINUS_ONE = torch.tensor(-1.0)


def _tanh(doubled: Tensor, a: Tensor) -> None:
    """tanh z = 2 / (1 + exp(-2z)) - 1, right to one rounding of 1; a third of torch.tanh's time."""
    torch.sigmoid(doubled, out=a)
    torch.add(_MINUS_ONE, a, alpha=2, out=a)


# z is kept times this: the product before it doubles it for nothing, and tanh' is a function of a
_GAIN = {"tanh": 2.0}
# a = phi(z) written where the next layer reads it; (z times its gain, a)
_FORWARD: dict[str, Callable[[Tensor, Tensor], object]] = {
    "tanh": _tanh,
    "relu": lambda z, a: torch.clamp_min(z, 0, out=a),
    "gelu": lambda z, a: a.copy_(ACTIVATIONS["gelu"].value(z)),
    "linear": lambda z, a: a.copy_(z),
}
# d/dz of a = phi(z) times e, fused, where torch has it; (e, z, a) -> [R, n, N]
_BACKWARD: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "tanh": lambda e, z, a: _aten.tanh_backward(e, a),
    "relu": lambda e, z, a: _aten.threshold_backward(e, z, 0),
    "gelu": lambda e, z, a: _aten.gelu_backward(e, z),
    "linear": lambda e, z, a: e,
}


class Kernel:
    """Loss, gradient and Hessian-vector products of the mean loss over x [R, N, d], y [R, N, c]."""

    def __init__(self, model: MLP, loss: Any, x: Tensor, y: Tensor, replicas: int):
        self.loss, self.n = loss, x.shape[1]
        self.layers: list[Layer] = model.layers(x.shape[2], y.shape[2])
        self.blocks = [(m.fan_in + model.bias, m.fan_out) for m in self.layers]
        self.sizes = [m * n for m, n in self.blocks]
        self.phi = ACTIVATIONS[model.activation]
        self.forward, self.backward = _FORWARD[model.activation], _BACKWARD[model.activation]
        self.w = x.new_empty(replicas, sum(self.sizes))
        self.W = self._blocks(self.w)
        self.WT = [W.mT for W in self.W]
        # the weights without the bias row carry the error backwards
        self.inner_W = [W[:, : m.fan_in] for W, m in zip(self.W, self.layers, strict=True)]
        gain = _GAIN.get(model.activation, 1.0)
        self.alpha = [m.weight_scale * gain for m in self.layers[:-1]]
        self.alpha.append(self.layers[-1].weight_scale)
        # by a single output the product is an outer one: a broadcast, in a third of the time
        self.times = [torch.mul if m.fan_out == 1 else torch.bmm for m in self.layers]
        # one contiguous tensor a layer: a batched product into a piece of a larger one is a loop
        self.G = [x.new_empty(replicas, *b) for b in self.blocks]
        self.flat = [G.view(replicas, -1) for G in self.G]
        self.a = [self._input(x, m, replicas if i else x.shape[0], model.bias)
                  for i, m in enumerate(self.layers)]  # fmt: skip
        self.inner = [a[:, : m.fan_in] for a, m in zip(self.a, self.layers, strict=True)]
        self.feed(x, y.expand(replicas, -1, -1))
        self.a[0] = self.a[0].expand(replicas, -1, -1)
        self.Ra = [torch.zeros_like(a) for a in self.a[1:]]  # R of inputs; that of the bias is 0
        self.inner_Ra = [r[:, : m.fan_in] for r, m in zip(self.Ra, self.layers[1:], strict=True)]
        self.z = [x.new_empty(replicas, m.fan_out, self.n) for m in self.layers]

    def _input(self, x: Tensor, layer: Layer, replicas: int, bias: bool) -> Tensor:
        """A layer's input [R, fan_in (+ 1), N] whose last row is what multiplies the bias."""
        fill = layer.bias_scale / layer.weight_scale
        return x.new_full((replicas, layer.fan_in + bias, self.n), fill)

    def _blocks(self, flat: Tensor) -> list[Tensor]:
        pieces = torch.split(flat, self.sizes, dim=1)
        return [p.view(-1, *b) for p, b in zip(pieces, self.blocks, strict=True)]

    def feed(self, x: Tensor, y: Tensor) -> None:
        """Replace the examples by others [R, N, d], [R, N, c] (a minibatch)."""
        self.inner[0].copy_(x.mT)
        self.y = y.mT.contiguous().mT  # laid out as the outputs are

    def outputs(self, w: Tensor) -> Tensor:
        """f [R, N, c]; leaves every layer's z and a behind."""
        self.w.copy_(w)
        last = len(self.layers) - 1
        for i, z in enumerate(self.z):
            torch.baddbmm(z, self.WT[i], self.a[i], beta=0, alpha=self.alpha[i], out=z)
            if i < last:
                self.forward(z, self.inner[i + 1])
        return self.z[last].mT

    def gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and its gradient [R, P]."""
        loss, d = self._error(self.outputs(w))
        for i in reversed(range(len(self.layers))):
            self._by_weights(self.G[i], self.a[i], d, self.layers[i].weight_scale)
            if i:
                d = self.backward(self._back(d, i), self.z[i - 1], self.inner[i])
        return loss, torch.cat(self.flat, 1)

    def _error(self, f: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R], and its derivative by f, [R, c, N]."""
        loss, d = self.loss.first(f, self.y)
        return loss, self._mean(d)

    def _mean(self, d: Tensor) -> Tensor:
        """d [R, N, c] / N as [R, c, N]; into a fresh tensor, for a batched product copies one
        whose strides are odd, as those of an elementwise result are where c = 1."""
        return torch.div(d.mT, self.n, out=torch.empty_like(self.z[-1]))

    @staticmethod
    def _by_weights(G: Tensor, a: Tensor, d: Tensor, s: float) -> None:
        """G = s a d^T [R, fan_in (+ 1), fan_out]; as a row where there is one output: half the time."""
        if d.shape[1] == 1:
            G, a, d = G.view(len(G), 1, -1), d, a
        torch.baddbmm(G, a, d.mT, beta=0, alpha=s, out=G)

    def _back(self, d: Tensor, i: int) -> Tensor:
        """The error by layer i's inputs, e = s W d [R, fan_in, N]."""
        return self._scaled(self.times[i](self.inner_W[i], d), self.layers[i].weight_scale)

    def hvp(self, w: Tensor) -> Callable[[Tensor], Tensor]:
        """v [R, P] -> H(w) v [R, P], by the R-operator (Pearlmutter 1994).

        R z = s (W^T R[a] + V^T a); R a = phi'(z) R z; backwards, with e = s W d and d = phi'(z) e:
        R e = s (W R[d] + V d); R d = phi'(z) R e + phi''(z) e R z. What does not depend on v is
        computed once here, and is valid until the kernel is used at other weights.
        """
        f = self.outputs(w)
        d: list[Tensor] = [self._error(f)[1]]
        first: list[Tensor] = []
        second: list[Tensor] = []
        for i in reversed(range(1, len(self.layers))):
            z, a, e = self.z[i - 1], self.inner[i], self._back(d[0], i)
            first.insert(0, self.phi.first(z, a))
            second.insert(0, self.phi.second(z, a) * e)
            d.insert(0, e * first[0])

        def product(v: Tensor) -> Tensor:
            V, H = self._blocks(v), [torch.empty_like(G) for G in self.G]
            Rz = self._forward(V, first)
            Rd = self._mean(self.loss.second(f, self.y, Rz[-1].mT))
            for i in reversed(range(len(self.layers))):
                s, m = self.layers[i].weight_scale, self.layers[i].fan_in
                self._by_weights(H[i], self.a[i], Rd, s)
                if i:
                    H[i].baddbmm_(self.Ra[i - 1], d[i].mT, alpha=s)
                    Re = torch.bmm(self.inner_W[i], Rd).baddbmm_(V[i][:, :m], d[i])
                    Rd = torch.addcmul(second[i - 1] * Rz[i - 1], first[i - 1], self._scaled(Re, s))
            return torch.cat([h.flatten(1) for h in H], 1)

        return product

    def _forward(self, V: list[Tensor], first: list[Tensor]) -> list[Tensor]:
        """R z of every layer; leaves R a of every layer's input behind (the data do not move)."""
        Rz: list[Tensor] = []
        for i, layer in enumerate(self.layers):
            r = self._scaled(torch.bmm(V[i].mT, self.a[i]), layer.weight_scale)
            if i:
                torch.mul(first[i - 1], Rz[-1], out=self.inner_Ra[i - 1])
                r.baddbmm_(self.WT[i], self.Ra[i - 1], alpha=layer.weight_scale)
            Rz.append(r)
        return Rz

    @staticmethod
    def _scaled(x: Tensor, s: float) -> Tensor:
        return x if s == 1 else x.mul_(s)
