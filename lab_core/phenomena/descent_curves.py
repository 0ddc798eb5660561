"""What the figures of double descent have in common: errors along a sweep, the peak, its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lab_core.bias_variance import split
from lab_core.curves import Line, band
from lab_core.sweep import Grid

NEAR = (0.6, 1.5)  # where the peak is looked for, in units of the interpolation threshold
GONE = 1e-9  # a training error of which nothing is left but rounding

Lines = Callable[[Grid], Sequence[Line]]


def mse(grid: Grid, which: str = "test", step: int | None = None) -> np.ndarray:
    """Mean squared error [*shape]: the objective has half of it."""
    return 2 * grid.values(f"{which}_loss", step)


def error(grid: Grid, which: str = "test", step: int | None = None) -> np.ndarray:
    """The share [*shape] of examples that are not right."""
    return 1 - grid.values(f"{which}_accuracy", step)


def axis(grid: Grid, place: int = 0) -> np.ndarray:
    """The values along an axis."""
    return np.array(grid.sweep.over[place].values, float)


def by_second(of: Callable[[Grid], np.ndarray], name: str = "{}") -> Lines:
    """A line along the first axis for each value of the second."""

    def lines(grid: Grid) -> list[Line]:
        values, x = of(grid), axis(grid).tolist()
        named = [name.format(f"{v:g}") for v in grid.sweep.over[1].values]
        return [band(one, x, shown(values[:, i])) for i, one in enumerate(named)]

    return lines


def shown(values: np.ndarray) -> np.ndarray:
    """The same, nan where nothing is left but rounding: a curve on a logarithmic axis ends there."""
    return np.where(values > GONE, values, np.nan)


def peak(x: np.ndarray, values: np.ndarray, threshold: float) -> np.ndarray:
    """The height [S] of the peak of values [n, S]: the largest near the threshold over the smallest
    before.
    """
    near = (x >= NEAR[0] * threshold) & (x <= NEAR[1] * threshold)
    height: np.ndarray = values[near].max(0) / values[x <= NEAR[0] * threshold].min(0)
    return height


def bias_and_variance(grid: Grid, second: int = 0) -> np.ndarray:
    """bias^2 and variance [2, n] along the first axis, over the seeds, from the predictions at the same
    test inputs; nan where fewer than two seeds are known.
    """
    truth = grid.sweep.recipe.data.arrays(0)[3]
    each = grid.arrays("predictions")
    seeds, axes = range(grid.sweep.shape[-1]), len(grid.sweep.shape) - 1
    rows = []
    for i in range(grid.sweep.shape[0]):
        places = [(i, *[second] * (axes - 1), s) for s in seeds]
        known = [each[place] for place in places if place in each]
        rows.append(split(np.stack(known), truth) if len(known) > 1 else (np.nan, np.nan))
    return np.array(rows).T


def listed(values: Iterable[float]) -> str:
    """Figures in a row."""
    return ", ".join(f"{v:.2g}" for v in values)
