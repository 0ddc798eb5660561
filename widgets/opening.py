"""What a lab opens with: a phenomenon by name, a preset, settings, and a link or a file.

Of a link or a file that is not sound, what can be read is read; one sentence says what cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from lab_core import formats, own
from lab_core.flows import FLOWS
from lab_core.knobs import BadInput
from lab_core.lenient import readable, readable_url
from lab_core.phenomena import PHENOMENA, Phenomenon
from lab_core.recipe import Recipe
from lab_core.run import Run
from widgets import link
from widgets.link import Look
from widgets.sources import AXES

VERSION, THEME = "edgewise", "theme"


def phenomenon(name: str) -> Phenomenon:
    """A phenomenon by its slug, with hyphens or underscores; BadInput where there is none."""
    slug = name.replace("_", "-")
    if slug not in PHENOMENA:
        raise BadInput(f"phenomenon: {name!r} is not known; choose {', '.join(PHENOMENA)}.")
    return PHENOMENA[slug]


@dataclass(frozen=True)
class Opened:
    """A preset, a recipe over it, what the page shows of it, and what could not be read."""

    preset: str
    recipe: Recipe
    look: Look = link.NOTHING
    said: list[str] = field(default_factory=list)

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


def from_query(about: Phenomenon, query: str, preset: str | None = None) -> Opened:
    """The recipe and the look of a link, or of its query alone."""
    pieces = [p for p in query.rpartition("?")[2].partition("#")[0].split("&") if p]
    named = [(piece.partition("=")[0], piece) for piece in pieces]
    versions = [p.partition("=")[2] for name, p in named if name == VERSION]
    if any(v != str(formats.VERSION) for v in versions):
        said = [f"the link, which is of version {versions[0][:20]!r}; this is {formats.VERSION}."]
        return replace(from_preset(about, preset), said=said)
    look, said = link.from_query([p for name, p in named if name in link.NAMES])
    base = from_preset(about, look.preset or preset)
    if not versions:  # written by hand
        look = replace(look, ghosts=look.ghosts or base.look.ghosts)
    rest = [p for name, p in named if name not in (*link.NAMES, VERSION, THEME)]
    recipe, more = readable_url("&".join(rest), base.recipe)
    return _known(about, Opened(base.preset, recipe, look, base.said + more + said))


def from_text(about: Phenomenon, text: str, preset: str) -> Opened:
    """The recipe and the look of a recipe's JSON; BadInput where nothing of it can be read."""
    fields = formats.json_fields(text)
    look, said = link.from_plain(fields.pop("page", {}))
    if look.preset in about.presets:
        preset = look.preset
    recipe, more = readable(fields)
    return _known(about, Opened(preset, recipe, look, more + said))


def _known(about: Phenomenon, opened: Opened) -> Opened:
    """The same without plots, axes, ghosts and arms that there are not."""
    look, said = opened.look, []
    arms = opened.recipe.arms
    for name, known in (("plot", about.choices), ("x", AXES)):
        if (value := getattr(look, name)) and value not in known:
            said.append(f"{name}: {value!r} is not known; choose {', '.join(known)}.")
            look = replace(look, plot="") if name == "plot" else replace(look, x="")
    ghosts = tuple(g for g in look.ghosts if g.rpartition("-")[0] in FLOWS)
    for name in [g for g in look.ghosts if g not in ghosts]:
        said.append(f"ghosts: {name!r} is not known; choose {', '.join(FLOWS)}, and an arm.")
    if stray := [arm for arm in (look.arm, *look.hidden, *look.closed) if arm >= arms]:
        said.append(f"arm: there is no arm {stray[0]}; choose one of 0 to {arms - 1}.")
    hidden, closed = (tuple(a for a in each if a < arms) for each in (look.hidden, look.closed))
    arm = look.arm if look.arm < arms else 0
    look = replace(look, arm=arm, ghosts=ghosts, hidden=hidden, closed=closed)
    return replace(opened, look=look, said=opened.said + said)


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
        plain = replace(plain, said=[why, *opened.said])
        return plain, Run(plain.recipe)
