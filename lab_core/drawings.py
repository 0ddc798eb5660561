"""The question whose answer is a curve, drawn in a frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lab_core.knobs import BadInput
from lab_core.predictions import Question, number, quoted

FEWEST, MOST = 2, 50  # points of a curve
GRID = 101  # places at which two curves are compared
Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Range:
    """One side of the frame that a curve is drawn in."""

    label: str
    low: float
    high: float
    log: bool = False

    def place(self, values: Any) -> np.ndarray:
        """How far along the side each value is, 0 at its low end and 1 at its high end; not beyond."""
        inside = np.clip(np.asarray(values, float), self.low, self.high)
        if self.log:
            return np.log(inside / self.low) / math.log(self.high / self.low)
        return (inside - self.low) / (self.high - self.low)

    @property
    def words(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"


@dataclass(frozen=True, kw_only=True)
class Drawing(Question):
    """A curve, as 2 to 50 points [x, y] in a frame, x ascending; straight lines join them, and beyond its
    ends it is level. The distance is the mean of the vertical one between the two curves, over the part
    of the frame where the outcome is known, in parts of the frame's height (in log where a side is):
    full within 3%, none from 30% on. `measure` gives x [n] and y [n].
    """

    x: Range
    y: Range
    kind: ClassVar[str] = "curve"
    full: ClassVar[float] = 0.03
    none: ClassVar[float] = 0.3

    def check(self, prediction: Any) -> list[list[float]]:
        points = self._points("prediction", prediction)
        for side, at in ((self.x, 0), (self.y, 1)):
            beyond = [p[at] for p in points if not side.low <= p[at] <= side.high]
            if beyond:
                raise BadInput(
                    f"prediction: {beyond[0]:g} is outside the frame; give {side.label} in {side.words}."
                )
        return points

    def recorded(self, outcome: Any) -> list[list[float]]:
        return self._points("outcome", outcome)

    def apart(self, prediction: Any, outcome: Any) -> float:
        at = [self.x.place([p[0] for p in curve]) for curve in (prediction, outcome)]
        height = [self.y.place([p[1] for p in curve]) for curve in (prediction, outcome)]
        grid = np.linspace(at[1][0], at[1][-1], GRID)
        ours, theirs = (np.interp(grid, x, y) for x, y in zip(at, height, strict=True))
        return float(np.abs(ours - theirs).mean())

    def words(self, value: Any) -> str:
        return f"a curve of {len(value)} points, from {value[0][1]:.3g} to {value[-1][1]:.3g}"

    def form(self) -> dict[str, Any]:
        sides = {name: vars(side).copy() for name, side in (("x", self.x), ("y", self.y))}
        return super().form() | sides | {"most": MOST}

    def _measured(self, found: Arrays) -> list[list[float]]:
        """So many points of it, each the median of those that are near one another."""
        x, y = (np.asarray(part, float) for part in found)
        known = np.isfinite(x) & np.isfinite(y) & (x >= self.x.low) & (x <= self.x.high)
        known &= (y > 0) | (not self.y.log)
        x, y = x[known], y[known]
        if len(np.unique(x)) < FEWEST:
            raise BadInput("outcome: the run gives no curve here; press Reset, and change less.")
        bins = np.floor(self.x.place(x) * (MOST - 1) + 1e-9) if len(np.unique(x)) > MOST else x
        each = [(np.median(x[bins == b]), np.median(y[bins == b])) for b in np.unique(bins)]
        if len(each) < FEWEST:
            each = [(x[0], y[0]), (x[-1], y[-1])]
        return [[float(f"{value:.6g}") for value in point] for point in each]

    def _points(self, name: str, value: Any) -> list[list[float]]:
        form = f"{FEWEST} to {MOST} points [x, y], x ascending"
        if not isinstance(value, (list, tuple)) or not FEWEST <= len(value) <= MOST:
            raise BadInput(f"{name}: {quoted(value)} is not a curve; give {form}.")
        points = [[number(v) for v in p] if isinstance(p, (list, tuple)) else [] for p in value]
        sound = [[v for v in p if v is not None] for p in points]
        if any(len(p) != 2 or p != q for p, q in zip(points, sound, strict=True)):
            raise BadInput(f"{name}: a point of it is not two numbers; give {form}.")
        if any(b[0] <= a[0] for a, b in zip(sound, sound[1:], strict=False)):
            raise BadInput(f"{name}: x does not ascend from point to point; give {form}.")
        return sound

    def _reason(self, prediction: Any, outcome: Any, far: float) -> str:
        log = " (logarithmic)" if self.y.log else ""
        return (
            f"On average it is {far:.0%} of the frame's height{log} away from what was measured. Full"
            " marks within 3%, none from 30% on."
        )
