"""Deep learning through a telescoping lens (Jeffares et al. 2024): a net as the sum of its steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.claims import Claim, Verdict, span
from lab_core.phenomena.base import Preset
from lab_core.phenomena.pairs import PAIRS
from lab_core.recipe import Branch, Recipe
from lab_core.run import Run

PAPER = "telescoping-lens"
CITATION = (PAPER, "Jeffares et al. 2024, Deep Learning Through a Telescoping Lens: A Simple Model"
            " Provides Empirical Insights on Grokking, Gradient Boosting and Beyond")  # fmt: skip
SEEDS = (0, 1, 2)
RATES = (5e-3, 1e-2, 2e-2)

PRESETS = {
    "telescope": Preset(
        "A network as a sum of small steps",
        "Take the first-order change of the outputs at each step, and add them up: the sum groks"
        " with the net, within a few percent. Half the learning rate, half the error at the same"
        " training time.",
        PAIRS.set(
            {
                "p": 23,
                "fraction": 0.6,
                "lr": RATES,
                "dtype": "float64",
                "steps": 601,
                "probes": (("accuracy", 10), ("test_loss", 10), ("telescope", 1)),
            }
        ),  # fmt: skip
        60,
        plots=("accuracy", "losses", "telescope", "correctness"),
        x="time",
    ),
    "parameters": Preset(
        "How many parameters does it use?",
        "From a small start (init scale 1) the net uses as many on unseen points as on its examples. From"
        " a large one (6) it comes to use more: its test loss turns and rises. On the simpler"
        " polynomial of arm 1 it uses just as many more, and the test loss falls all the same: the"
        " count knows the net, not the targets.",
        Recipe().set(
            {
                "data": "chebyshev",
                "n": 12,
                "width": 100,
                "init_scale": (1.0, 6.0),
                "lr": 0.02,
                "steps": 6000,
                "probes": (("test_loss", 20), ("parameters", 20)),
                "changes": (Branch(0, 0, (("degree", 3),), from_start=True),),
            }
        ),  # fmt: skip
        500,
        plots=("losses", "parameters", "loss", "weight_norm"),
        x="log-step",
    ),
}


def judge_telescope(runs: Sequence[Run]) -> Verdict:
    """At one training time, the sum of learning rates that the smallest ends with, the net has begun
    to generalise, and the error is small and falls with the learning rate; the sum has the net's accuracy.
    """
    arm = runs[0].arms[0]
    record, lr = arm.record, arm.knob("lr")
    rates = sorted(set(lr))
    if len(rates) < 2:
        return Verdict(False, f"all at lr {rates[0]:g}", "several learning rates")
    steps, error = record["telescope_error"]
    time = rates[0] * steps[-1]
    at = [int(np.searchsorted(steps, round(time / rate))) for rate in rates]
    of = [error[i, lr == rate] for i, rate in zip(at, rates, strict=True)]
    ratio = np.array(of[1:]) / np.array(of[:-1])
    _, test = record["test_accuracy"]
    model = record["telescope_accuracy"][1][:: dict(arm.program.probes)["accuracy"]]
    apart = np.abs(test - model).max()
    early, late = error.max(), error[steps >= steps[-1] / 6].max()
    holds = early < 0.2 and late < 0.1 and ratio.min() > 1.5 and apart < 0.05
    return Verdict(
        bool(holds and test[-1].min() > 0.9 and test[0].max() < 0.15),
        f"error at most {early:.2g}, in the last five sixths {late:.2g}; after training time {time:g}: "
        + ", ".join(f"{span(e, 2)} at lr {rate:g}" for e, rate in zip(of, rates, strict=True))
        + f", each {span(ratio, 2)} times that of half the rate; test accuracy"
        f" {span(test[0], 2)} at first and {span(test[-1], 2)} in the end, that of the sum at most"
        f" {apart:.2g} away",
        "below 0.2, below 0.1; above 1.5 times; below 0.15, above 0.9, less than 0.05 away",
    )


def judge_parameters(runs: Sequence[Run]) -> Verdict:
    """p_test / p_train at the end: at most 1 from the small start, well above from the large one, for
    both targets; the test loss of the large start then rises for one target and falls for the other.
    """
    hard, simple = runs[0].arms.values()
    scale = hard.knob("init_scale")
    small, large = scale == scale.min(), scale == scale.max()
    last = [{n: arm.record[n][1][-1] for n in arm.record.columns} for arm in (hard, simple)]
    gap = [end["parameters_test"] / end["parameters_train"] for end in last]
    turn = [arm.record["test_loss"][1][-1] / arm.record["test_loss"][1].min(0)
            for arm in (hard, simple)]  # fmt: skip
    miss = max(float(end["smoother_error"].max()) for end in last)
    holds = (
        miss < 0.01
        and max(g[small].max() for g in gap) < 1
        and min(g[large].min() for g in gap) > 1.1
        and turn[0][large].min() > 1.1
        and turn[1][large].max() < 1.05
        and not small[large].any()
    )
    return Verdict(
        bool(holds),
        f"the smoother reproduces the net within {miss:.2g}; parameters used on test inputs over"
        f" those on training inputs: {span([g[small] for g in gap])} from the small start,"
        f" {span([g[large] for g in gap])} from the large one, where the test loss ends at"
        f" {span(turn[0][large])} of its lowest for one target and {span(turn[1][large])} for the"
        " other",
        "0.01; below 1, above 1.1; above 1.1, below 1.05",
    )


LONG = ("telescope",)  # to check
CLAIMS = tuple(
    Claim(PAPER, sentence, (PRESETS[preset].recipe.set({"seed": SEEDS}),), judge, preset,
          preset in LONG)
    for preset, judge, sentence in (
        ("telescope", judge_telescope,
         "The sum of first-order changes follows a net through grokking, the more closely the smaller"
         " the learning rate."),
        ("parameters", judge_parameters,
         "A net that overfits uses more effective parameters on test inputs than on its examples; but"
         " not every net that does so overfits."),
    )
)  # fmt: skip
