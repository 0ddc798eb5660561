"""Data sets; `DATASETS` is the registry, in the order of the dropdown."""

from lab_core.data.base import Arrays, Data
from lab_core.data.classic import Chebyshev, Clusters, Digits, Point, chebyshev, clusters, digits
from lab_core.data.covariance import Covariance
from lab_core.data.modular import Modular, modular
from lab_core.data.sensing import Completion, Sensing, completion, sensing
from lab_core.data.separable import DigitPair, HardSet, Separable
from lab_core.data.teachers import Kinks, SingleIndex, SparseLinear, SparseSigns, XorClusters

DATASETS: dict[str, type[Data]] = {
    "digits": Digits,
    "chebyshev": Chebyshev,
    "clusters": Clusters,
    "point": Point,
    "modular": Modular,
    "xor": XorClusters,
    "single-index": SingleIndex,
    "sparse-linear": SparseLinear,
    "sparse-signs": SparseSigns,
    "sensing": Sensing,
    "completion": Completion,
    "covariance": Covariance,
    "separable": Separable,
    "hard-set": HardSet,
    "digit-pair": DigitPair,
    "kinks": Kinks,
}
__all__ = [
    "DATASETS",
    "Arrays",
    "Chebyshev",
    "Clusters",
    "Completion",
    "Covariance",
    "Data",
    "DigitPair",
    "Digits",
    "HardSet",
    "Kinks",
    "Modular",
    "Point",
    "Sensing",
    "Separable",
    "SingleIndex",
    "SparseLinear",
    "SparseSigns",
    "XorClusters",
    "chebyshev",
    "clusters",
    "completion",
    "digits",
    "modular",
    "sensing",
]
