"""Perceptrons: fully connected layers, their parametrisations and activations."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.models.base import Draw, Model, Shapes, per_replica


class Activation(NamedTuple):
    """A scalar function, and its first two derivatives as functions of z and a = value(z)."""

    value: Callable[[Tensor], Tensor]
    first: Callable[[Tensor, Tensor], Tensor]
    second: Callable[[Tensor, Tensor], Tensor]


def _normal_density(z: Tensor) -> Tensor:
    return torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(
        torch.tanh,
        lambda z, a: 1 - a * a,
        lambda z, a: 2 * a * (a * a - 1),
    ),
    "relu": Activation(
        torch.relu,
        lambda z, a: (z > 0).to(z.dtype),
        lambda z, a: torch.zeros_like(z),
    ),
    "gelu": Activation(
        torch.nn.functional.gelu,
        lambda z, a: torch.special.ndtr(z) + z * _normal_density(z),
        lambda z, a: (2 - z * z) * _normal_density(z),
    ),
    "linear": Activation(
        torch.clone,
        lambda z, a: torch.ones_like(z),
        lambda z, a: torch.zeros_like(z),
    ),
}


class Layer(NamedTuple):
    """One affine layer ``z = weight_scale * h W + bias_scale * b`` with W ~ N(0, std^2), b = 0."""

    fan_in: int
    fan_out: int
    weight_scale: float
    bias_scale: float
    std: float


# name -> (weight_scale, bias_scale, std at init scale 1) of a layer, from (fan_in, fan_out, width,
# whether first, whether last). All three take one learning rate for every layer.
def _standard(fan_in: int, width: int, first: bool, last: bool) -> tuple[float, float, float]:
    """h W + b with W ~ N(0, 1 / fan_in): what most code does."""
    return 1.0, 1.0, fan_in**-0.5


def _ntk(fan_in: int, width: int, first: bool, last: bool) -> tuple[float, float, float]:
    """h W / sqrt(fan_in) + b with W ~ N(0, 1) (Jacot et al. 2018)."""
    return fan_in**-0.5, 1.0, 1.0


def _mup(fan_in: int, width: int, first: bool, last: bool) -> tuple[float, float, float]:
    """Maximal update (Yang & Hu 2021), in the form whose learning rate does not grow with width.

    Every W ~ N(0, 1 / width); scales sqrt(width / d) for the input, 1 between hidden layers,
    1 / sqrt(width) for the output. It is the NTK form with its output divided by sqrt(width) and
    its step multiplied by width, after the change of variable W -> sqrt(width) W.
    """
    if first and last:
        return _ntk(fan_in, width, first, last)
    if first:
        return (width / fan_in) ** 0.5, width**0.5, width**-0.5
    return (width**-0.5, 1.0, width**-0.5) if last else (1.0, width**0.5, width**-0.5)


PARAMETRIZATIONS = {"standard": _standard, "ntk": _ntk, "mup": _mup}


@dataclass(frozen=True)
class MLP(Model):
    """Multi-layer perceptron: a_l = phi(s_l a_{l-1} W_l + t_l b_l), the last layer without phi.

    `depth` counts weight layers, so 64-32-10 has depth 2. Scales s, t and initial standard
    deviations come from the parametrisation; the init scale multiplies the latter. Biases start at 0.
    """

    label: ClassVar[str] = "multi-layer perceptron"
    bias: ClassVar[bool] = True
    width: int = knob(32, 4, 128, log=True, domain="[1, 4096]")
    depth: int = knob(2, 1, 6, domain="[1, 64]")
    activation: str = knob("tanh", choices=ACTIVATIONS)
    init_scale: float = knob(1.0, 0.1, 4.0, log=True, domain="[0, inf)", stacks=True)
    parametrization: str = knob("standard", choices=PARAMETRIZATIONS, label="parametrisation")

    def layers(self, d: int, c: int) -> list[Layer]:
        sizes = [d, *[self.width] * (self.depth - 1), c]
        rule = PARAMETRIZATIONS[self.parametrization]
        return [
            Layer(m, n, *rule(m, self.width, i == 0, i == self.depth - 1))
            for i, (m, n) in enumerate(zip(sizes, sizes[1:], strict=False))
        ]

    def shapes(self, d: int, c: int) -> Shapes:
        out: Shapes = {}
        for i, layer in enumerate(self.layers(d, c), 1):
            out[f"weight{i}"] = (layer.fan_in, layer.fan_out)
            if self.bias:
                out[f"bias{i}"] = (1, layer.fan_out)
        return out

    def stds(self, d: int, c: int) -> dict[str, float]:
        layers = enumerate(self.layers(d, c), 1)
        return {f"weight{i}": layer.std for i, layer in layers}

    def forward(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        return self.through(views, x, lambda i, a: a)

    def hidden(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        """The activations [R, N, width] of the last hidden layer; x itself where there is none."""
        return self.through(views, x, lambda i, a: a, self.depth - 1)

    def through(
        self, views: dict[str, Tensor], x: Tensor, after: Callable[[int, Tensor], Tensor],
        layers: int | None = None,
    ) -> Tensor:  # fmt: skip
        """The outputs, or those of the first so many layers, where `after(l, a_l)` takes the place of
        each hidden layer's a_l.
        """
        d, c = x.shape[-1], views[f"weight{self.depth}"].shape[-1]
        phi = ACTIVATIONS[self.activation].value
        for i, layer in enumerate(self.layers(d, c)[:layers], 1):
            x = layer.weight_scale * (x @ views[f"weight{i}"])
            x = x + layer.bias_scale * views[f"bias{i}"] if self.bias else x
            x = after(i, phi(x)) if i < self.depth else x
        return x


@dataclass(frozen=True)
class DeepLinear(MLP):
    """Deep linear net f(x) = W_L ... W_1 x, without biases (Saxe et al. 2014)."""

    label: ClassVar[str] = "deep linear net"
    bias: ClassVar[bool] = False
    activation: str = knob("linear", choices=("linear",))


@dataclass(frozen=True)
class DropoutMLP(MLP):
    """A perceptron with dropout (Srivastava et al. 2014): in the gradient of a step every hidden a_l is
    a_l * m / (1 - p), where m is 0 with probability p and else 1, drawn anew for each step, example and
    unit. Everywhere else, also in the training loss that is recorded, nothing is dropped.
    """

    label: ClassVar[str] = "perceptron with dropout"
    random: ClassVar[bool] = True
    dropout: float = knob(0.5, 0.0, 0.9, domain="[0, 1)", stacks=True,
                          help="the share of hidden units that a step leaves out")  # fmt: skip

    def training(self, views: dict[str, Tensor], x: Tensor, draw: Draw) -> Tensor:
        p = per_replica(self.dropout)

        def drop(i: int, a: Tensor) -> Tensor:
            u = draw.uniform(f"dropout{i}", a, *a.shape[1:])
            return a * (u >= p) / (1 - p)

        return self.through(views, x, drop)


@dataclass(frozen=True)
class ResidualMLP(MLP):
    """A residual perceptron (He et al. 2016): a_l = a_{l-1} + phi(z_l) between hidden layers, z_l as in
    the perceptron; the first layer and the last have nothing to add to.
    """

    label: ClassVar[str] = "residual perceptron"
    depth: int = knob(4, 1, 6, domain="[1, 64]")
    activation: str = knob("relu", choices=ACTIVATIONS)

    def forward(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        before: list[Tensor] = []

        def add(i: int, a: Tensor) -> Tensor:
            before.append(before[-1] + a if before else a)
            return before[-1]

        return self.through(views, x, add)
