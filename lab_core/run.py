"""A run: arms side by side, advanced by whoever wants the next step, and the log of what was changed.

`Run(recipe).advance(n)` is all that it takes. Changes and branches made on the way are logged, so
that `run.recipe` replays them at their steps, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lab_core.arm import Arm
from lab_core.knobs import BadInput
from lab_core.recipe import Branch, Change, Recipe
from lab_core.timeline import Log, branched, changed, check_log, log_of, timelines

NOWHERE: Mapping[int, int] = {}


class Run:
    """The arms of a recipe; `changes` is the log, in the order in which things were done."""

    def __init__(self, recipe: Recipe):
        self._logs = log_of(recipe)
        self.base = replace(recipe, changes=())
        self.changes = list(recipe.changes)
        if recipe.changes:
            timelines(recipe)  # refuses a log that could not be replayed
        self.arms: dict[int, Arm] = {0: Arm(self.base.split())}
        self._drained: dict[int, int] = {}  # arm that ended early -> newest step of its log

    @property
    def recipe(self) -> Recipe:
        """The recipe that replays this run, changes included."""
        return replace(self.base, changes=tuple(self.changes))

    @property
    def done(self) -> bool:
        return not any(self._logs) and all(arm.done for arm in self.arms.values())

    # ---- advancing

    def advance(self, n: int, until: Mapping[int, int] = NOWHERE) -> bool:
        """Take n steps of the arms that are furthest behind; arms at the same step move together.

        `until`, where it is given, has the steps that arms do not go beyond; one that it does not
        name stays where it is. False where none could move.
        """
        self._apply_due()
        while n > 0:
            going = [a for a in self.arms.values() if not a.done]
            if until:
                going = [a for a in going if a.t < until.get(a.index, 0)]
            if not going:
                return False
            t = min(arm.t for arm in going)
            behind = [arm for arm in going if arm.t == t]
            stops = [arm.t for arm in going if arm.t > t]
            for arm in behind:
                stops += [s for s in (self._logs[arm.index].step, until.get(arm.index)) if s]
            k = min([n, *(stop - t for stop in stops if stop > t)])
            for arm in behind:
                arm.advance(k)
            n -= k
            self._apply_due()
        return True

    def finish(self) -> Run:
        """Advance every arm to its last step."""
        while not self.done:
            self.advance(1000)
        return self

    def _apply_due(self) -> None:
        """Do what the recipe says was done at the steps where the arms now stand."""
        for index in range(len(self._logs)):  # a branch opens an arm with a higher number
            while arm := self.arms.get(index):
                entry = self._logs[index].due(arm.t, arm.done)
                if entry is None:
                    break
                self._do(entry[1], entry[0])
                if entry[1].step > arm.t:
                    self._drained[index] = max(entry[1].step, self._drained.get(index, 0))

    # ---- what a person does

    def change(self, name: str, value: Any, arm: int = 0, replica: int | None = None) -> None:
        """Move a live knob of an arm from its present step on, for one replica or for all (None).

        For all, a tuple gives each replica its own value. Raises BadInput, and then nothing changes.
        """
        self._apply_due()  # what the log says of this step came first
        check_log(len(self.changes) + 1, len(self._logs), self.arms[0].R)
        value = tuple(value) if isinstance(value, list) else value
        change = Change(self._now(arm), arm, name, value, replica)
        self._do(change)
        last = self.changes[-1] if self.changes else None
        if isinstance(last, Change) and replace(last, value=value) == change:
            self.changes.pop()  # a drag is one entry for each step it touched
        self.changes.append(change)

    def branch(self, settings: dict[str, Any], arm: int = 0, from_start: bool = False,
               step: int | None = None) -> Arm:  # fmt: skip
        """Open a new arm with other settings: from the start, or from an arm as it stood at a step,
        by default its present one. The record of that arm stays as it is.
        """
        self._apply_due()
        check_log(len(self.changes) + 1, len(self._logs) + 1, self.arms[0].R)
        first, t = self._arm(arm).first, self._arm(arm).t
        if step is not None and not first <= step <= t:
            raise BadInput(f"step: arm {arm} has not been at {step}; choose {first} to {t}.")
        step = self._now(arm) if step is None or step == t else step
        branch = Branch(step, arm, tuple(settings.items()), from_start)
        number = len(self._logs)
        self._do(branch, number)
        self._logs.append(Log())
        self.changes.append(branch)
        return self.arms[number]

    def watch(self, probe: str, every: int) -> None:
        """Measure something more from here on; not a change, since probes never steer."""
        probes = tuple((dict(self.base.probes) | {probe: every}).items())
        self.base = replace(self.base, probes=probes)
        for arm in self.arms.values():
            arm.adopt([r.set({"probes": probes}) for r in arm.recipes])

    def _now(self, index: int) -> int:
        """Where an arm stands, for the log; of one that ended early, after all that is in its log."""
        return max(self._arm(index).t, self._drained.get(index, 0))

    def _arm(self, index: int) -> Arm:
        if index not in self.arms:
            raise BadInput(f"arm: there is no arm {index}; choose one of {list(self.arms)}.")
        return self.arms[index]

    def _do(self, change: Change | Branch, number: int = 0) -> None:
        arm = self._arm(change.arm)
        if isinstance(change, Change):
            arm.mark()
            arm.adopt(changed(arm.recipes, change))
        else:
            step = min(change.step, arm.t)
            recipes = branched(arm.recipes_at(step), change)
            recipes = [replace(r, probes=self.base.probes) for r in recipes]
            new = Arm(recipes, number, arm, None if change.from_start else step)
            self.arms = dict(sorted((self.arms | {number: new}).items()))
