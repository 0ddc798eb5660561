"""Double descent along the width of small nets, by an optimizer and by gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lab_core.card.base import UP, Given, Row, Setting, at_rate, row, step
from lab_core.curves import Line
from lab_core.optimizers import GD
from lab_core.phenomena import double_descent_nets as nets
from lab_core.phenomena.descent_curves import mse
from lab_core.recipe import Recipe
from lab_core.sweep import Axis, Grid, Sweep, compute, in_stacks, plain

PEAK = 1.5  # times the error of the widest net
WIDTHS = Axis(("width",), "width", (2, 3, 4, 5, 6, 8, 20, 200))


@dataclass(frozen=True)
class ByWidth:
    """Medians over the seeds of the mean squared errors [n] by width x [n], each at the rate of the scan
    with the smallest training error there.
    """

    x: np.ndarray
    test: np.ndarray
    train: np.ndarray
    lr: np.ndarray

    @property
    def peak(self) -> float:
        """The largest test error of widths 4 to 8 over that of the widest net."""
        return float(self.test[self.near].max() / self.test[-1])

    @property
    def fit(self) -> float:
        """The largest training error of widths 4 to 8."""
        return float(self.train[self.near].max())

    @property
    def near(self) -> np.ndarray:
        return (self.x >= 4) & (self.x <= 8)

    @property
    def used(self) -> str:
        """The rates that were taken."""
        low, high = self.lr.min(), self.lr.max()
        return at_rate(low) if low == high else f"{at_rate(low)} to {high:.3g}"


def descends_twice(
    s: Setting, base: Recipe = nets.RECIPE, seeds: tuple[int, ...] = (0, 1, 2)
) -> Row:
    """The peak of the test error of small nets over that of the widest, at the rates that fit them best;
    beside gradient descent's.
    """
    mine, other = curve(s, base, seeds), gradient_descent(base, seeds)
    said = (f"at the rates that fit best ({mine.used}) the test error of widths 4 to 8 is {mine.peak:.3g}"
            f" times that of width {mine.x[-1]:g}, at a training error of {mine.fit:.2g}; by gradient"
            f" descent ({other.used}) {other.peak:.3g} times, at {other.fit:.2g}")  # fmt: skip
    holds = bool(mine.peak > PEAK) if np.isfinite(mine.peak) else None
    figures = {"peak": step(mine.peak), "train_at_peak": step(mine.fit), "gd_peak": step(other.peak),
               "gd_train_at_peak": step(other.fit)}  # fmt: skip
    lines = [(2, Line(s.optimizer.label, mine.x, mine.test))]
    if s.optimizer.label != GD.label:
        lines.append((2, Line(f"{GD.label}, beside it", other.x, other.test)))
    return row(s, "double-descent", holds, said, figures, lines)


def curve(s: Setting, base: Recipe, seeds: tuple[int, ...]) -> ByWidth:
    """The errors of an optimizer. Raises Given where they are not asked for any more."""
    rates = Axis(("lr",), "learning rate", s.rates(UP))
    grid = Grid(Sweep(plain(s.on(base)), (WIDTHS, rates), seeds))
    for cells in in_stacks(grid.sweep):
        outcomes = compute(cells, None, s.going)
        if not outcomes:
            raise Given
        grid.add(outcomes)
    test, train = (np.median(mse(grid, which), -1) for which in ("test", "train"))
    best = np.where(np.isfinite(train), train, np.inf).argmin(1)[:, None]
    test, train = (np.take_along_axis(a, best, 1)[:, 0] for a in (test, train))
    return ByWidth(np.array(WIDTHS.values, float), test, train, np.array(rates.values)[best[:, 0]])


@lru_cache(maxsize=4)
def gradient_descent(base: Recipe, seeds: tuple[int, ...]) -> ByWidth:
    """The same by gradient descent."""
    return curve(Setting(GD()), base, seeds)
