"""Gradient descent preconditioned by its own factor does not mind the condition number (Xu et al.
2023; Tong, Ma & Chi 2021).

The condition number is that of the matrix; the paper's is that of its factor, the root of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.claims import Claim, Verdict, span, unreached
from lab_core.phenomena.base import Preset, beside
from lab_core.recipe import Recipe
from lab_core.run import Run

PAPER = "scaled-gd"
CITATION = (
    PAPER,
    "Xu, Shen, Chi & Ma 2023, The Power of Preconditioning in Overparameterized Low-Rank Matrix"
    " Sensing",
)
SEEDS = (0, 1, 2)
PLOTS = ("recovery", "singular", "matrix", "loss")
CONDITIONS = (1.0, 10.0, 100.0)
SCALED = beside(optimizer="scaled-gd", damping=5e-4, steps=100)

WHOLE = Recipe().set(
    {"data": "completion", "model": "symmetric-factors", "rank": 6, "init_scale": 1e-3, "lr": 0.15,
     "condition": CONDITIONS, "steps": 3000,
     "probes": (("recovery", 1), ("singular", 20), ("matrix", 100)),
     "changes": (SCALED,)}
)  # fmt: skip

PRESETS = {
    "condition": Preset(
        "Ten times worse conditioned",
        "Three 20 × 20 matrices of rank 3, whose smallest singular value is 1, 1/10 and 1/100 of the"
        " largest. Gradient descent finds each singular value in its own time, and needs over 30 times"
        " as long for the worst as for the best. ScaledGD(λ), the second arm, needs some 15 steps for"
        " all three; on the logarithmic axis its curves lie on one another.",
        WHOLE,
        300,
        plots=PLOTS,
        x="log-step",
    ),
    "condition-sensing": Preset(
        "The same, through 500 measurements",
        "As before, but only 500 Gaussian measurements of each matrix are known (15 × 15, of rank 2),"
        " and the search rank is twice the true one. To an error of 10⁻³ gradient descent takes some"
        " 50, 300 and 2,000 steps, ScaledGD(λ) about 30 for each.",
        WHOLE.set(
            {
                "data": "sensing",
                "size": 15,
                "true_rank": 2,
                "measurements": 500,
                "condition": CONDITIONS,
                "rank": 4,
            }
        ),
        300,
        plots=PLOTS,
        x="log-step",
    ),
}


def judge(runs: Sequence[Run], level: float) -> Verdict:
    """Steps to an error: growing with the condition number by gradient descent, flat by ScaledGD."""
    found: dict[str, list[np.ndarray]] = {"gd": [], "scaled": []}
    kappa = np.array([])
    for run in runs:
        for arm in run.arms.values():
            kind = "scaled" if hasattr(arm.program.optimizer, "damping") else "gd"
            each = arm.knob("condition")
            at = arm.record.reached("recovery", level, below=True)
            kappa = np.unique(each)
            found[kind].append(np.array([at[each == k] for k in kappa]))
    if not found["gd"] or not found["scaled"] or len(kappa) < 3:
        return Verdict(False, "no three condition numbers by both methods", "three, both")
    gd, scaled = (np.concatenate(found[kind], 1) for kind in ("gd", "scaled"))
    if refusal := unreached(gd, scaled):
        return refusal
    growth, flat = gd[-1] / gd[0], scaled.max(0) / scaled.min(0)
    holds = bool(growth.min() > 30 and flat.max() < 1.5 and scaled.max() < 60)
    told = ", ".join(
        f"{span(g)} ({span(s)}) at κ = {k:g}" for g, s, k in zip(gd, scaled, kappa, strict=True)
    )
    return Verdict(
        holds,
        f"steps of gradient descent (of ScaledGD) to {level:g}: {told}; the worst takes {span(growth)}"
        f" times the steps of the best ({span(flat)})",
        "over 30 times; below 1.5 times, and 60 steps",
    )


def judge_whole(runs: Sequence[Run]) -> Verdict:
    return judge(runs, 1e-4)


def judge_sensing(runs: Sequence[Run]) -> Verdict:
    return judge(runs, 1e-3)


CLAIMS = (
    Claim(
        PAPER,
        "ScaledGD(λ) converges in a number of steps that hardly depends on the condition number, where"
        " that of gradient descent grows with it.",
        (PRESETS["condition"].recipe.set({"seed": SEEDS}),),
        judge_whole,
        "condition",
    ),
    Claim(
        PAPER,
        "So it does from incomplete measurements, with an over-specified rank.",
        # one run a seed: replicas that share their measurements share one matrix product
        tuple(PRESETS["condition-sensing"].recipe.set({"seed": seed}) for seed in SEEDS),
        judge_sensing,
        "condition-sensing",
        long=True,
    ),
)
