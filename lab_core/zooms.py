"""Pictures of a landscape over two learning rates, from coarse to fine, and chains of zooms into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from lab_core.boxes import Boxes, boundary, boxes
from lab_core.fractal import Landscape
from lab_core.knobs import BadInput, check, knob

DEEPER = 8  # times, from one zoom to the next
CROWD = 1 / 3  # of a window's pixels, at most, on the boundary: what is denser cannot be told apart
STRIDES = (8, 4, 2, 1)  # of the pixels that come first, second, ...
ULPS = 4  # of float64, that two neighbouring pixels are apart at least
PIXELS = (64, 80, 96, 128, 192, 256)  # a side, to choose from: multiples of 16


class Measured(Protocol):
    """What a picture is of: a number for each pair of log10 learning rates, below 0 where it trains."""

    @property
    def stack(self) -> int: ...

    def speeds(self, x: np.ndarray, y: np.ndarray, going: Callable[[], bool]) -> np.ndarray: ...


@dataclass(frozen=True)
class Window:
    """A square of log10 learning rates: its middle, x for the first layer and y for the second, and
    half its side. Raises BadInput for numbers that are none, or far from any learning rate.
    """

    x: float = knob(1.5, -1, 4, domain="[-9, 9]", label="middle, layer 1")
    y: float = knob(1.5, -1, 4, domain="[-9, 9]", label="middle, layer 2")
    half: float = knob(2.0, 1e-12, 4, log=True, domain="(0, 6]", label="half of a side")

    def __post_init__(self) -> None:
        check(self)

    def needs(self, pixels: int) -> None:
        """Raise BadInput where float64 does not tell so many pixels apart."""
        least = 0.5 * pixels * ULPS * np.spacing(max(abs(self.x), abs(self.y)) + self.half)
        if self.half < least:
            raise BadInput(
                f"window: half a side of {self.half:.2g} is past what float64 resolves with {pixels}"
                f" pixels; stay above {least:.2g}."
            )

    def axes(self, pixels: int) -> tuple[np.ndarray, np.ndarray]:
        """x and y of the middles of pixels [n]."""
        across = self.half * ((2 * np.arange(pixels) + 1) / pixels - 1)
        return self.x + across, self.y + across

    def part(self, left: float, bottom: float, side: float) -> Window:
        """A square inside; all as shares of the side, from the lower left corner."""
        x, y = (each + self.half * (2 * at + side - 1)
                for each, at in ((self.x, left), (self.y, bottom)))  # fmt: skip
        return Window(x, y, self.half * side)


OVERVIEW = Window()


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture: what it shows, and the speeds [n, n] there, rows along y; nan where not yet known."""

    window: Window
    speeds: np.ndarray

    @property
    def known(self) -> float:
        """The share of the pixels that are."""
        return float(1 - np.isnan(self.speeds).mean())

    @property
    def done(self) -> bool:
        return self.known == 1

    @cached_property
    def boundary(self) -> np.ndarray:
        return boundary(self.speeds < 0)

    @cached_property
    def boxes(self) -> Boxes:
        return boxes(self.boundary)

    def busiest(self, crowd: float = CROWD) -> Window | None:
        """Of the windows an eighth as wide the one with the most boundary that at most a share `crowd`
        of its pixels is on, so that there is something to resolve; None where there is no boundary.
        """
        n = len(self.speeds)
        side = n // DEEPER
        m = side - 1  # a change from a window's last pixel to the next is no longer inside
        sums = np.pad(self.boundary.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        inside = sums[m:, m:] - sums[:-m, m:] - sums[m:, :-m] + sums[:-m, :-m]
        inside = inside[:-1, :-1]
        if not inside.any():
            return None
        worth = np.where(inside <= crowd * m**2, inside, -inside)
        worth[inside == 0] = -(side**2) - 1
        row, column = np.unravel_index(worth.argmax(), worth.shape)
        return self.window.part(int(column) / n, int(row) / n, side / n)


@dataclass(frozen=True, eq=False)
class Picture:
    """A frame, and the landscape that it is of."""

    landscape: Landscape
    frame: Frame


def forever() -> bool:
    return True


def filled(
    landscape: Measured,
    window: Window,
    pixels: int,
    known: np.ndarray | None = None,
    going: Callable[[], bool] = forever,
) -> Iterator[np.ndarray]:
    """The speeds [n, n] of a picture as they become known, nan elsewhere: every eighth pixel of every
    eighth row first, then those between, stack after stack; of `known` ones only what is missing.
    Ends once it is not `going`. Raises BadInput as `Window.needs`.
    """
    window.needs(pixels)
    x, y = window.axes(pixels)
    speeds = np.full((pixels, pixels), np.nan) if known is None else known.copy()
    for stride in STRIDES:
        coarse = np.zeros_like(speeds, bool)
        coarse[::stride, ::stride] = True
        rows, columns = np.nonzero(coarse & np.isnan(speeds))
        for i in range(0, len(rows), landscape.stack):
            row, column = rows[i : i + landscape.stack], columns[i : i + landscape.stack]
            speeds[row, column] = landscape.speeds(x[column], y[row], going)
            if not going():
                return
            yield speeds.copy()


def spread(speeds: np.ndarray) -> np.ndarray:
    """The same with what is not known taken from the nearest coarser pixel below and to the left."""
    shown = np.full_like(speeds, np.nan)
    for stride in STRIDES:
        known = speeds[::stride, ::stride].repeat(stride, 0).repeat(stride, 1)
        known = known[: len(speeds), : len(speeds)]
        shown = np.where(np.isnan(known), shown, known)
    return shown


def shades(speeds: np.ndarray, count: int) -> np.ndarray:
    """Speeds as whole numbers [n, n], by their rank in the picture: 0 where not known, 1 to `count` for
    the fastest to the slowest that train, and on to 2 `count` for the slowest to the fastest that do not.
    """
    out = np.zeros(speeds.shape, np.uint8)
    for side, first, ahead in ((speeds < 0, 1, 1), (speeds > 0, 2 * count, -1)):
        size = np.abs(speeds[side])
        rank = np.searchsorted(np.sort(size), size) * count // max(1, len(size))
        out[side] = first + ahead * rank
    return out


def picture(landscape: Measured, window: Window, pixels: int) -> Frame:
    """All of a picture."""
    *_, speeds = filled(landscape, window, pixels)
    return Frame(window, speeds)


def chain(
    landscape: Measured, pixels: int, frames: int, start: Window = OVERVIEW, crowd: float = CROWD
) -> Iterator[Frame]:
    """A picture, and then again and again the eighth of the last one that is busiest, found anew in
    each. It ends early where there is no boundary, or where float64 ends.
    """
    window: Window | None = start
    for _ in range(frames):
        if window is None:
            return
        try:
            frame = picture(landscape, window, pixels)
        except BadInput:
            return
        yield frame
        window = frame.busiest(crowd)


@dataclass(frozen=True)
class Zooms:
    """A chain of zooms for each seed, as `chain` has it; `finish` gives the frames of each."""

    seed: tuple[int, ...] = (0, 1, 2, 3)
    width: int = 4
    points: int = 4
    steps: int = 300
    pixels: int = 80
    frames: int = 4
    crowd: float = CROWD

    def finish(self) -> list[list[Frame]]:
        each = (Landscape(seed, self.width, self.points, self.steps) for seed in self.seed)
        return [list(chain(one, self.pixels, self.frames, crowd=self.crowd)) for one in each]
