"""What a page shows of a run, written down beside the recipe: in a link, in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import quote

from lab_core.formats import parse_value, split_piece
from lab_core.knobs import BadInput
from lab_core.plain import MOST_STEP, NAME, Plain, brief
from widgets.live_zoom import sound_scales, sound_zoom
from widgets.locks import MOST, Locks

Reader = Callable[[str, Any], Any]
LISTS = ("at", "hidden", "closed", "ghosts")
LOCKS = ("lock", "hide")


@dataclass(frozen=True)
class Look:
    """Where each arm stands and what is drawn of it.

    `at` are steps, one an arm; `moment` is the step that the page shows of `arm`, None for now.
    `zoom` and `scale` are by plotly's names of axes, as `LiveFigure` has them. `lock` and `hide` are the
    controls that the link's author locks and hides.
    """

    preset: str = ""
    at: tuple[int, ...] = ()
    arm: int = 0
    moment: int | None = None
    plot: str = ""
    x: str = ""
    hidden: tuple[int, ...] = ()
    closed: tuple[int, ...] = ()
    ghosts: tuple[str, ...] = ()
    zoom: Plain = field(default_factory=dict)
    scale: Plain = field(default_factory=dict)
    lock: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()

    @property
    def locks(self) -> Locks:
        return Locks(frozenset(self.lock), frozenset(self.hide))


NOTHING = Look()
NAMES = tuple(f.name for f in fields(Look))


def to_plain(look: Look) -> Plain:
    """What differs from a page just opened, as JSON knows it."""
    given = {name: getattr(look, name) for name in NAMES}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value != getattr(NOTHING, name)
    }


def to_query(look: Look) -> str:
    """The same as pieces of a URL's query."""
    return "&".join(f"{name}={quote(_text(v), safe=':,')}" for name, v in to_plain(look).items())


def from_plain(given: Any) -> tuple[Look, list[str]]:
    """The part of a plain form that can be read, and a sentence about each field that cannot."""
    if not isinstance(given, dict):
        return NOTHING, [f"page: {brief(given)} does not fit; leave it out."]
    good: Plain = {}
    said = []
    for name, value in given.items():
        try:
            if name not in READERS:
                raise BadInput(f"{brief(name)}: there is no such field; leave it out.")
            good[name] = READERS[name](name, value)
        except BadInput as error:
            said.append(str(error))
    return Look(**good), said


def from_query(pieces: list[str]) -> tuple[Look, list[str]]:
    """The same of pieces of a query, each of which has one of `NAMES`."""
    given: Plain = {}
    said = []
    for piece in pieces:
        try:
            name, text = split_piece(piece)
            given[name] = _value(name, text)
        except BadInput as error:
            said.append(str(error))
    look, more = from_plain(given)
    return look, said + more


# ---- values as text


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{axis}:{_joined(inside)}" for axis, inside in value.items())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _joined(inside: Any) -> str:
    return ":".join(f"{v:.9g}" for v in inside) if isinstance(inside, (list, tuple)) else inside


def _value(name: str, text: str) -> Any:
    if name in LISTS:
        return [parse_value(item, name) for item in text.split(",")]
    if name in LOCKS:
        return [item for item in text.split(",") if item]
    if name not in ("zoom", "scale"):
        return parse_value(text, name)
    out = {}
    for item in text.split(","):
        axis, *inside = item.split(":")
        values = [parse_value(one, name) for one in inside]
        out[axis] = values if name == "zoom" else values[0] if values else ""
    return out


# ---- reading


def _step(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_STEP:
        raise BadInput(
            f"{name}: {brief(value)} is not a step; give an integer from 0 to {MOST_STEP}."
        )
    return value


def _name(name: str, value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise BadInput(f"{name}: {brief(value)} is not a name; leave it out.")
    return value


def _controls(name: str, value: Any) -> tuple[str, ...]:
    """Names of controls; whether there are such is told later, of each."""
    if not isinstance(value, list) or len(value) > MOST:
        raise BadInput(f"{name}: {brief(value)} does not fit; give at most {MOST} names.")
    return tuple(str(v) for v in value)


def _each(read: Reader, what: str) -> Reader:
    """A reader of lists of what `read` reads."""

    def reader(name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > 100:
            raise BadInput(f"{name}: {brief(value)} does not fit; give {what}.")
        return tuple(read(name, v) for v in value)

    return reader


def _ranges(name: str, value: Any) -> Plain:
    return _sound(name, value, sound_zoom(value), "x:0:500,y2:1:3 and so on")


def _scales(name: str, value: Any) -> Plain:
    return _sound(name, value, sound_scales(value), "y:log,y2:linear and so on")


def _sound(name: str, value: Any, sound: Plain, example: str) -> Plain:
    if value != sound:
        raise BadInput(f"{name}: {brief(value)} does not fit the plots' axes; give {example}.")
    return sound


_steps, _names = _each(_step, "at most 100 integers"), _each(_name, "names")
READERS: dict[str, Reader] = {
    "preset": _name, "at": _steps, "arm": _step, "moment": _step, "plot": _name, "x": _name,
    "hidden": _steps, "closed": _steps, "ghosts": _names, "zoom": _ranges, "scale": _scales,
    "lock": _controls, "hide": _controls,
}  # fmt: skip
