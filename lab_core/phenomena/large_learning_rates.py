"""Large learning rates: what they leave of a net, and whether they are faster."""

from __future__ import annotations

from lab_core.phenomena import sparse_features, super_convergence, tuned_rates
from lab_core.phenomena.base import Phenomenon

PARTS = (sparse_features, super_convergence)

LARGE_LEARNING_RATES = Phenomenon(
    slug="large-learning-rates",
    title="Large learning rates",
    question="A step size near the edge of divergence, kept for long: does it only waste time, or does it"
    " find something that small steps do not? And does it train faster?",
    papers=tuple(part.CITATION for part in PARTS),
    presets={slug: preset for part in PARTS for slug, preset in part.PRESETS.items()},
    claims=(*(claim for part in PARTS for claim in part.CLAIMS), *tuned_rates.CLAIMS),
    minutes=15,
    choices=("weight_norm", "loss", "losses", "accuracy", "teacher_error", "nonzeros", "patterns",
             "function", "slope_variation", "sharpness", "ratio", "gradient_norm"),
    figures=tuned_rates.FIGURES,
)  # fmt: skip
