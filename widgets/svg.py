"""Pictures of what was computed: of a finished run, of a sweep's grid, of a map of learning rates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lab_core.knobs import BadInput
from widgets import drawing, fractal_map, theme
from widgets.drawing import SIZE, Mark, Trace
from widgets.key import apart, names
from widgets.panels import PLOTS, Plot
from widgets.phase import ticks
from widgets.scale import Axis, nice, number
from widgets.sources import AXES, Source, first_colours, of_arm
from widgets.traces import column_of, key_of, parts_of, specs

if TYPE_CHECKING:
    from lab_core.curves import Curve, Figure, Line
    from lab_core.phase import Diagram
    from lab_core.run import Run
    from lab_core.sweep import Grid
    from lab_core.zooms import Frame

Size = tuple[int, int]
BANDS = len(theme.DIVERGING)  # colours of real values
ROUGH = 3  # shades of either side of a map of learning rates


def can_draw(run: Run, slug: str) -> bool:
    """Whether a run has measured what one of `PLOTS` shows."""
    plot, records = PLOTS[slug], [arm.record for arm in run.arms.values()]
    if plot.array:
        return any(plot.array in record.arrays for record in records)
    return any(len(record[column][0]) for record in records for column in plot.columns)


def of_run(run: Run, slug: str, x: str = "step", about: str = "", size: Size = SIZE,
           keyed: bool = True) -> str:  # fmt: skip
    """One of `PLOTS` of a run, against "step", "log-step", "time" or "loss"; of what is drawn once, such
    as heat maps, the first replica. Replicas that differ in their seeds alone look alike. Not
    `keyed`, it leaves the run's `key` to the page. Raises BadInput where the run has not measured it.
    """
    if not can_draw(run, slug):
        raise BadInput(f"plot: the run has not measured {slug!r}; watch its probes first.")
    plot, (sources, alike) = PLOTS[slug], _sources(run)
    if plot.is_map:
        return _matrix(plot, sources[0], about, size)
    traces = [one for i, source in enumerate(sources)
              for one in _traces(source, plot, x, not i, alike)]  # fmt: skip
    axis = AXES.get(x if not plot.array else plot.x)
    across = Axis(axis.title, axis.log) if axis else Axis(plot.x)
    up = Axis(plot.y, plot.log, True, plot.include, plot.clip, plot.span)
    if plot.one:
        ends = [float(np.nanmin([t.x.min() for t in traces])), max(t.x.max() for t in traces)]
        traces.append(Trace(np.array(ends), np.ones(2), "var(--ew-muted)", 1.3, "dash"))
    marks = _strokes(plot) + (key(run) if keyed else [])
    return drawing.picture(traces, across, up, plot.title, about, marks, size)


def key(run: Run) -> list[Mark]:
    """The arms of a run, or the replicas of its only one; none where these differ in their seeds alone."""
    sources, alike = _sources(run)
    arms = [*run.arms.values()]
    if len(arms) > 1:
        called = names(arms)
        return [_mark(called[arm.index], source.first // alike, source.style)
                for arm, source in zip(arms, sources, strict=True)]  # fmt: skip
    knob, texts = apart(arms[0].recipes[::alike])
    if len(texts) == 1 or knob == "replica":
        return []
    texts[0] = f"{knob} {texts[0]}".strip()
    return [_mark(text, r) for r, text in enumerate(texts)]


def _sources(run: Run) -> tuple[list[Source], int]:
    """What is drawn of each arm, and how many replicas, one after the other, differ in their seeds alone."""
    colours, seeds = first_colours(run.arms.values()), run.base.seed
    sources = [of_arm(arm, colours[arm.index]) for arm in run.arms.values()]
    return sources, len(seeds) if isinstance(seeds, tuple) else 1


def of_grid(figure: Figure, grid: Grid, panel: int = 0, about: str = "", size: Size = SIZE) -> str:
    """A panel of a curve figure, or a phase diagram, of the grid of its sweep as far as it is known."""
    from lab_core.curves import Curve
    from lab_core.phase import Diagram

    if isinstance(figure, Curve):
        return _curves(figure, grid, panel, about, size)
    if isinstance(figure, Diagram):
        return _diagram(figure, grid, about, size)
    raise BadInput(f"figure: {figure.title!r} is no sweep; draw its frames with `of_frame`.")


def of_frame(frame: Frame, about: str = "", size: Size = SIZE) -> str:
    """A map of where a net trains, over the learning rates of its two layers."""
    from lab_core.zooms import shades, spread

    n, window = len(frame.speeds), frame.window
    x, _ = fractal_map.axis(window.x, window.half, n, "1")
    y, _ = fractal_map.axis(window.y, window.half, n, "2")
    colours = theme.ramp(theme.TRAINS, ROUGH) + theme.ramp(theme.DIVERGES, ROUGH)
    across, up = ((a["title"].partition(" (")[0], _pairs(a["ticks"])) for a in (x, y))
    levels = shades(spread(frame.speeds), ROUGH)
    return drawing.heat_map(levels, ["", *colours], across, up, fractal_map.TITLE, about, size=size)


# ---- of a run


def _traces(source: Source, plot: Plot, x: str, first: bool, alike: int) -> list[Trace]:
    out = []
    for r in range(source.R):
        alone = replace(source, first=(source.first + r) // alike - r)  # which gives r that colour
        found = specs(alone, plot, 0, [r], [0] if first and not r else [])
        out += [_trace(spec, *_points(source, plot, spec["uid"], x)) for spec in found]
    return [one for one in out if len(one.x)]


def _points(source: Source, plot: Plot, uid: str, x: str) -> tuple[np.ndarray, np.ndarray]:
    r, _, column = parts_of(uid)
    if plot.array:
        return _wide(source, plot, r, column)
    name = column if column in ("threshold", *plot.dashed) else column_of(source, plot, column)
    _, at, y = source.points(name, r, x)
    return (at[at > 0], y[at > 0]) if x == "log-step" else (at, y)


def _wide(source: Source, plot: Plot, r: int, column: str) -> tuple[np.ndarray, np.ndarray]:
    """x and y of an array of the record, or of its points of one class."""
    name = "points" if column.startswith("points") else plot.array
    if name not in source.record.arrays:
        return np.empty(0), np.empty(0)
    value = source.record.arrays[name][1]
    x, y, *label = (part[min(r, len(part) - 1)].double().cpu().numpy() for part in value)
    mine = (label[0] > 0) == column.endswith("0") if label else slice(None)
    return x[mine], y[mine]


def _trace(spec: dict[str, Any], x: np.ndarray, y: np.ndarray) -> Trace:
    """A trace of plotly's, still."""
    line, marker = spec.get("line", {}), spec.get("marker", {})
    colour = line.get("color") or marker.get("color", "var(--ew-ink)")
    points = spec.get("mode") == "markers"
    stairs = line.get("shape") == "hv"
    symbol = "" if stairs else marker.get("symbol", "")
    return Trace(x, y, colour, line.get("width", 1.8), line.get("dash", "solid"), symbol, points,
                 spec.get("opacity", 1.0), stairs)  # fmt: skip


