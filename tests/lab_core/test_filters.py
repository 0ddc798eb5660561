"""One battery for every gradient filter: its authors' formula, purity, and what it does to stability.

A new filter fails here until it has its line in `REFERENCE`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lab_core.knobs import knobs
from lab_core.models import views
from lab_core.optimizers import FILTERS, GD, OPTIMIZERS, Filter, HeavyBall, Nesterov
from lab_core.optimizers.base import stacked
from lab_core.optimizers.filters import Grokfast, GrokfastMA
from tests.lab_core.small import close, gaussian

R, P = 3, 7
SHAPES = {"weight": (2, 2), "bias": (1, 3)}


class At:
    """A net of two parameter tensors."""

    t, objective = 0, None

    @staticmethod
    def views(w: Tensor) -> dict[str, Tensor]:
        return views(w, SHAPES)


# ---- the authors' formulas, one replica at a time, numbers in lists


def grokfast(f: Any, path: list[Tensor], gradients: list[Tensor]) -> list[Tensor]:
    """gradfilter_ema of Lee et al. 2024: m <- m alpha + g (1 - alpha), from m = g; g + m lambda."""
    out, m = [], None
    for g in gradients:
        m = g if m is None else m * f.memory + g * (1 - f.memory)
        out.append(g + m * f.strength)
    return out


def grokfast_ma(f: Any, path: list[Tensor], gradients: list[Tensor]) -> list[Tensor]:
    """gradfilter_ma of Lee et al. 2024: a queue of k gradients; their mean counts once it is full."""
    out, queue = [], deque(maxlen=f.window)  # type: ignore[var-annotated]
    for g in gradients:
        queue.append(g)
        full = len(queue) == f.window
        out.append(g + sum(queue) / len(queue) * f.strength if full else g)
    return out


def orthogonal(f: Any, path: list[Tensor], gradients: list[Tensor]) -> list[Tensor]:
    """OrthoGrad of Prieto et al. 2025, parameter tensor by parameter tensor."""
    out = []
    for w, g in zip(path, gradients, strict=True):
        pieces = []
        sizes = [int(np.prod(shape)) for shape in SHAPES.values()]
        for a, b in zip(w.split(sizes), g.split(sizes), strict=True):
            rest = b - (a @ b) / (a @ a + 1e-30) * a
            pieces.append(rest * (b.norm() / (rest.norm() + 1e-30)))
        out.append(torch.cat(pieces))
    return out


REFERENCE: dict[str, Callable[..., list[Tensor]]] = {
    "none": lambda f, path, gradients: gradients,
    "grokfast": grokfast,
    "grokfast-ma": grokfast_ma,
    "orthogonal": orthogonal,
}
SWEEP = {"strength": (0.0, 2.0, 5.0), "memory": (0.0, 0.5, 0.98), "window": (4, 4, 4)}


def test_every_filter_has_its_reference_line() -> None:
    assert set(REFERENCE) == set(FILTERS)
    assert {n for cls in FILTERS.values() for n in knobs(cls)} == set(SWEEP)
    names = [set(cls().init(torch.zeros(R, P))) for cls in FILTERS.values()]
    theirs = [set(cls().init(torch.zeros(R, P))) for cls in OPTIMIZERS.values()]
    assert not set().union(*names) & set().union(*theirs), "they share a state"


def walk(f: Filter, w: Tensor, steps: int = 40) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Weights, gradients and filtered gradients [R, P] of a descent."""
    state, path, gradients, out = f.init(w), [], [], []
    for t in range(steps):
        g = gaussian(R, P, seed=t) + 0.3 * w
        path.append(w)
        gradients.append(g)
        filtered, state = f.step(w, g, state, At())
        out.append(filtered)
        w = w - 0.05 * filtered
    return path, gradients, out


def single(f: Filter, r: int) -> Filter:
    """The filter of one replica, its knobs numbers."""
    values = {n: getattr(f, n) for n in knobs(f)}
    return replace(f, **{n: float(v[r]) if isinstance(v, Tensor) else v for n, v in values.items()})


@pytest.mark.parametrize("own", [False, True], ids=["shared knobs", "knobs of their own"])
@pytest.mark.parametrize("name", FILTERS)
def test_the_formula_of_its_authors(name: str, own: bool) -> None:
    """Each replica of a stack is filtered as it would be alone."""
    w = 0.5 + 0.1 * gaussian(R, P, seed=99)
    each = [FILTERS[name](**{n: SWEEP[n][r if own else 1] for n in knobs(FILTERS[name])})
            for r in range(R)]  # fmt: skip
    f = stacked(each, lambda values: torch.tensor(values, dtype=torch.float64))
    path, gradients, out = walk(f, w)
    for r in range(R):
        ours, theirs = ([x[r] for x in many] for many in (path, gradients))
        expected = REFERENCE[name](single(f, r), ours, theirs)
        close(torch.stack([x[r] for x in out]), torch.stack(expected))


