"""The four plots of a run: which columns each shows, and their new points sent as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from widgets import figure as fig
from widgets.fitted import Fitted
from widgets.live_plot import LiveFigure
from widgets.panels import EMPTY, FOURTH, PLOTS, Plot
from widgets.predicting import NO_MORE, Drawn
from widgets.sources import AXES, NONE, STEPS, Points, Source, first_colours, of_arm
from widgets.traces import (
    Arrays,
    column_of,
    key_of,
    name_of,
    parts_of,
    show_arrays,
    specs,
    threshold_label,
    uid_of,
)

if TYPE_CHECKING:  # the page shows its empty plots before torch is there
    from lab_core.phenomena import Preset
    from lab_core.run import Run

WINDOW = 800  # points a trace: a panel is some 450 pixels wide, and a cell has two extremes


NOTHING: Mapping[str, Callable[[], Source]] = {}


@cache
def against(plot: Plot, x: str) -> Plot:
    """A plot with another x."""
    return replace(plot, x=x)


class Plots:
    """A LiveFigure that follows a run, saved records and ghosts; `sync` sends what is new and may be
    called from any thread. `slugs` are the four plots, `x` is what curves are drawn against, and
    `picked` the arm and replica of which heat maps are drawn.
    """

    def __init__(self) -> None:
        self.slugs: tuple[str, ...] = ("",) * (FOURTH + 1)
        self.choices: tuple[str, ...] = ()
        self.x, self.picked = "step", (0, 0)
        self.beside: Callable[[int, str, bool], Drawn] = lambda place, slug, along: NO_MORE
        panels = [self._panel(i) for i in range(FOURTH + 1)]
        self.figure = LiveFigure(fig.figure(panels), window=WINDOW, history=self._history)
        self.clear()

    @property
    def chosen(self) -> str:
        """The fourth plot."""
        return self.slugs[FOURTH]

    def _plot(self, place: int) -> Plot:
        """What a place shows; the loss against itself would be a straight line."""
        plot = PLOTS.get(self.slugs[place], EMPTY)
        fixed = plot.array or (self.slugs[place] == "loss" == self.x)
        return plot if fixed else against(plot, self.x)

    def _panel(self, place: int) -> fig.Spec:
        plot = self._plot(place)
        options: dict[str, Any] = {"include": plot.include, "clip": plot.clip, "span": plot.span}
        _, marks, key = self.beside(place, self.slugs[place], self.x in STEPS)
        options |= {"steps": not plot.array, "key": [*key_of(plot), *key], "marks": marks}
        options |= {"cells": plot.is_map, "equal": len(plot.points) > 1, "rates": plot.rate}
        if place == FOURTH and self.choices:
            options["choices"] = [(slug, PLOTS[slug].title) for slug in self.choices]
            options |= {"choice": self.chosen, "label": "fourth plot"}
        axis = AXES.get(plot.x)
        title, options["xlog"] = (axis.title, axis.log) if axis else (plot.x, False)
        return fig.panel(plot.title, title, plot.y, plot.log, **options)

    def clear(self) -> None:
        """Forget all curves."""
        self._sources: dict[str, Source] = {}
        self._from: dict[str, tuple[Source, str, int]] = {}  # trace -> where all its points are
        self._sent: dict[str, float] = {}  # trace -> the last step of it that was sent
        self._level: dict[str, float] = {}  # threshold trace -> its last value
        self._set: dict[str, Any] = {}  # source -> what its arm was set to when it was labelled
        self._hidden: set[str] = set()
        self.closed: set[int] = set()
        self._fitted = Fitted(self.figure)
        for trace in self.figure.traces:
            self.figure.remove_trace(trace)
        for place in range(FOURTH + 1):
            self._draw_one(place)

    def _draw_one(self, place: int) -> None:
        """A line at 1, the threshold of what is divided by it; and what else is drawn beside."""
        for spec in self.beside(place, self.slugs[place], self.x in STEPS)[0]:
            self.figure.add_trace(spec)
        if self._plot(place).one:
            one = fig.threshold(f"one_p{place}", place, 0, "threshold")
            one["line"]["color"] = "var(--ew-muted)"
            self.figure.add_trace(one | {"x": [0.0], "y": [1.0]})

    def open(self, preset: Preset, choices: Sequence[str], chosen: str = "", x: str = "") -> None:
        """Show a preset's plots, and what a link asks for beside them, where it is known."""
        self.choices = tuple(choices)
        fourth = chosen if chosen in choices else preset.plots[FOURTH]
        self.slugs, self.x = (*preset.plots[:FOURTH], fourth), x if x in AXES else preset.x
        for place in range(FOURTH + 1):
            self.figure.set_panel(place, self._panel(place), [])

    def choose(self, chosen: str, run: Run) -> None:
        """Show another fourth plot, and measure what it needs from here on."""
        if chosen in self.choices:
            self.slugs = (*self.slugs[:FOURTH], chosen)
        self.watch(run)
        self.anew(FOURTH)

    def against(self, x: str) -> None:
        """Draw all curves against another x, one of `AXES`."""
        self.x = x
        for place in range(FOURTH + 1):
            self.anew(place)

    def anew(self, place: int) -> None:
        """Draw all of a place again."""
        traces = [spec for source in self._sources.values() for spec in self._traces(source, place)]
        self.figure.set_panel(place, self._panel(place), traces)
        for spec in traces:
            self._sent.pop(spec["uid"], None)
            self._level.pop(spec["uid"], None)
        self._fitted.forget()
        self._draw_one(place)
        for source in self._sources.values():
            self._fill(source, place)

    def watch(self, run: Run) -> None:
        """Have a run measure what the plots show."""
        for plot in (PLOTS[slug] for slug in self.slugs):
            for probe in plot.probes:
                if probe not in dict(run.base.probes):
                    run.watch(probe, plot.every)

    def show(self, key: str, visible: bool) -> None:
        """Draw a source, or hide its curves."""
        (self._hidden.discard if visible else self._hidden.add)(key)
        for trace in self._of(key):
            self.figure.restyle(trace, visible=visible)

    def remove(self, key: str) -> None:
        """Take a source's curves away; those of an arm for good."""
        for trace in self._of(key):
            self.figure.remove_trace(trace)
            for known in (self._sent, self._level, self._from):
                known.pop(trace, None)
        source = self._sources.pop(key, None)
        if source and source.arm:
            self.closed.add(source.arm.index)

    def visible(self, key: str) -> bool:
        """Whether a source is drawn."""
        return key not in self._hidden

    def _of(self, key: str, place: int | None = None) -> list[str]:
        mine = [t for t in self.figure.traces if t.startswith(f"{key}_")]
        return [t for t in mine if place is None or parts_of(t)[1] == place]

    def look(self, run: Run, step: int | None) -> None:
        """Show the plots as they were at a step; None is now."""
        self.figure.until = step
        if step is not None:
            for place in range(FOURTH + 1):
                for source in self._sources.values() if self._plot(place).array else ():
                    self._past(source, place, step)

    def _past(self, source: Source, place: int, step: int) -> None:
        """What an array was at a step, measured anew."""
        plot, arm = self._plot(place), source.arm
        if arm and arm.first <= step <= arm.t and self._of(source.key, place):
            found = arm.measured_at(step, plot.probes[0]).arrays
            if plot.array in found:
                self._draw(source, place, plot, found)

    def pick(self, arm: int, replica: int) -> None:
        """Draw what is drawn once, such as heat maps, of another replica."""
        if self.picked == (arm, replica):
            return
        self.picked, moment = (arm, replica), self.figure.until
        for place in [i for i in range(FOURTH + 1) if self._plot(i).once]:
            self.anew(place)
            if moment is not None:
                for source in self._sources.values():
                    self._past(source, place, int(moment))

    def sync(self, run: Run, others: Mapping[str, Callable[[], Source]] = NOTHING) -> None:
        """Send every new point, and what is new of the arms, saved records and ghosts."""
        arms = [a for a in list(run.arms.values()) if a.index not in self.closed]
        first = first_colours(run.arms.values())
        new = [of_arm(a, first[a.index]) for a in arms if f"a{a.index}" not in self._sources]
        for source in [*new, *(make() for key, make in others.items() if key not in self._sources)]:
            self._sources[source.key] = source
            for place in range(FOURTH + 1):
                for spec in self._traces(source, place):
                    self.figure.add_trace(spec)
        for source in list(self._sources.values()):
            self._name(source)
            for place in range(FOURTH + 1):
                self._fill(source, place)

    def _name(self, source: Source) -> None:
        """Say the present learning rates of an arm, once they have changed."""
        arm, key = source.arm, source.key
        if arm is None or self._set.setdefault(key, arm.recipes) is arm.recipes:
            return
        self._set[key] = arm.recipes
        now = self._sources[key] = of_arm(arm, source.first)
        for uid in self._of(key):
            r, place, column = parts_of(uid)
            if uid in self._from:
                self._from[uid] = (now, *self._from[uid][1:])
            self.figure.restyle(uid, name=name_of(now, self._plot(place), r, column))

    def _history(self, trace: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All points of a trace, for a person who zooms in."""
        if trace not in self._from:
            return NONE
        source, column, r = self._from[trace]
        steps, x, y = source.points(column, r, self._x_of(trace))
        return x, y, steps

    def _x_of(self, uid: str) -> str:
        return self._plot(parts_of(uid)[1]).x

    def fit(self) -> None:
        """Write beside curves how fast they fall, where the plot asks for that."""
        asked = [i for i in range(FOURTH + 1) if self._plot(i).rate]
        curves = self._from.items() if asked else ()
        self._fitted.write((t, *of) for t, of in list(curves) if parts_of(t)[1] in asked)

    # ---- the traces of one source

    def _traces(self, source: Source, place: int) -> list[fig.Spec]:
        visible = {"visible": self.visible(source.key)}
        found = specs(source, self._plot(place), place, range(source.R), self._picked(source))
        return [spec | visible for spec in found]

    def _picked(self, source: Source) -> list[int]:
        arm, replica = self.picked
        return [replica] if source.key == f"a{arm}" and replica < source.R else []

    def _fill(self, source: Source, place: int) -> None:
        """Send what is new of a source in one place."""
        plot, key = self._plot(place), source.key
        if plot.array:
            self._array(source, place, plot)
            return
        for r in range(source.R):
            for column in (*plot.columns, *plot.dashed):
                uid = uid_of(key, r, place, column)
                self._from[uid] = (source, column_of(source, plot, column), r)
                self._append(uid, plot.x, self._new(uid, plot.x))
            if plot.threshold and source.arm:
                uid = uid_of(key, r, place, "threshold")
                self._from[uid] = (source, "threshold", r)
                self._threshold(uid, plot.x, self._new(uid, plot.x), threshold_label(source.arm, r))

    def _new(self, uid: str, x: str) -> Points:
        source, column, r = self._from[uid]
        return source.points(column, r, x, self._sent.get(uid, -1.0))

    def _append(self, uid: str, x: str, points: Points) -> None:
        steps, at, y = points
        if len(steps) and uid in self.figure.traces:
            self.figure.append(uid, at, y, None if x in STEPS else steps)
            self._sent[uid] = steps[-1]

    def _threshold(self, uid: str, x: str, points: Points, label: str) -> None:
        """A level, sent where it moves."""
        steps, at, y = points
        if not len(steps) or uid not in self.figure.traces:
            return
        moved = np.diff(y, prepend=self._level.get(uid, np.nan)) != 0
        if moved.any():
            self.figure.restyle(uid, meta={"label": label})
            self._level[uid] = y[-1]
        self._append(uid, x, (steps[moved], at[moved], y[moved]))
        self._sent[uid] = steps[-1]

    def _array(self, source: Source, place: int, plot: Plot) -> None:
        arrays = source.record.arrays
        if self.figure.until is None and plot.array in arrays and source.arm:
            self._draw(source, place, plot, dict(arrays))

    def _draw(self, source: Source, place: int, plot: Plot, arrays: Arrays) -> None:
        show_arrays(self.figure, self._of(source.key, place), plot, arrays, self._sent)
