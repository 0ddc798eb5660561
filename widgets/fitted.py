"""What is written beside curves: by which law each falls, and how fast."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lab_core import rates
from widgets.live_plot import LiveFigure
from widgets.sources import Source

Curve = tuple[str, Source, str, int]  # trace, and source, column and replica that it draws


class Fitted:
    """Writes rates beside the curves of a figure; one that has no new points keeps its own."""

    def __init__(self, figure: LiveFigure) -> None:
        self.figure = figure
        self._of: dict[str, tuple[int, float | None]] = {}  # trace -> newest step, moment

    def forget(self) -> None:
        """The traces are drawn anew."""
        self._of.clear()

    def write(self, curves: Iterable[Curve]) -> None:
        """Fit what each shows, at the moment that the figure shows."""
        until, there = self.figure.until, set(self.figure.traces)
        for trace, source, column, r in curves:
            steps, values = source.record[column]
            end = len(steps) if until is None else int(np.searchsorted(steps, until, "right"))
            key = (int(steps[end - 1]) if end else -1, until)
            if trace in there and self._of.get(trace) != key:
                self._of[trace] = key
                rate = rates.fit(steps[:end], values[:end, r])
                meta = {"rate": str(rate) if rate else "", "until": until}
                self.figure.restyle(trace, meta=meta)
