"""What the optimizer has to do with double descent (Liu & Flanigan 2023): the peak is there where the
training loss is brought low enough, and how fast that goes is a matter of conditioning.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.claims import Claim, Verdict, span
from lab_core.curves import Curve, Line, Panel, band
from lab_core.phenomena.base import Preset, beside, claim_on
from lab_core.phenomena.descent_curves import axis, listed, mse, peak, shown
from lab_core.recipe import Recipe
from lab_core.run import Run
from lab_core.sweep import Axis, Grid, Sweep

PAPER = "double-descent-optimization"
CITATION = (PAPER, "Liu & Flanigan 2023, Understanding the Role of Optimization in Double Descent")
SEEDS = (0, 1, 2, 3)
N = 100
LEAPS = 2  # a decade
BUDGETS = (2, 3, 4, 5, 7)  # decades of steps
RECIPE = Recipe().set(
    {"data": "gaussian-teacher", "model": "random-features", "optimizer": "descent-in-leaps",
     "leaps": LEAPS, "steps": LEAPS * max(BUDGETS) + 1,
     "probes": (("test_loss", 1), ("condition", 100), ("gd_steps", 1))}
)  # fmt: skip
WIDTHS = Axis(("features",), "features N", (10, 20, 30, 40, 50, 60, 80, 90, 95, 100, 105, 110, 120, 150,
                                            200, 500))  # fmt: skip
SPREADS = Axis(("spread",), "spread", (1.0, 10.0, 100.0))
MOMENTA = Axis(("beta",), "β", (0.0, 0.9, 0.99))
FEW = Axis(("features",), "features N", (30, 40, 50, 60, 90, 95, 100, 105, 110))
CONDITIONED = Sweep(RECIPE, (WIDTHS, SPREADS), SEEDS)
FASTER = Sweep(RECIPE, (WIDTHS, MOMENTA), SEEDS)
OTHERS = (
    Sweep(RECIPE.set({"scaling": "standardised"}), (FEW,), SEEDS),
    Sweep(RECIPE.set({"lr": 0.1}), (FEW,), SEEDS),
)


def at(decade: int) -> int:
    """The step that stands after 10^decade steps of gradient descent."""
    return LEAPS * decade


def steps_of(decade: int) -> str:
    return f"{10**decade:,} steps"


def budgets(grid: Grid, which: str = "test", second: int = 0) -> list[Line]:
    """The error after each number of steps, at one value of the second axis."""
    x = axis(grid).tolist()
    return [band(steps_of(d), x, shown(mse(grid, which, at(d))[:, second])) for d in BUDGETS]


def along_second(grid: Grid, which: str, decade: int) -> list[Line]:
    """The error after so many steps, for each value of the second axis."""
    second = grid.sweep.over[1]
    values = shown(mse(grid, which, at(decade)))
    return [
        band(f"{second.label} {v:g}", axis(grid).tolist(), values[:, j])
        for j, v in enumerate(second.values)
    ]


def height(grid: Grid, decade: int) -> np.ndarray:
    """The height of the peak after so many steps [values of the second axis, S]."""
    values, x = mse(grid, "test", at(decade)), axis(grid)
    values = values if values.ndim == 3 else values[:, None]
    return np.stack([peak(x, values[:, j], N) for j in range(values.shape[1])])


def at_threshold(grid: Grid, values: np.ndarray) -> np.ndarray:
    """Values [n, (values of the second axis,) S] at N = n, as [values of the second axis, S]."""
    row: np.ndarray = values[grid.sweep.over[0].values.index(N)]
    return np.atleast_2d(row)


def against_loss(grid: Grid) -> list[Line]:
    """Height of the peak against the training error at N = n, a point for each number of steps."""
    second, lines = grid.sweep.over[1], []
    y = np.array([np.median(height(grid, d), 1) for d in BUDGETS])
    x = np.array([np.median(at_threshold(grid, mse(grid, "train", at(d))), 1) for d in BUDGETS])
    for j, value in enumerate(second.values):
        lines.append(Line(f"{second.label} {value:g}", x[:, j], y[:, j], points=True))
    return lines


def against_condition(grid: Grid) -> list[Line]:
    """Height of the peak against the condition at N = n, a line for each number of steps."""
    x = np.median(at_threshold(grid, grid.values("condition")), 1)
    return [Line(steps_of(d), x, np.median(height(grid, d), 1)) for d in BUDGETS]


LOOK = {"log_x": True, "log_y": True}
MARK = LOOK | {"marks": ((float(N), "N = n"),)}
MSE, HEIGHT = "mean squared error", "peak ÷ dip before it"
LOSS = Panel("Peak and training error", "training error at N = n", HEIGHT, against_loss, **LOOK)  # type: ignore[arg-type]
CHANGED = ("noise", "activation", "scaling", "lr", "init_scale")
FIGURES = {
    "budget": Curve(
        "No peak until it is trained for",
        "The same by gradient descent, exactly, after 100 to 10 million steps. After a thousand there"
        " is hardly a peak; it grows with every tenfold of steps, as the training error at N = 100"
        " falls. Features of unequal scale are worse conditioned: their training error falls later,"
        " and so their peak comes later.",
        CONDITIONED,
        (
            Panel("Test error", "features N", MSE, budgets, **MARK),  # type: ignore[arg-type]
            Panel("Training error", "features N", MSE, lambda g: budgets(g, "train"), **MARK),  # type: ignore[arg-type]
            LOSS,
            Panel("Peak and condition", "condition of the features at N = n", HEIGHT,
                  against_condition, **LOOK),  # type: ignore[arg-type]
        ),
        CHANGED,
    ),
    "momentum": Curve(
        "A faster optimizer, a higher peak",
        "A thousand steps each: without momentum there is hardly a peak, with β = 0.9 and 0.99 there"
        " is, at the height that ten and a hundred times as many plain steps give.",
        FASTER,
        (
            Panel("Test error after 1,000 steps", "features N", MSE,
                  lambda g: along_second(g, "test", 3), **MARK),  # type: ignore[arg-type]
            Panel("Training error after 1,000 steps", "features N", MSE,
                  lambda g: along_second(g, "train", 3), **MARK),  # type: ignore[arg-type]
            LOSS,
        ),
        CHANGED,
    ),
}  # fmt: skip


def judge_budget(grids: Sequence[Grid]) -> Verdict:
    """The peak grows from decade to decade as the training error falls, from none; at 10^5 steps it is the
    lower the worse the condition; over all settings height and training error go opposite ways.
    """
    main = grids[0]
    rise = np.array([height(main, d)[0] for d in BUDGETS])
    losses = np.concatenate([_losses(g) for g in grids], 1)
    heights = np.concatenate([_heights(g) for g in grids], 1)
    condition = np.concatenate(
        [np.median(at_threshold(g, g.values("condition")), 1) for g in grids[:2]]
    )
    fifth = np.array(BUDGETS) == 5
    order = np.argsort(condition)
    by_condition = np.concatenate([np.median(height(g, 5), 1) for g in grids[:2]])[order]
    rank = _rank_correlation(losses.ravel(), heights.ravel())
    holds = bool(
        rise[1].max() < 2.5
        and rise[fifth].min() > 5
        and rise[-1].min() > 15
        and (np.diff(np.median(rise, 1)) > 0).all()
        and (np.diff(losses, axis=0) < 0).all()
        and (np.diff(condition[order]) > 0).all()
        and (np.diff(by_condition) < 0).all()
        and rank < -0.85
    )
    return Verdict(
        holds,
        f"peak {span(rise[1])} times the dip after 1,000 steps, {span(rise[fifth])} after 100,000,"
        f" {span(rise[-1])} after 10 million; at condition"
        f" {listed(condition[order])} it is {listed(by_condition)} after 100,000; rank correlation of"
        f" height and training error {rank:.2f}",
        "below 2.5; over 5; over 15; falling; below −0.85",
    )  # fmt: skip


def _heights(grid: Grid) -> np.ndarray:
    return np.array([np.median(height(grid, d), 1) for d in BUDGETS])


def _losses(grid: Grid) -> np.ndarray:
    return np.array([np.median(at_threshold(grid, mse(grid, "train", at(d))), 1) for d in BUDGETS])


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's."""
    return float(np.corrcoef(np.argsort(np.argsort(a)), np.argsort(np.argsort(b)))[0, 1])


