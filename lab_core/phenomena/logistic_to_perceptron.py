"""Logistic regression with large steps becomes the perceptron (Tyurin 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lab_core.claims import Verdict, span, unreached
from lab_core.phenomena.base import Preset, beside, claim_on
from lab_core.phenomena.step_sizes import LARGEST, LOGISTIC, by_rate, each, separated
from lab_core.run import Run

PAPER = "logistic-to-perceptron"
CITATION = (
    PAPER,
    "Tyurin 2024, From Logistic Regression to the Perceptron Algorithm: Exploring Gradient Descent"
    " with Large Step Sizes",
)
RATES = (0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6)
BESIDE = beside(loss="perceptron")

HARD = LOGISTIC.set({"data": "hard-set", "n": 50, "init_scale": 1e-3, "lr": 1e6, "steps": 400})
SIZES = (50, 200, 800)

PRESETS = {
    "step-sizes": Preset(
        "The larger, the sooner",
        "200 separable examples in 20 dimensions, step sizes from 0.01 to a million. Up to 10, ten"
        " times the step needs a tenth of the steps to the last training error (0.01 does not get"
        " there in this run); from 10 on all need a handful. The loss says the opposite: from 1000"
        " on it jumps, the higher the larger the step, while the errors go.",
        LOGISTIC.set(
            {"lr": RATES, "steps": 1600, "probes": (("accuracy", 1), ("margin", 1))}
        ),  # fmt: skip
        160,
        plots=("train_error", "loss", "margin", "angle"),
        x="log-step",
        question=LARGEST,
    ),
    "perceptron": Preset(
        "It is the perceptron",
        "Divided by the step size γ, the weights of logistic regression come to those of the batch"
        " perceptron as γ grows: at a million they agree to ten digits. Arm 1 is the perceptron"
        " itself, gradient descent on max(0, −yf), whose step size is no more than a unit of length.",
        LOGISTIC.set({"lr": (10.0, 100.0, 1e4, 1e6), "steps": 12, "changes": (BESIDE,)}),
        1.2,
        plots=("perceptron", "perceptron_cosine", "train_error", "loss"),
    ),
    "hard-set": Preset(
        "Where the perceptron is slow",
        "n − 1 copies of one example and a single one that disagrees: the perceptron, and so large"
        " steps, need 0.42 n steps (arms 0 to 2: n = 50, 200, 800). Normalised gradient descent, which"
        " divides by the slope of the loss, needs two for any n (arms 3 and 4).",
        HARD.set(
            {
                "seed": 1,
                "probes": (("accuracy", 1), ("margin", 1)),
                "changes": (
                    *(beside(n=n) for n in SIZES[1:]),
                    *(beside(optimizer="normalised-gd", lr=1e6, n=n) for n in (50, 800)),
                ),
            }
        ),
        40,
        plots=("train_error", "margin", "loss", "angle"),
        x="log-step",
    ),
    "digits": Preset(
        "Handwritten 3 against 8",
        "The same on real data: a larger step needs fewer steps up to about 10, then as many as the"
        " perceptron (arm 1), whatever it is; its loss meanwhile is up to a million times as high.",
        LOGISTIC.set(
            {
                "data": "digit-pair",
                "lr": (1.0, 10.0, 100.0, 1e4, 1e6),
                "steps": 300,
                "changes": (BESIDE,),
            }
        ),  # fmt: skip
        30,
        plots=("train_error", "loss", "perceptron_cosine", "margin"),
        x="log-step",
    ),
    "plane": Preset(
        "The boundary, seen",
        "100 examples in the plane, ten times as wide as high. The first step points along the"
        " cloud; then the boundary turns for a while until it separates. At 10 and at a million it"
        " takes about as long, at 0.1 longer than this run. Arm 1 is SGD on ten examples a step.",
        LOGISTIC.set(
            {
                "n": 100,
                "dim": 2,
                "margin": 0.05,
                "stretch": 10.0,
                "lr": (0.1, 10.0, 1e6),
                "steps": 300,
                "probes": (("accuracy", 1), ("margin", 1), ("boundary", 1)),
                "changes": (beside(batch_size=10),),
            }
        ),
        30,
        plots=("boundary", "train_error", "angle", "margin"),
    ),
}


def judge_sooner(runs: Sequence[Run]) -> Verdict:
    """Inversely as the step size up to 1, then level, and the smallest does not get there."""
    (arm,) = runs[0].arms.values()
    steps = by_rate(arm, separated(arm))
    if not {0.01, 0.1, 1.0, 10.0, 1e6} <= set(steps):
        return Verdict(False, f"step sizes {list(steps)}", "0.01, 0.1, 1, 10 and 1e6 among them")
    if missing := unreached(steps[0.1], steps[1.0]):
        return missing
    decade, level = steps[0.1] / steps[1.0], np.stack([v for a, v in steps.items() if a >= 10])
    holds = bool(
        np.isfinite(level).all()
        and np.isinf(steps[0.01]).all()
        and ((decade >= 9) & (decade <= 11)).all()
        and (level.max(0) * 4 < steps[1.0]).all()
        and level.max() <= 15
    )
    return Verdict(
        holds,
        f"steps to the last error: {each(steps)}; 0.1 needs {span(decade)} times those of 1",
        "9 to 11 times; from 10 on at most 15, below a quarter of those of 1",
    )


def judge_loss(runs: Sequence[Run]) -> Verdict:
    """Above 1000 the loss jumps, ten times as high for ten times the step; up to 1 it only falls."""
    (arm,) = runs[0].arms.values()
    _, loss = arm.record["train_loss"]
    peak, rises = by_rate(arm, loss.max(0)), by_rate(arm, (np.diff(loss, axis=0) > 0).sum(0))
    large, small = [a for a in peak if a >= 1e3], [a for a in peak if a <= 1]
    if len(large) < 2 or not small:
        return Verdict(False, f"step sizes {list(peak)}", "some up to 1, two from 1000 on")
    steps = by_rate(arm, separated(arm))
    growth = np.stack([peak[b] / peak[a] * (a / b) for a, b in zip(large, large[1:], strict=False)])
    holds = bool(
        min(peak[a].min() for a in large) > 1.5 * np.log(2)
        and np.abs(growth - 1).max() < 0.1
        and min(rises[a].min() for a in large) > 0 == max(rises[a].max() for a in small)
        and all((steps[a] < steps[1.0]).all() for a in large)
    )
    return Verdict(
        holds,
        f"highest loss {each(peak)}; steps on which it rose {each(rises)}",
        "from 1000 on above the start, in proportion to the step size and not monotone, with fewer"
        " steps to the last error; up to 1 at the start and monotone",
    )


def judge_perceptron(runs: Sequence[Run]) -> Verdict:
    """Up to the last error w / lr of the largest step is the perceptron's; of smaller ones it is not."""
    arm, beside = runs[0].arms.values()
    _, distance = arm.record["perceptron_distance"]
    _, cosine = arm.record["perceptron_cosine"]
    steps, theirs = separated(arm), separated(beside)
    until = np.where(np.isfinite(steps), steps, arm.t - 1).astype(int)
    worst = by_rate(arm, np.array([distance[1 : t + 1, r].max() for r, t in enumerate(until)]))
    least = by_rate(arm, np.array([cosine[1 : t + 1, r].min() for r, t in enumerate(until)]))
    last, first = max(worst), min(worst)
    largest, exact = arm.knob("lr") == last, beside.record["perceptron_distance"][1][1:].max()
    holds = bool(
        last > first
        and exact < 1e-12
        and np.isfinite(steps[largest]).all()
        and (steps[largest] == theirs[largest]).all()
        and worst[last].max() < 1e-6
        and least[last].min() > 1 - 1e-12
        and (worst[first] > 1e3 * worst[last]).all()
        and (least[first] < least[last]).all()
    )
    return Verdict(
        holds,
        f"relative distance of w/γ to the perceptron's weights {each(worst)}; cosine {each(least)};"
        f" steps to the last error {span(steps[largest])}, the perceptron's"
        f" {span(theirs[largest])}; GD on its loss is off by {exact:.1g}",
        "below 1e-6 at the largest step, and equal steps; a thousand times farther at the smallest",
    )


