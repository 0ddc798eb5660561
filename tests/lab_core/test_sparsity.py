"""Probes of sparsity, against numpy: of diagonal nets, of ReLU nets, of a function of one input."""

from __future__ import annotations

import numpy as np
import torch

from lab_core.arm import Arm
from lab_core.models import views
from lab_core.recipe import Recipe
from lab_core.run import Run

DIAGONAL = Recipe().set({"data": "sparse-linear", "n": 20, "dim": 30, "model": "diagonal-linear",
                         "init_scale": 0.3, "lr": 0.02, "steps": 201, "seed": (0, 1),
                         "probes": (("linear_sparsity", 100),)})  # fmt: skip
KINKS = Recipe().set({"data": "kinks", "width": 20, "activation": "relu", "init_scale": 2.0,
                      "lr": 0.02, "steps": 201, "seed": (0, 1), "batch_size": 3,
                      "probes": (("patterns", 100), ("function", 100))})  # fmt: skip


def test_weights_of_a_diagonal_net_are_counted_and_compared_with_the_teacher() -> None:
    arm = Run(DIAGONAL).finish().arms[0]
    for i, t in enumerate((0, 100, 200)):
        u, v = (p[..., 0].numpy() for p in views(arm.state_at(t).w, arm.objective.shapes).values())
        b, truth = u**2 - v**2, np.arange(30) < 3
        assert (arm.record["nonzeros"][1][i] == (np.abs(b) > 0.05).sum(1)).all()
        exact = np.linalg.norm(b - truth, axis=1)
        measured = arm.record["teacher_error"][1][i]
        np.testing.assert_allclose(measured, exact, rtol=0.2)
        x, y = (a[0].numpy() if len(a) == 1 else a.numpy() for a in arm.test)
        rms = [np.sqrt(np.mean((x[r] @ b[r] - y[r, :, 0]) ** 2)) for r in range(2)]
        np.testing.assert_allclose(measured, rms)


def naive(arm: Arm, w: torch.Tensor) -> list[int]:
    """Units with the same set of active examples are one, those with none are no one."""
    counts = []
    for r in range(arm.R):
        p = {n: v[r].numpy() for n, v in views(w, arm.objective.shapes).items()}
        x = arm.x[0 if len(arm.x) == 1 else r].numpy()
        active = x @ p["weight1"] + p["bias1"] > 0
        counts.append(len({tuple(c) for c in active.T.tolist() if any(c)}))
    return counts


def test_patterns_are_the_distinct_sets_of_active_examples() -> None:
    arm = Run(KINKS).finish().arms[0]
    steps, found = arm.record["patterns"]
    assert steps.tolist() == [0, 100, 200] and found.min() > 2
    for t, row in zip(steps, found, strict=True):
        assert row.tolist() == naive(arm, arm.state_at(int(t)).w)
    other = Run(KINKS.set({"activation": "tanh", "steps": 1})).finish().arms[0]
    assert "patterns" not in other.record.columns


def test_the_function_is_that_of_the_net_and_its_slopes_vary_by_the_kinks() -> None:
    """sum_j |c_j w_j| over the units whose kink lies in the range, for they are at random places."""
    arm = Run(KINKS).finish().arms[0]
    w = arm.state_at(200).w
    x, f = arm.record.arrays["function"][1]
    outputs = arm.objective.outputs(w, arm.test[0])[..., 0]
    assert torch.equal(f, outputs) and (x[0].diff() > 0).all()
    px, py, label = arm.record.arrays["points"][1]
    assert torch.equal(px, arm.x[..., 0]) and torch.equal(py, arm.y[..., 0]) and (label == 1).all()
    for r in range(2):
        p = {n: v[r].numpy() for n, v in views(w, arm.objective.shapes).items()}
        a, b, c = p["weight1"][0], p["weight1"][1] + p["bias1"][0], p["weight2"][:, 0]
        inside = np.abs(b) < np.abs(a) * float(x.max())
        most = np.abs(a * c)[inside].sum()
        measured = arm.record["slope_variation"][1][2, r]
        assert 0.3 * most < measured < most * (1 + 1e-6)
    line = KINKS.set({"activation": "linear", "steps": 1})
    assert Run(line).finish().arms[0].record["slope_variation"][1].max() < 1e-6


def test_it_finds_nothing_in_other_nets() -> None:
    probes = {"probes": (("linear_sparsity", 1), ("patterns", 1), ("function", 1)), "steps": 1}
    record = Run(Recipe().set({"n": 30, **probes})).finish().arms[0].record
    assert set(record.columns) == {"lr", "time", "train_loss"} and not record.arrays
