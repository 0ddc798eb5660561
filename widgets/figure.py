"""Plain plotly figures for `LiveFigure`: panels, curves, thresholds and bars, as dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from widgets import theme

Spec = dict[str, Any]
NOTHING = "rgba(0,0,0,0)"


def axes(panel: int) -> tuple[str, str]:
    """Plotly's names of the axes of panel 0, 1, ...: ("x", "y"), ("x2", "y2"), ..."""
    suffix = str(panel + 1) if panel else ""
    return f"x{suffix}", f"y{suffix}"


def panel(title: str, x: str = "step", y: str = "", log: bool = False, **options: Any) -> Spec:
    """One panel.

    `options`: `include` and `clip`, (low, high) that the y axis always and at most spans; `span`,
    what it spans in any case, with a little room for lines at its ends; `xinclude`, as `include`
    for x; `choices`, [(value, label), ...] for a select in the panel's header, with `choice`, the
    value selected, and `label`, its accessible name; `key`, [{"word", "width", "dash"}, ...], the
    strokes that tell the columns apart, or [{"word", "symbol", "color"}, ...]; `xlog`, whether the x
    axis is logarithmic; `cells`, whether it is a heat map, and `below`, whether what its colours mean stands
    beneath it on a narrow page; `equal`, whether a unit of x is as long as
    one of y; `rates`, whether there is room beside it for the `rate` in the `meta` of its curves;
    `steps`, whether the curves come along steps (the default), so that they are cut where a person
    goes back to one.
    """
    yrange: Spec = {"include": list(options.pop("include", ()))}
    yrange |= dict(zip(("clipmin", "clipmax"), options.pop("clip", ()), strict=False))
    if low_high := options.pop("span", ()):
        room = 0.03 * (low_high[1] - low_high[0])
        yrange["span"] = [low_high[0] - room, low_high[1] + room]
    xrange = {"include": list(options.pop("xinclude", ()))}
    xtype = {"type": "log"} if options.pop("xlog", False) else {}
    yaxis = {"title": {"text": y}, "type": "log" if log else "linear", "autorangeoptions": yrange}
    return {
        "xaxis": {"title": {"text": x}, "autorangeoptions": xrange} | xtype,
        "yaxis": yaxis | ({} if log else {"rangemode": "tozero"}),
        "meta": {"title": title, "steps": True, **options},
    }


def place(layout: Spec, index: int, panel: Spec) -> None:
    """Put `panel` at place `index` (at most the number of panels there) of a figure's layout."""
    x, y = axes(index)
    layout[x.replace("x", "xaxis")] = {**panel["xaxis"], "anchor": y}
    layout[y.replace("y", "yaxis")] = {**panel["yaxis"], "anchor": x}
    layout.setdefault("meta", {}).setdefault("panels", [])[index : index + 1] = [panel["meta"]]


def figure(panels: list[Spec], traces: list[Spec] | None = None) -> Spec:
    """A figure of up to four panels; the page places them two by two, or one above the other."""
    layout: Spec = {}
    for index, one in enumerate(panels):
        place(layout, index, one)
    return {"data": traces or [], "layout": layout}


def complete(figure: Spec) -> Spec:
    """The layout of any plotly figure, with all its axes and a panel for each pair of them."""
    layout: Spec = {"meta": {}, **figure.get("layout", {})}
    if "panels" in layout["meta"]:
        return layout
    suffixes = sorted({t.get("xaxis", "x")[1:] for t in figure.get("data", ())} or {""})
    for suffix in suffixes:
        layout[f"xaxis{suffix}"] = {"anchor": f"y{suffix}", **layout.get(f"xaxis{suffix}", {})}
        layout[f"yaxis{suffix}"] = {"anchor": f"x{suffix}", **layout.get(f"yaxis{suffix}", {})}
    panels = [
        {"title": _title(layout[f"yaxis{s}"]), "steps": _title(layout[f"xaxis{s}"]) == "step"}
        for s in suffixes
    ]
    layout["meta"] = {**layout["meta"], "panels": panels}
    return layout


def _title(axis: Spec) -> str:
    return str(axis.get("title", {}).get("text", ""))