def judge_momentum(grids: Sequence[Grid]) -> Verdict:
    """At 1,000 steps the peak grows with momentum, to that of 10 and 100 times as many plain steps."""
    (grid,) = grids
    after = height(grid, 3)
    beta = axis(grid, 1)
    plain = np.stack([height(grid, d)[0] for d in (3, 4, 5)])
    alike = after / plain
    holds = bool(
        beta.tolist() == [0.0, 0.9, 0.99]
        and (np.diff(after, axis=0) > 0).all()
        and after[0].max() < 2.5
        and np.abs(alike - 1).max() < 0.2
    )
    return Verdict(
        holds,
        f"after 1,000 steps {'; '.join(f'β = {b:g}: {span(a)}' for b, a in zip(beta, after, strict=True))};"
        f" {span(alike[1:])} of the heights after 10 and 100 times as many plain steps",
        "growing, from below 2.5; 1 within 20%",
    )  # fmt: skip


PRESETS = {
    "at-the-threshold": Preset(
        "The peak, as it grows",
        "Three models of 40, 100 and 1,000 random features, by gradient descent: every tenth leap takes"
        " ten times as many steps. The training errors of the two larger ones fall for ever; but only"
        " that with as many features as examples pays for it with its test error, more with every"
        " decade, while its weights grow.",
        RECIPE.set({"leaps": 10, "steps": 81, "features": 40,
                    "probes": (("test_loss", 1), ("gd_steps", 1), ("weight_norm", 1)),
                    "changes": (beside(features=100), beside(features=1000))}),
        8,
        plots=("losses", "weight_norm", "gd_steps", "gradient_norm"),
    ),
}  # fmt: skip


