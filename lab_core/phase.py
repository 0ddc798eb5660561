"""A phase diagram: a measure of each run, over two knobs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab_core.curves import Figure
from lab_core.knobs import BadInput
from lab_core.recipe import Recipe
from lab_core.sweep import Axis, Grid, Success, Sweep

SHADES = 8  # of values that are not counted
WIDE = 30.0  # the ratio of values from which on shades are logarithmic


@dataclass(frozen=True)
class Measure:
    """What a cell's colour says of a column of the record: the "share" of seeds whose runs reach
    `level`, the first "step" at which they do, or the "last" value; of these the median over seeds.
    """

    column: str
    kind: str = "last"
    level: float = 0.0
    below: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadInput(f"colour: {self.kind!r} is not known; choose {', '.join(KINDS)}.")

    @property
    def success(self) -> Success | None:
        """What ends a run early: more of it would not matter."""
        return None if self.kind == "last" else Success(self.column, self.level, self.below)

    @property
    def label(self) -> str:
        """In words."""
        name = self.column.replace("_", " ")
        reached = f"{name} {'≤' if self.below else '≥'} {self.level:g}"
        kinds = {"share": reached, "step": f"first step with {reached}", "last": f"last {name}"}
        return kinds[self.kind]

    def of(self, grid: Grid) -> np.ndarray:
        """Of each cell [rows, columns]: the number; inf where it was never reached or the run diverged,
        nan where some seed is not known yet.
        """
        if self.success is None:
            values = grid.values(self.column)
            done = grid.each(lambda record: 0.0) == 0
            values = np.where(done & ~np.isfinite(values), np.inf, values)
            return np.where(done.all(-1), np.median(values, -1), np.nan)
        steps = grid.reached(self.success)
        if self.kind == "share":
            steps = np.where(np.isnan(steps), np.nan, np.isfinite(steps))
            return steps.mean(-1)
        return np.where(np.isnan(steps).any(-1), np.nan, np.median(steps, -1))


KINDS = ("share", "step", "last")


@dataclass(frozen=True)
class Diagram(Figure):
    """A sweep over two axes, rows first, and what it shows of each cell. `phenomenon` and `preset` are
    those whose page can show a single run of it.
    """

    subject: Sweep
    measure: Measure
    phenomenon: str
    preset: str

    def levels(self, grid: Grid) -> tuple[np.ndarray, list[str]]:
        """Whole numbers [rows, columns], 0 where nothing is known, and what each from 1 on means. What
        is not known yet is as its neighbour on the next coarser grid.
        """
        values = filled(self.measure.of(grid))
        if self.measure.kind != "share":
            return shaded(values, "never" if self.measure.kind == "step" else "diverged")
        n = len(self.subject.seeds)
        levels = np.where(np.isnan(values), 0, 1 + np.rint(np.nan_to_num(values) * n))
        return levels.astype(np.uint8), [f"{i} of {n} succeed" for i in range(n + 1)]


def filled(values: np.ndarray) -> np.ndarray:
    """nan replaced by what is known at the place on the next coarser grid, of every 2nd, 4th, ..."""
    out, step = values.copy(), 2
    rows, columns = np.indices(values.shape)
    while np.isnan(out).any() and step < 2 * max(values.shape):
        coarse = values[rows - rows % step, columns - columns % step]
        out = np.where(np.isnan(out), coarse, out)
        step *= 2
    return out


def shaded(values: np.ndarray, never: str) -> tuple[np.ndarray, list[str]]:
    """Numbers in so many shades, on a logarithmic scale where they are wide apart; 0 for nan, 1 for
    inf, and the words of 1, 2, ...
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return np.where(np.isnan(values), 0, 1).astype(np.uint8), [never]
    low, high = float(known.min()), float(known.max())
    log = low > 0 and high > WIDE * low
    ends = (np.geomspace if log else np.linspace)(low, high, SHADES + 1)
    if low == high:
        ends = np.array([low, high])
    place = np.searchsorted(ends[1:-1], np.where(np.isfinite(values), values, low), "right")
    levels = np.where(np.isnan(values), 0, np.where(np.isinf(values), 1, 2 + place))
    words = [f"{a:.2g} to {b:.2g}" for a, b in zip(ends[:-1], ends[1:], strict=True)]
    return levels.astype(np.uint8), [never, *words]


# ---- any two knobs


def numeric(recipe: Recipe) -> dict[str, tuple[float, float, bool]]:
    """The knobs that an axis can be of, with low, high and whether they are logarithmic."""
    every = (recipe.knob(name) for name in recipe.flat() if not name.endswith("seed"))
    return {k.name: (k.low, k.high, k.log) for k in every if not k.choices}


def axis(recipe: Recipe, name: str, low: float, high: float, count: int, log: bool) -> Axis:
    """`count` values of a knob from low to high, those of an integer rounded, each once. Raises
    BadInput.
    """
    whole = isinstance(recipe.flat().get(name), int)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise BadInput(
            f"{name}: from {low:g} to {high:g} is no range; give a lower and a higher end."
        )
    if log and low <= 0:
        raise BadInput(f"{name}: a logarithmic axis begins above 0; raise its lower end.")
    if not 2 <= count <= 256:
        raise BadInput(f"{name}: {count} values; give 2 to 256.")
    values = (np.geomspace if log else np.linspace)(low, high, count)
    found = [int(v) for v in np.rint(values)] if whole else [float(f"{v:.6g}") for v in values]
    return Axis((name,), name.replace("_", " "), tuple(dict.fromkeys(found)))
