"""What the author of a link locks or hides on a page: controls by their ids, buttons by their names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab_core.knobs import BadInput
from widgets.base import View

Act = Callable[..., Any]
MOST = 100  # names in a link
MOST_SAID, LONG = 3, 40  # names that are quoted, and characters of one
EXAMPLES = ("lr", "optimizer", "preset")


@dataclass(frozen=True)
class Locks:
    """What is `locked` is shown, and cannot be changed; what is `hidden` is not even shown."""

    locked: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    def __or__(self, other: Locks) -> Locks:
        return Locks(self.locked | other.locked, self.hidden | other.hidden)

    def __contains__(self, name: str) -> bool:
        return name in self.locked or name in self.hidden

    def check(self, name: str) -> None:
        """Raise BadInput where a person may not change it."""
        if name in self:
            how = "hidden" if name in self.hidden else "locked"
            raise BadInput(
                f"{name}: it is {how} in this page; open the lab without the link to change it."
            )

    def marked(self, things: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
        """Those that are not hidden, each named by its `key`; the locked ones say so."""
        shown = [thing for thing in things if thing[key] not in self.hidden]
        return [t | {"locked": True} if t[key] in self.locked else t for t in shown]


FREE = Locks()


def known(
    field: str, names: Iterable[str], all: Mapping[str, str]
) -> tuple[tuple[str, ...], list[str]]:
    """Those names that some lab has, and a sentence about the others; `all` has what is shown of each."""
    each = dict.fromkeys(names)
    strange = [name for name in each if name not in all]
    if not strange:
        return tuple(each), []
    called = {label: name for name, label in all.items()} | {name: name for name in all}
    near = [called[c] for n in strange[:MOST_SAID] for c in difflib.get_close_matches(n, called, 2)]
    shown = [repr(n if len(n) <= LONG else f"{n[:LONG]}...") for n in strange[:MOST_SAID]]
    more = ["..."] if len(strange) > MOST_SAID else []
    said = (
        f"{field}: no lab has {', '.join([*shown, *more])}; give names such as"
        f" {', '.join(dict.fromkeys(near or EXAMPLES))}."
    )
    return tuple(name for name in each if name in all), [said]


def plainly(act: Act) -> Act:
    return act


class Lockable(View):
    """A widget of which a link may lock or hide a part: refused here, whatever the page sends."""

    locks = FREE

    def on_event(self, callback: Act, guarded: Callable[[Act], Act] = plainly) -> None:
        """As of every view; `guarded` wraps what is called, so that a refusal reaches the page."""

        def permitted(name: str, value: Any) -> None:
            self.locks.check(name)
            callback(name, value)

        super().on_event(guarded(permitted))
