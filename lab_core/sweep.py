"""A sweep: a grid of recipes. Those that share a program and shapes are computed as one stack.

`Sweep(recipe, (Axis(("lr",), "learning rate", (0.1, 0.2)),), seeds=(0, 1, 2)).finish()` is all that it
takes; `computed` gives the outcomes as they come.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from lab_core import models
from lab_core.arm import Arm
from lab_core.data import Data
from lab_core.knobs import BadInput, knobs
from lab_core.recipe import PARTS, Recipe, stacks
from lab_core.record import Record

BUDGET = 2**28  # bytes of one stack
TOGETHER = 256  # replicas of a stack, at most: what a stack shares is shared well before
RACING = 25  # where runs end early: a stack goes on until its last replica has ended
LOOK = 5  # steps between two looks at whether they have
SLICE = 50  # steps between two looks at whether a stack is still asked for
SEEDS = ("seed", "data_seed", "init_seed", "batch_seed")


@dataclass(frozen=True)
class Axis:
    """One knob or part, or several that have the same value; what they are called; and the values."""

    knobs: tuple[str, ...]
    label: str
    values: tuple[Any, ...]

    def settings(self, value: Any) -> dict[str, Any]:
        return dict.fromkeys(self.knobs, value)


@dataclass(frozen=True)
class Success:
    """That a column of the record was at least at a level once, or at most where `below`."""

    column: str
    level: float
    below: bool = False

    def of(self, record: Record) -> np.ndarray:
        """Of each replica, whether it has succeeded so far."""
        return np.isfinite(record.reached(self.column, self.level, self.below))


@dataclass(frozen=True)
class Cell:
    """One run of a sweep: its place along each axis and among the seeds, and its recipe."""

    place: tuple[int, ...]
    recipe: Recipe


@dataclass(frozen=True)
class Outcome:
    """What a cell's run recorded, as of one replica, and the step at which it diverged, if it did."""

    cell: Cell
    record: Record
    diverged: int | None = None


