"""The judges of deep matrix factorisation can say no: runs, and records, in which claims must not hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lab_core.claims import Verdict
from lab_core.phenomena import PHENOMENA, bures_or_frobenius, bures_wasserstein
from lab_core.recipe import Branch
from lab_core.run import Run

LAB = PHENOMENA["deep-matrix-factorisation"]


def run(preset: str, **settings: Any) -> Run:
    return Run(LAB.presets[preset].recipe.set(settings)).finish()


def refused(*verdicts: Verdict) -> bool:
    return not any(v.holds for v in verdicts)


def test_what_has_not_come_to_its_target_or_has_no_companion_is_refused() -> None:
    judges = bures_wasserstein.judge_low_rank, bures_wasserstein.judge_smoothed
    assert refused(*(judge([run("low-rank-target", steps=10)]) for judge in judges))
    assert refused(judges[0]([run("low-rank-target", tau=0.0)]))
    assert refused(judges[0]([run("low-rank-target", tau=1e-2, steps=5)]))
    assert refused(judges[1]([run("low-rank-target", tau=0.0, steps=5)]))
    assert refused(judges[0]([run("low-rank-target", changes=())])), "one target is no blow-up"


def test_a_blow_up_under_smoothing_and_a_loss_that_rises_are_refused() -> None:
    found = run("low-rank-target")
    judges = bures_wasserstein.judge_low_rank, bures_wasserstein.judge_smoothed
    assert all(judge([found]).holds for judge in judges)
    columns = found.arms[2].record.columns
    columns["covariance_curvature"].values[-1] = columns["covariance_curvature"].values[-1, ::-1]
    columns["train_loss"].values[50] *= 1.1
    assert refused(*(judge([found]) for judge in judges))


def test_a_start_that_is_not_tiny_has_no_powers_and_no_saddle() -> None:
    large = run("tiny-start", init_scale=1.0, steps=100)
    assert refused(bures_wasserstein.judge_powers([large]), bures_wasserstein.judge_saddle([large]))
    assert refused(bures_wasserstein.judge_powers([run("tiny-start", tau=0.0, steps=50)]))
    assert refused(bures_wasserstein.judge_saddle([run("tiny-start", depth=1, steps=100)]))
    assert refused(bures_wasserstein.judge_saddle([run("tiny-start", changes=(), steps=100)]))


def test_another_power_is_refused() -> None:
    found = run("tiny-start", steps=100)
    assert bures_wasserstein.judge_powers([found]).holds
    values = found.arms[0].record.columns["covariance_curvature"].values
    values **= 0.9
    assert refused(bures_wasserstein.judge_powers([found]))


def test_curvature_by_the_weights_that_does_not_blow_up_is_refused() -> None:
    judge = bures_wasserstein.judge_weights
    assert refused(judge([run("weights", init_scale=1.0, steps=40)]))
    assert refused(judge([run("weights", tau=0.0, steps=40)]))
    found = run("weights")
    assert judge([found]).holds
    values = found.arms[0].record.columns["curvature_max"].values
    values *= 1.1
    assert refused(judge([found]))


def test_a_net_that_gives_nothing_up_or_has_not_settled_is_refused() -> None:
    judge = bures_wasserstein.judge_bottleneck
    assert refused(judge([run("bottleneck", width=6, steps=20)]))
    assert refused(judge([run("bottleneck", steps=20)]), judge([run("bottleneck", tau=0.0)]))


@pytest.mark.long
def test_steps_that_depend_on_the_condition_number_are_refused() -> None:
    judge, (first, *_) = bures_or_frobenius.judge_condition, LAB.presets["condition"].recipe.changes
    assert isinstance(first, Branch)
    assert refused(judge([run("condition", depth=2)])), "two layers do depend on it"
    assert refused(judge([run("condition", changes=(first,), steps=100)]))


@pytest.mark.long
def test_an_error_that_is_no_power_or_does_not_vanish_is_refused() -> None:
    judge = bures_or_frobenius.judge_spare_rank
    assert refused(judge([run("spare-rank", true_rank=6, steps=300)])), "no spare rank"
    assert refused(judge([run("spare-rank", steps=40)]))
    assert refused(judge([run("spare-rank", changes=(), steps=20)]))
    found = run("spare-rank")
    assert judge([found]).holds
    found.arms[1].record.columns["covariance_error"].values[:] = np.float64(1e-6)
    assert refused(judge([found]))
