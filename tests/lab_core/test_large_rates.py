"""The judges of large learning rates can say no."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lab_core.claims import Verdict
from lab_core.phenomena import PHENOMENA, sparse_features, super_convergence, tuned_rates
from lab_core.phenomena.base import beside
from lab_core.run import Run
from lab_core.sweep import Axis, Grid

LAB = PHENOMENA["large-learning-rates"]
SPARSE, CYCLE = sparse_features, super_convergence


def run(preset: str, **settings: Any) -> Run:
    return Run(LAB.presets[preset].recipe.set(settings)).finish()


def refused(*verdicts: Verdict) -> bool:
    return not any(v.holds for v in verdicts)


def test_a_long_phase_without_noise_makes_nothing_sparser() -> None:
    quiet = tuple(beside(drop_at=T) for T in SPARSE.LENGTHS)
    assert refused(SPARSE.judge_longer([run("longer", changes=quiet, lr=0.02, steps=1200)]),
                   SPARSE.judge_longer([run("longer", changes=(), steps=2)]))  # fmt: skip


def test_small_steps_alone_do_not_reach_the_edge() -> None:
    assert refused(SPARSE.judge_larger([run("larger", lr=(0.005, 0.01, 0.02, 0.03), steps=400)]),
                   SPARSE.judge_larger([run("larger", lr=(0.04, 0.06, 0.1, 0.2), steps=400)]))  # fmt: skip


def test_units_that_are_no_fewer_and_nets_that_do_not_fit_are_refused() -> None:
    assert refused(SPARSE.judge_features([run("features", lr=(0.005, 0.006), steps=1000)]),
                   SPARSE.judge_features([run("features", lr=(0.005, 0.04), steps=100)]),
                   SPARSE.judge_features([run("features", lr=0.04, steps=2)]))  # fmt: skip


def test_a_cycle_at_rates_that_all_are_fine_gains_nothing() -> None:
    fine = run("one-cycle", lr=(0.01, 0.03), n=200, steps=20)
    assert refused(CYCLE.judge_cycle([fine]), CYCLE.judge_few([fine]))
    alone = run("one-cycle", changes=(), steps=2, n=100)
    assert refused(CYCLE.judge_cycle([alone]), CYCLE.judge_few([alone]))


def test_a_gain_with_few_labels_would_be_seen() -> None:
    """A constant rate that is far too large, against a cycle that is not."""
    gap = run("few-labels", lr=3.0, steps=30, changes=(beside(**CYCLE.CYCLE, lr=0.03),))
    assert refused(CYCLE.judge_few([gap]))


def test_a_longer_run_that_is_better_or_no_longer_is_refused() -> None:
    """The short run holds by itself; beside a net that was trained for long at a good rate, not."""
    short = run("one-cycle", lr=(0.03, 0.5), n=300)
    assert CYCLE.judge_cycle([short]).holds
    long = Run(short.base.set({"lr": 0.003, "steps": 60, "n": 1200})).finish()
    assert refused(CYCLE.judge_cycle([short, long]))


def test_a_range_that_ends_too_soon_is_refused() -> None:
    assert refused(CYCLE.judge_range([run("range-test", lr=0.05, n=300, steps=100)]),
                   CYCLE.judge_range([run("range-test", warmup=1, n=300, steps=60)]))  # fmt: skip


def test_a_grid_that_is_not_whole_or_of_one_schedule_is_refused_and_one_is_drawn() -> None:
    assert refused(tuned_rates.judge_tuned([Grid(tuned_rates.SWEEP)]))
    small = tuned_rates.SWEEP.recipe.set({"width": 8, "depth": 2, "probes": (("accuracy", 1),)})
    over = (Axis(("lr",), "learning rate", (0.01, 0.3)), Axis(("schedule",), "schedule", ("constant",)),
            Axis(("n",), "labels", (1200, 120)), Axis(("steps",), "steps", (30, 120)),
            tuned_rates.SWEEP.over[4])  # fmt: skip
    grid = replace(tuned_rates.SWEEP, recipe=small, over=over, seeds=(0,)).finish()
    assert refused(tuned_rates.judge_tuned([grid]))
    (line, decayed) = tuned_rates.by_schedule(120, 30)(grid)
    assert line.name == "constant" and decayed.name == "constant, decay 0.005"
    assert np.array_equal(line.y, 1 - tuned_rates.accuracy(grid)[:, 0, 1, 0, 0, 0])
