"""Box counting: how many boxes of a side the boundary in a picture needs, and the dimension in that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FULL = (
    0.9  # share of boxes from which their number says the size of the picture, not of the boundary
)
FEWEST = 3  # sizes that a slope is fitted through
ACROSS = 4  # boxes along a side, at least


def boundary(inside: np.ndarray) -> np.ndarray:
    """Of each pixel of [n, n], whether it differs from the next one in its row or in its column."""
    found = np.zeros_like(inside, bool)
    found[:, :-1] |= inside[:, :-1] != inside[:, 1:]
    found[:-1] |= inside[:-1] != inside[1:]
    return found


@dataclass(frozen=True)
class Boxes:
    """How many boxes of each side (in pixels) hold some of a set in a picture of `pixels` squared."""

    pixels: int
    counts: tuple[tuple[int, int], ...]  # side, boxes

    @property
    def share(self) -> float:
        """Of all pixels, those in the set."""
        return self.counts[0][1] / self.pixels**2

    @property
    def used(self) -> list[tuple[int, int]]:
        """Sides at which most boxes are not full: beyond, a set that fills the plane looks the same."""
        return [(s, k) for s, k in self.counts if 0 < k <= FULL * (self.pixels // s) ** 2]

    @property
    def resolved(self) -> bool:
        """Whether there are sides enough for a slope."""
        return len(self.used) >= FEWEST

    @property
    def dimension(self) -> float:
        """-d log(boxes) / d log(side) by least squares; nan where the set is empty or not resolved.

        Small pictures are biased, and mostly downwards: straight lines across 64 to 128 pixels give
        0.7 (near a corner) to 1.06, 0.98 in the median.
        """
        if not self.resolved:
            return float("nan")
        side, boxes = np.log(np.array(self.used, float)).T
        return float(-np.polyfit(side, boxes, 1)[0])


def boxes(found: np.ndarray) -> Boxes:
    """Count the boxes of a set [n, n] with sides 1, 2, 4, ... that divide n, up to n / 4."""
    n, counts, side = len(found), [], 1
    while n % side == 0 and n // side >= ACROSS:
        whole = found.reshape(n // side, side, n // side, side).any((1, 3))
        counts.append((side, int(whole.sum())))
        side *= 2
    return Boxes(n, tuple(counts))
