"""What a part of a person's own is called, its knobs, and its place in the registry."""

from __future__ import annotations

import inspect
import math
import re
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Any

from torch import optim

from lab_core.knobs import BadInput, knob, knobs
from lab_core.recipe import PARTS, Recipe

BUILT_IN = {part: frozenset(registry) for part, registry in PARTS.items()}
SHARE = re.compile("beta|momentum|alpha|rho|gamma|dampening|decay$")  # names of numbers in [0, 1)
REACH = 100.0  # a log slider reaches so many times below and above its default


def register(part: str, cls: Any, thing: Any, name: str) -> str:
    """Put a class into the registry of its part; returns its name. Raises BadInput."""
    called = name or named(thing)
    slug = slug_of(called)
    if not slug:
        raise BadInput(f"{part}: {called!r} makes no name; give one: name='my-{part}'.")
    if slug in BUILT_IN[part]:
        raise BadInput(
            f"{part}: {slug!r} is one of Edgewise's own; rename yours, or give it a name:"
            f" name='my-{slug}'."
        )
    _check_knobs(part, cls, called)
    cls.brought_as = slug
    PARTS[part][slug] = cls  # type: ignore[index]
    return slug


def named(thing: Any) -> str:
    """The name of a class, of an instance's class, of a function, or of a torch optimizer."""
    thing = thing[0] if isinstance(thing, tuple) and thing else getattr(thing, "func", thing)
    cls = thing if hasattr(thing, "__name__") else type(thing)
    called = str(cls.__name__).strip("<>")
    theirs = str(getattr(cls, "__module__", "")).startswith("torch.")
    plain = theirs and inspect.isclass(cls) and issubclass(cls, optim.Optimizer)
    return f"torch-{called.lower()}" if plain else called


def slug_of(name: str) -> str:
    """
    >>> slug_of("MyOptimizer"), slug_of("SGDWithRestarts"), slug_of("my_loss")
    ('my-optimizer', 'sgd-with-restarts', 'my-loss')
    """
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
    return re.sub(r"[^a-z0-9]+", "-", split).strip("-")[:60]


def _check_knobs(part: str, cls: Any, called: str) -> None:
    """Knob names are flat: one may belong to one kind of part only."""
    for name in knobs(cls):
        if whose := owner(part, name):
            raise BadInput(
                f"{part}: {called} has a knob {name!r}, a name of the {whose}; rename it."
            )


def owner(part: str, name: str) -> str:
    """To what else a knob's name belongs than to a part of this kind; "" where to nothing."""
    others = (
        p for p, kinds in PARTS.items() for k in kinds.values() if name in knobs(k) and p != part
    )
    taken = name in knobs(Recipe) or name in (*PARTS, "probes", "changes")
    return "recipe" if taken else next(others, "")


# ---- knobs


def knob_of(name: str, default: float) -> Any:
    """A knob for a plain number: what slider suits it, its domain as wide as can be."""
    if name == "lr":
        low, high = default / REACH, default * REACH
        return knob(float(default), low, high, log=True, domain="(0, inf)", label="learning rate")
    if isinstance(default, int):
        return knob(default, min(0, 4 * default), max(1, 4 * default))
    if default == 0:
        return knob(default, 0.0, 0.1 if name.endswith("decay") else 1.0)
    if 0 < default < 1 and SHARE.search(name):
        return knob(default, 0.0, 0.999)
    if default > 0:
        return knob(default, default / REACH, default * REACH, log=True, domain="(0, inf)")
    return knob(default, 2 * default, 0.0)


def is_number(value: Any) -> bool:
    """Whether a default can be a knob's."""
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return plain and math.isfinite(value)


def numbers_of(thing: Any) -> dict[str, Any]:
    """The knobs, as dataclass fields by name, of a class or an instance: of its dataclass fields, else
    of its constructor's arguments, else of its attributes.
    """
    cls = thing if inspect.isclass(thing) else type(thing)
    own = None if inspect.isclass(thing) else thing
    found = _of_fields(cls) if is_dataclass(cls) else _of_arguments(cls) or _of_attributes(cls)
    if own is not None:  # its values are the defaults
        found = {n: _with_default(f, getattr(own, n, f.default)) for n, f in found.items()}
    return found


def _of_fields(cls: Any) -> dict[str, Any]:
    out = {}
    for f in fields(cls):
        if f.default is MISSING and f.default_factory is MISSING:
            raise BadInput(f"{cls.__name__}: its field {f.name!r} has no default; give it one.")
        given: Any = f.default
        default = float(given) if f.type in ("float", float) and is_number(given) else given
        if "domain" in f.metadata:
            out[f.name] = field(default=default, metadata=f.metadata)
        elif f.init and is_number(default):
            out[f.name] = knob_of(f.name, default)
    return out


def _of_arguments(cls: Any) -> dict[str, Any]:
    given = (
        inspect.signature(cls).parameters.values() if cls.__init__ is not object.__init__ else ()
    )
    return {p.name: knob_of(p.name, p.default) for p in given if is_number(p.default)}


def _of_attributes(cls: Any) -> dict[str, Any]:
    names = [n for n in dir(cls) if not n.startswith("_") and is_number(getattr(cls, n))]
    return {n: knob_of(n, getattr(cls, n)) for n in names}


def _with_default(f: Any, value: Any) -> Any:
    return field(default=value, metadata=f.metadata) if is_number(value) else f


def takes_arguments(cls: Any) -> bool:
    """Whether a class has a constructor of its own."""
    return cls.__init__ is not object.__init__
