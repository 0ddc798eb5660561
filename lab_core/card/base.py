"""What a card is made of: rows, each a lab in which an optimizer was put, and what was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lab_core.arm import Arm
from lab_core.card.threshold import Measured, measured
from lab_core.curves import Line
from lab_core.knobs import knobs
from lab_core.optimizers import Optimizer
from lab_core.recipe import Recipe
from lab_core.run import Run

SLICE = 25  # steps between two looks at whether a row is still asked for
# the plots that the rows fill: title, x axis, y axis, which axes are logarithmic
PANELS = (
    ("Sharpness / threshold", "step", "ratio", ""),
    ("Test accuracy", "step", "accuracy", ""),
    ("Double descent", "width", "mean squared error", "xy"),
    ("Training loss", "step", "loss", "y"),
)


class Given(Exception):
    """The row is not asked for any more."""


@dataclass(frozen=True)
class Row:
    """What a lab says of the optimizer: whether its phenomenon is there (None: nothing to be judged), a
    sentence with the measured figures, the same figures as numbers (None: never), and what is drawn, in
    which of `PANELS`.
    """

    lab: str
    title: str
    paper: str
    holds: bool | None
    said: str
    figures: dict[str, float | None]
    lines: tuple[tuple[int, Line], ...] = ()

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        fields = ("lab", "title", "paper", "holds", "said", "figures")
        return {name: getattr(self, name) for name in fields}


@dataclass(frozen=True)
class Setting:
    """The optimizer on trial, its knobs as a person set them; `going` says whether it is still asked
    for.
    """

    optimizer: Optimizer
    going: Callable[[], bool] = lambda: True

    @property
    def lr(self) -> float:
        return float(self.optimizer.lr)

    @property
    def adaptive(self) -> bool:
        """Whether its steps do not grow with the gradient, so far as the quadratic tells."""
        return self.quadratic.adaptive

    @cached_property
    def quadratic(self) -> Measured:
        """What is found on a quadratic. Raises BadInput where it cannot be put on one."""
        return measured(self.optimizer, self.going)

    def rates(self, factors: Sequence[float]) -> tuple[float, ...]:
        return tuple(self.lr * f for f in factors)

    def on(self, base: Recipe, factors: Sequence[float] = (1.0,), **others: Any) -> Recipe:
        """A lab's recipe with the optimizer in it, at multiples of its learning rate. Raises BadInput
        where it does not fit.
        """
        optimizer = replace(self.optimizer, lr=self.rates(factors), **others)
        return replace(base, optimizer=optimizer)

    def run(self, recipe: Recipe) -> Run:
        """The finished run of a recipe. Raises Given where it is not asked for any more."""
        going = Run(recipe)
        for arm in going.arms.values():
            arm.forget()
        while not going.done:
            if not self.going():
                raise Given
            going.advance(SLICE)
        return going

    def has(self, knob: str) -> bool:
        return knob in knobs(self.optimizer)


def ended(arm: Arm) -> np.ndarray:
    """The last training loss [R]; inf of a replica that diverged."""
    last = arm.record.last("train_loss")
    found = np.full(arm.R, np.inf) if last is None else np.where(np.isfinite(last), last, np.inf)
    found[[*arm.diverged]] = np.inf
    return found


def line(name: str, arm: Arm, column: str, r: int, values: np.ndarray | None = None) -> Line:
    """A column of a replica, up to where it diverged."""
    steps, own = arm.record[column]
    return Line(name, steps.astype(float), own[:, r] if values is None else values)


def step(value: float) -> float | None:
    """A step for a card's figures: None where it was never reached."""
    return float(value) if np.isfinite(value) else None


def at_rate(lr: float) -> str:
    return f"lr {lr:.3g}"
