"""Random-feature regression in closed form, on the curve that theory has for it (Mei & Montanari 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core import asymptotics
from lab_core.claims import Claim, Verdict, span
from lab_core.curves import Curve, Line, Panel, band
from lab_core.drawings import Arrays, Drawing, Range
from lab_core.models import RandomFeatures
from lab_core.phenomena.descent_curves import axis, bias_and_variance, by_second, mse, peak
from lab_core.recipe import Recipe
from lab_core.sweep import Axis, Grid, Sweep

PAPER = "random-features-asymptotics"
CITATION = (
    PAPER,
    "Mei & Montanari 2019, The Generalization Error of Random Features Regression: Precise"
    " Asymptotics and Double Descent Curve",
)
SEEDS = tuple(range(8))
RECIPE = Recipe().set(
    {"data": "gaussian-teacher", "dim": 30, "noise": 0.4, "model": "random-features",
     "optimizer": "least-squares", "steps": 2,
     "probes": (("test_loss", 1), ("condition", 1), ("predictions", 1))}
)  # fmt: skip
RIDGE = Axis(("weight_decay",), "ridge", (0.0, 1e-4, 1e-3, 1e-2))
MODELWISE = Sweep(
    RECIPE,
    (
        Axis(("features",), "features N", (3, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100, 105,
                                           110, 120, 140, 170, 200, 250, 300, 400, 500)),
        RIDGE,
    ),
    SEEDS,
)  # fmt: skip
SAMPLEWISE = Sweep(
    RECIPE,
    (
        Axis(("n",), "examples n", (10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100, 105, 110, 120, 140,
                                    170, 200, 250, 300, 400, 600)),
        RIDGE,
    ),
    SEEDS,
)  # fmt: skip


def theory(grid: Grid) -> np.ndarray:
    """The curve [n, ridges] for each value of the axes; nan where the theory is not of these features."""
    model = grid.sweep.recipe.model
    assert isinstance(model, RandomFeatures)
    known = RandomFeatures(features=model.features) == model
    rows = []
    for i in range(grid.sweep.shape[0]):
        row = []
        for j in range(grid.sweep.shape[1]):
            k = grid.sweep.cell((i, j, 0)).recipe.flat()
            risk = asymptotics.random_features(k["features"], k["n"], k["dim"], k["weight_decay"])
            row.append(risk.of(k["noise"]) if known else np.nan)
        rows.append(row)
    return np.array(rows)


def test_lines(grid: Grid) -> list[Line]:
    """The simulated error, and dashed the curve of theory, for each ridge."""
    curves, x = theory(grid), axis(grid)
    dashed = [
        Line("theory", x, np.where(np.isfinite(c), c, np.nan), dashed=True, like=f"ridge {r:g}")
        for r, c in zip(RIDGE.values, curves.T, strict=True)
    ]
    return [*by_second(mse, "ridge {}")(grid), *dashed]


def split_lines(grid: Grid) -> list[Line]:
    """bias^2 and variance, without a ridge and with a small one."""
    found = []
    for j in (0, 2):
        both = bias_and_variance(grid, j)
        like, x = f"ridge {RIDGE.values[j]:g}", axis(grid)
        bias, variance = (np.where(part > 0, part, np.nan) for part in both)
        found += [Line("variance", x, variance, like=like),
                  Line("bias²", x, bias, like=like, dashed=True)]  # fmt: skip
    return found


def panels(x: str) -> tuple[Panel, ...]:
    mark = ((100.0, "N = n"),)
    look = {"log_x": True, "log_y": True, "marks": mark}
    return (
        Panel("Test error", x, "mean squared error", test_lines, **look),  # type: ignore[arg-type]
        Panel("Training error", x, "mean squared error",
              by_second(lambda g: mse(g, "train"), "ridge {}"), **look),  # type: ignore[arg-type]
        Panel("Bias and variance", x, "part of the error", split_lines, **look),  # type: ignore[arg-type]
        Panel("Condition of the features", x, "condition s₁/sₖ",
              lambda g: [band("s₁/sₖ", axis(g).tolist(), g.values("condition")[:, 0])], **look),  # type: ignore[arg-type]
    )  # fmt: skip


def unregularised(grid: Grid) -> Arrays | None:
    """The test error without a ridge along the features, the median over the seeds."""
    return (axis(grid), np.median(mse(grid)[:, 0], -1)) if grid.done else None


FIGURES = {
    "random-features": Curve(
        "More features, worse, then better",
        "A hundred noisy examples of a linear function, fitted by N random ReLU features in closed"
        " form. The test error falls, rises without bound where N = 100 features just fit the 100"
        " examples, and falls again to below all that came before; it is the variance that peaks. A"
        " ridge of 0.001 takes the peak away. Dashed: the limit curve of theory.",
        MODELWISE,
        panels("features N"),
        ("noise", "dim", "activation", "frequency", "law"),
        question=Drawing(
            ask="A hundred noisy examples, N random features, no ridge. Draw the test error against N.",
            measure=unregularised,
            x=Range("features N", 3, 500, log=True),
            y=Range("mean squared error", 0.1, 1000, log=True),
            place=0,
        ),
    ),
    "sample-wise": Curve(
        "More examples, worse, then better",
        "The number of features stays at 100 and the number of examples grows: without a ridge the"
        " test error at 100 examples is far above that at 40. More data hurt. With a ridge of 0.001"
        " they do not.",
        SAMPLEWISE,
        panels("examples n"),
        ("noise", "dim", "activation", "frequency", "law"),
    ),
}


def judge(grids: Sequence[Grid]) -> Verdict:
    """On theory's curve, within the band of the seeds and closely in the mean; a peak without a ridge
    and none with one.
    """
    (grid,) = grids
    values, curve, x = mse(grid), theory(grid), axis(grid)
    finite = np.isfinite(curve)
    inside = (values.min(2) <= curve) & (curve <= values.max(2))
    gap = np.log(values.mean(2) / curve, where=finite, out=np.zeros_like(curve))[:, 1:]
    off, share = float(np.sqrt(np.mean(gap**2))), float(inside[finite].mean())
    sharp, smooth = peak(x, values[:, 0], 100), peak(x, values[:, 2], 100)
    after = values[x == x.max(), 0].max()
    before = np.median(values[x <= 60, 0], 1).min()
    holds = bool(
        share > 0.85 and off < 0.1 and sharp.min() > 5 and smooth.max() < 1.5 and after < before
    )
    return Verdict(
        holds,
        f"theory is within the seeds' range at {share:.0%} of the points, and with a ridge {off:.1%}"
        f" from their mean (rms); the peak is {span(sharp)} times the dip before it, with a ridge of"
        f" 0.001 {span(smooth)}; at the right {after:.2g}, below the dip of {before:.2g}",
        "over 85%; below 10%; over 5; below 1.5; below it",
    )


CLAIMS = tuple(
    Claim(PAPER, sentence, (FIGURES[slug].subject,), judge, slug)
    for slug, sentence in {
        "random-features": "The test error of ridge regression on random features lies on the curve"
        " of theory, which diverges at N = n without a ridge and is lowest far beyond.",
        "sample-wise": "The same curve along the number of examples: at n = N more data have made it"
        " worse.",
    }.items()
)
