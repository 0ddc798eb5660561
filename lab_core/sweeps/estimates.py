"""How long a sweep will take, and how much memory and disk, before it starts."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from lab_core.arm import Arm
from lab_core.costs import footprint, numbers, work
from lab_core.recipe import Recipe
from lab_core.sweep import BUDGET, Sweep, in_stacks

TRIAL = 0.3  # seconds that a trial lasts
SAMPLE = 50  # programs that are looked at, where there are more
PROCESS = 3e8  # bytes of a process before it has computed anything
MANY, LONG, LARGE = 100_000, 600.0, 2e9  # cells, seconds, bytes from which on a person is asked


@dataclass(frozen=True)
class Estimate:
    """Cells that are to be computed, and about how many seconds and bytes that takes."""

    cells: int
    seconds: float
    memory: float
    disk: float

    @property
    def large(self) -> bool:
        """Whether a person should be asked first."""
        many = self.cells > MANY or self.seconds > LONG
        return many or max(self.memory, self.disk) > LARGE

    def __str__(self) -> str:
        disk = f", {_bytes(self.disk)} on disk" if self.disk else ""
        return (
            f"{self.cells:,} cells take about {_time(self.seconds)}, {_bytes(self.memory)} of"
            f" memory{disk}"
        )


def estimate(
    sweep: Sweep, workers: int = 1, missing: int | None = None, kept: bool = True
) -> Estimate:
    """Of a sweep of which `missing` cells are still to be computed (None: all), by a short trial of its
    first stack here; `kept` says whether its outcomes go to disk.
    """
    cells = len(sweep) if missing is None else missing
    recipes = sample(sweep)
    mean = sum(map(work, recipes)) / len(recipes)
    start = time.perf_counter()
    stack = [cell.recipe for cell in next(in_stacks(sweep, workers=workers))]
    took = time.perf_counter() - start + _trial(stack)
    seconds = cells * max(mean, 1.0) * took / (max(work(stack[0]), 1.0) * len(stack))
    most = max(min(max(BUDGET, size), size * cells) for size in map(footprint, recipes))
    disk = 8.0 * cells * sum(map(numbers, recipes)) / len(recipes) if kept else 0.0
    used = min(workers, cells)
    return Estimate(cells, seconds / used, used * (PROCESS + most), disk)


def total(sweep: Sweep) -> float:
    """The work of all cells, about where they have many programs."""
    recipes = sample(sweep)
    return len(sweep) * sum(map(work, recipes)) / len(recipes)


def sample(sweep: Sweep) -> list[Recipe]:
    """The recipe of one cell of each program, or of so many, evenly over the grid."""
    shape = [sweep.shape[a] for a in sweep.apart]
    count = math.prod(shape)
    recipes = []
    for i in np.linspace(0, count - 1, min(count, SAMPLE)).astype(int):
        place = [0] * len(sweep.shape)
        for a, j in zip(sweep.apart, np.unravel_index(i, shape) if shape else (), strict=True):
            place[a] = int(j)
        recipes.append(sweep.cell(tuple(place)).recipe)
    return recipes


def _trial(stack: list[Recipe]) -> float:
    """The seconds that a stack will take."""
    steps, probes = stack[0].steps, [every for _, every in stack[0].probes]
    start = time.perf_counter()
    arm = Arm(stack)
    arm.forget()
    arm.advance(1)  # with every probe, from a cold start
    begun, turn = time.perf_counter(), 1
    while not arm.done and time.perf_counter() - begun < TRIAL:
        arm.advance(turn)
        turn *= 2
    first, rest = begun - start, time.perf_counter() - begun
    for r in range(arm.R):
        arm.record.only(r)
    first += time.perf_counter() - begun - rest
    a_step = rest / max(1, arm.t - 1)
    unseen = sum(1 / every for every in probes if every >= arm.t) / max(1, len(probes))
    return first + steps * (a_step + first * unseen)


def _time(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(1, seconds):.0f} s"


def _bytes(size: float) -> str:
    unit, scale = ("GB", 1e9) if size >= 1e9 else ("MB", 1e6)
    return (
        f"{max(1, size / scale):,.1f} {unit}" if unit == "GB" else f"{max(1, size / scale):.0f} MB"
    )
