"""Super-convergence: one cycle of a large learning rate against a constant one (Smith & Topin 2018).

At the scale of a page: the digits, a residual net of eight layers, a hundred steps. Against a
learning rate that is small, or ten times too large, one cycle is as good as the paper says; against
a constant one that was tuned there is nothing left, with many labels or with few.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Claim, Verdict, span
from lab_core.outcomes import at_end, series
from lab_core.phenomena.base import Preset, beside, claim_on
from lab_core.phenomena.step_sizes import by_rate, each
from lab_core.predictions import Step
from lab_core.recipe import Recipe
from lab_core.run import Run

PAPER = "super-convergence"
CITATION = (
    PAPER,
    "Smith & Topin 2018, Super-Convergence: Very Fast Training of Neural Networks Using Large"
    " Learning Rates",
)
SEEDS = (0, 1, 2)
MANY, FEW = 1200, 120
SMALL, TUNED, LARGE = 0.003, 0.03, 0.3
CYCLE = {"schedule": "one-cycle", "peak": 0.45, "start_divisor": 10.0}

RESIDUAL = Recipe().set(
    {
        "data": "digits",
        "n": MANY,
        "model": "residual-mlp",
        "width": 64,
        "depth": 8,
        "loss": "cross-entropy",
        "optimizer": "heavy-ball",
        "beta": 0.9,
        "batch_size": 64,
        "dtype": "float32",
        "lr": (SMALL, TUNED, LARGE),
        "steps": 60,
        "probes": (("accuracy", 5), ("test_loss", 5)),
        "changes": (beside(**CYCLE),),
    }
)


def lowest(arm: Arm) -> int:
    """The step at which the training loss is lowest."""
    steps, loss = series(arm, "train_loss")
    return int(steps[np.nanargmin(loss)])


PRESETS = {
    "one-cycle": Preset(
        "One cycle against a constant rate",
        "Three learning rates, constant (arm 0) and as the peak of one cycle up and down (arm 1), in 60"
        " steps. At 0.3, ten times the best constant rate, a constant one ends at 77 to 87% of the"
        " test set and the cycle at 90 to 92%. At the best rate the two end alike: the cycle forgives a rate"
        " that is too large, and it is no faster than one that was tuned.",
        RESIDUAL,
        6,
        plots=("accuracy", "loss", "losses", "weight_norm"),
    ),
    "few-labels": Preset(
        "With few labels",
        "The same with 120 labels instead of 1200. The paper sees the larger gain where labels are few."
        " Here there is none: at the best rates the two end alike again.",
        RESIDUAL.set({"n": FEW}),
        6,
        plots=("accuracy", "loss", "losses", "weight_norm"),
    ),
    "range-test": Preset(
        "A learning rate range test",
        "The rate grows linearly from 0 to 1 over 200 steps, and so the step says the rate: step 20 is"
        " 0.1. The loss falls at first, at some rate stops falling, and then rises. Where it is lowest is"
        " the largest rate to use: read it off before you choose one.",
        RESIDUAL.set(
            {
                "lr": 1.0,
                "schedule": "warmup",
                "warmup": 200,
                "steps": 200,
                "probes": (("accuracy", 4), ("test_loss", 4)),
                "changes": (),
            }
        ),
        20,
        plots=("loss", "accuracy", "losses", "weight_norm"),
        question=Step(ask="At which step will the training loss be lowest?", measure=at_end(lowest), high=200,
                      place=0),
    ),
}  # fmt: skip


def last(arm: Arm, column: str = "test_accuracy") -> np.ndarray:
    """A column [R] as last measured before it diverged; a net that guesses where it did so at once."""
    values = arm.record[column][1]
    rows = np.where(np.isfinite(values[-1]), values[-1], 0.1)
    return np.asarray(rows)


def both(run: Run) -> tuple[Arm, Arm] | None:
    """The arm with a constant rate and the one with a cycle."""
    arms = list(run.arms.values())
    if len(arms) != 2 or [hasattr(a.program.schedule, "peak") for a in arms] != [False, True]:
        return None
    return arms[0], arms[1]


def best(values: dict[float, np.ndarray]) -> tuple[float, np.ndarray]:
    """The rate with the best mean over the seeds, and what was reached at it."""
    at = max(values, key=lambda a: values[a].mean())
    return at, values[at]


def judge_cycle(runs: Sequence[Run]) -> Verdict:
    """At a rate that is too large the cycle is better, at the best ones it is not; and where there is a
    longer run at a small constant rate, both are as good as that in a fraction of its steps.
    """
    arms = both(runs[0])
    if arms is None:
        return Verdict(False, "not a constant rate beside a cycle", "both")
    constant, cycle = (by_rate(a, last(a)) for a in arms)
    large = max(constant)
    (a, tuned), (b, cycled) = best(constant), best(cycle)
    gain, apart = cycle[large] - constant[large], float(cycled.mean() - tuned.mean())
    slow = [(run.base.steps, run.arms[0].knob("lr").max(), last(run.arms[0])) for run in runs[1:]]
    holds = bool(
        gain.min() > 0.03
        and large > 5 * a
        and abs(apart) < 0.02
        and all(3 * runs[0].base.steps < T and lr < a / 5 for T, lr, _ in slow)
        and all(min(cycled.mean(), tuned.mean()) > there.mean() - 0.01 for *_, there in slow)
    )
    longer = "".join(f"; {lr:g} constant in {T} steps {span(there)}" for T, lr, there in slow)
    return Verdict(
        holds,
        f"test accuracy in {runs[0].base.steps} steps, constant: {each(constant)}; one cycle:"
        f" {each(cycle)}; at {large:g} the cycle gains {span(gain)}, at the best rates ({a:g} and {b:g})"
        f" {apart:+.3f} in the mean{longer}",
        "over 0.03 in every seed at over 5 times the best constant rate; within 0.02; as good as a small"
        " rate in over 3 times the steps, to 0.01",
    )


def judge_few(runs: Sequence[Run]) -> Verdict:
    """With few labels there is no gain over a tuned constant rate."""
    arms = both(runs[0])
    if arms is None:
        return Verdict(False, "not a constant rate beside a cycle", "both")
    constant, cycle = (by_rate(a, last(a)) for a in arms)
    (a, tuned), (b, cycled) = best(constant), best(cycle)
    apart = float(cycled.mean() - tuned.mean())
    n = arms[0].N
    return Verdict(
        bool(abs(apart) < 0.02 and n < 200 and tuned.min() > 0.7),
        f"with {n} labels, test accuracy, constant: {each(constant)}; one cycle: {each(cycle)}; at the"
        f" best rates ({a:g} and {b:g}) {apart:+.3f} in the mean",
        "fewer than 200 labels; within 0.02",
    )


def judge_range(runs: Sequence[Run]) -> Verdict:
    """The loss falls, is lowest at some rate in between, and rises again."""
    (arm,) = runs[0].arms.values()
    _, loss = arm.record["train_loss"]
    if np.isnan(loss).any():
        return Verdict(False, "a run that diverged", "a loss at every rate")
    _, rates = arm.record["lr"]
    at = rates[loss.argmin(0), np.arange(arm.R)]
    falls, rises = loss[0] / loss.min(0), loss[-10:].mean(0) / loss.min(0)
    return Verdict(
        bool(falls.min() > 4 and rises.min() > 2 and at.min() > 0.02 and at.max() < 0.6),
        f"the loss falls {span(falls)}-fold to a rate of {span(at)}, and is {span(rises)} times as high at"
        " the end",
        "over 4-fold; at 0.02 to 0.6; over twice",
    )


claim = partial(claim_on, PAPER, PRESETS)
CLAIMS: tuple[Claim, ...] = (
    Claim(
        PAPER,
        "At ten times the best constant learning rate one cycle generalises and a constant rate does"
        " not; at the best rate of each, one is as good as the other, and as a small constant rate in"
        " over six times the steps.",
        (
            PRESETS["one-cycle"].recipe.set({"seed": SEEDS}),
            RESIDUAL.set({"seed": SEEDS, "lr": SMALL, "steps": 400, "changes": (),
                          "probes": (("accuracy", 19),)}),
        ),
        judge_cycle,
        "one-cycle",
        long=True,
    ),
    claim(
        "With few labels one cycle gains no more: nothing, against a constant rate that was tuned.",
        "few-labels",
        judge_few,
    ),
    claim(
        "In a range test the loss falls, is lowest at a rate in between, and rises beyond.",
        "range-test",
        judge_range,
    ),
)  # fmt: skip
__all__ = ["CITATION", "CLAIMS", "PRESETS"]
