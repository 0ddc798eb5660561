"""The points of one trace, thinned to what a screen can show; extremes are never lost."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tsdownsample import MinMaxDownsampler

Floats = NDArray[np.float32]


def _empty() -> Floats:
    return np.empty(0, np.float32)


def thin(x: Floats, y: Floats, cell: float) -> tuple[Floats, Floats]:
    """Keep about three points for each `cell` of x: its first, its smallest and its largest.

    First points lie on a grid that depends on x alone, so traces measured at the same steps keep
    common steps, and one hover line reads exact values of all of them. The newest point stays.
    """
    if not cell:
        return x, y
    first = np.unique(x // cell, return_index=True)[1]
    if 3 * len(first) >= len(x):
        return x, y
    extremes = MinMaxDownsampler().downsample(y, n_out=max(4, 2 * len(first)))
    keep = np.unique(np.concatenate([first, extremes.astype(np.intp), [len(x) - 1]]))
    return x[keep], y[keep]


@dataclass
class Points:
    """A trace's points, at most `window` of them (x ascending), and how many the page has.

    The newest cell is open: its points are thinned again, and sent again, as more come in, so that
    all of a curve is equally dense.
    """

    window: int
    x: Floats = field(default_factory=_empty)
    y: Floats = field(default_factory=_empty)
    cell: float = 0.0  # a power of two, so that a coarser grid's points lie on the finer grid
    closed: int = 0  # points before the open cell
    sent: int = 0
    stale: bool = True  # the page must drop what it has

    def append(self, x: ArrayLike, y: ArrayLike) -> None:
        """Add new points. What is not finite in float32 was not measured and is left out."""
        x, y = np.asarray(x, np.float32), np.asarray(y)
        with np.errstate(over="ignore"):
            y = y.astype(np.float32)
        if not (measured := np.isfinite(y)).any():
            return
        final = slice(0, self.closed)
        x = np.concatenate([self.x[self.closed :], x[measured]])
        y = np.concatenate([self.y[self.closed :], y[measured]])
        x, y = thin(x, y, self.cell)
        self.x, self.y = np.concatenate([self.x[final], x]), np.concatenate([self.y[final], y])
        self.sent = min(self.sent, self.closed)
        if len(self.x) > self.window:
            self._thin_anew()
        self._close()

    def replace(self, x: ArrayLike, y: ArrayLike) -> None:
        """Forget all points and take these."""
        self.x, self.y, self.cell, self.closed = _empty(), _empty(), 0.0, 0
        self.stale = True
        self.append(x, y)

    def take(self) -> tuple[Floats, Floats, int]:
        """Points for the page and how many of its own it keeps before them; marks all sent."""
        keep = 0 if self.stale else self.sent
        self.sent, self.stale = len(self.x), False
        return self.x[keep:], self.y[keep:], keep

    @property
    def pending(self) -> bool:
        return self.stale or self.sent < len(self.x)

    def _close(self) -> None:
        cells = self.x // self.cell if self.cell else np.arange(len(self.x) + 1)
        self.closed = int(np.searchsorted(cells, cells[-1]))

    def _thin_anew(self) -> None:
        """Thin to half the window or so, which leaves room to grow: amortised, one more send."""
        span = float(abs(self.x[-1] - self.x[0])) or 1.0
        self.cell = 2.0 ** np.ceil(np.log2(4 * span / self.window))
        self.x, self.y = thin(self.x, self.y, self.cell)
        self.stale = True
