"""Capacity: how many random labels a net of P parameters fits, and how many true ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core import models
from lab_core.claims import Claim, Verdict
from lab_core.curves import Curve, Line, Panel, band
from lab_core.phenomena.random_labels import PAPER, SEEDS
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
            "lr": 0.05,
            "dtype": "float32",
            "steps": 1500,
            "probes": (("accuracy", 10),),
        }
    ),
    (
        Axis(("n",), "examples", (50, 100, 200, 300, 400, 600, 800)),
        Axis(("width",), "width", (4, 8, 16)),
        Axis(("corruption",), "share of flipped labels", (RANDOM, TRUE)),
    ),
    SEEDS,
    Success("train_accuracy", 1.0),
)


def parameters(grid: Grid) -> np.ndarray:
    """P of each width of the sweep."""
    first = grid.sweep.recipe.model
    d, c = grid.sweep.recipe.data.arrays(0)[0].shape[1], 1
    shapes = (type(first)(width=w, activation="relu").shapes(d, c) for w in grid.sweep.over[1].values)  # type: ignore[call-arg]
    return np.array([models.size(each) for each in shapes])


def right(grid: Grid) -> np.ndarray:
    """The largest training accuracy of each run [n, width, share, seed]; nan where it is not known."""
    return grid.each(lambda record: float(record["train_accuracy"][1].max(initial=np.nan)))


def lines(share: float) -> object:
    """Training accuracy against examples per parameter, a line for each width."""

    def of(grid: Grid) -> list[Line]:
        n, widths, shares = (axis.values for axis in grid.sweep.over)
        values, P = right(grid)[:, :, shares.index(share)], parameters(grid)
        return [
            band(f"width {w}, P = {p}", np.array(n) / p, values[:, i])
            for i, (w, p) in enumerate(zip(widths, P, strict=True))
        ]

    return of
