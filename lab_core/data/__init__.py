"""Data sets; `DATASETS` is the registry, in the order of the dropdown."""

from lab_core.data.base import Arrays, Data
from lab_core.data.classic import Chebyshev, Clusters, Digits, Point, chebyshev, clusters, digits
from lab_core.data.modular import Modular, modular

DATASETS: dict[str, type[Data]] = {
    "digits": Digits,
    "chebyshev": Chebyshev,
    "clusters": Clusters,
    "point": Point,
    "modular": Modular,
}
__all__ = [
    "DATASETS",
    "Arrays",
    "Chebyshev",
    "Clusters",
    "Data",
    "Digits",
    "Modular",
    "Point",
    "chebyshev",
    "clusters",
    "digits",
    "modular",
]
