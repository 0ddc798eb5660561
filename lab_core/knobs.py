"""A knob is a tunable number (or name): a dataclass field that carries its range, scale, unit and rule.

`low` and `high` span the slider and nothing else. `domain` is the rule, an interval in the usual
notation such as ``"(0, inf)"``; only leaving the domain is an error. A field whose default is an
int takes integers only.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any


class BadInput(ValueError):
    """One sentence for a person: the field, the rule, the remedy."""


class OwnError(BadInput):
    """One sentence about a part that a person brought: what of it does what, and what is expected."""


@dataclass(frozen=True)
class Knob:
    """What a slider, a check and a help text need to know of one field."""

    name: str
    label: str
    default: Any
    low: float
    high: float
    log: bool
    unit: str
    help: str
    domain: str
    choices: tuple[str, ...]
    stacks: bool

    @property
    def integer(self) -> bool:
        return isinstance(self.default, int)

    def check(self, value: Any) -> Any:
        """The value, as the field's own type; `BadInput` when it is outside the domain."""
        if self.choices:
            if value in self.choices:
                return value
            raise BadInput(
                f"{self.name}: {value!r} is not known; choose {', '.join(self.choices)}."
            )
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise BadInput(f"{self.name}: {value!r} is not a number; give {self.rule}.")
        if isinstance(value, int) and value.bit_length() > 1000:  # no float is as large
            raise BadInput(f"{self.name}: so large a number has no use; give {self.rule}.")
        if not _inside(value, self.domain) or (self.integer and value != int(value)):
            raise BadInput(f"{self.name}: {value:g} is outside its domain; give {self.rule}.")
        return int(value) if self.integer else float(value)

    @property
    def rule(self) -> str:
        kind = "an integer" if self.integer else "a number"
        return f"{kind} in {self.domain}, for example {self.default:g}"


def knob(
    default: Any,
    low: float = 0.0,
    high: float = 0.0,
    *,
    log: bool = False,
    unit: str = "",
    help: str = "",
    domain: str = "(-inf, inf)",
    label: str = "",
    choices: Collection[str] = (),
    stacks: bool = False,
) -> Any:
    """A dataclass field with a slider's range (`low`, `high`, `log`) and a rule (`domain`).

    `choices` makes it a name out of a registry instead of a number; `stacks` says that a list of
    values makes replicas (every optimizer knob does so without asking).
    """
    meta = dict(low=low, high=high, log=log, unit=unit, help=help, domain=domain, label=label)
    return dataclasses.field(
        default=default, metadata=meta | dict(choices=tuple(choices), stacks=stacks)
    )


def knobs(part: Any) -> dict[str, Knob]:
    """The knobs of a dataclass or of an instance of one, by name, in the order of its fields."""
    return _knobs(part if isinstance(part, type) else type(part))


@cache
def _knobs(cls: Any) -> dict[str, Knob]:
    return {
        f.name: Knob(
            name=f.name,
            default=f.default,
            **(dict(f.metadata) | {"label": f.metadata["label"] or f.name.replace("_", " ")}),
        )
        for f in dataclasses.fields(cls)
        if "domain" in f.metadata
    }


def check(part: Any) -> None:
    """Check every knob of an instance, lists value by value; coerce to the field's own type."""
    for name, k in knobs(part).items():
        value = getattr(part, name)
        if isinstance(value, (list, tuple)):
            if not value:
                raise BadInput(f"{name}: an empty list makes no replica; give at least one value.")
            checked: Any = tuple(k.check(v) for v in value)
        else:
            checked = k.check(value)
        object.__setattr__(part, name, checked)


def _inside(value: float, domain: str) -> bool:
    """Whether a number lies in an interval written as ``"[0, 1)"``; infinities and nan never do."""
    opening, low, high, closing = _interval(domain)
    above = value >= low if opening == "[" else value > low
    below = value <= high if closing == "]" else value < high
    return math.isfinite(value) and above and below


@cache
def _interval(domain: str) -> tuple[str, float, float, str]:
    match = re.fullmatch(r"([\[(])(.+), (.+)([\])])", domain)
    assert match, f"{domain!r} is not an interval"
    return match[1], float(match[2]), float(match[3]), match[4]
