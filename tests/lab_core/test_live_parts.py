"""Filters and losses in a run: the plain loop, live knobs, bit-exact replay, forks, frozen replicas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lab_core.arm import Arm
from lab_core.kernels import TableKernel
from lab_core.losses import LOSSES, PRECISIONS
from lab_core.objective import At, HandObjective, Objective
from lab_core.optimizers import FILTERS
from lab_core.recipe import Branch, Change, Recipe, fitting
from lab_core.run import Run
from tests.lab_core.small import PAIRS, close, in_chunks, same

WATCHED = (("weight_norm", 3), ("zero_loss", 5), ("sharpness", 20))
STACK = PAIRS.set({"seed": (0, 1), "lr": (0.05, 0.1), "probes": WATCHED})
FILTERED = [name for name in FILTERS if name != "none"]


def by_hand(recipe: Recipe, steps: int) -> list[float]:
    """The losses of one replica: autograd, then its filter, then its optimizer."""
    x, y = (torch.tensor(a)[None] for a in recipe.data.arrays(recipe.seed)[:2])
    L, w = Objective(recipe.model, recipe.loss, x, y, 1), Run(recipe).arms[0].state.w
    memory, state, losses = recipe.filter.init(w), recipe.optimizer.init(w), []
    for t in range(steps):
        losses.append(float(L.loss(w)))
        g, memory = recipe.filter.step(w, L.gradient(w, t=t)[1], memory, At(t, L))
        w, state = recipe.optimizer.step(w, g, state, At(t, L))
    return losses


@pytest.mark.parametrize("optimizer", ["gd", "adamw"])
@pytest.mark.parametrize("name", FILTERS)
def test_a_run_is_the_plain_loop_under_every_filter(name: str, optimizer: str) -> None:
    recipe = PAIRS.set({"filter": name, "optimizer": optimizer, "weight_decay": 0.1})
    recipe = recipe.set({"window": 7} if name == "grokfast-ma" else {})
    _, losses = Run(recipe).finish().arms[0].record["train_loss"]
    close(losses[:, 0].tolist(), by_hand(recipe, 40), rtol=1e-8)


@pytest.mark.parametrize("loss", fitting(PAIRS, "loss"))
def test_a_run_on_pairs_is_the_plain_loop_under_every_loss(loss: str) -> None:
    recipe = PAIRS.set({"loss": loss, "optimizer": "heavy-ball", "init_scale": 2.0,
                        "probes": (("weight_norm", 1),)})  # fmt: skip
    run = Run(recipe)
    assert isinstance(run.arms[0].objective, HandObjective)
    assert isinstance(run.arms[0].objective.full, TableKernel)
    _, losses = run.finish().arms[0].record["train_loss"]
    close(losses[:, 0].tolist(), by_hand(recipe, 40), rtol=1e-8)


def test_replicas_with_a_strength_of_their_own_are_as_they_would_be_alone() -> None:
    strengths, memories = (0.0, 2.0), (0.5, 0.9)
    base = PAIRS.set({"filter": "grokfast"})
    arm = Run(base.set({"strength": strengths, "memory": memories})).finish().arms[0]
    for r, (strength, memory) in enumerate((s, m) for s in strengths for m in memories):
        alone = Run(base.set({"strength": strength, "memory": memory})).finish().arms[0]
        close(arm.state.w[r : r + 1], alone.state.w, rtol=1e-9)


# ---- replay

LIVE: dict[str, tuple[Change | Branch, ...]] = {
    "grokfast": (
        Change(7, 0, "strength", 1.0), Change(11, 0, "memory", (0.5, 0.6, 0.7, 0.8)),
        Branch(13, 0, ()), Change(15, 0, "strength", 0.0, 2), Change(20, 1, "memory", 0.0),
        Branch(22, 0, (("filter", "grokfast-ma"), ("window", 3))), Change(24, 2, "window", 9),
    ),
    "grokfast-ma": (
        Change(7, 0, "window", 3), Change(11, 0, "window", 12), Branch(13, 0, ()),
        Change(15, 0, "strength", 0.5, 2), Change(20, 1, "window", 1),
        Branch(22, 0, (("filter", "none"),)), Branch(30, 2, (("filter", "grokfast"),)),
    ),
    "orthogonal": (
        Change(7, 0, "lr", 0.2), Branch(13, 0, (("filter", "grokfast"), ("strength", 1.0))),
        Branch(15, 0, (("optimizer", "adam"),)), Change(20, 1, "memory", 0.7),
    ),
    "none": (
        Change(7, 0, "precision", "float32"), Change(11, 0, "precision", "float16"),
        Branch(13, 0, (("precision", "float64"),)), Branch(20, 0, (("loss", "stablemax"),)),
        Change(22, 2, "precision", "float32"), Change(25, 0, "precision", "same"),
        Branch(27, 0, (("data", "modular"), ("operation", "subtract"), ("fraction", 0.6), ("p", 5)), True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("batch_size", [0, 6])
@pytest.mark.parametrize("name", FILTERS)
def test_any_bites_and_a_replay_give_the_same_bits(name: str, batch_size: int) -> None:
    recipe = STACK.set({"filter": name, "optimizer": "adam", "lr": (0.01, 0.02),
                        "batch_size": batch_size, "changes": LIVE[name]})  # fmt: skip
    recipe = recipe.set({"window": 6} if name == "grokfast-ma" else {})
    whole = Run(recipe).finish()
    for sizes in ([1], [3, 1, 7]):
        same(in_chunks(recipe, sizes), whole)


@pytest.mark.parametrize("name", FILTERED)
@pytest.mark.parametrize("step", [13, 7])
def test_a_fork_goes_on_with_what_the_filter_remembers(name: str, step: int) -> None:
    run = Run(STACK.set({"filter": name, "optimizer": "adam"} | window(name)))
    run.advance(13)
    run.branch({}, step=step)
    run.finish()
    assert torch.equal(run.arms[1].state.w, run.arms[0].state.w)
    same(Run(run.recipe).finish(), run)


def window(name: str) -> dict[str, Any]:
    return {"window": 4} if name == "grokfast-ma" else {}


@pytest.mark.parametrize("name", FILTERED)
def test_another_filter_or_loss_starts_afresh_and_another_knob_does_not(name: str) -> None:
    """Filter and optimizer share a state: where one is another, both begin anew."""
    run = Run(PAIRS.set({"filter": name, "optimizer": "adam"} | window(name)))
    run.advance(13)
    kept = run.arms[0].state.optimizer
    others = {"filter": "none" if name == "orthogonal" else "orthogonal"}, {"loss": "stablemax"}
    for other in others:
        arm = run.branch(other)
        assert torch.equal(arm.state.w, run.arms[0].state.w)
        assert arm.state.optimizer["t"] == 0 and not arm.state.optimizer["m"].any()
        assert set(arm.state.optimizer) == set(arm.filter.init(arm.state.w)) | {"m", "v", "t"}
        assert not any(v.any() for v in arm.state.optimizer.values() if isinstance(v, torch.Tensor))
    for same_kind in ({"lr": 0.3}, {"precision": "float32"}):
        arm = run.branch(same_kind)
        for key, value in kept.items():
            assert torch.equal(torch.as_tensor(arm.state.optimizer[key]), torch.as_tensor(value))


def test_a_diverged_replica_is_frozen_with_what_its_filter_remembers() -> None:
    for name in FILTERED:
        recipe = PAIRS.set({"filter": name, "lr": (0.05, 1e9), "steps": 30} | window(name))
        arm = Run(recipe).finish().arms[0]
        assert list(arm.diverged) == [1]
        end = arm.state
        for t in range(arm.diverged[1] + 4, 30):
            for key, value in arm.state_at(t).optimizer.items():
                if isinstance(value, torch.Tensor):
                    assert torch.equal(value[1], end.optimizer[key][1])
                    assert not torch.equal(value[0], end.optimizer[key][0])
        alone = Run(recipe.set({"lr": 0.05})).finish().arms[0]
        close(end.w[:1], alone.state.w, rtol=1e-9)


# ---- live knobs


def test_a_change_of_precision_is_felt_from_its_step_on() -> None:
    """The recorded loss is that of the weights in the precision of the day, and so is the step."""
    run = Run(PAIRS.set({"lr": 0.5}))
    arm, before = run.arms[0], None
    for precision in PRECISIONS:
        run.change("precision", precision)
        before = arm.state.w
        run.advance(1)
        loss = LOSSES["cross-entropy"](precision=precision)  # type: ignore[call-arg]
        L = Objective(arm.program.model, loss, arm.x, arm.y, 1)
        value, g = L.gradient(before)
        close(arm.record["train_loss"][1][-1], value, rtol=1e-6)
        rounding = 10 * torch.finfo(getattr(torch, precision, torch.float64)).eps
        close(arm.state.w, before - 0.5 * g, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("precision, collapses", [("float16", True), ("float64", False)])
def test_training_stops_where_the_softmax_has_collapsed(precision: str, collapses: bool) -> None:
    """Prieto et al. 2025: where every loss is exactly 0 nothing pulls on the labels' outputs."""
    recipe = PAIRS.set({"lr": 0.5, "width": 60, "steps": 3001, "precision": precision,
                        "probes": (("zero_loss", 1000), ("accuracy", 1000))})  # fmt: skip
    record = Run(recipe).finish().arms[0].record
    assert record["train_accuracy"][1][-1, 0] == 1.0
    assert (record["zero_loss"][1][-1, 0] > 0.9) == collapses
    assert (record["train_loss"][1][-1, 0] == 0) == collapses


def test_a_window_that_shrinks_and_grows_in_a_run() -> None:
    recipe = PAIRS.set({"filter": "grokfast-ma", "window": 8, "strength": 3.0})
    arm = Arm(recipe.split())
    lengths = {}
    for t, k in enumerate([8] * 10 + [3] * 5 + [12] * 12 + [1, 1]):
        arm.adopt([r.set({"window": k}) for r in arm.recipes])
        arm.advance(1)
        lengths[t] = arm.state.optimizer["window"].shape[1]
    assert list(lengths.values()) == [
        *range(1, 9),
        8,
        8,
        3,
        3,
        3,
        3,
        3,
        *range(4, 13),
        12,
        12,
        12,
        1,
        1,
    ]
    assert np.isfinite(arm.record["train_loss"][1]).all()
