"""What the settings rule out is said before the first step, and is true."""

from __future__ import annotations

import pytest

from lab_core import milestones
from lab_core.recipe import Recipe
from lab_core.run import Run

SEEN = Recipe().set({"data": "completion", "size": 8, "true_rank": 3, "condition": 4.0,
                     "model": "symmetric-factors", "rank": 3, "probes": (("recovery", 1),),
                     "steps": 0})  # fmt: skip


def said(recipe: Recipe) -> list[str]:
    return [m.sentence for m in milestones.find(Run(recipe).finish()) if m.kind == "remark"]


def test_nothing_is_said_of_what_can_be_done() -> None:
    assert said(SEEN) == []
    assert said(SEEN.set({"rank": 8, "data": "sensing", "size": 8, "measurements": 50})) == []
    assert said(Recipe().set({"steps": 0})) == []


def test_a_rank_below_the_true_one_has_an_error_that_is_reached_and_not_passed() -> None:
    (sentence,) = said(SEEN.set({"rank": 2}))
    assert sentence.startswith(
        "the search rank 2 is below the true rank 3: the recovery error cannot"
    )
    least = float(sentence.split()[-1])
    assert least == pytest.approx(0.25 / (1 + 0.625**2 + 0.25**2) ** 0.5, rel=1e-2)
    run = Run(SEEN.set({"rank": 2, "lr": 0.1, "steps": 600, "init_scale": 1.0})).finish()
    last = run.arms[0].record.last("recovery")
    assert last is not None and last[0] == pytest.approx(least, rel=1e-2)


@pytest.mark.parametrize("target, free", [("symmetric", 8 + 7 + 6), ("general", 3 * 13)])
def test_fewer_measurements_than_degrees_of_freedom(target: str, free: int) -> None:
    base = SEEN.set({"data": "sensing", "size": 8, "target": target})
    assert said(base.set({"measurements": free})) == []
    (sentence,) = said(base.set({"measurements": free - 1}))
    assert sentence.startswith(f"{free - 1} measurements are fewer than the {free} degrees of free")
    few = said(SEEN.set({"observed": 0.1, "target": target}))
    assert len(few) == 1 and f"fewer than the {free} degrees" in few[0]


def test_examples_that_nothing_separates() -> None:
    base = Recipe().set({"data": "separable", "n": 60, "dim": 3, "model": "linear", "steps": 0,
                         "loss": "logistic", "probes": ()})  # fmt: skip
    assert said(base) == []
    (sentence,) = said(base.set({"corruption": 0.2, "seed": [0, 1]}))
    assert sentence.startswith("nothing linear separates these examples: the training error cannot")


def test_it_is_said_once_for_all_replicas_or_of_the_one_that_it_is_true_of() -> None:
    assert len(said(SEEN.set({"rank": 2, "init_scale": [0.1, 1.0], "seed": [0, 1]}))) == 1
    (sentence,) = said(SEEN.set({"true_rank": [2, 4], "rank": 3}))
    assert sentence.startswith("replica 1, lr") and "true rank 4" in sentence
