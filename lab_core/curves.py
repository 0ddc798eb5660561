"""Figures that are computed as a whole: of a sweep, curves along its first axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lab_core.claims import Claim
from lab_core.predictions import Question
from lab_core.sweep import Grid, Sweep


@dataclass(frozen=True)
class Figure:
    """What is computed, the caption that it must live up to, and what is asked before."""

    title: str
    caption: str
    subject: Any  # a `Subject` of claims
    question: Question | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Line:
    """x [n] and y [n], nan where it is not known; where given, `low` and `high` [n] are the ends of its
    band over the seeds. A theory's line is `dashed`. `points` are drawn where there are to be no lines.
    It has the colour of the line called `like`, or one of its own; several may have the same name.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    dashed: bool = False
    points: bool = False
    like: str = ""


@dataclass(frozen=True)
class Panel:
    """One plot of a curve figure: what its axes say, the lines that a grid gives, as far as it is known,
    and `marks`: vertical lines at some x, with a word for each.
    """

    title: str
    x: str
    y: str
    lines: Callable[[Grid], Sequence[Line]]
    log_x: bool = False
    log_y: bool = False
    marks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Curve(Figure):
    """A sweep drawn in up to four panels. A person may change `knobs` of its recipe."""

    subject: Sweep
    panels: tuple[Panel, ...]
    knobs: tuple[str, ...] = ()


def band(name: str, x: Sequence[float], values: np.ndarray) -> Line:
    """The median over the seeds of values [n, S], and the range of all; nan where no seed has one."""
    known = np.isfinite(values)
    some = known.any(1)
    y, low, high = (np.full(len(values), np.nan) for _ in range(3))
    if some.any():
        rows = np.where(known, values, np.nan)[some]
        y[some], low[some], high[some] = (f(rows, axis=1) for f in STATISTICS)
    return Line(name, np.asarray(x, float), y, low, high)


def verdicts(claims: Sequence[Claim], slug: str, grid: Grid) -> list[str]:
    """What the claims on a figure say of its grid, where that is as they have it, and whole."""
    ours = [c for c in claims if c.preset == slug and c.recipes == (grid.sweep,) and grid.done]
    return [claim.sentence(claim.judge([grid])) for claim in ours]


STATISTICS = (np.nanmedian, np.nanmin, np.nanmax)


def along(column: str, step: int | None = None, name: str = "") -> Callable[[Grid], list[Line]]:
    """Lines of a column along the first axis: one, or one for each value of the second axis."""

    def lines(grid: Grid) -> list[Line]:
        axes, values = grid.sweep.over, grid.values(column, step)
        x = axes[0].values
        if len(axes) == 1:
            return [band(name or column, x, values)]
        names = [f"{axes[1].label} {value}" for value in axes[1].values]
        return [band(one, x, values[:, i]) for i, one in enumerate(names)]

    return lines
