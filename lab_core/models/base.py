"""What a model is: functions of named parameter views, for a whole stack of replicas at once.

Parameters are one flat tensor ``w [R, P]``; `views` names its pieces, each ``[R, *shape]``, and
`forward(views, x)` maps inputs ``[R, N, d]`` to outputs ``[R, N, c]``.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Draw:
    """What is drawn at random for the gradient of step `t`, one seed a replica: uniform numbers keyed by
    (purpose, seed, t), so that replicas with the same seed draw the same ones.
    """

    seeds: tuple[int, ...]
    t: int

    def uniform(self, purpose: str, like: Tensor, *shape: int) -> Tensor:
        """Numbers in [0, 1) [R, *shape], of the kind of `like`."""
        rows = {
            seed: torch.rand(shape, generator=stream(purpose, seed, self.t), dtype=torch.float64)
            for seed in dict.fromkeys(self.seeds)
        }
        return torch.stack([rows[seed] for seed in self.seeds]).to(like)


@dataclass(frozen=True)
class Model:
    """A model: knobs, shapes, initial values and a forward pass.

    `inputs` is what it reads: "real" features, "pairs" of numbers below c, looked up in tables, or
    "measurements" of a matrix.
    `centred` says that its output counts from what it is at the start of the run, `lifts` that it sees
    fixed functions of the inputs in their place, `random` that its training draws something at each
    step. A knob of which a
    list makes replicas is a float in `stds`, and [R, 1] in `forward` where the replicas differ.
    """

    label: ClassVar[str]
    inputs: ClassVar[str] = "real"
    centred: ClassVar[bool] = False
    lifts: ClassVar[bool] = False
    random: ClassVar[bool] = False
    if TYPE_CHECKING:
        init_scale: Any  # a knob of every model, in a place of its own

    def shapes(self, d: int, c: int) -> Shapes:
        """Names and shapes of the parameters for d inputs and c outputs, in the order of `w`."""
        raise NotImplementedError

    def stds(self, d: int, c: int) -> dict[str, float]:
        """Standard deviation of the Gaussian initial value of each, before the init scale."""
        raise NotImplementedError

    def forward(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        """Outputs [R, N, c] of inputs [R, N, d]."""
        raise NotImplementedError

    def training(self, views: dict[str, Tensor], x: Tensor, draw: Draw) -> Tensor:
        """Outputs in the gradient of a step, with what is drawn for it; for most the same."""
        return self.forward(views, x)

    def sees(self, d: int) -> int:
        """d', the number of inputs that `lift` makes of d."""
        return d

    def lift(self, x: Tensor, seed: int) -> Callable[[Tensor], Tensor]:
        """What of any inputs [N, d] the model sees in their place, [N, d']; x is the training set."""
        return lambda x: x

    def tables(self, views: dict[str, Tensor]) -> list[Tensor]:
        """The tables [R, c, m] in which a model on pairs looks its numbers up; none for others."""
        return []

    def start(self, name: str, normal: Tensor, std: float) -> Tensor:
        """The initial value of a parameter, from independent N(0, 1) of its shape: std * normal."""
        return std * normal

    def brings(self, d: int, c: int, seed: int) -> dict[str, Tensor]:
        """The initial values of those parameters that a model draws in a way of its own."""
        return {}

    def informed(self, w: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """The initial weights [R, P] of a model that looks at its training set for them; others keep
        w.
        """
        return w


def size(shapes: Shapes) -> int:
    """P, the number of parameters."""
    return sum(math.prod(shape) for shape in shapes.values())


def views(w: Tensor, shapes: Shapes) -> dict[str, Tensor]:
    """The named pieces of w [R, P], each [R, *shape], sharing its memory."""
    pieces = torch.split(w, [math.prod(shape) for shape in shapes.values()], dim=1)
    return {n: p.view(-1, *s) for p, (n, s) in zip(pieces, shapes.items(), strict=True)}


def per_replica(value: float | Tensor) -> float | Tensor:
    """A knob as a factor of [R, m, n]: a float, or from [R, 1] to [R, 1, 1]."""
    return value[:, :, None] if isinstance(value, Tensor) else value


def stream(purpose: str, *key: int | str) -> torch.Generator:
    """A random stream of its own for each (purpose, key), whatever else is drawn elsewhere."""
    return torch.Generator().manual_seed(zlib.crc32("/".join(map(str, (purpose, *key))).encode()))


def initial(model: Model, d: int, c: int, seed: int, scale: float) -> Tensor:
    """Initial parameters [P] of one replica, float64: `start`, by default scale * std *
    N(0, 1); biases zero.

    The Gaussian is keyed by (seed, name of the parameter) alone, so replicas and arms that share a
    seed share their initial weights up to the scale, where the shapes allow.
    """
    stds, drawn = model.stds(d, c), model.brings(d, c, seed)
    pieces = []
    for name, shape in model.shapes(d, c).items():
        if name in drawn:
            pieces.append(scale * drawn[name].reshape(-1))
            continue
        normal = torch.randn(shape, generator=stream("init", seed, name), dtype=torch.float64)
        pieces.append(model.start(name, normal, scale * stds.get(name, 0.0)).reshape(-1))
    return torch.cat(pieces)
