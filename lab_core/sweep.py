"""A sweep: a grid of recipes. Those that share a program and shapes are computed as one stack.

`Sweep(recipe, (Axis(("lr",), "learning rate", (0.1, 0.2)),), seeds=(0, 1, 2)).finish()` is all that it
takes; `computed` gives the outcomes as they come.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lab_core.arm import Arm
from lab_core.costs import FIXED, footprint, row
from lab_core.knobs import BadInput, knobs
from lab_core.recipe import PARTS, Recipe, stacks
from lab_core.record import Record, Success

BUDGET = 2**28  # bytes of one stack
TOGETHER = 256  # replicas of a stack, at most: what a stack shares is shared well before
RACING = 25  # where runs end early: a stack goes on until its last replica has ended
LOOK = 5  # steps between two looks at whether they have
SLICE = 50  # steps between two looks at whether a stack is still asked for
MANY = 1000  # values of an axis, beyond which not every one is tried in a recipe
Place = tuple[int, ...]


@dataclass(frozen=True)
class Axis:
    """One knob or part, or several that have the same value; what they are called; and the values."""

    knobs: tuple[str, ...]
    label: str
    values: tuple[Any, ...]

    def settings(self, value: Any) -> dict[str, Any]:
        return dict.fromkeys(self.knobs, value)


@dataclass(frozen=True)
class Cell:
    """One run of a sweep: its place along each axis and among the seeds, its recipe, and what that was
    set to, as pairs.
    """

    place: Place
    recipe: Recipe
    settings: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """What sets it apart from the other cells."""
        return ", ".join(f"{knob}={value}" for knob, value in self.settings)


@dataclass(frozen=True)
class Outcome:
    """What a cell's run recorded, as of one replica, and the step at which it diverged, if it did."""

    cell: Cell
    record: Record
    diverged: int | None = None


@dataclass(frozen=True)
class Sweep:
    """Every combination of the values of `over`, each with every seed. A run ends at its last step, or
    once `stop` has come about. Raises BadInput for a recipe with lists, changes or arms, and for values
    that do not fit.
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
            if not self.parts:  # what fits depends on the parts
                for value in self._tried(axis):
                    self.recipe.set(axis.settings(value))
        if not self.seeds:
            raise BadInput("seeds: none; give one at least.")

    def _tried(self, axis: Axis) -> tuple[Any, ...]:
        """The values that a recipe is set to, to see whether they fit: of very many the smallest and the
        largest, when each is in the knob's domain.
        """
        if len(axis.values) <= MANY:
            return axis.values
        for name in axis.knobs:
            k = self.recipe.knob(name)
            for value in axis.values:
                k.check(value)
        return min(axis.values), max(axis.values)

    @cached_property
    def parts(self) -> set[str]:
        """The parts that it sweeps over."""
        return {knob for axis in self.over for knob in axis.knobs} & set(PARTS)

    @cached_property
    def apart(self) -> list[int]:
        """The axes along which shapes or program change."""
        return [a for a, axis in enumerate(self.over) if not all(map(self._stacks, axis.knobs))]

    def _stacks(self, name: str) -> bool:
        """Whether cells that differ in this knob can share a stack, whatever the parts that have it."""
        kinds = [
            (part, kind)
            for part, registry in PARTS.items()
            for kind in (registry.values() if part in self.parts else [getattr(self.recipe, part)])
        ]
        found = [stacks(part, knobs(kind)[name]) for part, kind in kinds if name in knobs(kind)]
        return all(found) if found else name not in PARTS and self.recipe.knob(name).stacks

    def programs(self) -> Iterator[Iterator[Place]]:
        """The places of the cells, those that share a program together."""
        for fixed in itertools.product(*(range(self.shape[a]) for a in self.apart)):
            at = dict(zip(self.apart, fixed, strict=True))
            free = ((at[a],) if a in at else range(n) for a, n in enumerate(self.shape))
            yield itertools.product(*free)

    @property
    def seed(self) -> tuple[int, ...]:
        return self.seeds

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of values along each axis, and of seeds."""
        return (*(len(axis.values) for axis in self.over), len(self.seeds))

    def __len__(self) -> int:
        return math.prod(self.shape)

    def cell(self, place: Place) -> Cell:
        """The run at a place."""
        settings: dict[str, Any] = {}
        for axis, i in zip(self.over, place[:-1], strict=True):
            settings |= axis.settings(axis.values[i])
        settings["seed"] = self.seeds[place[-1]]
        return Cell(place, self.recipe.set(settings), tuple(settings.items()))

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


