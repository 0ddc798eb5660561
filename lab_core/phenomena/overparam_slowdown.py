"""What a rank that is too high costs gradient descent in matrix sensing (Xiong, Ding & Du 2023).

The paper's steps are X <- X - eta (X X^T - M) X and F <- F - eta (F G^T - M) G. Here the loss is half
the mean squared error, whose gradient by X is twice that: eta is 2 lr for one factor, and lr for two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Claim, Verdict, span, unreached
from lab_core.drawings import Drawing, Range
from lab_core.outcomes import along
from lab_core.phenomena.base import Preset, beside
from lab_core.rates import exponent, fit
from lab_core.recipe import Recipe
from lab_core.run import Run

PAPER = "overparam-slowdown"
CITATION = (
    PAPER,
    "Xiong, Ding & Du 2023, How Over-Parameterization Slows Down Gradient Descent in Matrix Sensing",
)
SEEDS = (0, 1, 2, 3, 4)
EXACT = 1e-12  # recovered, up to rounding
PLOTS = ("recovery", "singular", "matrix", "loss")
PROBES = (("recovery", 5), ("singular", 20), ("matrix", 100))

SYMMETRIC = Recipe().set(
    {"data": "completion", "model": "symmetric-factors", "rank": 3, "init_scale": 1.0, "lr": 0.05,
     "steps": 4000, "probes": PROBES}
)  # fmt: skip
ASYMMETRIC = SYMMETRIC.set({"target": "general", "model": "asymmetric-factors", "rank": 6, "lr": 0.1,
                            "imbalance": 0.1})  # fmt: skip


PRESETS = {
    "spare-rank": Preset(
        "A rank too many",
        "A 20 × 20 matrix of rank 3, seen whole. With as many columns as its rank (k = 3) the error"
        " falls by the same factor at every step, to rounding within 350 steps. With k = 4, 6 and 10"
        " each spare direction shrinks like 1/T, and the error with them: √(k − r)/(2ηT), a straight"
        " line on two logarithmic axes, and no faster.",
        SYMMETRIC.set({"changes": tuple(beside(rank=k) for k in (4, 6, 10))}),
        400,
        plots=PLOTS,
        x="log-step",
        question=Drawing(
            ask="The matrix has rank 3. Draw the error of arm 1, whose factor has one column more (k = 4).",
            measure=along("recovery", arm=1),
            x=Range("step", 1, 4000, log=True),
            y=Range("recovery error", 1e-6, 2, log=True),
            place=0,
        ),
    ),
    "imbalance": Preset(
        "Two factors, unequal",
        "With two factors F Gᵀ and spare columns (k = 6, r = 3) the error falls exponentially again,"
        " and the faster the larger the start: like α². But only where F and G start at unequal"
        " scales (G at a tenth of F). At equal scales it is two or three times slower on most seeds, over"
        " ten times on some, and on one in eight not at all.",
        ASYMMETRIC.set({"init_scale": (0.2, 0.4, 0.8), "imbalance": (0.1, 1.0), "steps": 5000}),
        500,
        plots=PLOTS,
    ),
    "one-step": Preset(
        "One other step",
        "The same from four starts, with one step of another kind: at step 200 the directions of F are"
        " all made equally long, and G takes up the difference. Nothing moves in the product; but from"
        " there on all four fall at one rate, that of a net without spare columns, whatever α. The"
        " second arm goes on without.",
        ASYMMETRIC.set(
            {
                "optimizer": "rebalanced-gd",
                "init_scale": (0.05, 0.1, 0.2, 0.4),
                "steps": 1500,
                "changes": (beside(optimizer="gd"),),
            }
        ),
        150,
        plots=PLOTS,
    ),
}


def rates(arm: Arm, kind: str, first: int = 0) -> np.ndarray:
    """The rate [R] at which the error falls by the law of a kind, from a step on; nan under another."""
    steps, error = arm.record["recovery"]
    late = steps >= first
    found = [fit(steps[late] - first, column[late]) for column in error.T]
    return np.array([f.rate if f and f.kind == kind else np.nan for f in found])


def error_of(arm: Arm) -> np.ndarray:
    """||X X^T - M||_F [R] at the last measurement, M with r singular values of 1."""
    last = arm.record.last("recovery")
    assert last is not None
    return last * arm.knob("true_rank") ** 0.5


def judge_spare(runs: Sequence[Run]) -> Verdict:
    """k = r: exponential, to rounding; k > r: T^-1, at the constant of the closed form."""
    arms = list(runs[0].arms.values())
    spare = [a.knob("rank")[0] - a.knob("true_rank")[0] for a in arms]
    if sorted(spare)[0] != 0 or sorted(spare)[-1] < 1:
        return Verdict(False, f"spare columns {spare}", "none, and some")
    exact = next(a for a, s in zip(arms, spare, strict=True) if s == 0)
    at = exact.record.reached("recovery", EXACT, below=True)
    if refusal := unreached(at):
        return refusal
    rate = rates(exact, "exponential") / -np.log1p(-2 * exact.knob("lr"))
    powers, ratios = [], []
    for arm, k in zip(arms, spare, strict=True):
        if k:
            steps, _ = arm.record["recovery"]
            closed = k**0.5 / (4 * arm.knob("lr") * steps[-1])
            powers.append(rates(arm, "power"))
            ratios.append(error_of(arm) / closed)
    holds = bool(
        at.max() < 500
        and np.abs(rate - 1).max() < 0.05
        and np.abs(np.array(powers) - 1).max() < 0.05
        and np.abs(np.array(ratios) - 1).max() < 0.05
    )
    return Verdict(
        holds,
        f"k = r: to {EXACT:g} at step {span(at)}, at {span(rate)} of the rate −log(1 − η); k > r: like"
        f" T^−p with p = {span(powers)}, the last error {span(ratios)} of √(k − r)/(2ηT)",
        "before 500; 1; 1; 1, each within 5%",
    )


def judge_imbalance(runs: Sequence[Run]) -> Verdict:
    """Unequal scales: exponential, rate ~ alpha^2; equal ones: slower."""
    (arm,) = runs[0].arms.values()
    scale, ratio, seed = (arm.knob(n) for n in ("init_scale", "imbalance", "seed"))
    unequal, equal = ratio < 1, ratio == 1
    if not equal.any() or not unequal.any() or len(set(scale)) < 3:
        return Verdict(False, "no three scales with equal and unequal factors", "three, with both")
    rate = rates(arm, "exponential")
    grows = [
        exponent(scale[mine], rate[mine])
        for s in sorted(set(seed))
        if (mine := (seed == s) & unequal).any()
    ]
    falls = [np.array([fall(arm, int(r)) for r in np.flatnonzero(of)]) for of in (unequal, equal)]
    slower = falls[0] / np.maximum(falls[1], 1e-12)
    holds = bool(
        np.isfinite(rate[unequal]).all()
        and np.abs(np.array(grows) - 2).max() < 0.4
        and np.median(slower) > 2
        and (slower > 1.5).mean() > 0.7
        and slower.max() > 5
    )
    return Verdict(
        holds,
        f"unequal scales: exponential, the rate like α^p with p = {span(grows)}; equal ones"
        f" {span(slower)} times slower, {np.median(slower):.2g} in the median, over 1.5 times for"
        f" {(slower > 1.5).mean():.0%}",
        "2 within 0.4; over 1.5 times for 70% of them, 2 in the median and 5 at most",
    )


def fall(arm: Arm, r: int) -> float:
    """How fast a replica's error falls in the mean, per step, from 0.01 to rounding or to the end."""
    steps, error = arm.record["recovery"]
    column = error[:, r]
    inside = np.flatnonzero((column < 1e-2) & (column > 1e-11))
    if len(inside) < 2:
        return 0.0
    a, b = inside[0], inside[-1]
    return float(np.log(column[a] / column[b]) / (steps[b] - steps[a]))


