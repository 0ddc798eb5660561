"""Knobs: the slider's range is a picture, the domain is the rule."""

import math
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_core.knobs import BadInput, Knob, check, knob, knobs
from lab_core.recipe import PARTS, Recipe


@dataclass(frozen=True)
class Part:
    rate: float = knob(0.5, 0.1, 1.0, log=True, domain="(0, inf)", label="learning rate")
    share: float = knob(0.0, 0.0, 0.9, domain="[0, 1)")
    count: int = knob(3, 1, 10, unit="steps", domain="[1, 100]")
    form: str = knob("round", choices=("round", "square"))
    plain: float = 1.0  # a field that is no knob


def rule(domain: str, default: float = 0.5) -> Knob:
    @dataclass(frozen=True)
    class One:
        x: Any = knob(default, domain=domain)

    return knobs(One)["x"]


def inside(k: Knob, value: Any) -> bool:
    try:
        k.check(value)
    except BadInput:
        return False
    return True


@given(st.floats())
def test_a_domain_is_an_interval_and_holds_finite_numbers_alone(x: float) -> None:
    assert inside(rule("[0, 1)"), x) == (0 <= x < 1)
    assert inside(rule("(-2, 3]"), x) == (-2 < x <= 3)
    assert inside(rule("(0, inf)"), x) == (x > 0 and math.isfinite(x))
    assert inside(rule("(-inf, inf)"), x) == math.isfinite(x)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_an_integer_knob_takes_whole_numbers_and_returns_an_int(x: float) -> None:
    k = rule("[-50, 50]", default=1)
    assert inside(k, x) == (-50 <= x <= 50 and x == int(x))
    if inside(k, x):
        assert type(k.check(x)) is int and k.check(x) == x


def test_a_number_comes_back_as_the_type_of_its_field() -> None:
    assert type(rule("[0, 9]").check(3)) is float
    assert type(rule("[0, 9]", default=3).check(3.0)) is int


@pytest.mark.parametrize("value", [True, None, "0.5", [0.5], {}, 1j, 10**400, -(10**400)])
def test_what_is_no_number_of_ours_is_one_sentence(value: object) -> None:
    with pytest.raises(BadInput, match=r"^x: .*; give a number in .*, for example 0.5\.$"):
        rule("(-inf, inf)").check(value)


def test_the_slider_does_not_bind() -> None:
    assert Part(rate=1e6).rate == 1e6
    part = Part(rate=1e6, share=0.99)
    check(part)
    assert (part.rate, part.share) == (1e6, 0.99)


def test_lists_are_checked_value_by_value_and_become_tuples() -> None:
    part = Part(rate=[1, 2.0], count=(4.0,))  # type: ignore[arg-type]
    check(part)
    assert part.rate == (1.0, 2.0) and part.count == (4,)
    with pytest.raises(BadInput, match="rate: -1 is outside its domain"):
        check(Part(rate=[1.0, -1.0]))  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="rate: an empty list makes no replica; give at least one"):
        check(Part(rate=[]))  # type: ignore[arg-type]


def test_a_name_is_one_of_the_choices() -> None:
    with pytest.raises(BadInput, match="form: 'oval' is not known; choose round, square."):
        check(Part(form="oval"))


def test_knobs_read_the_fields_in_order_with_a_label() -> None:
    assert list(knobs(Part)) == list(knobs(Part())) == ["rate", "share", "count", "form"]
    assert knobs(Part)["rate"].label == "learning rate" and knobs(Part)["share"].label == "share"


ALL = [(part, slug, k) for part, registry in PARTS.items() for slug, cls in registry.items()
       for k in knobs(cls).values()] + [("recipe", "", k) for k in knobs(Recipe).values()]  # fmt: skip


@pytest.mark.parametrize("part, slug, k", ALL, ids=lambda v: getattr(v, "name", v) or "own")
def test_every_knob_is_sound(part: str, slug: str, k: Knob) -> None:
    assert k.check(k.default) == k.default and k.label
    if k.choices:
        assert k.default in k.choices
        return
    assert k.low < k.high, "a slider has two ends"
    assert inside(k, k.low) and inside(k, k.high), "all of the slider is allowed"
    assert not k.log or k.low > 0
    for bad in (math.nan, math.inf, "many", None):
        with pytest.raises(BadInput) as error:
            k.check(bad)
        text = str(error.value)
        assert text.startswith(f"{k.name}: ") and f"; give {k.rule}." in text, "field, rule, remedy"
