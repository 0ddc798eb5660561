"""The edge of stability (Cohen et al. 2021; with preconditioners, Cohen et al. 2022).

Full-batch gradient descent raises the sharpness to 2 / lr and then trains on at that level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Claim, Verdict, span
from lab_core.drawings import Drawing, Range
from lab_core.outcomes import along, at_end, level, series
from lab_core.phenomena.base import Phenomenon, Preset
from lab_core.predictions import Choice, Number, Option
from lab_core.recipe import Recipe
from lab_core.run import Run

PAPER = "edge-of-stability"
SEEDS = (0, 1, 2)
FAST = Recipe().set({"dtype": "float32"})  # levels do not depend on it; the small toys keep float64
DIGITS = FAST.set({"init_scale": 0.25, "steps": 3000, "probes": (("sharpness", 20),)})
WIDER = DIGITS.set({"init_scale": 0.5})


def fate(arm: Arm) -> str:
    """What becomes of the loss of replica 1."""
    _, loss = series(arm, "train_loss", 1)
    return "diverges" if 1 in arm.diverged else "lands" if loss.max() > 2 * loss[0] else "falls"


FATES = (
    Option("falls", "it falls at every step", "lr S(0) is below 2 here, where a quadratic shrinks."),
    Option("lands", "it shoots up, and lands somewhere flatter",
           "lr S(0) is about 3. Above 2 the loss grows along the top eigenvector; but that makes the net"
           " flatter, and below 4 the sharpness is under 2/lr before the loss has left all bounds."),
    Option("diverges", "it diverges", "lr S(0) is above 4, and growing does not flatten the net in time."),
)  # fmt: skip

PRESETS = {
    "digits": Preset(
        "Handwritten digits",
        "Gradient descent raises the sharpness to 2/lr and then stays there; at the smallest"
        " learning rate it never arrives.",
        DIGITS.set({"lr": (0.1, 0.25, 0.35, 0.5)}),
        300,
        question=Number(ask="In the run with learning rate 0.25, where will the sharpness be, on average over"
                        " the last quarter of the steps?",
                        measure=level("sharpness", replica=1), low=0.5, high=200, place=1),
    ),
    "chebyshev": Preset(
        "Chebyshev polynomial",
        "The same on the paper's toy, twenty points of a polynomial: each learning rate has a level"
        " of its own, 2/lr.",
        Recipe().set(
            {"data": "chebyshev", "width": 24, "depth": 3, "steps": 4000, "lr": (0.02, 0.1, 0.2)}
        ),  # fmt: skip
        400,
        question=Drawing(ask="Draw the sharpness of the run with learning rate 0.1 along its steps.",
                         measure=along("sharpness", replica=1), x=Range("step", 0, 4000),
                         y=Range("sharpness", 0, 60), place=1),
    ),
    "heavy-ball": Preset(
        "Heavy ball",
        "Momentum moves the level to (2 + 2β)/lr.",
        WIDER.set({"optimizer": "heavy-ball", "beta": 0.5, "lr": (0.4, 0.5)}),
        300,
        question=Number(ask="Momentum with β = 0.5 and learning rate 0.4: where will the sharpness be, on"
                        " average over the last quarter of the steps?",
                        measure=level("sharpness"), low=0.5, high=200, place=1),
    ),
    "nesterov": Preset(
        "Nesterov momentum",
        "Nesterov's form of momentum settles lower, at (2 + 2β)/((1 + 2β) lr).",
        WIDER.set({"optimizer": "nesterov", "beta": 0.9, "lr": (0.2, 0.25)}),
        300,
    ),
    "rmsprop": Preset(
        "RMSProp",
        "It is the effective sharpness, of P⁻¹H, that settles near its threshold 2/lr (a little"
        " above: up to 12%).",
        WIDER.set({"optimizer": "rmsprop", "lr": (3e-4, 1e-3, 3e-3)}),
        300,
    ),
    "adam": Preset(
        "Adam",
        "It is the effective sharpness, of P⁻¹H, that settles at (2 + 2β₁)/((1 − β₁) lr).",
        WIDER.set({"optimizer": "adam", "lr": (1e-3, 3e-3, 1e-2)}),
        300,
    ),
    "cross-entropy": Preset(
        "Cross-entropy",
        "With cross-entropy the sharpness rises and then falls again: a hump, which a large"
        " learning rate cuts off at its threshold.",
        FAST.set(
            {
                "data": "clusters",
                "k": 10,
                "dim": 40,
                "separation": 0.5,
                "depth": 3,
                "loss": "cross-entropy",
                "init_scale": 0.7,
                "lr": (0.2, 0.4, 0.8),
                "steps": 2500,
            }
        ),  # fmt: skip
        250,
    ),
    "catapult": Preset(
        "Catapult",
        "A two-layer linear net that starts above its threshold, but below twice it: the loss"
        " shoots up and lands where it is flatter; above twice the threshold it diverges.",
        Recipe().set(
            {
                "data": "point",
                "model": "deep-linear",
                "parametrization": "ntk",
                "width": 64,
                "depth": 2,
                "lr": (0.5, 1.5, 1.75, 2.5),
                "steps": 200,
                "probes": (("sharpness", 1),),
            }
        ),  # fmt: skip
        20,
        question=Choice(ask="What will become of the loss of the run with learning rate 1.5?",
                        measure=at_end(fate, replica=1), options=FATES),
    ),
}  # fmt: skip


def last_quarter(arm: Arm) -> np.ndarray:
    """The mean of sharpness / threshold over the last quarter of the steps, [R]."""
    steps, ratio = arm.record["ratio"]
    return ratio[steps >= 0.75 * arm.program.steps].mean(0)


def judge_edge(runs: Sequence[Run]) -> Verdict:
    """Every replica but those at the smallest rate rises to the edge, stays and trains on."""
    (arm,) = runs[0].arms.values()
    steps, ratio = arm.record["ratio"]
    _, loss = arm.record["train_loss"]
    level, slow = last_quarter(arm), arm.knob("lr") == arm.knob("lr").min()
    rise, wobble, gain = [], [], []
    for r in np.flatnonzero(~slow):
        above = np.flatnonzero(ratio[:, r] >= 1)
        if not len(above):
            return Verdict(False, f"replica {r} reaches only {ratio[:, r].max():.2f}", "1 or more")
        crossing = int(steps[above[0]])
        rise.append(ratio[0, r])
        wobble.append(np.mean(np.diff(loss[crossing:, r]) > 0))
        gain.append(np.median(loss[-len(loss) // 10 :, r]) / loss[crossing, r])
    edge = level[~slow]
    holds = bool(
        np.abs(edge - 1).max() < 0.05
        and max(rise) < 0.9
        and min(wobble) > 0.05
        and max(gain) < 0.5
        and ratio[:, slow].max() < 1
        and (np.diff(loss[:, slow], axis=0) < 0).all()
    )
    return Verdict(
        holds,
        f"level {span(rise)} of 2/lr at first, {span(edge, 4)} in the last quarter; at the edge the"
        f" loss rises in {span(wobble)} of the steps and falls to {span(gain)}; smallest lr: level at"
        f" most {ratio[:, slow].max():.2f}, loss rises in"
        f" {np.mean(np.diff(loss[:, slow], axis=0) > 0):.2g} of the steps",
        "below 0.9, 1 within 5%; over 0.05, below 0.5; below 1, 0",
    )


def judge_halving(runs: Sequence[Run]) -> Verdict:
    """The sharpness at half the learning rate, over that at the whole, on the last quarter."""
    (arm,) = runs[0].arms.values()
    steps, sharpness = arm.record["sharpness"]
    level = sharpness[steps >= 0.75 * arm.program.steps].mean(0)
    half, whole = level[arm.knob("lr") == 0.25], level[arm.knob("lr") == 0.5]
    ratio = half / whole
    return Verdict(bool(np.abs(ratio / 2 - 1).max() < 0.05), span(ratio, 4), "2 within 5%")


def judge_level(low: float, high: float, what: str) -> Callable[[Sequence[Run]], Verdict]:
    """A judge: the mean ratio over the last quarter lies in [low, high] and has been to 1."""

    def judge(runs: Sequence[Run]) -> Verdict:
        (arm,) = runs[0].arms.values()
        level = last_quarter(arm)
        peak = arm.record["ratio"][1].max(0)
        holds = bool((level > low).all() and (level < high).all() and (peak >= 1).all())
        return Verdict(holds, f"{what}: {span(level, 4)}", f"{low:g} to {high:g}")

    return judge


def judge_hump(runs: Sequence[Run]) -> Verdict:
    """The sharpness rises tenfold and ends below a quarter of its peak."""
    (arm,) = runs[0].arms.values()
    _, sharpness = arm.record["sharpness"]
    rise = sharpness.max(0) / sharpness[0]
    fall = sharpness[-1] / sharpness.max(0)
    inside = sharpness.argmax(0).min() > 0 and sharpness.argmax(0).max() < len(sharpness) / 2
    holds = bool(rise.min() > 10 and fall.max() < 0.25 and inside)
    return Verdict(holds, f"rises {span(rise)}-fold, then falls to {span(fall)} of its peak",
                   "more than 10-fold, in the first half; below 0.25")  # fmt: skip


def judge_catapult(runs: Sequence[Run]) -> Verdict:
    """By lr S(0): below 2 monotone; in (2.5, 4) a spike and a flat landing; above 4.2 divergence."""
    (arm,) = runs[0].arms.values()
    _, sharpness = arm.record["sharpness"]
    _, loss = arm.record["train_loss"]
    start = arm.knob("lr") * sharpness[0]
    calm, thrown, lost = start < 2, (start > 2.5) & (start < 4), start > 4.2
    if not (calm.any() and thrown.any() and lost.any()):
        return Verdict(False, f"lr S(0) is {span(start)}", "values below 2, in 2.5 to 4, above 4.2")
    spike = np.nanmax(loss, 0) / loss[0]
    landing = sharpness[-1] / sharpness[0]
    gone = {int(r) for r in np.flatnonzero(lost)} == set(arm.diverged)
    ended = loss[-1, thrown] / loss[0, thrown]
    holds = bool(
        gone
        and spike[calm].max() <= 1
        and landing[calm].min() > 0.8
        and spike[thrown].min() > 2
        and landing[thrown].max() < 0.5
        and ended.max() < 1e-2
    )
    return Verdict(
        holds,
        f"lr S(0) {span(start[calm])}: loss at most {span(spike[calm])} of L(0), sharpness ends at"
        f" {span(landing[calm])} of S(0); {span(start[thrown])}: loss rises {span(spike[thrown])}"
        f"-fold, sharpness ends at {span(landing[thrown])}; {span(start[lost])}: diverged"
        f" {len(arm.diverged)} of {lost.sum()}",
        "below 2: at most 1, above 0.8; 2.5 to 4: more than 2-fold, below 0.5; above 4.2: all",
    )


RISES = (
    "Gradient descent raises the sharpness to 2/lr and keeps it there on average while the loss"
    " falls, not monotonically; at a small learning rate it stays below, and the loss falls at"
    " every step"
)
LONG = ("rmsprop", "adam", "cross-entropy")  # to check
CLAIMS = tuple(
    Claim(PAPER, sentence, (PRESETS[preset].recipe.set({"seed": SEEDS}),), judge, preset,
          preset in LONG)
    for preset, judge, sentence in (
        ("digits", judge_edge, f"{RISES} (digits)."),
        ("chebyshev", judge_edge, f"{RISES} (Chebyshev)."),
        ("digits", judge_halving,
         "Halving the learning rate doubles the level at which the sharpness settles."),
        ("heavy-ball", judge_level(0.97, 1.03, "sharpness / threshold"),
         "Heavy ball settles at (2 + 2β)/lr, here with β = 0.5."),
        ("nesterov", judge_level(0.97, 1.03, "sharpness / threshold"),
         "Nesterov momentum settles at (2 + 2β)/((1 + 2β) lr), here with β = 0.9."),
        ("rmsprop", judge_level(0.98, 1.15, "effective sharpness / threshold"),
         "Under RMSProp the effective sharpness settles near its threshold 2/lr."),
        ("adam", judge_level(0.95, 1.05, "effective sharpness / threshold"),
         "Under Adam the effective sharpness settles at (2 + 2β₁)/((1 − β₁) lr)."),
        ("cross-entropy", judge_hump,
         "With cross-entropy the sharpness rises, then falls for good."),
        ("catapult", judge_catapult,
         "A two-layer linear net with lr S(0) between 2 and 4 is catapulted: its loss spikes and it"
         " lands somewhere flatter; below 2 it descends, above 4 it diverges."),
    )
)  # fmt: skip

EDGE_OF_STABILITY = Phenomenon(
    slug=PAPER,
    title="Edge of stability",
    question="Gradient descent should diverge once the sharpness passes 2/lr. Real networks climb"
    " to that line and then stay on it. Why?",
    papers=(
        (PAPER, "Cohen et al. 2021, Gradient Descent on Neural Networks Typically Occurs at the"
         " Edge of Stability"),
    ),
    presets=PRESETS,
    claims=CLAIMS,
    minutes=10,
)  # fmt: skip
