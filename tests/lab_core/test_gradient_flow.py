"""Gradient flow as an optimizer: its method's order and stability, and what the flow conserves."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lab_core import milestones
from lab_core.optimizers import flow
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import close, gaussian

FLOW = Recipe().set({"optimizer": "flow", "data": "sparse-linear", "n": 12, "dim": 20, "steps": 20,
                     "model": "diagonal-linear", "init_scale": 2.0, "lr": 0.05, "probes": ()})  # fmt: skip
DECAYED = FLOW.set({"weight_decay": (0.0, 0.1), "seed": (0, 1)})


def response(z: Tensor, s: int) -> Tensor:
    """R(z), what a substep of s stages makes of w = 1 under dw/dt = -z w in a time of 1."""
    column = z[:, None]
    radius = torch.full_like(column, (s - 1) ** 2 / 1.54)
    new, _ = flow.substep(
        lambda w: -column * w, torch.ones_like(column), -column, torch.ones_like(column), radius
    )
    return new[:, 0]


@pytest.mark.parametrize("s", [2, 3, 7, 30, 250])
def test_a_substep_is_of_second_order_and_stable_over_the_range_of_its_stages(s: int) -> None:
    z = torch.logspace(-3, -1, 9, dtype=torch.float64)
    assert bool(((response(z, s) - (-z).exp()).abs() < z**3).all())
    whole = torch.linspace(1e-3, 0.65 * (s**2 - 1), 5000, dtype=torch.float64)
    assert float(response(whole, s).abs().max()) < 1


def test_what_the_flow_of_a_diagonal_net_conserves() -> None:
    """u v is constant without decay, and shrinks as exp(-2 decay t) with it, whatever the loss."""
    arm = Run(DECAYED).finish().arms[0]
    u, v = arm.state.w.view(4, 2, 20).unbind(1)
    decay = torch.tensor([[0.0], [0.0], [0.1], [0.1]], dtype=torch.float64)
    close(u * v, (4 * (-2 * decay).exp()).expand(4, 20), rtol=1e-5)
    np.testing.assert_allclose(arm.record["time"][1][-1:], 0.95, rtol=1e-12)


def test_a_finer_tolerance_and_shorter_steps_arrive_at_the_same_place() -> None:
    ends = [
        Run(DECAYED.set(settings)).finish().arms[0].state.w
        for settings in ({"tolerance": 1e-8}, {}, {"lr": 0.01, "steps": 100})
    ]
    for end in ends[1:]:
        close(end, ends[0], rtol=1e-4)


def test_it_agrees_with_gradient_descent_in_tiny_steps() -> None:
    small = FLOW.set({"n": 4, "dim": 5, "steps": 10})
    descent = Run(small.set({"optimizer": "gd", "lr": 1e-4, "steps": 5000})).finish()
    close(Run(small).finish().arms[0].state.w, descent.arms[0].state.w, rtol=2e-3)


def test_a_step_may_be_far_longer_than_descent_could_take() -> None:
    stiff = FLOW.set({"init_scale": 10.0, "weight_decay": 0.1, "lr": 1.0, "steps": 40,
                      "probes": (("sharpness", 10),)})  # fmt: skip
    arm = Run(stiff).finish().arms[0]
    sharpness = arm.record["sharpness"][1]
    assert sharpness[0].min() > 500 * 2, "descent at lr 1 would be stable below 2"
    loss = arm.record["train_loss"][1]
    assert not arm.diverged and loss[-1].max() < 1e-2 * loss[0].min()


def test_replays_and_forks_are_exact() -> None:
    run = Run(DECAYED)
    run.advance(9)
    run.branch({})
    run.advance(1)
    run.change("lr", 0.02)
    run.finish()
    again = Run(run.recipe).finish()
    for index in (0, 1):
        assert torch.equal(again.arms[index].state.w, run.arms[index].state.w)
    close(run.arms[0].state_at(13).w, run.arms[0]._twin(13).state.w, rtol=0, atol=0)


def test_neither_batches_nor_filters_change_it() -> None:
    plain = Run(FLOW).finish().arms[0]
    for settings in ({"batch_size": 5}, {"filter": "grokfast"}):
        close(Run(FLOW.set(settings)).finish().arms[0].state.w, plain.state.w, rtol=0, atol=0)


def test_it_has_no_threshold_and_the_milestones_name_none() -> None:
    recipe = FLOW.set({"probes": (("sharpness", 5),)})
    run = Run(recipe).finish()
    assert np.isnan(run.arms[0].record["ratio"][1]).all()
    assert milestones.find(run) == []


def test_a_replica_whose_step_is_out_of_reach_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "SUBSTEPS", 5)
    run = Run(
        FLOW.set({"init_scale": (0.0, 30.0), "lr": 1e3, "probes": (("sharpness", 1),)})
    ).finish()
    arm = run.arms[0]
    assert list(arm.diverged) == [1] and arm.t == 20
    (lost,) = (m for m in milestones.find(run) if m.kind == "diverged")
    assert "threshold" not in lost.sentence and "nan" not in lost.sentence


def test_at_the_kinks_of_a_relu_net_it_goes_on() -> None:
    """Its slope jumps there, and no substep is short enough for the tolerance."""
    recipe = Recipe().set({"optimizer": "flow", "activation": "relu", "n": 50, "width": 8, "steps": 3,
                           "lr": 2.0, "probes": ()})  # fmt: skip
    exact = Run(recipe.set({"optimizer": "gd", "lr": 1e-3, "steps": 4001})).finish().arms[0]
    ours = Run(recipe).finish().arms[0].record["train_loss"][1][-1]
    assert ours[0] == pytest.approx(exact.record["train_loss"][1][-1, 0], rel=0.02)


def test_the_bound_on_the_curvature_is_one() -> None:
    arm = Run(DECAYED).arms[0]
    w = arm.state.w + 0.1 * gaussian(*arm.state.w.shape)
    o = arm.optimizer
    bound, _ = o.radius(w, gaussian(4, 40, seed=1), arm.at)
    product = arm.objective.hvp(w)
    H = torch.stack([product(e.expand(4, -1)) for e in torch.eye(40, dtype=w.dtype)], 2)
    top = torch.linalg.eigvalsh(H).abs().amax(1) + arm.start.tensor([0.0, 0.0, 0.1, 0.1])
    assert bool((bound[:, 0] > top).all()) and bool((bound[:, 0] < 1.3 * top).all())


def test_its_time_is_drawn_as_the_sum_of_its_steps() -> None:
    arm = Run(FLOW.set({"schedule": "warmup", "warmup": 10})).finish().arms[0]
    assert math.isclose(float(arm.state.time), 0.05 * (5.5 + 10))
