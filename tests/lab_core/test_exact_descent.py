"""Least squares in one step, and gradient descent in leaps, against numpy and against the engine's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lab_core.arm import Arm
from lab_core.knobs import BadInput
from lab_core.optimizers import Leaps
from lab_core.optimizers.exact import steps_taken
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import close

BASE = Recipe().set({"data": "gaussian-teacher", "n": 40, "dim": 8, "model": "random-features",
                     "features": 25, "optimizer": "least-squares", "steps": 1, "probes": ()})  # fmt: skip
FEATURES = (25, 40, 90)


def trained(**settings: Any) -> Arm:
    return Run(BASE.set(settings)).finish().arms[0]


def top(arm: Arm, r: int = 0) -> float:
    """The largest eigenvalue of the Hessian without decay."""
    return float(np.linalg.norm(arm.x[r].numpy(), 2) ** 2 / arm.N)


@pytest.mark.parametrize("features", FEATURES)
def test_one_step_is_the_solution_of_least_norm(features: int) -> None:
    arm = trained(features=features, seed=(0, 1))
    for r in range(2):
        x, y = arm.x[r].numpy(), arm.y[r].numpy()
        expected = np.linalg.lstsq(x, y, rcond=None)[0][:, 0]
        np.testing.assert_allclose(arm.state.w[r], expected, rtol=1e-7)


@pytest.mark.parametrize("features", FEATURES)
def test_one_step_is_the_ridge_solution(features: int) -> None:
    ridges = (1e-4, 0.1)
    arm = trained(features=features, weight_decay=ridges)
    for r, ridge in enumerate(ridges):
        x, y = arm.x[0].numpy(), arm.y[0].numpy()
        expected = np.linalg.solve(x.T @ x / 40 + ridge * np.eye(features), x.T @ y / 40)
        np.testing.assert_allclose(arm.state.w[r], expected[:, 0], rtol=1e-8)


def test_from_other_weights_it_is_the_nearest_solution_and_half_a_step_is_half_the_way() -> None:
    arm = trained(features=90, init_scale=1.0)
    x, y, w = (t[0].numpy() for t in (arm.x, arm.y, arm.start.w))
    expected = w + np.linalg.pinv(x) @ (y[:, 0] - x @ w)
    np.testing.assert_allclose(arm.state.w[0], expected, rtol=1e-8)
    half = trained(features=90, init_scale=1.0, lr=0.5)
    close(half.state.w, (half.start.w + arm.state.w) / 2, rtol=1e-8)


def test_several_outputs_and_inputs_that_repeat() -> None:
    """Digits have pixels that are always 0: directions in which the data say nothing."""
    arm = trained(data="digits", model="linear", n=50, weight_decay=(0.0, 0.1))
    x, y = arm.x[0].numpy(), arm.y[0].numpy()
    assert np.linalg.matrix_rank(x) < min(x.shape)
    np.testing.assert_allclose(arm.state.w[0].view(64, 10), np.linalg.pinv(x) @ y, atol=1e-10)
    ridge = np.linalg.solve(x.T @ x / 50 + 0.1 * np.eye(64), x.T @ y / 50)
    np.testing.assert_allclose(arm.state.w[1].view(64, 10), ridge, atol=1e-10)


LEAPS = {"optimizer": "descent-in-leaps", "leaps": 5, "steps": 14}


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("beta", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_leaps_lead_where_the_engines_steps_do(features: int, beta: float, decay: float) -> None:
    """After 14 leaps it stands where 631 steps of heavy ball lead, from weights that are not 0."""
    start = {"features": features, "init_scale": 0.5, "weight_decay": decay, "beta": beta}
    leapt = trained(**LEAPS, **start, lr=0.7)
    steps = leapt.program.optimizer.taken(14)
    assert steps == 631
    rate = 0.7 / (top(leapt) + decay)
    ours = trained(optimizer="heavy-ball", **start, lr=rate, steps=steps)
    close(leapt.state.w, ours.state.w, rtol=1e-9, atol=1e-11)


def test_replicas_leap_with_their_own_rates_momenta_and_decays() -> None:
    lists = {"lr": (0.3, 1.0), "beta": (0.0, 0.5), "weight_decay": (0.0, 0.1)}
    stack = trained(**LEAPS, **lists)
    for r, recipe in enumerate(stack.recipes):
        close(Run(recipe).finish().arms[0].state.w[0], stack.state.w[r], rtol=1e-9)


def test_a_rate_that_changes_on_the_way_and_a_branch_are_replayed() -> None:
    run = Run(BASE.set({**LEAPS, "steps": 10}))
    run.advance(5)
    run.change("lr", 0.2)
    run.branch({"beta": 0.5}, step=3)
    run.finish()
    again = Run(run.recipe).finish()
    for a, b in zip(run.arms.values(), again.arms.values(), strict=True):
        assert torch.equal(a.state.w, b.state.w)
        assert torch.equal(a.state_at(7).w, b.state_at(7).w)


def test_far_leaps_end_at_the_least_squares() -> None:
    for decay in (0.0, 1e-3):
        far = trained(**LEAPS | {"steps": 60}, weight_decay=decay)
        close(far.state.w, trained(weight_decay=decay).state.w, rtol=1e-6)


def test_above_the_threshold_leaps_diverge() -> None:
    arm = trained(**LEAPS, lr=(1.9, 2.1), beta=0.0)
    assert list(arm.diverged) == [1]


def test_how_many_steps_a_leap_is() -> None:
    o = Leaps(leaps=10)
    assert [o.taken(t) for t in (0, 1, 5, 10, 20, 60)] == [0, 1, 5, 10, 100, 10**6]
    assert steps_taken(Leaps(leaps=1_000_000), 300) == 300, "it is gradient descent itself"


@pytest.mark.parametrize("name", ["least-squares", "descent-in-leaps"])
def test_what_they_cannot_solve_is_a_sentence(name: str) -> None:
    with pytest.raises(BadInput, match="^optimizer: .* cannot move multi-layer perceptron; choose gd or the"
                                       " model linear or random-features"):  # fmt: skip
        Recipe().set({"optimizer": name})
    with pytest.raises(BadInput, match="^optimizer: .* cannot minimise cross-entropy; choose gd or the loss"
                                       " squared-error"):  # fmt: skip
        Recipe().set({"optimizer": name, "model": "linear", "loss": "cross-entropy"})
