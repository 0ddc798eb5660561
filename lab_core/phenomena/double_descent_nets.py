"""The same of two-layer nets (Liu & Flanigan 2023): steps, batch size, learning rate, init scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lab_core.claims import Claim, Verdict, span
from lab_core.curves import Curve, Line, Panel, band
from lab_core.phenomena.base import Preset, beside, claim_on
from lab_core.phenomena.descent_curves import axis, listed, mse, shown
from lab_core.phenomena.double_descent_optimization import PAPER
from lab_core.recipe import Recipe
from lab_core.run import Run
from lab_core.sweep import Axis, Grid, Sweep

SEEDS = (0, 1, 2)
THRESHOLD = 100 / 23  # the width at which 1 + (d + 2) h parameters are as many as the examples
STEPS = (100, 300, 1000)
# float64: what Adam remembers of a gradient that vanishes is too small a number for float32's speed
RECIPE = Recipe().set(
    {"data": "gaussian-teacher", "model": "mlp", "activation": "relu", "optimizer": "adam",
     "lr": 0.01, "steps": 1001, "probes": (("test_loss", 100),)}
)  # fmt: skip
WIDTHS = Axis(("width",), "width", (1, 2, 3, 4, 5, 6, 8, 12, 20, 60, 200))
FEWER = Axis(("width",), "width", (2, 3, 4, 5, 6, 8, 20, 200))
BATCHES = Axis(("batch_size",), "batch", (5, 20, 0))
RATES = Axis(("lr",), "lr", (0.001, 0.003, 0.01))
SCALES = Axis(("init_scale",), "init scale", (0.1, 1.0, 3.0))


def top(grid: Grid, values: np.ndarray) -> np.ndarray:
    """The largest value [..., S] of widths 4 to 8, of values [widths, ..., S]."""
    x = axis(grid)
    height: np.ndarray = values[(x >= 4) & (x <= 8)].max(0)
    return height


def in_time(which: str) -> Callable[[Grid], list[Line]]:
    """The error after each number of steps."""
    return lambda grid: [
        band(f"{t:,} steps", axis(grid).tolist(), shown(mse(grid, which, t))) for t in STEPS
    ]


def by_setting(which: str) -> Callable[[Grid], list[Line]]:
    """The error at the end for each value of the second axis; a batch of 0 is the full one."""

    def lines(grid: Grid) -> list[Line]:
        second, values = grid.sweep.over[1], shown(mse(grid, which))
        return [
            band(f"{second.label} {v or 'full'}", axis(grid).tolist(), values[:, j])
            for j, v in enumerate(second.values)
        ]

    return lines


def heights(grid: Grid) -> list[Line]:
    """The largest test error of widths 4 to 8 against their largest training error, a point for each
    setting, or number of steps.
    """
    if len(grid.sweep.over) == 1:
        test, train = (
            np.array([top(grid, mse(grid, w, t)) for t in STEPS]) for w in ("test", "train")
        )
    else:
        test, train = (top(grid, mse(grid, w)) for w in ("test", "train"))
    return [Line("medians", np.median(train, 1), np.median(test, 1), points=True)]


def panels(lines: Callable[[str], Callable[[Grid], list[Line]]]) -> tuple[Panel, ...]:
    look = {"log_x": True, "log_y": True, "marks": ((THRESHOLD, "parameters = n"),)}
    y = "mean squared error"
    return (
        Panel("Test error", "width", y, lines("test"), **look),  # type: ignore[arg-type]
        Panel("Training error", "width", y, lines("train"), **look),  # type: ignore[arg-type]
        Panel("Peak and training error", "largest training error of widths 4 to 8",
              "largest test error of widths 4 to 8", heights, log_x=True, log_y=True),
    )  # fmt: skip


def curve(title: str, caption: str, sweep: Sweep, knobs: tuple[str, ...]) -> Curve:
    lines = in_time if len(sweep.over) == 1 else by_setting
    return Curve(title, caption, sweep, panels(lines), knobs)


FIGURES = {
    "nets": curve(
        "Nets, by width and time",
        "Two-layer ReLU nets on the hundred noisy examples, by Adam. After 100 steps wider is no worse"
        " than narrower; after 1,000 there is a peak where the net has as many parameters as there"
        " are examples, and where the training error is gone.",
        Sweep(RECIPE, (WIDTHS,), SEEDS),
        ("noise", "n", "lr", "activation"),
    ),
    "batches": curve(
        "Small batches do not get there",
        "The same with batches of 5 and 20 examples: their noise keeps the training error of the"
        " narrow nets up, and the peak down.",
        Sweep(RECIPE, (FEWER, BATCHES), SEEDS),
        ("noise", "lr"),
    ),
    "learning-rates": curve(
        "Nor do small steps",
        "The same at smaller learning rates, 1,000 steps each: the smaller, the higher the training"
        " error that is left near the threshold, and the lower the peak.",
        Sweep(RECIPE, (FEWER, RATES), SEEDS),
        ("noise",),
    ),
    "init-scales": curve(
        "A large start, and no second descent",
        "The same from weights three times as large: every net fits the examples, and the wide ones do"
        " not come down again. What is left of a large start is an error that no training loss"
        " shows. From small weights the curve is that of the usual start.",
        Sweep(RECIPE, (FEWER, SCALES), SEEDS),
        ("noise", "lr"),
    ),
}


def judge_nets(grids: Sequence[Grid]) -> Verdict:
    """After 100 steps no peak; after 1,000 one, with the training error gone; medians over seeds."""
    (grid,) = grids
    x = axis(grid)
    early, late = (np.median(mse(grid, "test", t), 1) for t in (STEPS[0], STEPS[-1]))
    peak, wide, narrow = late[(x >= 4) & (x <= 8)].max(), late[x >= 60].max(), late[x == 2][0]
    train = [np.median(top(grid, mse(grid, "train", t))) for t in STEPS]
    grown = [np.median(top(grid, mse(grid, "test", t))) for t in STEPS]
    holds = bool(
        peak > 2 * wide and peak > 1.5 * narrow and early.max() < 0.5
        and (np.diff(train) < 0).all() and (np.diff(grown) > 0).all()
    )  # fmt: skip
    return Verdict(
        holds,
        f"after 100 steps no median above {early.max():.2g}; after 1,000 {peak:.2g} at the peak,"
        f" {narrow:.2g} at width 2, {wide:.2g} from 60 on; the peak grows {listed(grown)} as the training"
        f" error falls {listed(train)}",
        "below 0.5; 1.5 times width 2 and twice the wide ones; growing as it falls",
    )  # fmt: skip


def judge_settings(grids: Sequence[Grid]) -> Verdict:
    """From value to value of the second axis the training error near the threshold falls and the peak grows;
    at the first there is none: below half of that at the last.
    """
    (grid,) = grids
    train, test = (np.median(top(grid, mse(grid, w)), 1) for w in ("train", "test"))
    holds = bool(
        (np.diff(train) < 0).all() and (np.diff(test) > 0).all() and 1.5 * test[0] < test[-1]
    )
    return Verdict(
        holds,
        f"training error {listed(train)}; test error {listed(test)}",
        "falling; growing, in all by 1.5 times",
    )


def judge_scales(grids: Sequence[Grid]) -> Verdict:
    """At 3 times the usual start wide nets fit the examples and stay above 1; else they come down."""
    (grid,) = grids
    scale = axis(grid, 1)
    if not (scale == 3).any() or not (scale <= 1).any():
        return Verdict(False, f"init scales {listed(scale)}", "3 beside 1 or less")
    test, train = (mse(grid, w)[-1] for w in ("test", "train"))
    peaks = np.median(top(grid, mse(grid)), 1)
    holds = bool(
        train.max() < 0.02 and test[scale == 3].min() > 1 and test[scale <= 1].max() < 0.5
        and peaks[scale <= 1].min() > 0.8
    )  # fmt: skip
    return Verdict(
        holds,
        f"at width 200 a training error of {train.max():.2g} at most and a test error of"
        f" {span(test[scale == 3])} from 3 times the start, {span(test[scale <= 1])} from others, whose peaks"
        f" are {span(peaks[scale <= 1])}",
        "below 0.02; above 1; below 0.5; above 0.8",
    )


NARROW, MIDDLE, WIDE = 2, 5, 200
PRESETS = {
    "net-at-the-threshold": Preset(
        "The peak of a net, as it grows",
        "Nets of width 2, 5 and 200 by Adam on the same examples. The training errors of the two larger"
        " ones go to 0. The test error of width 5, which has about as many parameters as examples,"
        " falls for a hundred steps and then rises; that of width 200 stays where it is.",
        RECIPE.set({"width": MIDDLE, "probes": (("test_loss", 10), ("weight_norm", 10),
                                                ("gradient_norm", 10)),
                    "changes": (beside(width=NARROW), beside(width=WIDE))}),
        100,
        plots=("losses", "weight_norm", "gradient_norm", "sharpness"),
    ),
}  # fmt: skip


def judge_threshold(runs: Sequence[Run]) -> Verdict:
    """Test error at the end over its least so far: large at width 5, near 1 at width 200."""
    arms = {int(a.knob("width")[0]): a for a in runs[0].arms.values()}
    if not {MIDDLE, WIDE} <= set(arms):
        return Verdict(False, f"widths {sorted(arms)}", f"{MIDDLE} and {WIDE}")
    rise, train = {}, {}
    for width, arm in arms.items():
        _, test = arm.record["test_loss"]
        rise[width] = test[-1] / test.min(0)
        train[width] = 2 * arm.record["train_loss"][1][-1]
    holds = bool(rise[MIDDLE].min() > 2 and rise[WIDE].max() < 1.6 and train[WIDE].max() < 0.02)
    return Verdict(
        holds,
        f"the test error ends at {span(rise[MIDDLE])} times its least at width {MIDDLE}, {span(rise[WIDE])} at"
        f" {WIDE}; training errors {span(train[MIDDLE])} and {span(train[WIDE])}",
        "over 2 times; below 1.6; below 0.02 at the latter",
    )


CLAIMS = (
    Claim(
        PAPER,
        "In two-layer nets too the peak is absent where the training loss is still high, and grows as"
        " more steps bring it down.",
        (FIGURES["nets"].subject,),
        judge_nets,
        "nets",
    ),
    *(
        Claim(PAPER, sentence, (FIGURES[slug].subject,), judge_settings, slug, long=True)
        for slug, sentence in {
            "batches": "The smaller the batch, the higher the training loss that is left near the"
            " threshold, and the lower the peak.",
            "learning-rates": "The smaller the learning rate, the higher the training loss that is left"
            " near the threshold, and the lower the peak.",
        }.items()
    ),
    Claim(
        PAPER,
        "A start that is three times too large is no matter of the training loss: wide nets fit the"
        " examples and have no second descent.",
        (FIGURES["init-scales"].subject,),
        judge_scales,
        "init-scales",
        long=True,
    ),
    claim_on(
        PAPER,
        PRESETS,
        "Training on makes the test error of the net at the threshold rise, and leaves that of the wide"
        " net alone.",
        "net-at-the-threshold",
        judge_threshold,
    ),
)
