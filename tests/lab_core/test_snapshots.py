"""Snapshots are few, bounded, and never without the first."""

from __future__ import annotations

import pytest

from lab_core import snapshots as kept
from lab_core.run import Run
from lab_core.snapshots import EVERY, FEWEST, Snapshots, size
from tests.lab_core.small import SMALL


def test_there_are_never_more_than_fit_and_the_gaps_grow_with_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run(SMALL.set({"steps": 12 * EVERY * FEWEST, "probes": ()}))
    arm = run.arms[0]
    monkeypatch.setattr("lab_core.snapshots.BUDGET", FEWEST * size(arm.state))
    arm.snapshots = snapshots = Snapshots(arm.state)
    while not run.done:
        run.advance(777)
        steps = snapshots.steps
        assert steps[0] == 0 and len(steps) <= snapshots.limit == FEWEST
        assert steps == list(range(0, arm.t + 1, snapshots.every))
        assert snapshots.every <= max(EVERY, 4 * arm.t / FEWEST)


def test_the_newest_at_or_before_a_step() -> None:
    run = Run(SMALL.set({"steps": 4 * EVERY}))
    run.finish()
    at = [run.arms[0].snapshots.before(t).t for t in (0, 1, EVERY - 1, EVERY, 4 * EVERY)]
    assert at == [0, 0, 0, EVERY, 4 * EVERY]


def test_a_fork_begins_its_own() -> None:
    run = Run(SMALL.set({"steps": 4 * EVERY}))
    run.finish()
    fork = run.branch({"lr": 0.01}, step=EVERY + 5)
    run.finish()
    assert fork.snapshots.steps == [EVERY + 5, 2 * EVERY, 3 * EVERY, 4 * EVERY]


def test_a_state_that_grows_is_kept_less_often() -> None:
    """A window of gradients fills from nothing; the budget holds for what it has become."""
    run = Run(SMALL.set({"filter": "grokfast-ma", "window": 200, "width": 64, "n": 5,
                         "steps": 20_000, "seed": tuple(range(4))}))  # fmt: skip
    arm = run.arms[0]
    few = kept.BUDGET // (4 * 193 * 200 * 8)
    assert arm.snapshots.limit == kept.MOST
    run.advance(1500)
    assert few - 2 < arm.snapshots.limit <= few and len(arm.snapshots.steps) <= few
    assert arm.snapshots.steps[0] == 0
