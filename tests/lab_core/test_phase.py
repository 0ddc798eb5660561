"""A phase diagram is the outcome of its single runs, and completion has the phases that theory gives it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lab_core.phase import Measure
from lab_core.phenomena.alternating_minimization import DIAGRAM, judge_diagram
from lab_core.phenomena.phase_diagrams import LARGE_STEPS, judge_large_steps
from lab_core.recipe import Recipe
from lab_core.run import Run
from lab_core.sweep import RACING, Axis, Success, Sweep, in_stacks

SEEDS = (0, 1, 2)
SHARES = tuple(i / 10 for i in range(1, 11))
ROWS, COLUMNS = DIAGRAM.subject.over
DESCENT = Recipe().set({"data": "chebyshev", "width": 4, "steps": 60, "probes": ()})
SHARE = Measure("train_loss", "share", 0.3, below=True)
HALVED = Success("train_loss", 0.3, below=True)


def completion(
    ranks: tuple[int, ...], observed: tuple[float, ...], **settings: object
) -> np.ndarray:
    """The shares of success [rank, observed]."""
    over = replace(ROWS, values=ranks), replace(COLUMNS, values=observed)
    recipe = DIAGRAM.subject.recipe.set(settings)
    small = replace(DIAGRAM.subject, recipe=recipe, over=over, seeds=SEEDS)
    return DIAGRAM.measure.of(small.finish())


def outcome(recipe: Recipe, success: Success) -> bool:
    """Whether a single run succeeds by its last step."""
    return bool(success.of(Run(recipe).finish().arms[0].record)[0])


def test_it_is_the_outcome_of_single_runs_stacked_or_not() -> None:
    """A list of learning rates makes replicas, one of depths does not."""
    lr = Axis(("lr",), "learning rate", (0.001, 0.01, 0.1, 0.3, 1.0, 3.0, 30.0))
    depth = Axis(("depth",), "depth", (1, 2))
    for over in ((depth, lr), (lr, depth)):
        sweep = Sweep(DESCENT, over, SEEDS, HALVED)
        assert [len(s) for s in in_stacks(sweep)] == [21, 21] and RACING >= 21
        shares = SHARE.of(sweep.finish())
        assert shares.shape == sweep.shape[:2] and 0 < shares.mean() < 1
        for cell in sweep.cells():
            each = [outcome(cell.recipe.set({"seed": s}), HALVED) for s in SEEDS]
            assert shares[cell.place[:2]] == np.mean(each)


def test_what_is_not_computed_is_not_known() -> None:
    sweep = Sweep(
        DESCENT, (Axis(("depth",), "", (1, 2)), Axis(("lr",), "", (0.1, 0.3))), (0,), HALVED
    )
    grid = sweep.finish()
    grid.outcomes = {place: o for place, o in grid.outcomes.items() if place[0] == 0}
    shares = SHARE.of(grid)
    assert np.isfinite(shares[0]).all() and np.isnan(shares[1]).all() and not grid.done


def test_completion_succeeds_from_enough_entries_on() -> None:
    """Never below the degrees of freedom r (2 n - r); always from three times as many, plus log n a row
    (Candes & Recht 2009); in between monotone in the observed share.
    """
    n, ranks = 40, (2, 4)
    for r, row in zip(ranks, completion(ranks, SHARES, size=n), strict=True):
        assert (np.diff(row) >= 0).all()
        entries = np.array(SHARES) * n * n
        free, some = r * (2 * n - r), n * np.log(n)
        assert (row[entries < free] == 0).all() and (row[entries > 3 * free + some] == 1).all()


def test_the_threshold_of_the_lab_is_near_five_entries_for_each_number_of_a_factor() -> None:
    """At n = 100: c = |entries| / (n r) is between 3.3 and 5 at rank 3 and at rank 5; it falls further
    with the rank. In float64 the outcomes are the same.
    """
    for dtype in ("float32", "float64"):
        three, five = completion((3, 5), (0.1, 0.15, 0.25), dtype=dtype)
        assert three.tolist() == [0, 1, 1]  # c = 3.3, 5, 8.3
        assert five.tolist() == [0, 0, 1]  # c = 2, 3, 5


def test_what_a_measure_says_of_a_run() -> None:
    """The first step, the last value; inf where it never comes or has diverged."""
    lr = Axis(("lr",), "", (0.1, 1e4))
    sweep = Sweep(DESCENT, (Axis(("depth",), "", (1,)), lr), (0,))
    grid = sweep.finish()
    steps, losses = (
        Measure("train_loss", "step", 0.3, True).of(grid),
        Measure("train_loss").of(grid),
    )
    (arm,) = Run(DESCENT.set({"depth": 1, "lr": 0.1})).finish().arms.values()
    assert steps[0, 0] == arm.record.reached("train_loss", 0.3, True)[0]
    assert losses[0, 0] == arm.record.last("train_loss")[0]
    assert np.isinf(steps[0, 1]) and np.isinf(losses[0, 1])


def test_the_judges_of_diagrams_refuse_runs_without_such_borders() -> None:
    small = replace(LARGE_STEPS.subject, over=tuple(
        replace(axis, values=axis.values[::5]) for axis in LARGE_STEPS.subject.over))  # fmt: skip
    assert judge_large_steps([small.finish()]).holds
    adam = replace(small, recipe=small.recipe.set({"optimizer": "adam"}))
    calm = replace(small, over=(small.over[0], replace(small.over[1], values=(0.125, 0.13))))
    assert not judge_large_steps([adam.finish()]).holds
    assert not judge_large_steps([calm.finish()]).holds
    over = replace(ROWS, values=(3, 5)), replace(COLUMNS, values=(0.05, 0.15, 0.25))
    few = replace(DIAGRAM.subject, over=over, seeds=(0,))
    exact = few.finish()
    assert judge_diagram([exact]).holds
    idle = replace(few, recipe=few.recipe.set({"steps": 1}))
    assert not judge_diagram([idle.finish()]).holds
