"""A plotly figure whose new points alone travel to the page, as binary float32."""

from __future__ import annotations

import copy
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import traitlets as t
from numpy.typing import ArrayLike

from widgets import theme
from widgets.base import HERE, View, script
from widgets.figure import Spec, axes, complete, name_of, place
from widgets.live_cells import Cells
from widgets.live_image import FORMATS, Wishes
from widgets.live_zoom import Sound, outdated, sound_scales, sound_zoom
from widgets.thinning import Points, measured, pack, share

# Frames sent and not yet acknowledged; beyond that new points wait and go as one. A page draws what
# has come at once, however many frames; it acknowledges every fourth, for each word of its own
# passes through five threads of the kernel and comes back as two messages of its state.
IN_FLIGHT = 8
PING = 2.0  # seconds of silence after which the page is asked whether it is there
PARTS = ("points", "cells", "axes", "marks", "hover", "heads", "zoom", "panels", "table", "values",
         "words", "image", "view", "plot")  # fmt: skip
History = Callable[[str], Sequence[ArrayLike]]  # trace -> x, y and, where it has its own, p
NOBODY = "Picture: no page is open that could draw it; open the lab's page first."


class LiveFigure(View):
    """Draws `figure` (a plotly figure or its dictionary, up to four panels) and keeps it growing.

    `append`, `set` and the changes of style may be called from any thread; `flush` sends all that
    is pending as one message and is meant to be called about 20 times a second, also while nothing
    trains: it asks a silent page whether it is there (see `alive`). A page that cannot keep up gets
    fewer, larger frames: never more than eight are on their way.

    Traces are known by their `uid` (or `name`). Their points come along p, the step, ascending;
    p is x unless it is given. A trace keeps at most `window` points, thinned so that its extremes
    stay. The caller's record keeps them all: where a person zooms, `history(trace)` is asked for
    all x and y (and p), and where x ascends that stretch is drawn in full.
    """

    _esm = script("dom.js", *(f"live_{part}.js" for part in PARTS))

    until = t.Float(None, allow_none=True).tag(sync=True)  # the last p drawn, in panels along steps
    # What a person has zoomed to, {"x": [low, high], "y2": ...}, by plotly's names of the axes and
    # in their units (powers of ten on a log axis); x axes that move together go by the first one.
    zoom = Sound(sound_zoom).tag(sync=True)
    scales = Sound(sound_scales).tag(sync=True)  # and the scales they chose, {"y2": "log", ...}

    def __init__(
        self, figure: Any, window: int = 2000, history: History = lambda trace: ((), ())
    ) -> None:
        self._lock = threading.Lock()
        self._window, self.history = window, history
        self._points: dict[str, Points] = {}
        self._cells = Cells()
        self._figure: Spec = {"data": [], "layout": {}}
        self._restyled = True  # the figure is to be sent
        self._styled: set[str] = set()  # traces whose specs are
        self._seq = self._acknowledged = 0
        self._heard, self._asked = -math.inf, -math.inf
        self._told: dict[str, list[Callable[[dict[str, Any]], None]]] = {}
        self._wishes = Wishes()
        super().__init__()
        self.replace(figure)

    def replace(self, figure: Any) -> None:
        """Show another figure in place of the one that there is."""
        spec = copy.deepcopy(figure if isinstance(figure, dict) else figure.to_plotly_json())
        with self._lock:
            for trace in list(self._points):
                self._remove(trace)
            self._figure["layout"] = {**complete(spec), "template": theme.TEMPLATE}
            for trace in spec.get("data", ()):
                self._add(trace)
            self._restyled = True
        self.zoom, self.scales = {}, {}

    def append(self, trace: str, x: ArrayLike, y: ArrayLike, p: ArrayLike | None = None) -> None:
        """Add all new points of `trace` since the last call. Raises KeyError if it is unknown."""
        with self._lock:
            self._points[trace].append(x, y, p)

    def set(self, trace: str, x: ArrayLike, y: ArrayLike, p: ArrayLike | None = None) -> None:
        """Replace all points of `trace`. Raises KeyError if it is unknown."""
        with self._lock:
            self._points[trace].replace(x, y, p)

    def set_cells(self, trace: str, cells: ArrayLike, real: bool = False) -> None:
        """Replace the cells [rows, columns] of a heat map: 0 to 255, or real values, nan for none."""
        with self._lock:
            self._points[trace]
            self._cells.put(trace, cells, real)

    def clear(self) -> None:
        """Remove the points of all traces."""
        with self._lock:
            for points in self._points.values():
                points.replace([], [])

    # Style: other than for `restyle` the page gets the whole figure again, which is small and rare.

    def add_trace(self, spec: Spec) -> None:
        """Add a trace, with `x` and `y` where it has some already."""
        with self._lock:
            self._add(copy.deepcopy(spec))

    def remove_trace(self, trace: str) -> None:
        """Remove `trace` and its points. Raises KeyError if it is unknown."""
        with self._lock:
            self._remove(trace)

    def restyle(self, trace: str, **style: Any) -> None:
        """Change a trace: `restyle("a/loss", visible=False)`. Raises KeyError if it is unknown."""
        with self._lock:
            {t["uid"]: t for t in self._figure["data"]}[trace].update(style)
            self._styled.add(trace)

    def relayout(self, layout: Spec) -> None:
        """Merge `layout`, one level deep: `relayout({"yaxis": {"type": "log"}})`."""
        with self._lock:
            for key, value in layout.items():
                old = self._figure["layout"].get(key)
                merge = isinstance(old, dict) and isinstance(value, dict)
                self._figure["layout"][key] = {**old, **value} if merge else value
            self._restyled = True

    def set_panel(self, index: int, panel: Spec, traces: list[Spec]) -> None:
        """Show something else at panel `index` (`widgets.figure.panel` makes a panel).

        The zoom and the scale of an axis that then means something else go.
        """
        x, y = axes(index)
        with self._lock:
            before = copy.deepcopy(self._figure["layout"])
            for old in [t["uid"] for t in self._figure["data"] if t.get("xaxis", "x") == x]:
                self._remove(old)
            place(self._figure["layout"], index, copy.deepcopy(panel))
            for trace in traces:
                self._add(copy.deepcopy(trace))
            self._restyled = True
            gone = outdated(x, y, before, self._figure["layout"])
        self.zoom = {axis: v for axis, v in self.zoom.items() if axis not in gone}
        self.scales = {axis: v for axis, v in self.scales.items() if axis not in gone}

    @property
    def traces(self) -> list[str]:
        """The traces by uid, in the order in which they were added."""
        with self._lock:
            return list(self._points)

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call `callback()` whenever a page has opened and can draw."""
        self._tell("ready", lambda _: callback())

    def on_choice(self, callback: Callable[[int, str], None]) -> None:
        """Call `callback(panel, value)` when a person picks from the select in a panel's header."""
        self._tell("choice", lambda said: callback(said["panel"], said["value"]))

    def on_pick(self, callback: Callable[[int, float, float], None]) -> None:
        """Call `callback(panel, x, y)` when a person clicks in a panel that has the option `pick`."""
        self._tell("pick", lambda said: callback(said["panel"], said["x"], said["y"]))

    def _tell(self, kind: str, callback: Callable[[dict[str, Any]], None]) -> None:
        self._told.setdefault(kind, []).append(callback)

    def image(
        self,
        format: str,
        done: Callable[[bytes], None],
        title: str = "",
        failed: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """Call `done(picture)` with an "svg" or "png" of the figure as the page shows it now.

        `failed(sentence)` is called where the page cannot, or does not answer within 20 s. Raises
        ValueError where no page has been opened yet.
        """
        if format not in FORMATS:
            raise ValueError(f"Picture: the format is one of {', '.join(FORMATS)}, not {format!r}.")
        if self.alive == math.inf:
            raise ValueError(NOBODY)
        number = self._wishes.add(done, failed)
        self.send({"type": "image", "id": number, "format": format, "title": title})

    @property
    def alive(self) -> float:
        """Seconds since the page's last sign of life; infinite before its first."""
        return time.monotonic() - self._heard

    def flush(self) -> None:
        """Send everything pending as one message, unless the page is behind."""
        with self._lock:
            if self._heard == -math.inf:
                return  # No page yet; it gets everything when it says that it is ready.
            changed = self._restyled or self._styled or self._cells.pending
            pending = changed or any(p.pending for p in self._points.values())
            if pending and self._seq - self._acknowledged < IN_FLIGHT:
                self._send_frame()
            elif self.alive > PING and time.monotonic() - self._asked > PING:
                self._asked = time.monotonic()
                self.send({"type": "ping", "seq": self._seq})

    def _receive(self, _widget: object, content: dict[str, Any], buffers: object) -> None:
        self._heard = time.monotonic()
        kind = content.get("type")
        if kind == "ack":
            self._acknowledged = max(self._acknowledged, content["seq"])
        elif kind == "plotly":
            self.send({"type": "plotly"}, [(HERE / "vendor/plotly-cartesian.min.js").read_bytes()])
        elif kind in ("ready", "resync"):
            self._send_all()
        elif kind == "zoom":
            self._send_detail(content["traces"], *content["range"])
        elif kind == "image":
            self._wishes.answer(content, buffers)
        for callback in self._told.get(str(kind), ()):
            callback(content)

    def snapshot(self, numbers: int) -> tuple[Spec, list[bytes]]:
        """A full frame for a page that has no kernel: as fine as so many numbers allow in all."""
        with self._lock:
            figure, have = copy.deepcopy(self._figure), dict(self._points)
            cells, more = self._cells.pack(have, self._cells.all())
        histories = {trace: measured(self.history(trace)) for trace in have}
        histories = {trace: columns for trace, columns in histories.items() if len(columns[0])}
        kept = {trace: points.whole() for trace, points in have.items() if trace not in histories}
        numbers -= sum(one.numbers for one in kept.values())
        fine = share(histories, numbers, [trace for trace, points in have.items() if points.log])
        data, buffers = pack({i: kept.get(t) or fine[t] for i, t in enumerate(have)})
        frame = {"type": "frame", "seq": 1, "full": True, "figure": figure, "data": data}
        return frame | {"cells": cells}, [*buffers, *more]

    def _send_detail(self, traces: list[str], low: float, high: float) -> None:
        """All points of thinned traces between low and high, and one beyond each end."""
        with self._lock:
            thinned = [t for t in traces if t in self._points and self._points[t].cell]
        details = {}
        for trace in thinned:  # without the lock, for `history` may wait for one of its own
            columns = measured(self.history(trace))
            if (np.diff(columns[0]) < 0).any():
                continue  # its stretch may be anywhere: the thinned points stay
            start, end = np.searchsorted(columns[0], [low, high]) + [-1, 1]
            details[trace] = Points(self._window, log=self._points[trace].log)
            details[trace].append(*(values[max(start, 0) : end] for values in columns))
        data, buffers = pack(details)
        self.send({"type": "detail", "data": data}, buffers[:1])

    # With the lock held.

    def _add(self, trace: Spec) -> None:
        uid = trace["uid"] = name_of(trace, len(self._figure["data"]))
        axis = trace.get("xaxis", "x").replace("x", "xaxis")
        log = self._figure["layout"].get(axis, {}).get("type") == "log"
        points = Points(self._window, log=log)
        points.append(trace.pop("x", ()), trace.pop("y", ()), trace.pop("p", None))
        if uid in self._points:
            self._remove(uid)
        self._points[uid] = points  # in the order of the figure's data: frames count on it
        self._figure["data"].append(trace)
        self._restyled = True

    def _remove(self, trace: str) -> None:
        del self._points[trace]
        self._cells.drop(trace)
        self._figure["data"] = [t for t in self._figure["data"] if t["uid"] != trace]
        self._restyled = True

    def _send_all(self) -> None:
        with self._lock:
            for points in self._points.values():
                points.forget()
            self._cells.forget()
            self._restyled = True
            self._acknowledged = self._seq
            self._send_frame(full=True)

    def _send_frame(self, full: bool = False) -> None:
        """One message: seq, new points (see `pack`), and the figure or specs that have changed."""
        points = enumerate(self._points.values())
        data, buffers = pack({i: one for i, one in points if one.pending})
        self._seq += 1
        frame: Spec = {"type": "frame", "seq": self._seq, "data": data}
        cells, more = self._cells.pack(self._points, self._cells.take())
        frame |= ({"cells": cells} if cells else {}) | ({"full": True} if full else {})
        if self._restyled:
            frame["figure"] = self._figure
        elif self._styled:
            specs = enumerate(self._figure["data"])
            frame["specs"] = {i: spec for i, spec in specs if spec["uid"] in self._styled}
        self._restyled, self._styled = False, set()
        self.send(frame, [*buffers, *more])
