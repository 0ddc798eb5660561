"""What is drawn for a step, by dropout and by noise on labels: keyed by seed and step, in training alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lab_core.losses import NoisySquaredError, SquaredError
from lab_core.models import MLP, Draw, DropoutMLP, size, views
from lab_core.objective import HandObjective, Objective, objective
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import CLASSES, SMALL, close, gaussian, in_chunks, same

NET = DropoutMLP(width=200, depth=3, dropout=0.3, activation="relu")
DROPPED = CLASSES.set({"model": "dropout-mlp", "dropout": (0.0, 0.5), "seed": (0, 1)})
NOISY = SMALL.set({"loss": "noisy-squared-error", "label_noise": (0.0, 0.5), "seed": (0, 1)})
RECIPES = {"dropout": DROPPED, "label noise": NOISY}


def test_a_draw_depends_on_purpose_seed_and_step_alone() -> None:
    like = torch.zeros(1, dtype=torch.float64)
    one, other = Draw((4, 7, 4), 3), Draw((7,), 3)
    u = one.uniform("noise", like, 5, 2)
    assert u.shape == (3, 5, 2) and torch.equal(u[0], u[2]) and torch.equal(u[1:2], other.uniform(
        "noise", like, 5, 2))  # fmt: skip
    assert not torch.equal(u[0], u[1])
    for again in (
        one.uniform("other", like, 5, 2),
        Draw((4, 7, 4), 4).uniform("noise", like, 5, 2),
    ):
        assert not torch.isclose(u, again).any()


def plain(w: Tensor, x: Tensor, masks: list[Tensor]) -> Tensor:
    """Outputs [N, c] of one replica, layer by layer, with these masks."""
    p = {n: v[0] for n, v in views(w[None], NET.shapes(5, 3)).items()}
    h = (x @ p["weight1"] + p["bias1"]).relu() * masks[0] / 0.7
    h = (h @ p["weight2"] + p["bias2"]).relu() * masks[1] / 0.7
    return h @ p["weight3"] + p["bias3"]


def test_dropout_is_a_mask_for_each_example_and_unit() -> None:
    x, w = gaussian(1, 40, 5), 0.1 * gaussian(2, size(NET.shapes(5, 3)), seed=1)
    draw = Draw((8, 9), 6)
    masks = [draw.uniform(f"dropout{i}", x, 40, 200) >= 0.3 for i in (1, 2)]
    f = NET.training(views(w, NET.shapes(5, 3)), x.expand(2, -1, -1), draw)
    for r in range(2):
        close(f[r], plain(w[r], x[0], [m[r].double() for m in masks]))
        assert float(masks[0][r].double().mean()) == pytest.approx(0.7, abs=0.02)
    assert not torch.equal(masks[0], masks[1])
    kept = NET.forward(views(w, NET.shapes(5, 3)), x.expand(2, -1, -1))
    close(kept, MLP(width=200, depth=3, activation="relu").forward(views(w, NET.shapes(5, 3)), x))


def test_what_is_left_is_scaled_so_that_the_mean_over_masks_is_the_whole() -> None:
    net = DropoutMLP(width=50, dropout=0.5)
    x, w = gaussian(1, 3, 5), gaussian(1, size(net.shapes(5, 2)), seed=1)
    pieces = views(w, net.shapes(5, 2))
    each = torch.stack([net.training(pieces, x, Draw((0,), t)) for t in range(2000)])
    close(
        each.mean(0), net.forward(pieces, x), rtol=0, atol=4 * float(each.std(0).max()) / 2000**0.5
    )


def problem(model: MLP, loss: Any) -> tuple[Objective, Tensor]:
    x, y = gaussian(1, 30, 5), gaussian(1, 30, 3, seed=1)
    L = objective(model, loss, x, y, 2, seeds=(3, 4))
    return L, 0.3 * gaussian(2, L.size, seed=2)


@pytest.mark.parametrize("batch", [False, True])
def test_the_gradient_of_a_step_is_that_at_the_noisy_labels(batch: bool) -> None:
    L, w = problem(MLP(width=7), NoisySquaredError(label_noise=0.4))
    assert isinstance(L, HandObjective) and L.random
    index = torch.tensor([[5, 2, 9], [1, 0, 29]]) if batch else None
    x, y = L.batch(index)
    y = y.expand(2, -1, -1)
    s = torch.where(Draw((3, 4), 8).uniform("label noise", y, *y.shape[1:]) < 0.5, -1.0, 1.0).to(y)
    clean = Objective(L.model, SquaredError(), x, y + 0.4 * s, 2)
    for ours, theirs in zip(L.gradient(w, index, 8), clean.gradient(w), strict=True):
        close(ours, theirs)
    assert set(s.flatten().tolist()) == {-1.0, 1.0} and abs(float(s.mean())) < 0.6
    for ours, theirs in zip(
        L.gradient(w, index), Objective(L.model, SquaredError(), x, y, 2).gradient(w), strict=True
    ):
        close(ours, theirs)  # nothing is drawn where no step is named
    auto = Objective(L.model, L.criterion, L.x, L.y, 2, (3, 4))
    close(L.gradient(w, index, 8)[1], auto.gradient(w, index, 8)[1])


def test_probes_and_the_recorded_loss_see_nothing_of_it() -> None:
    for recipe in RECIPES.values():
        arm = Run(recipe.set({"probes": (("gradient_norm", 5),), "steps": 20})).finish().arms[0]
        steps, loss = arm.record["train_loss"]
        assert steps.tolist() == [0, 5, 10, 15], "where it was measured"
        for t, row in zip(steps, loss, strict=True):
            w = arm.state_at(int(t)).w
            close(arm.objective.loss(w), row)
            norm = arm.objective.gradient(w)[1].norm(dim=1)
            close(norm, arm.record["gradient_norm"][1][t // 5])


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("batch_size", [0, 5])
def test_a_run_with_draws_is_replayed_bit_for_bit(name: str, batch_size: int) -> None:
    recipe = RECIPES[name].set({"batch_size": batch_size, "probes": (("weight_norm", 3),)})
    whole = Run(recipe).finish()
    for sizes in ([1], [7, 2]):
        same(in_chunks(recipe, sizes), whole)
    unwatched = Run(recipe.set({"probes": ()})).finish()
    assert torch.equal(unwatched.arms[0].state.w, whole.arms[0].state.w), "probes draw nothing"
    arm = whole.arms[0]
    assert torch.equal(arm.state_at(17).w, Run(recipe.set({"steps": 17})).finish().arms[0].state.w)


@pytest.mark.parametrize("name, knob", [("dropout", "dropout"), ("label noise", "label_noise")])
def test_without_any_it_is_the_plain_run_and_replicas_draw_the_same(name: str, knob: str) -> None:
    arm = Run(RECIPES[name].set({"probes": (("weight_norm", 1),)})).finish().arms[0]
    plain: Recipe = {"dropout": CLASSES, "label noise": SMALL}[name].set({"seed": (0, 1)})
    none = arm.knob(knob) == 0
    close(arm.state.w[torch.tensor(none)], Run(plain).finish().arms[0].state.w, rtol=1e-8)
    alone = Run(RECIPES[name].set({"seed": 1, knob: 0.5})).finish().arms[0]
    row = int(np.flatnonzero(~none & (arm.knob("seed") == 1))[0])
    close(arm.state.w[row], alone.state.w[0], rtol=1e-8)
    assert not torch.isclose(arm.state.w[row], arm.state.w[row - 1]).all()


def test_noise_on_labels_is_live_and_ends_when_it_is_set_to_0() -> None:
    run = Run(NOISY.set({"seed": 0, "label_noise": 0.5, "steps": 30}))
    run.advance(10)
    run.change("label_noise", 0.0)
    before = run.arms[0].state.w
    run.advance(1)
    g = run.arms[0].objective.gradient(before)[1]
    close(run.arms[0].state.w, before - 0.1 * g)
    same(Run(run.finish().recipe).finish(), run)
