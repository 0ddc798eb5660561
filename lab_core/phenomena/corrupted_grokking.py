"""Grokking with wrong labels (Doshi et al. 2024): a net can know the rule and the exceptions by heart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.claims import Claim, Verdict, span
from lab_core.phenomena.base import Preset
from lab_core.recipe import Recipe
from lab_core.run import Run

PAPER = "corrupted-grokking"
CITATION = (PAPER, "Doshi et al. 2024, To Grok or Not to Grok: Disentangling Generalization and"
            " Memorization on Corrupted Algorithmic Datasets")  # fmt: skip
SEEDS = (0, 1, 2)
SHARE = 0.1
CORRUPTED = Recipe().set(
    {
        "data": "modular",
        "p": 37,
        "fraction": 0.7,
        "corruption": SHARE,
        "model": "pair-mlp",
        "width": 256,
        "optimizer": "adamw",
        "lr": 5e-3,
        "beta2": 0.98,
        "weight_decay": 1.0,
        "dtype": "float32",
        "steps": 300,
        "probes": (("accuracy", 5), ("corrupted", 5), ("pruned", 50), ("neurons", 50)),
    }
)

PRESETS = {
    "corrupted": Preset(
        "One label in ten is wrong",
        "The net gives every wrong label back as it was told, and yet every pair it never saw right:"
        " the rule lives in periodic neurons, the exceptions in the others. Prune those (fourth"
        " plot), and the wrong labels are put right.",
        CORRUPTED,
        30,
        plots=("accuracy", "corrupted", "neurons", "pruned"),
    ),
    "corrupted-decay": Preset(
        "Forgetting the exceptions",
        "With a weight decay of 1 the exceptions stay. With one of 8 training"
        " accuracy reaches 100%, and then falls, all at once, to the 90% that are labelled right.",
        CORRUPTED.set({"weight_decay": (1.0, 8.0)}),
        30,
        plots=("accuracy", "corrupted", "neurons", "pruned"),
    ),
}


def judge_coexistence(runs: Sequence[Run]) -> Verdict:
    """At the end all training labels are fitted, the wrong ones too, and clean test data are right;
    without the least periodic neurons the wrong labels are not, and are put right.
    """
    record = runs[0].arms[0].record
    columns = ("train_accuracy", "test_accuracy", "corrupted_fitted", "pruned_fitted",
               "pruned_true", "pruned_test")  # fmt: skip
    train, test, fitted, pruned, true, pruned_test = (record[c][1][-1] for c in columns)
    holds = (
        train.min() > 0.995
        and test.min() > 0.97
        and fitted.min() > 0.97
        and pruned.max() < 0.15
        and true.min() > 0.85
        and (pruned_test >= test - 0.02).all()
    )
    return Verdict(
        bool(holds),
        f"train {span(train)}, test {span(test)}, wrong labels given back {span(fitted)}; without"
        f" the aperiodic neurons {span(pruned, 2)} of them, {span(true, 2)} as is true, test"
        f" {span(pruned_test)}",
        "above 0.995, 0.97, 0.97; below 0.15, above 0.85, at most 0.02 less",
    )


def judge_second_stage(runs: Sequence[Run]) -> Verdict:
    """With strong decay train accuracy peaks near 1, then falls to 1 - share within 60 steps; with
    weak decay it stays.
    """
    (arm,) = runs[0].arms.values()
    decay = np.array([r.optimizer.weight_decay for r in arm.recipes])
    weak, strong = decay == decay.min(), decay == decay.max()
    steps, train = arm.record["train_accuracy"]
    test = arm.record["test_accuracy"][1][-1]
    middle = 1 - arm.program.flat()["corruption"] / 2
    peak, end = train.max(0), train[-1]
    after = (train < middle) & (np.arange(len(steps))[:, None] > train.argmax(0))
    fall = np.where(after.any(0), steps[after.argmax(0)] - steps[train.argmax(0)], np.inf)
    holds = (
        peak.min() > 0.99
        and end[weak].min() > 0.995
        and np.abs(end[strong] - (2 * middle - 1)).max() < 0.01
        and fall[strong].max() <= 60
        and test.min() > 0.97
    )
    return Verdict(
        bool(holds),
        f"train accuracy peaks at {span(peak)}; weak decay: ends at {span(end[weak])}; strong:"
        f" {span(end[strong])}, half of the way down {span(fall[strong])} steps after its peak; test"
        f" {span(test)}",
        "above 0.99; above 0.995; 1 less the share of wrong labels, within 60; above 0.97",
    )


CLAIMS = (
    Claim(PAPER, "A net can fit every wrong label and yet be right on all clean test data; pruning the"
          " neurons that are not periodic takes the wrong labels away, and only those.",
          (CORRUPTED.set({"seed": SEEDS}),), judge_coexistence, "corrupted"),
    Claim(PAPER, "With weight decay training accuracy reaches 100% and then falls suddenly to the share"
          " of the labels that are right.",
          (PRESETS["corrupted-decay"].recipe.set({"seed": SEEDS}),), judge_second_stage,
          "corrupted-decay", long=True),
)  # fmt: skip
