"""Phase diagrams: what two knobs decide together, of any phenomenon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.claims import Claim, Verdict, span
from lab_core.phase import Diagram, Measure
from lab_core.phenomena.base import Phenomenon
from lab_core.phenomena.edge_of_stability import PAPER, PRESETS
from lab_core.predictions import Number
from lab_core.sweep import Axis, Grid, Sweep, plain

CATAPULT = "catapult"
SCALES = tuple(float(f"{v:.3g}") for v in np.geomspace(0.5, 2.0, 16))
RATES = tuple(float(f"{v:.3g}") for v in np.geomspace(0.125, 8.0, 24))


def border(grid: Grid) -> float | None:
    """The smallest rate at which most runs diverge, in the row whose initial scale is nearest to 1."""
    if not grid.done:
        return None
    scales, rates = (np.array(axis.values) for axis in grid.sweep.over)
    row = grid.values("sharpness")[np.abs(np.log(scales)).argmin()]
    lost = np.isnan(row).mean(-1) > 0.5
    return float(np.append(rates[lost], rates[-1])[0])


LARGE_STEPS = Diagram(
    "Where a large first step lands",
    "A two-layer linear net of width 64 on one point, over the scale of its initial weights and the"
    " learning rate: where lr S(0) < 2 it stays as sharp as it began; up to 4 it is catapulted and lands"
    " where it is flatter; beyond that it diverges. So the borders are lines of lr × scale².",
    Sweep(
        plain(PRESETS[CATAPULT].recipe).set({"probes": (("sharpness", 50),)}),
        (Axis(("init_scale",), "init scale", SCALES), Axis(("lr",), "learning rate", RATES)),
    ),
    Measure("sharpness"),
    "edge-of-stability",
    CATAPULT,
    question=Number(
        ask="At an initial scale of 1 the sharpness starts near 2. From which learning rate on will the net"
        " diverge there?",
        measure=border,
        low=0.125,
        high=8,
    ),
)


def judge_large_steps(grids: Sequence[Grid]) -> Verdict:
    """By lr S(0) of every single run: below 1.9 it ends at 0.8 of S(0) or above, and never diverges; from
    2.5 to 3.5 it ends below 0.6 of it; above 4.2 all diverge. Measured: 0.84 to
    0.95, 0.004 to 0.5.
    """
    (grid,) = grids
    first, last = grid.values("sharpness", 0), grid.values("sharpness")
    rates = np.array(grid.sweep.over[1].values)[None, :, None]
    level, landing = rates * first, last / first
    calm, thrown, lost = level < 1.9, (level > 2.5) & (level < 3.5), level > 4.2
    if not (calm.any() and thrown.any() and lost.any()):
        return Verdict(False, f"lr S(0) is {span(level)}", "below 1.9, in 2.5 to 3.5, above 4.2")
    gone = np.isnan(last)
    holds = (
        not gone[calm | thrown].any()
        and gone[lost].all()
        and landing[calm].min() > 0.8
        and landing[thrown].max() < 0.6
    )
    return Verdict(
        bool(holds),
        f"below 1.9: {span(landing[calm])} of S(0), {gone[calm].sum()} diverged; 2.5 to 3.5:"
        f" {span(landing[thrown])}, {gone[thrown].sum()} diverged; above 4.2: {gone[lost].mean():.0%}"
        f" diverged ({level.size} runs)",
        "above 0.8; below 0.6; 0; 100%",
    )


PHASE_DIAGRAMS = Phenomenon(
    slug="phase-diagrams",
    title="Phase diagrams",
    question="Two knobs decide together what becomes of a run. Where are the borders, and are they lines?",
    papers=(
        (PAPER, "Cohen et al. 2021, Gradient Descent on Neural Networks Typically Occurs at the"
         " Edge of Stability"),
    ),
    presets={},
    claims=(
        Claim(PAPER, "What becomes of a large first step is decided by lr S(0): below 2 the net stays as"
              " sharp as it began, up to 4 it is catapulted to where it is flatter, beyond it diverges.",
              (LARGE_STEPS.subject,), judge_large_steps, "large-first-step"),
    ),
    minutes=8,
    figures={"large-first-step": LARGE_STEPS},
)  # fmt: skip
