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

WIDE = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)  # factors of the learning rate
FEW = (1 / 4, 1.0, 4.0)
UP = (1 / 4, 1.0, 4.0, 16.0)
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


# row: lab, what is asked, paper
TITLES = {
    "threshold": ("edge-of-stability", "Its threshold on a quadratic", "Cohen et al. 2021, 2022"),
    "edge": ("edge-of-stability", "Where the sharpness settles", "Cohen et al. 2021, 2022"),
    "hump": ("edge-of-stability", "Cross-entropy: up and down again", "Cohen et al. 2021"),
    "warmup": ("curvature-and-warmup", "What warm-up is worth", "Gilmer et al. 2022"),
    "grokking": ("grokking", "Does it grok?", "Power et al. 2022"),
    "sensing": ("matrix-sensing", "Recovering a matrix", "Xiong, Ding & Du 2023"),
    "logistic": ("large-steps", "Logistic regression", "Tyurin 2024"),
    "labels": ("fit-anything", "Fitting random labels", "Zhang et al. 2017"),
    "double-descent": ("double-descent", "The peak of double descent", "Liu & Flanigan 2023"),
}


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
        values: dict[str, Any] = {"lr": self.rates(factors)} | others
        optimizer = replace(self.optimizer, **values)
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


def rates(values: Any) -> str:
    """The smallest and the largest of a scan."""
    each = [f"{v:.3g}" for v in np.asarray(values, float)]
    return f"{each[0]} to {each[-1]}" if len(each) > 1 else each[0]


def when(at: float, verb: str, steps: int) -> str:
    """At which step something happened; or that it did not."""
    bare = {"memorises": "memorise", "groks": "grok", "gets there": "get there"}[verb]
    return (
        f"{verb} at step {at:.0f}" if np.isfinite(at) else f"does not {bare} within {steps} steps"
    )


def row(
    s: Setting, slug: str, holds: bool | None, said: str, figures: dict[str, float | None],
    lines: Sequence[tuple[int, Line]] = (),
) -> Row:  # fmt: skip
    """The row of a trial."""
    return Row(*TITLES[slug], holds, f"{said[:1].upper()}{said[1:]}.", figures, tuple(lines))
