"""The state of an arm, and snapshots of it by step: thinner as the run grows, never without the first."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

BUDGET = 48 * 2**20  # bytes of one arm's snapshots
FEWEST, MOST = 16, 1024  # snapshots of one arm, whatever their size
HUGE_FEWEST = 4  # where one alone is above the budget
EVERY = 32  # steps between two at first


@dataclass(frozen=True)
class State:
    """Where an arm stands: everything that the next step depends on.

    w [R, P]; alive [R]; `seen` counts the examples that the minibatches have used; `memory` holds
    the probes' warm starts; time [R], float64 on the CPU, is the sum of the learning rates so far.
    """

    t: int
    w: Tensor
    optimizer: dict[str, Any]
    alive: Tensor
    seen: int
    memory: dict[str, Tensor]
    time: Tensor


def size(state: State) -> int:
    """Bytes of a state's tensors, and of what else says how many it holds."""
    return sum(getattr(x, "nbytes", 0) for x in (state.w, *state.optimizer.values()))


def held(alive: Tensor, new: Any, old: Any) -> Any:
    """The new value [R, ...], but the old one of the replicas that are frozen.

    A queue that has become longer or shorter is the new one: a frozen replica reads it no more.
    """
    if not isinstance(new, Tensor) or new.shape != old.shape:
        return new
    return torch.where(alive.view(-1, *[1] * (new.dim() - 1)), new, old)


def most(state: State) -> int:
    """How many snapshots as large as this one are kept."""
    bytes_ = max(1, size(state))
    return min(MOST, max(FEWEST if bytes_ < BUDGET else HUGE_FEWEST, BUDGET // bytes_))


class Snapshots:
    """The states at the first step and at every multiple of `every`.

    Where there are more than fit, `every` doubles and the odd ones go. So which are there depends
    on the step alone, and a replay from the one before a step takes at most `every` steps, about
    2 t / limit.
    """

    def __init__(self, first: State, limit: int = MOST):
        self.every = EVERY
        self.limit = min(limit, most(first))
        self._states = [replace(first, memory={})]

    def keep(self, state: State) -> None:
        """Take a state that came after those that are there, if it is due.

        It is a reference: states are immutable. What probes remember is left out, since it is
        larger than all the rest and no step depends on it.
        """
        if state.t % self.every or state.t <= self._states[-1].t:
            return
        self._states.append(replace(state, memory={}))
        self.limit = min(self.limit, most(state))  # a filter's window fills as the run goes on
        while len(self._states) > self.limit:
            self.every *= 2
            first, *rest = self._states
            self._states = [first, *(s for s in rest if s.t % self.every == 0)]

    def before(self, step: int) -> State:
        """The newest state at or before a step, which is not before the first."""
        return self._states[bisect_right(self._states, step, key=lambda s: s.t) - 1]

    def at(self, step: int) -> State | None:
        """The state at exactly this step, where it is kept; another thread may be keeping more."""
        states = self._states
        found = states[max(0, bisect_right(states, step, key=lambda s: s.t) - 1)]
        return found if found.t == step else None

    @property
    def steps(self) -> list[int]:
        """The steps that are there."""
        return [s.t for s in self._states]