def name_of(trace: Spec, index: int) -> str:
    """What a trace is called in `LiveFigure`: its uid, else its name, else "trace 0", ..."""
    return str(trace.get("uid") or trace.get("name") or f"trace {index}")


def curve(uid: str, panel: int, replica: int, arm: int = 0, name: str = "") -> Spec:
    """The line of one replica of one arm; `name` is what the hover box calls it."""
    x, y = axes(panel)
    line = {"type": "scatter", "mode": "lines", "uid": uid, "name": name or uid}
    return {**line, "xaxis": x, "yaxis": y, **theme.style(replica, arm)}


def threshold(uid: str, panel: int, replica: int, label: str, name: str = "") -> Spec:
    """A dashed, step-shaped line in the replica's colour, labelled at its right end.

    Give it a point where the threshold changes; the page extends it to the right edge.
    """
    line = {"color": theme.colour(replica), "width": 1.3, "dash": "dash", "shape": "hv"}
    spec = curve(uid, panel, replica, name=name or label)
    return {**spec, "line": line, "meta": {"label": label}}


def cells(uid: str, panel: int, replica: int, words: Sequence[str], name: str = "",
          shades: Sequence[str] = ()) -> Spec:  # fmt: skip
    """A heat map of one replica: whole numbers, 0 for nothing, the others with a word and a colour;
    row 0 is the lowest. `shades` are the colours, where not the theme's for cells.

    Give them with `LiveFigure.set_cells`; the panel needs the option `cells`. `places` in its `meta`,
    {"x": values, "y": values}, says what columns and rows are called where not by their numbers; `key`,
    [(colour, word), ...], what stands beside the map where that is not every word.
    """
    own = (f"var(--ew-cell-{i + 1})" for i in range(len(words)))
    colours = [NOTHING, *(shades or own)]
    n = len(colours)
    steps = [[(i + end) / n, colour] for i, colour in enumerate(colours) for end in (0, 1)]
    meta = {"words": [*zip(colours, ["", *words], strict=True)]}
    return _map(curve(uid, panel, replica, name=name), steps, n, meta)


def values(uid: str, panel: int, replica: int, parts: Sequence[str] = (), name: str = "") -> Spec:
    """A heat map of one replica: a matrix of real values, row 0 above, coloured to either side of 0.

    `parts` name what is side by side in it, equally wide, with an empty column between two. Give
    them with `LiveFigure.set_cells(..., real=True)`; the panel needs the option `cells`.
    """
    levels, last = 256, len(theme.DIVERGING) - 1  # see `live_cells.levels`
    inner = [
        [(1.5 + i / last * (levels - 2)) / levels, colour]
        for i, colour in enumerate(theme.DIVERGING)
    ]
    ends = [[1 / levels, theme.DIVERGING[0]]], [[1, theme.DIVERGING[-1]]]
    steps = [[0, NOTHING], [1 / levels, NOTHING], *ends[0], *inner, *ends[1]]
    return _map(curve(uid, panel, replica, name=name), steps, levels, {"parts": list(parts)})


def _map(curve: Spec, colours: list[Any], n: int, meta: Spec) -> Spec:
    """A heat map of n numbers from 0 on."""
    spec = {k: v for k, v in curve.items() if k not in ("mode", "line")}
    spec |= {"type": "heatmap", "colorscale": colours, "zmin": -0.5, "zmax": n - 0.5}
    return spec | {"showscale": False, "meta": meta, "hoverinfo": "skip"}


def points(uid: str, panel: int, which: int, name: str = "") -> Spec:
    """The points of class 0 or 1, told apart by their symbols; the panel's axes then show these
    points, whatever else is drawn. Give them with `LiveFigure.set`, along their numbers.
    """
    spec = curve(uid, panel, 0, name=name) | {"mode": "markers"}
    return {k: v for k, v in spec.items() if k != "line"} | {"marker": theme.POINTS[which]}


def bars(uid: str, panel: int, replica: int, name: str = "") -> Spec:
    """Bars in the replica's colour; give them with `LiveFigure.set`."""
    spec = curve(uid, panel, replica, name=name) | {"type": "bar"}
    return {k: v for k, v in spec.items() if k not in ("mode", "line")}
