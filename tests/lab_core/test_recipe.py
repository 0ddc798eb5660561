"""Recipes: flat names, replicas as products of lists, swapped parts, one-sentence errors."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_core.knobs import BadInput, knobs
from lab_core.models import MLP
from lab_core.optimizers import GD, OPTIMIZERS, Adam
from lab_core.recipe import (
    MOST_REPLICAS,
    PARTS,
    Recipe,
    seeds_of,
    slug,
    stacks,
    swap,
)
from tests.lab_core.small import having

OWN = [*knobs(Recipe), *PARTS, "probes", "changes"]


def test_a_flat_name_belongs_to_one_part() -> None:
    owners: dict[str, set[str]] = {}
    for part, registry in PARTS.items():
        for cls in registry.values():
            for name in knobs(cls):
                owners.setdefault(name, set()).add(part)
    assert {n: parts for n, parts in owners.items() if len(parts) > 1} == {}
    assert set(owners) & set(OWN) == set()


def test_a_registry_name_belongs_to_one_entry() -> None:
    for registry in PARTS.values():
        labels = [cls.label for cls in registry.values()]  # type: ignore[attr-defined]
        assert len(set(registry.values())) == len(set(labels)) == len(registry)
        assert all(name == name.lower() and "_" not in name for name in registry)


# what an entry needs beside it, where clusters will not do
BESIDE = {"logistic": "sparse-signs"}


@pytest.mark.parametrize("part, name", [(p, n) for p, r in PARTS.items() for n in r])
def test_every_entry_can_be_set_and_read_back(part: str, name: str) -> None:
    recipe = having(part, name)
    assert slug(part, getattr(recipe, part)) == name
    assert all(
        recipe.flat()[n] == getattr(getattr(recipe, part), n) for n in knobs(PARTS[part][name])
    )


# ---- replicas


def test_r_is_the_product_of_the_lists_in_field_order_seeds_last() -> None:
    recipe = Recipe().set({"seed": [0, 1, 2], "weight_decay": [0, 0.1], "lr": [0.1, 0.2],
                           "init_scale": (0.5, 1)})  # fmt: skip
    assert list(recipe.axes()) == ["init_scale", "lr", "weight_decay", "seed"]
    assert recipe.replicas == 24
    rows = [tuple(r.flat()[n] for n in recipe.axes()) for r in recipe.split()]
    assert rows == list(itertools.product((0.5, 1.0), (0.1, 0.2), (0.0, 0.1), (0, 1, 2)))
    assert all(r.replicas == 1 and not r.axes() for r in recipe.split())


def test_a_list_of_one_is_an_axis_and_one_replica() -> None:
    recipe = Recipe().set({"lr": [0.3]})
    assert recipe.axes() == {"lr": (0.3,)} and recipe.replicas == 1
    assert recipe.split() == [Recipe().set({"lr": 0.3})]


@given(st.lists(st.integers(1, 6), min_size=3, max_size=3))
def test_splitting_covers_the_product_once(sizes: list[int]) -> None:
    names = ("init_scale", "lr", "seed")
    lists = {n: tuple(range(1, k + 1)) for n, k in zip(names, sizes, strict=True)}
    split = Recipe().set(lists).split()
    assert len({tuple(r.flat()[n] for n in names) for r in split}) == len(split)
    assert len(split) == sizes[0] * sizes[1] * sizes[2]


@pytest.mark.parametrize("part, name", [(p, n) for p, r in PARTS.items() for n in r])
def test_hyper_parameters_stack_and_shapes_do_not(part: str, name: str) -> None:
    base = having(part, name)
    for k in knobs(PARTS[part][name]).values():
        pair = {k.name: [k.default, k.default]}
        if stacks(part, k):
            assert base.set(pair).replicas == 2
        else:
            with pytest.raises(
                BadInput, match=f"^{k.name}: a list .* would change.*; give one val"
            ):
                base.set(pair)
    each = knobs(PARTS[part][name])
    program = {n for n, k in each.items() if not stacks(part, k)}
    assert part not in ("optimizer", "filter") or program <= {
        "window",
        "rebalance_at",
        "updates",
        "leaps",
    }


def test_seeds_default_to_the_seed() -> None:
    recipe = Recipe().set({"seed": 7, "init_seed": 3})
    assert [seeds_of(recipe, p) for p in ("data", "init", "batch")] == [7, 3, 7]


# ---- setting and swapping


def test_parts_go_first_whatever_the_order() -> None:
    recipe = Recipe().set({"beta1": 0.5, "optimizer": "adam"})
    assert recipe.optimizer == replace(swap("optimizer", GD(), "adam"), beta1=0.5)
    assert Recipe().set({}) == Recipe() and Recipe().set({"optimizer": "gd"}) == Recipe()


def test_a_swap_carries_what_both_have() -> None:
    """A log knob keeps its ratio to the default, any other its value."""
    gd = GD(lr=0.3, weight_decay=0.02)
    adam = swap("optimizer", gd, "adam")
    assert adam.weight_decay == 0.02 and adam.beta1 == Adam().beta1
    assert adam.lr == pytest.approx(0.3 / GD().lr * Adam().lr)
    back = swap("optimizer", adam, "gd")
    assert back.lr == pytest.approx(0.3) and back.weight_decay == 0.02
    many = swap("optimizer", GD(lr=(0.1, 0.4)), "rmsprop")  # type: ignore[arg-type]
    assert many.lr[1] / many.lr[0] == pytest.approx(4), "a list value by value"


@given(st.sampled_from(list(OPTIMIZERS)), st.sampled_from(list(OPTIMIZERS)),
       st.floats(1e-6, 1e6))  # fmt: skip
def test_a_swap_there_and_back_keeps_the_learning_rate(one: str, other: str, lr: float) -> None:
    start = OPTIMIZERS[one](lr=lr)
    assert swap("optimizer", swap("optimizer", start, other), one).lr == pytest.approx(
        lr, rel=1e-12
    )


def test_a_model_keeps_its_size_but_not_a_name_that_the_other_lacks() -> None:
    net = MLP(width=9, depth=4, activation="relu", init_scale=0.5, parametrization="ntk")
    linear = swap("model", net, "deep-linear")
    assert (linear.width, linear.depth, linear.init_scale, linear.parametrization) == (
        9,
        4,
        0.5,
        "ntk",
    )
    assert linear.activation == "linear" and swap("model", linear, "mlp").activation == "tanh"


def test_other_data_starts_from_its_own_sizes() -> None:
    assert Recipe().set({"n": 60}).set({"data": "chebyshev"}).data == PARTS["data"]["chebyshev"]()
    same = Recipe().set({"n": 60}).set({"data": "chebyshev", "n": 30})
    assert same.flat()["n"] == 30


def test_a_recipe_is_a_value() -> None:
    one, two = (Recipe().set({"lr": [0.1, 0.2], "seed": 3}) for _ in range(2))
    assert one == two and hash(one) == hash(two) and one != Recipe()
    probes = one.set({"probes": [["trace", 5.0]]}).probes
    assert (
        probes == (("trace", 5),)
        and type(probes[0][1]) is int
        and hash(one.set({"probes": probes}))
    )


# ---- what is refused: the field, the rule, the remedy

MODULAR = {"data": "modular", "model": "pair-mlp"}
BAD: list[tuple[dict[str, Any], str]] = [
    ({"lr": -1}, r"lr: -1 is outside its domain; give a number in \(0, inf\), for example 0.1"),
    ({"lr": "fast"}, r"lr: 'fast' is not a number; give a number in \(0, inf\)"),
    ({"lr": float("nan")}, "lr: nan is outside its domain; give"),
    ({"lr": []}, "lr: an empty list makes no replica; give at least one value"),
    ({"lr": [0.1, -0.1]}, "lr: -0.1 is outside its domain; give"),
    ({"width": 2.5}, r"width: 2.5 is outside its domain; give an integer in \[1, 4096\]"),
    ({"width": [4, 8]}, "width: a list of values would change the shapes or the program; give"),
    ({"steps": [4, 8]}, "steps: a list is not allowed here; give one value"),
    ({"activation": "sigmoid"}, "activation: 'sigmoid' is not known; choose tanh, relu"),
    ({"optimizer": "muon"}, "optimizer: 'muon' is not known; choose gd, heavy-ball"),
    ({"optimizer": GD()}, "optimizer: .* is not known; choose gd"),
    ({"data": ["digits"]}, "data: .* is not known; choose digits"),
    ({"speed": 3}, "speed: no such knob; choose one of data, model"),
    ({"beta1": 0.5}, "beta1: it belongs to optimizer=adam or optimizer=adamw; choose that, or"),
    ({"degree": 3}, "degree: it belongs to data=chebyshev or data=single-index; choose that"),
    ({"data": "chebyshev", "loss": "cross-entropy"},
     "loss: cross-entropy needs class labels and .*; choose squared-error.*, or the data digits or"),
    ({"seed": list(range(33)), "lr": [0.1] * 32},
     f"lists: they multiply to 1056 replicas, above the limit of {MOST_REPLICAS}; shorten one"),
    ({"probes": (("speed", 10),)}, "probes: 'speed' is not known; choose speeds, "),
    ({"probes": (("trace", 0),)}, r"cadence: 0 is outside its domain; give an integer in \[1, "),
    ({"probes": (("trace", 2.5),)}, "cadence: 2.5 is outside its domain; give"),
    ({"probes": "trace"}, "probes: .*; give pairs"),
    ({"probes": 3}, "probes: .*; give pairs"),
    ({"dtype": "float16"}, "dtype: 'float16' is not known; choose float64, float32"),
    ({"device": "tpu"}, "device: 'tpu' is not known; choose auto, cpu, cuda, mps"),
    ({"seed": -1}, "seed: -1 is outside its domain; give"),
    ({"batch_size": 10**400}, "batch_size: so large a number has no use; give"),
    ({"filter": "median"}, "filter: 'median' is not known; choose none, grokfast"),
    ({"strength": 2}, "strength: it belongs to filter=grokfast or filter=grokfast-ma; choose that"),
    ({"filter": "grokfast", "memory": 1}, r"memory: 1 is outside its domain; give .* in \[0, 1\)"),
    ({"filter": "grokfast-ma", "window": 0}, "window: 0 is outside its domain; give an integer in"),
    ({"filter": "grokfast-ma", "window": [2, 3]}, "window: a list of values would change the sha"),
    ({"precision": "float16"}, "precision: it belongs to loss=cross-entropy or loss=stablemax; c"),
    ({"data": "clusters", "loss": "stablemax", "precision": "float8"},
     "precision: 'float8' is not known; choose same, float16, float32, float64"),
    (MODULAR | {"p": 0}, r"p: 0 is outside its domain; give an integer in \[3, 199\], for example"),
    (MODULAR | {"p": 10**9}, r"p: 1e\+09 is outside its domain; give an integer in"),
    (MODULAR | {"p": "7x"}, "p: '7x' is not a number; give an integer in"),
    (MODULAR | {"fraction": 0}, r"fraction: 0 is outside its domain; give a number in \(0, 1\)"),
    (MODULAR | {"fraction": 1}, r"fraction: 1 is outside its domain; give a number in \(0, 1\)"),
    (MODULAR | {"corruption": -1}, "corruption: -1 is outside its domain; give a number in"),
    (MODULAR | {"operation": "power"}, "operation: 'power' is not known; choose add, subtract"),
]  # fmt: skip


@pytest.mark.parametrize("settings, sentence", BAD, ids=lambda v: str(v)[:40])
def test_bad_input_is_one_sentence_with_field_rule_and_remedy(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadInput, match=f"^{sentence}") as error:
        Recipe().set(settings)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)


# ---- writing down


def test_a_part_outside_the_registry_cannot_be_written_down() -> None:
    class Mine(GD):
        pass

    with pytest.raises(
        BadInput, match="optimizer: Mine is not in the registry, so .*; register it"
    ):
        slug("optimizer", Mine())
