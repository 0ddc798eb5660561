"""The four plots of a run: which columns each shows, and their new points sent as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from widgets import figure as fig
from widgets.live_plot import LiveFigure
from widgets.panels import CHOICES, FOURTH, LOSS, RATIO, SHARPNESS, USUAL, Plot
from widgets.sources import AXES, NONE, Points, Source, of_arm

if TYPE_CHECKING:  # the page shows its empty plots before torch is there
    from lab_core.arm import Arm
    from lab_core.run import Run

WINDOW = 800  # points a trace: a panel is some 450 pixels wide, and a cell has two extremes


NOTHING: Mapping[str, Callable[[], Source]] = {}


@cache
def against(plot: Plot, x: str) -> Plot:
    """A plot with another x."""
    return replace(plot, x=x)


class Plots:
    """A LiveFigure that follows a run, saved records and ghosts; `sync` sends what is new and may be
    called from any thread. `x` is what the curves are drawn against.
    """

    def __init__(self) -> None:
        self.chosen, self.x = USUAL, "step"
        panels = [self._panel(i) for i in range(FOURTH + 1)]
        self.figure = LiveFigure(fig.figure(panels), window=WINDOW, history=self._history)
        self.clear()

    def _plot(self, place: int) -> Plot:
        """What a place shows; the loss against itself would be a straight line."""
        plot = [LOSS, SHARPNESS, RATIO, CHOICES[self.chosen]][place]
        fixed = plot.array or (plot is LOSS and self.x == "loss")
        return plot if fixed else against(plot, self.x)

    def _panel(self, place: int) -> fig.Spec:
        plot = self._plot(place)
        options: dict[str, Any] = {"include": plot.include, "clip": plot.clip}
        options |= {"steps": not plot.array, "xlog": plot.x == "loss"}
        if place == FOURTH:
            options["choices"] = [(slug, p.title) for slug, p in CHOICES.items()]
            options |= {"choice": self.chosen, "label": "fourth plot"}
        return fig.panel(plot.title, AXES.get(plot.x, plot.x), plot.y, plot.log, **options)

    def clear(self) -> None:
        """Forget all curves."""
        self._sources: dict[str, Source] = {}
        self._from: dict[str, tuple[Source, str, int]] = {}  # trace -> where all its points are
        self._sent: dict[str, float] = {}  # trace -> the last step of it that was sent
        self._level: dict[str, float] = {}  # threshold trace -> its last value
        self._set: dict[str, Any] = {}  # source -> what its arm was set to when it was labelled
        self._hidden: set[str] = set()
        self.closed: set[int] = set()
        for trace in self.figure.traces:
            self.figure.remove_trace(trace)
        self._draw_one()

    def _draw_one(self) -> None:
        """A line at 1, the threshold of what is divided by it."""
        one = fig.threshold("one", 2, 0, "threshold")
        one["line"]["color"] = "var(--ew-muted)"
        self.figure.add_trace(one | {"x": [0.0], "y": [1.0]})

    def look_for(self, chosen: str, x: str) -> None:
        """Show what a link asks for, where it is known."""
        self.chosen = chosen if chosen in CHOICES else USUAL
        self.x = x if x in AXES else "step"
        for place in range(FOURTH + 1):
            self.figure.set_panel(place, self._panel(place), [])

    def choose(self, chosen: str, run: Run) -> None:
        """Show another fourth plot, and measure what it needs from here on."""
        self.chosen = chosen
        self.watch(run)
        self._anew(FOURTH)

    def against(self, x: str) -> None:
        """Draw all curves against the step, lr x step or the training loss."""
        self.x = x
        for place in range(FOURTH + 1):
            self._anew(place)

    def _anew(self, place: int) -> None:
        traces = [spec for source in self._sources.values() for spec in self._traces(source, place)]
        self.figure.set_panel(place, self._panel(place), traces)
        for spec in traces:
            self._sent.pop(spec["uid"], None)
            self._level.pop(spec["uid"], None)
        if place == 2:
            self._draw_one()
        for source in self._sources.values():
            self._fill(source, place)

    def watch(self, run: Run) -> None:
        """Have a run measure what the fourth plot shows."""
        plot = CHOICES[self.chosen]
        if plot.probe and plot.probe not in dict(run.base.probes):
            run.watch(plot.probe, plot.every)

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

    def _of(self, key: str) -> list[str]:
        return [t for t in self.figure.traces if t.startswith(f"{key}_")]

    def look(self, run: Run, step: int | None) -> None:
        """Show the plots as they were at a step; None is now."""
        self.figure.until = step
        plot = CHOICES[self.chosen]
        for source in self._sources.values() if plot.array else ():
            arm = source.arm
            if arm and step is not None and arm.first <= step <= arm.t:
                value = arm.measured_at(step, plot.probe).arrays[plot.array]
                self._draw(source, FOURTH, plot, step, value[1])

    def sync(self, run: Run, others: Mapping[str, Callable[[], Source]] = NOTHING) -> None:
        """Send every new point, and what is new of the arms, saved records and ghosts."""
        arms = [a for a in list(run.arms.values()) if a.index not in self.closed]
        new = [of_arm(a) for a in arms if f"a{a.index}" not in self._sources]
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
        now = self._sources[key] = of_arm(arm)
        for uid, (_, column, r) in list(self._from.items()):
            if uid.startswith(f"{key}_") and uid in self.figure.traces:
                self._from[uid] = (now, column, r)
                self.figure.restyle(uid, name=now.curve(uid, 0, r)["name"])

    def _history(self, trace: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All points of a trace, for a person who zooms in."""
        if trace not in self._from:
            return NONE
        source, column, r = self._from[trace]
        steps, x, y = source.points(column, r, self._x_of(trace))
        return x, y, steps

    def _x_of(self, uid: str) -> str:
        return self._plot(int(uid.split("_")[2][1:])).x

    # ---- the traces of one source

    @staticmethod
    def _uid(key: str, replica: int, place: int, column: str) -> str:
        """A trace's name; plotly looks it up as a CSS class."""
        return f"{key}_r{replica}_p{place}_{column}"

    @staticmethod
    def _column_of(source: Source, place: int, column: str) -> str:
        """Where an optimizer divides by P, it is the effective sharpness that its threshold is for."""
        effective = place == 1 and "effective_sharpness" in source.record.columns
        return "effective_sharpness" if effective else column

    def _traces(self, source: Source, place: int) -> list[fig.Spec]:
        plot, out = self._plot(place), []
        names = (plot.array,) * (source.arm is not None) if plot.array else plot.columns
        for r in range(source.R):
            for i, column in enumerate(names):
                spec = source.curve(self._uid(source.key, r, place, column), place, r)
                if i and place == FOURTH:  # the second and further columns of a plot are thinner
                    spec["line"] = spec["line"] | {"width": 0.9}
                out.append(spec | {"visible": self.visible(source.key)})
            if plot.threshold and source.arm:
                uid = self._uid(source.key, r, place, "threshold")
                name = f"threshold, {source.curve(uid, place, r)['name']}"
                level = fig.threshold(uid, place, r, self._label(source.arm, r), name)
                out.append(level | {"visible": self.visible(source.key)})
        return out

    @staticmethod
    def _label(arm: Arm, r: int) -> str:
        optimizer = arm.recipes[r].optimizer
        return f"{optimizer.formula}, lr {optimizer.lr:.3g}"

    def _fill(self, source: Source, place: int) -> None:
        """Send what is new of a source in one place."""
        plot, key = self._plot(place), source.key
        if plot.array:
            self._array(source, place, plot)
            return
        for r in range(source.R):
            for column in plot.columns:
                uid = self._uid(key, r, place, column)
                self._from[uid] = (source, self._column_of(source, place, column), r)
                self._append(uid, plot.x, self._new(uid, plot.x))
            if plot.threshold and source.arm:
                uid = self._uid(key, r, place, "threshold")
                self._from[uid] = (source, "threshold", r)
                self._threshold(uid, plot.x, self._new(uid, plot.x), self._label(source.arm, r))

    def _new(self, uid: str, x: str) -> Points:
        source, column, r = self._from[uid]
        return source.points(column, r, x, self._sent.get(uid, -1.0))

    def _append(self, uid: str, x: str, points: Points) -> None:
        steps, at, y = points
        if len(steps) and uid in self.figure.traces:
            self.figure.append(uid, at, y, None if x == "step" else steps)
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
        step, value = source.record.arrays.get(plot.array, (-1, None))
        if self.figure.until is None and value is not None and source.arm:
            self._draw(source, place, plot, step, value)

    def _draw(self, source: Source, place: int, plot: Plot, step: int, value: Any) -> None:
        for r in range(source.R):
            uid = self._uid(source.key, r, place, plot.array)
            if self._sent.get(uid) != step and uid in self.figure.traces:
                grid, density = (v[r].double().cpu().numpy() for v in value)
                self.figure.set(uid, grid, np.maximum(density, 1e-12))
                self._sent[uid] = step