def judge_hard(runs: Sequence[Run]) -> Verdict:
    """Steps in proportion to n, and at most three for normalised descent."""
    arms = list(runs[0].arms.values())
    normal = [a.program.optimizer.label.startswith("normalised") for a in arms]
    share = {
        float(a.N): separated(a) / a.N for a, flag in zip(arms, normal, strict=True) if not flag
    }
    few = {float(a.N): separated(a) for a, flag in zip(arms, normal, strict=True) if flag}
    if len(share) < 2 or len(few) < 2:
        return Verdict(False, f"n = {list(share)} and {list(few)}", "two sizes of each method")
    shares, counts = np.stack(list(share.values())), np.stack(list(few.values()))
    holds = bool(shares.min() >= 0.41 and shares.max() <= 0.43 and counts.max() <= 3)
    return Verdict(
        holds,
        f"steps / n {each(share)}; normalised, steps {each(few)}",
        "0.41 to 0.43; at most 3",
    )


def judge_digits(runs: Sequence[Run]) -> Verdict:
    """Fewer steps up to 10, then about as many as the perceptron, exactly so at the largest."""
    arm, beside = runs[0].arms.values()
    steps, theirs = by_rate(arm, separated(arm)), separated(beside)
    _, loss = arm.record["train_loss"]
    peak = by_rate(arm, loss.max(0))
    level = np.stack([v for a, v in steps.items() if a >= 10])
    same = theirs[arm.knob("lr") == max(steps)]
    holds = bool(
        min(steps) == 1
        and np.isfinite(level).all()
        and (steps[1.0] > 2 * level.max(0)).all()
        and (np.abs(level / same - 1) < 0.25).all()
        and (level[-1] == same).all()
        and (np.diff(np.stack(list(peak.values())), axis=0) > 0).all()
    )
    return Verdict(
        holds,
        f"steps to the last error {each(steps)}, the perceptron {span(same)}; highest loss"
        f" {each(peak)}",
        "at 1 more than twice as many as from 10 on; there within 25% of the perceptron's, at the"
        " largest the same; the loss higher with every larger step",
    )


