"""Sliders, choices, numbers and toggles, built from a list of plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets as t

from widgets.base import View, script

Spec = dict[str, Any]


class Controls(View):
    """Groups of native controls.

    A group is {"title", "controls": [control, ...], "compact" (optional: one line a slider)};
    a control has id, label, kind and value, and

    - slider: scale ("linear", "log", or "index", a place in `options`), low, high, step, unit;
      any value may be typed next to it, also outside low..high, unless the scale is "index";
      with step the handle of a log slider lands on its multiples
    - choice: options, [{"value", "label", "color" (optional)}, ...] or plain strings
    - number: step, unit;  toggle: value True or False

    and optionally help (tooltip), text (shown in place of the value), disabled.
    """

    _esm = script("dom.js", "controls.js")
    groups = t.List(t.Dict()).tag(sync=True)

    def on_change(self, callback: Callable[[str, Any], None]) -> None:
        """Call `callback(id, value)` when a person moves a control; at most about 20 a second."""
        self.on_event(callback)

    def set_spec(self, groups: list[Spec]) -> None:
        """Replace all controls."""
        self.groups = groups

    def update(self, id: str, **fields: Any) -> None:
        """Change fields of one control and send these alone. Raises KeyError for an unknown id."""
        self._control(id).update(fields)  # in place: the page gets the message, not the whole trait
        self.send({"update": id, "fields": fields})

    def _control(self, id: str) -> Spec:
        return {c["id"]: c for group in self.groups for c in group["controls"]}[id]

    def _receive(self, widget: object, content: Spec, buffers: object) -> None:
        self._control(content["event"])["value"] = content["value"]
        super()._receive(widget, content, buffers)
