"""Matrix sensing: a matrix of low rank from linear measurements, by descent on its factors."""

from __future__ import annotations

from lab_core.phenomena import (
    alternating_minimization,
    overparam_slowdown,
    robust_subgradient,
    scaled_gd,
)
from lab_core.phenomena.base import Phenomenon

PARTS = (overparam_slowdown, robust_subgradient, scaled_gd, alternating_minimization)

MATRIX_SENSING = Phenomenon(
    slug="matrix-sensing",
    title="Matrix sensing",
    question="How fast is a matrix of low rank found, if its rank, its condition or part of the"
    " data is not what you think?",
    papers=tuple(part.CITATION for part in PARTS),
    presets={slug: preset for part in PARTS for slug, preset in part.PRESETS.items()},
    claims=tuple(claim for part in PARTS for claim in part.CLAIMS),
    minutes=12,
    choices=("loss", "singular", "weight_norm", "matrix", "recovery", "gradient_norm", "sharpness"),
    figures=alternating_minimization.FIGURES,
)
