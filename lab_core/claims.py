"""A claim is a sentence of a paper, the recipes or sweeps that show it, and a judge of what they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from lab_core.recipe import Recipe
from lab_core.run import Run


class Subject(Protocol):
    """What is computed as a whole, a sweep for one; it can be hashed, and names its seeds."""

    @property
    def seed(self) -> Any: ...

    def finish(self) -> Any: ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class Verdict:
    """Whether a claim holds, with the measured figure beside the expected one, as sentences."""

    holds: bool
    measured: str
    expected: str


@dataclass(frozen=True)
class Claim:
    """`judge` sees the finished runs of `recipes` in order and nothing else, so that it can be
    shown runs in which the claim must not hold; of a sweep it sees the grid. `preset` is the one
    whose caption this claim bears out, with more seeds. `long` keeps it out of the short test run.
    """

    paper: str
    claim: str
    recipes: tuple[Recipe | Subject, ...]
    judge: Callable[[Sequence[Any]], Verdict]
    preset: str = ""
    long: bool = False

    @property
    def seeds(self) -> list[int]:
        """The seeds of all recipes."""
        each = [r.seed if isinstance(r.seed, tuple) else (r.seed,) for r in self.recipes]
        return list(dict.fromkeys(seed for seeds in each for seed in seeds))

    def check(self) -> Verdict:
        """Run the recipes and judge them."""
        return self.judge([finished(recipe) for recipe in self.recipes])

    def sentence(self, verdict: Verdict, on: str = "") -> str:
        """What a page says of it; `on` are the runs on which it does not hold."""
        word = "holds" if verdict.holds else f"does not hold{on}"
        return f"claim {word}: {self.claim} Measured: {verdict.measured}. Expected: {verdict.expected}."

    def report(self, verdict: Verdict) -> dict[str, Any]:
        """One row of `edgewise claims --json`."""
        return {
            "paper": self.paper,
            "claim": self.claim,
            "holds": verdict.holds,
            "measured": verdict.measured,
            "expected": verdict.expected,
            "seeds": self.seeds,
        }


@lru_cache(maxsize=4)
def finished(recipe: Recipe | Subject) -> Any:
    """The finished run of a recipe, or what a sweep gives; claims that share one share it."""
    return Run(recipe).finish() if isinstance(recipe, Recipe) else recipe.finish()


def unreached(*steps: np.ndarray) -> Verdict | None:
    """The verdict on a claim about these steps, where some was never reached (is infinite)."""
    if all(np.isfinite(each).all() for each in steps):
        return None
    return Verdict(False, f"reached at {', '.join(map(span, steps))}", "by all")


def span(values: Any, digits: int = 3) -> str:
    """A figure over seeds and replicas: its smallest and largest value."""
    array = np.asarray(values, float).ravel()
    low, high = array.min(), array.max()
    return f"{low:.{digits}g}" if low == high else f"{low:.{digits}g} to {high:.{digits}g}"
