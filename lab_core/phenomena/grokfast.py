"""Grokfast (Lee et al. 2024): amplify the slow part of the gradient, and grokking comes sooner. And two
controls: a larger learning rate, and an optimizer that was tuned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Claim, Verdict, span, unreached
from lab_core.phenomena.base import Preset
from lab_core.phenomena.pairs import PAIRS
from lab_core.recipe import Branch, Recipe
from lab_core.run import Run

PAPER = "grokfast"
CITATION = (PAPER, "Lee et al. 2024, Grokfast: Accelerated Grokking by Amplifying Slow Gradients")
SEEDS = (0, 1, 2)
STRENGTH = 5.0
BASE = Recipe().set(
    {
        "data": "modular",
        "p": 37,
        "model": "pair-mlp",
        "dtype": "float32",
        "probes": (("accuracy", 20), ("slowness", 20), ("weight_norm", 20)),
    }
)
SGD = BASE.set(
    {
        "fraction": 0.6,
        "width": 64,
        "init_scale": 3.0,
        "optimizer": "heavy-ball",
        "beta": 0.9,
        "lr": 0.07,
        "weight_decay": 1.5e-3,
        "steps": 3600,
    }
)
ADAM = BASE.set(
    {
        "fraction": 0.5,
        "width": 128,
        "batch_size": 128,
        "optimizer": "adam",
        "lr": 1e-3,
        "beta2": 0.98,
        "steps": 1800,
    }
)
TUNED = PAIRS.set(
    {"p": 37, "fraction": 0.5, "weight_decay": 3.0, "steps": 400, "probes": BASE.probes}
)
PLOTS = ("accuracy", "loss", "slowness", "weight_norm")


def filtered(steps: int, strength: float = STRENGTH) -> Branch:
    """The same from the start with Grokfast's filter."""
    return Branch(0, 0, (("filter", "grokfast"), ("strength", strength), ("steps", steps)), True)


def faster(steps: int, **settings: float) -> Branch:
    """The same from the start with other knobs, in place of the filter."""
    return Branch(0, 0, (*settings.items(), ("steps", steps)), True)


PRESETS = {
    "grokfast": Preset(
        "Grokfast",
        "Momentum at a small learning rate (arm 0); with the slow part of its gradient six times as"
        " large (arm 1), some four times sooner; and with the learning rate six times as large and the"
        " same decay a step, without any filter (arm 2): sooner still.",
        SGD.set({"changes": (filtered(1400), faster(800, lr=0.42, weight_decay=2.5e-4))}),
        300,
        plots=PLOTS,
    ),
    "grokfast-adam": Preset(
        "Grokfast and minibatches",
        "Adam on minibatches, whose gradient is mostly noise (arm 0): the filter halves the delay"
        " (arm 1), and so does three times the learning rate (arm 2).",
        ADAM.set({"changes": (filtered(1000), faster(1000, lr=3e-3))}),
        150,
        plots=PLOTS,
    ),
    "grokfast-tuned": Preset(
        "Grokfast where it does not help",
        "AdamW with a tuned decay groks in some 160 steps (arm 0). All of its gradient is slow, and"
        " Adam divides by its size: the filter makes it later (arm 1).",
        TUNED.set({"changes": (filtered(400, 2.0),)}),
        40,
        plots=PLOTS,
    ),
}


def delays(runs: Sequence[Run]) -> list[np.ndarray]:
    """The steps to 95% test accuracy of each arm, [R]."""
    return [arm.record.reached("test_accuracy", 0.95) for arm in runs[0].arms.values()]


def slowness(arm: Arm) -> np.ndarray:
    """The mean of cos(gradient, its slow part) from step 40 to 95% test accuracy, [R]."""
    steps, cosine = arm.record["slowness"]
    end = arm.record.reached("test_accuracy", 0.95)
    inside = (steps[:, None] >= 40) & (steps[:, None] <= end)
    return (cosine * inside).sum(0) / np.maximum(inside.sum(0), 1)


def judge_faster(gain: float, noisy: bool) -> Callable[[Sequence[Run]], Verdict]:
    """A judge: the filter is `gain` times sooner; the larger learning rate is at most a tenth later
    than that. `noisy`: and the gradient has little to do with its slow part.
    """

    def judge(runs: Sequence[Run]) -> Verdict:
        base, grokfast, control = delays(runs)
        if never := unreached(base, grokfast, control):
            return never
        slow = slowness(runs[0].arms[1])
        ratio, fair = base / grokfast, control / grokfast
        holds = ratio.min() >= gain and fair.max() < 1.1
        holds = holds and (slow.max() < 0.5 or not noisy)
        return Verdict(
            bool(holds),
            f"95% at {span(base, 4)}, with the filter at {span(grokfast, 4)}, {span(ratio)} times sooner"
            f" (cosine of the gradient with its slow part {span(slow, 2)}); with the larger"
            f" learning rate instead at {span(control, 4)}",
            f"at least {gain:g} times sooner{' (below 0.5)' if noisy else ''}; as soon",
        )

    return judge


def judge_tuned(runs: Sequence[Run]) -> Verdict:
    """With the filter every seed is later; the gradient is almost wholly slow."""
    base, grokfast = delays(runs)
    if never := unreached(base, grokfast):
        return never
    slow = slowness(runs[0].arms[1])
    holds = (grokfast > base).all() and slow.min() > 0.9
    return Verdict(
        bool(holds),
        f"95% at {span(base, 4)}, with the filter at {span(grokfast, 4)}; cosine of the gradient with its"
        f" slow part {span(slow, 2)}",
        "later; above 0.9",
    )


CLAIMS = (
    Claim(PAPER, "Amplifying the slow part of the gradient makes momentum grok severalfold sooner; a"
          " learning rate larger by the same factor does so, too.",
          (PRESETS["grokfast"].recipe.set({"seed": SEEDS}),), judge_faster(3, False), "grokfast",
          long=True),
    Claim(PAPER, "With Adam on minibatches it does so by almost a factor of two; three times the"
          " learning rate does, too.",
          (PRESETS["grokfast-adam"].recipe.set({"seed": SEEDS}),), judge_faster(1.7, True),
          "grokfast-adam", long=True),
    Claim(PAPER, "It does not help AdamW with a tuned decay.",
          (PRESETS["grokfast-tuned"].recipe.set({"seed": SEEDS}),), judge_tuned, "grokfast-tuned"),
)  # fmt: skip
