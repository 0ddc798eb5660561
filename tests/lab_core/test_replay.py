"""The same recipe gives the same numbers, bit for bit, with everything that was done on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_core.knobs import BadInput
from lab_core.optimizers import OPTIMIZERS
from lab_core.recipe import Branch, Change
from lab_core.run import Run
from tests.lab_core.small import CLASSES, SMALL, having, in_chunks, same

WATCHED = (("sharpness", 5), ("weight_norm", 3))
STACK = CLASSES.set({"seed": (0, 1), "lr": (0.05, 0.1), "probes": WATCHED})


LOG: tuple[Change | Branch, ...] = (
    Change(7, 0, "lr", 0.2),
    Branch(11, 0, (("optimizer", "adam"), ("beta1", 0.5))),
    Change(11, 0, "batch_size", 5),
    Change(13, 1, "lr", 0.01, 2),
    Branch(20, 0, (("loss", "cross-entropy"), ("width", 4)), from_start=True),
    Change(20, 0, "schedule", "cosine"),
    Change(25, 0, "weight_decay", (0.0, 0.1, 0.2, 0.3)),
    Change(9, 2, "steps", 15),
)


@pytest.mark.parametrize(
    "settings", [{}, {"batch_size": 7}, {"changes": LOG}, {"changes": LOG, "dtype": "float32"}],
    ids=["full batch", "minibatches", "changes", "float32"],
)  # fmt: skip
def test_the_size_of_the_bites_does_not_matter(settings: dict[str, Any]) -> None:
    recipe = STACK.set(settings)
    whole = Run(recipe).finish()
    assert all(arm.t >= 15 for arm in whole.arms.values())
    for sizes in ([1], [100], [3, 1, 7]):
        same(in_chunks(recipe, sizes), whole)


def test_what_a_person_does_is_replayed() -> None:
    run = Run(STACK)
    run.advance(7)
    run.change("lr", 0.2)
    run.advance(4)
    first = run.branch({"optimizer": "adam", "beta1": 0.5})
    run.change("batch_size", 5)
    run.advance(2)
    run.change("lr", 0.01, arm=first.index, replica=2)
    run.advance(7)
    run.branch({"loss": "cross-entropy", "width": 4}, from_start=True)
    run.change("schedule", "cosine")
    run.advance(9)
    run.change("steps", 15, arm=2)
    run.finish()
    run.change("steps", 50)
    same(Run(run.finish().recipe).finish(), run)


SETTINGS: list[dict[str, Any]] = [
    {}, {"lr": 0.2}, {"optimizer": "rmsprop"}, {"loss": "cross-entropy"}, {"batch_size": 4},
    {"schedule": "warmup", "warmup": 9}, {"width": 3}, {"optimizer": "nesterov", "beta": 0.5},
]  # fmt: skip
CHANGES: list[tuple[str, Any]] = [
    ("lr", 0.02), ("lr", (0.1, 0.02)), ("lr", 30.0), ("weight_decay", 0.1), ("batch_size", 5),
    ("batch_size", 0), ("schedule", "linear"), ("steps", 14), ("steps", 24), ("lr", 1e6),
]  # fmt: skip
ACTS = st.lists(st.tuples(st.sampled_from(["go", "go", "change", "one", "here", "fork", "start"]),
                          st.integers(0, 9), st.integers(0, 3)), max_size=10)  # fmt: skip


@settings(max_examples=20)
@given(ACTS, st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_any_session_is_replayed_in_any_bites(
    acts: list[tuple[str, int, int]], sizes: list[int]
) -> None:
    run = Run(STACK.set({"lr": 0.05, "steps": 20}))
    for kind, i, arm in acts:
        try:
            if kind == "go":
                run.advance(i)
            elif kind == "change":
                run.change(*CHANGES[i], arm=arm)
            elif kind == "one":
                run.change("lr", 0.01 * (i + 1), arm=arm, replica=i % 2)
            elif len(run.arms) < 4:
                past = run.arms[arm].t - i if kind == "fork" and arm in run.arms else None
                run.branch(SETTINGS[i % len(SETTINGS)], arm, kind == "start", past)
        except BadInput:
            pass  # refused, and then nothing has changed
    same(in_chunks(run.recipe, sizes), run.finish())


def test_arms_keep_their_numbers_when_they_open_in_another_order() -> None:
    """Arm 1 starts afresh and lags behind: on replay arm 3, off arm 0, comes up before arm 2."""
    run = Run(SMALL)
    run.advance(20)
    run.branch({"lr": 0.2}, from_start=True)
    run.advance(5)
    run.branch({"lr": 0.3}, arm=1)
    run.branch({"optimizer": "adam"}, arm=0)
    run.change("lr", 0.4, arm=2)
    run.change("beta1", 0.5, arm=3)
    assert [arm.first for arm in run.arms.values()] == [0, 0, 5, 20]
    same(Run(run.recipe).finish(), run.finish())


def test_the_recipe_of_a_run_that_replays_is_the_one_it_was_given() -> None:
    recipe = STACK.set({"changes": LOG})
    run = Run(recipe)
    while not run.done:
        assert run.recipe == recipe
        run.advance(3)


def test_what_is_done_during_a_replay_comes_after_what_the_log_says_of_that_step() -> None:
    for meanwhile in ({"lr": 0.03}, {"weight_decay": 0.3}):
        run = Run(SMALL.set({"changes": (Change(10, 0, "lr", 0.2), Change(20, 0, "lr", 0.4))}))
        run.advance(10)
        run.change(*next(iter(meanwhile.items())))
        run.branch({"lr": 0.1})
        same(Run(run.recipe).finish(), run.finish())


def test_a_log_that_cannot_be_replayed_is_refused() -> None:
    early = (Change(5, 1, "lr", 0.1), Branch(1, 0, ()))  # of an arm that is not there yet
    seed, width = Change(5, 0, "seed", 1), Branch(5, 0, (("width", 9),))
    for log in ((Change(5, 3, "lr", 0.1),), (seed,), (width,), early):
        with pytest.raises(BadInput):
            Run(SMALL.set({"changes": log})).finish()


# ---- branches


def test_a_branch_from_here_goes_on_as_its_parent_would() -> None:
    """Same weights, same minibatches; GD has no state to lose, so the same bits for ever."""
    run = Run(STACK.set({"batch_size": 5}))
    run.advance(13)
    arm = run.branch({})
    assert (arm.t, arm.first, arm.parent) == (13, 13, 0)
    run.finish()
    assert torch.equal(run.arms[1].state.w, run.arms[0].state.w)
    assert arm.record["weight_norm"][0][0] == 15, "its record begins where it does"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("step", [13, 7, 0])
def test_a_fork_goes_on_with_its_optimizer_state(optimizer: str, step: int) -> None:
    """Whatever the optimizer remembers: at a past step, too, the same bits as the parent's."""
    stack = {"seed": (0, 1), "lr": (0.05, 0.1), "batch_size": 5, "probes": WATCHED}
    run = Run(having("optimizer", optimizer).set(stack))
    run.advance(7)
    run.change("lr", 0.02)
    run.advance(6)
    arm = run.branch({}, step=step)
    assert (arm.t, arm.first, arm.parent) == (step, step, 0)
    run.change("lr", 0.02, arm=arm.index)  # the parent's of step 7
    if step < 7:
        return same(Run(run.recipe).finish(), run.finish())
    run.finish()
    assert torch.equal(run.arms[1].state.w, run.arms[0].state.w)
    same(Run(run.recipe).finish(), run)


