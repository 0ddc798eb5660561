"""Dialogs to share a run, take it away and open one; and the run that can be recovered."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import traitlets as t

from widgets.base import View, script

LONGEST = 2000  # characters of an address; some programs cut longer ones
LARGEST = 64 * 2**20  # bytes of a file that is opened


class Share(View):
    """Events: take (id of a file), file ({"name", "data"}, whole), recover (a text that was kept),
    address (the query of the page's own address, where the kernel was not told).

    `files` are [{"id", "label", "name"}, ...]; `texts` [{"label", "text"}, ...]; `link` is the
    query of a link, "" where there is none; the page says so where the address is longer than
    `longest` characters. `start` is the same before the first step; `controls`, [{"title",
    "controls"}, ...], is what a link for a class can lock and hide. `place` names the lab in the
    browser's storage, `own` this very lab.
    """

    _esm = script("dom.js", "kept.js", "share.js")
    link = t.Unicode("").tag(sync=True)
    start = t.Unicode("").tag(sync=True)
    controls = t.List(t.Dict()).tag(sync=True)
    longest = t.Int(LONGEST).tag(sync=True)
    texts = t.List(t.Dict()).tag(sync=True)
    files = t.List(t.Dict()).tag(sync=True)
    place = t.Unicode("").tag(sync=True)
    own = t.Unicode("").tag(sync=True)
    largest = t.Int(LARGEST).tag(sync=True)

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        super().__init__(own=uuid4().hex)

    def show(self, part: str) -> None:
        """Open the dialog "share", "download" or "open"."""
        self.send({"type": "show", "part": part})

    def give(self, id: str, data: bytes) -> None:
        """A file that was asked for."""
        self.send({"type": "file", "id": id}, [data])

    def refuse(self, id: str, sentence: str) -> None:
        """Say why there is no such file."""
        self.send({"type": "file", "id": id, "error": sentence})

    def offer(self, text: str, said: str) -> None:
        """Offer to recover what `text` holds."""
        self.send({"type": "offer", "text": text, "said": said})

    def keep(self, text: str, said: str) -> None:
        """Have the browser keep a text, from which the run can be recovered; `said` describes it."""
        self.send({"type": "keep", "text": text, "said": said})

    def _receive(self, widget: object, content: dict[str, Any], buffers: Any) -> None:
        if content.get("event") == "file":
            value = content["value"]
            if value["first"]:
                self._pieces = []
            self._pieces.append(bytes(buffers[0]) if buffers else b"")
            if sum(map(len, self._pieces)) > LARGEST or not value["last"]:
                return
            data, self._pieces = b"".join(self._pieces), []
            content = content | {"value": {"name": str(value["name"]), "data": data}}
        super()._receive(widget, content, buffers)
