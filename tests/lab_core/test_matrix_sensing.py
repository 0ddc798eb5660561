"""The judges of matrix sensing can say no: runs, and records, in which their claims must not hold."""

from __future__ import annotations

from typing import Any

from lab_core.claims import Verdict
from lab_core.phenomena import PHENOMENA, overparam_slowdown, robust_subgradient, scaled_gd
from lab_core.recipe import Branch
from lab_core.run import Run

LAB = PHENOMENA["matrix-sensing"]


def run(preset: str, **settings: Any) -> Run:
    return Run(LAB.presets[preset].recipe.set(settings)).finish()


def refused(*verdicts: Verdict) -> bool:
    return not any(v.holds for v in verdicts)


def arms(*each: dict[str, Any]) -> tuple[Branch, ...]:
    return tuple(Branch(0, 0, tuple(settings.items()), from_start=True) for settings in each)


def test_a_spare_rank_that_nobody_has_or_that_is_still_on_its_way_is_no_power_law() -> None:
    judge = overparam_slowdown.judge_spare
    same = arms({"rank": 3})
    assert refused(judge([run("spare-rank", changes=same, steps=500)]))
    assert refused(judge([run("spare-rank", init_scale=0.01, steps=1000)])), "a small start"
    assert refused(judge([run("spare-rank", steps=200)])), "not recovered yet"
    assert refused(judge([run("spare-rank", lr=0.5, steps=300)])), "too large a step"


def test_a_power_law_of_another_exponent_is_refused() -> None:
    """The record of the spare rank squared falls like T^-2, as the bound of the paper does."""
    found = run("spare-rank", changes=arms({"rank": 6}), steps=2000)
    assert overparam_slowdown.judge_spare([found]).holds
    found.arms[1].record.columns["recovery"].values[:] **= 2
    assert refused(overparam_slowdown.judge_spare([found]))


def test_factors_that_are_all_alike_are_no_comparison_and_the_two_must_not_be_exchanged() -> None:
    judge = overparam_slowdown.judge_imbalance
    assert refused(judge([run("imbalance", imbalance=0.1, steps=10)]))
    assert refused(judge([run("imbalance", init_scale=0.4, steps=10)]))
    found = run("imbalance", seed=(0, 1, 2))
    assert judge([found]).holds
    values = found.arms[0].record.columns["recovery"].values
    swapped = values.reshape(len(values), 3, 2, 3)[:, :, ::-1].reshape(len(values), -1)
    values[:] = swapped.copy()
    assert refused(judge([found]))


def test_the_rate_without_the_step_is_not_the_rate_with_it() -> None:
    judge = overparam_slowdown.judge_one_step
    assert refused(judge([run("one-step", changes=(), steps=10)]))
    late = run("one-step", rebalance_at=1400)
    assert refused(judge([late])), "it comes too late"
    assert refused(judge([run("one-step", balance=0.3)])), "another rate than all the others have"


def test_without_outliers_or_without_enough_measurements_robustness_is_not_shown() -> None:
    judge = robust_subgradient.judge_outliers
    clean = run("outliers", outliers=0.0, steps=50)
    assert refused(judge([clean]))
    few = run("outliers", measurements=40, steps=1000)
    assert refused(judge([few]))
    constant = run("outliers", rho=1.0, steps=300)
    assert refused(judge([constant])), "steps that do not fall"


def test_two_large_starts_are_no_small_one() -> None:
    judge = robust_subgradient.judge_start
    assert refused(judge([run("small-start", init_scale=(0.1, 0.3))]))
    assert refused(judge([run("small-start", init_scale=0.001, steps=10)]))
    assert refused(judge([run("small-start", outliers=0.0, rank=2)])), "no spare rank"


def test_few_measurements_everywhere_or_many_everywhere_decide_nothing() -> None:
    judge = robust_subgradient.judge_samples
    for m in (40, 160):
        again = ({"rank": k, "measurements": m + 1} for k in (20, 5, 2))
        others = arms({"rank": 5}, {"rank": 2}, *again)
        assert refused(judge([run("samples", measurements=m, changes=others, rho=0.98, steps=400)]))
    assert refused(judge([run("samples", changes=(), steps=10)]))


def test_one_condition_number_or_a_damping_as_large_as_the_matrix_is_refused() -> None:
    judge = scaled_gd.judge_whole
    assert refused(judge([run("condition", condition=(1.0, 1.0, 1.0), steps=100)]))
    damped = arms({"optimizer": "scaled-gd", "damping": 0.05, "steps": 400})
    found = run("condition", changes=damped)
    assert refused(judge([found])), "λ of the size of the largest singular value"
    assert refused(scaled_gd.judge_sensing([run("condition-sensing", steps=500)])), "not there yet"
