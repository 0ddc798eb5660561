"""The compute that a kernel may use: without an end, unless a public server says how much."""

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