def judge_plane(runs: Sequence[Run]) -> Verdict:
    """Large steps separate, the smallest does not; the boundary turns by tens of degrees on the way."""
    arm, sampled = runs[0].arms.values()
    steps, theirs = by_rate(arm, separated(arm)), by_rate(sampled, separated(sampled))
    small, large = steps[min(steps)], np.stack([v for a, v in steps.items() if a >= 10])
    _, angle = arm.record["angle"]
    turned = by_rate(arm, angle[1] - angle[1:].min(0))
    sgd = np.stack([v for a, v in theirs.items() if a >= 10])
    holds = bool(
        len(large) > 1
        and np.isinf(small).all()
        and np.isfinite(large).all()
        and large.min() > 10
        and (np.abs(large[-1] / large[0] - 1) < 0.1).all()
        and min(v.min() for a, v in turned.items() if a >= 10) > 25
        and np.isfinite(sgd).all()
    )
    return Verdict(
        holds,
        f"steps to the last error {each(steps)}, with batches of {sampled.program.batch_size}"
        f" {each(theirs)}; the boundary turns by {each(turned)} degrees",
        "none at the smallest; from 10 on more than 10 and within 10% of each other; more than 25",
    )


claim = partial(claim_on, PAPER, PRESETS)
CLAIMS = (
    claim(
        "Larger steps of gradient descent on the logistic loss separate the training set sooner: in"
        " inverse proportion up to a step size of about 10, and no sooner beyond it.",
        "step-sizes",
        judge_sooner,
    ),
    claim(
        "Where the steps are large the logistic loss is no measure of progress: it is not monotone,"
        " and the higher the larger the step, while fewer steps are needed.",
        "step-sizes",
        judge_loss,
    ),
    claim(
        "As the step size grows, w/γ tends to the iterates of the batch perceptron, in which an"
        " example at margin 0 counts half.",
        "perceptron",
        judge_perceptron,
    ),
    # the start, of 1e-3, is what the seeds change; from some starts (seed 0) nothing is left to do
    claim(
        "The perceptron's number of steps, and so that of large steps, can grow in proportion to the"
        " number of examples; normalised gradient descent needs two.",
        "hard-set",
        judge_hard,
        (1, 2, 3),
    ),
    claim(
        "On handwritten 3 against 8 as well, larger steps need fewer steps until they are the"
        " perceptron's, at a loss up to a million times as high.",
        "digits",
        judge_digits,
    ),
    claim(
        "In the plane the boundary of large steps turns until it separates, at 10 as at a million;"
        " also with minibatches.",
        "plane",
        judge_plane,
    ),
)
