"""The flows against exact solutions, finer integration, autograd, and the conditions of the theory."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from lab_core import curvature, flows
from lab_core.flows import FLOWS, CentralFlow, Flow, GradientFlow, covariance, push, turning
from lab_core.knobs import BadInput
from lab_core.losses import LOSSES
from lab_core.models import MLP
from lab_core.objective import objective
from lab_core.optimizers import OPTIMIZERS
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import CLASSES, SMALL, close, gaussian, having, problem

CHEBYSHEV = Recipe().set({"data": "chebyshev", "width": 24, "depth": 3, "probes": ()})
BOTH = pytest.mark.parametrize("kind", FLOWS)


def beside(recipe: Recipe, kind: str = "gradient-flow", **settings: Any) -> Flow:
    """The flow beside a finished run, as far as that went."""
    run = Run(recipe.set(settings)).finish()
    flow = FLOWS[kind](run.arms[0])
    flow.advance(10**6)
    return flow


def apart(a: Flow, b: Flow) -> float:
    """How far two flows from one start ended from each other, as a share of the way."""
    return float(((a.w - b.w).norm(dim=1) / (b.w - b.start).norm(dim=1)).max())


# ---- gradient flow


def test_on_a_quadratic_it_is_the_matrix_exponential() -> None:
    """w(T) = w* + exp(-T A) (w(0) - w*) with A = H + decay, for time T = lr * steps."""
    flow = beside(SMALL, depth=1, lr=(0.5, 1.0), weight_decay=0.1, steps=30)
    w = flow.start.double()
    A = curvature.dense(flow.objective.hvp(w), w) + 0.1 * torch.eye(w.shape[1])
    slope = flow.objective.gradient(w)[1] + 0.1 * w
    least = w - torch.linalg.solve(A, slope)
    T = torch.tensor([15.0, 30.0])[:, None, None].double()
    exact = least + (torch.matrix_exp(-T * A) @ (w - least)[:, :, None])[:, :, 0]
    assert float((flow.w - exact).norm() / (w - exact).norm()) < 5e-3
    close(flow.time, T.flatten())


def test_it_is_of_fourth_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one substep a step, at one time: half the learning rate, a sixteenth of the error."""
    monkeypatch.setattr(flows, "STIFF", float("inf"))
    reference = beside(SMALL, lr=0.0125, steps=640)
    errors = [apart(beside(SMALL, lr=lr, steps=round(8 / lr)), reference) for lr in (0.4, 0.2, 0.1)]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert orders == pytest.approx(4, abs=0.4)


