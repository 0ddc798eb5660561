"""The fractal boundary of trainability (Sohl-Dickstein 2024): which pairs of learning rates train a net."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.claims import Claim, Verdict, span
from lab_core.curves import Figure
from lab_core.knobs import BadInput
from lab_core.phenomena.base import Phenomenon
from lab_core.predictions import Number
from lab_core.zooms import DEEPER, OVERVIEW, Frame, Picture, Zooms

PAPER = "fractal-boundary"
CITATION = (PAPER, "Sohl-Dickstein 2024, The boundary of neural network trainability is fractal")

ZOOMS = Zooms()
DEEP = Zooms(width=8, points=8, steps=500, pixels=64, frames=15, crowd=0.5)


def closer(picture: Picture) -> float | None:
    """The dimension of the boundary in a picture eight times closer than the overview; None before."""
    frame = picture.frame
    if not frame.done or frame.window.half > 1.01 * OVERVIEW.half / DEEPER:
        return None
    if not np.isfinite(frame.boxes.dimension):
        raise BadInput("question: this picture does not resolve the boundary; take more pixels.")
    return float(frame.boxes.dimension)


FIGURES = {
    "overview": Figure(
        "All learning rates, four decades each",
        "Gradient descent on one small net, with a learning rate for each layer. Each pixel is a run: blue"
        " trains, orange does not. From so far away the boundary is nearly a smooth curve: its"
        " box-counting dimension is about 1.",
        Zooms(frames=1),
        question=Number(ask="A smooth curve has dimension 1, an area 2. Compute, then press Zoom in at the"
                        " busiest part once: which dimension will the border have there, eight times closer?",
                        measure=closer, low=1, high=2, log=False),
    ),
    "zooms": Figure(
        "Eight times closer, and again",
        "In the busiest part the curve is none: it breaks up into strips, islands and dust, and so do"
        " they, eight times closer. Where the pixels resolve it, its box-counting dimension is strictly"
        " between 1 and 2.",
        ZOOMS,
    ),
}  # fmt: skip


def dimensions(chains: Sequence[Sequence[Frame]]) -> np.ndarray:
    """Of each frame of each seed [S, frames]; nan where it is not resolved, or there is none."""
    out = np.full((len(chains), max(map(len, chains))), np.nan)
    for row, frames in zip(out, chains, strict=True):
        row[: len(frames)] = [frame.boxes.dimension for frame in frames]
    return out


def judge_overview(runs: Sequence[list[list[Frame]]]) -> Verdict:
    """About 1 in the median, and thin: over seeds 0 to 3 it was 1.12, 1.04, 1.08 and 0.88, on 2 to 3%
    of the pixels. A straight line gives up to 1.06 here, and a few stray pixels move it as far again.
    """
    frames = [chain[0] for chain in runs[0]]
    each = dimensions([[frame] for frame in frames])[:, 0]
    share = np.array([frame.boxes.share for frame in frames])
    holds = abs(np.median(each) - 1) <= 0.15 and each.max() < 1.3 and 0 < share.max() < 0.05
    return Verdict(
        bool(holds),
        f"dimension {span(each)}, {np.median(each):.2f} in the median; on {span(share)} of the pixels",
        "in the median 0.85 to 1.15, always below 1.3; on less than 0.05",
    )


def judge_zooms(runs: Sequence[list[list[Frame]]]) -> Verdict:
    """Zooms 1 to 3 of seeds 0 to 3 gave 1.57, 1.58, 1.47; 1.54, 1.54, 1.38; 1.54, 1.48, 1.56; 1.19,
    1.51, 1.66; another rounding of the same sums moves single ones by 0.1. A straight boundary gives
    less than 1.15 at every zoom, noise is not resolved.
    """
    each = dimensions(runs[0])
    if each.shape[1] < 4:
        return Verdict(False, "no boundary to zoom into", "three zooms")
    overview, zooms = each[:, 0], each[:, 1:4]
    known = np.isfinite(zooms)
    inside = (zooms > (1.0, 1.2, 1.2)) & (zooms < 1.95)
    best = np.where(known, zooms, 0)[:, 1:].max(1)
    holds = known[:, 1:].any(1).all() and known.mean() >= 0.75 and inside[known].all()
    return Verdict(
        bool(holds and best.min() >= 1.3 and (best - overview).min() >= 0.2),
        f"{known.sum()} of {known.size} zooms resolved, with dimension {_span(zooms)}; at most"
        f" {span(best)} of a seed, whose overview has {span(overview)}",
        "three in four, above 1, from the second zoom on above 1.2, below 1.95; at most at least 1.3,"
        " and 0.2 more than the overview",
    )


def judge_deep(runs: Sequence[list[list[Frame]]]) -> Verdict:
    """Down to where float64 ends: over seeds 0 to 3 (width 8, half a side down to 4.5e-13) 40 of 56 zooms
    were resolved, with 1.14 to 1.77, 1.28 to 1.52 in the median of a seed (40 to 42, and at most 1.78,
    by three roundings of the same sums); the others have too much boundary for 64 pixels. A smooth
    piece gives 1.0 from some depth on.
    """
    chains = runs[1]
    least = np.array([frames[-1].window.half for frames in chains])
    zooms = dimensions(chains)[:, 1:]
    known = np.isfinite(zooms)
    inside = (zooms > 1) & (zooms < 1.95)
    middle = np.array([np.median(row[some]) if some.any() else 0.0
                       for row, some in zip(zooms, known, strict=True)])  # fmt: skip
    holds = (
        least.max() < 1e-12
        and known.mean() >= 0.5
        and inside[known].mean() >= 0.9
        and ((middle > 1.15) & (middle < 1.85)).all()
    )
    return Verdict(
        bool(holds),
        f"half-widths down to {span(least)}; {known.sum()} of {known.size} zooms resolved, with"
        f" dimension {_span(zooms)}, in the median of a seed {span(middle)}",
        "below 1e-12; half of them, nine in ten of those between 1 and 1.95, the medians between 1.15"
        " and 1.85",
    )


def _span(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    return span(known) if len(known) else "none"


CLAIMS = (
    Claim(
        PAPER,
        "Over four decades of two learning rates the boundary between training and diverging is"
        " nearly a smooth curve, of dimension about 1.",
        (FIGURES["overview"].subject,),
        judge_overview,
        "overview",
    ),
    Claim(
        PAPER,
        "Eight, 64 and 512 times closer, at its busiest part, it is not: its box-counting dimension"
        " is strictly between 1 and 2.",
        (ZOOMS,),
        judge_zooms,
        "zooms",
        long=True,
    ),
    Claim(
        PAPER,
        "So it is for twelve decades, as far as float64 gives, in a net of eight units.",
        (ZOOMS, DEEP),
        judge_deep,
        "zooms",
        long=True,
    ),
)

FRACTAL_BOUNDARY = Phenomenon(
    slug="fractal-boundary",
    title="The fractal boundary of trainability",
    question="Some learning rates train a net and others blow it up. What does the border between"
    " them look like from close by?",
    papers=(CITATION,),
    presets={},
    figures=FIGURES,
    claims=CLAIMS,
    minutes=8,
)
