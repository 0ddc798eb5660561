"""What a phenomenon is: its presets, its claims and its words. One file each, `PHENOMENA` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab_core.claims import Claim
from lab_core.recipe import Recipe


@dataclass(frozen=True)
class Preset:
    """A recipe and the caption that it must live up to; `speed` in steps/s paces it for eyes;
    `ghosts` are the flows drawn beside its first arm.
    """

    title: str
    caption: str
    recipe: Recipe
    speed: float
    ghosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Phenomenon:
    """`presets` by slug, the default first; `papers` are (slug, citation) pairs."""

    slug: str
    title: str
    question: str
    papers: tuple[tuple[str, str], ...]
    presets: Mapping[str, Preset]
    claims: tuple[Claim, ...]
    minutes: int

    @property
    def default(self) -> Preset:
        return next(iter(self.presets.values()))
