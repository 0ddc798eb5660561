"""The same state, another learning rate: forks of runs at the edge of stability (Cohen et al. 2021);
and the same start, in flows: what a run is without its steps, or without its oscillation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Claim, Verdict, span
from lab_core.flows import FLOWS, Flow
from lab_core.outcomes import arm_of, series
from lab_core.phenomena.base import Phenomenon, Preset
from lab_core.phenomena.edge_of_stability import (
    DIGITS,
    EDGE_OF_STABILITY,
    PAPER,
    SEEDS,
    last_quarter,
)
from lab_core.predictions import Choice, Option
from lab_core.recipe import Branch
from lab_core.run import Run

CENTRAL_FLOWS = (
    "central-flows",
    "Cohen et al. 2024, Understanding Optimization in Deep Learning with Central Flows",
)
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
GHOSTS = EDGE_OF_STABILITY.presets["chebyshev"].recipe.set({"lr": 0.15, "steps": 1500})


def sooner(run: Run) -> str | None:
    """Which fork is first within 5% of its new threshold; None until both have ended."""
    forks = [arm_of(run, i) for i in (1, 2)]
    if any(fork is None or not fork.done for fork in forks):
        return None
    taken = []
    for fork in forks:
        steps, ratio = series(fork, "ratio")  # type: ignore[arg-type]
        near = steps[np.abs(ratio - 1) < 0.05]
        taken.append(near[0] if len(near) else np.inf)
    return "neither" if taken[0] == taken[1] else "up" if taken[0] < taken[1] else "down"


FORKS = (
    Option("up", "the one with the smaller rate, 0.25",
           "its sharpness rose to the new threshold before the other's had come down."),
    Option("down", "the one with the larger rate, 0.5",
           "above its threshold the run is unstable, and that drives it to flatter places within a few"
           " dozen steps; up to a higher threshold it has to climb by progressive sharpening, which is"
           " as slow as training itself."),
    Option("neither", "neither, or both at once", "they were equally long on their way."),
)  # fmt: skip

PRESETS = {
    "levels": Preset(
        "Two forks of one state",
        "At step 400 the run sits at its threshold. A fork with a smaller learning rate lets the"
        " sharpness rise to the new threshold, one with a larger brings it down there.",
        LEVELS,
        400,
        question=Choice(ask="At step 400 one fork takes learning rate 0.25, one 0.5. Which of the two is first"
                        " within 5% of its new threshold?", measure=sooner, options=FORKS),
    ),
    "spike": Preset(
        "Before the spike",
        "The loss shoots up. Forked 30 steps before, with half the learning rate, it does not.",
        SPIKES[0],
        100,
    ),
    "ghosts": Preset(
        "The run and its two ghosts",
        "Until the sharpness meets 2/lr the run goes along with its gradient flow (pale, unbroken)."
        " There they part: the flow's sharpness goes on rising, the run's stays. The central flow"
        " (pale, dotted) stays with it.",
        GHOSTS,
        150,
        ghosts=("gradient-flow", "central-flow"),
    ),
}  # fmt: skip


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


@lru_cache(maxsize=4)
def ghost(arm: Arm, kind: str) -> Flow:
    """A flow beside a finished arm, up to where the arm stands; two claims share one."""
    flow = FLOWS[kind](arm)
    flow.advance(arm.t - arm.first)
    return flow


def late(flow: Flow) -> np.ndarray:
    """The ratio on the last quarter of a flow's steps, [T, R]."""
    steps, ratio = flow.record["ratio"]
    return ratio[steps >= 0.75 * flow.t]


def judge_gradient_flow(runs: Sequence[Run]) -> Verdict:
    """Up to 0.9 of the way to the crossing the two are close; at the end they are far apart."""
    arm = runs[0].arms[0]
    flow = ghost(arm, "gradient-flow")
    (steps, ratio), (own_steps, own) = arm.record["ratio"], flow.record["ratio"]
    at, distance = flow.record["distance"]
    gap, near = [], []
    for r in range(arm.R):
        above = np.flatnonzero(ratio[:, r] >= 1)
        if not len(above) or steps[above[0]] < 100:
            return Verdict(False, f"replica {r} does not climb to the edge", "crossed after 100")
        soon = 0.9 * steps[above[0]]
        both, ours, theirs = np.intersect1d(steps, own_steps, return_indices=True)
        early = both < soon
        gap.append(np.abs(ratio[ours[early], r] - own[theirs[early], r]).max())
        near.append(distance[at < soon, r].max())
    growth, level = distance[-1] / near, last_quarter(arm)
    holds = (
        flow.t == arm.t
        and max(gap) < 0.03
        and max(near) < 0.1
        and np.abs(level - 1).max() < 0.05
        and late(flow).min() > 1.2
        and growth.min() > 2
    )
    return Verdict(
        bool(holds),
        f"up to 0.9 of the way to the crossing: levels {span(gap, 2)} apart, distance"
        f" {span(near, 2)} of the way gone; last quarter: run at {span(level, 4)}, flow at"
        f" {span(late(flow))}; distance grown {span(growth)}-fold",
        "below 0.03, below 0.1; 1 within 5%, above 1.2; more than 2-fold",
    )


def judge_central_flow(runs: Sequence[Run]) -> Verdict:
    """At the end the central flow is at the threshold, and far nearer than the gradient flow."""
    arm = runs[0].arms[0]
    plain, central = (ghost(arm, kind) for kind in ("gradient-flow", "central-flow"))
    far, near = (flow.record["distance"][1][-1] for flow in (plain, central))
    level = late(central)
    ended = min(plain.t, central.t) < arm.t
    holds = (
        not ended
        and np.abs(level - 1).max() < 0.01
        and late(plain).min() > 1.2
        and (far > 3 * near).all()
    )
    return Verdict(
        bool(holds),
        f"last quarter: central flow at {span(level, 4)}, gradient flow at {span(late(plain))};"
        f" distance at the end {span(near, 2)} against {span(far, 2)}",
        "1 within 1%, above 1.2; less than a third",
    )


TIME_TRAVEL = Phenomenon(
    slug="time-travel",
    title="The same state, another learning rate",
    question="A run sits at the edge of stability, or is about to spike. What would have become of"
    " it with another learning rate, from that very step on?",
    papers=(*EDGE_OF_STABILITY.papers, CENTRAL_FLOWS),
    presets=PRESETS,
    claims=(
        Claim(PAPER, "From one state at the edge, a smaller learning rate lets the sharpness rise to"
              " the new threshold, and a larger one brings it down there.",
              (LEVELS.set({"seed": SEEDS}),), judge_levels, "levels", long=True),
        Claim(PAPER, "A run that spikes does not when it is forked just before with half the learning"
              " rate.", SPIKES, judge_spike, "spike"),
        Claim(PAPER, "Before the crossing gradient flow tracks gradient descent closely, and parts from"
              " it at the crossing.",
              (GHOSTS.set({"seed": SEEDS}),), judge_gradient_flow, "ghosts", long=True),
        Claim(CENTRAL_FLOWS[0], "The central flow, which puts the oscillation's mean effect in its place,"
              " stays with gradient descent where gradient flow does not.",
              (GHOSTS.set({"seed": SEEDS}),), judge_central_flow, "ghosts", long=True),
    ),
    minutes=5,
)  # fmt: skip
