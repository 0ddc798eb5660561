"""Milestones: each detector on a record written by hand, and on a run."""

from __future__ import annotations

import numpy as np
import pytest

from lab_core import milestones
from lab_core.optimizers import OPTIMIZERS
from lab_core.recipe import Recipe
from lab_core.record import Record
from lab_core.run import Run
from tests.lab_core.small import PAIRS

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
        if np.isnan(optimizer.stability_threshold()):
            pytest.skip("stable whatever the curvature")
        lr = milestones.largest_lr(optimizer, 31.0)
        assert float(type(optimizer)(lr=lr, weight_decay=decay).stability_threshold()) == (
            pytest.approx(31.0)
        )


# ---- learning, from accuracies measured every 10 steps


def learning(train: list[float], test: list[float], zero: list[float] | None = None) -> Run:
    run = Run(PAIRS)
    record = run.arms[0].record = Record(1)
    columns = {"train_accuracy": train, "test_accuracy": test, "zero_loss": zero or []}
    for column, values in columns.items():
        record.extend(column, 10 * np.arange(len(values)), np.array(values)[:, None])
    return run


def sentences(run: Run) -> list[str]:
    return [m.sentence.removeprefix("replica 0, lr 0.1, ") for m in milestones.find(run)]


def test_a_memory_first_and_the_rule_much_later_is_grokking() -> None:
    assert sentences(learning([0.1, 0.98, 0.99, 1.0] + [1.0] * 16, [0.1] * 18 + [0.94, 0.95])) == [
        "memorised at step 20: 99% of the training set are right",
        "grokked at step 190, 9.5 times later: 95% of the test set are right",
    ]


def test_the_rule_with_the_training_set_is_no_grokking() -> None:
    train, test = [0.1, 0.5, 1.0, 1.0, 1.0, 1.0], [0.1, 0.1, 0.1, 0.5, 0.95, 1.0]
    assert sentences(learning(train, test)) == [
        "memorised at step 20: 99% of the training set are right",
        "generalised at step 40, soon after the training set: 95% of the test set are right",
    ], "twice as late is not more than twice"
    assert kinds(learning(train, [0.1] * 5 + [1.0]))[1:] == [("grokked", 50)]
    assert kinds(learning([0.5, 0.9, 0.95, 1.0], [0.5, 0.96, 1.0, 1.0])) == [
        ("generalised", 10), ("memorised", 30)
    ]  # fmt: skip


def test_a_training_set_that_is_never_memorised_is_not_mentioned() -> None:
    """As where labels are corrupted and the net sees through them."""
    assert sentences(learning([0.1, 0.7, 0.7], [0.1, 0.5, 1.0])) == [
        "generalised at step 20: 95% of the test set are right"
    ]
    assert sentences(learning([0.1, 0.98], [0.1, 0.9])) == []


def test_what_is_right_from_the_first_step_on_is_not_later_by_a_factor() -> None:
    assert sentences(learning([1.0, 1.0], [0.1, 1.0])) == [
        "memorised at step 0: 99% of the training set are right",
        "grokked at step 10, 10 steps later: 95% of the test set are right",
    ]


def test_a_collapse_is_half_of_the_losses_gone_to_zero() -> None:
    assert sentences(learning([], [], [0.0, 0.4, 0.5, 0.3, 0.9])) == [
        "softmax collapsed at step 20: the loss of half of the examples is exactly 0"
    ]
    assert sentences(learning([], [], [0.0, 0.49])) == []


def test_a_matrix_is_recovered_once_its_error_has_fallen_far_enough() -> None:
    run = Run(PAIRS)
    record = run.arms[0].record = Record(1)
    record.extend("recovery", 10 * np.arange(4), np.array([[1.0], [1e-3], [1e-6], [1e-9]]))
    assert sentences(run) == ["recovered the matrix to 1e-06 at step 20"]
    record = run.arms[0].record = Record(1)
    record.extend("recovery", 10 * np.arange(4), np.array([[1.0], [1e-3], [1e-5], [np.nan]]))
    assert sentences(run) == []


def test_replicas_and_arms_learn_at_steps_of_their_own() -> None:
    """What was measured before a divergence counts, and nothing after it."""
    run = Run(PAIRS.set({"lr": (0.1, 0.2)}))
    run.branch({})
    nan = np.nan
    for arm in run.arms.values():
        arm.record = Record(2)
        arm.record.extend("train_accuracy", np.array([0, 5, 10]), [[0, 0], [0, 1], [1, nan]])
    assert [(m.arm, m.replica, m.step) for m in milestones.find(run)] == [
        (0, 1, 5), (1, 1, 5), (0, 0, 10), (1, 0, 10)
    ]  # fmt: skip
    assert milestones.find(run)[1].sentence.startswith("arm 1, replica 1, lr 0.2, memorised at")


def test_a_fork_does_not_claim_what_happened_to_its_parent() -> None:
    run = Run(PAIRS)
    run.advance(20)
    fork = run.branch({})
    fork.record = Record(1)
    for column, values in {"train_accuracy": [1, 1, 1], "test_accuracy": [0, 0, 1],
                           "zero_loss": [0.6, 0.7, 0.8]}.items():  # fmt: skip
        fork.record.extend(column, np.array([20, 25, 30]), np.array(values)[:, None])
    assert [m.sentence for m in milestones.find(run)] == [
        "arm 1, replica 0, lr 0.1, generalised at step 30, having memorised before step 20:"
        " 95% of the test set are right"
    ]


def test_a_run_that_memorises_and_collapses_says_so() -> None:
    recipe = PAIRS.set({"width": 60, "lr": 0.5, "steps": 1500, "precision": "float16",
                        "probes": (("accuracy", 10), ("zero_loss", 10))})  # fmt: skip
    run = Run(recipe).finish()
    record, found = run.arms[0].record, dict(kinds(run))
    steps, train = record["train_accuracy"]
    assert found["memorised"] == steps[(train[:, 0] >= 0.99).argmax()] < found["collapsed"]


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
