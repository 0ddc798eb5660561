"""A trial of a person's optimizer before it is registered: a few steps on a small net."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from lab_core.knobs import OwnError
from lab_core.losses import SquaredError
from lab_core.models import DeepLinear
from lab_core.objective import At, Objective
from lab_core.optimizers import FILTERS

STEPS = 3
ROUNDING = 1e-9


def problem(R: int) -> tuple[Objective, Tensor]:
    """A deep linear net, and weights [R, P]; row r is the same whatever R."""
    make = torch.Generator().manual_seed(0)
    x, y = (torch.randn(1, 5, n, generator=make, dtype=torch.float64) for n in (3, 2))
    objective = Objective(DeepLinear(width=2, depth=1), SquaredError(), x, y, R)
    rows = [torch.randn(1, objective.size, generator=make, dtype=torch.float64) for _ in range(R)]
    return objective, 0.3 * torch.cat(rows)


def path(o: Any, objective: Objective, w: Tensor, again: bool = False) -> Tensor:
    """The weights [STEPS, R, P] of a few steps; with `again`, each of them is taken twice."""
    state, steps = o.init(w), []
    for t in range(STEPS):
        at, g = At(t, objective), objective.gradient(w)[1]
        new, after = o.step(w, g, state, at)
        if again and not torch.equal(o.step(w, g, state, at)[0], new):
            raise OwnError(
                f"{type(o).__name__}.step moves differently when it is called twice with the same"
                " arguments; keep what it remembers in the state, and draw at random from a generator"
                " seeded with at.t."
            )
        w, state = new, after
        steps.append(w)
    return torch.stack(steps)


def try_adapted(cls: Any) -> None:
    """Raises OwnError where a torch optimizer cannot be run, copied and run again."""
    objective, w = problem(1)
    with torch.inference_mode():
        path(cls(), objective, w, again=True)


def try_optimizer(cls: Any) -> bool:
    """Whether it takes one replica at a time: where a stack of them is not what each is by itself.
    Raises OwnError where it does not work for one.
    """
    (two, w), (one, _) = problem(2), problem(1)
    lr = torch.tensor([[1.0], [0.5]], dtype=w.dtype) * cls().lr
    with torch.inference_mode():
        state = cls().init(w[:1])
        for name, f in FILTERS.items():
            if clash := set(state) & set(f().init(w[:1])):
                raise OwnError(
                    f"{cls.__name__}.init keeps {clash.pop()!r}, as the filter {name} does; rename it."
                )
        each = [path(replace(cls(), lr=float(lr[r])), one, w[r : r + 1], r == 0) for r in (0, 1)]
        try:
            together = path(replace(cls(), lr=lr), two, w)
        except OwnError:
            return True
    return not torch.allclose(together, torch.cat(each, 1), rtol=ROUNDING, atol=ROUNDING)
