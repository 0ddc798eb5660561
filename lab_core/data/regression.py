"""Linear teachers for regression whose test set is the same for every seed, so that the predictions of
several seeds can be compared, and their error split into bias and variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab_core.data.base import Arrays, Data
from lab_core.knobs import knob


def gaussian_teacher(n: int, dim: int, noise: float, law: str, seed: int) -> Arrays:
    """x ~ N(0, I), or uniform on the sphere of radius sqrt(dim); y = x . b + noise * N(0, 1), b = (1,
    ..., 1) / sqrt(dim), which is any unit vector, for both laws look the same from all sides.

    1000 more examples without noise, the same for every seed, are the test set.
    """
    train, test = np.random.default_rng(seed), np.random.default_rng([dim, 1])
    x, x_test = train.standard_normal((n, dim)), test.standard_normal((1000, dim))
    if law == "sphere":
        x, x_test = (a * (dim**0.5 / np.linalg.norm(a, axis=1, keepdims=True)) for a in (x, x_test))
    y, y_test = (a.sum(1, keepdims=True) / dim**0.5 for a in (x, x_test))
    return x, y + noise * train.standard_normal((n, 1)), x_test, y_test


def two_speed(n: int, fast: int, slow: int, slowness: float, noise: float, seed: int) -> Arrays:
    """Inputs that gradient descent learns at two speeds (after Heckel & Yilmaz 2021): x = (z_1, s
    z_2) with z ~ N(0, I), z_1 of `fast` entries and z_2 of `slow`; y = z . b + noise * N(0, 1), in
    which each group has a signal of variance 1.

    The curvature along the slow ones is s^2 times that along the others. 1000 more examples without
    noise, the same for every seed, are the test set.
    """
    train, test = np.random.default_rng(seed), np.random.default_rng([fast, slow, 1])
    b = np.concatenate([np.full(m, 1 / max(m, 1) ** 0.5) for m in (fast, slow)])[:, None]
    scale = np.concatenate([np.ones(fast), np.full(slow, slowness)])
    z, z_test = (rng.standard_normal((m, len(b))) for rng, m in ((train, n), (test, 1000)))
    return z * scale, z @ b + noise * train.standard_normal((n, 1)), z_test * scale, z_test @ b


@dataclass(frozen=True)
class GaussianTeacher(Data):
    """A linear teacher; see `gaussian_teacher`."""

    label = "noisy linear teacher"
    targets = "real"
    source = staticmethod(gaussian_teacher)
    n: int = knob(100, 20, 1000, log=True, domain="[1, 10000]", label="examples")
    dim: int = knob(20, 2, 200, log=True, domain="[1, 1000]", label="input dimension")
    noise: float = knob(0.5, 0.0, 2.0, domain="[0, inf)", label="noise σ", stacks=True,
                        help="standard deviation of what is added to the targets")  # fmt: skip
    law: str = knob("gaussian", choices=("gaussian", "sphere"), label="law of the inputs")


@dataclass(frozen=True)
class TwoSpeed(Data):
    """Inputs that are learnt at two speeds; see `two_speed`."""

    label = "two-speed regression"
    targets = "real"
    source = staticmethod(two_speed)
    n: int = knob(100, 20, 1000, log=True, domain="[1, 10000]", label="examples")
    fast: int = knob(70, 1, 200, domain="[0, 1000]", label="fast inputs")
    slow: int = knob(10, 1, 200, domain="[1, 1000]", label="slow inputs")
    slowness: float = knob(0.02, 0.001, 1.0, log=True, domain="(0, inf)", label="scale of the slow",
                           help="of the slow inputs; that of the fast ones is 1")  # fmt: skip
    noise: float = knob(0.2236, 0.0, 2.0, domain="[0, inf)", label="noise σ", stacks=True,
                        help="standard deviation of what is added to the targets")  # fmt: skip
