"""Where the rule of 2/lr says nothing: convex losses without a Lipschitz gradient (Kumar 2024); and
logistic regression beyond it (Wu et al. 2024; Meng et al. 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lab_core.claims import Claim, Verdict, span
from lab_core.phenomena.base import Preset
from lab_core.phenomena.logistic_to_perceptron import LOGISTIC, by_rate, each, rates
from lab_core.recipe import Branch, Recipe
from lab_core.run import Run

PAPER = "non-differentiable-gd"
CITATION = (
    PAPER,
    "Kumar 2024, GD doesn't make the cut: Three ways that non-differentiability affects neural"
    " network training",
)
SEEDS = (0, 1, 2)
EDGE = LOGISTIC.set({"lr": (1.0, 4.0, 16.0, 64.0, 1e3), "steps": 1000,
                     "probes": (("sharpness", 5), ("accuracy", 5))})  # fmt: skip
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)

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
    "power": Preset(
        "Below 2/lr, and it never converges",
        "One weight, the loss |w|^p/p that goes on linearly from |w| = 1: convex, Lipschitz and"
        " differentiable. At every step size the run ends in a cycle around the minimum, where the"
        " sharpness is p − 1 times 2/lr: here half (arm 1: a fifth). Only for p = 2 (arm 2), whose"
        " gradient is Lipschitz, does staying below the threshold mean to converge.",
        Recipe().set(
            {
                "data": "point",
                "model": "linear",
                "init_scale": 1.0,
                "loss": "power",
                "lr": (0.1, 0.3, 1.0),
                "steps": 200,
                "probes": (("sharpness", 1), ("weight_norm", 1)),
                "changes": tuple(Branch(0, 0, (("power", p),), from_start=True) for p in (1.2, 2.0)),
            }
        ),
        20,
        plots=("loss", "sharpness", "ratio", "weight_norm"),
    ),
    "lasso": Preset(
        "More penalty, more norm",
        "Least squares with an L1 penalty, by sub-gradient descent at one learning rate. A penalty up"
        " to 1 shrinks the norm |w|₁ of what it finds, as it should. Beyond, where the true minimum"
        " is w = 0, the norm grows again, in proportion to the penalty: every weight steps to and"
        " fro across 0.",
        Recipe().set(
            {
                "data": "sparse-linear",
                "n": 100,
                "dim": 50,
                "model": "linear",
                "optimizer": "lasso-gd",
                "lr": 0.01,
                "penalty": PENALTIES,
                "steps": 1500,
                "probes": (("weight_l1", 1), ("sharpness", 50), ("test_loss", 10)),
            }
        ),
        150,
        plots=("weight_l1", "losses", "ratio", "weight_norm"),
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
    scale = by_rate(arm, late.mean(0) / rates(arm))
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


def judge_power(runs: Sequence[Run]) -> Verdict:
    """Every arm ends at p - 1 of the threshold: for p < 2 in the cycle that theory gives, for p = 2 at
    the minimum.
    """
    arms = list(runs[0].arms.values())
    powers = [arm.program.loss.power for arm in arms]  # type: ignore[attr-defined]
    if 2.0 not in powers or len(set(powers)) < 3:
        return Verdict(False, f"p = {powers}", "2 and two below")
    said, holds = [], True
    for p, arm in zip(powers, arms, strict=True):
        _, ratio = arm.record["ratio"]
        size = arm.record["weight_norm"][1][-20:]
        if p == 2:
            holds &= bool(size.max() < 1e-3 and ratio.max() < 1)
            said.append(f"p = 2: |w| ends at {size.max():.1g}, sharpness at most {ratio.max():.2f}")
            continue
        expected = (rates(arm) / 2) ** (1 / (2 - p))
        off = np.abs(size / expected - 1).max()
        holds &= bool(off < 1e-3 and np.abs(ratio[-20:] / (p - 1) - 1).max() < 1e-3)
        said.append(f"p = {p:g}: sharpness {span(ratio[-20:], 4)} of 2/lr, |w| is"
                    f" (lr/2)^(1/(2 − p)) within {off:.1g}")  # fmt: skip
    return Verdict(holds, "; ".join(said), "p − 1 and 1e-3 for p < 2; 0 for p = 2, below 1 all along")


def judge_lasso(runs: Sequence[Run]) -> Verdict:
    """|w|_1 falls with the penalty, then, where the minimum is 0, grows with it as P lr / 2 of it."""
    (arm,) = runs[0].arms.values()
    penalty = np.array([r.optimizer.penalty for r in arm.recipes])  # type: ignore[attr-defined]
    norm = arm.record["weight_l1"][1][-100:].mean(0)
    zero = (arm.x.mT @ arm.y)[..., 0].abs().amax(1).numpy() / arm.N  # from this penalty on
    values = {float(p): norm[penalty == p] for p in np.unique(penalty)}
    beyond = [p for p in values if p > 2 * zero.max()]
    below = [p for p in values if p < 0.5 * zero.min()]
    if len(beyond) < 2 or len(below) < 2:
        return Verdict(False, f"penalties {list(values)}", f"two each side of {span(zero)}")
    band = arm.state.w.shape[1] * rates(arm)[0] / 2
    share = {p: values[p] / (band * p) for p in beyond}
    up, down = (np.stack([values[p] for p in side]) for side in (beyond, below))
    holds = bool(
        (np.diff(down, axis=0) < 0).all()
        and (np.diff(up, axis=0) > 0).all()
        and np.abs(np.stack(list(share.values())) - 1).max() < 0.1
        and (up[-1] > down[0]).all()
    )
    return Verdict(
        holds,
        f"the minimum is 0 from a penalty of {span(zero)} on; |w|₁ found {each(values)}; of"
        f" dim lr penalty/2 that is {each(share)}",
        "falling up to there, growing beyond, to more than at the smallest penalty; 1 within 10%",
    )


def claim(sentence: str, preset: str, judge: Callable[[Sequence[Run]], Verdict]) -> Claim:
    return Claim(PAPER, sentence, (PRESETS[preset].recipe.set({"seed": SEEDS}),), judge, preset)


CLAIMS = (
    # Wu et al. 2024: logistic loss, linear model, separable set, any constant step size
    claim(
        "On a separable set gradient descent on the logistic loss converges at any step size: from"
        " some step on its loss falls at every step, also where it began a hundred times above 2/λ.",
        "separable-edge",
        judge_separable,
    ),
    # Meng et al. 2024: not separable, step sizes above a critical one; cycles of many periods
    claim(
        "On a set that is not separable, step sizes above 2/λ at the minimum never converge: they"
        " end in cycles, or leap about with a loss in proportion to the step size.",
        "cycles",
        judge_cycles,
    ),
    claim(
        "A convex, Lipschitz, differentiable function need not converge below 2/lr: with a gradient"
        " that is not Lipschitz, gradient descent ends in a cycle at every step size, at a fixed"
        " fraction of the threshold.",
        "power",
        judge_power,
    ),
    claim(
        "With sub-gradients and a constant step size, raising the L1 penalty raises the L1 norm of"
        " the solution found, once it is as large as to make the true solution 0.",
        "lasso",
        judge_lasso,
    ),
)
