"""Sliders, choices, numbers and toggles, built from a list of plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import traitlets as t

from widgets.base import script
from widgets.locks import Act, Lockable, Locks, plainly

Spec = dict[str, Any]


class Controls(Lockable):
    """Groups of native controls.

    A group is {"title", "controls": [control, ...], "compact" (optional: one line a slider)};
    a control has id, label, kind and value, and

    - slider: scale ("linear", "log", or "index", a place in `options`), low, high, step, unit;
      any value may be typed next to it, also outside low..high, unless the scale is "index";
      with step the handle of a log slider lands on its multiples
    - choice: options, [{"value", "label", "color" (optional)}, ...] or plain strings
    - number: step, unit;  toggle: value True or False

    and optionally help (tooltip), text (shown in place of the value), disabled. Those that `lock`
    locks say so, and those that it hides are not sent to the page.
    """

    _esm = script("dom.js", "controls.js")
    groups = t.List(t.Dict()).tag(sync=True)
    every: Sequence[Spec] = ()  # the groups as they were set, hidden controls among them

    def on_change(self, callback: Act, guarded: Callable[[Act], Act] = plainly) -> None:
        """Call `callback(id, value)` when a person moves a control; at most about 20 a second."""
        self.on_event(callback, guarded)

    def set_spec(self, groups: list[Spec]) -> None:
        """Replace all controls."""
        self.every = groups
        hidden = self.locks.hidden
        self.groups = [
            g | {"controls": self.locks.marked(g["controls"], "id")}
            for g in groups
            if not hidden.issuperset(c["id"] for c in g["controls"]) or not hidden
        ]

    def lock(self, locks: Locks) -> None:
        """Lock and hide controls, those of later specs too, beside what is already locked."""
        self.locks |= locks
        if self.every:
            self.set_spec(list(self.every))

    def update(self, id: str, **fields: Any) -> None:
        """Change fields of one control and send these alone. Raises KeyError for an unknown id."""
        if id in self.locks.hidden:
            return
        self._control(id).update(fields)  # in place: the page gets the message, not the whole trait
        self.send({"update": id, "fields": fields})

    def _control(self, id: str) -> Spec:
        return {c["id"]: c for group in self.groups for c in group["controls"]}[id]

    def _receive(self, widget: object, content: Spec, buffers: object) -> None:
        name = content["event"]
        if name in self.locks.locked:  # the page takes back what it shows
            self.update(name, value=self._control(name)["value"])
        elif name not in self.locks:
            self._control(name)["value"] = content["value"]
        super()._receive(widget, content, buffers)
