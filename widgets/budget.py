"""The compute that a kernel may use, and how it gives way to others: a public server says so."""

from __future__ import annotations

import os
import time

from lab_core.knobs import BadInput

BUDGET = "EDGEWISE_BUDGET"  # seconds, and what the whole budget of a visitor is, in minutes
USED_UP = (
    "compute: the {minutes:g} minutes of this visit are used up, so what was computing is paused. The timeline,"
    " Share and Download still work; go on with the recipe on a machine of your own, or come back in"
    " an hour."
)


WAY, LONGEST = 10.0, 0.15  # times what it was held up, but no longer than so many seconds


def give_way(wall: float, cpu: float) -> None:
    """After work that took so many seconds, of which the thread computed for `cpu`: let others go on.

    A thread that was held up shares its core. Among N that compute on C cores and each rest for `WAY`
    times as long as they were held up, about C (1 + N / (C WAY)) are at work at once: the cores stay
    busy, and what must be done at once, a frame or an answer, waits for few. A kernel that has its
    machine to itself, without a public server, does not rest.
    """
    if BUDGET in os.environ:
        time.sleep(min(LONGEST, WAY * max(0.0, wall - cpu)))


def spent() -> bool:
    """Whether this process has used all that it may."""
    return time.process_time() > _allowed()[0]


def check() -> None:
    """Raise BadInput where it has."""
    if spent():
        raise BadInput(USED_UP.format(minutes=_allowed()[1]))


def _allowed() -> tuple[float, float]:
    seconds, _, minutes = os.environ.get(BUDGET, "inf").partition(" of ")
    return float(seconds), float(minutes or "inf")