def judge_one_step(runs: Sequence[Run]) -> Verdict:
    """After the step one rate for all starts, -log(1 - lr beta^2); without it far slower ones."""
    arms = list(runs[0].arms.values())
    with_it = [a for a in arms if hasattr(a.program.optimizer, "rebalance_at")]
    without = [a for a in arms if a not in with_it]
    if not with_it or not without:
        return Verdict(False, "no arm with the step beside one without", "both")
    arm, plain = with_it[0], without[0]
    first = arm.program.flat()["rebalance_at"]
    at = arm.record.reached("recovery", EXACT, below=True)
    rate = rates(arm, "exponential", first) / -np.log1p(-arm.knob("lr") * arm.knob("balance") ** 2)
    alpha, slow = plain.knob("init_scale"), rates(plain, "exponential", first)
    slow = slow[np.isfinite(slow)]
    spread = slow.max(initial=0.0) / slow.min(initial=np.inf)
    holds = bool(
        np.isfinite(at).all()
        and np.abs(rate - 1).max() < 0.1
        and len(set(alpha)) > 2
        and spread > 5
        and error_of(plain).max() > 1e-6
    )
    return Verdict(
        holds,
        f"to {EXACT:g} at step {span(at)}, at {span(rate)} of the rate −log(1 − ηβ²) from every start;"
        f" without the step the rates differ by {spread:.3g} times",
        "all; 1 within 10%; over 5 times",
    )


CLAIMS = (
    Claim(
        PAPER,
        "With one factor and the true rank, gradient descent converges at a linear rate; with spare"
        " columns no faster than a power of T, with the exponent and constant of √(k − r)/(2ηT).",
        (PRESETS["spare-rank"].recipe.set({"seed": SEEDS}),),
        judge_spare,
        "spare-rank",
    ),
    Claim(
        PAPER,
        "With two factors and spare columns it is linear again, at a rate that grows like the square"
        " of the initial scale, where the factors start unequal; at equal scales it is several times"
        " slower, and on some seeds all but stalls.",
        (PRESETS["imbalance"].recipe.set({"seed": SEEDS}),),
        judge_imbalance,
        "imbalance",
    ),
    Claim(
        PAPER,
        "Changing one step removes the dependence on the initial scale: the rate is that without"
        " spare columns.",
        (PRESETS["one-step"].recipe.set({"seed": SEEDS}),),
        judge_one_step,
        "one-step",
    ),
)
