"""What a lab opens with: a phenomenon by name, and the recipe of a preset, settings and an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from lab_core.formats import from_url
from lab_core.knobs import BadInput
from lab_core.phenomena import PHENOMENA, Phenomenon
from lab_core.recipe import Recipe

PAGE = ("preset=", "theme=")  # what in an address is not the recipe's


def phenomenon(name: str) -> Phenomenon:
    """A phenomenon by its slug, with hyphens or underscores; BadInput where there is none."""
    slug = name.replace("_", "-")
    if slug not in PHENOMENA:
        raise BadInput(f"phenomenon: {name!r} is not known; choose {', '.join(PHENOMENA)}.")
    return PHENOMENA[slug]


def opened(about: Phenomenon, preset: str | None, settings: dict[str, Any], query: str,
           notice: Callable[[str], None]) -> tuple[str, Recipe]:  # fmt: skip
    """The preset and the recipe of an address's query and of settings; what cannot be read is said,
    and left out.
    """
    default = next(iter(about.presets))
    preset = dict(parse_qsl(query)).get("preset", preset or default)
    if preset not in about.presets:
        notice(f"preset: {preset!r} is not known; choose one of {', '.join(about.presets)}."
               " The lab shows its default.")  # fmt: skip
        preset = default
    base = about.presets[preset].recipe
    try:
        knobs_only = "&".join(q for q in query.split("&") if not q.startswith(PAGE))
        return preset, from_url(knobs_only, base).set(settings)
    except BadInput as error:
        notice(f"{error} The lab shows its default.")
        return preset, base
