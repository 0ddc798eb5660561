"""Double descent along the time of training: exactly in regression that is learnt at two speeds (after
Heckel & Yilmaz 2021), in a net of two linear layers, and what a classifier with wrong labels shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Verdict, span
from lab_core.outcomes import at_end
from lab_core.phenomena.base import Preset, beside, claim_on
from lab_core.phenomena.double_descent_noise import PAPER
from lab_core.phenomena.double_descent_noise import RECIPE as CLUSTERS
from lab_core.predictions import Choice, Option
from lab_core.recipe import Recipe
from lab_core.run import Run

TEN = tuple(range(10))
TWO_SPEED = Recipe().set(
    {"data": "two-speed", "model": "linear", "optimizer": "descent-in-leaps", "steps": 61,
     "probes": (("test_loss", 1), ("speeds", 1), ("gd_steps", 1), ("weight_norm", 1))}
)  # fmt: skip
NET = Recipe().set(
    {"data": "two-speed", "slowness": 0.12, "model": "deep-linear", "width": 50, "lr": 0.1,
     "steps": 2400, "probes": (("test_loss", 10), ("weight_norm", 10), ("gradient_norm", 10)),
     "changes": (beside(model="mlp", activation="relu"),)}
)  # fmt: skip
LABELS = CLUSTERS.set(
    {"corruption": 0.2, "width": 8, "lr": 0.003, "steps": 1500,
     "probes": (("accuracy", 10), ("test_loss", 10), ("neighbours", 20)),
     "changes": (beside(width=128), beside(corruption=0.0))}
)  # fmt: skip


def course(arm: Arm) -> str:
    """What the test error of replica 0 did."""
    before, top, after = (float(part[0]) for part in turns(arm))
    return "down" if top < 1.1 * before else "up" if after > 0.9 * before else "again"


COURSES = (
    Option("down", "it falls, and stays low", "nothing was fitted that had to be unlearnt."),
    Option("up", "it falls, then rises for good: overfitting",
           "what the net fitted as noise was never corrected."),
    Option("again", "it falls, rises, and falls again to below all before",
           "the inputs that are learnt fast fit as noise what the slow ones would explain; once these"
           " are learnt, hundreds of steps later, the noise goes."),
)  # fmt: skip
PRESETS = {
    "two-speed": Preset(
        "Down, up and down in time",
        "A linear model of 70 inputs that gradient descent learns fast and 10 that it learns slowly."
        " In three steps the fast ones have fitted what they can; then they fit as noise what the"
        " slow ones would explain, and the test error rises, for some three hundred steps, to more than"
        " where it began. Then the slow ones are learnt, and it falls to a tenth. Every tenth leap"
        " takes ten times as many steps; each is exact.",
        TWO_SPEED,
        6,
        plots=("losses", "speeds", "gd_steps", "weight_norm"),
        question=Choice(ask="Seventy inputs are learnt fast, ten slowly, from noisy examples. What will the"
                        " test error do in the long run?", measure=at_end(course), options=COURSES),
    ),
    "two-speed-net": Preset(
        "A net that does so too",
        "The same with two layers of weights, by plain gradient descent (the slow inputs at 0.12 of"
        " the scale). Without an activation between them the test error falls, rises and falls again"
        " to a tenth. The second arm has ReLUs between: it fits the examples through other functions"
        " before the slow inputs count, and there is no second descent.",
        NET,
        200,
        plots=("losses", "weight_norm", "gradient_norm", "sharpness"),
        x="log-step",
    ),
    "labels-in-time": Preset(
        "A classifier that does not",
        "Five clusters, a fifth of the labels wrong: widths 8 and 128, and without wrong labels. With"
        " them the test error falls within fifty steps, rises as the wrong labels are learnt, and stays"
        " up: a U, with no second descent by the end, at any width that was tried.",
        LABELS,
        120,
        plots=("accuracy", "losses", "recovered", "weight_norm"),
    ),
}  # fmt: skip


def turns(arm: Arm) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the mean squared test error [R]: the least before the peak, the peak, the least after; the peak
    is the largest after the first tenth of the measurements.
    """
    _, loss = arm.record["test_loss"]
    error, skip = 2 * loss, 10
    at = skip + error[skip:].argmax(0)
    found = [
        (column[:i].min(), column[i], column[i:].min())
        for column, i in zip(error.T, at, strict=True)
    ]
    before, top, after = np.array(found).T
    return before, top, after


