"""A timeline says of every arm what its run does, and refuses what its run refuses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_core.knobs import BadInput
from lab_core.recipe import Branch, Change, Recipe
from lab_core.run import Run
from lab_core.timeline import MOST_ARMS, timelines

BASE = Recipe().set({
    "data": "chebyshev", "n": 3, "width": 2, "steps": 12, "probes": (), "lr": (0.01, 0.02),
    "optimizer": "heavy-ball",
})  # fmt: skip
CHANGES = [
    ("lr", 0.03), ("lr", (0.04, 0.05)), ("beta", 0.1), ("batch_size", 2), ("batch_size", 0),
    ("steps", 9), ("steps", 15), ("schedule", "cosine"), ("weight_decay", 0.1),
]  # fmt: skip
BRANCHES = [{}, {"lr": 0.06}, {"optimizer": "adam"}, {"steps": 14}, {"batch_size": 1}]
ACTIONS = st.tuples(
    st.sampled_from(["advance", "change", "one", "branch", "start"]), st.integers(0, 99)
)


def act(run: Run, kind: str, i: int) -> None:
    arm = i % len(run.arms)
    if kind == "advance":
        run.advance(1 + i % 5)
    elif kind == "change":
        run.change(*CHANGES[i % len(CHANGES)], arm=arm)
    elif kind == "one":
        run.change("lr", 0.001 * (i + 1), arm=arm, replica=i % 2)
    else:
        run.branch(BRANCHES[i % len(BRANCHES)], arm=arm, from_start=kind == "start")


@settings(max_examples=40, deadline=None)
@given(st.lists(ACTIONS, max_size=12))
def test_says_what_a_run_did(actions):
    run = Run(BASE)
    for kind, i in actions:
        try:
            act(run, kind, i)
        except BadInput:
            continue
    arms = timelines(run.recipe)
    run.finish()
    assert [arm.recipes for arm in arms] == [arm.recipes for arm in run.arms.values()]
    assert [arm.start for arm in arms] == [arm.first for arm in run.arms.values()]
    assert [arm.parent for arm in arms if arm.start] == [
        arm.parent for arm in run.arms.values() if arm.first
    ]
    assert [arm.end for arm in arms] == [arm.t for arm in run.arms.values()]
    assert [arm.seen_at(arm.end) for arm in arms] == [a.state.seen for a in run.arms.values()]


@pytest.mark.parametrize(
    "entry",
    [
        Change(3, 0, "n", 5),
        Change(3, 0, "beta1", 0.5),
        Change(3, 0, "lr", -1.0),
        Change(3, 0, "lr", (0.1, 0.2, 0.3)),
        Change(3, 0, "lr", 0.1, 2),
        Change(3, 0, "steps", (5, 6)),
        Change(3, 0, "batch_size", 2, 0),
        Branch(3, 0, (("seed", 5),)),
        Branch(3, 0, (("model", "deep-linear"),)),
        Branch(3, 0, (("lr", (0.1, 0.2)),)),
        Branch(3, 0, (("loss", "cross-entropy"),)),
    ],
)
def test_refuses_what_a_run_refuses(entry):
    recipe = BASE.set({"changes": (entry,)})
    with pytest.raises(BadInput) as ours:
        timelines(recipe)
    with pytest.raises(BadInput) as theirs:
        Run(recipe).finish()
    assert str(ours.value).split(":")[0] in (str(theirs.value).split(":")[0], "changes")


@pytest.mark.parametrize("arm", [1, -1])
def test_refuses_arms_that_are_not_there(arm):
    with pytest.raises(BadInput, match="there is no arm"):
        timelines(BASE.set({"changes": (Change(3, arm, "lr", 0.1),)}))


def test_refuses_too_many_arms():
    with pytest.raises(BadInput, match="limit"):
        timelines(BASE.set({"changes": (Branch(3, 0, ()),) * MOST_ARMS}))


def test_arms_keep_their_numbers_when_they_open_in_another_order():
    run = Run(BASE)
    run.advance(8)
    run.branch({"lr": 0.2}, from_start=True)
    run.advance(4)
    run.branch({"lr": 0.3}, arm=1)
    run.branch({"lr": 0.4}, arm=0)
    run.change("lr", 0.5, arm=2)
    run.finish()
    again = Run(run.recipe).finish()
    assert again.recipe == run.recipe
    assert [a.recipes for a in again.arms.values()] == [a.recipes for a in run.arms.values()]
