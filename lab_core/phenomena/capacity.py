"""Capacity: how many random labels a net of P parameters fits, and how many true ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lab_core import models
from lab_core.claims import Claim, Verdict, span
from lab_core.curves import Curve, Line, Panel, band
from lab_core.phenomena.random_labels import PAPER, SEEDS
from lab_core.predictions import Number
from lab_core.recipe import Recipe
from lab_core.sweep import Axis, Grid, Success, Sweep

DIM = 20
TRUE, RANDOM = 0.0, 0.5  # the share of labels that are flipped

SWEEP = Sweep(
    Recipe().set(
        {
            "data": "separable",
            "dim": DIM,
            "activation": "relu",
            "loss": "logistic",
            "optimizer": "adam",
            "lr": 0.03,
            "dtype": "float32",
            "steps": 1500,
            "probes": (("accuracy", 10),),
        }
    ),
    (
        Axis(("n",), "examples", (25, 50, 100, 150, 200, 300, 400, 600, 800)),
        Axis(("width",), "width", (8, 12, 16)),
        Axis(("corruption",), "share of flipped labels", (RANDOM, TRUE)),
    ),
    SEEDS,
    Success("train_accuracy", 1.0),
)


def parameters(grid: Grid) -> np.ndarray:
    """P of each width of the sweep."""
    widths = range(len(grid.sweep.over[1].values))
    recipes = [grid.sweep.cell((0, i, 0, 0)).recipe for i in widths]
    return np.array([models.size(r.model.shapes(DIM, 1)) for r in recipes])


def right(grid: Grid) -> np.ndarray:
    """The largest training accuracy of each run [n, width, share, seed]; nan where it is not known."""
    found: np.ndarray = grid.each(lambda record: record["train_accuracy"][1].max(initial=-1.0))
    return np.where(found < 0, np.nan, found)


def most(grid: Grid) -> np.ndarray:
    """The largest n of the sweep that is fitted to the last example [width, share, seed]; 0 where none
    is, nan where it is not known.
    """
    n, values = np.array(grid.sweep.over[0].values, float), right(grid)
    largest = ((values == 1) * n[:, None, None, None]).max(0)
    return np.where(np.isnan(values).any(0), np.nan, largest)


def by_width(measure: Callable[[Grid], np.ndarray], share: float) -> Callable[[Grid], list[Line]]:
    """A measure [n, width, share, seed] against examples per parameter, a line for each width."""

    def lines(grid: Grid) -> list[Line]:
        n, widths, shares = (axis.values for axis in grid.sweep.over)
        values = measure(grid)[:, :, shares.index(share)]
        return [
            band(f"{P} parameters", (np.array(n) / P).tolist(), values[:, i])
            for i, P in enumerate(parameters(grid))
        ]

    return lines


def capacities(grid: Grid) -> list[Line]:
    """The largest n that is fitted, against P; of random labels, and of true ones."""
    P, found = parameters(grid), most(grid)
    shares = grid.sweep.over[2].values
    names = {RANDOM: "random labels", TRUE: "true labels"}
    lines = [band(names[s], P.tolist(), found[:, i]) for i, s in enumerate(shares)]
    return [*lines, Line("n = P", P.astype(float), P.astype(float), dashed=True)]


def steps(grid: Grid) -> np.ndarray:
    """The step at which the last example was right; nan for never."""
    found = grid.reached(Success("train_accuracy", 1.0))
    return np.where(np.isfinite(found), found, np.nan)


def a_parameter(grid: Grid) -> float | None:
    """The largest number of random labels that width 12 fits, over its parameters; median over seeds."""
    if not grid.done:
        return None
    widths, shares = (axis.values for axis in grid.sweep.over[1:])
    at = widths.index(12)
    return float(np.median(most(grid)[at, shares.index(RANDOM)]) / parameters(grid)[at])


FIGURES = {
    "capacity": Curve(
        "How many random labels fit",
        "Random signs of n points in twenty dimensions, to nets of three sizes. Against n the curves lie"
        " apart, against n over the number P of parameters nearly on one another: one to two random signs"
        " for each parameter are what a net has room for, here and with these steps of Adam. Labels that"
        " a plane explains fit at any n, and in fewer steps.",
        SWEEP,
        (
            Panel("Random labels", "examples ÷ parameters", "share right",
                  by_width(right, RANDOM), log_x=True, marks=((1.0, "n = P"),)),
            Panel("The largest n that is fitted", "parameters P", "examples n", capacities,
                  log_x=True, log_y=True),
            Panel("Steps to the last random label", "examples ÷ parameters", "steps",
                  by_width(steps, RANDOM), log_x=True, log_y=True, marks=((1.0, "n = P"),)),
            Panel("Steps to the last true label", "examples ÷ parameters", "steps",
                  by_width(steps, TRUE), log_x=True, log_y=True),
        ),
        question=Number(ask="To how many random labels for each of its parameters does the net of width 12 have"
                        " room, to the last one?",
                        measure=a_parameter, low=0.01, high=100, unit="labels"),
    )
}  # fmt: skip


def judge_capacity(grids: Sequence[Grid]) -> Verdict:
    """Random labels fit up to a number that grows with P, true ones at any n of the sweep."""
    (grid,) = grids
    shares = grid.sweep.over[2].values
    n, P = np.array(grid.sweep.over[0].values), parameters(grid)
    found, values = most(grid), right(grid)[:, :, shares.index(RANDOM)]
    if np.isnan(found).any() or len(P) < 3:
        return Verdict(
            False, "a sweep that is not whole, or of few widths", "all of it, three widths"
        )
    random, true = (found[:, shares.index(s)] for s in (RANDOM, TRUE))
    load = n[:, None] / P
    large = [values[:, i][(load[:, i] > low) & (load[:, i] < high)]
             for i in range(len(P)) for low, high in ((0.0, 0.6), (2.4, 99.0))]  # fmt: skip
    few, many = (np.concatenate(large[i::2]) for i in (0, 1))
    ratio = random / P[:, None]
    holds = bool(
        (np.diff(random, axis=0) > 0).all()
        and few.min() > 0.98
        and many.size
        and many.max() < 1
        and ratio.min() > 0.5
        and ratio.max() < 2.4
        and (true == n.max()).all()
    )
    per = "; ".join(f"P = {p}: {span(r)}" for p, r in zip(P, random, strict=True))
    return Verdict(
        holds,
        f"the largest n of random labels that is fitted is {per}; {span(ratio)} of P; below 0.6 P at"
        f" least {few.min():.3g} right, above 2.4 P at most"
        f" {many.max(initial=0.0):.3g}; true labels up to n = {span(true)}",
        "growing with P in every seed; 0.5 to 2.4; over 0.98, below 1; the largest n",
    )


CLAIMS = (
    Claim(
        PAPER,
        "A net fits about as many random labels as it has parameters, true ones without such a limit.",
        (SWEEP,),
        judge_capacity,
        "capacity",
        long=True,
    ),
)
