"""How soon an optimizer gets to what a lab is about, beside the lab's own one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab_core.arm import Arm
from lab_core.card.base import WIDE, Row, Setting, at_rate, rates, row, step, when
from lab_core.claims import finished
from lab_core.milestones import MEMORISED, RECOVERED
from lab_core.phenomena import logistic_to_perceptron as logistic
from lab_core.phenomena import overparam_slowdown as sensing
from lab_core.phenomena import random_labels as labels
from lab_core.recipe import Recipe
from lab_core.record import Success


@dataclass(frozen=True)
class Race:
    """How many steps it takes to a success, at the best of the rates; beside the lab's own optimizer."""

    slug: str
    goal: str
    recipe: Recipe
    success: Success
    theirs: tuple[float, ...]  # rates of the lab's

    def __call__(self, s: Setting) -> Row:
        (arm,) = s.run(s.on(self.recipe, WIDE)).arms.values()
        (other,) = finished(self.recipe.set({"lr": self.theirs})).arms.values()
        mine, theirs = self._reached(arm), self._reached(other)
        best, lr = int(mine.argmin()), arm.knob("lr")
        steps, own = arm.program.steps, WIDE.index(1.0)
        said = f"to {self.goal}: at {at_rate(s.lr)} it {when(mine[own], 'gets there', steps)}"
        if best != own and np.isfinite(mine[best]):
            said += (
                f", at {at_rate(lr[best])} {when(mine[best], 'gets there', steps)}, the soonest of"
            )
            said += f" {rates(lr)}"
        name = self.recipe.optimizer.label
        said += f"; {name} ({at_rate(other.knob('lr')[theirs.argmin()])}) "
        said += when(theirs.min(), "gets there", steps)
        figures = {"steps": step(mine.min()), "lr": float(lr[best]), "at_own_lr": step(mine[own]),
                   "reference": step(theirs.min())}  # fmt: skip
        return row(s, self.slug, bool(np.isfinite(mine).any()), said, figures)

    def _reached(self, arm: Arm) -> np.ndarray:
        return np.asarray(
            arm.record.reached(self.success.column, self.success.level, self.success.below), float
        )


RACES = (
    Race(
        "sensing",
        f"recover the matrix to {RECOVERED:g}",
        sensing.SYMMETRIC.set({"probes": (("recovery", 5),), "steps": 2000}),
        Success("recovery", RECOVERED, below=True),
        (0.05,),
    ),
    Race(
        "logistic",
        "separate the examples",
        logistic.LOGISTIC.set({"probes": (("accuracy", 1),), "steps": 1000}),
        Success("train_accuracy", 1.0),
        (0.1, 1.0, 10.0, 100.0),
    ),
    Race(
        "labels",
        "fit labels of which 90% are random",
        labels.PRESETS["labels-or-noise"].recipe.set(
            {"changes": (), "corruption": 0.9, "probes": (("accuracy", 5),)}
        ),
        Success("train_accuracy", MEMORISED),
        (0.002,),
    ),
)
