"""Schedules: (step t, last step T) -> multiplier of the learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

from lab_core.knobs import knob


class Schedule(Protocol):
    """A multiplier of the learning rate; live, so its knobs can change while a run goes on."""

    label: ClassVar[str]

    def __call__(self, t: int, steps: int) -> float: ...


@dataclass(frozen=True)
class Constant:
    """1."""

    label: ClassVar[str] = "constant"

    def __call__(self, t: int, steps: int) -> float:
        return 1.0


@dataclass(frozen=True)
class Warmup:
    """Linear warm-up: min(1, (t + 1) / W)."""

    label: ClassVar[str] = "warm-up"
    warmup: int = knob(200, 1, 1000, log=True, unit="steps", domain="[1, 10000000]")

    def __call__(self, t: int, steps: int) -> float:
        return min(1.0, (t + 1) / self.warmup)


@dataclass(frozen=True)
class LinearDecay:
    """1 - t / T, down to 0."""

    label: ClassVar[str] = "linear decay"

    def __call__(self, t: int, steps: int) -> float:
        return max(0.0, 1 - t / steps)


@dataclass(frozen=True)
class Cosine:
    """(1 + cos(pi t / T)) / 2 (Loshchilov & Hutter 2017)."""

    label: ClassVar[str] = "cosine"

    def __call__(self, t: int, steps: int) -> float:
        return 0.5 * (1 + math.cos(math.pi * min(t / steps, 1.0)))


@dataclass(frozen=True)
class OneCycle:
    """One cycle (Smith & Topin 2018): linear from 1/D up to 1 at the peak, then linear to 0."""

    label: ClassVar[str] = "one cycle"
    peak: float = knob(0.3, 0.05, 0.95, help="peak, as a share of the run", domain="(0, 1)")
    start_divisor: float = knob(25.0, 1, 100, log=True, domain="[1, inf)")

    def __call__(self, t: int, steps: int) -> float:
        s = min(t / steps, 1.0)
        start = 1 / self.start_divisor
        return start + (1 - start) * s / self.peak if s < self.peak else (1 - s) / (1 - self.peak)


@dataclass(frozen=True)
class Geometric:
    """rho^t (Goffin 1977), at least 1e-30: the steps with which sub-gradient methods converge
    linearly.
    """

    label: ClassVar[str] = "geometric decay"
    rho: float = knob(0.995, 0.9, 1.0, label="ratio ρ", help="of one step to the step before it",
                      domain="(0, 1]")  # fmt: skip

    def __call__(self, t: int, steps: int) -> float:
        return max(self.rho**t, 1e-30)


@dataclass(frozen=True)
class Drop:
    """1 before step `drop_at`, `drop_to` from there on: a phase of large steps, then one of small ones."""

    label: ClassVar[str] = "one drop"
    drop_at: int = knob(500, 10, 100_000, log=True, unit="steps", domain="[0, 10000000]")
    drop_to: float = knob(
        0.1, 0.01, 1.0, log=True, domain="(0, 1]", help="a share of the rate before"
    )

    def __call__(self, t: int, steps: int) -> float:
        return 1.0 if t < self.drop_at else self.drop_to


def elapsed(times: list[float], rates: list[float], multipliers: list[float]) -> list[float]:
    """Training times [R], sums of learning rates, after steps at these multiples of the rates [R].

    Added up step by step, so that the bits do not depend on how a run is cut into chunks; in plain
    floats, for that is the fastest for so few.
    """
    after = []
    for time, rate in zip(times, rates, strict=True):
        for m in multipliers:
            time += rate * m
        after.append(time)
    return after


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "warmup": Warmup,
    "cosine": Cosine,
    "linear": LinearDecay,
    "one-cycle": OneCycle,
    "geometric": Geometric,
    "drop": Drop,
}
