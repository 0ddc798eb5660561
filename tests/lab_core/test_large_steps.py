"""The judges of large steps can say no; and what their settings must have, by theory."""

from __future__ import annotations

from typing import Any

import numpy as np

from lab_core import milestones
from lab_core.claims import Verdict
from lab_core.phenomena import (
    PHENOMENA,
    logistic_edge,
    logistic_to_perceptron,
    non_differentiable_gd,
)
from lab_core.phenomena.base import beside
from lab_core.recipe import Branch
from lab_core.run import Run

LAB = PHENOMENA["large-steps"]
TYURIN, EDGE, KUMAR = logistic_to_perceptron, logistic_edge, non_differentiable_gd


def run(preset: str, **settings: Any) -> Run:
    return Run(LAB.presets[preset].recipe.set(settings)).finish()


def refused(*verdicts: Verdict) -> bool:
    return not any(v.holds for v in verdicts)


def test_labels_that_nothing_separates_are_never_separated_sooner() -> None:
    noisy = run("step-sizes", corruption=0.1, steps=200)
    assert refused(TYURIN.judge_sooner([noisy]), TYURIN.judge_loss([noisy]))


def test_small_steps_alone_are_refused_and_so_is_a_loss_that_only_falls() -> None:
    small = run("step-sizes", lr=(0.01, 0.1, 1.0), steps=50)
    assert refused(TYURIN.judge_sooner([small]), TYURIN.judge_loss([small]))
    fine = run("step-sizes")
    assert TYURIN.judge_loss([fine]).holds and TYURIN.judge_sooner([fine]).holds
    loss = fine.arms[0].record.columns["train_loss"].values
    loss[:] = -np.sort(-loss, axis=0)
    assert refused(TYURIN.judge_loss([fine]))


def test_weights_that_are_not_the_perceptrons_are_refused() -> None:
    smaller = run("perceptron", lr=(10.0, 100.0, 1e3))
    other_start = run("perceptron", init_scale=1e6)
    momentum = run("perceptron", optimizer="heavy-ball", lr=(10.0, 1e6))
    assert refused(*(TYURIN.judge_perceptron([r]) for r in (smaller, other_start, momentum)))


def test_a_hard_set_needs_what_makes_it_hard() -> None:
    few: tuple[Branch, ...] = (Branch(0, 0, (("n", 100),), from_start=True),)
    normal = tuple(beside(optimizer="normalised-gd", lr=1e6, n=n) for n in (50, 100))
    assert TYURIN.judge_hard([run("hard-set", changes=few + normal, steps=60)]).holds
    assert refused(TYURIN.judge_hard([run("hard-set", changes=few + normal, steps=60, margin=0.6)]))
    plain = tuple(Branch(0, 0, (("n", n),), from_start=True) for n in (100, 200))
    assert refused(TYURIN.judge_hard([run("hard-set", changes=plain, steps=90)])), (
        "nothing is normalised"
    )
    assert refused(TYURIN.judge_hard([run("hard-set", changes=few + normal, steps=60, lr=10.0)]))


def test_digits_on_which_the_steps_did_not_suffice_or_are_all_large_are_refused() -> None:
    assert refused(TYURIN.judge_digits([run("digits", steps=40)]),
                   TYURIN.judge_digits([run("digits", lr=(10.0, 100.0, 1e6), steps=80)]))  # fmt: skip


def test_a_plane_without_a_detour_is_refused() -> None:
    assert refused(TYURIN.judge_plane([run("plane", stretch=1.0, margin=0.3)]),
                   TYURIN.judge_plane([run("plane", corruption=0.1)]))  # fmt: skip


def test_edge_and_cycles_are_refused_in_each_others_place() -> None:
    separable, noisy = run("separable-edge", steps=400), run("cycles", steps=700)
    assert refused(EDGE.judge_separable([noisy]), EDGE.judge_cycles([separable]))
    assert EDGE.judge_cycles([noisy]).holds
    calm = (0.5, 1.0, 2.0)
    assert refused(EDGE.judge_separable([run("separable-edge", lr=calm, steps=400)]),
                   EDGE.judge_cycles([run("cycles", lr=calm, steps=400)]))  # fmt: skip


def test_a_cycle_that_is_not_reached_or_not_theorys_is_refused() -> None:
    assert refused(KUMAR.judge_power([run("power", steps=15)]),
                   KUMAR.judge_power([run("power", lr=(3.0, 5.0))]),
                   KUMAR.judge_power([run("power", changes=())]))  # fmt: skip


def test_without_a_large_penalty_or_with_a_vanishing_step_there_is_no_paradox() -> None:
    assert refused(KUMAR.judge_lasso([run("lasso", penalty=(0.01, 0.1, 0.3), steps=300)]),
                   KUMAR.judge_lasso([run("lasso", schedule="linear")]))  # fmt: skip


# ---- theory


def test_the_cycle_is_at_a_point_where_a_step_leads_to_its_mirror_image() -> None:
    """2 r = lr r^(p - 1), and the map there has slope 1 - lr l'' = 3 - 2 p: it attracts."""
    found = run("power", steps=200, changes=())
    arm = found.arms[0]
    w, before = (arm.state_at(t).w[:, 0].numpy() for t in (200, 199))
    np.testing.assert_allclose(w, -before)
    np.testing.assert_allclose(2 * np.abs(w), np.array([0.1, 0.3, 1.0]) * np.abs(w) ** 0.5)


def test_above_two_the_power_loss_cycles_where_it_is_flat() -> None:
    arm = run("power", lr=5.0, steps=100, changes=()).arms[0]
    assert (arm.record["sharpness"][1][-20:] == 0).all()
    _, size = arm.record["weight_norm"]
    assert size[-20:].min() > 1 and np.ptp(size[-2:]) < 5


def test_a_million_is_no_divergence_and_the_milestone_says_that_it_separates() -> None:
    found = run("digits", lr=1e6, steps=100, changes=())
    assert not found.arms[0].diverged
    assert found.arms[0].record["train_loss"][1].max() > 1e6
    kinds = {m.kind: m.sentence for m in milestones.find(found)}
    assert (
        "separated at step" in kinds["separated"]
        and "100% of the training set" in kinds["separated"]
    )
