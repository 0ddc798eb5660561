"""The judges of the grokking labs refuse runs in which their claims do not hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab_core.claims import finished
from lab_core.phenomena import corrupted_grokking, grokfast, grokking, numerical_stability
from lab_core.recipe import Branch, Recipe

SMALL = {"p": 23, "fraction": 0.7, "seed": 0}


def other(recipe: Recipe, branch: dict[str, Any] | None = None, **settings: Any) -> Recipe:
    """A recipe with other settings, in its branches too, and with those of `branch` there."""
    changes = []
    for c in recipe.changes:
        assert isinstance(c, Branch)
        own = tuple((dict(c.settings) | settings | (branch or {})).items())
        changes.append(replace(c, settings=tuple(pair for pair in own if pair[0] != "seed")))
    return recipe.set(settings | {"changes": tuple(changes)})


def refused(judge: Any, recipe: Recipe) -> bool:
    return not judge([finished(recipe)]).holds


def test_the_judge_of_the_delay_refuses_runs_too_short_and_runs_that_generalise_at_once() -> None:
    delay = grokking.PRESETS["delay"].recipe
    assert refused(grokking.judge_delay, other(delay, p=23, steps=150))
    assert refused(grokking.judge_delay, other(delay, p=23, fraction=0.9, steps=300))


def test_the_judge_of_seeds_refuses_two_arms_that_are_alike() -> None:
    seeds = grokking.PRESETS["seeds"].recipe
    alike = {"lr": 2e-2, "weight_decay": 3.0}
    assert refused(grokking.judge_seeds, other(seeds, seed=(0, 1), steps=500, **alike))


def test_the_judge_of_fractions_refuses_arms_with_as_many_examples() -> None:
    assert refused(
        grokking.judge_fraction, other(grokking.PRESETS["fraction"].recipe, steps=400, **SMALL)
    )


def test_the_judge_of_operations_refuses_those_that_are_never_memorised_alone() -> None:
    recipe = grokking.PRESETS["operations"].recipe
    assert refused(grokking.judge_operations, other(recipe, p=23, fraction=0.9, steps=300))
    assert refused(grokking.judge_operations, other(recipe, p=23, steps=60))


def test_the_judges_of_grokfast_refuse_a_filter_that_does_nothing() -> None:
    quick = {"p": 23, "fraction": 0.7, "lr": 0.4, "weight_decay": 5e-3, "steps": 400}
    idle = (grokfast.filtered(400, 0.0), grokfast.faster(400, lr=0.8))
    assert refused(
        grokfast.judge_faster(3, noisy=False), grokfast.SGD.set(quick | {"changes": idle})
    )
    tuned = other(grokfast.TUNED.set({"changes": (grokfast.filtered(300, 0.0),)}), p=23, steps=300)
    assert refused(grokfast.judge_tuned, tuned)


def test_the_judge_of_noise_refuses_the_full_batch() -> None:
    full = other(grokfast.PRESETS["grokfast-tuned"].recipe, p=23, fraction=0.7)
    three = full.set({"changes": (*full.changes, Branch(0, 0, (("lr", 2e-2),), True))})
    assert refused(grokfast.judge_faster(0.0, noisy=True), three)
    assert not refused(grokfast.judge_faster(0.0, noisy=False), three)


def test_the_judges_of_wrong_labels_refuse_nets_that_forget_and_nets_that_do_not() -> None:
    preset = corrupted_grokking.PRESETS["corrupted-decay"].recipe
    coexistence, stage = corrupted_grokking.judge_coexistence, corrupted_grokking.judge_second_stage
    assert refused(coexistence, preset.set({"weight_decay": 8.0}))
    assert refused(coexistence, preset.set({"weight_decay": 1.0, "steps": 30}))
    assert refused(stage, preset.set({"weight_decay": (0.5, 1.0), "steps": 150}))


def test_the_judge_of_collapse_refuses_a_softmax_that_does_not() -> None:
    recipe = numerical_stability.PRESETS["collapse"].recipe
    short = other(recipe, p=23, steps=200)
    assert refused(numerical_stability.judge_collapse, short)
    stays = other(short, {"steps": 100}, loss="stablemax")
    assert refused(numerical_stability.judge_collapse, stays)


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_the_judge_of_precision_refuses_the_same_one_thrice(precision: str) -> None:
    recipe = numerical_stability.PRESETS["precision"].recipe
    same = other(recipe, p=23, steps=250 if precision == "float16" else 60, precision=precision)
    assert refused(numerical_stability.judge_precision, same)
