"""Sparse features: what large steps of SGD leave of a net (Andriushchenko et al. 2023).

While steps are large the loss does not settle, and the noise of SGD drives the weights along the
valley to sparser predictors; the longer the phase, the sparser. On a diagonal linear net without noise
on the labels that happens near the largest step size that converges. With labels of fresh noise,
with which the paper models a loss that stabilises, it goes on for as long as the steps are large.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lab_core import outcomes
from lab_core.arm import Arm
from lab_core.claims import Verdict, span
from lab_core.phenomena.base import Preset, beside, claim_on
from lab_core.phenomena.step_sizes import by_rate, each
from lab_core.predictions import Number
from lab_core.recipe import Change, Recipe
from lab_core.run import Run

PAPER = "sparse-features"
CITATION = (
    PAPER,
    "Andriushchenko et al. 2023, SGD with Large Step Sizes Learns Sparse Features",
)
SEEDS = (0, 1, 2, 3, 4)
LENGTHS = (50, 200, 1000)  # steps of the large phase, beside none

DIAGONAL = Recipe().set(
    {
        "data": "sparse-linear",
        "n": 40,
        "dim": 100,
        "model": "diagonal-linear",
        "init_scale": 0.25,
        "batch_size": 1,
        "schedule": "drop",
        "probes": (("linear_sparsity", 10),),
    }
)
PLOTS = ("teacher_error", "nonzeros", "loss", "weight_norm")

PRESETS = {
    "longer": Preset(
        "The longer, the sparser",
        "Forty examples of a teacher with three inputs out of a hundred, one example a step, every label"
        " with fresh noise while the steps are large: for no step (arm 0), 50, 200 and 1000 (arms 1 to"
        " 3). Then the step size drops to a tenth and the noise ends. All fit the examples; the longer the"
        " large steps, the fewer weights are left, and the nearer the teacher's three.",
        DIAGONAL.set(
            {
                "loss": "noisy-squared-error",
                "label_noise": 0.0,
                "lr": 0.04,
                "drop_at": 0,
                "drop_to": 0.1,
                "steps": 3000,
                "changes": (
                    *(beside(drop_at=T, label_noise=1.0) for T in LENGTHS),
                    *(Change(T, i, "label_noise", 0.0) for i, T in enumerate(LENGTHS, 1)),
                ),
            }
        ),
        250,
        plots=PLOTS,
        x="log-step",
        question=Number(
            ask="After 1,000 large steps (arm 3), how many of the hundred weights will not be 0 at the end?",
            measure=outcomes.last("nonzeros", arm=3),
            low=1,
            high=100,
            unit="weights",
            place=1,
        ),
    ),
    "larger": Preset(
        "The larger, the sparser, to the edge",
        "Plain SGD without any noise on the labels, at six step sizes, which drop to a twentieth at step"
        " 2000. Small ones end where gradient descent would, at a dense solution. Only next to the largest"
        " that converges does SGD find a sparse one; a little above it diverges.",
        DIAGONAL.set(
            {
                "lr": (0.005, 0.02, 0.03, 0.04, 0.045, 0.06),
                "drop_at": 2000,
                "drop_to": 0.05,
                "steps": 3000,
            }
        ),
        250,
        plots=PLOTS,
        x="log-step",
    ),
    "features": Preset(
        "Units that act as one",
        "A ReLU net of a hundred units on twelve points of a line with two kinks, labels with fresh noise"
        " of ±0.3. Units that are active on the same points act as one. At a small step size as many"
        " different ones are left as there were; at larger ones they join, to about half, and the"
        " function bends less.",
        Recipe().set(
            {
                "data": "kinks",
                "width": 100,
                "activation": "relu",
                "init_scale": 2.0,
                "loss": "noisy-squared-error",
                "label_noise": 0.3,
                "batch_size": 1,
                "lr": (0.005, 0.02, 0.04),
                "schedule": "drop",
                "drop_at": 5000,
                "drop_to": 0.1,
                "steps": 6000,
                "probes": (("patterns", 50), ("function", 50)),
            }
        ),
        500,
        plots=("function", "patterns", "slope_variation", "loss"),
    ),
}


def last(arm: Arm, column: str) -> np.ndarray:
    """A column [R] as last measured."""
    found = arm.record.last(column)
    assert found is not None
    return found


def judge_longer(runs: Sequence[Run]) -> Verdict:
    """Error and number of weights fall strictly with the length of the large phase, in every seed."""
    arms = sorted(runs[0].arms.values(), key=lambda a: float(a.program.flat()["drop_at"]))
    lengths = [a.program.flat()["drop_at"] for a in arms]
    if len(arms) < 3 or lengths[0] > 0:
        return Verdict(False, f"lengths {lengths}", "none and two more")
    error = np.array([last(a, "teacher_error") for a in arms])
    count = np.array([last(a, "nonzeros") for a in arms])
    loss = np.array([last(a, "train_loss") for a in arms])
    true = runs[0].base.flat()["nonzeros"]
    holds = bool(
        (np.diff(error, axis=0) < 0).all()
        and (np.diff(count, axis=0) <= 0).all()
        and loss.max() < 0.01
        and count[0].min() > 25
        and count[-1].max() <= true + 1
        and (error[-1] < 0.2 * error[0]).all()
    )
    said = "; ".join(
        f"{T}: {span(e)}, {span(c)}" for T, e, c in zip(lengths, error, count, strict=True)
    )
    return Verdict(
        holds,
        f"distance to the teacher and weights that are not 0 after a large phase of {said}; loss at most"
        f" {loss.max():.2g}",
        "the first strictly falling in every seed, the second never rising; from over 25 weights to"
        f" {true} or one more, to a fifth of the distance; loss below 0.01",
    )  # fmt: skip


def judge_larger(runs: Sequence[Run]) -> Verdict:
    """Of the step sizes that converge, the larger the sparser; the largest diverges."""
    (arm,) = runs[0].arms.values()
    lr = arm.knob("lr")
    lost = np.isin(np.arange(arm.R), list(arm.diverged))
    fine = sorted({float(a) for a in lr if not lost[lr == a].any()})
    if len(fine) < 4:
        return Verdict(False, f"step sizes that converge in every seed: {fine}", "four")
    error, count = (by_rate(arm, last(arm, name)) for name in ("teacher_error", "nonzeros"))
    falls = np.diff([error[a] for a in fine], axis=0)
    holds = bool(
        (falls < 0).all()
        and (error[fine[-1]] < 0.5 * error[fine[0]]).all()
        and (count[fine[-1]] < 0.4 * count[fine[0]]).all()
        and lost[lr == lr.max()].all()
        and max(by_rate(arm, last(arm, "train_loss"))[a].max() for a in fine) < 1e-3
    )
    errors, counts = ({a: found[a] for a in fine} for found in (error, count))
    return Verdict(
        holds,
        f"distance to the teacher at {each(errors)}; weights that are not 0 {each(counts)}; at"
        f" {lr.max():g} {lost[lr == lr.max()].mean():.0%} diverge",
        "falling at every step size in every seed, to less than half, and to less than 0.4 of the"
        " weights; all",
    )


def judge_features(runs: Sequence[Run]) -> Verdict:
    """Fewer activation patterns and less variation of the slope at the largest step than the smallest."""
    (arm,) = runs[0].arms.values()
    lr = arm.knob("lr")
    if len(set(lr)) < 2:
        return Verdict(False, "one step size", "a small and a large one")
    patterns, bends, loss = (
        by_rate(arm, last(arm, name)) for name in ("patterns", "slope_variation", "train_loss")
    )
    small, large = lr.min(), lr.max()
    share = patterns[large] / patterns[small]
    holds = bool(
        share.max() < 0.67
        and (bends[large] < 1.05 * bends[small]).all()
        and bends[large].mean() < 0.9 * bends[small].mean()
        and max(each.max() for each in loss.values()) < 0.01
    )
    return Verdict(
        holds,
        f"distinct patterns at {each(patterns)}, at the largest {span(share)} of those at the smallest;"
        f" variation of the slope {each(bends)}; loss at most"
        f" {max(v.max() for v in loss.values()):.2g}",
        "below 0.67; at the largest less by a tenth in the mean, in no seed more by a twentieth; loss"
        " below 0.01",
    )


claim = partial(claim_on, PAPER, PRESETS, seeds=SEEDS)
CLAIMS = (
    claim(
        "The longer SGD takes large steps, the sparser the diagonal net that it finds, strictly: with"
        " noise on the labels in that phase.",
        "longer",
        judge_longer,
        long=True,
    ),
    claim(
        "Without noise on the labels the larger the step size of SGD, the sparser: near the largest that"
        " converges.",
        "larger",
        judge_larger,
    ),
    claim(
        "In a ReLU net with noise on the labels, large steps join units: fewer distinct activation"
        " patterns, and a function that bends less.",
        "features",
        judge_features,
    ),
)
