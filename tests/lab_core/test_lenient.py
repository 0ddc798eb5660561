"""What is left of recipes that are not sound, and that each part left out is said."""

from __future__ import annotations

import pytest

from lab_core.lenient import MOST_FIELDS, readable, readable_url
from lab_core.recipe import Change, Recipe

BASE = Recipe().set({"data": "chebyshev", "width": 4})
PAIRS = "data=modular&model=pair-mlp"
MODULAR = {"data": "modular", "model": "pair-mlp"}
GOOD = [{"step": t, "arm": 0, "replica": None, "knob": "lr", "value": 0.2} for t in range(3000)]
BAD = {"step": 1, "arm": 0, "replica": None, "knob": "lr", "value": -1}


@pytest.mark.parametrize(
    "query, settings, said",
    [
        ("lr=0.3&foo=1", {"lr": 0.3}, ["foo: no such knob"]),
        ("data=modular&lr=0.3", {"lr": 0.3}, ["model: a multi-layer perceptron cannot read"]),
        (f"{PAIRS}&p=0&operation=divide", MODULAR | {"operation": "divide"}, ["p: 0 is outside"]),
        (f"{PAIRS}&p=7x&fraction=0.6", MODULAR | {"fraction": 0.6}, ["p: '7x' is not a number"]),
        (f"{PAIRS}&fraction=1&p=7", MODULAR | {"p": 7}, ["fraction: 1 is outside"]),
        (f"{PAIRS}&corruption=-1&p=7", MODULAR | {"p": 7}, ["corruption: -1 is outside"]),
        (f"{PAIRS}&operation=foo&p=7", MODULAR | {"p": 7}, ["operation: 'foo' is not known"]),
        ("filter=foo&lr=0.3", {"lr": 0.3}, ["filter: 'foo' is not known"]),
        ("filter=grokfast-ma&window=0&strength=2", {"filter": "grokfast-ma", "strength": 2},
         ["window: 0 is outside"]),
        ("window=5&lr=0.3", {"lr": 0.3}, ["window: it belongs to filter=grokfast-ma"]),
        (f"{PAIRS}&loss=cross-entropy&precision=float8", MODULAR | {"loss": "cross-entropy"},
         ["precision: 'float8' is not known"]),
        ("branch=3:0:nowhere:lr=1&lr=0.3", {"lr": 0.3}, ["branch: 'nowhere'"]),
        ("loss=cross-entropy&data=clusters&optimizer=bogus&k=3",
         {"data": "clusters", "loss": "cross-entropy", "k": 3}, ["optimizer: 'bogus'"]),
        ("data=clusters&loss=cross-entropy&lr=x!", {"data": "clusters", "loss": "cross-entropy"},
         ["lr: 'x!'"]),
    ],
)  # fmt: skip
def test_what_is_sound_is_read_and_the_rest_is_said(query, settings, said) -> None:
    recipe, sentences = readable_url(query, BASE)
    assert recipe == BASE.set(settings)
    assert [ours in theirs for ours, theirs in zip(said, sentences, strict=True)] == [True]


def test_after_a_change_that_cannot_be_read_no_other_is() -> None:
    query = "change=3:0:*:lr=0.2&change=4:0:*:lr=!&change=5:0:*:lr=0.3"
    recipe, said = readable_url(query, BASE)
    assert recipe.changes == (Change(3, 0, "lr", 0.2),) and len(said) == 1


@pytest.mark.parametrize("n", [3, 1999, 3000])
def test_sound_changes_stay_whatever_else_is_wrong(n: int) -> None:
    recipe, said = readable({"changes": GOOD[:n], "foo": 1, "lr": "x"}, BASE)
    assert len(recipe.changes) == n and len(said) == 2


@pytest.mark.parametrize("n, left", [(3, 3), (2500, 2500)])
def test_the_changes_before_a_wrong_one_stay(n: int, left: int) -> None:
    recipe, said = readable({"changes": [*GOOD[:n], BAD, *GOOD[:5]]}, BASE)
    assert len(recipe.changes) == left and said == [
        "lr: -1 is outside its domain; give a number in (0, inf), for example 0.1."
    ]


def test_of_a_log_too_long_to_search_nothing_stays_and_that_is_said() -> None:
    recipe, said = readable({"seed": list(range(10)), "changes": [*GOOD, BAD]}, BASE)
    assert recipe.changes == () and "All 3,001 changes are left out" in said[0]


def test_known_fields_are_read_however_many_others_there_are() -> None:
    many = {f"foo{i}": 1 for i in range(2 * MOST_FIELDS)} | {"lr": 0.25}
    recipe, said = readable(many, BASE)
    assert recipe == BASE.set({"lr": 0.25}) and "more fields" in said[-1]