def test_a_perpendicular_gradient_is_that_and_as_long_as_the_gradient() -> None:
    """Along no parameter tensor does the step lengthen or shorten the weights, to first order."""
    shapes = {"a": (3, 4), "b": (1, 5), "one": (1, 1)}
    w, g = gaussian(R, 18), gaussian(R, 18, seed=1)

    class Two(At):
        @staticmethod
        def views(w: Tensor) -> dict[str, Tensor]:
            return views(w, shapes)

    out, _ = FILTERS["orthogonal"]().step(w, g, {}, Two())
    assert not out[:, -1].any(), "of a single number nothing is perpendicular"
    for name in ("a", "b"):
        a, b, c = (Two.views(x)[name].flatten(1) for x in (w, g, out))
        close((a * c).sum(1), torch.zeros(R))
        close(c.norm(dim=1), b.norm(dim=1))
        plane = torch.stack([a, b, c], 1)
        assert bool((torch.linalg.svdvals(plane)[:, 2] < 1e-12).all()), "in the plane of w and g"
    close(FILTERS["orthogonal"]().step(w, 0 * g, {}, Two())[0], 0 * g)
    close(FILTERS["orthogonal"]().step(0 * w, g, {}, Two())[0][:, :-1], g[:, :-1])


@pytest.mark.parametrize("name", FILTERS)
def test_a_step_is_pure_and_its_state_has_a_row_for_each_replica(name: str) -> None:
    f, w, g = FILTERS[name](), gaussian(R, P), gaussian(R, P, seed=1)
    state = f.step(w, g, f.init(w), At())[1]
    before = [x.clone() for x in (w, g, *state.values()) if isinstance(x, Tensor)]
    first, second = (f.step(w, g, state, At()) for _ in range(2))
    after = [x for x in (w, g, *state.values()) if isinstance(x, Tensor)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert torch.equal(first[0], second[0]) and first[0].shape == (R, P)
    assert set(first[1]) == set(f.init(w)), "it forgets nothing"
    assert all(x.shape[0] == R for x in first[1].values() if isinstance(x, Tensor))


def test_a_window_may_shrink_and_grow() -> None:
    """Shrunk, it has the newest gradients at once; grown, it waits until there are as many."""
    w, state, seen, boosted = gaussian(R, P), GrokfastMA().init(gaussian(R, P)), [], {}
    for t in range(30):
        f = GrokfastMA(strength=2.0, window=6 if t < 10 else 3 if t < 15 else 8)
        seen.append(gaussian(R, P, seed=t))
        out, state = f.step(w, seen[-1], state, At())
        kept = state["window"].shape[1]
        boosted[t] = kept == f.window
        mean = sum(seen[-f.window :]) / f.window
        close(out, seen[-1] + (2.0 * mean if boosted[t] else 0.0))
        assert kept <= f.window
    assert [t for t, full in boosted.items() if not full] == [0, 1, 2, 3, 4, 15, 16, 17, 18]


# ---- stability: `gain` is exact at the curvature where a gradient turns at every step


def radius(o: Any, f: Filter, curvature: float) -> float:
    """The spectral radius of a step on the quadratic curvature / 2 w^2: a linear map of (w, state),
    whose matrix is what it makes of the unit vectors, one a replica."""
    one = torch.zeros(1, 1, dtype=torch.float64)
    state = f.init(one) | o.init(one) | {"w": one}
    if isinstance(f, GrokfastMA):
        state["window"] = torch.zeros(1, f.window, 1)
    names = [n for n, x in state.items() if isinstance(x, Tensor)]
    sizes = [state[n].numel() for n in names]
    unit = torch.eye(sum(sizes), dtype=torch.float64).split(sizes, 1)
    before = {n: x.reshape(-1, *state[n].shape[1:]) for n, x in zip(names, unit, strict=True)}
    before |= {"filtered": 1}
    g, kept = f.step(before["w"], curvature * before["w"], before, At())
    w, after = o.step(before["w"], g, {n: before[n] for n in o.init(one)}, At())
    after = after | kept | {"w": w}
    matrix = torch.cat([after[n].flatten(1) for n in names], 1)
    return float(torch.linalg.eigvals(matrix).abs().max())


def is_where_it_becomes_unstable(o: Any, f: Filter, curvature: float) -> bool:
    below = [radius(o, f, share * curvature) for share in (0.01, 0.1, 0.3, 0.6, 0.9, 0.995)]
    return max(below) < 1 < radius(o, f, 1.005 * curvature)


def claimed(o: Any, f: Filter) -> float:
    return float(o.stability_threshold() / f.gain())


DESCENTS = [GD(lr=0.1), GD(lr=0.1, weight_decay=0.5),
            *(HeavyBall(lr=0.1, beta=b, weight_decay=d) for b in (0.5, 0.9) for d in (0.0, 0.5))]  # fmt: skip
WEAK = [Filter(), Grokfast(0.1, 0.5), Grokfast(1.0, 0.9), Grokfast(2.0, 0.98), Grokfast(0.0, 0.9),
        GrokfastMA(3.0, 1)]  # fmt: skip


@pytest.mark.parametrize("f", WEAK, ids=str)
@pytest.mark.parametrize("o", DESCENTS, ids=str)
def test_the_threshold_is_divided_by_the_gain(o: Any, f: Filter) -> None:
    assert is_where_it_becomes_unstable(o, f, claimed(o, f))


EVERY = [Grokfast(s, m) for s in (0.5, 2.0, 10.0) for m in (0.0, 0.5, 0.9, 0.98)]
EVERY += [GrokfastMA(s, k) for s in (0.5, 5.0) for k in (2, 3, 10, 25)]


@pytest.mark.parametrize("f", EVERY, ids=str)
@pytest.mark.parametrize("o", [*DESCENTS, Nesterov(lr=0.1, beta=0.5)], ids=str)
def test_at_the_divided_threshold_a_gradient_turns_for_ever(o: Any, f: Filter) -> None:
    """-1 is an eigenvalue there, for all knobs: nothing is stable from there on."""
    assert radius(o, f, claimed(o, f)) > 1 - 1e-9
    assert radius(o, f, 1.01 * claimed(o, f)) > 1 and radius(o, f, 3 * claimed(o, f)) > 1


def slow(o: HeavyBall, f: Grokfast) -> float:
    """Where a slow oscillation begins to grow: heavy ball behind Grokfast-EMA is a recursion of
    three steps, z^3 - (1 + a + b - k m) z^2 + (a + b + a b - k a) z - a b with k = lr H and
    m = 1 + lambda (1 - a), two of whose roots leave the unit circle together at this k (Jury).
    """
    a, b, m = f.memory, o.beta, 1 + f.strength * (1 - f.memory)
    return (
        (1 - a * b) * (1 - a) * (1 - b) / (a * (b * m - 1)) / o.lr
        if a * (b * m - 1) > 0
        else np.inf
    )


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.95])
@pytest.mark.parametrize("f", [f for f in EVERY if isinstance(f, Grokfast)], ids=str)
def test_momentum_behind_a_strong_ema_is_unstable_earlier(f: Grokfast, beta: float) -> None:
    """The division is exact while beta (1 + lambda (1 - alpha)) <= 1, so for gradient descent
    always; beyond, a slow oscillation may grow from a much smaller curvature on."""
    o = HeavyBall(lr=0.1, beta=beta)
    threshold = min(slow(o, f), claimed(o, f))
    assert is_where_it_becomes_unstable(o, f, threshold)
    if beta * (1 + f.strength * (1 - f.memory)) <= 1:
        assert threshold == claimed(o, f)


