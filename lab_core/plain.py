"""The plain form of a recipe: a dict of numbers, names, lists and dicts, as JSON knows them.

It stands between a recipe and every text. Names are the flat ones of `Recipe.set`.
"""

from __future__ import annotations

import re
import reprlib
from typing import Any

from lab_core.knobs import BadInput, knobs
from lab_core.probes import PROBES
from lab_core.recipe import EVERY, PARTS, Branch, Change, Recipe, slug
from lab_core.timeline import timelines

Plain = dict[str, Any]

NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
MOST_STEP = 10_000_000
DEFAULT = Recipe()


def brief(value: Any) -> str:
    """A value as a sentence can quote it."""
    text = reprlib.repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def to_plain(recipe: Recipe) -> Plain:
    """Every part, by its name in the registry, and every knob by its flat name; probes, changes.

    Raises BadInput for a part that is not in its registry.
    """
    out: Plain = {}
    for part in PARTS:
        value = getattr(recipe, part)
        out[part] = slug(part, value)
        out |= {name: getattr(value, name) for name in knobs(value)}
    out |= {name: getattr(recipe, name) for name in knobs(recipe)}
    out = {name: _plain(name, value) for name, value in out.items()}
    return out | {
        "probes": dict(recipe.probes),
        "changes": [_entry(c) for c in recipe.changes],
    }


def from_plain(fields: Plain, base: Recipe = DEFAULT) -> Recipe:
    """`base` with what `fields` says, sound as a whole; BadInput where it is not."""
    entries = fields.get("changes", [])
    if not isinstance(entries, list):
        raise BadInput(f"changes: {brief(entries)} is not a list; give [] where there are none.")
    given = settings({n: v for n, v in fields.items() if n != "changes"})
    if "changes" in fields:
        given["changes"] = tuple(_change(object_of("changes", entry)) for entry in entries)
    recipe = base.set(given)
    if recipe.changes:
        timelines(recipe)  # refuses what a run would refuse on its way
    return recipe


def differences(recipe: Recipe, base: Recipe = DEFAULT) -> Plain:
    """The plain form of what `base.set` needs to become `recipe`."""
    ours, theirs = to_plain(recipe), to_plain(base)
    parts = {part: ours[part] for part in PARTS if ours[part] != theirs[part]}
    theirs = to_plain(base.set(parts))  # another part brings other knobs
    return parts | {name: value for name, value in ours.items() if value != theirs[name]}


def _plain(name: str, value: Any) -> Any:
    if name == "probes":
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _entry(c: Change | Branch) -> Plain:
    where: Plain = {"step": c.step, "arm": c.arm}
    if isinstance(c, Branch):
        inside = {name: _plain(name, value) for name, value in c.settings}
        return where | {"from_start": c.from_start, "branch": inside}
    return where | {
        "replica": c.replica,
        "knob": c.knob,
        "value": _plain(c.knob, c.value),
    }


def _change(entry: Plain) -> Change | Branch:
    branch = "branch" in entry
    known = {"step", "arm"} | ({"branch", "from_start"} if branch else {"replica", "knob", "value"})
    if set(entry) != known:
        raise BadInput(
            f"changes: {brief(entry)} is not a change; give step, arm, replica, knob and value, or"
            " step, arm, from_start and branch."
        )
    step, arm = _count("step", entry["step"]), _count("arm", entry["arm"])
    if branch:
        start = entry["from_start"]
        if not isinstance(start, bool):
            raise BadInput(f"from_start: {brief(start)} is neither true nor false; give one.")
        return Branch(
            step,
            arm,
            tuple(settings(object_of("branch", entry["branch"])).items()),
            start,
        )
    replica, name = entry["replica"], entry["knob"]
    replica = None if replica is None else _count("replica", replica)
    if not isinstance(name, str):
        raise BadInput(f"knob: {brief(name)} is not a name; give one, for example lr.")
    return Change(step, arm, name, settings({name: entry["value"]})[name], replica)


def settings(fields: Plain) -> Plain:
    """Names and plain values as `Recipe.set` takes them; it is left to look them up."""
    out: Plain = {}
    for name, value in fields.items():
        items = value if isinstance(value, list) else [value]
        if not NAME.fullmatch(name) or name == "changes":
            raise BadInput(f"{brief(name)}: there is no such field; leave it out.")
        if name == "probes":
            out[name] = tuple((p, _cadence(p, n)) for p, n in object_of(name, value).items())
        elif all(map(_simple, items)):
            out[name] = tuple(value) if isinstance(value, list) else value
        else:
            raise BadInput(f"{name}: {brief(value)} does not fit; give a number, a name or a list.")
    return out


def _simple(value: Any) -> bool:
    if isinstance(value, str):
        return NAME.fullmatch(value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cadence(probe: str, every: Any) -> int:
    if probe not in PROBES:
        raise BadInput(f"probes: {brief(probe)} is not known; choose {', '.join(PROBES)}.")
    if not _simple(every):
        raise BadInput(f"probes: {probe} cannot be every {brief(every)} steps; give {EVERY.rule}.")
    return EVERY.check(every)


def object_of(name: str, value: Any) -> Plain:
    if not isinstance(value, dict):
        raise BadInput(f"{name}: {brief(value)} does not fit; give names and their values.")
    return value


def _count(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_STEP:
        raise BadInput(f"{name}: {brief(value)} does not fit; give an integer in [0, {MOST_STEP}].")
    return value
