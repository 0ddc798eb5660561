"""What the commands share: the recipe that their arguments ask for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lab_core.knobs import BadInput

if TYPE_CHECKING:
    from lab_core.phenomena import Phenomenon
    from lab_core.recipe import Recipe


def chosen(args: argparse.Namespace, base: Recipe | None = None) -> Recipe:
    """The recipe that NAME or FILE, --preset, --set and --steps ask for; the latter two alone where there
    is a `base`.
    """
    from lab_core.formats import from_url
    from lab_core.phenomena import PHENOMENA

    adds = ("change=", "branch=")  # these add up; of any other name the last counts
    settings = {t if t.startswith(adds) else t.partition("=")[0]: t for t in args.set}
    if args.steps is not None:
        settings["steps"] = f"steps={args.steps}"
    if base is not None:
        pass
    elif args.recipe in PHENOMENA:
        base = preset(PHENOMENA[args.recipe], args.preset)
    elif args.preset:
        raise BadInput(f"preset: it goes with a phenomenon; choose one of {', '.join(PHENOMENA)}.")
    else:
        base = loaded(Path(args.recipe), ", ".join(PHENOMENA))
    return from_url("&".join(settings.values()), base)


def preset(phenomenon: Phenomenon, name: str | None) -> Recipe:
    """The recipe of a preset, of the first where no name is given."""
    figures = ", ".join(phenomenon.figures)
    if not phenomenon.presets or name in phenomenon.figures:
        raise BadInput(
            f"{phenomenon.slug}: {name or 'it'} is no single run; open the lab, or `edgewise sweep` its"
            f" figures ({figures})."
        )
    if name is None:
        return phenomenon.default.recipe
    if name not in phenomenon.presets:
        raise BadInput(f"preset: {name!r} is not known; choose {', '.join(phenomenon.presets)}.")
    return phenomenon.presets[name].recipe


def loaded(path: Path, names: str) -> Recipe:
    """The recipe in a JSON file."""
    from lab_core.formats import LONGEST_JSON, from_json

    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST_JSON + 1)
    except FileNotFoundError:
        raise BadInput(
            f"{path}: neither a phenomenon nor a file; choose one of {names}, or a recipe.json."
        ) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise BadInput(f"{path}: it cannot be read ({why}); give a recipe's JSON file.") from None
    return from_json(text)
