"""The test error of random-feature regression where inputs, features and examples are many."""

from __future__ import annotations

import cmath
import math
from functools import lru_cache
from typing import NamedTuple

RELU = 1 / 4, 1 / 4 - 1 / (2 * math.pi)  # (E[G s(G)])^2, and E[s^2] - E[s]^2 - that, G ~ N(0, 1)
LEAST = 1e-9  # a ridge of 0, as one with which the equations can be solved
ROUNDS = 100_000


class Risk(NamedTuple):
    """Mean squared error on clean targets: `signal`, that of a teacher without noise, and what noise of
    variance 1 adds. Both are averages over inputs, features and noise.
    """

    signal: float
    noise: float

    def of(self, sigma: float) -> float:
        """At a standard deviation of the noise."""
        return self.signal + sigma**2 * self.noise


@lru_cache(maxsize=1024)  # a page draws the curve again with every stack that comes
def random_features(
    features: int, n: int, dim: int, ridge: float, moments: tuple[float, float] = RELU
) -> Risk:
    """Mei & Montanari 2019, theorem 2, for a linear teacher of norm 1.

    f(x) = sum_j w_j s(v_j . x) / sqrt(features), x uniform on the sphere of radius sqrt(dim) and v_j
    on the unit sphere, w minimises mean (f - y)^2 + ridge |w|^2; their lambda is ridge * dim. With psi_1 =
    features / dim, psi_2 = n / dim and zeta^2 = mu_1^2 / mu_*^2 from the activation's `moments`, nu_1 and
    nu_2 solve

        nu_1 = psi_1 / (-xi - nu_2 - zeta^2 nu_2 / (1 - zeta^2 nu_1 nu_2)), and 1 and 2 exchanged,

    at xi = i sqrt(psi_1 psi_2 lambda / mu_*^2), on the branch that vanishes as xi grows; the errors are
    ratios of polynomials in their product. Infinite where features = n without a ridge.
    """
    if features == n and ridge == 0:
        return Risk(math.inf, math.inf)
    p, q, z = features / dim, n / dim, moments[0] / moments[1]
    x = product(p, q, z, 1j * cmath.sqrt(p * q * max(ridge * dim / moments[1], LEAST)))
    below = (
        -(x**5) * z**3
        + 3 * x**4 * z**2
        + (p * q - q - p + 1) * x**3 * z**3
        - 2 * x**3 * z**2
        - 3 * x**3 * z
        + (p + q - 3 * p * q + 1) * x**2 * z**2
        + 2 * x**2 * z
        + x**2
        + 3 * p * q * x * z
        - p * q
    )
    signal = q * x**3 * z**2 - q * x**2 * z + p * q * x * z - p * q
    noise = (
        x**5 * z**3
        - 3 * x**4 * z**2
        + (p - 1) * x**3 * z**3
        + 2 * x**3 * z**2
        + 3 * x**3 * z
        - (p + 1) * x**2 * z**2
        - 2 * x**2 * z
        - x**2
    )
    return Risk((signal / below).real, (noise / below).real)


def product(p: float, q: float, z: float, xi: complex) -> complex:
    """nu_1 nu_2, by the iteration of both halfway, from where it starts for large xi."""
    a, b = p / -xi, q / -xi
    for _ in range(ROUNDS):
        bend = 1 + z / (1 - z * a * b)
        new = (a + p / (-xi - b * bend)) / 2, (b + q / (-xi - a * bend)) / 2
        close = abs(new[0] - a) + abs(new[1] - b) < 1e-13 * (abs(a) + abs(b))
        a, b = new
        if close:
            break
    return a * b
