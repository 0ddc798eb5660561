"""Comparing: ghosts and saved records beside the run, other x axes, the settings that differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from html import escape
from itertools import chain, count
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from lab_core import milestones
from lab_core.arm import Arm
from lab_core.devices import one_thread
from lab_core.flows import FLOWS, Flow
from lab_core.formats import from_json
from lab_core.knobs import BadInput
from lab_core.recipe import PARTS, Recipe
from lab_core.tables import SavedArm
from lab_core.timeline import timelines
from widgets.player import background
from widgets.sources import Source, of_flow, of_saved

if TYPE_CHECKING:
    from widgets.session import Session

MOST = 8  # saved arms that are drawn
AHEAD = 10  # steps that a ghost takes between two looks at the others
REST = 0.05  # s
UNKNOWN = "–"  # of a knob that a file does not tell, or that an arm does not have


@dataclass(frozen=True)
class Saved:
    """An arm of a record that was opened."""

    name: str
    source: Source
    recipes: list[Recipe]


class Comparing:
    """`ghosts` by name, "gradient-flow-0" beside arm 0; `saved` by the key of its curves."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.ghosts: dict[str, Flow] = {}
        self.saved: dict[str, Saved] = {}
        self._number = 0
        self._following = False

    def sources(self) -> dict[str, Callable[[], Source]]:
        """What is drawn beside the run's arms, by key; frames ask for what they do not know yet."""
        kinds = list(FLOWS.values())
        out: dict[str, Callable[[], Source]] = {
            key: partial(getattr, saved, "source") for key, saved in list(self.saved.items())
        }
        colours = self.session.colours
        for name, flow in list(self.ghosts.items()):
            kind, first = kinds.index(type(flow)), colours[flow.arm.index]
            out[f"g{name}"] = partial(of_flow, f"g{name}", flow, kind, first)
        return out

    def restart(self) -> None:
        """The run starts anew: its ghosts with it."""
        self.ghosts = {}

    # ---- what a person does

    def against(self, x: str) -> None:
        """Draw the curves against another x."""
        s = self.session
        with s.player.lock, s.screen:
            s.plots.against(x)

    def toggle(self, kind: str, on: bool) -> None:
        """Have a ghost beside the chosen arm, or send it away."""
        s = self.session
        name = f"{kind}-{s.changes.arm}"
        try:
            if on:
                self._raise(name)
            else:
                self.dismiss(name)
        finally:
            s.show()

    def _raise(self, name: str) -> None:
        kind, _, arm = name.rpartition("-")
        arms = self.session.run.arms
        if kind not in FLOWS or not arm.isdecimal() or int(arm) not in arms:
            raise BadInput(f"ghosts: {name!r} is not known; choose {', '.join(FLOWS)} of an arm.")
        with self.session.player.lock:
            self.ghosts[name] = FLOWS[kind](arms[int(arm)])
        if not self._following:
            self._following = True
            background(self._follow)

    def dismiss(self, name: str) -> None:
        """Send a ghost away."""
        self.ghosts.pop(name, None)
        with self.session.screen:
            self.session.plots.remove(f"g{name}")

    def recall(self, names: Iterable[str]) -> None:
        """The ghosts of a link, those that can be."""
        for name in names:
            self.session.lab.guarded(self._raise)(name)

    def add(self, name: str, arms: list[SavedArm]) -> None:
        """Draw a saved record beside the run."""
        if len(self.saved) + len(arms) > MOST:
            raise BadInput(
                f"{name}: {MOST} saved arms are drawn at most; close one of those there are."
            )
        stem, names = PurePath(name).stem[:40], {s.name for s in self.saved.values()}
        free = next(n for n in chain([stem], (f"{stem} {i}" for i in count(2))) if n not in names)
        for arm in arms:
            self._number += 1
            source = of_saved(f"s{self._number}", free, arm, -self._number)
            self.saved[source.key] = Saved(free, source, _at_its_end(arm))
        self.session.show()

    def remove(self, key: str) -> None:
        """Close a saved record."""
        self.saved.pop(key, None)
        with self.session.screen:
            self.session.plots.remove(key)

    # ---- the ghosts, in the background

    def _follow(self) -> None:
        one_thread()
        while not self.session.player.closed:
            moved = [self._step(name, flow) for name, flow in list(self.ghosts.items())]
            if not any(moved):
                time.sleep(REST)

    def _step(self, name: str, flow: Flow) -> bool:
        try:
            return flow.advance(AHEAD)
        except Exception as error:
            self.dismiss(name)
            self.session.fail(error)
            return False

    def beside(self) -> str:
        """What each ghost predicts and how far the run is from it, as HTML."""
        moment = self.session.travel.moment
        return "".join(
            f'<p title="{escape(flow.predicts)}">{escape(milestones.beside(flow, moment))}</p>'
            for flow in list(self.ghosts.values())
        )

    # ---- settings that differ

    def table(self) -> str:
        """The knobs that are not the same everywhere, as HTML; "" where there is one arm alone."""
        columns = {
            f"arm {arm.index}": [r.flat() | _parts(r) for r in self._recipes(arm)]
            for arm in self.session.arms
        }
        for saved in self.saved.values():
            settings = [r.flat() | _parts(r) for r in saved.recipes]
            columns[saved.source.name] = settings or _rates(saved.source)
        names = dict.fromkeys(n for column in columns.values() for one in column for n in one)
        rows = [(n, [_values(column, n) for column in columns.values()]) for n in names]
        return _html(
            list(columns), [(n, cells) for n, cells in rows if len({*cells} - {UNKNOWN}) > 1]
        )

    def _recipes(self, arm: Arm) -> list[Recipe]:
        """What an arm is, or was at the moment, set to."""
        moment = self.session.travel.moment
        if moment is None or not arm.first <= moment < arm.t:
            return arm.recipes
        return arm.recipes_at(moment)


def _at_its_end(saved: SavedArm) -> list[Recipe]:
    """What a saved arm was set to at its end, where its file says so."""
    try:
        arms = timelines(from_json(saved.note)) if saved.note else []
    except BadInput:
        return []
    return arms[saved.index].recipes if saved.index < len(arms) else []


def _rates(saved: Source) -> list[dict[str, Any]]:
    last = saved.record.last("lr")
    return [] if last is None else [{"lr": float(v)} for v in last]


def _parts(recipe: Recipe) -> dict[str, Any]:
    return {p: getattr(recipe, p).label for p in reversed(PARTS)}


def _values(column: list[dict[str, Any]], name: str) -> str:
    """A knob's value in an arm; where its replicas differ, that of each."""
    found = [one[name] for one in column if name in one]
    texts = [f"{v:.7g}" if isinstance(v, float) else str(v) for v in found]
    return ", ".join(texts[:1] if len(set(texts)) == 1 else texts) or UNKNOWN


def _html(heads: list[str], rows: list[tuple[str, list[str]]]) -> str:
    if not rows:
        return ""
    top = "".join(f"<th scope=col>{escape(head)}</th>" for head in heads)
    body = "".join(
        f"<tr><th scope=row>{escape(name.replace('_', ' '))}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows
    )
    return (
        f"<table class=ew-table><caption>Settings that differ</caption>"
        f"<thead><tr><td></td>{top}</tr></thead><tbody>{body}</tbody></table>"
    )
