"""The edge of stability in logistic regression: what a step size above 2/lr does, and what it does not.

On a separable set gradient descent on the logistic loss of a linear model converges at any constant
step size, after a phase in which its loss oscillates (Wu et al. 2024): there is no minimum, and the
sharpness goes to 0 on the way out. On one that is not separable there is one, and above a critical
step size cycles of gradient descent, of period 2 and others, exist and attract it (Meng et al. 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lab_core.claims import Verdict
from lab_core.phenomena.base import Preset, claim_on
from lab_core.phenomena.logistic_to_perceptron import CITATION, PAPER
from lab_core.phenomena.step_sizes import LOGISTIC, by_rate, each
from lab_core.run import Run

EDGE = LOGISTIC.set({"lr": (1.0, 4.0, 16.0, 64.0, 1e3), "steps": 1000,
                     "probes": (("sharpness", 5), ("accuracy", 5))})  # fmt: skip

PRESETS = {
    "separable-edge": Preset(
        "Any step size, where a line separates",
        "The larger step sizes start far above 2/lr and throw the loss up; but along the way out the"
        " logistic loss flattens, the sharpness falls below every threshold, and from then on the"
        " loss falls at every step: the lower the larger the step.",
        EDGE,
        100,
        plots=("loss", "ratio", "sharpness", "accuracy"),
        x="log-step",
    ),
    "cycles": Preset(
        "Not where none does",
        "The same with a tenth of the labels flipped, so that there is a minimum. Below 2/λ of its"
        " sharpness gradient descent comes to it; above, at 16, it ends in a cycle, and at larger"
        " steps it leaps about for ever, its loss in proportion to the step.",
        EDGE.set({"corruption": 0.1}),
        100,
        plots=("loss", "ratio", "sharpness", "accuracy"),
        x="log-step",
    ),
}


def judge_separable(runs: Sequence[Run]) -> Verdict:
    """All step sizes end on a falling loss below the threshold, also those that began above it."""
    (arm,) = runs[0].arms.values()
    _, loss = arm.record["train_loss"]
    _, ratio = arm.record["ratio"]
    start, end = by_rate(arm, ratio[0]), by_rate(arm, ratio[-1])
    last = by_rate(arm, loss[-1])
    falls = (np.diff(loss[len(loss) // 2 :], axis=0) < 0).all()
    holds = bool(
        max(start[max(start)]) > 100
        and start[min(start)].max() < 1
        and max(v.max() for v in end.values()) < 0.1
        and falls
        and not arm.diverged
        and max(v.max() for v in last.values()) < 0.05
        and (np.diff(np.stack(list(last.values())), axis=0) < 0).all()
    )
    return Verdict(
        holds,
        f"sharpness / threshold at first {each(start)}, at last {each(end)}; last loss {each(last)};"
        f" in the second half it {'falls at every step' if falls else 'rises'}",
        "at first below 1 to above 100, at last below 0.1; falling, and lower at every larger step",
    )


def judge_cycles(runs: Sequence[Run]) -> Verdict:
    """Below the threshold at the minimum it converges; above it cycles: at 16 with period 2."""
    (arm,) = runs[0].arms.values()
    _, loss = arm.record["train_loss"]
    late = loss[-300:]
    swing, apart = by_rate(arm, np.ptp(late, 0)), by_rate(arm, np.abs(late[-1] - late[-3]))
    rises = by_rate(arm, (np.diff(late, axis=0) > 1e-12).mean(0))
    calm, wild = [a for a in swing if a <= 4], [a for a in swing if a >= 16]
    if not calm or len(wild) < 3:
        return Verdict(False, f"step sizes {list(swing)}", "some up to 4, three from 16 on")
    scale = by_rate(arm, late.mean(0) / arm.knob("lr"))
    holds = bool(
        max(swing[a].max() for a in calm) < 1e-6
        and min(swing[a].min() for a in wild) > 0.01
        and min(rises[a].min() for a in wild) > 0.3
        and apart[wild[0]].max() < 1e-9
        and (np.abs(scale[wild[-1]] / scale[wild[1]] - 1) < 0.1).all()
    )
    return Verdict(
        holds,
        f"over the last 300 steps the loss swings by {each(swing)}, rises on {each(rises)} of them,"
        f" differs from that of two steps before by {each(apart)}, and is {each(scale)} of the step"
        " size on average",
        "up to 4 below 1e-6; from 16 on above 0.01 and on more than 0.3; at 16 below 1e-9; beyond,"
        " in proportion to the step size within 10%",
    )


claim = partial(claim_on, PAPER, PRESETS)
CLAIMS = (
    claim(
        "On a separable set gradient descent on the logistic loss converges at any step size: from"
        " some step on its loss falls at every step, also where it began a hundred times above 2/λ.",
        "separable-edge",
        judge_separable,
    ),
    claim(
        "On a set that is not separable, step sizes above 2/λ at the minimum never converge: they"
        " end in cycles, or leap about with a loss in proportion to the step size.",
        "cycles",
        judge_cycles,
    ),
)
__all__ = ["CITATION", "CLAIMS", "PRESETS"]
