"""What a phenomenon is: its presets, its claims and its words. One file each, `PHENOMENA` lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab_core.claims import Claim, Verdict
from lab_core.curves import Figure
from lab_core.predictions import Question
from lab_core.recipe import Branch, Recipe
from lab_core.run import Run

PLOTS = ("loss", "sharpness", "ratio", "weight_norm")
CHOICES = (
    "weight_norm",
    "eigenvalues",
    "spectrum",
    "accuracy",
    "gradient_norm",
    "distance",
    "raw_sharpness",
)


@dataclass(frozen=True)
class Preset:
    """A recipe and the caption that it must live up to; `speed` in steps/s paces it for eyes;
    `ghosts` are the flows drawn beside its first arm; `plots` are the four that it opens with, and
    `x` what they are drawn against: "step", "log-step", "time" or "loss". `question` is asked before it
    is played, about its default run.
    """

    title: str
    caption: str
    recipe: Recipe
    speed: float
    ghosts: tuple[str, ...] = ()
    plots: tuple[str, str, str, str] = PLOTS
    x: str = "step"
    question: Question | None = None


def beside(**settings: Any) -> Branch:
    """Another arm, from the start, with these settings."""
    return Branch(0, 0, tuple(settings.items()), from_start=True)


def claim_on(
    paper: str,
    presets: Mapping[str, Preset],
    sentence: str,
    preset: str,
    judge: Callable[[Sequence[Run]], Verdict],
    seeds: tuple[int, ...] = (0, 1, 2),
    long: bool = False,
) -> Claim:
    """A claim of a paper on the recipe of one of its presets, with more seeds."""
    recipes = (presets[preset].recipe.set({"seed": seeds}),)
    return Claim(paper, sentence, recipes, judge, preset, long)


@dataclass(frozen=True)
class Phenomenon:
    """`presets` by slug, the default first; `papers` are (slug, citation) pairs; `choices` are the
    plots that a person can have in the fourth place. `figures`, by slug, are what is computed as a
    whole (curves, phase diagrams), with a claim for each as for a preset.
    """

    slug: str
    title: str
    question: str
    papers: tuple[tuple[str, str], ...]
    presets: Mapping[str, Preset]
    claims: tuple[Claim, ...]
    minutes: int
    choices: tuple[str, ...] = CHOICES
    figures: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def default(self) -> Preset:
        return next(iter(self.presets.values()))
