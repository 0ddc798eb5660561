"""A sweep gives each cell the run that it would be by itself, in stacks that fit."""

from __future__ import annotations

import numpy as np
import pytest

from lab_core.curves import along, band
from lab_core.knobs import BadInput
from lab_core.recipe import Branch, Recipe
from lab_core.run import Run
from lab_core.sweep import Axis, Grid, Sweep, compute, in_stacks, plain

BASE = Recipe().set({"data": "chebyshev", "width": 4, "steps": 40, "probes": (("accuracy", 10),)})
LR = Axis(("lr",), "learning rate", (0.01, 0.1, 1e4))
WIDTH = Axis(("width",), "width", (2, 3))
SWEEP = Sweep(BASE, (WIDTH, LR), (0, 1))


def test_a_cell_is_its_own_run() -> None:
    grid = SWEEP.finish()
    assert grid.done and grid.values("train_loss").shape == (2, 3, 2) == SWEEP.shape
    for cell in SWEEP.cells():
        arm = Run(cell.recipe).finish().arms[0]
        outcome = grid.outcomes[cell.place]
        assert outcome.diverged == arm.diverged.get(0)
        steps, values = arm.record["train_loss"]
        there, found = outcome.record["train_loss"]
        assert np.array_equal(steps, there[: len(steps)]), "and it is frozen once it has diverged"
        assert (
            np.allclose(values, found[: len(steps)], rtol=1e-9)
            and np.isnan(found[len(steps) :]).all()
        )


def test_what_stacks_is_stacked_and_coarse_comes_first() -> None:
    assert [len(s) for s in in_stacks(SWEEP)] == [6, 6]
    assert [len(s) for s in in_stacks(SWEEP, budget=1)] == [1] * 12
    lr = Axis(("lr",), "learning rate", tuple(np.geomspace(0.01, 0.1, 8).tolist()))
    fine = Sweep(BASE, (lr, lr), (0,))
    sizes = [len(s) for s in in_stacks(fine, coarse=True)]
    assert sizes == [4, 12, 48], "every fourth cell, then every second, then the rest"
    places = {cell.place for s in in_stacks(fine, coarse=True) for cell in s}
    assert len(places) == len(fine) == 64
    first = next(in_stacks(fine, coarse=True))
    left = list(in_stacks(fine, coarse=True, done=[cell.place for cell in first]))
    assert [len(s) for s in left] == [12, 48]


def test_a_grid_knows_what_it_has_and_when() -> None:
    grid = Grid(SWEEP)
    assert np.isnan(grid.values("train_loss")).all() and not grid.done
    grid.add(compute(next(in_stacks(SWEEP))))
    values = grid.values("train_loss")
    assert np.isfinite(values[0, :2]).all() and np.isnan(values[1]).all()
    assert np.isnan(values[0, 2]).all(), "diverged"
    first = grid.values("train_loss", step=0)
    assert (first[0, :2] > values[0, :2]).all()
    (line, *_) = along("train_loss")(grid)
    assert line.name == "learning rate 0.01" and np.isnan(line.y).tolist() == [False, True]


def test_a_band_is_the_median_and_the_range_of_what_is_known() -> None:
    line = band("", (1, 2), np.array([[1.0, 2.0, np.nan, 9.0], [np.nan] * 4]))
    assert (line.y[0], line.low[0], line.high[0]) == (2.0, 1.0, 9.0) and np.isnan(line.y[1])


@pytest.mark.parametrize(("over", "sentence"), [
    ((Axis(("lr",), "", ()),), "lr: no values"),
    ((Axis(("lr",), "", (-1.0,)),), "lr: "),
    ((Axis(("no_such",), "", (1,)),), "no_such: no such knob"),
])  # fmt: skip
def test_a_grid_that_cannot_be_is_refused(over: tuple[Axis, ...], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        Sweep(BASE, over)


def test_a_recipe_with_arms_or_lists_is_made_plain_first() -> None:
    many = BASE.set({"lr": (0.1, 0.2), "changes": (Branch(0, 0, (("depth", 2),), True),)})
    with pytest.raises(BadInput, match="give a plain one"):
        Sweep(many, (WIDTH,))
    assert plain(many) == BASE.set({"lr": 0.1})