def told(before: np.ndarray, top: np.ndarray, after: np.ndarray) -> str:
    return f"test error down to {span(before)}, up to {span(top)}, down to {span(after)}"


def judge_two_speed(runs: Sequence[Run]) -> Verdict:
    """A rise and a second descent below the first, in each seed; the rise is of the fast weights and the
    end of the slow ones.
    """
    arm = runs[0].arms[0]
    before, top, after = turns(arm)
    _, fast = arm.record["error_fast"]
    _, slow = arm.record["error_slow"]
    if not len(fast):
        return Verdict(False, "no inputs of two speeds", "inputs of two speeds")
    holds = bool(
        (top > 1.4 * before).all() and (after < 0.4 * before).all()
        and (fast.max(0) > 2 * (before - slow[0])).all() and (slow[-1] < 0.2 * slow[0]).all()
    )  # fmt: skip
    return Verdict(
        holds,
        f"{told(before, top, after)}; that of the fast weights from {span(before - slow[0])} up to"
        f" {span(fast.max(0))}, that of the slow ones from {span(slow[0])} to {span(slow[-1])}",
        "up by 1.4 times, down to 0.4; by 2 times; to a fifth",
    )


def judge_net(runs: Sequence[Run]) -> Verdict:
    """The linear net has a rise and a second descent below the first, the ReLU net no second descent."""
    arms = list(runs[0].arms.values())
    if len(arms) < 2:
        return Verdict(False, f"{len(arms)} arm", "a linear net beside one with ReLUs")
    before, top, after = turns(arms[0])
    last = arms[1].record["test_loss"][1]
    stays = last[-1] / last.min(0)
    holds = bool((top > 1.2 * before).all() and (after < 0.4 * before).all() and stays.min() > 1.02
                 and 2 * last[-1].min() > 1)  # fmt: skip
    return Verdict(
        holds,
        f"linear net: {told(before, top, after)}; with ReLUs it ends at {span(2 * last[-1])},"
        f" {span(stays)} times its least",
        "up by 1.2 times, down to 0.4; above 1, and above its least",
    )


def judge_labels(runs: Sequence[Run]) -> Verdict:
    """With wrong labels the test error at the end is above its least and it has not come down again; without
    them it is near it.
    """
    rises: dict[float, list[np.ndarray]] = {}
    late = []
    for arm in runs[0].arms.values():
        wrong = 1 - arm.record["test_accuracy"][1]
        share = float(arm.knob("corruption")[0])
        rises.setdefault(share, []).append(wrong[-1] - wrong.min(0))
        if share:
            late.append(wrong[len(wrong) // 2 :].max(0) - wrong[-1])
    if len(rises) < 2 or 0.0 not in rises:
        return Verdict(False, f"wrong labels {list(rises)}", "some beside none")
    noisy = np.array([r for share, each in rises.items() if share for r in each])
    clean = np.array(rises[0.0])
    holds = bool(noisy.min() > 0.05 and clean.max() < 0.05 and np.max(late) < 0.05)
    return Verdict(
        holds,
        f"at the end {span(noisy)} above the least, {span(clean)} without wrong labels; from the worst of the"
        f" second half it came down by {span(late)}",
        "over 0.05; below 0.05; below 0.05",
    )


CLAIMS = (
    claim_on(
        PAPER,
        PRESETS,
        "In two-speed regression the test error of gradient descent falls, rises and falls again, to"
        " far below its first minimum.",
        "two-speed",
        judge_two_speed,
        TEN,
    ),
    claim_on(
        PAPER,
        PRESETS,
        "A two-layer linear net on the same data has a second descent in time; one with ReLUs has none.",
        "two-speed-net",
        judge_net,
        long=True,
    ),
    claim_on(
        PAPER,
        PRESETS,
        "A classifier with wrong labels first learns the true ones and then the wrong ones; its test"
        " error stays up, without a second descent.",
        "labels-in-time",
        judge_labels,
    ),
)
