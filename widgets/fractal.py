"""Where a small net trains, over two learning rates: a map that is zoomed into as far as float64 goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw
import numpy as np

from widgets.computing import ComputedPage
from widgets.controls import Controls
from widgets.figure import Spec, panel
from widgets.fractal_map import SHADES, TITLE, TRACE, axis, meaning, shading, table
from widgets.page import layout
from widgets.picturing import Picturing

if TYPE_CHECKING:  # the page shows its empty plot before torch is there
    from lab_core.curves import Figure
    from lab_core.fractal import Landscape
    from lab_core.zooms import Frame, Window

NETS = ("seed", "width", "points")  # what changes the landscape, so that a zoom means nothing in it
WINDOW = ("x", "y", "half")


class FractalPage(ComputedPage):
    """The page: `FractalPage("fractal_boundary")`.

    Nothing is computed before a person presses Compute, drags a box on the map, clicks in it or zooms.
    A picture that has been computed is kept for the way out.
    """

    def __init__(self, phenomenon: str) -> None:
        super().__init__(TITLE)
        self.said, self.list = ipw.HTML(), ipw.HTML()
        self.controls = Controls()
        self.picturing = Picturing(self.figure, self.messages, self._draw)
        self.deeper = ipw.Button(description="Zoom in at the busiest part", disabled=True)
        self.out = ipw.Button(description="Out", disabled=True)
        bar = self.picturing.view
        bar.children = (self.picturing.button, self.deeper, self.out, self.picturing.text)
        beside = ipw.VBox([self.said, self.caption, self.list])
        map = ipw.HBox([self.figure, beside])
        side = [self.predict, self.controls]
        self.view = layout(self.head, bar, ipw.HTML(), side, [map, self.messages])
        for widget, name in ((map, "ew-map"), (self.said, "ew-said"), (self.list, "ew-differ")):
            widget.add_class(name)
        self._listen()
        self._phenomenon = phenomenon
        self._figures: Mapping[str, Figure] = {}
        self._kept: list[Frame] = []  # the pictures above the one that is shown

    def _listen(self) -> None:
        guarded = self._guarded
        self.figure.on_pick(guarded(self._pick))
        self.figure.observe(guarded(lambda change: self._drag(change["new"])), "zoom")
        self.controls.on_change(self._change, guarded)
        self.deeper.on_click(guarded(lambda _: self._busiest()))
        self.out.on_click(guarded(lambda _: self._back()))

    def _open(self) -> None:
        from lab_core.fractal import Landscape
        from lab_core.zooms import OVERVIEW
        from widgets.opening import phenomenon

        about = phenomenon(self._phenomenon)
        self._figures = about.figures
        self._ask(about)
        self._pixels = 128
        self.predicting.ask(about.slug, "overview", about.figures["overview"].question)
        self._show(Landscape(), OVERVIEW)

    def _predicted(self) -> None:
        self.predicting.look()

    def _begun(self) -> bool:
        return self.picturing.computing or bool(self._kept) or self.picturing.share > 0

    def _subject(self) -> tuple[Any, Any]:
        """The first zoom, once it has been computed."""
        from lab_core.zooms import Picture

        landscape, frame = self.picturing.known
        one = [*self._kept, frame][1:2]
        done = bool(one) and one[0].done
        return (Picture(landscape, one[0]) if done else None), (id(one[0]) if one else 0, done)

    # ---- what a person does

    def _change(self, name: str, value: Any) -> None:
        from lab_core.zooms import OVERVIEW

        landscape, frame = self.picturing.known
        try:
            if name == "pixels":
                frame.window.needs(int(value))
                self._pixels = int(value)
            elif name in WINDOW:
                window = replace(frame.window, **{name: value})
                window.needs(self._pixels)
                self._enter(window)
                return
            else:
                landscape = replace(landscape, **{name: value})
        except ValueError:  # nothing is lost: the map and the controls stay as they were
            self.controls.set_spec(self._groups())
            raise
        self._kept = []
        self._show(landscape, OVERVIEW if name in NETS else frame.window)

    def _drag(self, zoom: dict[str, list[float]]) -> None:
        """Zoom in to the box that was dragged, made a square about its middle."""
        if not zoom:
            return
        self.figure.zoom = {}
        n = len(self.picturing.known[1].speeds)
        ends = {kind: [(v + 0.5) / n for v in zoom.get(kind, (-0.5, n - 0.5))] for kind in "xy"}
        side = max(ends[kind][1] - ends[kind][0] for kind in zoom if kind in ends)
        self._part(sum(ends["x"]) / 2, sum(ends["y"]) / 2, side)

    def _pick(self, _panel: int, x: float, y: float) -> None:
        """Zoom in to where a person clicks."""
        from lab_core.zooms import DEEPER

        n = len(self.picturing.known[1].speeds)
        self._part((x + 0.5) / n, (y + 0.5) / n, 1 / DEEPER)

    def _part(self, x: float, y: float, side: float) -> None:
        """Zoom in to a square about a place, all as shares of the side."""
        window = self.picturing.known[1].window
        self._zoom(window.part(x - side / 2, y - side / 2, side))

    def _busiest(self) -> None:
        window = self.picturing.known[1].busiest()
        if window is None:
            raise ValueError(
                "zoom: there is no boundary in this picture; go out, or drag elsewhere."
            )
        self._zoom(window)

    def _zoom(self, window: Window) -> None:
        """Enter a window and compute it. Raises BadInput where float64 ends, or a link locks it."""
        window.needs(self._pixels)
        for name in WINDOW:
            self.controls.locks.check(name)
        self._enter(window)
        self.picturing.press()

    def _enter(self, window: Window) -> None:
        landscape, frame = self.picturing.known
        self._kept.append(frame)
        self._show(landscape, window)

    def _back(self) -> None:
        landscape, _ = self.picturing.known
        if self._kept:
            frame = self._kept.pop()
            self._show(landscape, frame.window, frame)

    # ---- what the page shows

    def _show(self, landscape: Landscape, window: Window, frame: Frame | None = None) -> None:
        """A window of a landscape: a picture of it that is known, or none."""
        from lab_core.zooms import Frame

        if frame is None:
            frame = Frame(window, np.full((self._pixels, self._pixels), np.nan))
        n = len(frame.speeds)
        x, across = axis(window.x, window.half, n, "1")
        y, up = axis(window.y, window.half, n, "2")
        options: Spec = {"x": x["title"], "y": y["title"], "cells": True, "below": True,
                         "steps": False, "pick": True}  # fmt: skip
        self.figure.set_panel(0, panel(TITLE, **options), [shading(across, up)])
        self.figure.relayout({"xaxis": x["ticks"], "yaxis": y["ticks"]})
        self.out.disabled = not self._kept
        self.picturing.open(landscape, frame)
        self.controls.set_spec(self._groups())

    def _draw(self) -> None:
        from lab_core.zooms import shades, spread

        _, frame = self.picturing.known
        self.figure.set_cells(TRACE, shades(spread(frame.speeds), SHADES))
        self.figure.flush()
        self.deeper.disabled = not frame.done
        self.said.value = f"<p>{escape(meaning(frame))}</p>"
        self.list.value = table([*self._kept, frame])
        about = self._figures["zooms" if self._kept else "overview"]
        self.caption.value = f"<p>{about.caption}</p>"
        self.predicting.look()

    def _groups(self) -> list[Spec]:
        from lab_core.knobs import knobs
        from lab_core.zooms import PIXELS
        from widgets.choices import slider

        landscape, frame = self.picturing.known
        net = [slider(k, getattr(landscape, name)) for name, k in knobs(landscape).items()]
        options = [{"value": n, "label": f"{n} × {n}"} for n in PIXELS]
        pixels = {"id": "pixels", "label": "pixels", "kind": "choice", "value": self._pixels,
                  "options": options}  # fmt: skip
        window = [{"id": name, "label": k.label, "kind": "number", "value": getattr(frame.window, name)}
                  for name, k in knobs(frame.window).items()]  # fmt: skip
        return [
            {"title": "Net", "controls": net, "compact": True},
            {"title": "Picture, in log₁₀ of the rates", "controls": [pixels, *window]},
        ]
