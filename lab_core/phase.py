"""A phase diagram: a measure of each run, over two knobs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab_core.sweep import Grid, Success, Sweep


@dataclass(frozen=True)
class Diagram:
    """A sweep over two axes, rows first, and what it shows of each cell: the share of seeds whose runs
    succeed, as the sweep's `stop` says.
    """

    title: str
    sweep: Sweep

    @property
    def success(self) -> Success:
        if self.sweep.stop is None:
            raise ValueError("diagram: its sweep needs a `stop`, which says what success is.")
        return self.sweep.stop

    def shares(self, grid: Grid) -> np.ndarray:
        """The share of seeds that succeed [rows, columns]; nan where it is not known."""
        steps = grid.reached(self.success)
        return np.where(np.isnan(steps), np.nan, np.isfinite(steps)).mean(-1)
