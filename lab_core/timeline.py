"""What each arm of a recipe is set to at which step, from its log of changes alone; nothing runs.

It takes what `Run` takes and refuses what `Run` refuses, so that a recipe from a file or an address
is known to be sound before its first step.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from lab_core import models
from lab_core.knobs import BadInput, knobs
from lab_core.recipe import PARTS, Branch, Change, Recipe, seeds_of, stacks

LIVE_KNOBS = ("loss", "filter", "optimizer", "schedule")  # parts whose knobs are live
LIVE_PARTS = ("schedule",)  # parts that are live themselves
FROM_HERE = ("loss", "filter", "optimizer")  # parts that open an arm from here, or from the start
OWN = ("loss", "filter", "optimizer")  # parts whose knobs each replica may have for itself
LIVE_OWN = ("batch_size", "steps")
ONE_VALUE = "changes: the replicas are those of the first arm; give one value a knob."
Entry = tuple[int, Change | Branch]  # and, of a branch, the arm that it opens
MOST_ARMS = 100
MOST_NUMBERS = 2e8  # R * P, or activations: 1.6 GB in float64, and a run holds several of these
MOST_CHANGES = (
    200_000  # times replicas: a slider dragged for an hour, or with all of 64 for a minute
)


class Log:
    """What is still to be done to an arm: at its step, or at the arm's end where that comes first."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._left: set[int] = set()
        self._by_step: deque[int] | None = None
        self._by_place: deque[int] = deque()

    def append(self, entry: Entry) -> None:
        self._left.add(len(self._entries))
        self._by_place.append(len(self._entries))
        self._entries.append(entry)

    def __len__(self) -> int:
        return len(self._left)

    @property
    def step(self) -> int | None:
        """The step at which the next is due."""
        place = self._head(self._steps)
        return None if place is None else self._entries[place][1].step

    def due(self, t: int, ended: bool) -> Entry | None:
        """Take out what an arm that stands at t has to do next; one that has ended does the rest."""
        place = self._head(self._by_place if ended else self._steps)
        if place is None or not (ended or self._entries[place][1].step <= t):
            return None
        self._left.remove(place)
        return self._entries[place]

    @property
    def _steps(self) -> deque[int]:
        if self._by_step is None:  # once all are there
            places = sorted(self._left, key=lambda place: (self._entries[place][1].step, place))
            self._by_step = deque(places)
        return self._by_step

    def _head(self, queue: deque[int]) -> int | None:
        while queue and queue[0] not in self._left:
            queue.popleft()
        return queue[0] if queue else None


@dataclass
class Timeline:
    """Arm `index`, from step `start`, where it grew from arm `parent`, or from the start (None).

    `afresh` says that its optimizer's state is its own from there. `segments` are (first step, one
    recipe a replica); `children` the arms that grow from this one, each with the step at which it
    does.
    """

    index: int
    parent: int | None
    start: int
    segments: list[tuple[int, list[Recipe]]]
    seen: int = 0
    end: int = 0
    children: list[tuple[int, int]] = field(default_factory=list)
    afresh: bool = True

    @property
    def recipes(self) -> list[Recipe]:
        """The newest recipe of each replica."""
        return self.segments[-1][1]

    def set(self, step: int, recipes: list[Recipe]) -> None:
        if self.segments[-1][0] == step:
            self.segments.pop()
        self.segments.append((step, recipes))

    def seen_at(self, step: int) -> int:
        """How many examples the minibatches have used before a step."""
        edges = [*(first for first, _ in self.segments if first < step), step]
        sizes = (recipes[0].batch_size for _, recipes in self.segments)
        return self.seen + sum(
            (b - a) * n for (a, b), n in zip(pairwise(edges), sizes, strict=False)
        )


def timelines(recipe: Recipe) -> list[Timeline]:
    """The arms of a recipe in order; arm k > 0 is its k-th branch. Raises what `Run` raises."""
    start = recipe.set({"changes": ()}).split()
    arms = {0: Timeline(0, None, 0, [(0, start)])}
    logs = log_of(recipe)
    for index in range(len(logs)):
        arm = arms[index]
        for step, (k, c) in _replay(arm, logs[index]):
            if isinstance(c, Change):
                arm.set(step, changed(arm.recipes, c))
            else:
                arms[k] = _grown(arm, step, k, c)
        arm.end = max(arm.segments[-1][0], arm.recipes[0].steps)
    return [arms[k] for k in sorted(arms)]


def log_of(recipe: Recipe) -> list[Log]:
    """What is done to each arm, in order; a branch with the number of the arm that it opens."""
    check_log(len(recipe.changes), recipe.arms, recipe.replicas)
    logs = [Log()]
    for c in recipe.changes:
        if not 0 <= c.arm < len(logs):
            raise BadInput(f"arm: there is no arm {c.arm} yet; choose one of 0 to {len(logs) - 1}.")
        logs[c.arm].append((len(logs), c))
        if isinstance(c, Branch):
            logs.append(Log())
    return logs


def check_log(entries: int, arms: int, replicas: int) -> None:
    """Refuses a log, with a BadInput, that would take too long to read."""
    if arms > MOST_ARMS:
        raise BadInput(f"changes: they open {arms} arms; the limit is {MOST_ARMS}.")
    if entries * replicas > MOST_CHANGES:
        raise BadInput(
            f"changes: {entries:,} of them for {replicas} replicas are too many; the limit is"
            f" {MOST_CHANGES:,} together."
        )


