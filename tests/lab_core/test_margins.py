"""Probes of a linear classifier against numpy: margins, the batch perceptron beside it, the boundary."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lab_core.arm import Arm
from lab_core.predictors import margin_l2
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import in_chunks, same

CLASSIFIER = Recipe().set({"data": "separable", "n": 60, "dim": 5, "model": "linear",
                           "loss": "logistic", "lr": (1.0, 1e3, 1e6), "steps": 13})  # fmt: skip


def arm(every: int = 1, **settings: Any) -> Arm:
    probes = tuple((p, every) for p in ("margin", "perceptron", "boundary", "accuracy"))
    return Run(CLASSIFIER.set({"probes": probes, **settings})).finish().arms[0]


def batch_perceptron(z: np.ndarray, steps: int) -> np.ndarray:
    """v_0 ... v_steps [steps + 1, d], example by example."""
    path = [np.zeros(z.shape[1])]
    for _ in range(steps):
        v = path[-1].copy()
        for row in z:
            side = path[-1] @ row
            v += (1.0 if side < 0 else 0.5 if side == 0 else 0.0) * row / len(z)
        path.append(v)
    return np.array(path)


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
@pytest.mark.parametrize("every", [1, 4])
def test_the_perceptron_beside_a_run_is_the_batch_perceptron(every: int, seeds: Any) -> None:
    found = arm(every, seed=seeds)
    steps, distance = found.record["perceptron_distance"]
    _, cosine = found.record["perceptron_cosine"]
    assert np.isnan(distance[0]).all() and steps[1] == every
    for r, recipe in enumerate(found.recipes):
        x, y, _, _ = recipe.data.arrays(recipe.seed)
        v = batch_perceptron(y * x, 13)
        for i, t in enumerate(steps[1:], 1):
            w = found.state_at(int(t)).w[r].numpy() / recipe.optimizer.lr
            np.testing.assert_allclose(distance[i, r], np.linalg.norm(w - v[t]) / np.linalg.norm(v[t]),
                                       rtol=1e-6, atol=1e-12)  # fmt: skip
            expected = w @ v[t] / np.linalg.norm(w) / np.linalg.norm(v[t])
            np.testing.assert_allclose(cosine[i, r], expected, rtol=1e-9)


def test_gradient_descent_with_rate_one_on_its_loss_is_the_batch_perceptron() -> None:
    found = arm(loss="perceptron", lr=1.0, seed=(0, 1))
    for r in range(2):
        x, y, _, _ = CLASSIFIER.data.arrays(r)
        np.testing.assert_allclose(found.state.w[r], batch_perceptron(y * x, 13)[-1], rtol=1e-12)
    assert found.record["perceptron_distance"][1][1:].max() < 1e-12


def test_margin_and_angle() -> None:
    found = arm()
    _, margin = found.record["margin"]
    _, angle = found.record["angle"]
    assert np.isnan(margin[0]).all() and np.isnan(angle[0]).all()
    x, y, _, _ = CLASSIFIER.data.arrays(0)
    best = margin_l2(x, y[:, 0])
    for r in range(3):
        w = found.state_at(12).w[r].numpy()
        np.testing.assert_allclose(margin[12, r], (y[:, 0] * (x @ w)).min() / np.linalg.norm(w))
        cosine = w @ best / np.linalg.norm(w) / np.linalg.norm(best)
        np.testing.assert_allclose(angle[12, r], np.degrees(np.arccos(cosine)), rtol=1e-6)
    _, train = found.record["train_accuracy"]
    assert ((margin > 0) == (train == 1))[1:].all()


def test_where_nothing_separates_there_is_a_margin_below_zero_and_no_angle() -> None:
    found = arm(corruption=0.2)
    assert (found.record["margin"][1][1:] < 0).all() and np.isnan(found.record["angle"][1]).all()


def test_gradient_descent_turns_to_the_largest_margin() -> None:
    found = arm(100, steps=5001, lr=10.0, n=20)
    _, angle = found.record["angle"]
    assert angle[-1, 0] < 3 < angle[1, 0]


def test_nothing_of_all_this_steers_or_depends_on_the_chunks() -> None:
    recipe = CLASSIFIER.set({"probes": (("perceptron", 3), ("margin", 2)), "seed": (0, 1)})
    same(Run(recipe).finish(), in_chunks(recipe, [1, 2, 5]))
    bare = Run(recipe.set({"probes": ()})).finish().arms[0]
    assert torch.equal(bare.state.w, Run(recipe).finish().arms[0].state.w)


def test_a_fork_has_the_perceptron_of_its_step() -> None:
    run = Run(CLASSIFIER.set({"probes": (("perceptron", 2),)})).finish()
    fork = run.branch({"weight_decay": 0.0}, step=6)
    run.finish()
    np.testing.assert_array_equal(fork.record["perceptron_distance"][1],
                                  run.arms[0].record["perceptron_distance"][1][3:])  # fmt: skip


# ---- the boundary


def test_the_boundary_is_where_the_output_is_zero_and_reaches_beyond_the_points() -> None:
    found = arm(dim=2, seed=(0, 1), lr=10.0)
    _, (x, y) = found.record.arrays["boundary"]
    _, (px, py, label) = found.record.arrays["points"]
    assert x.shape == y.shape == (2, 2) and px.shape == py.shape == label.shape == (2, 60)
    points = torch.stack((x, y), -1)  # [R, end, 2]
    w = found.state_at(12).w
    assert float((points @ w[:, :, None]).abs().max()) < 1e-9 * float(w.norm())
    farthest = found.x.norm(dim=2).amax(1)
    assert bool((points.norm(dim=2) > 2 * farthest[:, None]).all())
    assert torch.equal(points[:, 0], -points[:, 1])


def test_there_is_none_at_zero() -> None:
    found = arm(dim=2, steps=1)
    assert all(part.isnan().all() for part in found.record.arrays["boundary"][1])


def test_the_training_error_is_what_is_not_right() -> None:
    found = arm(seed=(0, 1))
    error, accuracy = found.record["train_error"][1], found.record["train_accuracy"][1]
    np.testing.assert_allclose(error, 1 - accuracy, atol=1e-12)
    assert (error[0] == 1).all(), "at w = 0 none is right"


def test_only_a_linear_classifier_in_the_plane_has_one() -> None:
    assert not {"boundary", "points"} & set(arm().record.arrays)
    mlp = CLASSIFIER.set({"model": "mlp", "dim": 2, "width": 4, "lr": 0.1,
                          "probes": (("boundary", 1), ("margin", 1), ("perceptron", 1))})  # fmt: skip
    record = Run(mlp).finish().arms[0].record
    assert not record.arrays and set(record.columns) == {"lr", "time", "train_loss"}
