"""A phase diagram is the outcome of its single runs, and completion has the phases that theory gives it."""

from __future__ import annotations

import numpy as np

from lab_core.phase import TOGETHER, Axis, Success, phase_diagram
from lab_core.phenomena.alternating_minimization import DIAGRAM
from lab_core.recipe import Recipe
from lab_core.run import Run

SEEDS = (0, 1, 2)
SHARES = tuple(i / 10 for i in range(1, 11))
SMALL = DIAGRAM.recipe.set({"size": 40})
RANKS, OBSERVED = (
    Axis(a.knobs, a.label, v) for a, v in ((DIAGRAM.rows, (2, 4)), (DIAGRAM.columns, SHARES))
)
DESCENT = Recipe().set({"data": "chebyshev", "width": 4, "steps": 60, "probes": ()})
HALVED = Success("train_loss", 0.3, below=True)


def outcome(recipe: Recipe, success: Success) -> bool:
    """Whether a single run succeeds by its last step."""
    return bool(success.of(Run(recipe).finish().arms[0])[0])


def test_it_is_the_outcome_of_single_runs_stacked_or_not() -> None:
    """A list of learning rates makes replicas, one of depths does not."""
    lr = Axis(("lr",), "learning rate", (0.001, 0.01, 0.1, 0.3, 1.0, 3.0, 30.0))
    depth = Axis(("depth",), "depth", (1, 2))
    assert len(lr.values) * len(SEEDS) < TOGETHER < len(lr.values) * 4
    for rows, columns in ((depth, lr), (lr, depth)):
        shares = np.array(list(phase_diagram(DESCENT, rows, columns, SEEDS, HALVED)))
        assert shares.shape == (len(rows.values), len(columns.values))
        for row, i in zip(shares, rows.values, strict=True):
            for share, j in zip(row, columns.values, strict=True):
                one = DESCENT.set(rows.settings(i) | columns.settings(j))
                each = [outcome(one.set({"seed": s}), HALVED) for s in SEEDS]
                assert share == np.mean(each)
    assert 0 < shares.mean() < 1


def test_a_row_comes_as_soon_as_it_is_known_and_columns_in_runs_of_a_few() -> None:
    rows = phase_diagram(SMALL, RANKS, OBSERVED, range(5), DIAGRAM.success)
    together = next(rows)
    cell = Axis(OBSERVED.knobs, OBSERVED.label, SHARES[3:4])
    apart = next(phase_diagram(SMALL, RANKS, cell, range(5), DIAGRAM.success))
    assert together[3:4] == apart and len(together) == len(SHARES)


def test_completion_succeeds_from_enough_entries_on() -> None:
    """Never below the degrees of freedom r (2 n - r); always from three times as many, plus log n a row
    (Candes & Recht 2009); in between monotone in the observed share.
    """
    n = 40
    shares = list(phase_diagram(SMALL, RANKS, OBSERVED, SEEDS, DIAGRAM.success))
    for r, row in zip(RANKS.values, shares, strict=True):
        assert (np.diff(row) >= 0).all()
        entries = np.array(SHARES) * n * n
        free, some = r * (2 * n - r), n * np.log(n)
        assert (row[entries < free] == 0).all() and (row[entries > 3 * free + some] == 1).all()


def test_the_threshold_of_the_lab_is_near_five_entries_for_each_number_of_a_factor() -> None:
    """At n = 100: c = |entries| / (n r) is between 3.3 and 5 at rank 3 and at rank 5; it falls further
    with the rank. In float64 the outcomes are the same.
    """
    ranks = Axis(DIAGRAM.rows.knobs, "", (3, 5))
    for dtype in ("float32", "float64"):
        recipe = DIAGRAM.recipe.set({"dtype": dtype})
        near = Axis(DIAGRAM.columns.knobs, "", (0.1, 0.15, 0.25))
        three, five = phase_diagram(recipe, ranks, near, SEEDS, DIAGRAM.success)
        assert three.tolist() == [0, 1, 1]  # c = 3.3, 5, 8.3
        assert five.tolist() == [0, 0, 1]  # c = 2, 3, 5