def _replay(arm: Timeline, log: Log) -> Iterator[tuple[int, Entry]]:
    """What is done to an arm, and where it then stands; at its last step all the rest is done."""
    t = arm.start
    while (step := log.step) is not None:
        last = arm.recipes[0].steps
        t = max(t, min(step, last))
        if entry := log.due(t, t >= last):
            yield t, entry


def _grown(parent: Timeline, step: int, index: int, b: Branch) -> Timeline:
    recipes = branched(parent.recipes, b)
    if b.from_start:
        x, y, *_ = recipes[0].data.arrays(seeds_of(recipes[0], "data"))
        check_size(recipes, x, y)
        return Timeline(index, None, 0, [(0, recipes)])
    parent.children.append((step, index))
    afresh = starts_afresh(parent.recipes[0], recipes[0])
    return Timeline(index, parent.index, step, [(step, recipes)], parent.seen_at(step),
                    afresh=afresh)  # fmt: skip


def live(recipe: Recipe, name: str) -> bool:
    """Whether a knob or part can change mid-run without a new arm."""
    return name in LIVE_PARTS or name in LIVE_OWN or part_of(recipe, name, LIVE_KNOBS) is not None


def part_of(recipe: Recipe, name: str, parts: Iterable[str]) -> str | None:
    """Which of these parts a knob belongs to."""
    return next((p for p in parts if name in knobs(getattr(recipe, p))), None)


def changed(recipes: list[Recipe], c: Change) -> list[Recipe]:
    """The replicas' recipes after a change."""
    if not live(recipes[0], c.knob):
        recipes[0].set({c.knob: c.value})  # says so where there is no such knob
        raise BadInput(f"{c.knob}: it cannot change while a run goes on; open a new arm.")
    part = part_of(recipes[0], c.knob, OWN)
    if part is None:
        return _everywhere(recipes, c)
    k, each = knobs(getattr(recipes[0], part))[c.knob], len(recipes)
    alone = stacks(part, k)
    values = [c.value] * each
    if c.replica is not None:
        if not alone:
            raise BadInput(f"{c.knob}: all replicas share it; leave the replica out.")
        if not 0 <= c.replica < each:
            raise BadInput(f"replica: there is no replica {c.replica}; choose 0 to {each - 1}.")
        values = [c.value if r == c.replica else s.flat()[c.knob] for r, s in enumerate(recipes)]
    elif isinstance(c.value, tuple):
        if not alone or len(c.value) != each:
            raise BadInput(f"{c.knob}: give one value, or one for each of {each} replicas.")
        values = list(c.value)
    if any(isinstance(v, tuple) for v in values):
        raise BadInput(ONE_VALUE)
    return [
        _with(r, part, replace(getattr(r, part), **{c.knob: k.check(v)}))
        for r, v in zip(recipes, values, strict=True)
    ]


def _everywhere(recipes: list[Recipe], c: Change) -> list[Recipe]:
    """A change of what all replicas share: checked once."""
    if c.replica is not None:
        raise BadInput(f"{c.knob}: all replicas share it; leave the replica out.")
    if isinstance(c.value, tuple):
        raise BadInput(f"{c.knob}: give one value; all replicas share it.")
    first = _single(recipes[0].set({c.knob: c.value}))
    field_ = part_of(first, c.knob, LIVE_KNOBS) or c.knob
    return [_with(r, field_, getattr(first, field_)) for r in recipes]


def _with(recipe: Recipe, field_: str, value: object) -> Recipe:
    """A recipe with another value that is known to be sound; long logs are read in this way."""
    other = copy.copy(recipe)
    object.__setattr__(other, field_, value)
    return other


def branched(recipes: list[Recipe], b: Branch) -> list[Recipe]:
    """The replicas' recipes in the arm of a branch."""
    settings = dict(b.settings)
    recipes = [_single(r.set(settings)) for r in recipes]
    for name in settings if not b.from_start else ():
        fresh = name in PARTS and name not in (*FROM_HERE, *LIVE_PARTS)
        if fresh or not (name in PARTS or live(recipes[0], name)):
            raise BadInput(f"{name}: it changes the start; open the arm from the start.")
    return recipes


def starts_afresh(old: Recipe, new: Recipe) -> bool:
    """Whether a branch leaves its parent's optimizer state behind: another optimizer, filter or
    loss.
    """
    return any(type(getattr(old, p)) is not type(getattr(new, p)) for p in FROM_HERE)


def _single(recipe: Recipe) -> Recipe:
    if recipe.replicas > 1 or recipe.axes():
        raise BadInput(ONE_VALUE)
    return recipe


def check_size(recipes: list[Recipe], x: np.ndarray, y: np.ndarray) -> None:
    """Refuses, with a BadInput, an arm that would not fit in memory; x [N, d], y [N, c]."""
    R, sets = len(recipes), len({(r.data, seeds_of(r, "data")) for r in recipes})
    if sets * x.size > MOST_NUMBERS:
        raise BadInput(
            f"measurements, n: {sets} data sets of {x.size:,} numbers do not fit in memory (limit"
            f" {MOST_NUMBERS:,.0f}); take fewer examples, or data seeds."
        )
    shapes = recipes[0].model.shapes(x.shape[1], y.shape[1])
    size, N = models.size(shapes), len(x)
    lifted = recipes[0].model.sees(x.shape[1]) if recipes[0].model.lifts else 0
    if R * max(size, N * (lifted + sum(shape[-1] for shape in shapes.values()))) > MOST_NUMBERS:
        raise BadInput(
            f"width, depth, n: {R} replicas of {size:,} parameters on {N:,} examples do not fit in"
            f" memory (limit {MOST_NUMBERS:,.0f} numbers); make one of them smaller."
        )
