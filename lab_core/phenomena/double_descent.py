"""Double descent: along the width, the examples and the time; what the optimizer and noise do to it."""

from __future__ import annotations

from lab_core.phenomena import (
    double_descent_nets,
    double_descent_noise,
    double_descent_optimization,
    epoch_wise,
    random_feature_curve,
)
from lab_core.phenomena.base import Phenomenon

CURVES = (
    random_feature_curve,
    double_descent_optimization,
    double_descent_nets,
    double_descent_noise,
)
LIVE = (epoch_wise, double_descent_optimization, double_descent_nets)
CITED = (double_descent_optimization, double_descent_noise, random_feature_curve)

DOUBLE_DESCENT = Phenomenon(
    slug="double-descent",
    title="Double descent",
    question="A model that can just fit its training examples is the worst of all, and one ten times"
    " larger the best. Who makes the peak: the size, the noise, or the optimizer?",
    papers=tuple(part.CITATION for part in CITED),
    presets={slug: preset for part in LIVE for slug, preset in part.PRESETS.items()},
    claims=tuple(
        claim for part in dict.fromkeys((*CURVES, *LIVE)) for claim in part.CLAIMS
    ),
    minutes=15,
    choices=("gradient_norm", "weight_norm", "sharpness", "ratio", "loss", "losses", "accuracy", "gd_steps",
             "speeds", "recovered"),
    figures={slug: figure for part in CURVES for slug, figure in part.FIGURES.items()},
)  # fmt: skip
