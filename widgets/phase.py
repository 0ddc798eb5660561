"""Phase diagrams: what two knobs decide together, as a heat map that fills in from coarse to fine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from widgets import theme
from widgets.computing import ComputedPage
from widgets.controls import Controls
from widgets.figure import Spec, cells, panel
from widgets.page import layout
from widgets.single import Single
from widgets.sweeping import Sweeping

if TYPE_CHECKING:  # the page shows its empty plot before torch is there
    from lab_core.phase import Diagram
    from lab_core.sweep import Axis, Grid

TRACE = "cells"
CHOSEN: Spec = {"uid": "chosen", "type": "scatter", "mode": "markers", "name": "chosen",
                "marker": {"symbol": "square-open", "size": 13, "color": "var(--ew-ink)",
                           "line": {"width": 2}}}  # fmt: skip
LABELS = 6  # along an axis, at most


class PhaseDiagram(ComputedPage):
    """The page: `PhaseDiagram("matrix_sensing")` opens with that phenomenon's diagram; any two knobs of
    any phenomenon can be chosen.

    Nothing is computed before a person presses Compute. A click on a cell, or the two sliders below
    the knobs, choose the run that the link below the map opens.
    """

    def __init__(self, phenomenon: str = "phase_diagrams") -> None:
        super().__init__("")
        self.controls, self.single = Controls(), Single()
        self.sweeping = Sweeping(self.figure, self.messages, self._draw, self._tell, coarse=True)
        self.view = layout(
            self.head, self.sweeping.view, self.caption, [self.predict, self.controls],
            [self.figure, self.single.view, self.messages],
        )  # fmt: skip
        self.figure.on_pick(self._guarded(self._pick))
        self.controls.on_change(self._change, self._guarded)
        self._phenomenon = phenomenon
        self._diagram: Diagram | None = None

    def _open(self) -> None:
        from widgets.asking import Asking
        from widgets.opening import phenomenon

        self._ask(phenomenon("phase-diagrams"))
        self._asking = Asking(phenomenon(self._phenomenon))
        self._take_up()

    # ---- what a person does

    def _change(self, name: str, value: Any) -> None:
        if name in ("row", "column"):
            self._choose(**{name: value})
            return
        asking = self._asking
        try:
            asking.set(name, value)
            self._take_up()
        except ValueError:  # nothing is lost: the map and the controls stay as they were
            asking.undo()
            self.controls.set_spec(self._groups())
            raise

    def _take_up(self) -> None:
        """Show the diagram that is asked for, of which nothing is known."""
        self._diagram = d = self._asking.diagram()
        rows, columns = d.subject.over
        options: Spec = {"x": columns.label, "y": rows.label, "cells": True, "steps": False,
                         "below": True}  # fmt: skip
        self.figure.set_panel(0, panel(d.title, pick=True, **options), [CHOSEN])
        self.figure.relayout({"xaxis": ticks(columns), "yaxis": ticks(rows)})
        self._words: list[str] = []
        self.messages.clear()
        self._at = (0, 0)
        self.controls.set_spec(self._groups())
        lab, _, slug = self._asking.wanted.diagram.partition("/")
        self.predicting.ask(lab, slug, d.question)
        self.sweeping.open(d.subject)
        self._look(d.caption)
        self._choose()

    def _groups(self) -> list[Spec]:
        return [*self._asking.groups(), self.single.group(self.diagram.subject.over[:2], self._at,
                                                          ("row", "column"))]  # fmt: skip

    def _pick(self, _panel: int, x: float, y: float) -> None:
        shape = self.diagram.subject.shape
        row, column = (min(max(round(v), 0), n - 1) for v, n in ((y, shape[0]), (x, shape[1])))
        for name in ("row", "column"):
            self.controls.locks.check(name)
        self._choose(row, column)
        for name, value in (("row", row), ("column", column)):
            self.controls.update(name, value=value)

    def _choose(self, row: int | None = None, column: int | None = None) -> None:
        """Offer the run of a cell, at the first seed."""
        d, old = self.diagram, self._at
        self._at = (old[0] if row is None else row, old[1] if column is None else column)
        self.figure.set("chosen", [self._at[1]], [self._at[0]])
        self.figure.flush()
        self.single.show(d.subject.cell((*self._at, 0)), d.subject, d.phenomenon, d.preset)

    # ---- what the page shows

    @property
    def diagram(self) -> Diagram:
        if self._diagram is None:
            raise RuntimeError("The diagram did not open; the page says why.")
        return self._diagram

    def _draw(self, grid: Grid) -> None:
        levels, words = self.diagram.levels(grid)
        if words != self._words:
            self._words = words
            self.figure.add_trace(shading(self.diagram, words))
        self.figure.set_cells(TRACE, levels)
        self.figure.flush()
        self._look()

    def _begun(self) -> bool:
        return self.sweeping.begun

    def _subject(self) -> tuple[Any, Any]:
        return self.sweeping.subject

    def _tell(self, grid: Grid) -> None:
        """Whether the claims on this diagram hold."""
        for sentence in self._asking.verdicts(grid):
            if grid is self.sweeping.grid:
                self.messages.add(None, sentence)


def shading(d: Diagram, words: list[str]) -> Spec:
    """The heat map's trace: grey for none or diverged, and the fuller the colour the more."""
    spec = cells(TRACE, 0, 0, words, d.measure.label, theme.shares(len(words) - 1))
    rows, columns = (list(axis.values) for axis in d.subject.over)
    spec["meta"]["places"] = {"x": columns, "y": rows}
    return spec


def ticks(axis: Axis) -> Spec:
    """Labels for some of the values along an axis, the last one among them."""
    n = len(axis.values)
    every = range((n - 1) % -(-n // LABELS), n, -(-n // LABELS))
    texts = [said(axis.values[i]) for i in every]
    return {"tickmode": "array", "tickvals": list(every), "ticktext": texts}


def said(value: Any) -> str:
    """A value on an axis: a number briefly, or the name of a part."""
    return value if isinstance(value, str) else f"{value:.3g}"
