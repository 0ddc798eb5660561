"""Early and late implicit bias: from a kernel predictor to one of least norm (Lyu et al. 2023)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Verdict, span
from lab_core.phenomena.base import Preset, claim_on
from lab_core.recipe import Recipe
from lab_core.run import Run

PAPER = "dichotomy"
CITATION = (
    PAPER,
    "Lyu et al. 2023, Dichotomy of Early and Late Phase Implicit Biases Can Provably Induce Grokking",
)
EVERY = 5

FLOW = Recipe().set(
    {
        "model": "diagonal-linear",
        "optimizer": "flow",
        "tolerance": 1e-6,
        "probes": (("accuracy", EVERY), ("test_loss", EVERY), ("predictors", EVERY),
                   ("weight_norm", EVERY)),
    }
)  # fmt: skip
CLASSES = FLOW.set({"data": "sparse-signs", "n": 60, "dim": 200, "nonzeros": 3, "loss": "logistic",
                    "lr": 5.0, "steps": 560})  # fmt: skip
PLOTS = ("accuracy", "predictors", "losses", "weight_norm")

PRESETS = {
    "margins": Preset(
        "Two margins, one after the other",
        "From a large start (30) with a small weight decay (0.003) the net comes at once to the"
        " classifier of largest L2 margin, its kernel's, and stays; then, long after the last"
        " training error, it moves within a fraction of that time towards the one of largest L1"
        " margin, and the test accuracy jumps. Without decay it stays where it is.",
        CLASSES.set({"init_scale": 30.0, "weight_decay": (0.0, 3e-3)}),
        50,
        plots=PLOTS,
        x="time",
    ),
    "start": Preset(
        "How long it waits",
        "The same from starts of 3, 10 and 30. The test accuracy jumps later by equal times, for the"
        " weights have to decay by equal factors first: log(α)/λ and a constant.",
        CLASSES.set({"init_scale": (3.0, 10.0, 30.0), "weight_decay": 3e-3}),
        50,
        plots=PLOTS,
        x="time",
    ),
    "norms": Preset(
        "Regression, from a small start and a large one",
        "From a large start (10) the net interpolates with the least L2 norm, waits, and moves to the"
        " least L1 norm, which is the teacher; from a small one (0.1) it goes to the teacher at once.",
        FLOW.set(
            {
                "data": "sparse-linear",
                "n": 60,
                "dim": 200,
                "nonzeros": 3,
                "init_scale": (0.1, 10.0),
                "weight_decay": 0.1,
                "lr": 0.12,
                "steps": 600,
            }
        ),
        50,
        plots=("losses", "predictors", "weight_norm", "loss"),
        x="time",
    ),
}


class Move(NamedTuple):
    """Of some replicas: the least distance to the kernel predictor, the last one to it and to the rich
    one; and when a tenth, half and nine tenths of what the test changes after the least are past, as
    training time times the decay.
    """

    least: np.ndarray
    kernel: np.ndarray
    rich: np.ndarray
    begins: np.ndarray
    middle: np.ndarray
    ends: np.ndarray


def moved(arm: Arm, which: np.ndarray, column: str) -> Move:
    """What replicas [R] of an arm do, by a column of the test."""
    steps, kernel = arm.record["distance_kernel"]
    rich, test = arm.record["distance_rich"][1], arm.record[column][1]
    time = arm.record.time_at(steps) * arm.knob("weight_decay")
    rows = []
    for r in np.flatnonzero(which):
        start = int(kernel[:, r].argmin())
        rest, after = test[start:, r], time[start:, r]
        way = (rest - rest[0]) / ((rest[-1] - rest[0]) or 1e-12)
        past = [after[np.argmax(way > share)] for share in (0.1, 0.5, 0.9)]
        rows.append((kernel[start, r], kernel[-1, r], rich[-1, r], *past))
    return Move(*np.array(rows).T)


def sentence(move: Move, unit: float) -> str:
    """The figures of replicas that wait; `unit` is log(start)."""
    width = (move.ends - move.begins) / np.maximum(move.begins, 1e-12)
    return (
        f"comes within {span(move.least)} of the kernel predictor, ends {span(move.kernel)} from it"
        f" and {span(move.rich)} from the rich one; half of the test's change is past at"
        f" {span(move.middle / unit)} log(α)/λ, its 10 to 90% take"
        f" {span(width)} of the wait before"
    )


def sharp(move: Move, unit: float) -> bool:
    """Whether replicas move from the one predictor to the other after a wait, and faster than it."""
    return bool(
        (move.rich < move.kernel).all()
        and (move.ends - move.begins < move.begins).all()
        and (move.middle > 1.2 * unit).all()
        and (move.middle < 2 * unit).all()
    )


def judge_margins(runs: Sequence[Run]) -> Verdict:
    """With decay from one margin to the other, and the test with it; without, the first to the end."""
    (arm,) = runs[0].arms.values()
    stays, unit = arm.knob("weight_decay") == 0, math.log(arm.knob("init_scale")[0])
    if stays.all() or not stays.any():
        return Verdict(False, "no two decays", "one of 0 and one above")
    move = moved(arm, ~stays, "test_accuracy")
    steps, test = arm.record["test_accuracy"]
    _, train = arm.record["train_accuracy"]
    kernel, rich = (arm.record[f"distance_{name}"][1][-1, stays] for name in ("kernel", "rich"))
    holds = bool(
        sharp(move, unit)
        and move.least.max() < 0.1
        and move.rich.max() < 0.35
        and train[steps >= 20].min() == 1
        and kernel.max() < 0.1
        and rich.min() > 0.6
        and (test[-1, ~stays] - test[-1, stays]).min() > 0.15
    )
    return Verdict(
        holds,
        f"with decay it {sentence(move, unit)}; without it ends {span(kernel)} from the kernel"
        f" predictor; test {span(test[-1, stays])} without, {span(test[-1, ~stays])} with; train"
        f" from step 20 on {span(train[steps >= 20])}",
        "below 0.1, farther, below 0.35; 1.2 to 2, below 1; below 0.1; 0.15 more; 1",
    )


def judge_norms(runs: Sequence[Run]) -> Verdict:
    """From the larger start by way of the kernel predictor; the smaller never comes near it."""
    (arm,) = runs[0].arms.values()
    scale = arm.knob("init_scale")
    large = scale == scale.max()
    if large.all() or scale.max() <= 1:
        return Verdict(False, "no large start beside a small one", "one above 1 and one below")
    unit = math.log(scale.max())
    move = moved(arm, large, "test_loss")
    test = arm.record["test_loss"][1]
    nearest, end = (v[~large] for v in (arm.record["distance_kernel"][1].min(0),
                                        arm.record["distance_rich"][1][-1]))  # fmt: skip
    holds = bool(
        sharp(move, unit)
        and move.least.max() < 0.01
        and move.rich.max() < 0.1
        and test[-1, large].max() < 0.05 * test[0].min()
        and nearest.min() > 0.5
        and end.max() < 0.1
    )
    return Verdict(
        holds,
        f"a large start {sentence(move, unit)}; a small one comes no nearer than {span(nearest)} to"
        f" the kernel predictor and ends {span(end)} from the rich one",
        "below 0.01, farther, below 0.1; 1.2 to 2, below 1; above 0.5, below 0.1",
    )


def judge_wait(runs: Sequence[Run]) -> Verdict:
    """The time of half of the rise grows by log(factor)/decay where the start grows by the factor."""
    (arm,) = runs[0].arms.values()
    scale, decay = arm.knob("init_scale"), arm.knob("weight_decay")
    if len(set(scale)) < 3 or decay.min() <= 0:
        return Verdict(False, "no three starts with decay", "three")
    move = moved(arm, scale > 0, "test_accuracy")
    middle = np.stack([move.middle[scale == a] for a in sorted(set(scale))])
    slope = np.diff(middle, axis=0) / np.diff(np.log(sorted(set(scale))))[:, None]
    kernel = move.least.max() < 0.1 and (move.rich < move.kernel).all()
    holds = bool(kernel and np.abs(slope - 1).max() < 0.25)
    return Verdict(
        holds,
        f"all come within {span(move.least)} of the kernel predictor; half of the rise is"
        f" {span(slope)}/λ later where the start is e times as large",
        "below 0.1; 1/λ within 25%",
    )


claim = partial(claim_on, PAPER, PRESETS)
CLAIMS = (
    claim(
        "Large initialisation and small weight decay hold a classifier at the kernel's largest L2"
        " margin, then move it sharply towards the largest L1 margin, and the test accuracy with it;"
        " without decay it stays.",
        "margins",
        judge_margins,
    ),
    claim(
        "The wait is log(α)/λ and a constant: each factor of e in the start adds 1/λ.",
        "start",
        judge_wait,
        long=True,
    ),
    claim(
        "In regression a large start interpolates with the least L2 norm and moves sharply to the"
        " least L1 norm; a small one never is a kernel method.",
        "norms",
        judge_norms,
        long=True,
    ),
)
