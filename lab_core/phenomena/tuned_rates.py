"""One cycle against a constant rate over a grid of rates, labels, steps and weight decays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lab_core.claims import Claim, Verdict
from lab_core.curves import Curve, Line, Panel, band
from lab_core.phenomena.super_convergence import CYCLE, FEW, MANY, PAPER, RESIDUAL, SEEDS
from lab_core.predictions import Choice, Option
from lab_core.sweep import Axis, Grid, Sweep

SCHEDULES = ("constant", "one-cycle")
DECAYS = (0.0, 0.005)
SHORT, LONG = 30, 120

SWEEP = Sweep(
    RESIDUAL.set(CYCLE | {"lr": 0.03, "changes": (), "probes": (("accuracy", 29),)}),
    (
        Axis(("lr",), "learning rate", (0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3)),
        Axis(("schedule",), "schedule", SCHEDULES),
        Axis(("n",), "labels", (MANY, FEW)),
        Axis(("steps",), "steps", (SHORT, LONG)),
        Axis(("weight_decay",), "weight decay", DECAYS),
    ),
    SEEDS,
)


def accuracy(grid: Grid) -> np.ndarray:
    """The last test accuracy [rate, schedule, labels, steps, decay, seed]; nan where it is not known."""
    return grid.values("test_accuracy")


def by_schedule(labels: int, steps: int) -> Callable[[Grid], list[Line]]:
    """Test error against the rate, a line for each schedule and weight decay."""

    def lines(grid: Grid) -> list[Line]:
        rates, schedules, n, budgets, decays = (axis.values for axis in grid.sweep.over)
        values = 1 - accuracy(grid)[:, :, n.index(labels), budgets.index(steps)]
        return [
            band(f"{name}, decay {decay:g}" if decay else name, rates, values[:, i, j])
            for j, decay in enumerate(decays)
            for i, name in enumerate(schedules)
        ]

    return lines


def panel(labels: int, steps: int) -> Panel:
    return Panel(
        f"{labels} labels, {steps} steps", "learning rate, or peak of the cycle", "share wrong",
        by_schedule(labels, steps), log_x=True, log_y=True,
    )  # fmt: skip


def better(grid: Grid) -> str | None:
    """Which schedule is better with many labels in few steps, each at its best rate and decay."""
    if not grid.done:
        return None
    _, _, labels, budgets, _ = (axis.values for axis in grid.sweep.over)
    mean = accuracy(grid).mean(-1)[:, :, labels.index(MANY), budgets.index(SHORT)]
    gain = np.subtract(*mean.max((0, -1))[::-1])
    return "alike" if abs(gain) < 0.025 else "cycle" if gain > 0 else "constant"


SCHEDULED = (
    Option("cycle", "one cycle, by 0.025 or more", "its large rates found what no constant one does."),
    Option("alike", "neither, they are within 0.025",
           "the cycle takes a larger rate, and forgives one that is too large; but at its best rate a constant"
           " one has time enough to do as well."),
    Option("constant", "the constant rate, by 0.025 or more", "the cycle spent too many steps at small rates."),
)  # fmt: skip
FIGURES = {
    "tuned-rates": Curve(
        "Against a rate that was tuned",
        "Errors on the test set against the learning rate, constant or as the peak of one cycle, with many"
        " labels and few, in 30 steps and in 120, without weight decay and with. The cycle's curve lies to the"
        " right of the constant one: it takes a larger rate, and forgives one that is too large. Their"
        " lowest points are alike.",
        SWEEP,
        tuple(panel(n, steps) for n in (MANY, FEW) for steps in (SHORT, LONG)),
        question=Choice(
            ask="1,200 labels, 30 steps: each at its best rate, which has the larger test accuracy?",
            measure=better,
            options=SCHEDULED,
        ),
    )
}


def judge_tuned(grids: Sequence[Grid]) -> Verdict:
    """At the best rate of each the two are alike, with many labels and few; beyond, the cycle is better."""
    (grid,) = grids
    rates, schedules, labels, budgets, _ = (axis.values for axis in grid.sweep.over)
    mean = accuracy(grid).mean(-1)  # [rate, schedule, labels, steps, decay]
    if np.isnan(mean).any() or schedules != SCHEDULES:
        return Verdict(False, "a sweep that is not whole", "all of it, of both schedules")
    top = mean.max((0, -1))  # [schedule, labels, steps]: rate and decay are tuned
    gain, decayed = top[1] - top[0], mean.max(0)
    beyond = mean[-1, 1] - mean[-1, 0]
    said = "; ".join(
        f"{n} labels, {t} steps: {top[0, i, j]:.3f} and {top[1, i, j]:.3f} ({gain[i, j]:+.3f})"
        for i, n in enumerate(labels)
        for j, t in enumerate(budgets)
    )
    few = gain[labels.index(FEW)] - gain[labels.index(MANY)]
    holds = bool(np.abs(gain).max() < 0.025 and few.max() < 0.02 and beyond.mean() > 0.02)
    return Verdict(
        holds,
        f"test accuracy at the best rate and decay, constant and one cycle: {said}; with few labels the"
        f" gain is {few.max():+.3f} larger at most; weight decay moves the best by at most"
        f" {np.abs(decayed[..., 1] - decayed[..., 0]).max():.3f}; at {rates[-1]:g} the cycle gains"
        f" {beyond.mean():.3f} in the mean, {beyond.min():+.3f} at least",
        "within 0.025; no more than 0.02; over 0.02",
    )


CLAIMS = (
    Claim(
        PAPER,
        "Against the best constant rate of a grid one cycle gains nothing, with many labels or few, in 30"
        " steps or 120, with weight decay or without; at the largest rate it does.",
        (SWEEP,),
        judge_tuned,
        "tuned-rates",
        long=True,
    ),
)
