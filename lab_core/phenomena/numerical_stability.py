"""Grokking at the edge of numerical stability (Prieto et al. 2025): what keeps an undecayed net from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.claims import Claim, Verdict, span, unreached
from lab_core.outcomes import first
from lab_core.phenomena.base import Preset
from lab_core.phenomena.pairs import PAIRS
from lab_core.predictions import Step
from lab_core.recipe import Branch
from lab_core.run import Run

PAPER = "numerical-stability"
CITATION = (PAPER, "Prieto et al. 2025, Grokking at the Edge of Numerical Stability")
SEEDS = (0, 1, 2)
COLLAPSE = PAIRS.set(
    {
        "p": 37,
        "fraction": 0.6,
        "precision": "float32",
        "weight_decay": 0.0,
        "steps": 1400,
        "probes": (("accuracy", 20), ("zero_loss", 20), ("alignment", 20), ("weight_norm", 20)),
    }
)
STABLEMAX = Branch(0, 0, (("loss", "stablemax"), ("precision", "float64"), ("steps", 1200)), True)
ACROSS = Branch(
    0, 0, (("filter", "orthogonal"), ("init_scale", 4.0), ("steps", 600)), True
)  # which keeps the weights as long as they are at the start
DECAYED = Branch(0, 0, (("weight_decay", 1.0), ("init_scale", 4.0), ("steps", 600)), True)
PLOTS = ("accuracy", "zero_loss", "alignment", "weight_norm")

PRESETS = {
    "collapse": Preset(
        "Softmax collapse",
        "Without weight decay cross-entropy in float32 memorises, and its steps then only lengthen"
        " the weights until most losses are exactly 0: it never generalises (arm 0). StableMax"
        " groks with no regularisation (arm 1); the perpendicular gradient sooner (arm 2), sooner"
        " even than weight decay from the same start (arm 3).",
        COLLAPSE.set({"changes": (STABLEMAX, ACROSS, DECAYED)}),
        120,
        plots=PLOTS,
        question=Step(ask="At which step will arm 0, cross-entropy in float32 without weight decay, first have"
                      " 95% of the unseen pairs right?",
                      measure=first("test_accuracy", 0.95), high=1400, place=0),
    ),
    "precision": Preset(
        "64, 32 and 16 bits",
        "The same softmax in float64, float32 and float16 (arms 0, 1, 2; Adam with an ε that does not"
        " stop it first): the more bits, the later the collapse, and the further test accuracy gets"
        " before. But it comes.",
        COLLAPSE.set(
            {
                "eps": 1e-30,
                "precision": "float64",
                "steps": 3300,
                "changes": (
                    Branch(0, 0, (("precision", "float32"), ("steps", 1300)), True),
                    Branch(0, 0, (("precision", "float16"), ("steps", 400)), True),
                ),
            }
        ),  # fmt: skip
        240,
        plots=PLOTS,
        question=Step(ask="Arm 2, in float16, knows its examples after some forty steps. At which step will"
                      " half of its losses be exactly 0?",
                      measure=first("zero_loss", 0.5, arm=2), high=3300, place=1),
    ),
}  # fmt: skip


def judge_collapse(runs: Sequence[Run]) -> Verdict:
    """float32 cross-entropy: memorises, collapses, test low, its gradient along the weights. StableMax
    and the perpendicular gradient reach 95% without a collapse; the latter soonest.
    """
    plain, stable, across, decayed = runs[0].arms.values()
    memorised = plain.record.reached("train_accuracy", 0.99)
    if never := unreached(memorised):
        return never
    test, zero = (plain.record[c][1] for c in ("test_accuracy", "zero_loss"))
    along = plain.record.then("alignment", memorised + 500)
    others = [arm.record.reached("test_accuracy", 0.95) for arm in (stable, across, decayed)]
    healthy = max(arm.record["zero_loss"][1].max() for arm in (stable, across, decayed))
    holds = (
        zero[-1].min() > 0.8
        and test.max() < 0.4
        and along.min() > 0.7
        and np.isfinite(others).all()
        and healthy < 0.1
        and (others[1] < others[0]).all()
        and (others[1] < others[2]).all()
    )
    return Verdict(
        bool(holds),
        f"float32: {span(zero[-1], 2)} of the losses exactly 0 at the end, test at most"
        f" {span(test.max(0), 2)}, cos(-gradient, weights) {span(along, 2)} at 500 steps past"
        f" memorising; 95%: StableMax at {span(others[0], 4)}, perpendicular at {span(others[1], 4)},"
        f" decay at {span(others[2], 4)}, of whose losses at most {healthy:.2g} are 0",
        "above 0.8, below 0.4, above 0.7; by all, the perpendicular gradient first, below 0.1",
    )


def judge_precision(runs: Sequence[Run]) -> Verdict:
    """Half of the losses are 0 at least 2.5 times later with each doubling of the bits, and the best
    test accuracy is higher; none reaches 95%.
    """
    arms = list(runs[0].arms.values())
    half = np.array([arm.record.reached("zero_loss", 0.5) for arm in arms])
    best = np.array([arm.record["test_accuracy"][1].max(0) for arm in arms])
    if never := unreached(half):
        return never
    gap = half[:-1] / half[1:]
    holds = gap.min() > 2.5 and (best[0] > best[1]).all() and best.max() < 0.95
    return Verdict(
        bool(holds),
        "; ".join(
            f"{arm.program.loss.precision}: half of the losses exactly 0 at {span(h, 4)}, test at best"  # type: ignore[attr-defined]
            f" {span(b, 2)}"
            for arm, h, b in zip(arms, half, best, strict=True)
        ),
        "each at least 2.5 times later; float64 higher than float32, below 0.95",
    )


CLAIMS = (
    Claim(PAPER, "Without regularisation float32 cross-entropy ends in softmax collapse and does not"
          " generalise: its gradient has aligned with the weights. StableMax groks, and the"
          " perpendicular gradient groks soonest.",
          (PRESETS["collapse"].recipe.set({"seed": SEEDS}),), judge_collapse, "collapse", long=True),
    Claim(PAPER, "More bits delay the collapse, and no more than delay it.",
          (PRESETS["precision"].recipe.set({"seed": SEEDS}),), judge_precision, "precision",
          long=True),
)  # fmt: skip
