"""Phenomena by slug, in the order of the index."""

from lab_core.phenomena.base import Phenomenon, Preset
from lab_core.phenomena.curvature_and_warmup import CURVATURE_AND_WARMUP
from lab_core.phenomena.deep_matrix_factorisation import DEEP_MATRIX_FACTORISATION
from lab_core.phenomena.double_descent import DOUBLE_DESCENT
from lab_core.phenomena.edge_of_stability import EDGE_OF_STABILITY
from lab_core.phenomena.fit_anything import FIT_ANYTHING
from lab_core.phenomena.fractal_boundary import FRACTAL_BOUNDARY
from lab_core.phenomena.grokking import GROKKING
from lab_core.phenomena.inside_the_grokked_network import INSIDE_THE_GROKKED_NETWORK
from lab_core.phenomena.large_learning_rates import LARGE_LEARNING_RATES
from lab_core.phenomena.large_steps import LARGE_STEPS
from lab_core.phenomena.matrix_sensing import MATRIX_SENSING
from lab_core.phenomena.phase_diagrams import PHASE_DIAGRAMS
from lab_core.phenomena.time_travel import TIME_TRAVEL
from lab_core.phenomena.why_grokking_waits import WHY_GROKKING_WAITS

PHENOMENA: dict[str, Phenomenon] = {
    p.slug: p
    for p in (
        EDGE_OF_STABILITY,
        CURVATURE_AND_WARMUP,
        TIME_TRAVEL,
        GROKKING,
        WHY_GROKKING_WAITS,
        INSIDE_THE_GROKKED_NETWORK,
        MATRIX_SENSING,
        LARGE_STEPS,
        DEEP_MATRIX_FACTORISATION,
        DOUBLE_DESCENT,
        FRACTAL_BOUNDARY,
        FIT_ANYTHING,
        LARGE_LEARNING_RATES,
        PHASE_DIAGRAMS,
    )
}
__all__ = ["PHENOMENA", "Phenomenon", "Preset"]
