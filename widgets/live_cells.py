"""The cells of heat maps, which travel as bytes: whole numbers, or levels of real ones."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVELS = 127  # on either side of 0, which is byte 128; byte 0 is nothing
NICE = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)  # ends of a scale
Bytes = NDArray[np.uint8]


def ends(values: NDArray[np.floating], now: float = 0.0) -> float:
    """Where a scale about 0 ends: at the round number next above all |values|. `now` stays while
    they fill enough of it, so that colours do not flicker.
    """
    most = float(np.abs(values).max(initial=0.0, where=np.isfinite(values)))
    if 0.4 * now < most <= now or not most:
        return now or 1.0
    power = 10.0 ** np.floor(np.log10(most))
    return float(next(m * power for m in NICE if m * power >= most * (1 - 1e-9)))


def levels(values: NDArray[np.floating], end: float) -> Bytes:
    """Real values in bytes: 1 to 255 for -end to end, 0 for what is not finite."""
    known = np.isfinite(values)
    level = np.rint(np.where(known, values, 0) / end * LEVELS).clip(-LEVELS, LEVELS)
    return np.where(known, level + LEVELS + 1, 0).astype(np.uint8)


class Cells:
    """The newest cells of each heat map, by trace, and which of them the page does not have."""

    def __init__(self) -> None:
        self._held: dict[str, Bytes] = {}
        self._ends: dict[str, float] = {}  # of the scales of real ones
        self._new: set[str] = set()

    def put(self, trace: str, cells: ArrayLike, real: bool = False) -> None:
        """Take cells [rows, columns] in place of those that there were."""
        if real:
            values = np.asarray(cells, np.float64)
            self._ends[trace] = ends(values, self._ends.get(trace, 0.0))
            cells = levels(values, self._ends[trace])
        self._held[trace] = np.ascontiguousarray(cells, np.uint8)
        self._new.add(trace)

    def drop(self, trace: str) -> None:
        """Forget a trace's."""
        self._held.pop(trace, None)
        self._ends.pop(trace, None)
        self._new.discard(trace)

    @property
    def pending(self) -> bool:
        return bool(self._new)

    def forget(self) -> None:
        """Count nothing as sent."""
        self._new = set(self._held)

    def take(self) -> set[str]:
        """The traces whose cells the page does not have; marks them as sent."""
        new, self._new = self._new, set()
        return new

    def all(self) -> set[str]:
        """The traces that have cells."""
        return set(self._held)

    def pack(self, order: Iterable[str], chosen: set[str]) -> tuple[list[list[float]], list[bytes]]:
        """Those of some traces as a message, [index in `order`, rows, columns] of each, and of real
        ones the end of the scale; and their bytes, in a list that is empty where there are none.
        """
        found = [(i, trace) for i, trace in enumerate(order) if trace in chosen & self._held.keys()]
        rows: list[list[float]] = []
        for i, trace in found:
            end = [self._ends[trace]] if trace in self._ends else []
            rows.append([i, *self._held[trace].shape, *end])
        data = b"".join(self._held[trace].tobytes() for _, trace in found)
        return rows, [data] if found else []