@pytest.mark.long
def test_it_has_no_edge_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times finer it is the same, far above the level 1.39 where coarse substeps settle."""
    settings = {"lr": 0.3, "steps": 320}
    flow = beside(CHEBYSHEV, **settings)
    monkeypatch.setattr(flows, "STIFF", flows.STIFF / 4)
    fine = beside(CHEBYSHEV, **settings)
    monkeypatch.setattr(flows, "STIFF", float("inf"))
    coarse = beside(CHEBYSHEV, **settings)
    level, finer, wrong = (f.record["ratio"][1][-1, 0] for f in (flow, fine, coarse))
    assert apart(flow, fine) < 1e-3 and level == pytest.approx(finer, rel=1e-3)
    assert level > 1.6 and wrong < 1.45, (level, finer, wrong)


@pytest.mark.parametrize("recipe", [SMALL, CLASSES.set({"loss": "cross-entropy"})])
def test_its_loss_never_rises(recipe: Recipe) -> None:
    loss = beside(recipe, lr=(0.1, 0.3), steps=300).record["train_loss"][1]
    assert len(loss) == 30 and (np.diff(loss, axis=0) <= 0).all()


def test_its_time_follows_changes_and_schedules() -> None:
    run = Run(SMALL.set({"lr": 0.2, "steps": 60}))
    run.advance(30)
    run.change("lr", 0.4)
    run.advance(10)
    run.change("schedule", "linear")
    run.finish()
    changed = GradientFlow(run.arms[0])
    changed.advance(60)
    passed = 30 * 0.2 + 10 * 0.4 + sum(0.4 * (1 - t / 60) for t in range(40, 60))
    close(changed.time, [passed], rtol=1e-6)
    assert apart(changed, beside(SMALL, lr=passed / 100, steps=100)) < 1e-4


# ---- what both are


@BOTH
def test_a_stack_is_its_replicas(kind: str) -> None:
    rates = (0.15, 0.3, 0.4)
    stack = beside(CHEBYSHEV, kind, lr=rates, steps=150)
    for r, lr in enumerate(rates):
        alone = beside(CHEBYSHEV, kind, lr=lr, steps=150)
        error = (stack.w[r] - alone.w[0]).norm() / (alone.w[0] - alone.start[0]).norm()
        assert float(error) < 1e-3


@BOTH
def test_how_far_it_goes_at_once_is_nothing_to_it(kind: str) -> None:
    run = Run(CHEBYSHEV.set({"lr": (0.1, 0.4), "steps": 100})).finish()
    whole, parts = (FLOWS[kind](run.arms[0]) for _ in range(2))
    assert whole.advance(1000) and whole.t == 100 and not whole.advance(1)
    while parts.advance(7):
        pass
    assert torch.equal(whole.w, parts.w)
    for name, column in whole.record.columns.items():
        np.testing.assert_array_equal(column.values, parts.record[name][1])


@BOTH
def test_in_a_thread_beside_the_training_it_is_the_same(kind: str) -> None:
    run = Run(CHEBYSHEV.set({"lr": 0.4, "steps": 100}))
    arm = run.arms[0]
    live, after = FLOWS[kind](arm), FLOWS[kind](arm)
    trains = threading.Thread(target=lambda: [run.advance(5) for _ in range(20)])
    trains.start()
    while live.t < 100:
        if not live.advance(5):
            time.sleep(1e-3)
    trains.join()
    after.advance(100)
    assert torch.equal(live.w, after.w)
    assert torch.equal(arm.state.w, Run(run.recipe).finish().arms[0].state.w)


def test_its_record_has_the_arms_steps_and_its_distance() -> None:
    run = Run(SMALL.set({"lr": 0.1, "steps": 100})).finish()
    fork = run.branch({"lr": 0.2}, step=45)
    run.finish()
    flow = GradientFlow(fork)
    flow.advance(100)
    assert flow.record["ratio"][0].tolist() == [45, 50, 60, 70, 80, 90]
    close(flow.record["ratio"][1], flow.record["sharpness"][1] / 10)
    close(flow.record["time"][1][:2, 0], [4.5, 5.5], rtol=1e-6)
    steps, distance = flow.record["distance"]
    assert steps.tolist() == [45, 64, 96] and distance[0] == 0 < distance[1]


@BOTH
def test_beside_another_optimizer_or_a_filter_it_is_refused(kind: str) -> None:
    others = [having("optimizer", name) for name in OPTIMIZERS if name != "gd"]
    for other in (*others, SMALL.set({"filter": "grokfast"})):
        with pytest.raises(BadInput, match="gradient descent; choose optimizer=gd and filter=none"):
            FLOWS[kind](Run(other).arms[0])


def test_beside_minibatches_only_the_central_flow_is_refused() -> None:
    run = Run(SMALL.set({"steps": 20}))
    run.advance(10)
    run.change("batch_size", 5)
    run.finish()
    assert GradientFlow(run.arms[0]).advance(20)
    with pytest.raises(BadInput, match="beside full batches; set batch_size=0"):
        CentralFlow(run.arms[0])


def test_it_says_where_the_arm_goes_on_in_minibatches() -> None:
    run = Run(SMALL.set({"steps": 20}))
    central = CentralFlow(run.arms[0])
    run.advance(10)
    run.change("batch_size", 5)
    run.finish()
    central.advance(20)
    assert (
        central.ended
        == "The central flow of replica 0 ends at step 10: the arm goes on in minibatches."
    )


@BOTH
def test_it_ends_where_its_replica_diverges(kind: str) -> None:
    run = Run(SMALL.set({"lr": (0.1, 30.0), "steps": 60})).finish()
    arm = run.arms[0]
    flow = FLOWS[kind](arm)
    flow.advance(60)
    assert arm.diverged.keys() == flow.stopped.keys() == {1} and flow.t == 60 and not flow.ended
    steps, ratio = flow.record["ratio"]
    assert np.isfinite(ratio[:, 0]).all()
    np.testing.assert_array_equal(np.isnan(ratio[:, 1]), steps >= arm.diverged[1])
    alone = beside(SMALL, kind, lr=30.0, steps=60)
    assert "ends at step" in alone.ended and not alone.advance(1)


@BOTH
def test_a_replica_beyond_all_numbers_does_not_hold_up_one_at_the_edge(kind: str) -> None:
    flow = beside(CHEBYSHEV, kind, lr=(0.4, 1e5, 3.0), steps=60)
    alone = beside(CHEBYSHEV, kind, lr=0.4, steps=60)
    assert set(flow.stopped) >= {1} and 0 not in flow.stopped
    assert float((flow.w[0] - alone.w[0]).norm()) < 1e-3


def test_too_much_work_and_too_many_directions_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "more than 200" in beside(SMALL, lr=1e6, steps=2).ended
    monkeypatch.setattr(flows, "DIRECTIONS", 0)
    assert "more than 0 directions" in beside(CHEBYSHEV, "central-flow", lr=0.4, steps=50).ended


# ---- central flow


def test_it_is_gradient_descent_before_the_edge_and_stays_at_it_after() -> None:
    run = Run(CHEBYSHEV.set({"lr": (0.15, 0.4), "steps": 300})).finish()
    flow = CentralFlow(run.arms[0])
    flow.advance(300)
    close(flow.w[0], run.arms[0].state.w[0])
    ratio = flow.record["ratio"][1][10:, 1]
    assert ratio.max() < 1.002 and ratio[-10:].min() > 0.95


def test_several_directions_are_held_at_the_threshold() -> None:
    flow = beside(CHEBYSHEV, "central-flow", lr=0.3, steps=400)
    flow.k, most = 4, 2 / 0.3
    values = flow.top(flow.w)[0][0]
    assert float(values[1]) > 0.99 * most and float(values.max()) < 1.002 * most


@pytest.mark.parametrize("loss", ["squared-error", "cross-entropy"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_third_derivative_is_autograds(loss: str, dtype: torch.dtype) -> None:
    _, oracle, w = problem(MLP(width=8, depth=3), loss)
    U = torch.linalg.qr(gaussian(3, w.shape[1], 3, seed=5)).Q.mT
    T = torch.empty(3, 3, 3, w.shape[1]).double()
    for i in range(3):
        for j in range(3):
            at = w.clone().requires_grad_()
            total = oracle.criterion(oracle.outputs(at, oracle.x), oracle.y).mean(-1).sum()
            (g,) = torch.autograd.grad(total, at, create_graph=True)
            (Hu,) = torch.autograd.grad((g * U[:, i]).sum(), at, create_graph=True)
            (T[:, i, j],) = torch.autograd.grad((Hu * U[:, j]).sum(), at)
    x, y = oracle.x.to(dtype), oracle.y.to(dtype)
    by_hand = objective(MLP(width=8, depth=3), LOSSES[loss](), x, y, 3)
    found = turning(by_hand, w.to(dtype), U.to(dtype)).double()
    assert float((found - T).norm() / T.norm()) < (1e-8 if dtype == torch.float64 else 1e-3)


def random(k: int, seed: int, R: int = 4, P: int = 30) -> tuple[Tensor, Tensor]:
    """T [R, k, k, P] as third derivatives are, and an excess [R, k] of either sign."""
    T = gaussian(R, k, k, P, seed=seed)
    return T + T.transpose(1, 2), gaussian(R, k, seed=seed + 1)


def test_one_direction_has_a_closed_form() -> None:
    """sigma^2 lr = max(0, 2 excess / |grad S|^2); the push takes the excess away to first order."""
    T, excess = random(1, 0)
    slope = T[:, 0, 0]
    close(covariance(T, excess)[:, 0, 0], (2 * excess[:, 0] / slope.square().sum(1)).clamp_min(0))
    close((push(T, excess) * slope).sum(1), excess[:, 0].clamp_min(0))


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("seed", [0, 10])
def test_the_covariance_is_complementary_to_what_is_left(k: int, seed: int) -> None:
    """X >= 0, Y >= 0, <X, Y> = 0."""
    T, excess = random(k, seed)
    X = covariance(T, excess)
    Y = 0.5 * torch.einsum("rijp,rabp,rab->rij", T, T, X) - torch.diag_embed(excess)
    assert float(torch.linalg.eigvalsh(X).min()) > -1e-12
    assert float(torch.linalg.eigvalsh(Y).min()) > -1e-4
    assert float((X * Y).sum((1, 2)).abs().max()) < 1e-4
    fallen = torch.einsum("rijp,rp->rij", T, push(T, excess))
    close(fallen - torch.diag_embed(excess), Y, atol=1e-10)


def test_the_covariance_is_the_one_that_a_general_solver_finds() -> None:
    """Over X = A A^T, from several starts."""
    T, excess = random(3, 4)
    X = covariance(T, excess)
    for r in range(len(T)):

        def value(X: np.ndarray, r: int = r) -> float:
            pushed = np.einsum("ijp,ij->p", T[r].numpy(), X)
            return float(pushed @ pushed / 4 - np.trace(X @ torch.diag(excess[r]).numpy()))

        found = [
            minimize(lambda a: value(a.reshape(3, 3) @ a.reshape(3, 3).T), start, tol=1e-12).fun
            for start in 0.3 * gaussian(5, 9, seed=r).numpy()
        ]
        assert value(X[r].numpy()) == pytest.approx(min(found), abs=1e-6)
