"""Large steps: logistic regression far above the step sizes that theory allows."""

from __future__ import annotations

from lab_core.phenomena import logistic_edge, logistic_to_perceptron, non_differentiable_gd
from lab_core.phenomena.base import Phenomenon

PARTS = (logistic_to_perceptron, logistic_edge, non_differentiable_gd)

LARGE_STEPS = Phenomenon(
    slug="large-steps",
    title="Large steps",
    question="A step size a million times too large should ruin logistic regression. It separates"
    " the classes in a handful of steps. What is it doing?",
    papers=tuple(dict.fromkeys(part.CITATION for part in PARTS)),
    presets={slug: preset for part in PARTS for slug, preset in part.PRESETS.items()},
    claims=tuple(claim for part in PARTS for claim in part.CLAIMS),
    minutes=12,
    choices=("angle", "margin", "train_error", "accuracy", "loss", "losses", "perceptron", "perceptron_cosine",
             "boundary", "sharpness", "ratio", "weight_norm", "weight_l1", "gradient_norm"),
)  # fmt: skip
