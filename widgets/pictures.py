"""The pictures of the index page, and what it searches: `python -m widgets.pictures [LAB ...]`.

Each picture is of a run of the lab's first preset, or of a figure of it; nothing is invented. They are
kept in `labs/pictures/`, for the index page is there before torch is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab_core.card.base import TITLES
from lab_core.curves import Figure
from lab_core.fractal import Landscape
from lab_core.knobs import knobs
from lab_core.optimizers import OPTIMIZERS
from lab_core.phenomena import PHENOMENA, Phenomenon
from lab_core.phenomena.base import beside
from lab_core.recipe import PARTS, Recipe, slug
from lab_core.run import Run
from lab_core.sweep import Sweep
from lab_core.zooms import OVERVIEW, Zooms, picture
from widgets import svg
from widgets.cards import LABS, PICTURES, WORDS
from widgets.panels import PLOTS


@dataclass(frozen=True)
class Still:
    """What a lab's picture is of: a plot of its first preset, or a figure."""

    plot: str = ""
    figure: str = ""


STILLS = {
    "edge-of-stability": Still("sharpness"),
    "curvature-and-warmup": Still("loss"),
    "time-travel": Still("sharpness"),
    "grokking": Still("accuracy"),
    "why-grokking-waits": Still("accuracy"),
    "inside-the-grokked-network": Still("progress"),
    "matrix-sensing": Still("recovery"),
    "large-steps": Still("train_error"),
    "deep-matrix-factorisation": Still("covariance_curvature"),
    "double-descent": Still(figure="random-features"),
    "fractal-boundary": Still(figure="overview"),
    "fit-anything": Still("accuracy"),
    "large-learning-rates": Still("nonzeros"),
    "phase-diagrams": Still(figure="large-first-step"),
}

NAMES = (*PHENOMENA, TRIAL := "test-your-optimizer")
TRIED = PHENOMENA["edge-of-stability"].default.recipe.set({
    "lr": 0.35, "steps": 1500, "changes": (
        beside(optimizer="heavy-ball", beta=0.5, lr=0.5), beside(optimizer="rmsprop", lr=0.005),
        beside(optimizer="adam", lr=0.01))})  # fmt: skip
TRIED_CAPTION = (
    "The sharpness over the threshold of four optimizers on one net: each comes to about 1."
)


def draw(name: str) -> str:
    """The picture of a lab, computed anew; the first plot of its first preset where none is chosen."""
    if name == TRIAL:
        return of_recipe(TRIED, "ratio", "step", TRIED_CAPTION)
    about = PHENOMENA[name]
    still = STILLS.get(about.slug, Still())
    if still.figure:
        return of_figure(about.figures[still.figure])
    plot = still.plot or about.default.plots[0]
    return of_recipe(about.default.recipe, plot, about.default.x, about.default.caption)


def of_recipe(recipe: Recipe, plot: str, x: str, caption: str) -> str:
    """A plot of a recipe's run, at its end."""
    run = Run(recipe)
    for probe in PLOTS[plot].probes:
        if probe not in dict(recipe.probes):
            run.watch(probe, PLOTS[plot].every)
    return svg.of_run(run.finish(), plot, x, caption)


def of_figure(figure: Figure) -> str:
    """A figure, all of it; of zooms the first seed's overview."""
    subject = figure.subject
    if isinstance(subject, Zooms):
        net = Landscape(subject.seed[0], subject.width, subject.points, subject.steps)
        return svg.of_frame(picture(net, OVERVIEW, subject.pixels), figure.caption)
    return svg.of_grid(figure, subject.finish(), about=figure.caption)


# ---- what is searched


def words(name: str) -> list[list[str]]:
    """[kind, what is said of it, more that is searched] of all by which a lab can be found."""
    if name == TRIAL:
        return _unique([*([kind, text, lab] for lab, *said in TITLES.values()
                          for kind, text in zip(("row", "paper"), said, strict=True)),
                        *(["optimizer", cls.label, slug] for slug, cls in OPTIMIZERS.items()),
                        *(["knob", k.label, n] for c in OPTIMIZERS.values()
                          for n, k in knobs(c).items())])  # fmt: skip
    about = PHENOMENA[name]
    found = [["paper", citation, slug] for slug, citation in about.papers]
    found += [["preset", p.title, p.caption] for p in about.presets.values()]
    found += [["figure", f.title, f.caption] for f in about.figures.values()]
    for recipe in recipes(about):
        for part in PARTS:
            one = getattr(recipe, part)
            if one.label != "none":
                found.append([part, one.label, slug(part, one)])
            found += [["knob", k.label, name] for name, k in knobs(one).items()]
        found += [["knob", k.label, name] for name, k in knobs(recipe).items()]
    return _unique(found)


def _unique(found: list[list[str]]) -> list[list[str]]:
    return [list(one) for one in dict.fromkeys(map(tuple, found))]


def recipes(about: Phenomenon) -> Iterator[Recipe]:
    """Those of the presets, and of the sweeps of the figures."""
    yield from (preset.recipe for preset in about.presets.values())
    for figure in about.figures.values():
        if isinstance(figure.subject, Sweep):
            yield figure.subject.recipe


def main(names: Sequence[str] = ()) -> int:
    """Draw the pictures of these labs, or of all, and write the words of all; 2 for a name that is none."""
    chosen = [name.replace("_", "-") for name in names] or list(NAMES)
    if strange := [name for name in chosen if name not in NAMES]:
        print(f"lab: {strange[0]!r} is not known; choose {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    folder = LABS / PICTURES
    folder.mkdir(exist_ok=True)
    for name in chosen:
        text = draw(name)
        (folder / f"{name}.svg").write_text(text, encoding="utf-8")
        print(f"{name}: {len(text):,} characters", flush=True)
    every = {name: words(name) for name in NAMES}
    text = json.dumps(every, ensure_ascii=False, indent=0) + "\n"
    (folder / WORDS).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
