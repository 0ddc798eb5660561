"""Deep matrix factorisation: linear nets that learn a covariance, on two losses of it."""

from __future__ import annotations

from lab_core.phenomena import bures_or_frobenius, bures_wasserstein, covariances
from lab_core.phenomena.base import Phenomenon

PARTS = (bures_wasserstein, bures_or_frobenius)

DEEP_MATRIX_FACTORISATION = Phenomenon(
    slug="deep-matrix-factorisation",
    title="Deep matrix factorisation",
    question="A linear net learns a covariance: what does it matter how the distance to it is measured?",
    papers=(covariances.CITATION,),
    presets={slug: preset for part in PARTS for slug, preset in part.PRESETS.items()},
    claims=tuple(claim for part in PARTS for claim in part.CLAIMS),
    minutes=10,
    choices=("covariance_eigenvalues", "covariance_error", "covariance_curvature",
             "negative_curvature", "curvature_range", "loss", "weight_norm", "sharpness",
             "eigenvalues", "gradient_norm"),
)  # fmt: skip
