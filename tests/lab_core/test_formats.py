"""Recipes survive every way of being written down, and nothing but BadInput comes of bad text."""

import json
import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lab_core.formats import (
    LONGEST_JSON,
    LONGEST_URL,
    from_json,
    from_url,
    parse_value,
    to_json,
    to_python,
    to_url,
)
from lab_core.knobs import BadInput, Knob, knobs
from lab_core.optimizers import FILTERS
from lab_core.phenomena import PHENOMENA
from lab_core.probes import PROBES
from lab_core.recipe import PARTS, Branch, Change, Recipe, companions, fitting, slug, stacks

QUICK = settings(max_examples=100, deadline=None)

# ---- recipes


def values(k: Knob) -> st.SearchStrategy:
    """Any value in a knob's domain."""
    if k.choices:
        return st.sampled_from(k.choices)
    opening, closing = k.domain[0], k.domain[-1]
    low, high = map(float, k.domain[1:-1].split(", "))
    if k.integer:
        return st.integers(int(low), int(high))
    return st.floats(
        max(low, -1e200), min(high, 1e200), exclude_min=opening == "(", exclude_max=closing == ")"
    )


@st.composite
def recipes(draw) -> Recipe:
    base, data = Recipe(), draw(st.sampled_from(list(PARTS["data"])))
    base = base.set(companions(base, "data", data))
    for part in PARTS:  # one after the other, for data, model and loss must fit
        base = base.set({part: draw(st.sampled_from(fitting(base, part)))})
    assert base.model.inputs == PARTS["data"][data].inputs
    owners = {k.name: ("", k) for k in knobs(base).values()}
    owners |= {k.name: (p, k) for p in PARTS for k in knobs(getattr(base, p)).values()}
    given = {}
    for name, (part, k) in owners.items():
        count = draw(st.sampled_from([0] * 8 + [1, 2, 3])) if stacks(part, k) else 0
        each = values(k)
        given[name] = draw(st.lists(each, min_size=count, max_size=count) if count else each)
    probes = draw(st.dictionaries(st.sampled_from(list(PROBES)), st.integers(1, 10**6)))
    assume(math.prod(len(v) for v in given.values() if isinstance(v, list)) <= 64)
    return base.set({**given, "probes": tuple(probes.items())})


KINDS = ["all", "each", "one", "part", "knob", "filter", "here", "start"]


@st.composite
def changed_recipes(draw) -> Recipe:
    recipe = draw(recipes())
    # small, and a branch from the start finds data that can be made
    sizes = {"width": 8, "depth": 2, "heads": 2, "p": 23, "fraction": 0.6, "operation": "add"}
    recipe = recipe.set({name: n for name, n in sizes.items() if name in recipe.flat()})
    each = {k.name: k for k in knobs(recipe.optimizer).values()}
    live = {k.name: k for part in (recipe.loss, recipe.filter) for k in knobs(part).values()}
    steps, log, arms = st.integers(0, 10**7), [], 1
    own = [True]  # whether an arm has the filter that the recipe has, with its knobs
    for kind in draw(st.lists(st.sampled_from(KINDS), max_size=6)):
        step, arm = draw(steps), draw(st.integers(0, arms - 1))
        k = each[draw(st.sampled_from(["lr", "weight_decay"]))]
        R, one = recipe.replicas, values(k)
        if kind == "all":
            log.append(Change(step, arm, k.name, draw(one)))
        elif kind == "each":
            log.append(Change(step, arm, k.name, tuple(draw(one) for _ in range(R))))
        elif kind == "one":
            log.append(Change(step, arm, k.name, draw(one), draw(st.integers(0, R - 1))))
        elif kind == "knob" and live and own[arm]:
            k = draw(st.sampled_from(list(live.values())))
            log.append(Change(step, arm, k.name, draw(values(k))))
        elif kind == "filter":
            name = draw(st.sampled_from(list(FILTERS)))
            log.append(Branch(step, arm, (("filter", name),)))
            arms += 1
            own.append(own[arm] and name == slug("filter", recipe.filter))
        elif kind in ("part", "knob"):
            name = draw(st.sampled_from(list(PARTS["schedule"])))
            log.append(Change(step, arm, "schedule", name))
        else:
            pairs = [
                ("optimizer", draw(st.sampled_from(fitting(recipe, "optimizer")))),
                ("lr", 0.1),
            ]
            inside = tuple(draw(st.sampled_from([[], pairs, pairs[1:]])))
            log.append(Branch(step, arm, inside, kind == "start"))
            arms += 1
            own.append(own[arm])
    return recipe.set({"changes": tuple(log)})


