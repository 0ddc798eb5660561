"""One run of a sweep: chosen by a click or by sliders, and opened in its lab."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

if TYPE_CHECKING:
    from lab_core.recipe import Recipe
    from lab_core.sweep import Axis, Cell, Sweep


class Single:
    """A line that says which run is chosen, with a link that opens it in the lab of its phenomenon."""

    def __init__(self) -> None:
        self.view = ipw.HTML()
        self.view.add_class("ew-single")

    def group(self, axes: Sequence[Axis], at: Sequence[int], ids: Sequence[str]) -> dict[str, Any]:
        """Sliders, one for each axis, for those who do not click."""
        controls = [
            {"id": id, "label": axis.label, "kind": "slider", "scale": "index", "value": i,
             "options": [{"value": j, "label": _said(v)} for j, v in enumerate(axis.values)]}
            for id, axis, i in zip(ids, axes, at, strict=True)
        ]  # fmt: skip
        return {"title": "One run of it", "controls": controls}

    def show(self, cell: Cell, sweep: Sweep, phenomenon: str, preset: str) -> None:
        """Offer the run of a cell."""
        where = [f"{axis.label} {_said(axis.values[i])}"
                 for axis, i in zip(sweep.over, cell.place, strict=False)]  # fmt: skip
        query = address(cell.recipe, phenomenon, preset)
        notebook = beside(phenomenon)
        text = escape(f"{', '.join(where)}, seed {cell.recipe.seed}: ")
        if notebook:
            link = f'<a href="{escape(f"{notebook}?{query}")}" target="_blank">open this run</a>'
        else:
            link = f"<code>{escape(f'Lab({phenomenon!r}, link={query!r})')}</code>"
        self.view.value = f"<p>{text}{link}</p>"


def address(recipe: Recipe, phenomenon: str, preset: str) -> str:
    """The query with which the lab of a phenomenon opens with a recipe, and measures what the preset
    shows, too.
    """
    from lab_core import formats
    from lab_core.phenomena import PHENOMENA

    base = PHENOMENA[phenomenon].presets[preset].recipe
    probes = tuple((dict(recipe.probes) | dict(base.probes)).items())
    query = formats.to_url(recipe.set({"probes": probes}), base)
    return "&".join(filter(None, [f"edgewise={formats.VERSION}", f"preset={preset}", query]))


def beside(phenomenon: str) -> str:
    """The file name of a phenomenon's notebook, "" where it is not in the folder."""
    found = sorted(Path.cwd().glob(f"[0-9]*_{phenomenon.replace('-', '_')}.ipynb"))
    return found[0].name if found else ""


def _said(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
