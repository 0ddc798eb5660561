"""Sentences: what happened at which step, and notices of errors."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import traitlets as t

from widgets import theme
from widgets.base import View, script

LIMIT = 200
F = TypeVar("F", bound=Callable[..., Any])


class Messages(View):
    """A list of sentences, newest last, that a screen reader reads out, and notices above it."""

    _esm = script("dom.js", "messages.js")
    rows = t.List(t.Dict()).tag(sync=True)
    notices = t.List(t.Dict()).tag(sync=True)
    said = t.Unicode("").tag(sync=True)  # what a screen reader says once and the page does not show
    until = t.Int(None, allow_none=True).tag(sync=True)  # the last step whose sentences are shown

    def __init__(self) -> None:
        super().__init__()
        self.on_event(self._dismiss)

    def add(self, step: int | None, text: str, replica: int | None = None) -> None:
        """Add a sentence, with the colour and symbol of a replica; the oldest of 200 goes."""
        row = {"step": step, "text": text, **_mark(replica)}
        self.rows.append(row)  # in place: the page gets the message, not the whole trait
        del self.rows[:-LIMIT]
        self.send({"row": row})

    def say(self, text: str) -> None:
        """Have a screen reader say what others see, such as that a run has been paused."""
        self.said = text

    def clear(self) -> None:
        """Remove all sentences; notices stay."""
        self.rows = []

    def notice(self, text: str, details: str = "") -> None:
        """Show a sentence about an error, which a person can dismiss; `details` are folded away."""
        known = [n for n in self.notices if n["text"] != text]
        self.notices = [*known, {"text": text, "details": details}][-3:]

    def _dismiss(self, name: str, value: Any) -> None:
        self.notices = [n for n in self.notices if n["text"] != value]


def guard(callback: F, messages: Messages) -> F:
    """`callback`, except that an exception in it becomes a notice in the page."""

    @functools.wraps(callback)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return callback(*args, **kwargs)
        except Exception as error:
            sentence = str(error) if isinstance(error, ValueError) else _describe(error)
            messages.notice(sentence, traceback.format_exc())

    return guarded  # type: ignore[return-value]


def _describe(error: Exception) -> str:
    return f"Something went wrong ({type(error).__name__}: {error}); the lab goes on."


def _mark(replica: int | None) -> dict[str, str]:
    if replica is None:
        return {}
    style = theme.style(replica)["marker"]
    return {"color": style["color"], "symbol": style["symbol"]}
