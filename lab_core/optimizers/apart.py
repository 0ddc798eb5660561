"""Optimizers that take one replica at a time, and any `torch.optim.Optimizer` among them."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn, optim

from lab_core.knobs import OwnError, knobs
from lab_core.optimizers.base import At, Optimizer, State

SHARED = ("defaults", "_zero_grad_profile_name")  # by a torch optimizer and its copies
HOOKS = "_hooks"
Kept = tuple[optim.Optimizer, list[nn.Parameter]]


class Apart(tuple[Any, ...]):
    """What each replica keeps for itself, in the state of a stack."""

    @property
    def nbytes(self) -> int:
        return sum(map(nbytes, self))


def nbytes(kept: Any) -> int:
    """Bytes of the tensors in what a replica keeps."""
    if isinstance(kept, optim.Optimizer):
        kept = list(kept.state.values())
    if isinstance(kept, Mapping):
        kept = list(kept.values())
    if isinstance(kept, (list, tuple)):
        return sum(map(nbytes, kept))
    return int(getattr(kept, "nbytes", 0))


def of_replica(value: Any, r: int) -> Any:
    """A knob of one replica: a float, of a float or of [R, 1]."""
    return float(value[r]) if isinstance(value, Tensor) else value


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """An exception in what a person brought, as one sentence that says where."""
    try:
        yield
    except OwnError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:160] or "no message"
        raise OwnError(f"{what} raised {type(error).__name__}: {said}; mend it there.") from error


@dataclass(frozen=True)
class Adapted(Optimizer):
    """w <- what `kind(tensors, ...).step()` makes of it, replica by replica, on the named tensors.

    Before each step the torch optimizer is copied, with all that it keeps: so states are immutable,
    and a run can be rewound and forked. Knobs go to its parameter groups at every step, so that they
    are live. It states neither a threshold nor what it divides by.
    """

    kind: ClassVar[type[optim.Optimizer]]
    fixed: ClassVar[dict[str, Any]] = {}  # arguments that are no knobs
    pairs: ClassVar[dict[str, tuple[str, ...]]] = {}  # arguments that are tuples of knobs: betas
    renamed: ClassVar[dict[str, str]] = {}  # arguments whose knobs have another name

    def init(self, w: Tensor) -> State:
        return {"kept": Apart([None] * len(w))}

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        with blamed(f"{self.kind.__name__}.step"), torch.inference_mode(False), torch.no_grad():
            tensors, slopes = at.views(w), at.views(g)
            rows, kept = [], []
            for r, before in enumerate(state["kept"]):
                own = [nn.Parameter(x[r].clone()) for x in tensors.values()]
                other = self._taken(before, own, r)
                for p, slope in zip(own, slopes.values(), strict=True):
                    p.grad = slope[r].clone()
                with torch.enable_grad():  # as in any training loop
                    other.step()
                for p in own:
                    p.grad = None
                rows.append(torch.cat([p.detach().reshape(-1) for p in own]))
                kept.append((other, own))
        return torch.stack(rows), {"kept": Apart(kept)}

    def _arguments(self, r: int) -> dict[str, Any]:
        """The arguments of the torch optimizer of one replica."""
        values = {name: of_replica(getattr(self, name), r) for name in knobs(self)}
        out = {name: tuple(values.pop(n) for n in each) for name, each in self.pairs.items()}
        out |= {name: values.pop(n) for name, n in self.renamed.items()}
        return out | values

    def _taken(self, before: Kept | None, own: list[nn.Parameter], r: int) -> optim.Optimizer:
        """The torch optimizer as it was before, at work on other tensors; a fresh one for None."""
        arguments = self._arguments(r)
        if before is None:
            return self.kind(own, **self.fixed | arguments)
        new = copied(*before, own)
        for group in new.param_groups:
            group |= {name: value for name, value in arguments.items() if name in group}
        return new

    def stability_threshold(self) -> float:
        return torch.nan


def copied(
    before: optim.Optimizer, old: list[nn.Parameter], own: list[nn.Parameter]
) -> optim.Optimizer:
    """A torch optimizer with all its attributes, at work on its `own` tensors in place of the `old`;
    torch's `__getstate__` would leave attributes behind.
    """
    memo: dict[int, Any] = {id(p): q for p, q in zip(old, own, strict=True)}
    new = object.__new__(type(before))
    for name, value in vars(before).items():
        shared = name in SHARED or name.endswith(HOOKS)
        new.__dict__[name] = value if shared else duplicate(value, memo)
    return new


def duplicate(value: Any, memo: dict[int, Any]) -> Any:
    """A deep copy; of tensors and dicts, which are most of it, in less time than `deepcopy` takes."""
    if id(value) in memo:
        return memo[id(value)]
    if type(value) is Tensor:
        made: Any = value.detach().clone()
    elif type(value) in (dict, defaultdict):
        made = copy.copy(value)
        made.clear()
        made |= {duplicate(k, memo): duplicate(v, memo) for k, v in value.items()}
    else:
        return copy.deepcopy(value, memo)
    memo[id(value)] = made
    return made
