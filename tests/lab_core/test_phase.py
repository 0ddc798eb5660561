"""A phase diagram is the outcome of its single runs, and completion has the phases that theory gives it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lab_core.phase import Diagram
from lab_core.phenomena.alternating_minimization import DIAGRAM
from lab_core.recipe import Recipe
from lab_core.run import Run
from lab_core.sweep import RACING, Axis, Success, Sweep, stacked

SEEDS = (0, 1, 2)
SHARES = tuple(i / 10 for i in range(1, 11))
ROWS, COLUMNS = DIAGRAM.sweep.over
DESCENT = Recipe().set({"data": "chebyshev", "width": 4, "steps": 60, "probes": ()})
HALVED = Success("train_loss", 0.3, below=True)


def completion(
    ranks: tuple[int, ...], observed: tuple[float, ...], **settings: object
) -> np.ndarray:
    """The shares of success [rank, observed]."""
    over = replace(ROWS, values=ranks), replace(COLUMNS, values=observed)
    recipe = DIAGRAM.sweep.recipe.set(settings)
    small = replace(DIAGRAM.sweep, recipe=recipe, over=over, seeds=SEEDS)
    return Diagram("", small).shares(small.finish())


def outcome(recipe: Recipe, success: Success) -> bool:
    """Whether a single run succeeds by its last step."""
    return bool(success.of(Run(recipe).finish().arms[0].record)[0])


def test_it_is_the_outcome_of_single_runs_stacked_or_not() -> None:
    """A list of learning rates makes replicas, one of depths does not."""
    lr = Axis(("lr",), "learning rate", (0.001, 0.01, 0.1, 0.3, 1.0, 3.0, 30.0))
    depth = Axis(("depth",), "depth", (1, 2))
    for over in ((depth, lr), (lr, depth)):
        sweep = Sweep(DESCENT, over, SEEDS, HALVED)
        assert [len(s) for s in stacked(sweep)] == [21, 21] and RACING >= 21
        shares = Diagram("", sweep).shares(sweep.finish())
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
    shares = Diagram("", sweep).shares(grid)
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
