"""Runs whose replicas are step sizes and seeds: the setting of logistic regression, and figures by step
size.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import span
from lab_core.outcomes import first
from lab_core.predictions import Step
from lab_core.recipe import Recipe

LOGISTIC = Recipe().set(
    {
        "data": "separable",
        "model": "linear",
        "loss": "logistic",
        "probes": (("accuracy", 1), ("margin", 1), ("perceptron", 1)),
    }
)

LARGEST = Step(
    ask="At which step will the run with step size 1,000,000 first have every example right?",
    measure=first("train_accuracy", 1.0, replica=8),
    high=1600,
    place=0,
)


def separated(arm: Arm) -> np.ndarray:
    """The step [R] at which the last training error went; inf for never."""
    return np.asarray(arm.record.reached("train_accuracy", 1.0), float)


def by_rate(arm: Arm, values: np.ndarray) -> dict[float, np.ndarray]:
    """Step size -> the values [seeds] of its replicas, from values [R]."""
    lr = arm.knob("lr")
    return {float(a): values[lr == a] for a in np.unique(lr)}


def each(values: Mapping[float, np.ndarray] | Mapping[int, np.ndarray]) -> str:
    return "; ".join(f"{a:g}: {span(v)}" for a, v in values.items())
