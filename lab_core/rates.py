"""How fast a curve falls: the exponential or the power law that fits its later half better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FLOOR = 1e-14  # below it lies rounding
ROUNDING = 1e-12  # a curve that ends below it may stand on a floor of its own, a little higher
FEWEST = 8  # points of the half
MOST = 256  # that are fitted, evenly spread
COARSE = 8 * MOST  # points of all that are looked at
FALL = 1.2  # times: over its later half t^(-1/2) falls by 1.41
SURE = 0.5  # of the variance of log e a law must explain

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """e = constant * exp(-rate t), or constant * t^(-rate): the one with the smaller residual.

    `residual` is the root mean square of log e about it; `other`, that about the other law.
    """

    kind: str  # "exponential" or "power"
    rate: float
    constant: float
    residual: float
    other: float

    def __str__(self) -> str:
        """
        >>> str(Rate("exponential", 0.105, 1.0, 0.0, 0.1)), str(Rate("power", 1.0, 1.0, 0.0, 0.1))
        ('e^(−0.105 t)', 't^(−1.00)')
        """
        rate = f"{self.rate:#.3g}".rstrip(".")
        return f"e^(−{rate} t)" if self.kind == "exponential" else f"t^(−{rate})"


def fit(steps: ArrayLike, values: ArrayLike) -> Rate | None:
    """The law by which `values` [T] fall with `steps` [T], ascending; None where they do not, or
    where too little was measured.

    It is fitted by least squares to log e, over the later half of the steps before e reaches the
    floor of rounding: against t for an exponential, against log t for a power law.
    """
    every = slice(None, None, len(np.asarray(steps)) // COARSE + 1)
    t, e = (np.asarray(v)[every].astype(np.float64) for v in (steps, values))
    t, e = _later_half(t, e)
    if len(t) < FEWEST:
        return None
    log_e = np.log(e)
    lines = {"exponential": _line(t, log_e), "power": _line(np.log(t), log_e)}
    better, other = sorted(lines, key=lambda kind: lines[kind][2])
    slope, start, residual = lines[better]
    span = np.log(t[-1] / t[0]) if better == "power" else t[-1] - t[0]
    unsure = residual**2 > (1 - SURE) * log_e.var()
    if unsure or -slope * span < np.log(FALL):
        return None
    return Rate(better, -slope, float(np.exp(start)), residual, lines[other][2])


def exponent(x: ArrayLike, y: ArrayLike) -> float:
    """p of y ~ x^p: the slope of log y against log x by least squares."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def _later_half(t: Floats, e: Floats) -> tuple[Floats, Floats]:
    """At most `MOST` of the points from half of the last step on, before the floor is reached."""
    known = np.isfinite(e) & (e > 0)
    lowest = e.min(initial=np.inf, where=known)
    floor = max(FLOOR, 10 * lowest) if lowest < ROUNDING else 0.0
    low = np.flatnonzero(known & (e <= floor))
    end = int(low[0]) if len(low) else len(t)
    t, e = t[:end][known[:end]], e[:end][known[:end]]
    start = np.searchsorted(t, max(t[-1] / 2, 1e-300)) if len(t) else 0  # t = 0 has no logarithm
    pick = np.unique(np.linspace(start, len(t) - 1, min(MOST, len(t) - start)).round().astype(int))
    return t[pick], e[pick]


def _line(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Slope, value at 0 and residual of the line through points; rounding counts as none."""
    about, mean = x - x.mean(), y.mean()
    slope = float(about @ (y - mean) / (about @ about))
    residual = float(np.sqrt(np.mean((y - mean - slope * about) ** 2)))
    return slope, float(mean - slope * x.mean()), residual
