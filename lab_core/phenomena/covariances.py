"""What the presets of deep matrix factorisation share: their recipe, and what is read of a run."""

from __future__ import annotations

import numpy as np

from lab_core.arm import Arm
from lab_core.recipe import Recipe

PAPER = "bures-wasserstein"
CITATION = (
    PAPER,
    "Brechet et al. 2023, Critical Points and Convergence Analysis of Generative Deep Linear Networks"
    " Trained with Bures-Wasserstein Loss",
)
BASE = Recipe().set(
    {
        "data": "covariance",
        "dim": 6,
        "condition": 10.0,
        "model": "deep-linear",
        "width": 6,
        "depth": 1,
        "loss": "bures-wasserstein",
        "lr": 0.1,
        "probes": (("covariance", 2), ("covariance_curvature", 2)),
    }
)


def last(arm: Arm, column: str) -> np.ndarray:
    """The newest value [R] of a column."""
    return arm.record[column][1][-1]


def spectrum(arm: Arm, name: str) -> np.ndarray:
    """The eigenvalues [T, R, d] of the net's covariance, or of its target's, from the largest on."""
    return np.stack([arm.record[f"{name}_{i + 1}"][1] for i in range(arm.y.shape[2])], 2)


def reached(arm: Arm, level: float) -> np.ndarray:
    """The first step [R] at which the covariance is that near to the target; infinite for never."""
    steps, error = arm.record["covariance_error"]
    below = error < level
    return np.where(below.any(0), steps[below.argmax(0)].astype(float), np.inf)