def test_another_optimizer_or_loss_starts_afresh() -> None:
    run = Run(CLASSES.set({"optimizer": "adam"}))
    run.advance(13)
    for other in ({"optimizer": "adamw"}, {"loss": "cross-entropy"}):
        arm = run.branch(other)
        assert torch.equal(arm.state.w, run.arms[0].state.w)
        assert arm.state.optimizer["t"] == 0 and not arm.state.optimizer["m"].any()
    assert run.arms[0].state.optimizer["t"] == 13


def test_a_state_of_the_past_is_what_it_was() -> None:
    """At any step, across changes and a divergence, of which none is rewritten."""
    run, past = Run(STACK.set({"changes": LOG})), {}
    while not run.done:
        run.advance(1)
        past |= {(k, arm.t): arm.state for k, arm in run.arms.items()}
    before = {k: (arm.state, arm.record["train_loss"][1].copy()) for k, arm in run.arms.items()}
    for (k, t), state in past.items():
        found = run.arms[k].state_at(t)
        assert found.t == t and found.seen == state.seen and torch.equal(found.w, state.w)
        assert torch.equal(found.time, state.time)
        for name, value in state.optimizer.items():
            assert torch.equal(torch.as_tensor(found.optimizer[name]), torch.as_tensor(value))
    for k, (state, loss) in before.items():
        assert run.arms[k].state is state
        np.testing.assert_array_equal(run.arms[k].record["train_loss"][1], loss)


