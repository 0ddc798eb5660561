"""From lazy to rich: the output scale sets how long the test loss waits (Kumar et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Claim, Verdict, span
from lab_core.phenomena.base import Preset
from lab_core.recipe import Branch, Recipe
from lab_core.run import Run

PAPER = "lazy-to-rich"
CITATION = (
    PAPER,
    "Kumar et al. 2023, Grokking as the Transition from Lazy to Rich Training Dynamics",
)
SEEDS = (0, 1, 2)
LEFT = 0.1  # of the variance of the targets: what is fitted when the loss is below it

NET = Recipe().set(
    {
        "data": "single-index",
        "n": 400,
        "dim": 30,
        "degree": 2,
        "model": "scaled-committee",
        "width": 60,
        "init_scale": 1.0,
        "lr": 10.0,
        "dtype": "float32",
    }
)
PLOTS = ("losses", "kernel_alignment", "weight_drift", "kernel")
MORE = tuple(Branch(0, 0, (("n", n),), from_start=True) for n in (400, 800))

PRESETS = {
    "output-scale": Preset(
        "Lazy and rich",
        "Plain gradient descent, no weight decay. The larger the output scale α, the less the"
        " weights have to move and the longer the test loss waits after the training loss; at the"
        " smallest α it hardly waits. The tangent kernel turns towards the targets while the"
        " training set is being fitted, not after it; what comes late is the rest of the test loss.",
        NET.set(
            {
                "output_scale": (0.3, 3.0, 20.0),
                "steps": 3000,
                "probes": (("test_loss", 4), ("kernel", 10), ("weight_norm", 10)),
            }
        ),
        250,
        plots=PLOTS,
        x="log-step",
    ),
    "examples": Preset(
        "More examples, less waiting",
        "The same net at α = 3 on 250, 400 and 800 examples (arms 0, 1 and 2): with more of them the"
        " test loss follows the training loss at once.",
        NET.set(
            {
                "n": 250,
                "output_scale": 3.0,
                "steps": 600,
                "probes": (("test_loss", 4), ("kernel", 10), ("weight_norm", 10)),
                "changes": MORE,
            }
        ),
        60,
        plots=PLOTS,
        x="log-step",
    ),
}


def fitted(arm: Arm, column: str) -> np.ndarray:
    """The first step [R] at which a loss explains all but `LEFT` of the variance; nan for never."""
    steps, loss = arm.record[column]
    variance = arm.y[..., 0].double().var(1, correction=0).cpu().numpy()
    below = loss < LEFT * 0.5 * variance
    return np.where(below.any(0), steps[below.argmax(0)].astype(float), np.nan)


def delay(arm: Arm) -> np.ndarray:
    """How many times as long as the training loss the test loss takes, [R]; inf for never."""
    ratio = fitted(arm, "test_loss") / fitted(arm, "train_loss")
    return np.nan_to_num(ratio, nan=np.inf)


def by_scale(arm: Arm, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The output scales [A], ascending, and values [R] as [A, seeds]."""
    scale = np.array([r.model.output_scale for r in arm.recipes])  # type: ignore[attr-defined]
    known = np.unique(scale)
    return known, np.stack([values[scale == a] for a in known])


def judge_delay(runs: Sequence[Run]) -> Verdict:
    """The delay grows with the scale, seed by seed, is small at the smallest, and ends."""
    (arm,) = runs[0].arms.values()
    scales, ratio = by_scale(arm, delay(arm))
    holds = bool(
        len(scales) > 2
        and (np.diff(ratio, axis=0) > 0).all()
        and ratio[0].max() < 2
        and ratio[-1].min() > 2.5
        and np.isfinite(ratio).all()
    )
    each = "; ".join(f"α {a:g}: {span(r)}" for a, r in zip(scales, ratio, strict=True))
    return Verdict(holds, f"steps to fit the test set over those for the training set: {each}",
                   "growing with α for each seed; below 2 at the smallest, above 2.5 at the largest"
                   " and finite")  # fmt: skip


def judge_laziness(runs: Sequence[Run]) -> Verdict:
    """At a large scale weights and kernel hardly move, at a small one they leave where they were."""
    (arm,) = runs[0].arms.values()
    _, moved = by_scale(arm, arm.record["weight_drift"][1][-1])
    _, drift = by_scale(arm, arm.record["ntk_drift"][1][-1])
    falls = (np.diff(moved, axis=0) < 0).all() and (np.diff(drift, axis=0) < 0).all()
    holds = bool(falls and moved[-1].max() < 0.5 < 2 < moved[0].min() and drift[-1].max() < 0.05
                 and drift[0].min() > 0.5)  # fmt: skip
    return Verdict(
        holds,
        f"smallest α: weights move {span(moved[0])} of their norm, the kernel {span(drift[0])};"
        f" largest: {span(moved[-1])}, {span(drift[-1])}",
        "above 2, above 0.5; below 0.5, below 0.05; falling with α for each seed",
    )


def judge_alignment(runs: Sequence[Run]) -> Verdict:
    """Most of what the kernel ever turns towards the targets, it has when the training set is fitted."""
    (arm,) = runs[0].arms.values()
    steps, alignment = arm.record["kernel_alignment"]
    at = fitted(arm, "train_loss")
    way = (alignment - alignment[0]) / (alignment[-1] - alignment[0])
    done = np.array([np.interp(t, steps, column) for t, column in zip(at, way.T, strict=True)])
    gain = alignment[-1] / alignment[0]
    holds = bool(done.min() > 0.5 and gain.min() > 1.1)
    return Verdict(holds, f"alignment grows {span(gain)}-fold, {span(done)} of that before the"
                   " training set is fitted",
                   "more than 1.1-fold, more than 0.5 of it")  # fmt: skip


def judge_examples(runs: Sequence[Run]) -> Verdict:
    """The delay shrinks from arm to arm, to next to nothing."""
    ratio = np.stack([delay(arm) for arm in runs[0].arms.values()])
    sizes = [arm.N for arm in runs[0].arms.values()]
    holds = bool(len(ratio) > 2 and (np.diff(ratio, axis=0) < 0).all()
                 and ratio[0].min() > 2.5 and ratio[-1].max() < 1.5)  # fmt: skip
    each = "; ".join(f"{n} examples: {span(r)}" for n, r in zip(sizes, ratio, strict=True))
    return Verdict(holds, f"steps to fit the test set over those for the training set: {each}",
                   "falling for each seed, from above 2.5 to below 1.5")  # fmt: skip


SCALES = (PRESETS["output-scale"].recipe.set({"seed": SEEDS}),)
CLAIMS = (
    Claim(
        PAPER,
        "With plain gradient descent and no weight decay the test loss falls later than the training"
        " loss, the later the larger the output scale, and hardly later in the rich regime.",
        SCALES,
        judge_delay,
        "output-scale",
        long=True,
    ),
    Claim(
        PAPER,
        "At a large output scale training is lazy, weights and tangent kernel stay near their start;"
        " at a small one it is rich and they leave it.",
        SCALES,
        judge_laziness,
        "output-scale",
        long=True,
    ),
    Claim(
        PAPER,
        "The tangent kernel aligns with the targets while the training set is being fitted, at every"
        " output scale: not after it, as a first kernel regime and then features would have it.",
        SCALES,
        judge_alignment,
        "output-scale",
        long=True,
    ),
    Claim(
        PAPER,
        "The delay needs data that are few, though enough: with more examples it goes away.",
        (PRESETS["examples"].recipe.set({"seed": SEEDS}),),
        judge_examples,
        "examples",
    ),
)
