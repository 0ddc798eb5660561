"""Milestones: each detector on a record written by hand, and on a run."""

from __future__ import annotations

import numpy as np
import pytest

from lab_core import milestones
from lab_core.optimizers import OPTIMIZERS
from lab_core.recipe import Recipe
from lab_core.record import Record
from lab_core.run import Run

POINT = Recipe().set(
    {"data": "point", "model": "deep-linear", "parametrization": "ntk", "width": 64, "steps": 100}
)


def written(ratio: list[float]) -> Run:
    """A run of one replica whose record says that the ratio was this, every ten steps."""
    run = Run(POINT)
    record = run.arms[0].record = Record(1)
    steps = 10 * np.arange(len(ratio))
    record.extend("ratio", steps, np.array(ratio)[:, None])
    record.extend("threshold", steps, np.full((len(ratio), 1), 20.0))
    record.extend("sharpness", steps, 20 * np.array(ratio)[:, None])
    return run


def kinds(run: Run) -> list[tuple[str, int]]:
    return [(m.kind, m.step) for m in milestones.find(run)]


def test_a_crossing_counts_once_until_the_ratio_has_fallen_well_below() -> None:
    assert kinds(written([0.5, 0.9, 1.01, 0.95, 1.02, 0.85, 1.1])) == [("crossed", 20)]
    assert kinds(written([0.5, 1.01, 0.7, 0.9, 1.2])) == [
        ("crossed", 10), ("left", 20), ("crossed", 40)
    ]  # fmt: skip
    assert kinds(written([0.5, 0.9])) == []


def test_a_crossing_is_a_sentence_with_replica_lr_threshold_and_step() -> None:
    (found,) = milestones.find(written([0.5, 1.01]))
    assert found.sentence == "replica 0, lr 0.1, crossed its threshold 20 at step 10"
    (found,) = milestones.find(written([1.5]))
    assert found.sentence == "replica 0, lr 0.1, starts above its threshold 20 at step 0"


def test_hovering_needs_a_whole_window_near_one_after_the_crossing() -> None:
    window = milestones.WINDOW
    below, at = [0.97] * 3 * window, [1.0, 1.02] * window
    assert ("settled", 10 * (window - 1)) in kinds(written(at))
    assert not [k for k, _ in kinds(written(below)) if k == "settled"]
    assert not [k for k, _ in kinds(written([1.2, 1.3] * window)) if k == "settled"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_largest_lr_is_the_one_whose_threshold_is_the_curvature(name: str) -> None:
    for decay in (0.0, 0.3):
        optimizer = OPTIMIZERS[name](lr=0.1, weight_decay=decay)
        lr = milestones.largest_lr(optimizer, 31.0)
        assert float(type(optimizer)(lr=lr, weight_decay=decay).stability_threshold()) == (
            pytest.approx(31.0)
        )


def test_a_divergence_says_how_far_above_the_threshold_and_what_lr_would_do() -> None:
    run = Run(POINT.set({"lr": (0.1, 4.0), "probes": (("sharpness", 1),)})).finish()
    (found,) = [m for m in milestones.find(run) if m.kind == "diverged"]
    assert found.replica == 1
    assert found.step == run.arms[0].diverged[1]
    assert "against a threshold of 0.5; at that sharpness the limit is lr" in found.sentence
    assert "along the top eigenvector" in found.sentence


def test_a_catapult_rises_comes_back_and_lands_flatter() -> None:
    run = Run(POINT.set({"lr": (0.5, 1.5), "probes": (("sharpness", 1),)})).finish()
    assert [m.replica for m in milestones.find(run) if m.kind == "catapulted"] == [1]