def test_a_branch_from_the_start_is_the_run_of_its_settings() -> None:
    run = Run(STACK)
    run.advance(13)
    run.change("weight_decay", 0.1)
    run.branch({"width": 4, "activation": "relu", "n": 12}, from_start=True)
    alone = STACK.set({"width": 4, "activation": "relu", "n": 12, "weight_decay": 0.1})
    assert torch.equal(run.finish().arms[1].state.w, Run(alone).finish().arms[0].state.w)


def test_a_branch_leaves_its_parent_alone() -> None:
    plain, forked = Run(STACK), Run(STACK)
    for run in (plain, forked):
        run.advance(13)
    forked.branch({"lr": 5.0})
    forked.branch({"seed": 7}, from_start=True)
    for name, column in plain.finish().arms[0].record.columns.items():
        np.testing.assert_array_equal(column.values, forked.finish().arms[0].record[name][1])


@pytest.mark.parametrize("branch, sentence", [
    ({"settings": {"width": 3}}, "width: it changes the start; open the arm from the start"),
    ({"settings": {"data": "point"}}, "data: it changes the start; open the arm from the start"),
    ({"settings": {"init_seed": 3}}, "init_seed: it changes the start; open the arm from the"),
    ({"settings": {"beta1": 0.3}}, "beta1: it belongs to optimizer=adam or"),
    ({"settings": {"lr": (0.1, 0.2)}}, "changes: the replicas are those of the first arm; give"),
    ({"settings": {"seed": (3, 4)}, "from_start": True}, "changes: the replicas are those of the"),
    ({"settings": {"speed": 3}}, "speed: no such knob; choose"),
    ({"settings": {}, "step": 4}, "step: arm 0 has not been at 4; choose 0 to 3"),
    ({"settings": {}, "step": -1}, "step: arm 0 has not been at -1; choose 0 to 3"),
    ({"settings": {}, "arm": 2}, "arm: there is no arm 2; choose one of"),
    ({"settings": {"data": "chebyshev", "loss": "cross-entropy"}, "from_start": True}, "loss: "),
], ids=str)  # fmt: skip
def test_a_branch_that_is_refused_opens_nothing(branch: dict[str, Any], sentence: str) -> None:
    run = Run(STACK)
    run.advance(3)
    before = run.recipe
    with pytest.raises(BadInput, match=f"^{sentence}"):
        run.branch(**branch)
    assert run.recipe == before and list(run.arms) == [0]
    assert run.branch({}).index == 1


# ---- training time


def test_time_is_the_sum_of_the_learning_rates_through_changes_and_forks() -> None:
    run = Run(STACK.set({"lr": (0.05, 0.1), "seed": 0, "schedule": "linear", "steps": 40}))
    run.advance(10)
    run.change("lr", 0.3, replica=1)
    run.advance(10)
    fork = run.branch({"schedule": "constant"}, step=15)
    fresh = run.branch({}, from_start=True)
    run.finish()
    t = np.arange(41)
    lr = np.stack([np.full(40, 0.05), np.where(t[:40] < 10, 0.1, 0.3)], 1)
    scheduled = lr * (1 - t[:40, None] / 40)
    whole = np.concatenate([np.zeros((1, 2)), scheduled.cumsum(0)])
    forked = whole[15] + np.arange(26)[:, None] * np.array([0.05, 0.3])
    afresh = np.array([0.05, 0.3]) * np.concatenate([[0], (1 - t[:40] / 40).cumsum()])[:, None]
    for arm, first, expected in ((run.arms[0], 0, whole), (fork, 15, forked), (fresh, 0, afresh)):
        steps, time = arm.record["time"]
        np.testing.assert_allclose(time, expected[steps - first], rtol=1e-12)
        np.testing.assert_allclose(arm.state.time, expected[-1], rtol=1e-12)
        assert steps.tolist() == arm.record["lr"][0].tolist()
    ahead = fork.record.time_at(t[15:])
    np.testing.assert_allclose(ahead, forked, rtol=1e-12)


def test_the_time_of_a_diverged_replica_stops() -> None:
    arm = Run(SMALL.set({"lr": (0.1, 1e6, 1e308), "probes": WATCHED})).finish().arms[0]
    assert {1, 2} == set(arm.diverged)
    time = arm.state.time
    assert time[0] == pytest.approx(0.1 * arm.t) and time[1] == 1e6 * arm.diverged[1]
    assert bool(time.isfinite().all()) and np.isfinite(arm.record["time"][1][-1, 0])
