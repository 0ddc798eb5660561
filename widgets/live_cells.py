"""The cells of heat maps: whole numbers, which travel as bytes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Cells:
    """The newest cells of each heat map, by trace, and which of them the page does not have."""

    def __init__(self) -> None:
        self._held: dict[str, NDArray[np.uint8]] = {}
        self._new: set[str] = set()

    def put(self, trace: str, cells: ArrayLike) -> None:
        """Take cells [rows, columns] in place of those that there were."""
        self._held[trace] = np.ascontiguousarray(cells, np.uint8)
        self._new.add(trace)

    def drop(self, trace: str) -> None:
        """Forget a trace's."""
        self._held.pop(trace, None)
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

    def pack(self, order: Iterable[str], chosen: set[str]) -> tuple[list[list[int]], list[bytes]]:
        """Those of some traces as a message, [index in `order`, rows, columns] of each; and their
        bytes, in a list that is empty where there are none.
        """
        found = [(i, self._held[trace]) for i, trace in enumerate(order) if trace in chosen]
        data = b"".join(cells.tobytes() for _, cells in found)
        return [[i, *cells.shape] for i, cells in found], [data] if found else []
