"""Double descent along the width of small nets, by an optimizer and by gradient descent."""

from __future__ import annotations

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


def descends_twice(
    s: Setting, base: Recipe = nets.RECIPE, seeds: tuple[int, ...] = (0, 1, 2)
) -> Row:
    """The peak of the test error of small nets over that of the widest, at the rate that fits them best;
    beside gradient descent's.
    """
    test, train, x, lr = curve(s, base, seeds)
    other, other_train, _, other_lr = gradient_descent(base, seeds)
    (peak, fit), (theirs, their_fit) = _height(x, test, train), _height(x, other, other_train)
    said = (f"at {at_rate(lr)}, which fits best: the test error of widths 4 to 8 is {peak:.3g} times that of"
            f" width {x[-1]:g}, at a training error of {fit:.2g}; by gradient descent ({at_rate(other_lr)})"
            f" {theirs:.3g} times, at {their_fit:.2g}")  # fmt: skip
    holds = bool(peak > PEAK) if np.isfinite(peak) else None
    figures = {"peak": step(peak), "train_at_peak": step(fit), "lr": lr, "gd_peak": step(theirs)}
    lines = [(2, Line(s.optimizer.label, x, test)), (2, Line("gradient descent", x, other))]
    return row(s, "double-descent", holds, said, figures, lines)


def curve(
    s: Setting, base: Recipe, seeds: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Median test and training error by width, the widths, and the rate: that at which the training error
    of widths 4 to 8 is the smallest.
    """
    recipe = plain(s.on(base))
    rates = Axis(("lr",), "learning rate", s.rates(UP))
    grid = Grid(Sweep(recipe, (WIDTHS, rates), seeds))
    for cells in in_stacks(grid.sweep):
        outcomes = compute(cells, None, s.going)
        if not outcomes:
            raise Given
        grid.add(outcomes)
    x = np.array(WIDTHS.values, float)
    test, train = (np.median(mse(grid, which), -1) for which in ("test", "train"))
    fit = np.where(np.isfinite(train), train, np.inf)[(x >= 4) & (x <= 8)].max(0)
    j = int(fit.argmin())
    return test[:, j], train[:, j], x, float(rates.values[j])


@lru_cache(maxsize=4)
def gradient_descent(
    base: Recipe, seeds: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The same by gradient descent."""
    return curve(Setting(GD()), base, seeds)


def _height(x: np.ndarray, test: np.ndarray, train: np.ndarray) -> tuple[float, float]:
    """Peak over the widest net's error, and the training error there."""
    near = (x >= 4) & (x <= 8)
    return float(test[near].max() / test[-1]), float(train[near].max())