def judge_threshold(runs: Sequence[Run]) -> Verdict:
    """From 10^3 steps to the end the test error grows many times at N = n and not elsewhere."""
    arms = {int(a.knob("features")[0]): a for a in runs[0].arms.values()}
    if sorted(arms) != [40, 100, 1000]:
        return Verdict(False, f"features {sorted(arms)}", "40, 100 and 1,000")
    growth = {}
    for features, arm in arms.items():
        _, steps = arm.record["gd_steps"]
        _, test = arm.record["test_loss"]
        growth[features] = test[-1] / test[int((steps[:, 0] >= 1e3).argmax())]
    others = np.concatenate([growth[40], growth[1000]])
    holds = bool(growth[100].min() > 5 and others.max() < 1.7)
    return Verdict(
        holds,
        f"from 1,000 steps to the last the test error grows {span(growth[100])} times at N = n,"
        f" {span(others)} times at 40 and 1,000 features",
        "over 5 times; below 1.7",
    )


CLAIMS = (
    Claim(
        PAPER,
        "The peak of double descent grows as the training loss that gradient descent reaches falls, and"
        " is absent where it stays high; a worse condition number keeps it low.",
        (CONDITIONED, *OTHERS),
        judge_budget,
        "budget",
    ),
    Claim(
        PAPER,
        "At the same number of steps momentum makes the peak higher, as more steps would.",
        (FASTER,),
        judge_momentum,
        "momentum",
    ),
    claim_on(
        PAPER,
        PRESETS,
        "Training on makes the test error worse where the features are as many as the examples, and"
        " not where they are fewer or many more.",
        "at-the-threshold",
        judge_threshold,
    ),
)