def _strokes(plot: Plot) -> list[Mark]:
    """The key of a plot's columns."""
    strokes = [(m["word"], m.get("color", "var(--ew-muted)"), m) for m in key_of(plot)]
    return [Mark(str(word), str(colour), float(str(m.get("width", 0))), str(m.get("dash", "solid")),
                 str(m.get("symbol", ""))) for word, colour, m in strokes]  # fmt: skip


def _mark(word: str, replica: int, arm: int = 0) -> Mark:
    style = theme.style(replica, arm)
    line = style["line"]
    return Mark(word, line["color"], 1.8, line["dash"], style["marker"]["symbol"])


def _matrix(plot: Plot, source: Source, about: str, size: Size) -> str:
    """The newest cells or values of the first replica."""
    value = source.record.arrays[plot.array][1][0].cpu().numpy()
    colours = ["", *(f"var(--ew-cell-{i + 1})" for i in range(len(plot.cells)))]
    levels = value
    if plot.values:
        largest = np.nanmax(np.abs(value)) or 1.0
        place = np.clip((value / largest + 1) / 2 * BANDS, 0, BANDS - 1e-9)
        levels = np.where(np.isfinite(value), 1 + np.floor(np.nan_to_num(place)), 0)
        colours = ["", *theme.DIVERGING]
    across, up = (plot.x, _few(value.shape[1])), (plot.y, _few(value.shape[0]))
    return drawing.heat_map(levels, colours, across, up, plot.title, about, not plot.values, size)


def _few(n: int) -> list[tuple[float, str]]:
    return [(v, number(v)) for v in nice(0, n - 1) if v == int(v)]


# ---- of a grid


def _curves(figure: Curve, grid: Grid, panel: int, about: str, size: Size) -> str:
    every = [list(one.lines(grid)) for one in figure.panels]
    names = dict.fromkeys(line.like or line.name for lines in every for line in lines)
    styles = {name: theme.style(i) for i, name in enumerate(names)}
    one, key, traces = figure.panels[panel], {}, []
    for line in every[panel]:
        trace, style = _line(line, styles[line.like or line.name]), styles[line.like or line.name]
        traces.append(trace)
        key[line.name] = Mark(line.name, style["line"]["color"], 0 if line.points else trace.width,
                              trace.dash, trace.symbol)  # fmt: skip
    marks = list(key.values()) if len(key) > 1 else []
    across, up = Axis(one.x, one.log_x), Axis(one.y, one.log_y, True)
    return drawing.picture(traces, across, up, one.title, about, marks, size)


def _line(line: Line, style: dict[str, Any]) -> Trace:
    symbol = "" if line.dashed else style["marker"]["symbol"]
    width, dash = (1.4, "5px,3px") if line.dashed else (1.8, "solid")
    return Trace(np.asarray(line.x, float), np.asarray(line.y, float), style["line"]["color"], width, dash,
                 symbol, line.points, low=line.low, high=line.high)  # fmt: skip


def _diagram(d: Diagram, grid: Grid, about: str, size: Size) -> str:
    levels, words = d.levels(grid)
    up, across = ((axis.label, _pairs(ticks(axis))) for axis in d.subject.over)
    colours = ["", *theme.shares(len(words) - 1)]
    return drawing.heat_map(levels, colours, across, up, d.title, about, size=size)


def _pairs(ticks: dict[str, Any]) -> list[tuple[float, str]]:
    return [*zip(ticks["tickvals"], ticks["ticktext"], strict=True)]
