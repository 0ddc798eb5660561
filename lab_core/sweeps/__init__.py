"""`sweep(recipe, {"lr": ..., "width": ...}, seeds=5)`: a grid of runs, here, on several processes or on a
Dask cluster, kept in a folder where one is given.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lab_core.costs import work
from lab_core.knobs import BadInput, Knob, knobs
from lab_core.plain import brief
from lab_core.recipe import PARTS, Recipe
from lab_core.sweep import Axis, Cell, Grid, Outcome, Place, Success, Sweep, in_stacks, plain
from lab_core.sweeps.cluster import Dask, connected
from lab_core.sweeps.estimates import total
from lab_core.sweeps.executors import Executor, InProcess, Processes
from lab_core.sweeps.store import Store

MOST_SEEDS = 1_000_000


def sweep(
    recipe: Recipe,
    over: Mapping[str, Sequence[Any]],
    seeds: int | Sequence[int] | None = None,
    *,
    workers: int | None = None,
    dask: Any = None,
    out: str | Path | None = None,
    stop: Success | None = None,
) -> Sweeping:
    """Every combination of the values in `over`, each with every seed, to be computed as it is iterated:

        for outcome in sweep(recipe, {"lr": [0.1, 0.2], "width": range(8, 33, 8)}, seeds=5):
            print(outcome.cell.name, outcome.record.last("train_loss"))

    yields outcomes as they come, in any order; `sweep(...).finish()` computes them all, with a progress
    bar, and gives their `Grid`. Knobs and parts have their flat names; `"rank+true_rank"` are two knobs
    with the same value. Lists in the recipe are swept over too. `seeds` are 0 to seeds - 1, or those
    given, or the recipe's own. `workers` processes compute it, or the cluster of `dask` (the address of
    its scheduler, or a client). A folder `out` keeps what is done, and a sweep that was stopped goes on
    from there; outcomes from there have no arrays. Raises BadInput.
    """
    asked, left_out = plan(recipe, over, seeds, stop)
    if left_out:
        warnings.warn(left_out, stacklevel=2)
    return Sweeping(asked, workers, dask, None if out is None else Path(out))


def plan(
    recipe: Recipe,
    over: Mapping[str, Sequence[Any]],
    seeds: int | Sequence[int] | None = None,
    stop: Success | None = None,
) -> tuple[Sweep, str]:
    """The sweep that is asked for, and a sentence on what of the recipe it leaves out, if anything."""
    lists = recipe.axes()
    own = lists.pop("seed", (recipe.seed,))
    named = {name for names in over for name in names.split("+")}
    asked = dict(over) | {name: values for name, values in lists.items() if name not in named}
    axes = tuple(axis(recipe, names.split("+"), values) for names, values in asked.items())
    taken = [name for one in axes for name in one.knobs]
    if "seed" in taken:
        raise BadInput("seed: a sweep has its seeds beside its axes; give them as seeds.")
    if twice := next((name for name in taken if taken.count(name) > 1), None):
        raise BadInput(f"{twice}: it is swept over twice; give its values once.")
    numbers = _seeds(own if seeds is None else seeds)
    said = (
        f"sweep: {len(recipe.changes)} changes and arms of the recipe are left out; a cell is one run."
        if recipe.changes
        else ""
    )
    return Sweep(plain(recipe), axes, numbers, stop), said


def axis(recipe: Recipe, names: list[str], values: Sequence[Any]) -> Axis:
    """An axis of knobs or parts, its values as they are in a recipe. Raises BadInput."""
    if isinstance(values, str):
        raise BadInput(f"{names[0]}: {brief(values)} is no list; give its values as one.")
    plain_values = [
        value.item() if hasattr(value, "item") else value for value in values
    ]  # of numpy
    if names[0] not in PARTS:
        k = knob_of(recipe, names[0]) or recipe.knob(names[0])  # which says that there is none
        plain_values = list(map(k.check, plain_values))
    whole = tuple(plain_values)
    if len(set(whole)) < len(whole):
        twice = Counter(whole).most_common(1)[0][0]
        raise BadInput(f"{names[0]}: {brief(twice)} is given twice; leave one of them out.")
    return Axis(tuple(names), " = ".join(name.replace("_", " ") for name in names), whole)


def knob_of(recipe: Recipe, name: str) -> Knob | None:
    """The knob of a name in this recipe, or else in any that has one; None of a part or of nothing."""
    kinds = [type(getattr(recipe, part)) for part in PARTS] + [Recipe]
    kinds += [kind for registry in PARTS.values() for kind in registry.values()]
    return next((knobs(kind)[name] for kind in kinds if name in knobs(kind)), None)


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(seeds, int) and not 1 <= seeds <= MOST_SEEDS:
        raise BadInput(f"seeds: {seeds} of them; give a number in [1, {MOST_SEEDS:,}], or a list.")
    rule = knobs(Recipe)["seed"]
    found = tuple(map(rule.check, range(seeds) if isinstance(seeds, int) else seeds))
    if len(set(found)) < len(found):
        raise BadInput("seeds: one of them is given twice; leave it out.")
    return found


# ---- going through it


@contextmanager
def executor(workers: int | None, dask: Any) -> Iterator[Executor]:
    """Where stacks are computed: here, in processes, or on the cluster of an address or a client."""
    with ExitStack() as open_until_then:
        if dask is not None and workers is not None:
            raise BadInput("workers: a Dask cluster has its own; leave out workers, or dask.")
        if dask is not None:
            client = connected(dask) if isinstance(dask, str) else None
            yield Dask(open_until_then.enter_context(client) if client else dask)
        else:
            yield InProcess() if workers is None else Processes(workers)


@dataclass
class Sweeping:
    """A sweep, where it is computed, and the folder that keeps it. Each iteration goes through it anew."""

    sweep: Sweep
    workers: int | None = None
    dask: Any = None
    out: Path | None = None

    def __iter__(self) -> Iterator[Outcome]:
        for outcomes in self.stacks():
            yield from outcomes

    def finish(self) -> Grid:
        """Compute all of it, with a progress bar on stderr."""
        grid = Grid(self.sweep)
        for outcomes in self.stacks(show=True):
            grid.add(outcomes)
        return grid

    def stacks(self, show: bool = False) -> Iterator[list[Outcome]]:
        """Outcomes by stacks, first what is in the folder; `show` draws a progress bar."""
        with ExitStack() as until_done:
            going = until_done.enter_context(executor(self.workers, self.dask))
            store = until_done.enter_context(Store(self.out, self.sweep)) if self.out else None
            done: set[Place] = set()
            for outcomes in store.read() if store else ():
                done |= {outcome.cell.place for outcome in outcomes}
                yield outcomes
            for sentence in store.said if store else ():
                warnings.warn(sentence, stacklevel=2)
            bar = until_done.enter_context(Bar(self.sweep, done)) if show else None
            yield from computing(self.sweep, going, store, done, bar)


def computing(
    sweep: Sweep, going: Executor, store: Store | None, done: set[Place], bar: Bar | None
) -> Iterator[list[Outcome]]:
    """Compute what is not done, keep it, and yield it."""
    if store:
        store.begin()
    stacks = in_stacks(sweep, done=done, workers=going.workers)
    with closing(going.outcomes(stacks, sweep.stop, bar.at if bar else None)) as coming:  # type: ignore[type-var]
        for outcomes in coming:
            if store:
                store.write(outcomes)
            if bar:
                bar.add(outcomes)
            yield outcomes


class Bar:
    """A progress bar that goes by the work in each cell, with an estimate of the time left."""

    def __init__(self, sweep: Sweep, done: Collection[Place] = ()):
        self.cells, self.all = len(done), len(sweep)
        some = Counter(tuple(p[a] if a in sweep.apart else 0 for a in range(len(p))) for p in done)
        before = sum(n * work(sweep.cell(place).recipe) for place, n in some.items())
        self.left, self.ended = max(total(sweep) - before, 1.0), 0.0
        self.shares: dict[Place, float] = {}  # of the stacks that are being computed
        self.bar = tqdm(
            total=1.0, smoothing=0.0, mininterval=0.2,
            bar_format="{percentage:3.0f}%|{bar}| {desc} [{elapsed}, {remaining} left]",
        )  # fmt: skip
        self._draw()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def at(self, cells: list[Cell], share: float) -> None:
        """A stack is this far."""
        self.shares[cells[0].place] = share * len(cells) * work(cells[0].recipe)
        self._draw()

    def add(self, outcomes: list[Outcome]) -> None:
        """A stack is done."""
        self.shares.pop(outcomes[0].cell.place, None)
        self.cells += len(outcomes)
        self.ended += len(outcomes) * work(outcomes[0].cell.recipe)
        self._draw()

    def _draw(self) -> None:
        part = min(1.0, (self.ended + sum(self.shares.values())) / self.left)
        self.bar.set_description_str(f"{self.cells:,} of {self.all:,} cells", refresh=False)
        self.bar.update((1.0 if self.cells == self.all else part) - self.bar.n)
