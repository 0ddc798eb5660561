"""Fit anything: random labels, pure noise, and how many of them a net has room for."""

from __future__ import annotations

from lab_core.phenomena import capacity, construction, random_labels
from lab_core.phenomena.base import Phenomenon

FIT_ANYTHING = Phenomenon(
    slug="fit-anything",
    title="Fit anything",
    question="A net that reads digits well is given digits with random labels. There is nothing to"
    " learn. What does it do, and what stops it?",
    papers=(random_labels.CITATION,),
    presets=random_labels.PRESETS | construction.PRESETS,
    claims=(*random_labels.CLAIMS, *construction.CLAIMS, *capacity.CLAIMS),
    minutes=12,
    choices=("weight_norm", "losses", "accuracy", "loss", "corrupted", "gradient_norm", "weight_l1",
             "sharpness", "ratio"),
    figures=capacity.FIGURES,
)  # fmt: skip
