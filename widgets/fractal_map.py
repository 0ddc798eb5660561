"""The map of a picture over two learning rates: its colours and axes, and what its boundary means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from widgets import theme
from widgets.figure import NOTHING, Spec, cells
from widgets.scale import RAISED

if TYPE_CHECKING:
    from lab_core.zooms import Frame

TITLE, TRACE, SHADES = "Where the net trains", "speeds", 24
TICKS = 5
ABSOLUTE = 1e-3  # half of a side, below which an axis tells the distance from its middle
SMOOTH, LITTLE = 1.15, 1.3  # what a straight line, and one with a few stray pixels, may have here
LAYERS = {"1": "layer 1 (input weights)", "2": "layer 2 (output weights)"}


def shading(across: list[str], up: list[str]) -> Spec:
    """The heat map's trace: blue trains, orange diverges; where they meet, both are slowest."""
    every = [
        f"trains, faster than {1 - (i + 0.5) / SHADES:.0%} of those that do" for i in range(SHADES)
    ]
    every += [
        f"diverges, faster than {(i + 0.5) / SHADES:.0%} of those that do" for i in range(SHADES)
    ]
    colours = theme.ramp(theme.TRAINS, SHADES) + theme.ramp(theme.DIVERGES, SHADES)
    spec = cells(TRACE, 0, 0, every, "speed, by rank in the picture", colours)
    words = (
        "trains, fast",
        "trains",
        "trains, slowly",
        "diverges, slowly",
        "diverges",
        "diverges, fast",
    )
    spec["meta"]["key"] = [*zip([*theme.TRAINS, *theme.DIVERGES], words, strict=True)]
    spec["marker"] = spec["marker"] | {"color": NOTHING}  # it is no replica's
    spec["meta"]["places"] = {"x": across, "y": up}
    return spec


def axis(middle: float, half: float, n: int, layer: str) -> tuple[Spec, list[str]]:
    """An axis' title and ticks, and what each of its n pixels is called. Far in, where all digits would
    not fit, ticks are distances from the middle, and the title has that.
    """
    at = np.linspace(-1, 1, TICKS)
    places = (2 * np.arange(n) + 1) / n - 1
    title, power = f"log₁₀ learning rate of {LAYERS[layer]}", int(np.floor(np.log10(half)))
    if half >= ABSOLUTE:
        texts, names = ([f"{middle + half * v:.{max(0, 1 - power) + more}f}" for v in values]
                        for values, more in ((at, 0), (places, 2)))  # fmt: skip
    else:
        title = f"{title} − {middle:.{2 - power}f}, in 10{str(power).translate(RAISED)}"
        unit = half / 10.0**power
        texts, names = ([f"{unit * v:.{digits}f}" for v in values]
                        for values, digits in ((at, 1), (places, 3)))  # fmt: skip
    texts, names = ([text.replace("-", "−") for text in each] for each in (texts, names))
    ticks = {"tickmode": "array", "tickvals": list((at + 1) / 2 * n - 0.5), "ticktext": texts}
    return {"title": title, "ticks": ticks}, names


def meaning(frame: Frame) -> str:
    """What the boundary's box-counting dimension is, and what that says."""
    if not frame.done:
        return "Box-counting dimension: once the picture is done."
    boxes = frame.boxes
    if not boxes.share:
        return f"No boundary here: all of it {'trains' if frame.speeds[0, 0] < 0 else 'diverges'}."
    if not boxes.resolved:
        dense = boxes.share > 0.1
        why = (f"{boxes.share:.0%} of the pixels are on the boundary: at all but the smallest sizes"
               " nearly every box holds some" if dense else "too little of it for a slope")  # fmt: skip
        return f"Box-counting dimension: not resolved. {why[0].upper()}{why[1:]}; more pixels may show it."
    says = f"Box-counting dimension {boxes.dimension:.2f}: "
    if boxes.dimension < SMOOTH:
        return says + "nearly a smooth curve, which has 1 (within 0.1, from so few pixels)."
    if boxes.dimension < LITTLE:
        return says + "little more than a smooth curve, which has 1."
    return says + "between a curve, which has 1, and an area, which has 2."


def table(frames: list[Frame]) -> str:
    """The zooms so far, as HTML: how wide each window is, and its dimension."""
    known = [(i, f"{frame.window.half:.2g}", _dimension(frame)) for i, frame in enumerate(frames)]
    rows = [f'<tr><th scope="row">{i}</th><td>{half}</td><td>{found}</td></tr>'
            for i, half, found in known]  # fmt: skip
    caption = "<caption>Zooms, in decades of a rate</caption>"
    head = "<thead><tr><th>zoom</th><th>half a side</th><th>dimension</th></tr></thead>"
    return f'<table class="ew-table">{caption}{head}<tbody>{"".join(rows)}</tbody></table>'


def _dimension(frame: Frame) -> str:
    if not frame.done:
        return "–"
    boxes = frame.boxes
    return f"{boxes.dimension:.2f}" if boxes.resolved else "not resolved" if boxes.share else "none"
