"""The points of one trace, thinned to what a screen can show; extremes of y are never lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tsdownsample import MinMaxDownsampler

Floats = NDArray[np.float32]


def _empty() -> list[Floats]:
    return [np.empty(0, np.float32), np.empty(0, np.float32)]


def _narrow(values: ArrayLike) -> Floats:
    with np.errstate(over="ignore"):
        return np.asarray(values).astype(np.float32)


def thin(p: Floats, y: Floats, cell: float) -> NDArray[np.intp]:
    """Indices of about three points for each `cell` of p: its first, its smallest y, its largest.

    First points lie on a grid that depends on p alone, so traces measured at the same steps keep
    common steps, and one hover line reads exact values of all of them. The newest point stays.
    """
    cells = p // cell
    first = np.append(0, np.flatnonzero(cells[1:] != cells[:-1]) + 1)
    if 3 * len(first) >= len(p):
        return np.arange(len(p))
    keep = np.zeros(len(p), bool)
    keep[first] = keep[-1] = True
    keep[MinMaxDownsampler().downsample(y, n_out=max(4, 2 * len(first)))] = True
    return np.flatnonzero(keep)


@dataclass
class Points:
    """A trace's points, at most `window` of them, and how many the page has.

    They come along p, ascending, which is x itself unless a trace has a p of its own; then x may
    go anywhere. The newest cell is open: its points are thinned again, and sent again, as more
    come in, so that all of a curve is equally dense: along p, or along its logarithm.
    """

    window: int
    columns: list[Floats] = field(default_factory=_empty)  # x, y and, where it is not x, p
    cell: float = 0.0  # a power of two, so that a coarser grid's points lie on the finer grid
    closed: int = 0  # points before the open cell
    sent: int = 0  # points that the page has too ...
    places: NDArray[np.intp] | None = None  # ... and their places there, where some are to go
    stale: bool = True  # the page is to drop all it has
    log: bool = False

    @property
    def x(self) -> Floats:
        return self.columns[0]

    @property
    def y(self) -> Floats:
        return self.columns[1]

    @property
    def p(self) -> Floats:
        return self.columns[2] if len(self.columns) > 2 else self.columns[0]

    def _along(self, p: Floats) -> Floats:
        return np.log2(1 + p) if self.log else p

    def append(self, x: ArrayLike, y: ArrayLike, p: ArrayLike | None = None) -> None:
        """Add new points. What is not finite in float32 was not measured and is left out."""
        new = [_narrow(x), _narrow(y)]
        if not (measured := np.isfinite(new[0]) & np.isfinite(new[1])).any():
            return
        if p is not None and len(self.columns) == 2:
            self.columns = [*self.columns, self.x]
        if len(self.columns) > 2:
            new.append(new[0] if p is None else _narrow(p))
        self._add([values[measured] for values in new])

    def _add(self, new: list[Floats]) -> None:
        final, pairs = slice(0, self.closed), zip(self.columns, new, strict=True)
        new = [np.concatenate([old[self.closed :], values]) for old, values in pairs]
        if self.cell:
            along = self._along(new[-1] if len(new) > 2 else new[0])
            keep = thin(along, new[1], self.cell)
            new = [values[keep] for values in new]
        pairs = zip(self.columns, new, strict=True)
        self.columns = [np.concatenate([old[final], values]) for old, values in pairs]
        self.sent = min(self.sent, self.closed)
        if len(self.x) > self.window:
            self._thin_anew()
        along = self._along(self.p)
        start = along[-1] // self.cell * self.cell if self.cell else np.inf  # of the open cell
        self.closed = int(np.searchsorted(along, start))

    def replace(self, x: ArrayLike, y: ArrayLike, p: ArrayLike | None = None) -> None:
        """Forget all points and take these."""
        self.columns, self.cell, self.closed = _empty(), 0.0, 0
        self.forget()
        self.append(x, y, p)

    def forget(self) -> None:
        """Count nothing as sent: the page is to drop what it has."""
        self.sent, self.places, self.stale = 0, None, True

    def whole(self) -> Points:
        """The same points, all of them still to be sent."""
        return Points(self.window, list(self.columns), self.cell, self.closed, log=self.log)

    @property
    def numbers(self) -> int:
        """How many numbers these points are."""
        return sum(map(len, self.columns))

    @property
    def pending(self) -> bool:
        return self.stale or self.sent < len(self.x)

    def take(self) -> tuple[list[Floats], int, bytes]:
        """Points for the page, and which of its own it keeps before them: the first so many, or of
        those the ones whose bits are set. Marks all as sent.
        """
        keep, mask, new = self.sent, b"", slice(self.sent, None)
        if self.places is not None and keep:
            bits = np.zeros(self.places[keep - 1] + 1, np.uint8)
            bits[self.places[:keep]] = 1
            keep, mask = len(bits), np.packbits(bits, bitorder="little").tobytes()
        self.sent, self.places, self.stale = len(self.x), None, False
        return [values[new] for values in self.columns], keep, mask

    def _thin_anew(self) -> None:
        """Thin to half the window or so, which leaves room to grow."""
        along = self._along(self.p)
        span = float(abs(along[-1] - along[0])) or 1.0
        self.cell = 2.0 ** np.ceil(np.log2(4 * span / self.window))
        keep = thin(along, self.y, self.cell)
        self.columns = [values[keep] for values in self.columns]
        stay = keep[keep < self.sent]
        self.places = stay if self.places is None else self.places[stay]
        self.sent = len(stay)


def pack(points: dict[Any, Points]) -> tuple[list[list[Any]], list[bytes]]:
    """What each has for the page, as a message: [key, points, points kept, bytes of mask] of each,
    with a 1 after it where p is sent too; and its buffers: x, y (and p), x, y ... and the masks.
    """
    rows, values, masks = [], [], []
    for key, one in points.items():
        columns, keep, mask = one.take()
        rows.append([key, len(columns[0]), keep, len(mask), *[1] * (len(columns) - 2)])
        values += [column.tobytes() for column in columns]
        masks.append(mask)
    return rows, [b"".join(values), b"".join(masks)]


def share(
    histories: Mapping[str, Sequence[ArrayLike]], numbers: int, log: Collection[str] = ()
) -> dict[str, Points]:
    """The histories, all together about so many numbers: short ones whole, the others alike; those
    of `log` along the logarithm.
    """
    out: dict[str, Points] = {}
    lengths = {key: len(np.asarray(columns[0])) for key, columns in histories.items()}
    left = sum(map(len, histories.values()))  # columns that still need room
    for key in sorted(lengths, key=lengths.__getitem__):
        fair = max(32, numbers // left)
        room = fair * 4 // 3  # of which thinning leaves three quarters
        out[key] = Points(room if lengths[key] > room else fair, log=key in log)
        out[key].append(*histories[key])
        if lengths[key] <= fair:
            numbers -= out[key].numbers
            left -= len(histories[key])
    return out


def measured(columns: Sequence[ArrayLike]) -> list[NDArray[Any]]:
    """Only points that are finite in x and y; p only where it is not x."""
    arrays = [np.asarray(values) for values in columns]
    known = np.isfinite(arrays[0]) & np.isfinite(arrays[1])
    arrays = [values[known] for values in arrays]
    return arrays[:2] if np.array_equal(arrays[0], arrays[-1]) else arrays
