"""What a lab opens with: a phenomenon by name, a preset, settings, and a link or a file.

Of a link or a file that is not sound, what can be read is read; one sentence says what cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from lab_core import formats, handins, own
from lab_core.flows import FLOWS
from lab_core.fractal import Landscape
from lab_core.knobs import BadInput, knobs
from lab_core.lenient import readable, readable_url
from lab_core.phenomena import PHENOMENA, Phenomenon
from lab_core.plain import from_plain
from lab_core.recipe import PARTS, Recipe
from lab_core.run import Run
from widgets import link, locks
from widgets.bar import LOCKABLE
from widgets.link import Look
from widgets.locks import Locks
from widgets.sources import AXES

VERSION, THEME, TOKEN = "edgewise", "theme", "token"  # the last two are for Voila and Jupyter
CONTROLS = {  # that are neither knobs nor parts: of a lab, of curves, of phase diagrams, of the fractal
    "preset": "preset", "target": "replicas", "origin": "new arm", "against": "x axis",
    "figure": "figure", "seeds": "seeds", "at.0": "", "at.1": "",
    "diagram": "diagram", "phenomenon": "phenomenon", "row": "", "column": "",
    "measure.column": "of", "measure.kind": "shows", "measure.level": "level",
    "measure.below": "or less", "pixels": "pixels", "x": "", "y": "", "half": "half of a side",
    **{f"{side}.{what}": "" for side in ("rows", "columns")
       for what in ("knob", "low", "high", "count", "log")},
}  # fmt: skip


def phenomenon(name: str) -> Phenomenon:
    """A phenomenon by its slug, with hyphens or underscores; BadInput where there is none."""
    slug = name.replace("_", "-")
    if slug not in PHENOMENA:
        raise BadInput(f"phenomenon: {name!r} is not known; choose {', '.join(PHENOMENA)}.")
    return PHENOMENA[slug]


@dataclass(frozen=True)
class Opened:
    """A preset, a recipe over it, what the page shows of it, what could not be read, and what was
    predicted of it.
    """

    preset: str
    recipe: Recipe
    look: Look = link.NOTHING
    said: list[str] = field(default_factory=list)
    prediction: Any = None

    @property
    def notice(self) -> str:
        """One sentence about what could not be read, "" where all was."""
        more = len(self.said) - 1
        also = f" So is {more} more." if more == 1 else f" So are {more} more." if more else ""
        return f"Left out: {self.said[0]}{also}" if self.said else ""


def from_preset(about: Phenomenon, name: str | None = None) -> Opened:
    """A preset, the phenomenon's default where no name is given or it is not known."""
    if not about.presets:
        raise BadInput(f"phenomenon: {about.slug} has no single runs; open its own page.")
    if name is None or name in about.presets:
        slug = name or next(iter(about.presets))
        beside = tuple(f"{ghost}-0" for ghost in about.presets[slug].ghosts)
        return Opened(slug, about.presets[slug].recipe, Look(ghosts=beside))
    known = ", ".join(about.presets)
    unknown = f"preset: {name!r} is not known; choose one of {known}."
    return replace(from_preset(about), said=[unknown])


def is_link(query: str) -> bool:
    """Whether the address of a page that may be anything's is meant for a lab."""
    names = [piece.partition("=")[0] for piece in query.lstrip("?").split("&")]
    return VERSION in names or any(name in names for name in link.LOCKS)


def from_query(about: Phenomenon, query: str, preset: str | None = None) -> Opened:
    """The recipe and the look of a link, or of its query alone."""
    pieces = [p for p in query.rpartition("?")[2].partition("#")[0].split("&") if p]
    named = [(piece.partition("=")[0], piece) for piece in pieces]
    versions = [p.partition("=")[2] for name, p in named if name == VERSION]
    look, said = link.from_query([p for name, p in named if name in link.NAMES])
    if any(v != str(formats.VERSION) for v in versions):
        old = [f"the link, which is of version {versions[0][:20]!r}; this is {formats.VERSION}."]
        return _known(about, replace(_locked(from_preset(about, preset), look), said=old))
    base = from_preset(about, look.preset or preset)
    if not versions:  # written by hand
        look = replace(look, ghosts=look.ghosts or base.look.ghosts)
    rest = [p for name, p in named if name not in (*link.NAMES, VERSION, THEME, TOKEN)]
    recipe, more = readable_url("&".join(rest), base.recipe)
    return _known(about, Opened(base.preset, recipe, look, base.said + more + said))


