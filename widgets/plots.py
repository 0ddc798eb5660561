"""The four plots of a run: which columns each shows, and their new points sent as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from widgets import figure as fig
from widgets.live_plot import LiveFigure

if TYPE_CHECKING:  # the page shows its empty plots before torch is there
    from lab_core.arm import Arm
    from lab_core.run import Run

WINDOW = 800  # points a trace: a panel is some 450 pixels wide, and a cell has two extremes
FOURTH = 3  # the place of the plot that a person chooses


@dataclass(frozen=True)
class Plot:
    """One plot: columns of the record as curves; `probe` is switched on, every so many steps."""

    title: str
    y: str
    columns: tuple[str, ...]
    log: bool = False
    threshold: bool = False
    probe: str = ""
    every: int = 10
    array: str = ""  # shown as a curve of its own instead of columns
    x: str = "step"
    include: tuple[float, float] | tuple[()] = ()
    clip: tuple[float, float] | tuple[()] = ()


LOSS = Plot("Training loss", "loss", ("train_loss",), log=True)
SHARPNESS = Plot("Sharpness and its threshold", "top eigenvalue", ("sharpness",), threshold=True,
                 include=(0.0, 0.0))  # fmt: skip
RATIO = Plot("Sharpness ÷ threshold", "fraction of the threshold", ("ratio",),
             include=(0.0, 1.2), clip=(0.0, 3.0))  # fmt: skip
CHOICES = {
    "weight_norm": Plot("Weight norm", "‖w‖", ("weight_norm",), probe="weight_norm"),
    "eigenvalues": Plot("Five largest eigenvalues", "eigenvalue",
                        tuple(f"eigenvalue_{i}" for i in range(1, 6)), probe="eigenvalues", every=20),
    "spectrum": Plot("Hessian spectrum, newest", "share of eigenvalues per unit", (), log=True,
                     probe="spectrum", every=100, array="spectrum", x="eigenvalue",
                     clip=(1e-6, 1e6)),
    "accuracy": Plot("Accuracy, train and test", "share correct",
                     ("train_accuracy", "test_accuracy"), probe="accuracy", include=(0.0, 1.0)),
    "gradient_norm": Plot("Gradient norm", "‖∇L‖", ("gradient_norm",), log=True,
                          probe="gradient_norm"),
    "raw_sharpness": Plot("Sharpness, not preconditioned", "top eigenvalue", ("sharpness",)),
}  # fmt: skip


class Plots:
    """A LiveFigure that follows a run; `sync` sends what is new and may be called from any thread."""

    def __init__(self, chosen: str = "weight_norm") -> None:
        self.chosen = chosen
        panels = [self._panel(i, p) for i, p in enumerate(self._all())]
        self.figure = LiveFigure(fig.figure(panels), window=WINDOW, history=self._history)
        self.clear()

    def _all(self) -> list[Plot]:
        return [LOSS, SHARPNESS, RATIO, CHOICES[self.chosen]]

    def _panel(self, place: int, plot: Plot) -> fig.Spec:
        options: dict[str, Any] = {"include": plot.include, "clip": plot.clip}
        if place == FOURTH:
            options["choices"] = [(slug, p.title) for slug, p in CHOICES.items()]
            options |= {"choice": self.chosen, "label": "fourth plot"}
        return fig.panel(plot.title, plot.x, plot.y, plot.log, **options)

    def clear(self) -> None:
        """Forget all arms and their curves."""
        self._source: dict[str, tuple[Arm, str, int]] = {}  # trace -> where all its points are
        self._sent: dict[str, int] = {}  # trace -> rows of its column, or step of its array
        self._level: dict[str, float] = {}  # threshold trace -> its last value
        self._arms: dict[int, bool] = {}  # arm -> drawn
        self.closed: set[int] = set()
        for trace in self.figure.traces:
            self.figure.remove_trace(trace)
        one = fig.threshold("one", 2, 0, "threshold")
        one["line"]["color"] = "var(--ew-muted)"
        self.figure.add_trace(one | {"x": [0.0], "y": [1.0]})

    def choose(self, chosen: str, run: Run) -> None:
        """Show another fourth plot, and measure what it needs from here on."""
        self.chosen = chosen
        self.watch(run)
        arms = [run.arms[i] for i in self._arms]
        traces = [spec for arm in arms for spec in self._traces(arm, FOURTH)]
        self.figure.set_panel(FOURTH, self._panel(FOURTH, CHOICES[chosen]), traces)
        for spec in traces:
            self._sent.pop(spec["uid"], None)
        for arm in arms:
            self._columns(arm)

    def watch(self, run: Run) -> None:
        """Have a run measure what the fourth plot shows."""
        plot = CHOICES[self.chosen]
        if plot.probe and plot.probe not in dict(run.base.probes):
            run.watch(plot.probe, plot.every)

    def show(self, arm: int, visible: bool) -> None:
        """Draw an arm, or hide its curves."""
        self._arms[arm] = visible
        for trace in self._of(arm):
            self.figure.restyle(trace, visible=visible)

    def remove(self, arm: int) -> None:
        """Take an arm's curves away for good."""
        for trace in self._of(arm):
            self.figure.remove_trace(trace)
        self._arms[arm] = False
        self.closed.add(arm)

    def visible(self, arm: int) -> bool:
        """Whether an arm is drawn."""
        return self._arms.get(arm, True)

    def _of(self, arm: int) -> list[str]:
        return [t for t in self.figure.traces if t.startswith(f"a{arm}_")]

    def look(self, run: Run, step: int | None) -> None:
        """Show the plots as they were at a step; None is now."""
        self.figure.until = step
        plot = CHOICES[self.chosen]
        for arm in run.arms.values() if plot.array else ():
            if step is not None and arm.first <= step <= arm.t:
                value = arm.measured_at(step, plot.probe).arrays[plot.array]
                self._draw(arm, FOURTH, plot, step, value[1])

    def sync(self, run: Run) -> None:
        """Send every new point, and what is new of the arms."""
        for arm in list(run.arms.values()):
            if arm.index not in self._arms:
                self._arms[arm.index] = True
                for place in range(4):
                    for spec in self._traces(arm, place):
                        self.figure.add_trace(spec)
            self._columns(arm)

    def _history(self, trace: str) -> tuple[np.ndarray, np.ndarray]:
        """All points of a trace, for a person who zooms in."""
        if trace not in self._source:
            return np.empty(0), np.empty(0)
        arm, column, r = self._source[trace]
        steps, values = arm.record[column]
        known = np.isfinite(values[:, r])
        return steps[known], values[known, r]

    # ---- the traces of one arm

    @staticmethod
    def _uid(arm: int, replica: int, place: int, column: str) -> str:
        """A trace's name; plotly looks it up as a CSS class."""
        return f"a{arm}_r{replica}_p{place}_{column}"

    def _names(self, arm: Arm, plot: Plot) -> tuple[str, ...]:
        """Where an optimizer divides by P, it is the effective sharpness that its threshold is for."""
        if plot is SHARPNESS and "effective_sharpness" in arm.record.columns:
            return ("effective_sharpness",)
        return (plot.array,) if plot.array else plot.columns

    def _traces(self, arm: Arm, place: int) -> list[fig.Spec]:
        plot, out = self._all()[place], []
        for r in range(arm.R):
            name = f"arm {arm.index}, {arm.label(r)}" if arm.index else arm.label(r)
            for i, column in enumerate(plot.columns or (plot.array,)):
                uid = self._uid(arm.index, r, place, column)
                spec = fig.curve(uid, place, r, arm.index, name)
                if i and place == FOURTH:  # the second and further columns of a plot are thinner
                    spec["line"] = spec["line"] | {"width": 0.9}
                out.append(spec | {"visible": self._arms.get(arm.index, True)})
            if plot.threshold:
                out.append(fig.threshold(self._uid(arm.index, r, place, "threshold"), place, r,
                                         self._label(arm, r), f"threshold, {name}"))  # fmt: skip
        return out

    @staticmethod
    def _label(arm: Arm, r: int) -> str:
        optimizer = arm.recipes[r].optimizer
        return f"{optimizer.formula}, lr {optimizer.lr:.3g}"

    def _columns(self, arm: Arm) -> None:
        for place, plot in enumerate(self._all()):
            if plot.array:
                self._array(arm, place, plot)
                continue
            for column, source in zip(plot.columns, self._names(arm, plot), strict=True):
                self._column(arm, place, column, source)
            if plot.threshold:
                self._thresholds(arm, place)

    def _column(self, arm: Arm, place: int, column: str, source: str) -> None:
        steps, values = arm.record[source]
        traces = self.figure.traces
        for r in range(arm.R):
            uid = self._uid(arm.index, r, place, column)
            new = slice(self._sent.get(uid, 0), len(steps))
            self._source[uid] = (arm, source, r)
            if new.start < new.stop and uid in traces:
                self.figure.append(uid, steps[new], values[new, r])
            self._sent[uid] = len(steps)

    def _thresholds(self, arm: Arm, place: int) -> None:
        steps, values = arm.record["threshold"]
        for r in range(arm.R):
            uid = self._uid(arm.index, r, place, "threshold")
            new = slice(self._sent.get(uid, 0), len(steps))
            x, y = steps[new], values[new, r]
            moved = np.isfinite(y) & (np.diff(y, prepend=self._level.get(uid, np.nan)) != 0)
            if moved.any() and uid in self.figure.traces:
                self.figure.append(uid, x[moved], y[moved])
                self.figure.restyle(uid, meta={"label": self._label(arm, r)})
                self._level[uid] = y[moved][-1]
            self._sent[uid] = len(steps)

    def _array(self, arm: Arm, place: int, plot: Plot) -> None:
        step, value = arm.record.arrays.get(plot.array, (-1, None))
        if self.figure.until is None and value is not None:
            self._draw(arm, place, plot, step, value)

    def _draw(self, arm: Arm, place: int, plot: Plot, step: int, value: Any) -> None:
        for r in range(arm.R):
            uid = self._uid(arm.index, r, place, plot.array)
            if self._sent.get(uid) != step and uid in self.figure.traces:
                grid, density = (v[r].double().cpu().numpy() for v in value)
                self.figure.set(uid, grid, np.maximum(density, 1e-12))
                self._sent[uid] = step
