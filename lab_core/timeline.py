"""What each arm of a recipe is set to at which step, from its log of changes alone; nothing runs.

It takes what `Run` takes and refuses what `Run` refuses, so that a recipe from a file or an address
is known to be sound before its first step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from lab_core.knobs import BadInput, knobs
from lab_core.recipe import PARTS, Branch, Change, Recipe, stacks

LIVE_PARTS = ("schedule",)
LIVE_OWN = ("batch_size", "steps")
Entry = tuple[int, Change | Branch]  # and, of a branch, the arm that it opens
MOST_ARMS = 100


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
    log = _log(recipe)
    for index in range(len(log)):
        arm = arms[index]
        for step, (k, c) in _replay(arm, log[index]):
            if isinstance(c, Change):
                arm.set(step, changed(arm.recipes, c))
            else:
                arms[k] = _grown(arm, step, k, c)
        arm.end = max(arm.segments[-1][0], arm.recipes[0].steps)
    return [arms[k] for k in sorted(arms)]


def _log(recipe: Recipe) -> list[list[Entry]]:
    """What is done to each arm, in order; a branch with the number of the arm that it opens."""
    log: list[list[Entry]] = [[]]
    for c in recipe.changes:
        if not 0 <= c.arm < len(log):
            raise BadInput(f"arm: there is no arm {c.arm} yet; choose one of 0 to {len(log) - 1}.")
        log[c.arm].append((len(log), c))
        if isinstance(c, Branch):
            log.append([])
    if len(log) > MOST_ARMS:
        raise BadInput(f"changes: they open {len(log)} arms; the limit is {MOST_ARMS}.")
    return log


def _replay(arm: Timeline, entries: list[Entry]) -> Iterator[tuple[int, Entry]]:
    """What is done to an arm, and where it then stands; at its last step all the rest is done."""
    t, left = arm.start, list(entries)
    while left:
        last = arm.recipes[0].steps
        due = next((e for e in left if t >= min(e[1].step, last)), None)
        if due is None:
            t = min(last, *(c.step for _, c in left))
        else:
            left.remove(due)
            yield t, due


def _grown(parent: Timeline, step: int, index: int, b: Branch) -> Timeline:
    recipes = branched(parent.recipes, b)
    if b.from_start:
        return Timeline(index, None, 0, [(0, recipes)])
    parent.children.append((step, index))
    afresh = starts_afresh(parent.recipes[0], recipes[0])
    return Timeline(index, parent.index, step, [(step, recipes)], parent.seen_at(step),
                    afresh=afresh)  # fmt: skip


def live(recipe: Recipe, name: str) -> bool:
    """Whether a knob or part can change mid-run without a new arm."""
    inside = [p for p in ("optimizer", *LIVE_PARTS) if name in knobs(getattr(recipe, p))]
    return name in LIVE_PARTS or name in LIVE_OWN or bool(inside)


def changed(recipes: list[Recipe], c: Change) -> list[Recipe]:
    """The replicas' recipes after a change."""
    if not live(recipes[0], c.knob):
        recipes[0].set({c.knob: c.value})  # says so where there is no such knob
        raise BadInput(f"{c.knob}: it cannot change while a run goes on; open a new arm.")
    own, each = knobs(recipes[0].optimizer), len(recipes)
    alone = c.knob in own and stacks("optimizer", own[c.knob])
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
    return [_single(r.set({c.knob: v})) for r, v in zip(recipes, values, strict=True)]


def branched(recipes: list[Recipe], b: Branch) -> list[Recipe]:
    """The replicas' recipes in the arm of a branch."""
    settings = dict(b.settings)
    recipes = [_single(r.set(settings)) for r in recipes]
    for name in settings if not b.from_start else ():
        fresh = name in PARTS and name not in ("optimizer", "loss", *LIVE_PARTS)
        if fresh or not (name in PARTS or live(recipes[0], name)):
            raise BadInput(f"{name}: it changes the start; open the arm from the start.")
    return recipes


def starts_afresh(old: Recipe, new: Recipe) -> bool:
    """Whether a branch leaves its parent's optimizer state behind: another optimizer, or loss."""
    return type(old.optimizer) is not type(new.optimizer) or type(old.loss) is not type(new.loss)


def _single(recipe: Recipe) -> Recipe:
    if recipe.replicas > 1 or recipe.axes():
        raise BadInput("changes: the replicas are those of the first arm; give one value a knob.")
    return recipe
