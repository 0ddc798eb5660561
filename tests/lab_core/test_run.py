"""A run against plain loops; what may change while it goes on, what is refused in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lab_core.batches import Batches
from lab_core.data import DATASETS
from lab_core.knobs import BadInput
from lab_core.models import MODELS
from lab_core.objective import Objective
from lab_core.optimizers import OPTIMIZERS
from lab_core.probes import PROBES
from lab_core.recipe import PARTS, Branch, Change, Recipe, fitting
from lab_core.run import Run
from lab_core.schedules import SCHEDULES
from lab_core.timeline import MOST_ARMS, live
from tests.lab_core.small import CLASSES, SMALL, Nowhere, close, having

# every probe; what takes many products with the Hessian, once
SPARINGLY = tuple((p, 100 if p in ("spectrum", "trace", "eigenvalues") else 5) for p in PROBES)


def by_hand(recipe: Recipe, steps: int) -> list[float]:
    """The losses of one replica: autograd, its optimizer, its schedule, its minibatches."""
    x, y = (torch.tensor(a)[None] for a in recipe.data.arrays(recipe.seed)[:2])
    L, n = Objective(recipe.model, recipe.loss, x, y, 1), x.shape[1]
    w = Run(recipe).arms[0].state.w
    at = Nowhere()
    at.objective = L
    stream, state, losses = Batches([recipe.seed], n, w.device), recipe.optimizer.init(w), []
    for t in range(steps):
        seen = t * recipe.batch_size
        _, g = L.gradient(w, stream.index(seen, recipe.batch_size) if recipe.batch_size else None)
        losses.append(float(L.loss(w)))
        multiplier = recipe.schedule(t, recipe.steps)
        at_rate = recipe.set({"lr": recipe.optimizer.lr * multiplier}).optimizer
        w, state = at_rate.step(w, g, state, at)
    return losses


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_run_is_the_plain_loop_under_every_schedule(schedule: str) -> None:
    recipe = SMALL.set({"schedule": schedule, "optimizer": "heavy-ball", "beta": 0.5})
    steps, losses = Run(recipe).finish().arms[0].record["train_loss"]
    assert steps.tolist() == list(range(40))
    close(losses[:, 0].tolist(), by_hand(recipe, 40), rtol=1e-8)


@pytest.mark.parametrize(  # the flow has no batches, and some need the factors of a matrix
    "optimizer", [n for n, cls in OPTIMIZERS.items() if n != "flow" and not cls.models]
)
@pytest.mark.parametrize("batch_size", [0, 7])
def test_a_run_is_the_plain_loop_under_every_optimizer(optimizer: str, batch_size: int) -> None:
    recipe = CLASSES.set({"optimizer": optimizer, "weight_decay": 0.01, "batch_size": batch_size,
                          "loss": "cross-entropy", "probes": (("weight_norm", 1),)})  # fmt: skip
    _, losses = Run(recipe).finish().arms[0].record["train_loss"]
    close(losses[:, 0].tolist(), by_hand(recipe, 40), rtol=1e-8)


def test_replicas_do_not_depend_on_the_stack() -> None:
    """Data, start and minibatches are keyed by the seed: replica 2 of three is seed 2 alone."""
    recipe = CLASSES.set({"batch_size": 5})
    three, one = (Run(recipe.set({"seed": s})).arms[0] for s in ((0, 1, 2), 2))
    assert torch.equal(three.state.w[2:], one.state.w) and torch.equal(three.x[2:], one.x)
    three.advance(40), one.advance(40)
    close(three.state.w[2:], one.state.w, rtol=1e-8)


def test_one_seed_gives_arms_one_start() -> None:
    """Replicas and arms that differ in another knob share data and initial weights."""
    arm = Run(CLASSES.set({"lr": (0.1, 0.2), "init_seed": 5})).arms[0]
    other = Run(CLASSES.set({"optimizer": "adam", "loss": "cross-entropy", "init_seed": 5})).arms[0]
    assert torch.equal(arm.state.w[0], arm.state.w[1]) and arm.x.shape[0] == 1
    assert torch.equal(arm.state.w[:1], other.state.w) and torch.equal(arm.x, other.x)


# ---- the shape of the work


def test_arms_that_are_behind_go_first_and_then_all_move_together() -> None:
    run = Run(SMALL)
    run.advance(10)
    run.branch({"lr": 0.2}, from_start=True)
    run.advance(4)
    assert [arm.t for arm in run.arms.values()] == [10, 4]
    run.advance(8)
    assert [arm.t for arm in run.arms.values()] == [12, 12]
    run.finish()
    assert [arm.t for arm in run.arms.values()] == [40, 40] and run.done


def test_an_arm_is_closed_at_its_step_and_extended_past_its_last() -> None:
    run = Run(SMALL)
    run.advance(10)
    run.branch({"lr": 0.2})
    run.change("steps", 10)
    run.finish()
    assert [arm.t for arm in run.arms.values()] == [10, 40]
    run.change("steps", 60, arm=1)
    assert not run.done
    assert run.finish().arms[1].t == 60
    longer = Run(SMALL.set({"steps": 60, "changes": run.recipe.changes})).finish()
    assert torch.equal(run.arms[1].state.w, longer.arms[1].state.w)


@pytest.mark.parametrize("steps", [0, 1])
def test_hardly_any_steps(steps: int) -> None:
    for schedule in SCHEDULES:
        run = Run(SMALL.set({"steps": steps, "schedule": schedule})).finish()
        assert run.done and run.arms[0].t == steps


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)])
def test_hardly_any_examples(name: str, model: str, every: bool) -> None:
    """Under every loss that fits, or under one, of which they take turns."""
    base = having("data", name)
    if model not in fitting(base, "model"):
        return
    base = base.set({"model": model})
    few = {"n": 1, "dim": 4, "p": 3, "fraction": 0.8, "heads": 2, "width": 8, "mlp_width": 8}
    few = {name: value for name, value in few.items() if name in base.flat()}
    losses, turn = fitting(base, "loss"), [*DATASETS].index(name) + [*MODELS].index(model)
    for loss in losses if every else [losses[turn % len(losses)]]:
        lr = 1e-6 if loss in ("frobenius", "bures-wasserstein") else 1e-3  # of large inputs
        recipe = base.set({"loss": loss, "steps": 8, "lr": lr,
                           "probes": SPARINGLY, **few})  # fmt: skip
        arm = Run(recipe).finish().arms[0]
        assert not arm.diverged and np.isfinite(arm.record["sharpness"][1]).all()


@pytest.mark.parametrize("init_scale", [0.0, 1e-8, 100.0])
def test_odd_starts(init_scale: float) -> None:
    for model in ("mlp", "deep-linear"):
        Run(SMALL.set({"model": model, "depth": 3, "init_scale": init_scale, "lr": 1e-3,
                       "probes": tuple((p, 20) for p in PROBES)})).finish()  # fmt: skip


@pytest.mark.parametrize("size", [24, 25, 1_000_000])
def test_a_batch_as_large_as_the_data_or_larger_is_the_full_batch(size: int) -> None:
    full, batch = (Run(CLASSES.set({"batch_size": b})).finish().arms[0] for b in (0, size))
    assert torch.equal(full.state.w, batch.state.w)
    np.testing.assert_array_equal(full.record["train_loss"][1], batch.record["train_loss"][1])


def test_single_precision() -> None:
    single, double = (
        Run(SMALL.set({"dtype": d, "lr": (0.05, 0.1), "probes": (("sharpness", 10),)}))
        .finish()
        .arms[0]
        for d in ("float32", "float64")
    )
    assert single.state.w.dtype == torch.float32
    for name in ("train_loss", "sharpness"):
        np.testing.assert_allclose(single.record[name][1], double.record[name][1], rtol=1e-3)


def test_a_net_too_large_for_memory_is_refused_before_it_is_made() -> None:
    with pytest.raises(
        BadInput, match="^width, depth, n: 4 replicas of .* do not fit .*; make one"
    ):
        Run(Recipe().set({"width": 4096, "depth": 12, "seed": (0, 1, 2, 3)}))


# ---- what is live


@pytest.mark.parametrize("part", ["loss", "filter", "optimizer", "schedule"])
def test_live_are_the_knobs_of_these_parts_batch_size_and_steps(part: str) -> None:
    for name in PARTS[part]:
        recipe = having(part, name)
        flat = {n for n in recipe.flat() if live(recipe, n)}
        parts = (recipe.loss, recipe.filter, recipe.optimizer, recipe.schedule)
        assert flat == {n for p in parts for n in vars(p)} | {"batch_size", "steps"}


def test_of_the_parts_the_schedule_alone_is_live() -> None:
    assert [part for part in PARTS if live(SMALL, part)] == ["schedule"]
    assert not live(SMALL, "seed") and not live(SMALL, "nothing")


def test_a_drag_is_one_entry_for_each_step_that_it_touched() -> None:
    run = Run(SMALL.set({"seed": (0, 1)}))
    for lr in (0.1, 0.11, 0.12):
        run.change("lr", lr)
    run.advance(1)
    for lr in (0.13, 0.14):
        run.change("lr", lr)
    run.change("lr", 0.3, replica=1)
    run.change("lr", 0.4, replica=1)
    run.change("weight_decay", 0.1)
    log = [(c.step, c.knob, c.value, c.replica) for c in run.changes]  # type: ignore[union-attr]
    assert log == [(0, "lr", 0.12, None), (1, "lr", 0.14, None), (1, "lr", 0.4, 1),
                   (1, "weight_decay", 0.1, None)]  # fmt: skip


def test_a_change_of_one_replica_moves_no_other() -> None:
    base = SMALL.set({"seed": (0, 1, 2)})
    untouched, one, all_three = (Run(base) for _ in range(3))
    for run in (untouched, one, all_three):
        run.advance(10)
    one.change("lr", 0.3, replica=1)
    all_three.change("lr", (0.1, 0.3, 0.1))
    w, w_one, w_all = (run.finish().arms[0].state.w for run in (untouched, one, all_three))
    close(w_one[[0, 2]], w[[0, 2]], rtol=1e-9)
    assert torch.equal(w_one, w_all) and not torch.allclose(w_one[1], w[1])


def test_watching_something_more_changes_no_bit() -> None:
    plain, watched = Run(SMALL), Run(SMALL)
    plain.advance(10), watched.advance(10)
    watched.watch("weight_norm", 5)
    assert torch.equal(plain.finish().arms[0].state.w, watched.finish().arms[0].state.w)
    assert watched.arms[0].record["weight_norm"][0].tolist() == [10, 15, 20, 25, 30, 35]
    assert dict(watched.recipe.probes)["weight_norm"] == 5 and not watched.changes


NOT_LIVE: list[tuple[dict[str, Any], str]] = [
    ({"name": "seed", "value": 3}, "seed: it cannot change while a run goes on; open a new arm"),
    ({"name": "width", "value": 3}, "width: it cannot change while a run goes on; open a new arm"),
    ({"name": "optimizer", "value": "adam"}, "optimizer: it cannot change .*; open a new arm"),
    ({"name": "speed", "value": 1}, "speed: no such knob; choose one of"),
    ({"name": "beta1", "value": 0.5}, "beta1: it belongs to optimizer=adam or"),
    ({"name": "lr", "value": -1}, "lr: -1 is outside its domain; give"),
    ({"name": "lr", "value": 0.1, "arm": 4}, "arm: there is no arm 4; choose one of"),
    ({"name": "lr", "value": 0.1, "replica": 2}, "replica: there is no replica 2; choose 0 to 1"),
    ({"name": "lr", "value": (0.1,)}, "lr: give one value, or one for each of 2 replicas"),
    ({"name": "lr", "value": [0.1, 0.2, 0.3]}, "lr: give one value, or one for each of 2 replicas"),
    ({"name": "lr", "value": ((0.1, 0.2), 0.1)}, "(lr|changes): .*; give"),
    ({"name": "lr", "value": (0.1, 0.2), "replica": 0}, "(lr|changes): .*; give"),
    ({"name": "batch_size", "value": (4, 8)}, "batch_size: give one value"),
    ({"name": "steps", "value": 9, "replica": 0}, "steps: all replicas share it; leave the"),
    ({"name": "schedule", "value": "slow"}, "schedule: 'slow' is not known; choose constant"),
]  # fmt: skip


@pytest.mark.parametrize("change, sentence", NOT_LIVE, ids=lambda v: str(v)[:50])
def test_a_change_that_is_refused_changes_nothing(change: dict[str, Any], sentence: str) -> None:
    run = Run(SMALL.set({"seed": (0, 1)}))
    run.advance(3)
    before, optimizer = run.recipe, run.arms[0].optimizer
    with pytest.raises(BadInput, match=f"^{sentence}") as error:
        run.change(**change)
    assert str(error.value).endswith(".")
    assert run.recipe == before and run.arms[0].optimizer is optimizer
    run.advance(1)


# ---- stopping at a step


def test_arms_stop_where_they_are_told_to_and_others_stay() -> None:
    run = Run(SMALL.set({"steps": 40, "changes": (Branch(10, 0, ()), Change(20, 0, "lr", 0.03))}))
    assert run.advance(1000, {0: 20, 1: 13}) is False
    assert {k: arm.t for k, arm in run.arms.items()} == {0: 20, 1: 13}
    assert run.arms[0].recipes[0].optimizer.lr == 0.03, "what is due at that step is done"
    run.branch({}, 0)
    assert run.advance(1000, {0: 22, 1: 13}) is False
    assert {k: arm.t for k, arm in run.arms.items()} == {0: 22, 1: 13, 2: 20}
    whole = Run(run.recipe).finish()
    run.finish()
    for k, arm in run.arms.items():
        assert (arm.state.w == whole.arms[k].state.w).all()


def test_the_limits_of_a_log_hold_while_it_is_written() -> None:
    run = Run(SMALL)
    for _ in range(MOST_ARMS - 1):
        run.branch({})
    with pytest.raises(BadInput, match="limit is 100"):
        run.branch({})
    assert Run(run.recipe)


def test_a_fork_of_the_past_is_measured_as_its_run_is_now() -> None:
    run = Run(SMALL)
    run.advance(20)
    run.watch("weight_norm", 5)
    fork = run.branch({}, step=10)
    run.advance(5)
    assert fork.record["weight_norm"][0].tolist() == [10]


def test_what_is_done_to_an_arm_that_diverged_is_replayed_after_its_log() -> None:
    recipe = SMALL.set({"lr": 50.0, "changes": (Change(35, 0, "weight_decay", 0.1),)})
    run = Run(recipe)
    run.advance(30)
    assert run.arms[0].done and run.arms[0].t < 35
    run.branch({"lr": 0.01}, from_start=True)
    run.finish()
    again = Run(run.recipe).finish()
    assert again.arms[1].recipes == run.arms[1].recipes
    assert (again.arms[1].state.w == run.arms[1].state.w).all()


def test_an_arm_too_large_for_memory_is_refused_before_the_first_step() -> None:
    with pytest.raises(BadInput, match="do not fit in memory"):
        Run(SMALL.set({"changes": (Branch(3, 0, (("width", 4096), ("depth", 20)), True),)}))
