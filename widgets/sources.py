"""What can be drawn: an arm of the run, an arm of a saved record, a ghost beside an arm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from widgets import figure as fig
from widgets import theme

if TYPE_CHECKING:  # the page shows its empty plots before torch is there
    from lab_core.arm import Arm
    from lab_core.flows import Flow
    from lab_core.record import Record
    from lab_core.tables import SavedArm


@dataclass(frozen=True)
class Axis:
    """What x can be; `label` is what a person chooses."""

    label: str
    title: str
    log: bool = False


AXES = {
    "step": Axis("step", "step"),
    "log-step": Axis("step, logarithmic", "step", log=True),  # on which step 0 has no place
    "time": Axis("lr × step", "lr × step"),
    "loss": Axis("training loss", "training loss", log=True),
}
STEPS = ("step", "log-step")
Points = tuple[np.ndarray, np.ndarray, np.ndarray]  # step, x, y
NONE: Points = (np.empty(0), np.empty(0), np.empty(0))


@dataclass(frozen=True)
class Source:
    """`key` begins the names of its traces; `labels` tell its replicas apart; `style` is the dash and
    `first` the number of its first replica's colour.
    """

    key: str
    name: str
    record: Record
    labels: list[str]
    style: int = 0
    first: int = 0
    arm: Arm | None = None  # where it is one of the run
    beside: Arm | None = None  # the arm whose ghost it is

    @property
    def R(self) -> int:
        return self.record.replicas

    def curve(self, uid: str, place: int, replica: int) -> fig.Spec:
        """The line of one of its replicas in a plot; a ghost is pale, and has no tip."""
        label = self.labels[replica]
        spec = fig.curve(
            uid,
            place,
            self.first + replica,
            self.style,
            f"{self.name}, {label}" if self.name else label,
        )
        if self.beside is None:
            return spec
        dash = "solid" if self.style == 0 else "dot"
        line = {"color": spec["line"]["color"], "width": 2.6, "dash": dash}
        return {k: v for k, v in spec.items() if k != "marker"} | {"line": line, "opacity": 0.45}

    def points(self, column: str, replica: int, x: str, after: float = -1.0) -> Points:
        """What was measured of a replica after a step, as far as its x is known by now."""
        steps, values = self.record[column]
        if not len(steps) or steps[-1] <= after:
            return NONE
        new = np.searchsorted(steps, after, side="right")
        steps, y = steps[new:], values[new:, replica]
        at = self._x(steps, replica, x)
        known = np.isfinite(y) & np.isfinite(at)
        return steps[known], at[known], y[known]

    def _x(self, steps: np.ndarray, replica: int, x: str) -> np.ndarray:
        if x in STEPS:
            return steps
        out = np.full(len(steps), np.nan)
        if x == "time":
            clock = self.beside.record if self.beside else self.record
            told = clock["time"][0]
            known = steps <= (
                told[-1] if len(told) else -1
            )  # the time of later ones is not there yet
            out[known] = clock.time_at(steps[known])[:, replica]
        else:
            loss_steps, loss = self.record["train_loss"]
            if len(loss_steps):
                found = np.searchsorted(loss_steps, steps).clip(max=len(loss_steps) - 1)
                out = np.where(loss_steps[found] == steps, loss[found, replica], np.nan)
        return out


def first_colours(arms: Iterable[Arm]) -> dict[int, int]:
    """Of each arm of a run, all given, the number of its first replica's colour: a fork keeps those of
    the arm that it grew from, an arm from the start has its own.
    """
    out: dict[int, int] = {}
    free = 0
    for arm in arms:
        grown = arm.parent is not None and arm.first > 0
        out[arm.index] = out[arm.parent] if grown and arm.parent in out else free
        free += 0 if grown else arm.R
    return out


def of_arm(arm: Arm, first: int) -> Source:
    """An arm of the run whose first replica has colour `first`; dashed where others have it, too."""
    name = f"arm {arm.index}" if arm.index else ""
    labels = [arm.label(r) for r in range(arm.R)]
    alone = arm.first == 0 and first + arm.R <= len(theme.REPLICAS)
    style = 0 if alone else arm.index
    return Source(f"a{arm.index}", name, arm.record, labels, style, first, arm)


def of_saved(key: str, name: str, saved: SavedArm, style: int) -> Source:
    """An arm of a saved record."""
    rates, R = saved.record["lr"][1], saved.record.replicas
    labels = [f"lr {rates[0, r]:.3g}" if len(rates) else f"replica {r}" for r in range(R)]
    whole = f"{name}, arm {saved.index}" if saved.index else name
    return Source(key, whole, saved.record, labels, style)


def of_flow(key: str, flow: Flow, style: int, first: int) -> Source:
    """A ghost; the first kind's lines are unbroken, the second's dotted."""
    arm = flow.arm
    name = f"arm {arm.index}, {flow.label}" if arm.index else flow.label
    labels = [arm.label(r) for r in range(arm.R)]
    return Source(key, name, flow.record, labels, style, first, beside=arm)
