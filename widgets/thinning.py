"""The points of one trace, thinned to what a screen can show; extremes are never lost."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tsdownsample import MinMaxDownsampler

Floats = NDArray[np.float32]


def _empty() -> Floats:
    return np.empty(0, np.float32)


def thin(x: Floats, y: Floats, cell: float) -> NDArray[np.intp]:
    """Indices of about three points for each `cell` of x: its first, its smallest, its largest.

    First points lie on a grid that depends on x alone, so traces measured at the same steps keep
    common steps, and one hover line reads exact values of all of them. The newest point stays.
    """
    cells = x // cell
    first = np.append(0, np.flatnonzero(cells[1:] != cells[:-1]) + 1)
    if 3 * len(first) >= len(x):
        return np.arange(len(x))
    keep = np.zeros(len(x), bool)
    keep[first] = keep[-1] = True
    keep[MinMaxDownsampler().downsample(y, n_out=max(4, 2 * len(first)))] = True
    return np.flatnonzero(keep)


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
    sent: int = 0  # points that the page has too ...
    places: NDArray[np.intp] | None = None  # ... and their places there, where some are to go
    stale: bool = True  # the page is to drop all it has

    def append(self, x: ArrayLike, y: ArrayLike) -> None:
        """Add new points. What is not finite in float32 was not measured and is left out."""
        x, y = np.asarray(x, np.float32), np.asarray(y)
        with np.errstate(over="ignore"):
            y = y.astype(np.float32)
        if not (measured := np.isfinite(y)).any():
            return
        x = np.concatenate([self.x[self.closed :], x[measured]])
        y = np.concatenate([self.y[self.closed :], y[measured]])
        if self.cell:
            keep = thin(x, y, self.cell)
            x, y = x[keep], y[keep]
        final = slice(0, self.closed)
        self.x, self.y = np.concatenate([self.x[final], x]), np.concatenate([self.y[final], y])
        self.sent = min(self.sent, self.closed)
        if len(self.x) > self.window:
            self._thin_anew()
        start = self.x[-1] // self.cell * self.cell if self.cell else np.inf  # of the open cell
        self.closed = int(np.searchsorted(self.x, start))

    def replace(self, x: ArrayLike, y: ArrayLike) -> None:
        """Forget all points and take these."""
        self.x, self.y, self.cell, self.closed = _empty(), _empty(), 0.0, 0
        self.forget()
        self.append(x, y)

    def forget(self) -> None:
        """Count nothing as sent: the page is to drop what it has."""
        self.sent, self.places, self.stale = 0, None, True

    @property
    def pending(self) -> bool:
        return self.stale or self.sent < len(self.x)

    def take(self) -> tuple[Floats, Floats, int, bytes]:
        """Points for the page, and which of its own it keeps before them: the first so many, or of
        those the ones whose bits are set. Marks all as sent.
        """
        keep, mask, new = self.sent, b"", slice(self.sent, None)
        if self.places is not None and keep:
            bits = np.zeros(self.places[keep - 1] + 1, np.uint8)
            bits[self.places[:keep]] = 1
            keep, mask = len(bits), np.packbits(bits, bitorder="little").tobytes()
        self.sent, self.places, self.stale = len(self.x), None, False
        return self.x[new], self.y[new], keep, mask

    def _thin_anew(self) -> None:
        """Thin to half the window or so, which leaves room to grow."""
        span = float(abs(self.x[-1] - self.x[0])) or 1.0
        self.cell = 2.0 ** np.ceil(np.log2(4 * span / self.window))
        keep = thin(self.x, self.y, self.cell)
        self.x, self.y = self.x[keep], self.y[keep]
        stay = keep[keep < self.sent]
        self.places = stay if self.places is None else self.places[stay]
        self.sent = len(stay)