def from_python(text: str) -> Recipe:
    names: dict = {}
    exec(text.replace("run = Run(recipe).finish()", ""), names)
    return names["recipe"]


# ---- round trips


@QUICK
@given(recipes())
def test_recipes_survive(recipe):
    assert from_json(to_json(recipe)) == recipe
    assert from_url(to_url(recipe)) == recipe
    assert from_python(to_python(recipe)) == recipe


@settings(max_examples=40, deadline=None)
@given(changed_recipes())
def test_changes_and_branches_survive(recipe):
    assert from_json(to_json(recipe)) == recipe
    assert from_url(to_url(recipe)) == recipe
    assert from_python(to_python(recipe)) == recipe


PRESETS = [preset.recipe for p in PHENOMENA.values() for preset in p.presets.values()]


@pytest.mark.parametrize("base", PRESETS)
def test_an_address_over_any_base(base):
    for recipe in [*PRESETS, Recipe()]:
        assert from_url(to_url(recipe, base), base) == recipe
    assert to_url(base, base) == ""


def test_the_texts():
    recipe = Recipe().set({
        "lr": (1e-3, 1e22), "steps": 300, "probes": (("sharpness", 1), ("trace", 50)),
        "changes": (Change(120, 0, "lr", 0.4), Change(121, 0, "lr", 0.5, 1),
                    Branch(150, 0, (("optimizer", "adam"), ("lr", 0.01)))),
    })  # fmt: skip
    assert to_url(recipe) == (
        "lr=0.001,1e%2B22&steps=300&probes=sharpness:1,trace:50&change=120:0:*:lr=0.4"
        "&change=121:0:1:lr=0.5&branch=150:0:here:optimizer=adam;lr=0.01"
    )
    plain = json.loads(to_json(recipe))
    assert plain["edgewise"] == 1
    assert plain["lr"] == [0.001, 1e22]
    assert plain["probes"] == {"sharpness": 1, "trace": 50}
    assert plain["changes"][2] == {
        "step": 150, "arm": 0, "from_start": False, "branch": {"optimizer": "adam", "lr": 0.01}
    }  # fmt: skip
    assert to_url(Recipe()) == ""
    assert from_url("?lr=0.2") == Recipe().set({"lr": 0.2})
    assert from_json('{"edgewise": 1, "lr": 0.2}') == Recipe().set({"lr": 0.2})


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.1", 0.1), ("3", 3), ("adam", "adam"), ("0.1,0.2", [0.1, 0.2]), ("0.1,", [0.1]),
     ("-1e-3", -1e-3), ("1_0", "1_0"), (".5", 0.5)],
)  # fmt: skip
def test_values(text, value):
    got = parse_value(text)
    assert (got, type(got)) == (value, type(value))


