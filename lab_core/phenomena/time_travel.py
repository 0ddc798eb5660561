"""The same state, another learning rate: forks of runs at the edge of stability (Cohen et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.claims import Claim, Verdict, span
from lab_core.phenomena.base import Phenomenon, Preset
from lab_core.phenomena.edge_of_stability import (
    DIGITS,
    EDGE_OF_STABILITY,
    PAPER,
    SEEDS,
    last_quarter,
)
from lab_core.recipe import Branch
from lab_core.run import Run

LEVELS = DIGITS.set(
    {
        "lr": 0.35,
        "steps": 4000,
        "changes": (Branch(400, 0, (("lr", 0.25),)), Branch(400, 0, (("lr", 0.5),))),
    }
)
# by seed, 30 steps before the loss first exceeds three times its least so far
BEFORE_SPIKE = {0: 479, 1: 522, 2: 305}
SPIKES = tuple(
    EDGE_OF_STABILITY.presets["chebyshev"].recipe.set(
        {"lr": 0.2, "steps": 900, "seed": seed, "changes": (Branch(step, 0, (("lr", 0.1),)),)}
    )
    for seed, step in BEFORE_SPIKE.items()
)

PRESETS = {
    "levels": Preset(
        "Two forks of one state",
        "At step 400 the run sits at its threshold. A fork with a smaller learning rate lets the"
        " sharpness rise to the new threshold, one with a larger brings it down there.",
        LEVELS,
        400,
    ),
    "spike": Preset(
        "Before the spike",
        "The loss shoots up. Forked 30 steps before, with half the learning rate, it does not.",
        SPIKES[0],
        100,
    ),
}


def judge_levels(runs: Sequence[Run]) -> Verdict:
    """Each arm settles at its own threshold; the forks start off it, on either side."""
    parent, low, high = runs[0].arms.values()
    start = [arm.record["ratio"][1][0] for arm in (low, high)]
    levels = np.concatenate([last_quarter(arm) for arm in (parent, low, high)])
    holds = start[0].max() < 0.95 and start[1].min() > 1.2 and np.abs(levels - 1).max() < 0.05
    return Verdict(
        bool(holds),
        f"the forks start at {span(start[0])} and {span(start[1])} of their thresholds; all three"
        f" settle at {span(levels, 4)}",
        "below 0.95, above 1.2; 1 within 5%",
    )


def judge_spike(runs: Sequence[Run]) -> Verdict:
    """Over the 300 steps from the fork: the parent's loss spikes, the fork's never rises."""
    spike: list[np.ndarray] = []
    calm: list[np.ndarray] = []
    for run in runs:
        fork = run.arms[1]
        for arm, peaks in zip((run.arms[0], fork), (spike, calm), strict=True):
            steps, loss = arm.record["train_loss"]
            window = loss[(steps >= fork.first) & (steps < fork.first + 300)]
            peaks.append(window.max(0) / window[0])
    return Verdict(
        bool(np.min(spike) > 3 and np.max(calm) <= 1),
        f"the loss rises {span(spike)}-fold; forked with half the learning rate, to {span(calm)} of"
        " its value there",
        "more than 3-fold; at most 1",
    )


TIME_TRAVEL = Phenomenon(
    slug="time-travel",
    title="The same state, another learning rate",
    question="A run sits at the edge of stability, or is about to spike. What would have become of"
    " it with another learning rate, from that very step on?",
    papers=EDGE_OF_STABILITY.papers,
    presets=PRESETS,
    claims=(
        Claim(PAPER, "From one state at the edge, a smaller learning rate lets the sharpness rise to"
              " the new threshold, and a larger one brings it down there.",
              (LEVELS.set({"seed": SEEDS}),), judge_levels, "levels"),
        Claim(PAPER, "A run that spikes does not when it is forked just before with half the learning"
              " rate.", SPIKES, judge_spike, "spike"),
    ),
    minutes=5,
)  # fmt: skip
