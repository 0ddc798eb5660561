"""An arm: a stack of replicas that share one program and one set of shapes, and what it recorded.

Its state is immutable: a snapshot is a reference, and a step that went wrong is simply forgotten.
"""

from __future__ import annotations

import copy
from bisect import bisect_right
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab_core import models
from lab_core.batches import Batches
from lab_core.devices import check_precision
from lab_core.knobs import BadInput, OwnError
from lab_core.objective import At
from lab_core.optimizers.base import stacked
from lab_core.probes import PROBES, Moment
from lab_core.recipe import Recipe, label, seeds_of
from lab_core.record import Record
from lab_core.schedules import elapsed
from lab_core.snapshots import Snapshots, State, held
from lab_core.start import Start
from lab_core.timeline import starts_afresh

CHUNK = 64  # steps between two looks at the losses
LIMIT = 1e6  # diverged: loss above LIMIT * (1 + initial loss), or not finite


class Arm:
    """Arm `index`, with one recipe a replica.

    It grows from `parent` as that stood at `step`, with its optimizer's state where optimizer, filter
    and loss are the same; from the start where `step` is None.
    """

    def __init__(self, recipes: list[Recipe], index: int = 0, parent: Arm | None = None,
                 step: int | None = None):  # fmt: skip
        self.recipes, self.index, self.R = list(recipes), index, len(recipes)
        self.parent = parent.index if parent else None
        self.start = Start(self.recipes)
        self.x, self.y, self.test = self.start.x, self.start.y, self.start.test
        self.device, self.device_reason = self.start.device, self.start.device_reason
        self.N = self.x.shape[1]
        self.losses = [r.loss for r in self.recipes]
        self.objective = self.start.objective(self.start.loss(self.recipes))
        self.at = At(0, self.objective)
        self.batches = Batches([seeds_of(r, "batch") for r in recipes], self.N, self.device)
        self.record = Record(self.R)
        self.diverged: dict[int, int] = {}  # replica -> step
        self.mistake = ""  # of a person's own part, at which it stopped
        self.last_seen: dict[int, dict[str, Tensor]] = {}  # replica -> the probes' memory then
        self.state = self._fresh() if parent is None or step is None else self._grown(parent, step)
        self.first = self.state.t
        self.limit: Tensor | None = None
        self._apply()
        self.snapshots = Snapshots(self.state)
        self.segments = [(self.first, self.recipes)]  # what it was set to from which step on

    # ---- setting up

    def _fresh(self) -> State:
        alive = torch.ones(self.R, dtype=torch.bool, device=self.device)
        time = torch.zeros(self.R, dtype=torch.float64)
        return State(0, self.start.w, {}, alive, 0, {}, time)

    def _grown(self, parent: Arm, step: int) -> State:
        before = parent.state_at(step)
        if before.w.shape != (self.R, self.objective.size):
            raise BadInput("branch: the shapes differ from its parent's; open it from the start.")
        # whether it diverges at this very step is not known when it arrives there
        self.diverged = {r: t for r, t in parent.diverged.items() if t < before.t}
        alive = torch.tensor([r not in self.diverged for r in range(self.R)], device=self.device)
        afresh = starts_afresh(parent.recipes_at(step)[0], self.recipes[0])
        kept = {} if afresh else before.optimizer
        moved = {k: v.to(self.device) if isinstance(v, Tensor) else v for k, v in kept.items()}
        return replace(before, w=before.w.to(self.device), optimizer=moved, alive=alive, memory={})

    # ---- knobs

    def mark(self) -> None:
        """Record the time, so that it is known exactly where a learning rate is about to change."""
        steps, _ = self.record["time"]
        if not len(steps) or steps[-1] < self.t:
            self._write("time", self.t, self.state.time)

    def adopt(self, recipes: list[Recipe]) -> None:
        """Go on with other recipes, one a replica, that differ in what is live. Raises BadInput."""
        check_precision(recipes[0].loss, self.device)
        self.recipes = recipes
        if self.segments[-1:] and self.segments[-1][0] == self.t:
            self.segments.pop()
        self.segments.append((self.t, recipes))
        self._apply()

    def recipes_at(self, step: int) -> list[Recipe]:
        """What it was set to at a step, changes at that step included."""
        return self.segments[bisect_right(self.segments, step, key=lambda s: s[0]) - 1][1]

    def state_at(self, step: int) -> State:
        """Where it stood at a step between its first and its present one, by exact replay."""
        return self.state if step == self.t else self._twin(step).state

    def measured_at(self, step: int, probe: str) -> Record:
        """What a probe finds at a step of the past; neither state nor record of this arm change."""
        twin = self._twin(step)
        with torch.inference_mode():
            g = twin.objective.gradient(twin.state.w)[1]
            twin._put(*twin._measure(twin.state, g, [probe]))
        return twin.record

    def _twin(self, step: int) -> Arm:
        """Another arm that stands where this one stood at a step, with a record of its own."""
        twin, start = copy.copy(self), self.snapshots.before(step)
        twin.state, twin.record, twin.last_seen, twin.mistake = start, Record(self.R), {}, ""
        twin.diverged = {r: t for r, t in self.diverged.items() if not start.alive[r]}
        twin.snapshots, twin.segments = Snapshots(start), []
        turns = [t for t, _ in self.segments if start.t < t < step]
        for here, end in pairwise([start.t, *dict.fromkeys(turns), step]):
            twin.adopt([r.set({"probes": ()}) for r in self.recipes_at(here)])
            twin.advance(end - here)
        return twin

    def forget(self) -> None:
        """Keep no snapshot but this one: it will not be asked to go back."""
        self.snapshots = Snapshots(self.state, 1)

    def _apply(self) -> None:
        """Stack the replicas' optimizers into one, and start its state where there is none."""
        self.program = self.recipes[0]
        each = [r.optimizer for r in self.recipes]
        self.optimizer = stacked(each, self.start.tensor)
        self.filter = stacked([r.filter for r in self.recipes], self.start.tensor)
        losses = [r.loss for r in self.recipes]
        if self.losses != losses:
            self.losses = losses
            self.objective = self.objective.with_loss(self.start.loss(self.recipes))
            self.at = At(self.t, self.objective)
        self.rates = [float(o.lr) for o in each]
        if not self.state.optimizer:
            with torch.inference_mode():
                fresh = self.filter.init(self.state.w) | self.optimizer.init(self.state.w)
            self.state = replace(self.state, optimizer=fresh)

    def knob(self, name: str) -> np.ndarray:
        """A knob of every replica [R]."""
        return np.array([r.flat()[name] for r in self.recipes])

    def label(self, replica: int) -> str:
        """What sets a replica apart."""
        return label(self.recipes, replica)

    # ---- stepping

    @property
    def t(self) -> int:
        return self.state.t

    @property
    def done(self) -> bool:
        ended = self.t >= self.program.steps or len(self.diverged) == self.R
        return ended or bool(self.mistake)

    def advance(self, n: int) -> None:
        """Take n steps, or as many as are left."""
        end, most = min(self.t + n, self.program.steps), CHUNK
        with torch.inference_mode():
            while self.t < end and not self.done:
                cadences = [self.snapshots.every, *(every for _, every in self.program.probes)]
                due = [every - self.t % every for every in cadences]
                k = min([end - self.t, most, *due])
                try:
                    self._chunk(k)
                except OwnError as error:
                    most = 1  # which finds the step
                    self.mistake = str(error) if k == 1 else ""

    def _chunk(self, k: int) -> None:
        """Take k steps; where a replica diverges among them, go up to there, freeze it, go on."""
        first = self._gradient(self.state.w, self.state.seen, self.state.t)
        if self.limit is None:
            self.limit = self._limit(first[0])
        losses = first[0].new_empty(k, self.R)
        after = self._steps(self.state, first, losses)
        bad = ~(losses <= self.limit) & self.state.alive
        if not bool(bad.any()):
            self._keep(after, losses, first[1])
            return
        i = int(bad.any(1).nonzero()[0])
        if i:
            self._keep(self._steps(self.state, first, losses[:i]), losses[:i], first[1])
        self._freeze(bad[i])

    def _limit(self, first: Tensor) -> Tensor:
        """The loss above which a replica has diverged; of a linear classifier of signs the largest number:
        its loss is as large as its steps, and after them it may be solved all the same.
        """
        if isinstance(self.program.model, models.Linear) and self.program.loss.targets == "signs":
            return torch.full_like(first, torch.finfo(first.dtype).max)
        return LIMIT * (1 + first.nan_to_num(posinf=0.0))

    def _freeze(self, dead: Tensor) -> None:
        for r in dead.nonzero().flatten().tolist():
            self.last_seen[r] = {k: v[r].clone() for k, v in self.state.memory.items()}
            self.diverged[r] = self.t
        self.state = replace(self.state, alive=self.state.alive & ~dead)

    def _gradient(self, w: Tensor, seen: int, t: int) -> tuple[Tensor, Tensor]:
        """The loss [R] and its gradient [R, P] of step t, after `seen` examples."""
        return self.objective.gradient(w, self._batch(seen), t)

    def _batch(self, seen: int) -> Tensor | None:
        return self.batches.index(seen, self.program.batch_size) if self.sampled else None

    @property
    def sampled(self) -> bool:
        """Whether a batch is smaller than the data."""
        return 0 < self.program.batch_size < self.N

    @property
    def noisy(self) -> bool:
        """Whether the loss of a step is not that of the training set."""
        return self.sampled or self.objective.random

    def _steps(self, s: State, first: tuple[Tensor, Tensor], losses: Tensor) -> State:
        """The state after len(losses) steps from s; `first` is the loss and gradient at s."""
        w, state, seen = s.w, s.optimizer, s.seen
        steps, schedule, size = self.program.steps, self.program.schedule, self.program.batch_size
        optimizer, multiplier = self.optimizer, 1.0
        everyone, multipliers = bool(s.alive.all()), []
        for i in range(len(losses)):
            loss, g = first if i == 0 else self._gradient(w, seen, s.t + i)
            losses[i] = loss
            m = schedule(s.t + i, steps)
            if m != multiplier:
                optimizer, multiplier = self.optimizer.scaled(m), m
            multipliers.append(m)
            self.at.t = s.t + i
            g, kept = self.filter.step(w, g, state, self.at)
            moved, after = optimizer.step(w, g, state, self.at)
            after = after | kept
            if not everyone:
                moved = held(s.alive, moved, w)
                after = {k: held(s.alive, v, state[k]) for k, v in after.items()}
            w, state = moved, after
            seen += size
        rates = self.rates
        if not everyone:
            rates = [lr * alive for lr, alive in zip(rates, s.alive.tolist(), strict=True)]
        time = s.time.new_tensor(elapsed(s.time.tolist(), rates, multipliers))
        return replace(s, t=s.t + len(losses), w=w, optimizer=state, seen=seen, time=time)

    # ---- recording

    def _keep(self, after: State, losses: Tensor, g: Tensor) -> None:
        """Record these steps and the probes due at the first of them, then stand at the new state."""
        before = self.state
        due = [name for name, every in self.program.probes if before.t % every == 0]
        found = self._measure(before, g, due) if due else None  # all of it, or nothing is kept
        if not self.noisy:
            self._write("train_loss", np.arange(before.t, after.t), losses)
        memory = self._put(*found) if found else before.memory
        self.state = replace(after, memory=memory)
        self.snapshots.keep(self.state)

    def _measure(self, s: State, g: Tensor, due: list[str]) -> tuple[Moment, dict[str, Tensor]]:
        """The probes of `due` at state s: columns [R]."""
        optimizer = self.optimizer.scaled(self.program.schedule(s.t, self.program.steps))
        moment = Moment(
            s.t, s.w, s.alive, g, optimizer, self.filter, s.optimizer, self.objective, self.test,
            self.program.data.targets != "real", dict(s.memory),
            lambda: self.start.truth, lambda: self.start.w,
        )  # fmt: skip
        lr = torch.as_tensor(optimizer.lr, dtype=s.w.dtype).reshape(-1)
        columns = {"lr": lr.expand(self.R)}
        if self.noisy:
            columns["train_loss"] = self.objective.loss(s.w)
        for name in due:
            columns |= PROBES[name](moment)
        return moment, columns

    def _put(self, moment: Moment, columns: dict[str, Tensor]) -> dict[str, Tensor]:
        """Record what was measured; return what the probes want to remember."""
        self.mark()
        for name, values in columns.items():
            self._write(name, moment.t, values)
        for name, value in moment.arrays.items():
            self.record.arrays[name] = (moment.t, value)
        return moment.memory

    def _write(self, name: str, steps: Any, values: Tensor) -> None:
        table = np.atleast_2d(values.double().cpu().numpy()).copy()
        table[:, [r for r in self.diverged]] = np.nan
        self.record.extend(name, steps, table)
