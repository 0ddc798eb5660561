"""Why grokking waits: four papers, each with a setting in which the wait can be explained."""

from __future__ import annotations

from lab_core.phenomena import dichotomy, lazy_to_rich, numerical_stability, xor_clusters
from lab_core.phenomena.base import Phenomenon

PARTS = (numerical_stability, lazy_to_rich, dichotomy, xor_clusters)

WHY_GROKKING_WAITS = Phenomenon(
    slug="why-grokking-waits",
    title="Why grokking waits",
    question="The training set is fitted; what is a network doing until it generalises?",
    papers=tuple(part.CITATION for part in PARTS),
    presets={slug: preset for part in PARTS for slug, preset in part.PRESETS.items()},
    claims=tuple(claim for part in PARTS for claim in part.CLAIMS),
    minutes=12,
    choices=("weight_norm", "losses", "loss", "accuracy", "predictors", "kernel", "linearity",
             "corrupted", "gradient_norm", "alignment", "zero_loss"),
)  # fmt: skip
