"""Curves along a knob: a sweep that is drawn from left to right while it is computed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from widgets import theme
from widgets.computing import ComputedPage
from widgets.controls import Controls
from widgets.figure import NOTHING, Spec, axes, figure, panel
from widgets.lines import Lines
from widgets.page import layout
from widgets.single import Single
from widgets.sweeping import Sweeping

if TYPE_CHECKING:  # the page shows its empty plots before torch is there
    from lab_core.curves import Curve, Line, Panel
    from lab_core.phenomena import Phenomenon
    from lab_core.sweep import Grid

MOST_SEEDS = 20
BAND = 0.18  # opacity
UNDRAWN = ""  # no line is called so


class CurveLab(ComputedPage):
    """The page: `CurveLab("double_descent")`. Its figures are the curves of the phenomenon.

    Nothing is computed before a person presses Compute. A click on a curve, or the sliders below the
    settings, choose the run that the link below the plots opens.
    """

    def __init__(self, phenomenon: str) -> None:
        super().__init__("", "", "", "")
        self.key = Lines()
        self.controls, self.single = Controls(), Single()
        self.sweeping = Sweeping(self.figure, self.messages, self._draw, self._tell)
        self.view = layout(
            self.head, self.sweeping.view, self.caption, [self.predict, self.controls],
            [self.key, self.figure, self.single.view, self.messages],
        )  # fmt: skip
        self.figure.on_pick(self._guarded(self._pick))
        self.controls.on_change(self._change, self._guarded)
        self._name = phenomenon
        self._about: Phenomenon | None = None
        self._curve: Curve | None = None

    def _open(self) -> None:
        from lab_core.curves import Curve
        from widgets.opening import phenomenon

        self._about = about = phenomenon(self._name)
        self._known = {s: f for s, f in about.figures.items() if isinstance(f, Curve)}
        if not self._known:
            raise ValueError(f"phenomenon: {about.slug} has no curves.")
        self._ask(about)
        self._choose(next(iter(self._known)))

    # ---- what a person does

    def _choose(self, slug: str) -> None:
        self._slug = slug
        self._take_up(self._known[slug])

    def _change(self, name: str, value: Any) -> None:
        if name == "figure":
            self._choose(value)
        elif name.startswith("at."):
            self._show(int(name.removeprefix("at.")), value)
        else:
            try:
                self._take_up(self._with(name, value))
            except ValueError:  # nothing is lost: curves and controls stay as they were
                self.controls.set_spec(self._groups())
                raise

    def _with(self, name: str, value: Any) -> Curve:
        """The curve with another setting of its sweep."""
        sweep = self.curve.subject
        if name == "seeds":
            return replace(self.curve, subject=replace(sweep, seeds=tuple(range(int(value)))))
        return replace(self.curve, subject=replace(sweep, recipe=sweep.recipe.set({name: value})))

    def _take_up(self, curve: Curve) -> None:
        """Show a curve of which nothing is known."""
        self._curve = curve
        self._at = [0] * len(curve.subject.over)
        self._colours: dict[str, int] = {}
        self._drawn: list[list[str]] = [[] for _ in curve.panels]
        self.messages.clear()
        self.figure.replace(figure([plot(one) for one in curve.panels]))
        self.controls.set_spec(self._groups())
        self.predicting.ask(self.about.slug, self._slug, curve.question)
        self.sweeping.open(curve.subject)
        self._look(curve.caption)
        self._show(0, 0)

    def _groups(self) -> list[Spec]:
        from widgets.choices import control

        curve, sweep = self.curve, self.curve.subject
        options = [{"value": slug, "label": c.title} for slug, c in self._known.items()]
        swept = {name for axis in sweep.over for name in axis.knobs}
        own = [control(sweep.recipe.knob(name), value) for name, value in sweep.recipe.flat().items()
               if name in curve.knobs and name not in swept]  # fmt: skip
        seeds = {"id": "seeds", "label": "seeds", "kind": "slider", "scale": "linear", "low": 1,
                 "high": MOST_SEEDS, "step": 1, "value": len(sweep.seeds)}  # fmt: skip
        chosen = {"id": "figure", "label": "figure", "kind": "choice", "value": self._slug,
                  "options": options}  # fmt: skip
        ids = [f"at.{i}" for i in range(len(sweep.over))]
        return [
            {"title": "Figure", "controls": [chosen]},
            {"title": "Settings", "controls": [*own, seeds]},
            self.single.group(sweep.over, self._at, ids),
        ]

    def _pick(self, which: int, x: float, y: float) -> None:
        """The run nearest to a place: of the line nearest in y, the point nearest in x."""
        over, one = self.curve.subject.over, self.curve.panels[which]
        every = [line for line in one.lines(self.grid) if not (line.dashed or line.points)]
        lines = [line for line in every if len(line.x) == len(over[0].values)]
        if not lines:
            return  # its points are no single runs
        across = [
            np.argmin(np.abs(scaled(line.x, one.log_x) - scaled(x, one.log_x))) for line in lines
        ]
        heights = np.array([line.y[i] for line, i in zip(lines, across, strict=True)])
        away = np.abs(scaled(heights, one.log_y) - scaled(y, one.log_y))
        k = int(np.argmin(np.where(np.isfinite(away), away, np.inf)))
        self._set(0, int(across[k]))
        if len(over) > 1 and len(lines) == len(over[1].values):
            self._set(1, k)

    def _set(self, axis: int, index: int) -> None:
        self.controls.locks.check(f"at.{axis}")
        self._show(axis, index)
        self.controls.update(f"at.{axis}", value=index)

    def _show(self, axis: int, index: int) -> None:
        """Offer a run, at the first seed."""
        self._at[axis] = index
        sweep = self.curve.subject
        self.single.show(sweep.cell((*self._at, 0)), sweep, self.about.slug)

    # ---- what the page shows

    @property
    def about(self) -> Phenomenon:
        if self._about is None:
            raise RuntimeError("The page did not open; it says why.")
        return self._about

    @property
    def curve(self) -> Curve:
        if self._curve is None:
            raise RuntimeError("The page did not open; it says why.")
        return self._curve

    @property
    def grid(self) -> Grid:
        if self.sweeping.grid is None:
            raise RuntimeError("The page did not open; it says why.")
        return self.sweeping.grid

    def _draw(self, grid: Grid) -> None:
        every = [list(one.lines(grid)) for one in self.curve.panels]
        for line in (line for lines in every for line in lines):
            self._colours.setdefault(line.like or line.name, len(self._colours))
        for i, lines in enumerate(every):
            names = [line.name for line in lines]
            if names != self._drawn[i]:
                self._drawn[i] = names
                specs = [spec for k, line in enumerate(lines) for spec in self._specs(i, k, line)]
                specs += self.predicting.traces(i)
                self.figure.set_panel(i, plot(self.curve.panels[i]), specs)
            for k, line in enumerate(lines):
                self._put(i, k, line)
        self.key.lines = self._key([line for lines in every for line in lines])
        self.figure.flush()
        self._look()

    def _begun(self) -> bool:
        return self.sweeping.begun

    def _subject(self) -> tuple[Any, Any]:
        return self.sweeping.subject

    def _predicted(self) -> None:
        with self.sweeping.lock:
            self._drawn = [[UNDRAWN] for _ in self._drawn]
            self._draw(self.grid)

    def _style(self, line: Line) -> Spec:
        return theme.style(self._colours[line.like or line.name])

    def _specs(self, i: int, k: int, line: Line) -> list[Spec]:
        """The traces of a line: its band, and itself."""
        x, y = axes(i)
        style = self._style(line)
        base = {"type": "scatter", "xaxis": x, "yaxis": y, "name": line.name}
        if line.points:
            marker = style["marker"] | {"size": 8}
            return [base | {"uid": uid(i, k), "mode": "markers", "marker": marker}]
        if line.dashed:
            style = {"line": style["line"] | {"dash": "5px,3px", "width": 1.4}}  # and no tip
        own = base | {"uid": uid(i, k), "mode": "lines", **style}
        if line.low is None:
            return [own]
        area = {"uid": f"{uid(i, k)}_band", "mode": "lines", "fill": "toself", "opacity": BAND,
                "fillcolor": style["line"]["color"], "line": {"width": 0, "color": NOTHING}}  # fmt: skip
        return [base | area, own]

    def _put(self, i: int, k: int, line: Line) -> None:
        """The points of a line, as far as they are known."""
        known = np.isfinite(line.y) & np.isfinite(line.x)
        x = line.x[known]
        order = np.arange(len(x)) if line.points else None
        self.figure.set(uid(i, k), x, line.y[known], order)
        if line.low is not None and line.high is not None and not line.points:
            around = np.concatenate([line.low[known], line.high[known][::-1]])
            there = np.concatenate([x, x[::-1]])
            self.figure.set(f"{uid(i, k)}_band", there, around, np.arange(len(there)))

    def _key(self, lines: list[Line]) -> list[Spec]:
        """What each line is, once, whatever panels it is in; nothing where there is but one."""
        each: dict[str, Spec] = {}
        for line in lines:
            mark = self._style(line)["marker"]
            own = {"name": line.name, "dash": "dash" if line.dashed else "solid",
                   "line": not line.points, **mark}  # fmt: skip
            if line.dashed:
                own["symbol"] = ""
            if (
                each.setdefault(line.name, own)["color"] != mark["color"]
            ):  # of several colours: none
                each[line.name] |= {"color": "var(--ew-ink)", "symbol": ""}
        found = list(each.values()) if len(each) > 1 else []
        mine = [{"name": one["word"], "color": one["color"], "dash": "dot", "symbol": "", "line": True}
                for one in self.predicting.key()]  # fmt: skip
        return found + mine

    def _tell(self, grid: Grid) -> None:
        """Whether the claims on this figure hold."""
        from lab_core.curves import verdicts

        for sentence in verdicts(self.about.claims, self._slug, grid):
            if grid is self.grid:
                self.messages.add(None, sentence)


def plot(one: Panel) -> Spec:
    """A panel of the figure."""
    return panel(one.title, one.x, one.y, one.log_y, xlog=one.log_x, steps=False, pick=True,
                 marks=[list(mark) for mark in one.marks])  # fmt: skip


def uid(panel: int, line: int) -> str:
    """A trace's name; plotly looks it up as a CSS class."""
    return f"p{panel}_l{line}"


def scaled(values: Any, log: bool) -> Any:
    """Values as they are spread along an axis."""
    return np.log(np.maximum(values, 1e-300)) if log else values
