"""What a source draws in one place: its traces, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable
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
    word = plot.words[plot.columns.index(column)] if plot.words else ""
    return f"{name}, {word}" if word else name


def key_of(plot: Plot) -> list[dict[str, object]]:
    """The stroke and the word of each column, for the panel's header."""
    return [
        {"word": word, **stroke} for word, stroke in zip(plot.words, theme.STROKES, strict=False)
    ]


def specs(source: Source, plot: Plot, place: int, replicas: Iterable[int]) -> list[fig.Spec]:
    """All traces of a source in a place, for these replicas."""
    columns = (plot.array,) * (source.arm is not None) if plot.array else plot.columns
    out = []
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
    if plot.cells:
        return fig.cells(uid, place, r, plot.cells, name_of(source, plot, r, column))
    spec = source.curve(uid, place, r) | {"name": name_of(source, plot, r, column)}
    if plot.stems:
        spec["meta"] = {"stems": (r - (source.R - 1) / 2) * 0.7 / source.R}
    elif source.beside is None and len(plot.columns) > 1:
        i = plot.columns.index(column)
        thinner = theme.STROKES[i] if plot.words else {"width": 0.9} if i else {}
        spec["line"] = spec["line"] | thinner
    return spec


def show_array(figure: LiveFigure, uid: str, plot: Plot, value: Any, r: int) -> None:
    """Draw a replica's part of what is wider than a number: cells, or x and y of a curve."""
    if plot.cells:
        figure.set_cells(uid, value[r].cpu().numpy())
    else:
        x, y = (part[r].double().cpu().numpy() for part in value)
        figure.set(uid, x, np.maximum(y, LEAST) if plot.log else y)
