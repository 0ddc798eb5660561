"""The judges of why grokking waits can say no: runs, and records, in which their claims must not hold."""

from __future__ import annotations

from typing import Any

import pytest

from lab_core.claims import Verdict
from lab_core.phenomena import PHENOMENA, dichotomy, lazy_to_rich, xor_clusters
from lab_core.recipe import Branch
from lab_core.run import Run

LAB = PHENOMENA["why-grokking-waits"]


def run(preset: str, **settings: Any) -> Run:
    return Run(LAB.presets[preset].recipe.set(settings)).finish()


def refused(*verdicts: Verdict) -> bool:
    return not any(v.holds for v in verdicts)


def test_few_dimensions_or_no_clusters_are_no_benign_overfitting() -> None:
    low = run("xor", dim=100, width=50, steps=12)
    assert refused(xor_clusters.judge_one_step([low]), xor_clusters.judge_benign([low]))
    noise = run("xor", dim=1000, width=50, separation=0.0, steps=12)
    assert refused(xor_clusters.judge_benign([noise])), "it fits, and learns nothing"


def test_a_start_that_is_not_small_is_no_linear_classifier_after_a_step() -> None:
    assert refused(xor_clusters.judge_one_step([run("xor", init_scale=1e4, width=50, steps=3)]))


def test_rich_scales_alone_have_neither_delay_nor_laziness() -> None:
    rich = run("output-scale", output_scale=(0.3, 0.5, 1.0), steps=150)
    assert refused(lazy_to_rich.judge_delay([rich]), lazy_to_rich.judge_laziness([rich]))


def test_a_test_loss_that_never_falls_is_no_delay() -> None:
    short = run("output-scale", steps=400)
    assert refused(lazy_to_rich.judge_delay([short]))


def test_a_kernel_that_turns_after_the_fit_is_refused() -> None:
    late = run("output-scale", steps=400)
    assert lazy_to_rich.judge_alignment([late]).holds
    alignment = late.arms[0].record.columns["kernel_alignment"].values
    before, after = alignment[0].copy(), alignment[-1].copy()
    alignment[:-1], alignment[-1] = before, after
    assert refused(lazy_to_rich.judge_alignment([late]))


def test_fewer_examples_in_later_arms_are_refused() -> None:
    fewer = tuple(Branch(0, 0, (("n", n),), from_start=True) for n in (400, 250))
    assert refused(lazy_to_rich.judge_examples([run("examples", n=800, changes=fewer)]))


@pytest.mark.long
def test_what_has_not_moved_yet_or_has_no_control_is_refused() -> None:
    assert refused(
        dichotomy.judge_margins([run("margins", steps=200)]),
        dichotomy.judge_margins([run("margins", weight_decay=(0.0, 0.0), steps=20)]),
        dichotomy.judge_margins([run("margins", init_scale=0.1, lr=1.0, steps=100)]),
        dichotomy.judge_wait([run("start", steps=150)]),
        dichotomy.judge_wait([run("start", weight_decay=0.0, steps=20)]),
        dichotomy.judge_norms([run("norms", steps=150)]),
        dichotomy.judge_norms([run("norms", init_scale=10.0, steps=20)]),
        dichotomy.judge_norms([run("norms", weight_decay=0.0, steps=60)]),
    )


@pytest.mark.parametrize(
    "preset, judge",
    [
        ("margins", dichotomy.judge_margins),
        pytest.param("start", dichotomy.judge_wait, marks=pytest.mark.long),
        pytest.param("norms", dichotomy.judge_norms, marks=pytest.mark.long),
    ],
)
def test_predictors_in_each_other_s_place_are_refused(preset: str, judge: Any) -> None:
    found = run(preset)
    assert judge([found]).holds
    columns = found.arms[0].record.columns
    columns["distance_kernel"], columns["distance_rich"] = (
        columns["distance_rich"], columns["distance_kernel"])  # fmt: skip
    assert refused(judge([found]))
