"""A recipe written down: as JSON, a URL's query, Python; all in the flat names of `Recipe.set`.

Reading evaluates nothing, and whatever is wrong comes out as one `BadInput`.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn
from urllib.parse import quote, unquote

from lab_core.knobs import BadInput
from lab_core.plain import (
    DEFAULT,
    NAME,
    Plain,
    brief,
    differences,
    from_plain,
    object_of,
    settings,
    to_plain,
)
from lab_core.recipe import Recipe

VERSION = 1
LONGEST_URL = 100_000  # characters
LONGEST_JSON = 10_000_000  # a slider dragged with 64 replicas writes 64 numbers a step
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
NOTHING = "none"  # how a URL says an empty list


# ---- JSON


def to_json(recipe: Recipe, page: Plain | None = None) -> str:
    """The plain form, a field a line; `"edgewise"` is the version of the format.

    `page` is what a page adds about itself; it is not the recipe's, and `from_json` leaves it out.
    """
    fields: Plain = {"edgewise": VERSION} | to_plain(recipe) | ({"page": page} if page else {})
    changes = ",\n    ".join(json.dumps(entry) for entry in fields.pop("changes"))
    lines = [f'"{name}": {json.dumps(value)}' for name, value in fields.items()]
    lines.append(f'"changes": [\n    {changes}\n  ]' if changes else '"changes": []')
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def from_json(text: str) -> Recipe:
    """The recipe of a JSON text; what it leaves out has its default. Raises BadInput."""
    fields = json_fields(text)
    fields.pop("page", None)
    return from_plain(fields)


def json_fields(text: str) -> Plain:
    """The plain form in a JSON text of this version, not yet checked. Raises BadInput."""
    _within(text, LONGEST_JSON)
    try:
        loaded = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant,
                            parse_int=_number, parse_float=_number)  # fmt: skip
    except json.JSONDecodeError as error:
        raise BadInput(
            f"recipe: it is not JSON ({error.msg}, line {error.lineno}, column {error.colno}); give"
            " a file that `edgewise run` or `edgewise export` wrote."
        ) from None
    except RecursionError:
        raise BadInput("recipe: it is nested too deep; a value is at most a list.") from None
    fields = object_of("recipe", loaded)
    check_version(fields.pop("edgewise", None))
    return fields


def check_version(version: Any) -> None:
    """Raises BadInput where it is not the one that is written here."""
    if type(version) is not int or version != VERSION:
        raise BadInput(f"edgewise: {brief(version)} is not a known version; give {VERSION}.")


def _unique(pairs: list[tuple[str, Any]]) -> Plain:
    fields: Plain = {}
    for name, value in pairs:
        if name in fields:
            raise BadInput(f"{brief(name)}: it is given twice; leave one of them out.")
        fields[name] = value
    return fields


def _constant(text: str) -> NoReturn:
    raise BadInput(f"recipe: {text} is not a number here; give a finite one.")


# ---- URL and command line: name=value, where JSON's lists have commas and its objects colons


def to_url(recipe: Recipe, base: Recipe = DEFAULT) -> str:
    """The query string of what differs from `base`, which `from_url` with that base reads back.

    Floats are exact. Raises BadInput where it would be too long to be read.
    """
    fields = differences(recipe, base)
    entries = fields.pop("changes", None)
    query = "&".join(f"{name}={_quoted(value)}" for name, value in fields.items())
    if entries is not None:
        query = "&".join(filter(None, [query, *map(_spelled, entries or [NOTHING])]))
    if len(query) > LONGEST_URL:
        raise BadInput(
            f"recipe: {len(recipe.changes)} changes make an address of {len(query):,} characters,"
            f" above the limit of {LONGEST_URL:,}; share it as JSON."
        )
    return query


def from_url(query: str, base: Recipe = DEFAULT) -> Recipe:
    """The recipe of a query string over `base`; a leading ? is skipped. Raises BadInput."""
    fields: Plain = {}
    for piece in url_pieces(query):
        add_piece(fields, piece)
    return from_plain(fields, base)


def url_pieces(query: str) -> list[str]:
    """The name=value pieces of a query, still quoted. Raises BadInput where it is too long."""
    _within(query, LONGEST_URL)
    return [piece for piece in query.removeprefix("?").split("&") if piece]


def add_piece(fields: Plain, piece: str) -> None:
    """Add what a piece of a query says to a plain form, not yet checked. Raises BadInput."""
    name, text = split_piece(piece)
    if name in ("change", "branch"):
        read = _read_change if name == "change" else _read_branch
        entries = [read(text)] if text != NOTHING else []
        fields.setdefault("changes", []).extend(entries)
    elif name in fields or name == "changes":
        raise BadInput(f"{name}: give it once, with commas between several values.")
    else:
        fields[name] = parse_value(text, name)


def parse_value(text: str, name: str = "value") -> Any:
    """`0.1` -> 0.1, `adam` -> "adam", `0.1,0.2` -> [0.1, 0.2], `0.1,` -> [0.1], `sharpness:10` ->
    {"sharpness": 10}. Raises BadInput, which calls the field `name`.
    """
    if name == "probes":
        pairs = [item.partition(":") for item in text.split(",") if text != NOTHING]
        return _unique([(p, _number(e) if NUMBER.fullmatch(e) else e) for p, _, e in pairs])
    if "," in text:
        return [_scalar(item, name) for item in text.removesuffix(",").split(",")]
    return _scalar(text, name)


def _scalar(text: str, name: str) -> int | float | str:
    if NUMBER.fullmatch(text):
        return _number(text)
    if NAME.fullmatch(text):
        return text
    raise BadInput(f"{name}: {brief(text)} does not fit; give a number or a name.")


def split_piece(piece: str) -> tuple[str, str]:
    """Name and value of a piece of a query. Raises BadInput."""
    return _pair(unquote(piece))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not NAME.fullmatch(name):
        raise BadInput(f"{brief(text)}: it does not begin with a field's name; write name=value.")
    if not equals or not value:
        raise BadInput(f"{name}: it has no value; write {name}=value (is the end cut off?).")
    return name, value


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}:{every}" for name, every in value.items()) or NOTHING
    if isinstance(value, list):
        return ",".join(map(_text, value)) + ("," if len(value) == 1 else "")
    return repr(float(value)) if isinstance(value, float) else str(value)


def _quoted(value: Any) -> str:
    return quote(_text(value), safe=",:;=*")


def _spelled(entry: Any) -> str:
    if entry == NOTHING:
        return f"change={NOTHING}"
    if "branch" in entry:
        where = "start" if entry["from_start"] else "here"
        inside = ";".join(f"{name}={_text(value)}" for name, value in entry["branch"].items())
        return "branch=" + _quoted(f"{entry['step']}:{entry['arm']}:{where}:{inside or NOTHING}")
    who = "*" if entry["replica"] is None else entry["replica"]
    what = f"{entry['knob']}={_text(entry['value'])}"
    return "change=" + _quoted(f"{entry['step']}:{entry['arm']}:{who}:{what}")


def _read_change(text: str) -> Plain:
    step, arm, who, setting = _split("change", text, "step:arm:replica:name=value")
    name, value = _pair(setting)
    return _place(step, arm) | {
        "replica": None if who == "*" else _scalar(who, "replica"),
        "knob": name,
        "value": parse_value(value, name),
    }


def _read_branch(text: str) -> Plain:
    step, arm, where, inside = _split("branch", text, "step:arm:here:name=value;name=value")
    if where not in ("here", "start"):
        raise BadInput(f"branch: {brief(where)} is not where an arm grows; give here or start.")
    pairs = [_pair(item) for item in inside.split(";") if inside != NOTHING]
    given = _unique([(name, parse_value(value, name)) for name, value in pairs])
    return _place(step, arm) | {"from_start": where == "start", "branch": given}


def _place(step: str, arm: str) -> Plain:
    return {"step": _scalar(step, "step"), "arm": _scalar(arm, "arm")}


def _split(name: str, text: str, form: str) -> list[str]:
    pieces = text.split(":", form.count(":"))
    if len(pieces) <= form.count(":") or not all(pieces):
        raise BadInput(f"{name}: {brief(text)} is not complete; write {name}={form}.")
    return pieces


# ---- Python


def to_python(recipe: Recipe) -> str:
    """A snippet that makes the recipe and runs it."""
    fields = differences(recipe)
    fields.pop("changes", None)
    lines = [f'"{name}": {value!r},' for name, value in settings(fields).items()]
    if recipe.changes:
        entries = "".join(f"        {change!r},\n" for change in recipe.changes)
        lines.append(f'"changes": (\n{entries}    ),')
    names = sorted({type(change).__name__ for change in recipe.changes} | {"Recipe"})
    given = ".set({\n    " + "\n    ".join(lines) + "\n})" if lines else ""
    return (
        f"from lab_core.recipe import {', '.join(names)}\n"
        "from lab_core.run import Run\n\n"
        f"recipe = Recipe(){given}\n"
        "run = Run(recipe).finish()\n"
    )


def _number(text: str) -> int | float:
    value = int(text) if text.lstrip("+-").isdecimal() and len(text) < 20 else float(text)
    if not math.isfinite(value):
        raise BadInput(f"recipe: {brief(text)} is too large a number; give one below 1e308.")
    return value


def _within(text: str, most: int) -> None:
    if len(text) > most:
        raise BadInput(f"recipe: {len(text):,} characters are too many; the limit is {most:,}.")
