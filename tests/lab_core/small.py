"""Small problems that the tests of the core share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab_core.kernels.mlp import Kernel
from lab_core.losses import LOSSES
from lab_core.models import MLP, views
from lab_core.objective import Objective
from lab_core.recipe import Recipe, companions
from lab_core.run import Run

SMALL = Recipe().set({"data": "chebyshev", "width": 6, "steps": 40, "probes": ()})
CLASSES = SMALL.set({"data": "clusters", "n": 24, "k": 3, "dim": 4})
PAIRS = SMALL.set({"data": "modular", "p": 7, "fraction": 0.6, "model": "pair-mlp", "width": 6,
                   "loss": "cross-entropy"})  # fmt: skip


# where there are such
FEW = {"measurements": 30, "size": 5, "rank": 2, "true_rank": 2, "dim": 4, "width": 8}


def having(part: str, name: str) -> Recipe:
    """A small recipe with classes that has this entry of a part's registry, and what that needs."""
    recipe = CLASSES.set(companions(CLASSES, part, name))
    return recipe.set({k: v for k, v in FEW.items() if k in recipe.flat()})


def gaussian(*shape: int, seed: int = 0) -> Tensor:
    """Independent N(0, 1) in float64, the same on every call."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def problem(
    model: MLP,
    loss: str = "squared-error",
    R: int = 3,
    N: int = 7,
    d: int = 4,
    c: int = 3,
    own_data: bool = False,
) -> tuple[Kernel, Objective, Tensor]:
    """The hand-written kernel, the autograd oracle of the same objective, and weights [R, P]."""
    x = gaussian(R if own_data else 1, N, d)
    y = gaussian(*x.shape[:2], c, seed=1)
    if LOSSES[loss].targets == "signs":
        y = y.sign()
    if LOSSES[loss].targets == "one-hot":
        y = torch.nn.functional.one_hot(y.argmax(-1), c).to(x)
    oracle = Objective(model, LOSSES[loss](), x, y, R)
    w = 0.7 * gaussian(R, oracle.size, seed=2)
    return Kernel(model, LOSSES[loss](), x, y, R), oracle, w


def close(a: Any, b: Any, rtol: float = 1e-10, atol: float = 1e-12) -> None:
    """Equal up to rounding in float64."""
    a, b = (x if isinstance(x, Tensor) else torch.tensor(x, dtype=torch.float64) for x in (a, b))
    torch.testing.assert_close(a, b, rtol=rtol, atol=atol, check_dtype=False)


def same(one: Run, two: Run) -> None:
    """Equal bits: of weights, optimizer states and everything recorded; and one log."""
    assert one.recipe == two.recipe and list(one.arms) == list(two.arms)
    for a, b in zip(one.arms.values(), two.arms.values(), strict=True):
        assert (a.t, a.parent, a.first, a.diverged) == (b.t, b.parent, b.first, b.diverged)
        assert torch.equal(a.state.w, b.state.w) and torch.equal(a.state.time, b.state.time)
        for key, value in a.state.optimizer.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(b.state.optimizer[key]))
        assert list(a.record.columns) == list(b.record.columns)
        for name in a.record.columns:
            for x, y in zip(a.record[name], b.record[name], strict=True):
                np.testing.assert_array_equal(x, y)


def in_chunks(recipe: Recipe, sizes: list[int]) -> Run:
    run = Run(recipe)
    while not run.done:
        for n in sizes:
            run.advance(n)
    return run


class Nowhere:
    """The `at` of a step that asks for nothing beyond the flat tensor."""

    t = 0
    objective: Any = None

    @staticmethod
    def views(w: Tensor) -> dict[str, Tensor]:
        return views(w, {"w": (w.shape[1],)})
