"""The phase diagram of a phenomenon, below its lab: computed when a person asks for it, row by row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw
import numpy as np
from IPython.display import display

from widgets import theme
from widgets.base import tell_again
from widgets.figure import Spec, cells, figure, panel
from widgets.live_plot import LiveFigure
from widgets.messages import Messages, guard

if TYPE_CHECKING:  # the page shows its empty plot before torch is there
    from lab_core.phase import Axis, Diagram

TRACE = "shares"
LABELS = 6  # along an axis, at most
BEAT = 0.25  # s between two looks at whether the page is still there


class PhaseDiagram:
    """Compute, Stop and a heat map of how many seeds succeed: `PhaseDiagram("matrix_sensing")`.

    Nothing is computed before a person presses Compute. Stop, or a page that is gone, ends it after the
    row at work; Continue goes on with the next one.
    """

    def __init__(self, phenomenon: str) -> None:
        self.messages = Messages()
        self.button = ipw.Button(description="Compute", disabled=True)
        self.text = ipw.HTML()
        self.figure = LiveFigure(figure([panel("")]))
        bar = ipw.HBox([self.button, self.text])
        self.view = ipw.VBox([bar, self.figure, self.messages])
        for widget, name in ((bar, "ew-phase"), (self.view, "ew-lab")):
            widget.add_class(name)
        self.figure.on_ready(lambda: tell_again(self.view))
        self.button.on_click(self._guarded(lambda _: self._press()))
        self.rows: list[np.ndarray] = []  # shares, of the rows that are done
        self._phenomenon = phenomenon
        self._diagram: Diagram | None = None
        self._lock = threading.RLock()  # held where a computation goes on, ends or is ended
        self._ended = threading.Event()  # of the computation at work
        self._ended.set()
        self._say("starting ...")

    def _ipython_display_(self) -> None:
        display(self.view)
        threading.Thread(target=self.open, daemon=True).start()

    def open(self) -> None:
        """Draw the axes, and let a person begin."""
        self._guarded(self._open)()

    def _open(self) -> None:
        from widgets.opening import about_diagram

        self._diagram = d = about_diagram(self._phenomenon)
        options: Spec = {"x": d.columns.label, "y": d.rows.label, "cells": True, "steps": False}
        self.figure.set_panel(0, panel(d.title, **options), [shading(d)])
        self.figure.relayout({"xaxis": ticks(d.columns), "yaxis": ticks(d.rows)})
        self._draw()
        count = len(d.rows.values) * len(d.columns.values)
        self._say(f"{count:,} cells of {len(d.seeds)} runs each; press Compute.")
        self.button.disabled = False

    # ---- what a person does

    @property
    def computing(self) -> bool:
        return not self._ended.is_set()

    def _press(self) -> None:
        with self._lock:
            if self.computing:
                self._stop(self._ended, "Stopped")
            else:
                self._begin()

    def _begin(self) -> None:
        from widgets.player import background

        if len(self.rows) == len(self.diagram.rows.values):
            self.rows = []
        self._ended = ended = threading.Event()
        self.button.description = "Stop"
        self._say("computing the first row ...")
        self._draw()
        background(self._guarded(lambda: self._compute(ended)))
        background(self._guarded(lambda: self._watch(ended)))

    def _stop(self, ended: threading.Event, why: str) -> None:
        """End a computation, unless it has ended."""
        with self._lock:
            if not ended.is_set():
                ended.set()
                self.button.description = "Continue"
                self._say(f"{why} after {self._done}.")

    # ---- two threads: one computes, the other looks whether the page is there

    def _compute(self, ended: threading.Event) -> None:
        from lab_core.devices import one_thread

        one_thread()
        d, start, begun = self.diagram, len(self.rows), time.perf_counter()
        left = replace(d, rows=replace(d.rows, values=d.rows.values[start:]))
        try:
            for row in left.shares():
                with self._lock:
                    if ended.is_set():
                        return
                    self.rows.append(row)
                    took = time.perf_counter() - begun
                    self._tell(ended, took, took / (len(self.rows) - start))
        except Exception:
            self._stop(ended, "Stopped by an error")
            raise

    def _tell(self, ended: threading.Event, took: float, each: float) -> None:
        """Show a row that is done, after so many seconds in all and for each row."""
        self._draw()
        if rest := len(self.diagram.rows.values) - len(self.rows):
            self._say(f"{self._done}; {self._found()}; about {rest * each:.0f} s left.")
        else:
            ended.set()
            self.button.description = "Compute again"
            self._say(f"{self._done}, in {took:.0f} s.")

    def _watch(self, ended: threading.Event) -> None:
        from widgets.player import UNSEEN

        while not ended.is_set():
            self.figure.flush()
            if self.figure.alive > UNSEEN:
                self._stop(ended, "Stopped, for no page was open,")
            time.sleep(BEAT)
        self.figure.flush()

    # ---- what the page shows

    @property
    def diagram(self) -> Diagram:
        if self._diagram is None:
            raise RuntimeError("The diagram did not open; the page says why.")
        return self._diagram

    @property
    def _done(self) -> str:
        return f"{len(self.rows)} of {len(self.diagram.rows.values)} rows"

    def _found(self) -> str:
        """From which column on every seed succeeds, in the newest row."""
        d, row = self.diagram, self.rows[-1]
        failed = np.flatnonzero(row < 1)
        first = int(failed[-1]) + 1 if len(failed) else 0
        at = f"at {d.rows.label} = {d.rows.values[len(self.rows) - 1]:g}"
        if first == len(row):
            return f"{at} some fail even with {d.columns.label} = {d.columns.values[-1]:g}"
        return f"{at} all succeed from {d.columns.label} = {d.columns.values[first]:g} on"

    def _draw(self) -> None:
        d = self.diagram
        shown = np.zeros((len(d.rows.values), len(d.columns.values)), np.uint8)
        if self.rows:
            shown[: len(self.rows)] = 1 + np.rint(np.array(self.rows) * len(d.seeds))
        self.figure.set_cells(TRACE, shown)
        self.figure.flush()

    def _say(self, text: str) -> None:
        self.text.value = f'<span role="status">{text}</span>'

    def _guarded(self, act: Callable[..., Any]) -> Callable[..., Any]:
        return guard(act, self.messages)


def shading(d: Diagram) -> Spec:
    """The heat map's trace: grey where no seed succeeds, and the fuller the colour the more do."""
    seeds, success = len(d.seeds), d.success
    words = [f"{i} of {seeds} succeed" for i in range(seeds + 1)]
    what = f"{success.column} {'≤' if success.below else '≥'} {success.level:g}"
    spec = cells(TRACE, 0, 0, words, what, theme.shares(seeds))
    spec["meta"]["places"] = {"x": list(d.columns.values), "y": list(d.rows.values)}
    return spec


def ticks(axis: Axis) -> Spec:
    """Labels for some of the values along an axis, the last one among them."""
    n = len(axis.values)
    every = range((n - 1) % -(-n // LABELS), n, -(-n // LABELS))
    texts = [f"{axis.values[i]:g}" for i in every]
    return {"tickmode": "array", "tickvals": list(every), "ticktext": texts}
