"""The axes of still pictures: what they span, and the numbers along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Axis:
    """What an axis says, and what it always spans (`include`), at most spans (`clip`) and spans exactly
    (`span`), each as (low, high) or nothing; `zero` says that a linear one begins at 0.
    """

    title: str
    log: bool = False
    zero: bool = False
    include: tuple[float, ...] = ()
    clip: tuple[float, ...] = ()
    span: tuple[float, ...] = ()

    def range(self, values: Sequence[np.ndarray]) -> tuple[float, float]:
        """Its ends, as it is scaled: in powers of 10 where it is logarithmic."""
        every = np.concatenate([*values, np.array(self.include, float)])
        if self.clip:
            every = np.clip(every, self.clip[0], self.clip[1])
        every = self.scaled(self.span or every)
        every = every[np.isfinite(every)]
        low, high = (float(every.min()), float(every.max())) if every.size else (0.0, 1.0)
        if self.zero and not self.log:
            low, high = min(low, 0.0), max(high, 0.0)
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    def scaled(self, values: object) -> np.ndarray:
        """Values as they are spread along it; nan where they have no place."""
        values = np.asarray(values, float)
        return np.log10(np.where(values > 0, values, np.nan)) if self.log else values


def number(value: float) -> str:
    """A number on an axis.

    >>> number(0.25), number(20000), number(1e-5)
    ('0.25', '2×10⁴', '10⁻⁵')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}".replace("-", "−")
    digits, power = f"{value:.2e}".split("e")
    front = f"{float(digits):g}".replace("-", "−")
    raised = "10" + str(int(power)).translate(RAISED)
    return raised if front == "1" else f"{front}×{raised}"


def words(values: Sequence[float], log: bool) -> list[str]:
    """The numbers along an axis: powers of 10 are written as such where they go far.

    >>> words([0.01, 1.0, 100.0, 10000.0], log=True)
    ['10⁻²', '10⁰', '10²', '10⁴']
    """
    powers = [round(np.log10(v)) if v > 0 else 0 for v in values]
    far = log and any(not -3 <= p < 4 for p in powers)
    if far and all(v == 10.0**p for v, p in zip(values, powers, strict=True)):
        return [f"10{str(p).translate(RAISED)}" for p in powers]
    return [number(v) for v in values]


def nice(low: float, high: float, log: bool = False) -> list[float]:
    """Some round numbers from low to high, which are powers of 10 where it is logarithmic.

    >>> nice(0, 42), nice(-3, 2, log=True)
    ([0.0, 20.0, 40.0], [0.001, 0.1, 10.0])
    """
    if log and high - low >= 1:
        powers = range(int(np.ceil(low - 1e-9)), int(np.floor(high + 1e-9)) + 1)
        return [10.0**p for p in powers[:: -(-len(powers) // 4)]]
    if log:
        return [v for v in nice(10**low, 10**high) if v > 0]
    rough = (high - low) / 3
    unit = 10.0 ** np.floor(np.log10(rough))
    step = unit * next(m for m in (1, 2, 5, 10) if m * unit >= 0.8 * rough)
    first = int(np.ceil(low / step - 1e-9))
    return [float(f"{i * step:.6g}") for i in range(first, int(high / step + 1e-9) + 1)]
