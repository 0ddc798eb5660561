"""What a source draws in one place: its traces, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from widgets import figure as fig
from widgets import theme
from widgets.live_plot import LiveFigure
from widgets.panels import Plot
from widgets.sources import Source

if TYPE_CHECKING:
    from lab_core.arm import Arm

LEAST = 1e-12  # of what is drawn of a density on a logarithmic axis
POINTS = "points"  # the array of x, y and label [1 or R, N]; of its classes, points0 and points1
Arrays = Mapping[str, tuple[int, Any]]


def uid_of(key: str, replica: int, place: int, column: str) -> str:
    """A trace's name; plotly looks it up as a CSS class."""
    return f"{key}_r{replica}_p{place}_{column}"


def parts_of(uid: str) -> tuple[int, int, str]:
    """Replica, place and column of a trace's name."""
    _, replica, place, column = uid.split("_", 3)
    return int(replica[1:]), int(place[1:]), column


def column_of(source: Source, plot: Plot, column: str) -> str:
    """Where an optimizer divides by P, it is the effective sharpness that its threshold is for."""
    effective = plot.threshold and "effective_sharpness" in source.record.columns
    return "effective_sharpness" if effective else column


def threshold_label(arm: Arm, replica: int) -> str:
    """What is written on a threshold: its formula and the learning rate."""
    optimizer = arm.recipes[replica].optimizer
    return f"{optimizer.formula}, lr {optimizer.lr:.3g}"


def name_of(source: Source, plot: Plot, replica: int, column: str) -> str:
    """What the hover box calls a trace."""
    name = source.curve("", 0, replica)["name"]
    if column == "threshold":
        return f"threshold, {name}"
    if column in plot.dashed:
        return plot.words[-1]
    word = plot.words[plot.columns.index(column)] if plot.words and not plot.dashed else ""
    return f"{name}, {word}" if word else name


def key_of(plot: Plot) -> list[dict[str, object]]:
    """The stroke and the word of each column, or symbol and word of each class of points, for the
    panel's header.
    """
    if plot.points:
        pairs = zip(plot.points, theme.POINTS, strict=False)
        return [{"word": w, "symbol": m["symbol"], "color": m["color"]} for w, m in pairs]
    strokes = [*theme.STROKES[:1], theme.REFERENCE] if plot.dashed else theme.STROKES
    return [{"word": word, **stroke} for word, stroke in zip(plot.words, strokes, strict=False)]


def specs(
    source: Source, plot: Plot, place: int, replicas: Iterable[int], once: Iterable[int] = ()
) -> list[fig.Spec]:
    """All traces of a source in a place, for these replicas; what is drawn once, of those of `once`:
    heat maps, and under the curves points and dashed columns.
    """
    columns = (plot.array,) * (source.arm is not None) if plot.array else plot.columns
    if plot.is_map:
        return [_spec(source, plot, place, r, column) for r in once for column in columns]
    out = [spec for r in once for spec in _once(source, plot, place, r)]
    for r in replicas:
        out += [_spec(source, plot, place, r, column) for column in columns]
        if plot.threshold and source.arm:
            uid, label = uid_of(source.key, r, place, "threshold"), threshold_label(source.arm, r)
            out.append(
                fig.threshold(
                    uid, place, source.first + r, label, name_of(source, plot, r, "threshold")
                )
            )
    return out


def _spec(source: Source, plot: Plot, place: int, r: int, column: str) -> fig.Spec:
    uid = uid_of(source.key, r, place, column)
    if plot.is_map:
        kind, words = (fig.cells, plot.cells) if plot.cells else (fig.values, plot.values)
        return kind(uid, place, source.first + r, words, name_of(source, plot, r, column))
    spec = source.curve(uid, place, r) | {"name": name_of(source, plot, r, column)}
    if plot.stems:
        spec["meta"] = {"stems": (r - (source.R - 1) / 2) * 0.7 / source.R}
    elif source.beside is None and len(plot.columns) > 1:
        i = plot.columns.index(column)
        alike = not plot.words or plot.dashed
        thinner = theme.STROKES[i] if not alike else {"width": 0.9} if i else {}
        spec["line"] = spec["line"] | thinner
    return spec


def _once(source: Source, plot: Plot, place: int, r: int) -> list[fig.Spec]:
    """Points of two classes, columns that others are to come to."""
    name = partial(uid_of, source.key, r, place)
    out = [fig.points(name(f"{POINTS}{i}"), place, i, word) for i, word in enumerate(plot.points)]
    for column in plot.dashed:
        spec = fig.curve(name(column), place, 0, name=name_of(source, plot, r, column))
        del spec["marker"]
        out.append(spec | {"line": theme.REFERENCE})
    return out


def is_points(uid: str) -> bool:
    """Whether a trace is a class of points."""
    return parts_of(uid)[2].startswith(POINTS)


def show_arrays(
    figure: LiveFigure, traces: Iterable[str], plot: Plot, arrays: Arrays, sent: dict[str, float]
) -> None:
    """Draw of what is wider than a number what is new since `sent`, the step by trace; points stay."""
    for uid in traces:
        name = POINTS if is_points(uid) else plot.array
        if (
            name in arrays
            and sent.get(uid) != arrays[name][0]
            and not (uid in sent and name == POINTS)
        ):
            sent[uid], value = arrays[name]
            _show_array(figure, uid, plot, value)


def _show_array(figure: LiveFigure, uid: str, plot: Plot, value: Any) -> None:
    """A trace's part: cells, points of one class, or x and y of a curve."""
    r, _, column = parts_of(uid)
    if plot.is_map:
        figure.set_cells(uid, value[r].cpu().numpy(), real=not plot.cells)
        return
    x, y, *label = (part[min(r, len(part) - 1)].double().cpu().numpy() for part in value)
    if label:
        mine = (label[0] > 0) == column.endswith("0")
        figure.set(uid, x[mine], y[mine], np.arange(mine.sum()))
    else:
        figure.set(uid, x, np.maximum(y, LEAST) if plot.log else y)
