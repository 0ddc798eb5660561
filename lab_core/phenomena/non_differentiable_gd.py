"""Where the rule of 2/lr says nothing: convex losses without a Lipschitz gradient (Kumar 2024).

The paper means functions that are convex, Lipschitz and differentiable; the one here, |w|^p/p with
linear tails, is of that kind, and its cycle has a closed form. The penalty's paradox is one of a
constant step size: with one that decays to 0 the sub-gradient method finds the true solution.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lab_core.claims import Verdict, span
from lab_core.phenomena.base import Preset, beside, claim_on
from lab_core.phenomena.step_sizes import each
from lab_core.recipe import Recipe
from lab_core.run import Run

PAPER = "non-differentiable-gd"
CITATION = (
    PAPER,
    "Kumar 2024, GD doesn't make the cut: Three ways that non-differentiability affects neural"
    " network training",
)
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)

PRESETS = {
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
                "changes": tuple(beside(power=p) for p in (1.2, 2.0)),
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
        expected = (arm.knob("lr") / 2) ** (1 / (2 - p))
        off = np.abs(size / expected - 1).max()
        holds &= bool(off < 1e-3 and np.abs(ratio[-20:] / (p - 1) - 1).max() < 1e-3)
        said.append(f"p = {p:g}: sharpness {span(ratio[-20:], 4)} of 2/lr, |w| is"
                    f" (lr/2)^(1/(2 − p)) within {off:.1g}")  # fmt: skip
    return Verdict(
        holds, "; ".join(said), "p − 1 and 1e-3 for p < 2; 0 for p = 2, below 1 all along"
    )


def judge_lasso(runs: Sequence[Run]) -> Verdict:
    """|w|_1 falls with the penalty, then, where the minimum is 0, grows with it as P lr / 2 of it."""
    (arm,) = runs[0].arms.values()
    penalty = arm.knob("penalty")
    norm = arm.record["weight_l1"][1][-100:].mean(0)
    zero = (arm.x.mT @ arm.y)[..., 0].abs().amax(1).numpy() / arm.N  # from this penalty on
    values = {float(p): norm[penalty == p] for p in np.unique(penalty)}
    beyond = [p for p in values if p > 2 * zero.max()]
    below = [p for p in values if p < 0.5 * zero.min()]
    if len(beyond) < 2 or len(below) < 2:
        return Verdict(False, f"penalties {list(values)}", f"two each side of {span(zero)}")
    band = arm.state.w.shape[1] * arm.knob("lr")[0] / 2
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


claim = partial(claim_on, PAPER, PRESETS)
CLAIMS = (
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
