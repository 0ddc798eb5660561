"""What a person has zoomed a live figure to: state that may come from a link, so nothing is trusted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import traitlets as t

from widgets.figure import Spec

AXIS = re.compile(r"[xy][2-4]?")
LARGEST = 1e38  # of float32, in which all points travel


def _range(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    if not all(type(v) in (int, float) and abs(v) < LARGEST for v in value):
        return False
    low, high = value
    return high - low > 1e-9 * max(abs(low), abs(high))  # finer than the numbers of the points


def sound_zoom(value: Any) -> dict[str, list[float]]:
    """Of {"x": [low, high], "y2": ...} what can be drawn; all else is left out.

    >>> sound_zoom({"x": [0, 10], "y2": [1, 1], "z": [0, 1], "y": [0, float("inf")], "x2": "all"})
    {'x': [0.0, 10.0]}
    """
    items = value.items() if isinstance(value, dict) else ()
    named = {k: v for k, v in items if isinstance(k, str) and AXIS.fullmatch(k)}
    return {k: [float(v[0]), float(v[1])] for k, v in named.items() if _range(v)}


def sound_scales(value: Any) -> dict[str, str]:
    """Of {"y2": "log", ...} what can be drawn; all else is left out.

    >>> sound_scales({"y": "linear", "y2": "cubic", "x": "log", 3: "log"})
    {'y': 'linear'}
    """
    items = value.items() if isinstance(value, dict) else ()
    named = {k: v for k, v in items if isinstance(k, str) and AXIS.fullmatch(k) and k[0] == "y"}
    return {k: v for k, v in named.items() if v in ("log", "linear")}


class Sound(t.Dict):
    """A dictionary that takes anything and keeps what is sound of it."""

    def __init__(self, sound: Callable[[Any], dict[str, Any]]) -> None:
        super().__init__()
        self._sound = sound

    def validate(self, obj: Any, value: Any) -> Any:
        return super().validate(obj, self._sound(value))


def outdated(x: str, y: str, old: Spec, new: Spec) -> set[str]:
    """Which of the axes x and y mean something else in layout `new` than in `old`."""

    def meaning(layout: Spec, axis: str) -> tuple[Any, ...]:
        spec = layout.get(axis.replace(axis[0], f"{axis[0]}axis"), {})
        return spec.get("title"), spec.get("type") if axis == x else None

    def title(layout: Spec) -> Any:
        panels, index = layout.get("meta", {}).get("panels", ()), int(x[1:] or 1) - 1
        return panels[index].get("title") if index < len(panels) else None

    moved = {axis for axis in (x, y) if meaning(old, axis) != meaning(new, axis)}
    return moved if title(old) == title(new) else moved | {y}
