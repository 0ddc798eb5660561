"""The key: what arms and replicas are called where their colours are explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from widgets import theme
from widgets.sources import of_arm

if TYPE_CHECKING:  # the page shows its empty plots before torch is there
    from lab_core.arm import Arm
    from lab_core.recipe import Recipe

UNTOLD = ("steps", "probes", "changes")  # in which arms differ without being other runs
MOST = len(theme.REPLICAS)  # replicas in a label; further ones repeat their colours


def names(arms: Sequence[Arm]) -> dict[int, str]:
    """In what each arm was, when it opened, set otherwise than the first, and how the first was set
    there; its optimizer, where they do not differ.
    """
    from lab_core.plain import differences  # here, since it imports torch
    from lab_core.recipe import varied

    opened = {arm.index: arm.segments[0][1][0] for arm in arms}
    first = opened[arms[0].index]
    told = {i: [n for n in differences(r, first) if n not in UNTOLD] for i, r in opened.items()}
    told[arms[0].index] = list(dict.fromkeys(chain(*told.values())))
    for arm in arms:  # what is not the same in all replicas is said of each
        own = varied(arm.segments[0][1])
        told[arm.index] = [n for n in told[arm.index] if n not in own]
    return {i: _words(opened[i], told[i]) or opened[i].optimizer.label for i in opened}


def _words(recipe: Recipe, settings: Sequence[str]) -> str:
    """How a recipe is set in some parts and knobs, those that it has."""
    from lab_core.recipe import PARTS

    knobs = recipe.flat()
    texts = []
    for name in settings:
        if name in PARTS:
            label = getattr(recipe, name).label
            said = f"no {name}" if label == "none" else f"{name} {label}"
            texts.append(label if name == "optimizer" else said)
        elif name in knobs:
            texts.append(f"{_called(recipe, name)} {_value(knobs[name])}")
    return ", ".join(texts)


def _called(recipe: Recipe, name: str) -> str:
    """A knob's name, or, where that is a letter, what its slider says."""
    from lab_core.knobs import knobs
    from lab_core.recipe import PARTS

    owners = [getattr(recipe, part) for part in PARTS] if len(name) == 1 else []
    found = (knobs(owner)[name].label for owner in owners if name in knobs(owner))
    return next(found, name.replace("_", " "))


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def labels(arms: Sequence[Arm], colours: Mapping[int, int]) -> dict[int, dict[str, Any]]:
    """Of each arm its label on the timeline: "name" where there are several; "knob", "replicas" and
    "dash" where its curves could be taken for others. `colours` are those of the first replicas.
    """
    several, called = len(arms) > 1, names(arms)
    out = {}
    for arm in arms:
        name = f"arm {arm.index}: {called[arm.index]}" if several else ""
        out[arm.index] = {"name": name} | _replicas(arm, colours[arm.index], several)
    return out


def _replicas(arm: Arm, first: int, several: bool) -> dict[str, Any]:
    source = of_arm(arm, first)
    knob, texts = apart(arm.recipes)
    marks = [theme.style(first + r)["marker"] for r in range(arm.R)]
    shown = [{"text": t, **mark} for t, mark in zip(texts, marks, strict=True)][:MOST]
    dash: str = theme.style(0, source.style)["line"]["dash"]
    if arm.R > MOST:
        shown[-1]["text"] += " ..."
    return {"knob": knob, "replicas": shown if several or arm.R > 1 else [], "dash": dash}


def apart(recipes: Sequence[Recipe]) -> tuple[str, list[str]]:
    """The knob in which replicas differ, and each one's value; "" where that needs more words.

    >>> from lab_core.recipe import Recipe
    >>> apart(Recipe().set({"lr": (0.1, 0.2)}).split())
    ('lr', ['0.1', '0.2'])
    """
    from lab_core.recipe import varied

    if len(recipes) == 1:
        return "", [""]
    each, differ = [r.flat() for r in recipes], varied(recipes)
    if not differ:
        return "replica", [str(r) for r in range(len(recipes))]
    if len(differ) == 1:
        return _called(recipes[0], differ[0]), [_value(e[differ[0]]) for e in each]
    return "", [", ".join(f"{n.replace('_', ' ')} {_value(e[n])}" for n in differ) for e in each]
