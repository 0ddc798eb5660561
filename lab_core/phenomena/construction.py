"""A net that fits any labels, written down: the construction of Zhang et al. (2017), theorem 1."""

from __future__ import annotations

from collections.abc import Sequence

from lab_core.claims import Claim, Verdict, span
from lab_core.phenomena.base import Preset, beside
from lab_core.phenomena.random_labels import PAPER, SEEDS, best
from lab_core.recipe import Recipe
from lab_core.run import Run

EXACT = 1e-6  # the largest error on an example

PRESETS = {
    "construction": Preset(
        "Written down, not trained",
        "Any labels of n points can be written down: Σ wⱼ relu(a·x − bⱼ) with 2n + d weights and one"
        " direction a (arm 0) has every random sign of 200 right before the first step. But it lies on"
        " a needle: its sharpness is over 10¹⁰, and a useful learning rate would throw it off. The same"
        " net from a random start (arm 1) does not find it. A perceptron with as many weights (arm 2)"
        " finds weights of its own, a hundred thousand times smaller.",
        Recipe().set(
            {
                "data": "separable",
                "n": 200,
                "corruption": 0.5,
                "model": "interpolant",
                "width": 200,
                "lr": 1e-16,
                "steps": 600,
                "probes": (
                    ("accuracy", 5),
                    ("weight_l1", 5),
                    ("gradient_norm", 5),
                    ("sharpness", 600),
                ),
                "changes": (
                    beside(start_from="gaussian", optimizer="adam", lr=0.01),
                    beside(model="mlp", activation="relu", width=19, optimizer="adam", lr=0.01),
                ),
            }
        ),
        60,
        plots=("accuracy", "loss", "weight_l1", "gradient_norm"),
    ),
}


def judge_construction(runs: Sequence[Run]) -> Verdict:
    """2n + d weights interpolate n random signs, to rounding, on a needle; others find other weights."""
    errors, sizes = [], []
    for run in runs:
        arm = run.arms[0]
        f = arm.objective.outputs(arm.state_at(0).w, arm.x)
        errors.append((f - arm.y).abs().amax((1, 2)).cpu().numpy())
        sizes.append(arm.objective.size - 2 * arm.N - arm.x.shape[2])
    arms = list(runs[0].arms.values())
    if len(arms) != 3:
        return Verdict(False, f"{len(arms)} arms", "the construction, the same net, a perceptron")
    written, same, free = arms
    sharp, norms = written.record["sharpness"][1][0], [a.record["weight_l1"][1][-1] for a in arms]
    holds = bool(
        max(each.max() for each in errors) < EXACT
        and not any(sizes)
        and written.record["train_accuracy"][1].min() == 1
        and sharp.min() > 1e10
        and best(same).max() < 0.9
        and best(free).min() == 1
        and free.objective.size <= written.objective.size
        and (norms[0] / norms[2]).min() > 1e5
    )
    n = ", ".join(str(run.arms[0].N) for run in runs)
    return Verdict(
        holds,
        f"for n = {n} the largest error of 2n + d weights is {', '.join(span(e, 2) for e in errors)}"
        f" (weights beyond those: {sum(map(abs, sizes))}); at n = {arms[0].N} its sharpness is"
        f" {span(sharp, 2)}; from a random start the same net gets"
        f" {span(best(same))} right, a perceptron of {free.objective.size} weights {span(best(free))},"
        f" with weights {span(norms[0] / norms[2], 2)} times smaller",
        f"below {EXACT:g} (0); over 1e10; below 0.9; 1, over 1e5",
    )


WRITTEN = PRESETS["construction"].recipe.set({"seed": SEEDS})
CLAIMS = (
    Claim(
        PAPER,
        "A net of depth two with 2n + d weights, written down, interpolates any labels of n points in d"
        " dimensions.",
        (
            WRITTEN,
            *(WRITTEN.set({"n": n, "width": n, "steps": 1, "changes": ()}) for n in (50, 500)),
        ),
        judge_construction,
        "construction",
    ),
)