def turning(f: GrokfastMA) -> float:
    """The least k = lr H at which gradient descent behind Grokfast-MA has a root e^(i omega): there
    1 - e^(i omega) = k G with G = 1 + lambda / n sum_j e^(-i j omega), which needs
    sin omega + lambda / n sin(n omega) = 0."""
    omega = np.linspace(1e-4, np.pi - 1e-9, 400_001)
    side = np.sin(omega) + f.strength / f.window * np.sin(f.window * omega)
    roots = np.append(omega[np.flatnonzero(np.diff(np.sign(side)))], np.pi)
    waits = np.exp(-1j * np.outer(roots, np.arange(f.window)))
    k = (1 - np.exp(1j * roots)) / (1 + f.strength / f.window * waits.sum(1))
    return float(k.real[k.real > 0].min())


@pytest.mark.parametrize("window", [1, 2, 3, 5, 10, 25, 50])
@pytest.mark.parametrize("strength", [0.5, 0.95, 2.9, 5.0])
def test_a_strong_moving_average_is_unstable_earlier(window: int, strength: float) -> None:
    """For gradient descent the division is exact while lambda <= 1, with odd windows while it is
    < 3; beyond, a slow oscillation grows from a smaller curvature on."""
    o, f = GD(lr=0.1), GrokfastMA(strength, window)
    threshold = turning(f) / o.lr
    assert is_where_it_becomes_unstable(o, f, threshold)
    exact = strength <= 1 or window == 1 or (window % 2 == 1 and strength < 3)
    assert not exact or threshold == pytest.approx(claimed(o, f), rel=1e-3)


def test_the_slow_oscillations_of_strong_filters_begin_far_below_the_divided_threshold() -> None:
    o, default = GD(lr=0.1), GrokfastMA()
    assert turning(default) / o.lr < 0.03 * claimed(o, default)
    ball, strong = HeavyBall(lr=0.1, beta=0.9), Grokfast(10.0, 0.98)
    assert slow(ball, strong) < 0.001 * claimed(ball, strong)
    assert not is_where_it_becomes_unstable(
        HeavyBall(lr=0.1, beta=0.9),
        GrokfastMA(0.5, 3),
        claimed(HeavyBall(lr=0.1, beta=0.9), GrokfastMA(0.5, 3)),
    )


def test_the_gain_of_each_replica_is_its_own() -> None:
    f = Grokfast(*(torch.tensor(v, dtype=torch.float64)[:, None] for v in ((0.0, 2.0), (0.5, 0.9))))
    close(f.gain(), [[1.0], [1 + 0.2 / 1.9]])