def in_stacks(
    sweep: Sweep, coarse: bool = False, done: Collection[Place] = (),
    budget: int = BUDGET, workers: int = 1,
) -> Iterator[list[Cell]]:  # fmt: skip
    """The cells that are not done, in stacks that can be computed as one program within a budget of
    bytes: in the order of the grid, or from a coarse grid to ever finer ones. For several workers they
    are small enough that each has some. A stack is made when it is asked for.
    """
    done, shape = set(done), sweep.shape[:-1]
    for level in _levels(shape) if coarse else (0,):
        for places in sweep.programs():
            left = (p for p in places if p not in done)
            if coarse:
                left = (p for p in left if _level(p[:-1], shape) == level)
            yield from _cut(sweep, left, budget, workers)


def _cut(sweep: Sweep, places: Iterator[Place], budget: int, workers: int) -> Iterator[list[Cell]]:
    """The cells of one program in stacks of the size that suits it."""
    for first in places:
        size = _size(sweep, sweep.cell(first).recipe, budget, workers)
        yield [sweep.cell(p) for p in (first, *itertools.islice(places, size - 1))]


def _size(sweep: Sweep, recipe: Recipe, budget: int, workers: int) -> int:
    """How many replicas go into a stack: of several workers each shall have four, where a step of a
    fourth costs much more than its calls, and one in any case.
    """
    size: float = min(RACING if sweep.stop else TOGETHER, budget // footprint(recipe))
    if workers > 1:
        share = len(sweep) / workers
        size = min(size, max(share / 4, min(share, FIXED / row(recipe))))
    return max(1, math.ceil(size))


def _levels(shape: Place) -> list[int]:
    """The levels that places of a grid of this shape have, the coarsest first."""
    top = 2 ** max(0, max(shape, default=1).bit_length() - 2)
    return [top // 2**i for i in range(top.bit_length())]


def _level(place: Place, shape: Place) -> int:
    """The largest power of 2 that divides a place, up to half of the longest axis."""
    return next(level for level in _levels(shape) if not any(i % level for i in place))


# ---- computing


def compute(
    cells: list[Cell], stop: Success | None = None, going: Callable[[], bool] = lambda: True,
    tell: Callable[[float], None] = lambda share: None,
) -> list[Outcome]:  # fmt: skip
    """The outcomes of one stack, none where it stopped `going`; `tell` hears how far it is (of 1)."""
    arm = Arm([cell.recipe for cell in cells])
    arm.forget()
    while not (arm.done or (stop and stop.of(arm.record).all())):
        if not going():
            return []
        arm.advance(LOOK if stop else SLICE)
        tell(arm.t / arm.program.steps)
    return [Outcome(c, arm.record.only(r), arm.diverged.get(r)) for r, c in enumerate(cells)]


def computed(sweep: Sweep, coarse: bool = False) -> Iterator[list[Outcome]]:
    """Stack after stack, computed here."""
    for cells in in_stacks(sweep, coarse):
        yield compute(cells, sweep.stop)


class Grid:
    """The outcomes of a sweep, as far as they are known."""

    def __init__(self, sweep: Sweep):
        self.sweep = sweep
        self.outcomes: dict[Place, Outcome] = {}

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

        found = self.each(last)
        for place, outcome in self.outcomes.items():  # a record may end there, or go on with nan
            if outcome.diverged is not None and (step is None or step >= outcome.diverged):
                found[place] = math.nan
        return found

    def reached(self, success: Success) -> np.ndarray:
        """The step at which each run succeeded [*shape]; inf where it never did, nan where it is not
        known.
        """
        return self.each(
            lambda record: float(record.reached(success.column, success.level, success.below)[0])
        )

    def arrays(self, name: str) -> dict[Place, np.ndarray]:
        """The newest array of a name, by place, of the runs that have one."""
        found = ((place, o.record.arrays) for place, o in self.outcomes.items())
        return {place: np.asarray(arrays[name][1]) for place, arrays in found if name in arrays}
