"""The computation of one picture over two learning rates, from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from widgets.computing import AGAIN, BEGIN, Computing
from widgets.fractal_map import meaning
from widgets.live_plot import LiveFigure
from widgets.messages import Messages

if TYPE_CHECKING:  # the page shows its empty plot before torch is there
    from lab_core.fractal import Landscape
    from lab_core.zooms import Frame


class Picturing(Computing):
    """One picture, stack by stack, from coarse to fine; `draw()` is called after each."""

    def __init__(
        self,
        figure: LiveFigure,
        messages: Messages,
        draw: Callable[[], None],
    ) -> None:
        super().__init__(figure, messages)
        self._draw = draw
        self.landscape: Landscape | None = None
        self.frame: Frame | None = None

    def open(self, landscape: Landscape, frame: Frame) -> None:
        """Take up another picture, as far as it is known."""
        with self.lock:
            self.landscape, self.frame = landscape, frame
            nets = frame.speeds.size
            self.ready(
                f"{nets:,} nets of {landscape.steps:,} steps, about"
                f" {_duration(landscape.seconds(nets))} and {landscape.memory / 1e6:.0f} MB; press"
                f" {BEGIN}."
            )
            self.frame = frame  # `ready` forgets all
            if frame.done:
                self.button.description = AGAIN
                self.say("as computed before.")
            self._draw()

    def pieces(self, going: Callable[[], bool]) -> Iterator[Any]:
        from lab_core.zooms import filled

        landscape, frame = self.known
        n = len(frame.speeds)
        return filled(landscape, frame.window, n, frame.speeds, going)

    def take(self, piece: Any) -> None:
        from lab_core.zooms import Frame

        self.frame = Frame(self.known[1].window, piece)
        self._draw()

    def clear(self) -> None:
        from lab_core.zooms import Frame

        frame = self.known[1]
        self.frame = Frame(frame.window, np.full_like(frame.speeds, np.nan))

    @property
    def share(self) -> float:
        return self.known[1].known

    def finished(self) -> None:
        self._messages.say(meaning(self.known[1]))

    def words(self) -> str:
        return f"{self.share:.0%} of the nets"

    @property
    def known(self) -> tuple[Landscape, Frame]:
        if self.landscape is None or self.frame is None:
            raise RuntimeError("The page did not open; it says why.")
        return self.landscape, self.frame


def _duration(seconds: float) -> str:
    return f"{max(1, seconds):.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
