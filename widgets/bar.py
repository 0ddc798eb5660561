"""The control bar: buttons from Play to Open, speed, full screen, and the state of the run."""

from __future__ import annotations

from typing import Any

import traitlets as t

from widgets.base import script
from widgets.locks import Lockable, Locks

SPEEDS = [1, 2, 5, 10, 20, 50, 100, 200, 400, 1000, 2000, 5000, 10_000]

# Icons are paths in a square of 16 by 16; `keys` are names of KeyboardEvent.key.
STEP = {
    "name": "step",
    "label": "Step",
    "icon": "M4 3l6 5-6 5zM12.5 3v10",
    "keys": ["s", "ArrowRight"],
}
BACK = {
    "name": "back",
    "label": "Back",
    "icon": "M12 3L6 8l6 5zM3.5 3v10",
    "keys": ["ArrowLeft"],
}
FORK = {
    "name": "fork",
    "label": "Fork here",
    "icon": "M4 2v12M4 11c0-4 8-2 8-6.5M9.5 6.5L12 4l2.5 2.5",
    "keys": ["k"],
}
RESET = {
    "name": "reset",
    "label": "Reset",
    "icon": "M3.5 5.5a5.2 5.2 0 1 1-.6 4M3 2.2v3.6h3.6",
    "keys": ["r"],
}
SHARE = {"name": "share", "label": "Share",
         "icon": "M5.5 8l5-3.5M5.5 8l5 3.5M3 8a1.6 1.6 0 1 0 3.2 0a1.6 1.6 0 1 0-3.2 0"
                 "M10 3.9a1.6 1.6 0 1 0 3.2 0a1.6 1.6 0 1 0-3.2 0"
                 "M10 12.1a1.6 1.6 0 1 0 3.2 0a1.6 1.6 0 1 0-3.2 0"}  # fmt: skip
DOWNLOAD = {
    "name": "download",
    "label": "Download",
    "icon": "M8 2v8M4.5 7L8 10.5 11.5 7M2.5 13.5h11",
}
OPEN = {"name": "open", "label": "Open", "icon": "M8 10.5V2.5M4.5 6L8 2.5 11.5 6M2.5 13.5h11"}

BUTTONS: list[dict[str, Any]] = [BACK, STEP, RESET, FORK, SHARE, DOWNLOAD, OPEN]
LOCKABLE: dict[str, str] = {b["name"]: b["label"] for b in BUTTONS} | {"speed": "Speed"}


class Bar(Lockable):
    """Buttons and state. Events: play, pause, back, step, reset, fork, share, download, open (value
    None), speed (steps/s or None).

    `buttons` are dictionaries with name, label, icon, keys (optional), disabled and locked (optional);
    pressing one is the event `name`. Speed None is unlimited; `pace` is "locked" or "hidden" where a
    link has it so. Keys work where the focus is inside the lab and not in a field.
    """

    _esm = script("dom.js", "bar.js")
    buttons: t.List[Any] = t.List(default_value=BUTTONS).tag(sync=True)
    playing = t.Bool(False).tag(sync=True)
    text = t.Unicode("").tag(sync=True)
    speed = t.Float(None, allow_none=True).tag(sync=True)
    speeds = t.List(default_value=SPEEDS).tag(sync=True)
    pace = t.Unicode("").tag(sync=True)

    def button(self, name: str, **fields: Any) -> None:
        """Change a button: `button("step", disabled=True)`."""
        self.buttons = [b | fields if b["name"] == name else b for b in self.buttons]

    def lock(self, locks: Locks) -> None:
        """Lock and hide buttons and the speed, beside what is already locked."""
        self.locks |= locks
        self.buttons = self.locks.marked(self.buttons, "name")
        ways = {"hidden": self.locks.hidden, "locked": self.locks.locked}
        self.pace = next((way for way, names in ways.items() if "speed" in names), "")

    def _receive(self, widget: object, content: dict[str, Any], buffers: object) -> None:
        if content.get("event") == "speed" and "speed" in self.locks:
            self.send_state("speed")  # the page takes back what it shows
        super()._receive(widget, content, buffers)
