"""A run: arms side by side, advanced by whoever wants the next step, and the log of what was changed.

`Run(recipe).advance(n)` is all that it takes. Changes and branches made on the way are logged, so
that `run.recipe` replays them at their steps, bit for bit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab_core.arm import Arm
from lab_core.knobs import BadInput, knobs
from lab_core.recipe import PARTS, Branch, Change, Recipe, stacks

LIVE_PARTS = ("schedule",)
LIVE_OWN = ("batch_size", "steps")


def live(recipe: Recipe, name: str) -> bool:
    """Whether a knob or part can change mid-run without a new arm."""
    inside = [p for p in ("optimizer", *LIVE_PARTS) if name in knobs(getattr(recipe, p))]
    return name in LIVE_PARTS or name in LIVE_OWN or bool(inside)


class Run:
    """The arms of a recipe; `changes` is the log, in the order in which things were done."""

    def __init__(self, recipe: Recipe):
        self.base = replace(recipe, changes=())
        self.changes: list[Change | Branch] = []
        self.arms: dict[int, Arm] = {0: Arm(self.base.split())}
        self._branches = 0
        self._pending: list[Change | Branch] = list(recipe.changes)

    @property
    def recipe(self) -> Recipe:
        """The recipe that replays this run, changes included."""
        return replace(self.base, changes=(*self.changes, *self._pending))

    @property
    def done(self) -> bool:
        return not self._pending and all(arm.done for arm in self.arms.values())

    # ---- advancing

    def advance(self, n: int) -> None:
        """Take n steps of the arms that are furthest behind; arms at the same step move together."""
        while n > 0:
            self._apply_due()
            going = [arm for arm in self.arms.values() if not arm.done]
            if not going:
                return
            t = min(arm.t for arm in going)
            behind = [arm for arm in going if arm.t == t]
            stops = [arm.t for arm in going if arm.t > t]
            for arm in behind:
                stops += [c.step for c in self._pending if c.arm == arm.index and c.step > t]
            k = min([n, *(stop - t for stop in stops)])
            for arm in behind:
                arm.advance(k)
            n -= k

    def finish(self) -> Run:
        """Advance every arm to its last step."""
        while not self.done:
            self.advance(1000)
        return self

    def _apply_due(self) -> None:
        """Do what the recipe says was done at the steps where the arms now stand."""
        again = True
        while again:
            again = False
            for change in self._pending:
                arm = self.arms.get(change.arm)
                if arm and (arm.t >= change.step or arm.done):
                    self._pending.remove(change)
                    self._do(change)
                    again = True
                    break

    # ---- what a person does

    def change(self, name: str, value: Any, arm: int = 0, replica: int | None = None) -> None:
        """Move a live knob of an arm from its present step on, for one replica or for all (None).

        For all, a tuple gives each replica its own value. Raises BadInput, and then nothing changes.
        """
        self._do(Change(self._arm(arm).t, arm, name, value, replica))

    def branch(self, settings: dict[str, Any], arm: int = 0, from_start: bool = False) -> Arm:
        """Open a new arm from an arm's present step, or from the start, with other settings."""
        self._do(Branch(self._arm(arm).t, arm, tuple(settings.items()), from_start))
        return self.arms[self._branches]

    def watch(self, probe: str, every: int) -> None:
        """Measure something more from here on; not a change, since probes never steer."""
        probes = tuple((dict(self.base.probes) | {probe: every}).items())
        self.base = replace(self.base, probes=probes)
        for arm in self.arms.values():
            arm.set("probes", [probes] * arm.R)

    def _arm(self, index: int) -> Arm:
        if index not in self.arms:
            raise BadInput(f"arm: there is no arm {index}; choose one of {list(self.arms)}.")
        return self.arms[index]

    def _do(self, change: Change | Branch) -> None:
        if isinstance(change, Branch):
            self._branch(change)
        else:
            self._change(change)
            last = self.changes[-1] if self.changes else None
            if isinstance(last, Change) and replace(last, value=change.value) == change:
                self.changes.pop()  # a drag is one entry for each step it touched
        self.changes.append(change)

    def _change(self, c: Change) -> None:
        arm = self._arm(c.arm)
        if not live(arm.program, c.knob):
            raise BadInput(f"{c.knob}: it cannot change while a run goes on; open a new arm.")
        if c.replica is not None and not self._by_replica(arm, c.knob):
            raise BadInput(f"{c.knob}: all replicas share it; leave the replica out.")
        if c.replica is not None and not 0 <= c.replica < arm.R:
            raise BadInput(f"replica: there is no replica {c.replica}; choose 0 to {arm.R - 1}.")
        if isinstance(c.value, tuple):
            if len(c.value) != arm.R or not self._by_replica(arm, c.knob):
                raise BadInput(f"{c.knob}: give one value, or one for each of {arm.R} replicas.")
            arm.set(c.knob, list(c.value))
        elif c.replica is None:
            arm.set(c.knob, [c.value] * arm.R)
        else:
            now = [r.flat()[c.knob] for r in arm.recipes]
            now[c.replica] = c.value
            arm.set(c.knob, now)

    @staticmethod
    def _by_replica(arm: Arm, name: str) -> bool:
        inside = knobs(arm.program.optimizer)
        return name in inside and stacks("optimizer", inside[name])

    def _branch(self, b: Branch) -> None:
        parent = self._arm(b.arm)
        settings = dict(b.settings)
        if not b.from_start:
            for name in settings:
                self._check_here(parent.program, name)
        recipes = [r.set(settings) for r in parent.recipes]
        if any(r.replicas > 1 for r in recipes):
            raise BadInput("branch: a new arm has its parent's replicas; give one value a knob.")
        arm = Arm(recipes, self._branches + 1, parent, grows=not b.from_start)
        self._branches += 1
        self.arms[self._branches] = arm

    @staticmethod
    def _check_here(recipe: Recipe, name: str) -> None:
        fresh = name in PARTS and name not in ("optimizer", "loss", *LIVE_PARTS)
        if fresh or not (name in PARTS or live(recipe, name) or name in ("weight_decay",)):
            raise BadInput(f"{name}: it changes the start; open the arm from the start.")
