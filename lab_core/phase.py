"""A phase diagram: the share of runs that succeed, over two knobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab_core.arm import Arm
from lab_core.knobs import BadInput
from lab_core.recipe import Recipe

LOOK = 5  # steps between two looks at whether all have succeeded
TOGETHER = 25  # replicas of a run: enough to share its overhead, few enough that runs end early


@dataclass(frozen=True)
class Axis:
    """One knob, or several that have the same value; what they are called; and the values."""

    knobs: tuple[str, ...]
    label: str
    values: Sequence[Any]

    def settings(self, value: Any) -> dict[str, Any]:
        return dict.fromkeys(self.knobs, value)


@dataclass(frozen=True)
class Success:
    """That a column of the record was at least at a level once, or at most where `below`."""

    column: str
    level: float
    below: bool = False

    def of(self, arm: Arm) -> np.ndarray:
        """Of each replica, whether it has succeeded so far."""
        return np.isfinite(arm.record.reached(self.column, self.level, self.below))


def phase_diagram(
    recipe: Recipe, rows: Axis, columns: Axis, seeds: Sequence[int], success: Success
) -> Iterator[np.ndarray]:
    """Row after row the share of seeds [columns] that succeed.

    Replicas are run together where the columns' knobs allow; a run ends when all of its replicas
    have succeeded, or at its last step. The recipe's changes and branches are left out.
    """
    plain = recipe.set({"seed": tuple(seeds), "changes": ()})
    for value in rows.values:
        row = plain.set(rows.settings(value))
        cells = [row.set(columns.settings(v)).split() for v in columns.values]
        size = max(1, TOGETHER // len(seeds)) if _stack(row, columns) else 1
        runs = [sum(cells[i : i + size], []) for i in range(0, len(cells), size)]
        done = np.concatenate([_succeeded(run, success) for run in runs])
        yield done.reshape(len(cells), -1).mean(1)


def _stack(row: Recipe, columns: Axis) -> bool:
    """Whether a list of the columns' knobs makes replicas."""
    try:
        row.set({knob: tuple(columns.values[:1]) for knob in columns.knobs})
    except BadInput:
        return False
    return True


def _succeeded(replicas: list[Recipe], success: Success) -> np.ndarray:
    arm = Arm(replicas)
    while not (arm.done or success.of(arm).all()):
        arm.advance(LOOK)
    return success.of(arm)


@dataclass(frozen=True)
class Diagram:
    """What a phase diagram shows: the arguments of `phase_diagram` and a title."""

    title: str
    recipe: Recipe
    rows: Axis
    columns: Axis
    seeds: tuple[int, ...]
    success: Success

    def shares(self) -> Iterator[np.ndarray]:
        """Row after row, as they are computed."""
        return phase_diagram(self.recipe, self.rows, self.columns, self.seeds, self.success)