@dataclass(frozen=True)
class Sweep:
    """Every combination of the values of `over`, each with every seed. A run ends at its last step, or
    once `stop` has come about.

    Raises BadInput for a recipe with lists, changes or arms, and for values that do not fit.
    """

    recipe: Recipe
    over: tuple[Axis, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    stop: Success | None = None

    def __post_init__(self) -> None:
        if self.recipe.changes or set(self.recipe.axes()) - {"seed"}:
            raise BadInput(
                "sweep: a recipe with lists, changes or arms; give a plain one (`plain`)."
            )
        for axis in self.over:
            if not axis.values:
                raise BadInput(f"{axis.knobs[0]}: no values to sweep over; give one at least.")
            if not self._parts:  # what fits depends on the parts
                for value in axis.values:
                    self.recipe.set(axis.settings(value))
        if not self.seeds:
            raise BadInput("seeds: none; give one at least.")

    @property
    def _parts(self) -> set[str]:
        """The parts that it sweeps over."""
        return {knob for axis in self.over for knob in axis.knobs} & set(PARTS)

    @property
    def seed(self) -> tuple[int, ...]:
        return self.seeds

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of values along each axis, and of seeds."""
        return (*(len(axis.values) for axis in self.over), len(self.seeds))

    def __len__(self) -> int:
        return math.prod(self.shape)

    def cell(self, place: tuple[int, ...]) -> Cell:
        """The run at a place."""
        settings: dict[str, Any] = {"seed": self.seeds[place[-1]]}
        for axis, i in zip(self.over, place[:-1], strict=True):
            settings |= axis.settings(axis.values[i])
        return Cell(place, self.recipe.set(settings))

    def cells(self) -> Iterator[Cell]:
        """All runs, the last axis before the seeds fastest but for them."""
        return (self.cell(place) for place in itertools.product(*map(range, self.shape)))

    def finish(self) -> Grid:
        """Compute all of it."""
        grid = Grid(self)
        for outcomes in computed(self):
            grid.add(outcomes)
        return grid


def plain(recipe: Recipe) -> Recipe:
    """The first replica of a recipe, without its changes and arms."""
    return replace(recipe, changes=()).split()[0]


# ---- stacks


def stacked(
    sweep: Sweep, coarse: bool = False, done: Collection[tuple[int, ...]] = (), budget: int = BUDGET
) -> list[list[Cell]]:
    """The cells that are not done, in stacks that can be computed as one program within a budget of
    bytes: in the order of the grid, or from a coarse grid to ever finer ones.
    """
    groups: dict[Any, list[Cell]] = {}
    for cell in sweep.cells():
        if cell.place not in done:
            level = -_level(cell.place[:-1], sweep.shape[:-1]) if coarse else 0
            groups.setdefault((level, program(cell.recipe)), []).append(cell)
    most = RACING if sweep.stop else TOGETHER
    found = []
    for key in sorted(groups, key=lambda key: key[0]):
        cells = groups[key]
        size = int(max(1, min(most, budget // footprint(cells[0].recipe))))
        found += [cells[i : i + size] for i in range(0, len(cells), size)]
    return found


def _level(place: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """The largest power of 2 that divides a place, up to half of the longest axis."""
    level = 2 ** max(0, max(shape, default=1).bit_length() - 2)
    while any(i % level for i in place):
        level //= 2
    return level


def program(recipe: Recipe) -> Any:
    """What replicas of one stack have in common: all but the seeds and what a list may be of."""
    parts = []
    for name in PARTS:
        part = getattr(recipe, name)
        fixed = [getattr(part, k.name) for k in knobs(part).values() if not stacks(name, k)]
        parts.append((type(part), tuple(fixed)))
    own = [getattr(recipe, name) for name in knobs(recipe) if name not in SEEDS]
    return (*parts, *own, recipe.probes)


@lru_cache
def _dims(data: Data) -> tuple[int, int, int]:
    """N, d and c of a data set."""
    x, y, *_ = data.arrays(0)
    return len(x), x.shape[1], y.shape[1]


def footprint(recipe: Recipe) -> int:
    """Bytes that one replica needs, about: weights, gradient and what an optimizer remembers, layers."""
    N, d, c = _dims(recipe.data)
    shapes = recipe.model.shapes(d, c)
    layers = sum(shape[-1] for shape in shapes.values())
    return 8 * (8 * models.size(shapes) + N * (d + 3 * layers))


def work(recipe: Recipe) -> float:
    """The multiply-adds of a run, about, with what a step costs in any case counted as some."""
    N, d, c = _dims(recipe.data)
    N = min(N, recipe.batch_size or N)
    return recipe.steps * (1e5 + 6.0 * N * models.size(recipe.model.shapes(d, c)))


# ---- computing


def compute(
    cells: list[Cell], stop: Success | None = None, going: Callable[[], bool] = lambda: True
) -> list[Outcome]:
    """The outcomes of one stack; none where it stopped `going` on the way."""
    arm = Arm([cell.recipe for cell in cells])
    arm.forget()
    while not (arm.done or (stop and stop.of(arm.record).all())):
        if not going():
            return []
        arm.advance(LOOK if stop else SLICE)
    return [Outcome(c, arm.record.only(r), arm.diverged.get(r)) for r, c in enumerate(cells)]


def computed(sweep: Sweep, coarse: bool = False) -> Iterator[list[Outcome]]:
    """Stack after stack, computed here."""
    for cells in stacked(sweep, coarse):
        yield compute(cells, sweep.stop)


class Grid:
    """The outcomes of a sweep, as far as they are known."""

    def __init__(self, sweep: Sweep):
        self.sweep = sweep
        self.outcomes: dict[tuple[int, ...], Outcome] = {}

    def add(self, outcomes: list[Outcome]) -> None:
        self.outcomes |= {outcome.cell.place: outcome for outcome in outcomes}

    @property
    def done(self) -> bool:
        return len(self.outcomes) == len(self.sweep)

    def each(self, measure: Callable[[Record], float]) -> np.ndarray:
        """A number of every run's record, [*shape]; nan where it is not known."""
        found = np.full(self.sweep.shape, np.nan)
        for place, outcome in self.outcomes.items():
            found[place] = measure(outcome.record)
        return found

    def values(self, column: str, step: int | None = None) -> np.ndarray:
        """A column as last measured, or as measured last up to a step: [*shape], nan where it was not
        and where the run has diverged.
        """

        def last(record: Record) -> float:
            steps, values = record[column]
            i = len(steps) if step is None else int(np.searchsorted(steps, step, "right"))
            return float(values[i - 1, 0]) if i else math.nan

        return self.each(last)

    def reached(self, success: Success) -> np.ndarray:
        """The step at which each run succeeded [*shape]; inf where it never did, nan where it is not
        known.
        """
        return self.each(
            lambda record: float(record.reached(success.column, success.level, success.below)[0])
        )

    def arrays(self, name: str) -> dict[tuple[int, ...], np.ndarray]:
        """The newest array of a name, by place, of the runs that have one."""
        found = ((place, o.record.arrays) for place, o in self.outcomes.items())
        return {place: np.asarray(arrays[name][1]) for place, arrays in found if name in arrays}
