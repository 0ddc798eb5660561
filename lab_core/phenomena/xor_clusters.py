"""XOR clusters with wrong labels: fitted in one step by a linear classifier, learnt later (Xu et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

from lab_core.claims import Claim, Verdict, span
from lab_core.phenomena.base import Preset
from lab_core.recipe import Recipe
from lab_core.run import Run

PAPER = "xor-clusters"
CITATION = (
    PAPER,
    "Xu et al. 2023, Benign Overfitting and Grokking in ReLU Networks for XOR Cluster Data",
)
SEEDS = (0, 1, 2)

PRESETS = {
    "xor": Preset(
        "Wrong labels, fitted in one step",
        "After one step of gradient descent every label is fitted, the wrong ones too, by what is"
        " all but a linear classifier, and the test accuracy is that of guessing. A few steps later"
        " the test accuracy is near 1, and the wrong labels are still fitted.",
        Recipe().set(
            {
                "data": "xor",
                "n": 200,
                "dim": 4000,
                "separation": 15.0,
                "corruption": 0.1,
                "model": "committee",
                "width": 400,
                "init_scale": 1.0,
                "loss": "logistic",
                "lr": 0.1,
                "dtype": "float32",
                "steps": 40,
                "probes": (("accuracy", 1), ("corrupted", 1), ("linearity", 1), ("test_loss", 1)),
            }
        ),  # fmt: skip
        4,
        plots=("accuracy", "corrupted", "linearity", "losses"),
        x="log-step",
    ),
}


def judge_one_step(runs: Sequence[Run]) -> Verdict:
    """After step 1 all is fitted by a linear function that knows nothing of the clusters."""
    record = runs[0].arms[0].record
    train, test, noisy, linear = (
        record[name][1][1]
        for name in ("train_accuracy", "test_accuracy", "corrupted_fitted", "linearity")
    )
    holds = bool(
        train.min() >= 0.99
        and noisy.min() == 1
        and abs(test - 0.5).max() < 0.12
        and linear.min() > 0.97
    )
    return Verdict(
        holds,
        f"after one step: train {span(train)}, wrong labels fitted {span(noisy)}, test {span(test)},"
        f" correlation with the linear part {span(linear)}",
        "at least 0.99; 1; 0.5 within 0.12; above 0.97",
    )


def judge_benign(runs: Sequence[Run]) -> Verdict:
    """In the end the test is right, the wrong labels are fitted and the net is not linear."""
    record = runs[0].arms[0].record
    steps, test = record["test_accuracy"]
    noisy, linear = (record[name][1] for name in ("corrupted_fitted", "linearity"))
    late = steps >= 10
    holds = bool(
        test[late].min() > 0.98
        and noisy[late].min() == 1
        and linear[-1].max() < 0.5
        and (test[1] < test[-1] - 0.3).all()
    )
    return Verdict(
        holds,
        f"from step 10 on: test at least {test[late].min():.3f} (after one step {span(test[1])}),"
        f" wrong labels fitted {span(noisy[late])}; correlation with the linear part in the end"
        f" {span(linear[-1])}",
        "above 0.98 (at least 0.3 lower), 1; below 0.5",
    )


RECIPES = (PRESETS["xor"].recipe.set({"seed": SEEDS}),)
CLAIMS = (
    Claim(
        PAPER,
        "After the first step of gradient descent the net fits every training label, wrong ones"
        " included, tests no better than guessing, and behaves as a linear classifier.",
        RECIPES,
        judge_one_step,
        "xor",
        long=True,
    ),
    Claim(
        PAPER,
        "Later the test accuracy is near 1 while the wrong labels are still fitted: overfitting that"
        " is benign, by a net that is no longer linear.",
        RECIPES,
        judge_benign,
        "xor",
        long=True,
    ),
)
