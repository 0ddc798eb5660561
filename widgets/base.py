"""What all widgets of the page share: script, style, events, and errors that reach the page."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as ipw

from widgets import theme

HERE = Path(__file__).parent
EARLY = 16  # events at most that are kept while nobody listens


def script(*names: str) -> str:
    """One ES module out of several plain files; only the last one exports."""
    return "\n".join((HERE / name).read_text("utf-8") for name in names)


class View(anywidget.AnyWidget):
    """A widget whose state goes to the page as traits and whose events come back as messages.

    What Python sets is never echoed as an event: events are made by a person alone. What a person does
    before anybody listens, while the lab starts, is kept for the first who does.
    """

    _css = theme.css() + script("page.css")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._listeners: list[Callable[[str, Any], None]] = []
        self._early: deque[tuple[str, Any]] = deque(maxlen=EARLY)
        self._arriving = threading.Lock()  # a lab starts in a thread of its own
        self.on_msg(self._receive)

    def on_event(self, callback: Callable[[str, Any], None]) -> None:
        """Call `callback(name, value)` when a person presses, picks or types something."""
        with self._arriving:
            self._listeners.append(callback)
            early = list(self._early)
            self._early.clear()
        for event in early:
            callback(*event)

    def _receive(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        if "event" in content:
            event = content["event"], content.get("value")
            with self._arriving:
                listeners = list(self._listeners)
                if not listeners:
                    self._early.append(event)
            for callback in listeners:
                callback(*event)


def tell_again(widget: ipw.Widget) -> None:
    """Send the state of a widget, and of all in it, to a page that has just opened.

    A page asks for every widget as it loads; what another thread sets between the answer to that
    and the page's taking it in was sent to nobody, and would be missing for good.
    """
    for child in getattr(widget, "children", ()):
        tell_again(child)
    references = {"layout", "style", "children"}  # to other widgets, which would be drawn anew
    widget.send_state({key for key in widget.keys if key[0] != "_"} - references)
