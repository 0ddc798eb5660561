"""The stability threshold of an optimizer, measured: on a quadratic whose curvature is varied."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from lab_core.knobs import BadInput, OwnError
from lab_core.models import Shapes, stream, views
from lab_core.optimizers import Optimizer
from lab_core.optimizers.apart import Apart

SHAPE: Shapes = {"w": (2, 3)}
BURN_IN, LONGER = 1000, 4000  # steps of one gradient, over which what it divides by comes to rest
LARGE = 1e8  # times the squares of the gradients is what is held
STEPS, EARLY, WINDOW = 400, 150, 50
POINTS, ROUNDS = 8, 4  # curvatures tried at once, and how often the bracket is divided so
LOW, HIGH = 0.05, 5000.0  # of 1 / lr
SMALL, GONE, GROWN = 1e-7, 1e-3, 1e3  # the first distance (times lr), and of it what is told apart
LARGER = 10.0  # another size of the gradient
BEYOND = 3.0


@dataclass(frozen=True)
class Measured:
    """`threshold` is the smallest curvature at which the quadratic is unstable, of P^-1 (H + coupled decay)
    where the optimizer reports P (`held`), and else of H at gradients of size 1: inf where none
    is, 0 where all are.
    `adaptive` says that at gradients ten times as large three times the curvature is stable still.
    """

    threshold: float
    adaptive: bool
    held: bool


class Here:
    """Where a step on the quadratic happens."""

    objective: Any

    def __init__(self, t: int):
        self.t = t

    @staticmethod
    def views(w: Tensor) -> dict[str, Tensor]:
        return views(w, SHAPE)

    def __getattr__(self, name: str) -> Any:
        raise BadInput(
            "it asks for the objective (losses, outputs), which a bare quadratic has not."
        )


class Quadratic:
    """The difference of two paths, w under a gradient c and w' under c + h (w' - w), is that of descent on
    a quadratic of curvature h, while what depends on the size of the gradient stays as c left it.

    Of an optimizer that reports P, what P depends on is `held` in its state, much enlarged, so that P
    [1, 6] is a constant. Of any other one it moves a little: by about (1 - beta2) (1 + beta1) / (1 - beta1)
    of the threshold for an Adam.
    """

    def __init__(self, optimizer: Optimizer, size: float):
        self.optimizer = optimizer
        g = size * torch.randn(1, 6, generator=stream("quadratic"), dtype=torch.float64).sign()
        w = torch.zeros_like(g)
        self.state, self.held, self.P = optimizer.init(w), {}, torch.ones_like(g)
        for t in range(BURN_IN if optimizer.preconditioner(w, g, self.state) is None else LONGER):
            _, self.state = optimizer.step(w, g, self.state, Here(t))
        self.t, self.g = t + 1, g
        self.held = self._held(w)
        if self.held:
            self.state, self.g = self.state | self.held, torch.zeros_like(g)
            self.P = optimizer.preconditioner(w, self.g, self.state)  # type: ignore[assignment]
        self.delta = SMALL * size * float(optimizer.lr)
        self.path, state = [w], self.state
        for t in range(self.t, self.t + STEPS):
            w, state = self.moved(w, self.g, state, t)
            self.path.append(w)

    def _held(self, w: Tensor) -> dict[str, Tensor]:
        """What P depends on, enlarged."""
        P, out = self.optimizer.preconditioner(w, self.g, self.state), {}
        real = {
            k: v for k, v in self.state.items() if isinstance(v, Tensor) and v.is_floating_point()
        }
        for name, value in real.items() if P is not None else ():
            other = self.optimizer.preconditioner(w, self.g, self.state | {name: 2 * value})
            if P is not None and other is not None and not torch.equal(other, P):
                out[name] = LARGE * value
        return out

    def moved(self, w: Tensor, g: Tensor, state: Any, t: int) -> tuple[Tensor, Any]:
        """A step [R, 6]."""
        w, state = self.optimizer.step(w, g, state, Here(t))
        return w, state | {name: value.expand_as(w) for name, value in self.held.items()}

    def grows(self, curvatures: Tensor) -> Tensor:
        """Whether the distance moves ever faster [R], at curvatures [R]; one that stays does not."""
        h, state = curvatures[:, None].clone(), repeated(self.state, len(curvatures))
        signs = torch.randn(6, generator=stream("away"), dtype=torch.float64).sign()
        away, before = self.path[0] + (self.delta * signs).expand(len(h), 6), self.delta * signs
        grown = torch.zeros(len(h), dtype=torch.bool)
        early, late = (torch.zeros(len(h), dtype=torch.float64) for _ in range(2))
        for i, (w, after) in enumerate(pairwise(self.path)):
            away, state = self.moved(away, self.g + h * (away - w), state, self.t + i)
            apart = away - after
            moved, before = (apart - before).abs().amax(1), apart
            grown |= ~(moved < GROWN * self.delta)
            h = torch.where(grown[:, None], 0.0, h)  # it need not go to infinity
            away = torch.where(grown[:, None], after, away)
            if EARLY <= i < EARLY + WINDOW:
                early = torch.maximum(early, moved)
            late = torch.maximum(late, moved) if i >= STEPS - WINDOW else late
        return grown | ((late > early) & (late > GONE * self.delta))


def repeated(state: Any, R: int) -> Any:
    """The state of one replica, for R."""
    out = {}
    for name, value in state.items():
        row = isinstance(value, Tensor) and value.shape[:1] == (1,)
        several = value.expand(R, *value.shape[1:]) if row else value
        out[name] = Apart([*value] * R) if isinstance(value, Apart) else several
    return out


def measured(optimizer: Optimizer, going: Callable[[], bool] = lambda: True) -> Measured:
    """The threshold of an optimizer at its learning rate, to 0.2%. Raises BadInput where it cannot be put
    on a quadratic.
    """
    if optimizer.models:
        raise BadInput(f"{optimizer.label} moves {' and '.join(optimizer.models)} alone.")
    try:
        with torch.inference_mode():
            return _measured(optimizer, going)
    except OwnError as error:
        raise BadInput(f"on a quadratic {error}") from None


def _measured(optimizer: Optimizer, going: Callable[[], bool]) -> Measured:
    problem = Quadratic(optimizer, 1.0)
    unit = float(problem.P.mean()) / float(optimizer.lr)
    low, high = LOW * unit, HIGH * unit
    for i in range(ROUNDS):
        tried = torch.logspace(math.log10(low), math.log10(high), POINTS + 1, dtype=torch.float64)
        grows = problem.grows(tried[1:]).tolist()
        if not any(grows) or not going():
            return Measured(math.inf, _adaptive(optimizer, high), bool(problem.held))
        if grows[0] and not i:
            return Measured(0.0, True, bool(problem.held))
        first = grows.index(True)
        low, high = float(tried[first]), float(tried[first + 1])
    found = math.sqrt(low * high)
    if not problem.held:
        return Measured(found, _adaptive(optimizer, found), False)
    decay = float(optimizer.weight_decay) if optimizer.coupled else 0.0
    return Measured((found + decay) / float(problem.P.mean()), True, True)


def _adaptive(optimizer: Optimizer, curvature: float) -> bool:
    """Whether gradients ten times as large make a curvature stable that is three times the threshold."""
    larger = Quadratic(optimizer, LARGER)
    return not bool(larger.grows(torch.tensor([BEYOND * curvature]))[0])
