"""What arms and replicas are called in the key: in what they differ, in words for people."""

from __future__ import annotations

from lab_core.phenomena import PHENOMENA
from lab_core.recipe import Branch, Recipe
from lab_core.run import Run
from widgets.key import MOST, apart, labels, names
from widgets.sources import first_colours

SMALL = Recipe().set({"data": "chebyshev", "width": 4, "steps": 20})


def told(run: Run) -> list[dict]:
    arms = list(run.arms.values())
    return list(labels(arms, first_colours(arms)).values())


def opened(*branches: Branch, **settings) -> Run:
    run = Run(SMALL.set({**settings, "changes": branches}))
    run.advance(0)
    return run


def test_one_arm_of_one_replica_needs_no_key() -> None:
    (label,) = told(opened())
    assert label["name"] == "" and label["replicas"] == []


def test_replicas_are_told_apart_by_the_knob_in_which_they_differ() -> None:
    (label,) = told(opened(weight_decay=(1.0, 0.0)))
    assert label["name"] == "" and label["knob"] == "weight decay"
    assert [r["text"] for r in label["replicas"]] == ["1", "0"]
    assert [r["symbol"] for r in label["replicas"]] == ["circle", "square"]
    many = opened(seed=tuple(range(12)))
    assert (
        len(told(many)[0]["replicas"]) == MOST and told(many)[0]["replicas"][-1]["text"] == "7 ..."
    )
    two = SMALL.set({"lr": (0.1, 0.2), "seed": (0, 1)}).split()
    assert apart(two) == ("", [f"lr {lr}, seed {s}" for lr in (0.1, 0.2) for s in (0, 1)])
    assert apart([SMALL, SMALL]) == ("replica", ["0", "1"])


def test_arms_say_what_was_set_and_the_first_how_it_is_set_there() -> None:
    grokfast = (("filter", "grokfast"), ("strength", 5.0), ("steps", 10))
    other = (("loss", "logistic"), ("weight_decay", 0.1), ("data", "sparse-signs"), ("n", 20))
    said = [label["name"] for label in told(opened(Branch(0, 0, grokfast, True)))]
    assert said == ["arm 0: no filter", "arm 1: filter Grokfast (EMA), strength 5"]
    said = [label["name"] for label in told(opened(Branch(0, 0, other, True)))]
    assert said[0].startswith("arm 0: data Chebyshev polynomial, loss squared error, examples 20")
    assert said[1].startswith("arm 1: data sparse linear classifier, loss logistic")
    assert "weight decay 0.1" in said[1] and "weight decay 0" in said[0]


def test_what_replicas_differ_in_is_said_of_each_and_not_of_the_arm() -> None:
    run = opened(Branch(0, 0, (("weight_decay", 3.0),)), weight_decay=(1.0, 0.0))
    first, fork = told(run)
    assert first["name"] == "arm 0: gradient descent" and first["knob"] == "weight decay"
    assert fork["name"] == "arm 1: weight decay 3" and fork["knob"] == "replica"


def test_another_optimizer_is_called_by_its_name_alone_and_a_fork_has_a_dash() -> None:
    run = opened(Branch(5, 0, (("optimizer", "adam"),)), Branch(5, 0, ()))
    run.advance(6)
    assert names(list(run.arms.values())) == {
        0: "gradient descent",
        1: "Adam",
        2: "gradient descent",
    }
    assert [label["dash"] for label in told(run)] == ["solid", "dot", "dashdot"]
    colours = [label["replicas"][0]["color"] for label in told(run)]
    assert len({*colours}) == 1, "a fork keeps the colours of the arm that it grew from"


def test_the_labels_of_all_presets_are_short_and_without_slugs() -> None:
    for phenomenon in PHENOMENA.values():
        for preset in phenomenon.presets.values():
            run = Run(preset.recipe)
            run.advance(0)
            for label in told(run):
                assert len(label["name"]) < 110 and "_" not in label["name"]
