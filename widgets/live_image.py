"""Pictures of a live figure: the page draws them, for it knows the zoom, the theme and the fonts."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FORMATS = ("svg", "png")
PATIENCE = 20.0  # s
LATE = "The page has not drawn the picture within {:.0f} s; is it still open? Try again."


@dataclass
class _Wish:
    done: Callable[[bytes], None]
    failed: Callable[[str], None]
    timer: threading.Timer


class Wishes:
    """Pictures asked for and not yet there; each is answered once, by `done` or by `failed`."""

    def __init__(self) -> None:
        self._open: dict[int, _Wish] = {}
        self._numbers = itertools.count()

    def add(self, done: Callable[[bytes], None], failed: Callable[[str], None]) -> int:
        """The number by which the page answers."""
        number = next(self._numbers)
        late = LATE.format(PATIENCE)
        timer = threading.Timer(PATIENCE, self.answer, [{"id": number, "error": late}, ()])
        timer.daemon = True
        self._open[number] = _Wish(done, failed, timer)
        timer.start()
        return number

    def answer(self, content: dict[str, Any], buffers: Any) -> None:
        """What the page says, or the clock; of two pages the first one counts."""
        wish = self._open.pop(content["id"], None)
        if wish is None:
            return
        wish.timer.cancel()
        if "error" in content:
            wish.failed(content["error"])
        else:
            wish.done(bytes(buffers[0]))
