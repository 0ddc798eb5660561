"""Warm-up and the curvature of a badly scaled net (Gilmer et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Claim, Verdict, span
from lab_core.outcomes import at_end, series
from lab_core.phenomena.base import Phenomenon, Preset
from lab_core.predictions import Choice, Option
from lab_core.recipe import Branch, Recipe
from lab_core.run import Run

PAPER = "curvature-and-warmup"
WARM = Branch(0, 0, (("schedule", "warmup"), ("warmup", 200)), from_start=True)


def fate(arm: Arm) -> str:
    """What became of an arm, and of its sharpness by step 200."""
    steps, sharpness = series(arm, "sharpness")
    if arm.diverged:
        return "diverges"
    return "down" if sharpness[steps <= 200][-1] < 0.1 * sharpness[0] else "stays"


FATES = (
    Option("down", "it comes down while the rate is still small, and the run trains",
           "steps that are just too large for the sharpness drive the net to where it is flatter; as the"
           " rate grows, the sharpness stays under 2/lr, and none of it is left in the end that"
           " would make the full rate diverge."),
    Option("stays", "it stays in the thousands, and the run trains all the same",
           "the sharpness did not come down, and yet the loss did not leave all bounds."),
    Option("diverges", "it stays in the thousands, and the run diverges later than arm 0",
           "the rate was up before the net had become flat enough for it."),
)  # fmt: skip

PRESETS = {
    "warmup": Preset(
        "Warm-up at a learning rate that diverges",
        "A deep ReLU net initialised too large diverges within a few steps (arm 0); with a linear"
        " warm-up over 200 steps (arm 1) the same learning rate trains, because the sharpness comes"
        " down before the rate has gone up.",
        Recipe().set(
            {
                "depth": 5,
                "dtype": "float32",
                "activation": "relu",
                "init_scale": 2.0,
                "lr": 0.1,
                "steps": 600,
                "probes": (("sharpness", 5),),
                "changes": (WARM,),
            }
        ),  # fmt: skip
        60,
        question=Choice(ask="Arm 1 starts in the same place, with a warm-up over 200 steps. What will its"
                        " sharpness do?", measure=at_end(fate, arm=1), options=FATES),
    ),
}  # fmt: skip


def judge_warmup(runs: Sequence[Run]) -> Verdict:
    """Arm 0 diverges within ten steps; arm 1 trains, its sharpness x lr / 2 low throughout."""
    plain, warm = runs[0].arms[0], runs[0].arms[1]
    start = plain.record["ratio"][1][0]
    highest = warm.record["ratio"][1].max(0)
    _, loss = warm.record["train_loss"]
    end = loss[-1] / loss[0]
    lost = np.array([plain.diverged.get(r, 10**9) for r in range(plain.R)])
    holds = bool(
        lost.max() <= 10
        and not warm.diverged
        and start.min() > 50
        and highest.max() < 3
        and end.max() < 1e-3
    )
    when = span(lost) if lost.max() < 10**9 else "never"
    return Verdict(
        holds,
        f"without: sharpness × lr / 2 starts at {span(start)}, diverges at step {when};"
        f" with: at most {span(highest)}, loss ends at {span(end, 2)} of the first",
        "above 50, by step 10; below 3, below 1e-3",
    )


CURVATURE_AND_WARMUP = Phenomenon(
    slug=PAPER,
    title="Curvature and warm-up",
    question="Why does a learning rate that blows a network up at once train it well after a"
    " warm-up?",
    papers=((PAPER, "Gilmer et al. 2022, A Loss Curvature Perspective on Training Instability in"
             " Deep Learning"),),
    presets=PRESETS,
    claims=(
        Claim(
            PAPER,
            "Warm-up trains at a learning rate that diverges at once without it, and keeps sharpness"
            " × learning rate low on the way.",
            (PRESETS["warmup"].recipe.set({"seed": (0, 1, 2, 3)}),),
            judge_warmup,
            "warmup",
        ),
    ),
    minutes=5,
)  # fmt: skip
