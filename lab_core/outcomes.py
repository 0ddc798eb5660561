"""What questions measure: pure functions of a finished run, as far as a question needs it finished.

Each makes a measure that gives None for as long as the arm that it is of has not got there, and raises
BadInput where the run has no such arm, replica or column.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lab_core.arm import Arm
from lab_core.drawings import Arrays
from lab_core.knobs import BadInput
from lab_core.predictions import NEVER
from lab_core.run import Run

LAST = 0.25  # of the steps, over which a level is a mean


def arm_of(run: Run, arm: int, replica: int = 0) -> Arm | None:
    """The arm that a question is about, None where it has not opened yet. Raises BadInput."""
    found = run.arms.get(arm)
    if found is None and arm < run.recipe.arms:
        return None
    if found is None or replica >= found.R:
        what = f"replica {replica} of arm {arm}" if replica else f"arm {arm}"
        raise BadInput(
            f"question: it is about {what}, which this run has not; open the preset again."
        )
    return found


def at_end(of: Callable[[Arm], Any], arm: int = 0, replica: int = 0) -> Callable[[Run], Any]:
    """A measure of one arm, once that has ended."""

    def measure(run: Run) -> Any:
        found = arm_of(run, arm, replica)
        return of(found) if found is not None and found.done else None

    return measure


def series(arm: Arm, column: str, replica: int = 0) -> Arrays:
    """Steps [T] and values [T] of a column. Raises BadInput where it was not measured."""
    steps, values = arm.record[column]
    if not len(steps):
        name = column.replace("_", " ")
        raise BadInput(f"question: it is about the {name}, which this run does not measure; open the"
                       " preset again.")  # fmt: skip
    return steps, values[:, replica]


def whole(arm: Arm, column: str, replica: int) -> Arrays:
    """The same of a replica that did not diverge. Raises BadInput where it did."""
    if replica in arm.diverged:
        at = arm.diverged[replica]
        raise BadInput(f"question: the run that it is about diverged at step {at:,}; press Reset, and change"
                       " less.")  # fmt: skip
    return series(arm, column, replica)


def level(column: str, arm: int = 0, replica: int = 0) -> Callable[[Run], Any]:
    """The mean over the last quarter of the steps, or the last value where none was measured there."""

    def of(found: Arm) -> float:
        steps, values = whole(found, column, replica)
        late = steps >= (1 - LAST) * found.t
        return float(values[late].mean() if late.any() else values[-1])

    return at_end(of, arm, replica)


def last(column: str, arm: int = 0, replica: int = 0) -> Callable[[Run], Any]:
    """The last value."""
    return at_end(lambda found: float(whole(found, column, replica)[1][-1]), arm, replica)


def first(
    column: str, level: float, below: bool = False, arm: int = 0, replica: int = 0
) -> Callable[[Run], Any]:
    """The first step at which a column is at least, or at most, at a level, or "never"."""

    def measure(run: Run) -> Any:
        found = arm_of(run, arm, replica)
        if found is None:
            return None
        step = found.record.reached(column, level, below)[replica]
        if np.isfinite(step):
            return int(step)
        if found.done:
            series(found, column)  # never is a fact of what was measured alone
        return NEVER if found.done else None

    return measure


def along(column: str, arm: int = 0, replica: int = 0) -> Callable[[Run], Any]:
    """The curve of a column along the steps."""
    return at_end(lambda found: series(found, column, replica), arm, replica)
