"""A matrix from measurements of which many are grossly wrong, by the sub-gradient method (Ma & Fattahi
2023): X <- X - eta_t D X on the absolute error, with steps eta_t that fall geometrically.

The paper divides its step by the norm of D. Of signs times isotropic measurements that norm hardly
moves, so here it is part of lr.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Verdict, span
from lab_core.phenomena.base import Preset, beside, claim_on
from lab_core.recipe import Recipe
from lab_core.run import Run

PAPER = "robust-subgradient"
CITATION = (
    PAPER,
    "Ma & Fattahi 2023, Global Convergence of Sub-gradient Method for Robust Matrix Recovery",
)
PLOTS = ("recovery", "singular", "matrix", "loss")

ROBUST = Recipe().set(
    {"data": "sensing", "size": 20, "true_rank": 2, "measurements": 800, "outliers": 0.3,
     "loss": "absolute-error", "model": "symmetric-factors", "rank": 20, "init_scale": 1e-3,
     "schedule": "geometric", "rho": 0.995, "lr": 0.1, "steps": 2000,
     "probes": (("recovery", 10), ("singular", 50), ("matrix", 100))}
)  # fmt: skip


FEW, ENOUGH = (
    40,
    160,
)  # measurements; a symmetric 20 x 20 matrix of rank 2 has 39 degrees of freedom
PRESETS = {
    "outliers": Preset(
        "Three in ten are wrong",
        "800 measurements of a 20 × 20 matrix of rank 2; to 30% of them a number a hundred times as"
        " large as the rest is added. Sub-gradient steps on the absolute error find the matrix from a"
        " tiny start, with the true rank (k = 2) to 10⁻⁵ and with any (k = 20) to 10⁻³. Gradient"
        " descent on the squared error fits the wrong numbers and ends ten times as far from the"
        " matrix as zero is.",
        ROBUST.set({"changes": (
            beside(rank=2), beside(loss="squared-error", schedule="constant", lr=0.01))}),
        200,
        plots=PLOTS,
    ),
    "small-start": Preset(
        "Half of it is wrong: a small start",
        "With half of the measurements wrong and a full rank of 20, all depends on the start: from"
        " α = 0.001 the error ends below 0.01, from α = 0.1 at five times as much or more. A small"
        " start keeps the spare directions small while the true ones grow.",
        ROBUST.set({"outliers": 0.5, "init_scale": (1e-3, 1e-1)}),
        200,
        plots=PLOTS,
    ),
    "samples": Preset(
        "How many measurements",
        "40 measurements are as many as the matrix has degrees of freedom, and too few for any search"
        " rank; 160 are enough for all: k = 2, 5 and 20, though with k = 20 there are 210 free"
        " numbers. A tenth of them is wrong.",
        ROBUST.set(
            {
                "outliers": 0.1,
                "init_scale": 1e-6,
                "lr": 0.15,
                "measurements": ENOUGH,
                "changes": (
                    beside(rank=5),
                    beside(rank=2),
                    *(beside(rank=k, measurements=FEW) for k in (20, 5, 2)),
                ),
            }
        ),
        200,
        plots=("recovery", "matrix", "loss", "singular"),
    ),
}  # fmt: skip


def last(of: Arm) -> np.ndarray:
    """The last recovery error [R]; infinite for a replica that diverged."""
    values = of.record.last("recovery")
    assert values is not None
    return np.where(np.isfinite(values), values, np.inf)


def judge_outliers(runs: Sequence[Run]) -> Verdict:
    """The absolute error recovers with the true and with a full rank, the squared one does not."""
    arms = list(runs[0].arms.values())
    robust = {a.program.flat()["rank"]: last(a) for a in arms if "absolute" in a.program.loss.label}
    squared = [last(a) for a in arms if "squared" in a.program.loss.label]
    data = arms[0].program.flat()
    if len(robust) < 2 or not squared or data["outliers"] < 0.2:
        return Verdict(False, "no two ranks beside the squared error, with outliers", "all three")
    exact, spare = robust[min(robust)], robust[max(robust)]
    holds = bool(exact.max() < 1e-4 and spare.max() < 5e-3 and np.min(squared) > 2)
    return Verdict(
        holds,
        f"with {data['outliers']:.0%} outliers the sub-gradient method ends {span(exact)} from the"
        f" matrix with k = {min(robust)}, {span(spare)} with k = {max(robust)}; the squared error"
        f" {span(squared)}",
        "below 1e-4, below 5e-3; above 2",
    )


def judge_start(runs: Sequence[Run]) -> Verdict:
    """With a spare rank the smaller start ends nearer by a factor."""
    (only,) = runs[0].arms.values()
    error, flat = last(only), [r.flat() for r in only.recipes]
    scale = np.array([f["init_scale"] for f in flat])
    if len(set(scale)) < 2 or flat[0]["rank"] <= flat[0]["true_rank"]:
        return Verdict(False, "no two starts of a spare rank", "two")
    small, large = error[scale == scale.min()], error[scale == scale.max()]
    holds = bool(small.max() < 0.01 and (large / small).min() > 5)
    return Verdict(
        holds,
        f"α = {scale.min():g} ends {span(small)} from the matrix, α = {scale.max():g}"
        f" {span(large / small)} times as far",
        "below 0.01, over 5 times",
    )


def judge_samples(runs: Sequence[Run]) -> Verdict:
    """Enough measurements are so for every search rank, and too few for none."""
    arms = list(runs[0].arms.values())
    each = {(f["measurements"], f["rank"]): last(a) for a in arms if (f := a.program.flat())}
    most, fewest = max(m for m, _ in each), min(m for m, _ in each)
    enough = {k: e for (m, k), e in each.items() if m == most}
    few = {k: e for (m, k), e in each.items() if m == fewest}
    if most == fewest or len(enough) < 3 or set(few) != set(enough):
        return Verdict(False, "no three ranks with many and few measurements", "three, both")
    middle, *_, full = sorted(enough)[1:]
    ratio = enough[full].max() / enough[middle].max()
    holds = bool(
        max(e.max() for e in enough.values()) < 0.02
        and min(e.min() for e in few.values()) > 1
        and ratio < 4
    )
    told = "; ".join(f"k = {k}: {span(enough[k])} and {span(few[k])}" for k in sorted(enough))
    return Verdict(
        holds,
        f"the error with {most} and with {fewest} measurements is, {told}",
        "below 0.02 and above 1 for all; from the second k to the last no more than 4 times",
    )


claim = partial(claim_on, PAPER, PRESETS)
CLAIMS = (
    claim(
        "From a small start the sub-gradient method on the absolute error recovers the matrix from"
        " many gross outliers, with the true rank and with an over-specified one, where gradient"
        " descent on the squared error does not.",
        "outliers",
        judge_outliers,
    ),
    claim(
        "With an over-specified rank a small start is what makes the recovery exact.",
        "small-start",
        judge_start,
    ),
    claim(
        "The number of measurements that are needed does not grow with the search rank.",
        "samples",
        judge_samples,
    ),
)
