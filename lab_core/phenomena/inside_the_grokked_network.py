"""Inside the grokked network: the mechanism that grows before it shows, and the net as its steps."""

from __future__ import annotations

from lab_core.phenomena import progress_measures, telescoping_lens
from lab_core.phenomena.base import Phenomenon

INSIDE_THE_GROKKED_NETWORK = Phenomenon(
    slug="inside-the-grokked-network",
    title="Inside the grokked network",
    question="When test accuracy jumps, did the network understand all at once? Or had something"
    " been growing inside it, unseen?",
    papers=(progress_measures.CITATION, telescoping_lens.CITATION),
    presets=progress_measures.PRESETS | telescoping_lens.PRESETS,
    claims=progress_measures.CLAIMS + telescoping_lens.CLAIMS,
    minutes=10,
    choices=(
        "correctness",
        "gini",
        "weight_norm",
        "neurons",
        "fourier",
        "progress",
        "alignment",
        "gradient_norm",
        "sharpness",
    ),
)
