"""Which phase diagram a person asks for: of which run, over which two knobs, coloured by what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from lab_core.arm import Arm
from lab_core.curves import verdicts
from lab_core.knobs import BadInput, knobs
from lab_core.phase import KINDS, Diagram, Measure, axis, numeric
from lab_core.phenomena import PHENOMENA, Phenomenon
from lab_core.recipe import Recipe
from lab_core.sweep import Axis, Grid, Sweep, plain
from widgets.choices import slider

Spec = dict[str, Any]
OWN = "own"
WORDS = {"share": "share of seeds that reach it", "step": "first step that reaches it",
         "last": "last value"}  # fmt: skip
MOST_SEEDS = 10


@dataclass(frozen=True)
class Along:
    """An axis as it is asked for; `given` where a diagram brought it."""

    knob: str
    low: float
    high: float
    count: int
    log: bool
    given: Axis | None = None

    @classmethod
    def of(cls, given: Axis, recipe: Recipe) -> Along:
        log = numeric(recipe).get(given.knobs[0], (0, 0, False))[2]
        return cls(given.knobs[0], given.values[0], given.values[-1], len(given.values), log, given)

    @classmethod
    def by(cls, knob: str, recipe: Recipe, count: int = 16) -> Along:
        low, high, log = numeric(recipe)[knob]
        return cls(knob, low, high, count, log)

    def axis(self, recipe: Recipe) -> Axis:
        if self.given:
            return self.given
        return axis(recipe, self.knob, self.low, self.high, self.count, self.log)


@dataclass(frozen=True)
class Wanted:
    """All that is asked for."""

    diagram: str
    phenomenon: str
    preset: str
    recipe: Recipe
    rows: Along
    columns: Along
    seeds: tuple[int, ...]
    measure: Measure


class Asking:
    """What is asked for, as controls show it and change it."""

    def __init__(self, about: Phenomenon) -> None:
        found = {**diagrams(about)}
        for other in PHENOMENA.values():
            found |= diagrams(other)
        if not found:
            raise BadInput("phenomenon: none has a phase diagram.")
        self.known = found
        self.wanted = self._from(next(iter(found)))
        self._before = self.wanted

    def _from(self, slug: str) -> Wanted:
        d = self.known[slug]
        rows, columns = (Along.of(a, d.subject.recipe) for a in d.subject.over)
        return Wanted(slug, d.phenomenon, d.preset, d.subject.recipe, rows, columns,
                      d.subject.seeds, d.measure)  # fmt: skip

    def undo(self) -> None:
        """As it was before the last change."""
        self.wanted = self._before

    def diagram(self) -> Diagram:
        """The diagram; BadInput where there can be none."""
        w = self.wanted
        if w.diagram in self.known:
            return self.known[w.diagram]
        if w.rows.knob == w.columns.knob:
            raise BadInput(f"{w.rows.knob}: both axes are of it; choose two knobs.")
        over = w.rows.axis(w.recipe), w.columns.axis(w.recipe)
        sweep = Sweep(w.recipe, over, w.seeds, w.measure.success)
        about = PHENOMENA[w.phenomenon]
        title = f"{about.title}, {about.presets[w.preset].title}"
        return Diagram(title, "", sweep, w.measure, w.phenomenon, w.preset)

    def verdicts(self, grid: Grid) -> list[str]:
        """What claims say of it, where it is a diagram as they have it."""
        about, _, slug = self.wanted.diagram.partition("/")
        return verdicts(PHENOMENA[about].claims, slug, grid) if slug else []

    # ---- changes

    def set(self, name: str, value: Any) -> None:
        """What a control says. Raises BadInput."""
        self._before = w = self.wanted
        side, _, what = name.partition(".")
        if name == "diagram":
            self.wanted = self._from(value) if value in self.known else replace(w, diagram=OWN)
        elif name == "phenomenon":
            self.wanted = self._plain(value, next(iter(PHENOMENA[value].presets)))
        elif name == "preset":
            self.wanted = self._plain(w.phenomenon, value)
        elif side in ("rows", "columns"):
            along = self._along(getattr(w, side), what, value)
            w = replace(w, rows=along) if side == "rows" else replace(w, columns=along)
            self.wanted = replace(w, diagram=OWN)
        elif side == "measure":
            self.wanted = replace(w, diagram=OWN, measure=replace(w.measure, **{what: value}))
        elif name == "seeds":
            self.wanted = replace(w, diagram=OWN, seeds=tuple(range(int(value))))
        else:
            self.wanted = replace(w, diagram=OWN, recipe=w.recipe.set({name: value}))

    def _along(self, old: Along, what: str, value: Any) -> Along:
        if what == "knob":
            return Along.by(value, self.wanted.recipe, old.count)
        return replace(old, given=None, **{what: value})

    def _plain(self, phenomenon: str, preset: str) -> Wanted:
        """A preset's run, over its learning rate and the knob before it."""
        recipe = plain(PHENOMENA[phenomenon].presets[preset].recipe)
        names = list(numeric(recipe))
        other = "init_scale" if "init_scale" in names else names[0]
        rows, columns = Along.by(other, recipe), Along.by("lr", recipe)
        return Wanted(OWN, phenomenon, preset, recipe, rows, columns, (0, 1, 2),
                      Measure("train_loss"))  # fmt: skip

    # ---- controls

    def groups(self) -> list[Spec]:
        """What is asked for, as groups of controls."""
        w = self.wanted
        options = [{"value": slug, "label": d.title} for slug, d in self.known.items()]
        options.append({"value": OWN, "label": "of your own"})
        runs = [{"value": slug, "label": p.title} for slug, p in PHENOMENA.items() if p.presets]
        presets = [{"value": slug, "label": p.title}
                   for slug, p in PHENOMENA[w.phenomenon].presets.items()]  # fmt: skip
        own = [
            choice("phenomenon", "phenomenon", w.phenomenon, runs),
            choice("preset", "preset", w.preset, presets),
            slider(knobs(w.recipe)["steps"], w.recipe.steps),
            {"id": "seeds", "label": "seeds", "kind": "slider", "scale": "linear", "low": 1,
             "high": MOST_SEEDS, "step": 1, "value": len(w.seeds)},
        ]  # fmt: skip
        return [
            {"title": "Diagram", "controls": [choice("diagram", "diagram", w.diagram, options)]},
            {"title": "Run", "controls": own},
            self._axis("columns", "Across", w.columns),
            self._axis("rows", "Up", w.rows),
            self._colour(),
        ]

    def _axis(self, side: str, title: str, a: Along) -> Spec:
        controls = [
            choice(f"{side}.knob", "knob", a.knob, sorted({*numeric(self.wanted.recipe), a.knob})),
            {"id": f"{side}.low", "label": "from", "kind": "number", "value": a.low},
            {"id": f"{side}.high", "label": "to", "kind": "number", "value": a.high},
            {"id": f"{side}.count", "label": "values", "kind": "slider", "scale": "linear",
             "low": 2, "high": 64, "step": 1, "value": a.count},
            {"id": f"{side}.log", "label": "logarithmic", "kind": "toggle", "value": a.log},
        ]  # fmt: skip
        return {"title": title, "controls": controls, "compact": True}

    def _colour(self) -> Spec:
        m = self.wanted.measure
        kinds = [{"value": kind, "label": WORDS[kind]} for kind in KINDS]
        columns = sorted({*columns_of(self.wanted.recipe), m.column})
        controls = [choice("measure.column", "of", m.column, columns),
                    choice("measure.kind", "shows", m.kind, kinds)]  # fmt: skip
        if m.kind != "last":
            controls += [
                {"id": "measure.level", "label": "level", "kind": "number", "value": m.level},
                {"id": "measure.below", "label": "or less", "kind": "toggle", "value": m.below,
                 "help": "reached from above"},
            ]  # fmt: skip
        return {"title": "Colour", "controls": controls}


def choice(id: str, label: str, value: str, options: Any) -> Spec:
    return {"id": id, "label": label, "kind": "choice", "value": value, "options": options}


def diagrams(about: Phenomenon) -> dict[str, Diagram]:
    """The phase diagrams of a phenomenon, by its slug and theirs."""
    found = about.figures.items()
    return {f"{about.slug}/{slug}": d for slug, d in found if isinstance(d, Diagram)}


@lru_cache(maxsize=64)
def columns_of(recipe: Recipe) -> list[str]:
    """The columns that a recipe's run records, by its first step."""
    arm = Arm([recipe])
    arm.advance(1)
    return [name for name in arm.record.columns if name not in ("time", "lr")]
