"""Completion by alternating minimisation whose updates are inexact (Gu, Song, Yin & Zhang 2023).

The paper proves that a moderate error of the updates is tolerated, and with a sketched preconditioner
gets a time of |Omega| k where exact updates take |Omega| k^2, up to logarithms. Here an inexact update
is one or two steps of conjugate gradients, and the entries are a dense n x n array with zeros where
none was observed: a pass costs n^2 in place of |Omega|, which is the same growth with k.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from lab_core.arm import Arm
from lab_core.claims import Claim, Verdict, span, unreached
from lab_core.outcomes import first
from lab_core.phase import Diagram, Measure
from lab_core.phenomena.base import Preset, beside
from lab_core.predictions import Number, Step
from lab_core.rates import exponent
from lab_core.recipe import Recipe
from lab_core.run import Run
from lab_core.sweep import Axis, Grid, Sweep

PAPER = "alternating-minimization"
CITATION = (PAPER, "Gu, Song, Yin & Zhang 2023, Low Rank Matrix Completion via Robust Alternating"
                   " Minimization in Nearly Linear Time")  # fmt: skip
SEEDS = (0, 1, 2)
RECOVERED = 1e-6
FEW = 10  # passes that one step of conjugate gradients may be later by
RANKS = (5, 10, 20, 40)
PLOTS = ("recovery", "singular", "matrix", "loss")


COMPLETION = Recipe().set(
    {
        "data": "completion",
        "size": 100,
        "true_rank": 3,
        "target": "general",
        "observed": 0.24,
        "model": "asymmetric-factors",
        "rank": 3,
        "init_scale": 1.0,
        "start_from": "spectral",
        "optimizer": "alternating",
        "lr": 1.0,
        "steps": 50,
        "probes": (("recovery", 1), ("singular", 1), ("matrix", 5)),
        "changes": (beside(updates=1), beside(updates=2)),
    }
)
PRESETS = {
    "alternating": Preset(
        "Alternating minimisation, exact and inexact",
        "A 100 × 100 matrix of rank 3 from a quarter of its entries, least squares in F and in G in"
        " turn. Solved exactly (arm 0) it is recovered in some 20 passes; with a single step of"
        " conjugate gradients in place of each (arm 1) a few passes later; with two (arm 2) as soon.",
        COMPLETION,
        5,
        plots=PLOTS,
        question=Step(
            ask="After how many passes will the exact updates (arm 0) have the matrix to 10⁻⁶?",
            measure=first("recovery", RECOVERED, below=True),
            high=50,
            place=0,
        ),
    ),
    "alternating-few": Preset(
        "Too few entries",
        "The same with 9% of the entries, three for each number that F has: no update, exact (arm 0)"
        " or not (arms 1 and 2), finds the matrix, and the exact ones end furthest from it.",
        COMPLETION.set({"observed": 0.09}),
        5,
        plots=PLOTS,
    ),
}


def needed(grid: Grid) -> float | None:
    """The smallest observed share at which half of the matrices of rank 5 are recovered."""
    if not grid.done:
        return None
    ranks, observed = (axis.values for axis in grid.sweep.over)
    share = SHARE.of(grid)[ranks.index(5)]
    return float(np.append(np.array(observed)[share >= 0.5], 1.0)[0])


# in float32, which is twice as fast, and so to its precision
SHARE = Measure("recovery", "share", 1e-4, below=True)
DIAGRAM = Diagram(
    "Completion of a 100 × 100 matrix within 40 passes",
    "How many entries completion needs: never fewer than the r (2n - r) degrees of freedom, and one"
    " and a half to three times as many for half of the matrices to be recovered.",
    Sweep(
        COMPLETION.set({"updates": 2, "steps": 40, "dtype": "float32", "probes": (("recovery", 5),),
                        "changes": ()}),
        (Axis(("true_rank", "rank"), "rank r", tuple(range(1, 21))),
         Axis(("observed",), "observed share |Ω| ÷ n²", tuple(i / 20 for i in range(1, 21)))),
        (0, 1, 2, 3, 4),
        SHARE.success,
    ),
    SHARE,
    "matrix-sensing",
    "alternating",
    question=Number(ask="A matrix of rank 5 has 975 degrees of freedom, a tenth of its entries. Which share of"
                    " them must be observed for half of such matrices to be recovered?",
                    measure=needed, low=0.05, high=1, log=False),
)  # fmt: skip
FIGURES = {"completion": DIAGRAM}


def passes(run: Run) -> list[np.ndarray]:
    """The passes of each arm until the matrix is recovered, [R]."""
    return [arm.record.reached("recovery", RECOVERED, True) for arm in run.arms.values()]


def judge_success(runs: Sequence[Run]) -> Verdict:
    """Every arm recovers every matrix, two CG steps within 2 passes of the exact updates and one within
    `FEW`.
    """
    exact, one, two = passes(runs[0])
    if never := unreached(exact, one, two):
        return never
    late, later = two - exact, one - exact
    return Verdict(
        bool(np.abs(late).max() <= 2 and np.abs(later).max() <= FEW),
        f"error below 1e-6 after {span(exact)} passes of exact updates; {span(late)} passes later with"
        f" two CG steps, {span(later)} with one",
        f"at most 2 passes apart; {FEW}",
    )


def judge_few(runs: Sequence[Run]) -> Verdict:
    """No arm ever comes within 1% of its matrix; the exact updates end furthest from it."""
    errors = [arm.record["recovery"][1] for arm in runs[0].arms.values()]
    best = min(float(e.min()) for e in errors)
    told = ", ".join(span(e[-1], 2) for e in errors)
    return Verdict(
        best > 1e-2 and all((errors[0][-1] > e[-1]).all() for e in errors[1:]),
        f"errors at the end {told} with exact updates, one CG step and two; none below {best:.2g}",
        "never below 0.01; the exact ones largest",
    )


def operations(arm: Arm) -> int:
    """Floating-point operations of all matrix products of one more pass of an arm, which stays as it is;
    the k x k factorisations and what is done entry by entry are not counted.
    """
    w = arm.state.w
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        arm.optimizer.step(w, w, arm.state.optimizer, arm.at)
    return int(counter.get_total_flops())


def judge_cost(runs: Sequence[Run]) -> Verdict:
    """The exponents of the operations of a pass in k, of nets like these with other ranks: with exact
    updates towards 2, with CG steps towards 1.
    """
    counts = {}
    for arm in runs[0].arms.values():
        first = arm.recipes[0].set({"changes": (), "observed": 1.0})
        each = [Arm([first.set({"true_rank": k, "rank": k})]) for k in RANKS]
        counts[first.flat()["updates"]] = np.array([operations(one) for one in each])
    if 0 not in counts or len(counts) < 2:
        return Verdict(False, f"updates {list(counts)}", "exact ones, 0, and some that are not")
    powers = {updates: exponent(RANKS, count) for updates, count in counts.items()}
    exact, few, most = powers.pop(0), list(powers.values()), max(powers)
    fewer = counts[0][-1] / counts[most][-1]
    holds = 1.8 < exact < 2.1 and all(0.9 < power < 1.1 for power in few) and fewer > 1
    return Verdict(
        bool(holds),
        f"operations of a pass grow as k^{exact:.2f} with exact updates and as"
        f" k^{span(few)} with CG steps; at k = {RANKS[-1]} {fewer:.1f} times fewer with"
        f" {most}",
        "near k^2 and k^1; fewer",
    )


def judge_diagram(grids: Sequence[Grid]) -> Verdict:
    """No matrix is recovered from fewer entries than its degrees of freedom r (2n - r); from rank 3 on,
    where half of them are, it is from one to three times as many. Measured: 1.4 to 2.7.
    """
    (grid,) = grids
    n = grid.sweep.recipe.flat()["size"]
    ranks, observed = (np.array(axis.values) for axis in grid.sweep.over)
    free = ranks * (2 * n - ranks)
    entries = observed * n * n
    done = DIAGRAM.measure.of(grid)
    below = done[entries[None] < free[:, None]]
    half = (done >= 0.5).argmax(1)
    some = (ranks >= 3) & (done >= 0.5).any(1)
    if not below.size or not some.any():
        return Verdict(False, f"half of no matrix, at ranks {span(ranks)}", "at some")
    factor = (entries[half] / free)[some]
    return Verdict(
        bool(below.max() == 0 and factor.min() >= 1 and factor.max() <= 3),
        f"below the degrees of freedom at most {below.max():.0%} are recovered; half from"
        f" {span(factor)} times as many entries on",
        "none; from 1 to 3 times",
    )


CLAIMS = (
    Claim(PAPER, "Completion succeeds with inexact updates as with exact ones: two steps of conjugate"
          " gradients take as many passes, and one a few more.",
          (PRESETS["alternating"].recipe.set({"seed": SEEDS}),), judge_success, "alternating"),
    Claim(PAPER, "With too few entries exact and inexact updates fail alike.",
          (PRESETS["alternating-few"].recipe.set({"seed": SEEDS}),), judge_few, "alternating-few"),
    Claim(PAPER, "The cost of a pass grows with the entries times k where updates are inexact, times k^2"
          " where they are exact.",
          (PRESETS["alternating"].recipe.set({"seed": SEEDS}),), judge_cost, "alternating"),
    Claim(PAPER, "Completion has a sharp threshold, at one to three times the degrees of freedom.",
          (DIAGRAM.subject,), judge_diagram, "completion", long=True),
)  # fmt: skip