# ---- bad input


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("lr", "lr: it has no value"),
        ("lr=", "lr: it has no value"),
        ("=3", "does not begin with"),
        ("lr=0.1&lr=0.2", "lr: give it once"),
        ("lr=nan", "lr: 'nan' is not a number"),
        ("lr=1e999", "too large"),
        ("lr=0", "lr: 0 is outside its domain"),
        ("n=3.5", "n: 3.5 is outside"),
        ("n=" + "9" * 30, "n: 1e\\+30 is outside"),
        ("n=" + "9" * 5000, "too large"),
        ("seed=True", "seed: 'True' is not a number"),
        ("width=8,16", "width: a list of values would change the shapes"),
        ("steps=1,2", "steps: a list is not allowed"),
        ("lr=0.1,,0.2", "lr: '' does not fit"),
        ("lr=__import__('os')", "lr: .* does not fit"),
        ("beta=0.5", "beta: it belongs to optimizer=heavy-ball"),
        ("nothing=1", "nothing: no such knob"),
        ("optimizer=sgd", "optimizer: 'sgd' is not known"),
        ("probes=sharpness", "probes: sharpness cannot be every ''"),
        ("probes=sharpness:0", "cadence: 0 is outside"),
        ("probes=blink:1", "probes: 'blink' is not known"),
        ("probes=trace:1,trace:2", "'trace': it is given twice"),
        ("change=120:0:*", "change: .* is not complete"),
        ("change=120:0:*:lr", "lr: it has no value"),
        ("change=120:0:*:width=8", "width: it cannot change"),
        ("change=120:7:*:lr=1", "arm: there is no arm 7"),
        ("change=-1:0:*:lr=1", "step: -1 does not fit"),
        ("change=1:0:1:lr=1", "replica: there is no replica 1"),
        ("change=1:0:*:changes=1", "'changes': there is no such field"),
        ("branch=1:0:there:lr=1", "branch: 'there' is not where"),
        ("branch=1:0:here:lr=1;lr=2", "'lr': it is given twice"),
        ("changes=1", "changes: give it once"),
        ("%zz=1", "does not begin with"),
        ("lr=0." + "1" * LONGEST_URL, "characters are too many"),
    ],
)
def test_bad_addresses(query, said):
    with pytest.raises(BadInput, match=said) as error:
        from_url(query)
    assert_sentence(error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is not JSON"),
        ('{"edgewise": 1', "it is not JSON .* line 1"),
        ("[]", "recipe: .* does not fit; give names"),
        ("{}", "edgewise: None is not a known version"),
        ('{"edgewise": 2}', "edgewise: 2 is not a known version"),
        ('{"edgewise": true}', "edgewise: True"),
        ('{"edgewise": 1, "foo": 1}', "foo: no such knob"),
        ('{"edgewise": 1, "a\\nb": 1}', "there is no such field"),
        ('{"edgewise": 1, "lr": NaN}', "NaN is not a number"),
        ('{"edgewise": 1, "lr": -Infinity}', "-Infinity is not a number"),
        ('{"edgewise": 1, "lr": 1e999}', "too large"),
        ('{"edgewise": 1, "lr": %s}' % ("9" * 5000), "too large"),
        ('{"edgewise": 1, "lr": null}', "lr: None does not fit"),
        ('{"edgewise": 1, "lr": true}', "lr: True does not fit"),
        ('{"edgewise": 1, "lr": []}', "lr: an empty list"),
        ('{"edgewise": 1, "lr": [[1]]}', "lr: .* does not fit"),
        ('{"edgewise": 1, "lr": {"a": 1}}', "lr: .* does not fit"),
        ('{"edgewise": 1, "lr": 1, "lr": 2}', "'lr': it is given twice"),
        ('{"edgewise": 1, "optimizer": ["gd"]}', "optimizer: .* is not known"),
        ('{"edgewise": 1, "probes": [1]}', "probes: .* does not fit"),
        ('{"edgewise": 1, "probes": {"trace": []}}', "probes: trace cannot be every"),
        ('{"edgewise": 1, "changes": 1}', "changes: 1 is not a list"),
        ('{"edgewise": 1, "changes": [1]}', "changes: 1 does not fit"),
        ('{"edgewise": 1, "changes": [{"step": 1}]}', "changes: .* is not a change"),
        ("[" * 100_000, "nested too deep"),
        (" " * (LONGEST_JSON + 1), "characters are too many"),
    ],
)
def test_bad_json(text, said):
    with pytest.raises(BadInput, match=said) as error:
        from_json(text)
    assert_sentence(error)


def assert_sentence(error) -> None:
    said = str(error.value)
    assert len(said) < 500  # all probes by name
    assert "\n" not in said
    assert said.endswith(".")


def test_an_address_that_is_too_long_is_not_made():
    log = tuple(Change(t, 0, "lr", 0.1 + t / 3) for t in range(5000))
    with pytest.raises(BadInput, match="share it as JSON"):
        to_url(Recipe().set({"changes": log}))
