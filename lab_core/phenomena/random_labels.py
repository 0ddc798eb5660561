"""Random labels: what a net that generalises fits when there is nothing to learn (Zhang et al. 2017).

Nets that reach a small test error on true labels also fit random ones, and pure noise, to the last
example; it takes them longer, and neither weight decay nor dropout prevents it. So the number of
weights, or the regulariser, does not say why the first kind of solution generalises.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Verdict, span, unreached
from lab_core.drawings import Arrays, Drawing, Range
from lab_core.outcomes import at_end
from lab_core.phenomena.base import Preset, beside, claim_on
from lab_core.predictions import Choice, Option
from lab_core.recipe import Recipe
from lab_core.run import Run

PAPER = "random-labels"
CITATION = (
    PAPER,
    "Zhang et al. 2017, Understanding deep learning requires rethinking generalization",
)
SEEDS = (0, 1, 2)
RANDOM = 0.9  # of ten classes: as many labels are wrong where all are drawn anew
FITTED = 0.01  # training loss

DIGITS = Recipe().set(
    {
        "data": "digits",
        "n": 200,
        "width": 128,
        "activation": "relu",
        "loss": "cross-entropy",
        "optimizer": "adam",
        "lr": 2e-3,
        "dtype": "float32",
        "steps": 300,
        "probes": (("accuracy", 5), ("test_loss", 5)),
    }
)


def latest(run: Run) -> str | None:
    """The training set that is fitted last, to a training loss of 0.01."""
    if len(run.arms) < len(SETS) or not run.done:
        return None
    steps = [run.arms[i].record.reached("train_loss", FITTED, True)[0] for i in range(len(SETS))]
    return SETS[int(np.argmax(steps))].slug


def by_share(arm: Arm) -> Arrays:
    """The last test accuracy against the share of wrong labels."""
    return np.array([r.flat()["corruption"] for r in arm.recipes]), arm.record["test_accuracy"][1][
        -1
    ]


SETS = (
    Option("true", "true labels (arm 0)", "the true labels were the hardest here."),
    Option("shuffled", "all pixels in one other order (arm 1)",
           "this net was slower on pixels in another order."),
    Option("each", "each image in an order of its own (arm 2)",
           "images that have nothing in common took the longest."),
    Option("noise", "Gaussian noise (arm 3)", "images that are all noise took the longest."),
    Option("labels", "random labels on true images (arm 4)",
           "images that look alike must get different labels; noise images are all different, and easy to"
           " tell apart."),
)  # fmt: skip

PRESETS = {
    "labels-or-noise": Preset(
        "True, random, or pure noise",
        "One net on five training sets. True labels (arm 0). All pixels in one other order (1):"
        " nothing changes, for this net does not know what lies beside what. Each image in an order"
        " of its own (2), Gaussian noise (3), random labels (4): all are fitted to the last example,"
        " later, random labels latest; and of the test set no more is right than by chance.",
        DIGITS.set(
            {
                "changes": (
                    beside(pixels="shuffled"),
                    beside(pixels="each-shuffled"),
                    beside(pixels="gaussian"),
                    beside(corruption=RANDOM),
                )
            }
        ),
        30,
        plots=("accuracy", "loss", "losses", "weight_norm"),
        question=Choice(ask="Which of the five training sets will be fitted last, to a training loss of 0.01?",
                        measure=latest, options=SETS),
    ),
    "corruption": Preset(
        "From none of the labels to all",
        "A share ξ of the labels is wrong: none, a quarter, half, three quarters, and 0.9, where they"
        " say nothing. Whatever ξ, the training set is fitted to the last example, and the accuracy on"
        " the test set falls in between. Wrong labels go in last: at ξ = 1/4 the net first gives"
        " most of these examples their true label, and then unlearns it.",
        DIGITS.set(
            {"corruption": (0.0, 0.25, 0.5, 0.75, RANDOM), "probes": (("accuracy", 5), ("corrupted", 5))}
        ),
        30,
        plots=("accuracy", "corrupted", "loss", "losses"),
        question=Drawing(
            ask="Draw the accuracy on the test set at the end against the share ξ of wrong labels.",
            measure=at_end(by_share),
            x=Range("share ξ of wrong labels", 0, 0.9),
            y=Range("test accuracy", 0, 1),
        ),
    ),
    "regularised": Preset(
        "With weight decay, with dropout",
        "Random labels: as they are (arm 0), with a weight decay of 1 (1), with half of the hidden units"
        " dropped at each step (2), with both (3): slower, but to the last example all the same. True"
        " labels, without both (4) and with (5): as good. The regularisers are not what makes the net"
        " generalise. Losses are measured with nothing dropped.",
        DIGITS.set(
            {
                "model": "dropout-mlp",
                "dropout": 0.0,
                "optimizer": "adamw",
                "lr": 3e-3,
                "weight_decay": 0.0,
                "corruption": RANDOM,
                "steps": 240,
                "changes": (
                    beside(weight_decay=1.0),
                    beside(dropout=0.5),
                    beside(weight_decay=1.0, dropout=0.5),
                    beside(corruption=0.0),
                    beside(corruption=0.0, weight_decay=1.0, dropout=0.5),
                ),
            }
        ),
        24,
        plots=("accuracy", "loss", "losses", "weight_norm"),
    ),
}  # fmt: skip


def best(arm: Arm) -> np.ndarray:
    """The largest training accuracy [R]."""
    return np.asarray(arm.record["train_accuracy"][1].max(0))


def fitted(arm: Arm) -> np.ndarray:
    """The step [R] at which the training loss was first below `FITTED`; inf for never."""
    return np.asarray(arm.record.reached("train_loss", FITTED, below=True), float)


def tested(arm: Arm) -> np.ndarray:
    """The last test accuracy [R]."""
    last = arm.record.last("test_accuracy")
    assert last is not None
    return last


def kinds(run: Run) -> dict[str, Arm]:
    """Arms by what is in their training set: its pixels, or "labels" where those are random."""
    return {
        "labels" if a.knob("corruption").min() > 0.5 else a.program.flat()["pixels"]: a
        for a in run.arms.values()
    }


def judge_fits(runs: Sequence[Run]) -> Verdict:
    """All fitted; noise later than true labels, random labels latest; only the rule generalises."""
    arms = kinds(runs[0])
    if set(arms) != {"true", "shuffled", "each-shuffled", "gaussian", "labels"}:
        return Verdict(False, f"training sets {', '.join(arms)}", "five of them")
    right = {kind: best(arm) for kind, arm in arms.items()}
    steps = {kind: fitted(arm) for kind, arm in arms.items()}
    if refusal := unreached(*steps.values()):
        return refusal
    later = {kind: each / steps["true"] for kind, each in steps.items() if kind != "true"}
    test = {kind: tested(arm) for kind, arm in arms.items()}
    chance = np.concatenate([test[kind] for kind in ("each-shuffled", "gaussian", "labels")])
    noise = np.concatenate([later["each-shuffled"], later["gaussian"]])
    holds = bool(
        min(each.min() for each in right.values()) == 1
        and np.abs(later["shuffled"] - 1).max() < 0.25
        and noise.min() > 1.2
        and later["labels"].min() > 2
        and (later["labels"] > 1.2 * np.maximum(later["each-shuffled"], later["gaussian"])).all()
        and min(test["true"].min(), test["shuffled"].min()) > 0.85
        and chance.max() < 0.2
    )
    return Verdict(
        holds,
        f"least training accuracy {min(each.min() for each in right.values()):.3g}; to a loss of"
        f" {FITTED:g} true labels take {span(steps['true'])} steps, one order of pixels"
        f" {span(later['shuffled'])} times as many, noise {span(noise)}, random labels"
        f" {span(later['labels'])}; on the test set right: true labels {span(test['true'])}, one order"
        f" {span(test['shuffled'])}, noise and random labels {span(chance)}",
        "1; 1 within 25%, over 1.2, over 2 and over 1.2 times that of noise; over 0.85, below 0.2",
    )


def judge_corruption(runs: Sequence[Run]) -> Verdict:
    """All fitted; test accuracy falls with the share of wrong labels; the truth comes first."""
    (arm,) = runs[0].arms.values()
    share, seed, test = arm.knob("corruption"), arm.knob("seed"), tested(arm)
    levels = np.unique(share)
    if len(levels) < 3 or levels[0] > 0:
        return Verdict(False, f"shares {levels.tolist()}", "three, 0 among them")
    rows = np.array([[test[(share == s) & (seed == k)][0] for s in levels] for k in set(seed)])
    few = share == levels[1]
    true, wrong = (arm.record[f"corrupted_{name}"][1][:, few] for name in ("true", "fitted"))
    holds = bool(
        best(arm).min() == 1
        and (np.diff(rows, axis=1) < 0).all()
        and rows[:, -1].max() < 0.2 < 0.85 < rows[:, 0].min()
        and true.max(0).min() > 0.5
        and true[-1].max() < 0.05
        and wrong[-1].min() == 1
    )
    at = "; ".join(f"{s:g}: {span(rows[:, i])}" for i, s in enumerate(levels))
    return Verdict(
        holds,
        f"least training accuracy {best(arm).min():.3g}; test accuracy at ξ = {at}; at ξ ="
        f" {levels[1]:g} up to {span(true.max(0))} of the wrongly labelled are given their true label,"
        f" at the end {span(true[-1])}",
        "1; falling in every seed, from over 0.85 to below 0.2; over 0.5, then below 0.05",
    )


def judge_regularised(runs: Sequence[Run]) -> Verdict:
    """Random labels are fitted under every regulariser; on true labels none is what matters."""
    each: dict[tuple[bool, bool, bool], Arm] = {
        tuple(bool(arm.knob(n).max() > 0) for n in ("corruption", "weight_decay", "dropout")): arm  # type: ignore[misc]
        for arm in runs[0].arms.values()
    }
    random = {key: arm for key, arm in each.items() if key[0]}
    true = [arm for key, arm in each.items() if not key[0]]
    if len(random) < 4 or len(true) < 2:
        return Verdict(
            False, f"{len(random)} kinds of regularisers, {len(true)} on true labels", "4, 2"
        )
    steps = {
        key: np.asarray(arm.record.reached("train_accuracy", 1.0), float)
        for key, arm in random.items()
    }
    if refusal := unreached(*steps.values()):
        return refusal
    bare, both = steps[True, False, False], steps[True, True, True]
    chance, test = (
        np.array([tested(a) for a in random.values()]),
        np.array([tested(a) for a in true]),
    )
    apart = np.ptp(test, axis=0)
    holds = bool(
        min(best(arm).min() for arm in true) == 1
        and (both / bare).min() > 1.3
        and chance.max() < 0.2
        and test.min() > 0.85
        and apart.max() < 0.04
    )
    return Verdict(
        holds,
        f"random labels are all right after {span(bare)} steps, with both regularisers after"
        f" {span(both)}, {span(both / bare)} times as many; test accuracy {span(chance)}; on true labels"
        f" {span(test)}, with and without within {span(apart)}",
        "all; over 1.3; below 0.2; over 0.85, within 0.04",
    )


claim = partial(claim_on, PAPER, PRESETS)
CLAIMS = (
    claim(
        "A net fits random labels, shuffled pixels and Gaussian noise to the last example, random labels"
        " the latest; one that knows no neighbours does not mind another order of the pixels.",
        "labels-or-noise",
        judge_fits,
    ),
    claim(
        "Whatever share of the labels is wrong, all are fitted, and the test accuracy falls steadily;"
        " wrongly labelled examples are given their true label before their wrong one.",
        "corruption",
        judge_corruption,
    ),
    claim(
        "Weight decay and dropout delay the fitting of random labels and do not prevent it; on true"
        " labels the net generalises as well without them.",
        "regularised",
        judge_regularised,
        long=True,
    ),
)