def from_text(about: Phenomenon, text: str, preset: str) -> Opened:
    """The recipe and the look of a recipe's JSON, or the recipe of a hand-in; BadInput where nothing of
    it can be read.
    """
    fields = formats.json_fields(text)
    if handins.is_hand_in(fields):
        return _handed_in(about, handins.from_fields(fields))
    page = fields.pop("page", {})
    prediction = page.pop("prediction", None) if isinstance(page, dict) else None
    look, said = link.from_plain(page)
    if look.preset in about.presets:
        preset = look.preset
    recipe, more = readable(fields)
    return _known(about, Opened(preset, recipe, look, more + said, prediction))


def _handed_in(about: Phenomenon, one: handins.HandIn) -> Opened:
    """What a hand-in ran, at its start."""
    if one.lab != about.slug:
        raise BadInput(f"lab: this hand-in is from {one.lab}; open it in that lab.")
    if one.slug not in about.presets:
        raise BadInput("figure: this hand-in is of a figure; `edgewise check` computes it again.")
    return Opened(one.slug, from_plain(one.recipe), said=list(one.said), prediction=one.prediction)


def _known(about: Phenomenon, opened: Opened) -> Opened:
    """The same without plots, axes, ghosts and arms that there are not."""
    look, said = opened.look, []
    arms = opened.recipe.arms
    for name, known in (("plot", about.choices), ("x", AXES)):
        if (value := getattr(look, name)) and value not in known:
            said.append(f"{name}: {value!r} is not known; choose {', '.join(known)}.")
            look = replace(look, plot="") if name == "plot" else replace(look, x="")
    for name in link.LOCKS:
        names, more = locks.known(name, getattr(look, name), lockable())
        look = replace(look, lock=names) if name == "lock" else replace(look, hide=names)
        said += more
    ghosts = tuple(g for g in look.ghosts if g.rpartition("-")[0] in FLOWS)
    for name in [g for g in look.ghosts if g not in ghosts]:
        said.append(f"ghosts: {name!r} is not known; choose {', '.join(FLOWS)}, and an arm.")
    if stray := [arm for arm in (look.arm, *look.hidden, *look.closed) if arm >= arms]:
        said.append(f"arm: there is no arm {stray[0]}; choose one of 0 to {arms - 1}.")
    hidden, closed = (tuple(a for a in each if a < arms) for each in (look.hidden, look.closed))
    arm = look.arm if look.arm < arms else 0
    look = replace(look, arm=arm, ghosts=ghosts, hidden=hidden, closed=closed)
    return replace(opened, look=look, said=opened.said + said)


def lockable() -> dict[str, str]:
    """What a link may lock or hide, with what is shown of it: knobs, parts and what else pages have."""
    owners = [Recipe, Landscape, *(cls for kinds in PARTS.values() for cls in kinds.values())]
    labels = {name: k.label for owner in owners for name, k in knobs(owner).items()}
    flows = {name: flow.label for name, flow in FLOWS.items()}
    return labels | {part: part for part in PARTS} | flows | LOCKABLE | CONTROLS


def locks_of(query: str) -> tuple[Locks, list[str]]:
    """What a page's address locks and hides, where nothing else of it is for the page."""
    pieces = [p for p in query.split("&") if p.partition("=")[0] in link.LOCKS]
    look, said = link.from_query(pieces)
    each = [locks.known(name, getattr(look, name), lockable()) for name in link.LOCKS]
    (lock, more), (hide, others) = each
    return replace(look, lock=lock, hide=hide).locks, [*said, *more, *others]


def _locked(opened: Opened, look: Look) -> Opened:
    """The same with the locks of another look."""
    return replace(opened, look=replace(opened.look, lock=look.lock, hide=look.hide))


def with_settings(opened: Opened, settings: dict[str, Any]) -> Opened:
    """The same with settings of a notebook, among them parts of a person's own."""
    try:
        return replace(opened, recipe=opened.recipe.set(own.settings(settings)))
    except BadInput as error:
        return replace(opened, said=[*opened.said, str(error)])


def started(about: Phenomenon, opened: Opened) -> tuple[Opened, Run]:
    """A run of what was opened; of its preset alone where that cannot be."""
    try:
        return opened, Run(opened.recipe)
    except (BadInput, MemoryError, RuntimeError) as error:  # torch has no memory error of its own
        plain = from_preset(about, opened.preset)
        why = str(error) if isinstance(error, BadInput) else "it does not fit in memory."
        plain = replace(_locked(plain, opened.look), said=[why, *opened.said])
        return plain, Run(plain.recipe)
