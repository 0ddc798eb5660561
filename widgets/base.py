"""What all widgets of the page share: script, style, events, and errors that reach the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as ipw

from widgets import theme

HERE = Path(__file__).parent


def script(*names: str) -> str:
    """One ES module out of several plain files; only the last one exports."""
    return "\n".join((HERE / name).read_text("utf-8") for name in names)


class View(anywidget.AnyWidget):
    """A widget whose state goes to the page as traits and whose events come back as messages.

    What Python sets is never echoed as an event: events are made by a person alone.
    """

    _css = theme.css() + script("page.css")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._listeners: list[Callable[[str, Any], None]] = []
        self.on_msg(self._receive)

    def on_event(self, callback: Callable[[str, Any], None]) -> None:
        """Call `callback(name, value)` when a person presses, picks or types something."""
        self._listeners.append(callback)

    def _receive(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        if "event" in content:
            for callback in self._listeners:
                callback(content["event"], content.get("value"))


def tell_again(widget: ipw.Widget) -> None:
    """Send the state of a widget, and of all in it, to a page that has just opened.

    A page asks for every widget as it loads; what another thread sets between the answer to that
    and the page's taking it in was sent to nobody, and would be missing for good.
    """
    for child in getattr(widget, "children", ()):
        tell_again(child)
    references = {"layout", "style", "children"}  # to other widgets, which would be drawn anew
    widget.send_state({key for key in widget.keys if key[0] != "_"} - references)
