"""What a data set is: a function of its knobs and a seed; nothing is ever downloaded.

Every function returns numpy arrays ``x [N, d], y [N, c], x_test, y_test`` in float64; targets of
classification are one-hot, so that squared error and cross-entropy read the same `y`, or signs of a
single output, +1 and -1. The functions
use numpy and scikit-learn alone and read no other name of their module: `export.to_torch` prints
their source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Data:
    """A data set: knobs, and the function `source` of them and a seed."""

    label: ClassVar[str]
    targets: ClassVar[str]  # what y is: "real", "one-hot" or "signs"
    inputs: ClassVar[str] = "real"  # or "pairs" of numbers below c, or "measurements" of a matrix
    source: ClassVar[Callable[..., Arrays]]

    def arrays(self, seed: int) -> Arrays:
        """x [N, d], y [N, c], x_test, y_test; the same for the same seed, whatever the rest."""
        return type(self).source(**asdict(self), seed=seed)

    def truth(self, seed: int) -> np.ndarray:
        """y [N, c] of the training set as it was before any label was corrupted."""
        clean = replace(self, corruption=0.0) if hasattr(self, "corruption") else self  # type: ignore[call-arg]
        return type(clean).source(**asdict(clean), seed=seed)[1]
