"""The controls of a lab, built from the registries and the knobs of a recipe; no code per part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lab_core.arm import Arm
from lab_core.flows import FLOWS
from lab_core.knobs import Knob, knobs
from lab_core.phenomena import Phenomenon
from lab_core.recipe import PARTS, Recipe, companions, slug, stacks
from lab_core.timeline import FROM_HERE, LIVE_KNOBS, LIVE_PARTS, OWN
from widgets import theme
from widgets.sources import AXES

Spec = dict[str, Any]
ALL = "all"
# in the order of the page: what is exchanged most comes first
MOVING = [part for part in reversed(LIVE_KNOBS) if part not in LIVE_PARTS]
OPENING = [*reversed(FROM_HERE), *(p for p in PARTS if p not in (*FROM_HERE, *LIVE_PARTS))]


def target_of(value: str) -> tuple[int, int | None]:
    """The arm and replica (None: all) that a value of the first control stands for."""
    arm, replica = value.split(":")
    return int(arm), None if replica == ALL else int(replica)


@dataclass(frozen=True)
class Here:
    """What the controls show: an arm's settings, one recipe a replica, at some step."""

    recipes: list[Recipe]
    N: int

    @property
    def program(self) -> Recipe:
        return self.recipes[0]


def groups(phenomenon: Phenomenon, preset: str, arms: list[Arm], target: str, origin: str,
           recipes: list[Recipe], colours: Mapping[int, int]) -> list[Spec]:  # fmt: skip
    """All groups of controls for a run's arms and the replicas that live changes go to, whose arm is set
    to `recipes`; `colours` are the numbers of the arms' first.
    """
    arm, replica = target_of(target)
    here = Here(recipes, next(a.N for a in arms if a.index == arm))
    return [
        {"title": "Preset", "controls": [_preset(phenomenon, preset)]},
        {"title": "Change while it runs",
         "controls": [_target(arms, target, colours), *_live(here, replica)]},
        {"title": "Starts a new arm", "compact": True, "controls": [_origin(origin), *_arm(here.program)]},
    ]  # fmt: skip


def compared(x: str, ghosts: list[bool]) -> Spec:
    """What the curves are drawn against, and which ghosts are drawn beside the chosen arm."""
    options = [{"value": slug, "label": axis.label} for slug, axis in AXES.items()]
    against = {"id": "against", "label": "x axis", "kind": "choice", "value": x, "options": options,
            "help": "what the curves are drawn against"}  # fmt: skip
    flows = [
        {"id": kind, "label": flow.label, "kind": "toggle", "value": on, "help": flow.predicts}
        for (kind, flow), on in zip(FLOWS.items(), ghosts, strict=True)
    ]
    return {"title": "Compare", "controls": [against, *flows]}


def _preset(phenomenon: Phenomenon, preset: str) -> Spec:
    options = [{"value": slug, "label": p.title} for slug, p in phenomenon.presets.items()]
    return {"id": "preset", "label": "preset", "kind": "choice", "value": preset,
            "options": options}  # fmt: skip


def _target(arms: list[Arm], target: str, colours: Mapping[int, int]) -> Spec:
    options: list[Spec] = []
    for arm in arms:
        where = f"arm {arm.index}, " if len(arms) > 1 else ""
        options.append({"value": f"{arm.index}:{ALL}", "label": f"{where}all replicas"})
        options += [
            {
                "value": f"{arm.index}:{r}",
                "label": where + arm.label(r),
                "color": theme.colour(colours[arm.index] + r),
            }
            for r in range(arm.R)
        ]
    return {"id": "target", "label": "replicas", "kind": "choice", "value": target,
            "options": options, "help": "which replicas the sliders below move"}  # fmt: skip


def _origin(origin: str) -> Spec:
    options = [{"value": "here", "label": "from here"},
               {"value": "start", "label": "from the start"}]  # fmt: skip
    parts = " or ".join(reversed(FROM_HERE))
    return {"id": "origin", "label": "new arm", "kind": "choice", "value": origin,
            "options": options,
            "help": f"where another {parts} takes up; anything else starts anew"}  # fmt: skip


def _live(arm: Here, replica: int | None) -> list[Spec]:
    program = arm.program
    own = knobs(program)
    out = [by_replica(part, k, arm, replica) for part in MOVING for k in _knobs(part, program)]
    out.append(_batch(own["batch_size"], arm))
    for part in LIVE_PARTS:
        out.append(_part(part, program))
        out += [control(k, getattr(getattr(program, part), k.name)) for k in _knobs(part, program)]
    return [*out, slider(own["steps"], program.steps)]


def _arm(program: Recipe) -> list[Spec]:
    out: list[Spec] = []
    for part in OPENING:
        out.append(_part(part, program))
        fixed = _knobs(part, program) if part not in LIVE_KNOBS else []
        out += [control(k, getattr(getattr(program, part), k.name)) for k in fixed]
    return [*out, control(knobs(program)["seed"], program.seed)]


def _knobs(part: str, program: Recipe) -> list[Knob]:
    return list(knobs(getattr(program, part)).values())


def _part(part: str, program: Recipe) -> Spec:
    known = tuple(cls for registry in PARTS.values() for cls in registry.values())
    options = [{"value": slug, "label": label} for slug, label in _entries(program, part, known)]
    now = slug(part, getattr(program, part))
    return {"id": part, "label": part, "kind": "choice", "value": now, "options": options}


@lru_cache(maxsize=64)  # while a person goes through time, all is asked for at each step
def _entries(program: Recipe, part: str, known: tuple[Any, ...]) -> list[tuple[str, str]]:
    """Each entry of a part's registry, with the parts that would have to be exchanged with it; `known`
    is all that is registered, to which a person may add.
    """
    out = []
    for name, cls in PARTS[part].items():
        others = [p for p in companions(program, part, name).items() if p[0] != part]
        labels = ", ".join(PARTS[p][other].label for p, other in others)
        out.append((name, f"{cls.label} (with {labels})" if labels else cls.label))
    return out


def control(k: Knob, value: Any) -> Spec:
    """A control of one knob by itself."""
    if k.choices:
        return {"id": k.name, "label": k.label, "kind": "choice", "value": value,
                "options": list(k.choices), "disabled": len(k.choices) == 1}  # fmt: skip
    return slider(k, value)


def slider(k: Knob, value: Any) -> Spec:
    """A slider of one knob; an integer moves in whole steps."""
    step = 1 if k.integer else None if k.log else (k.high - k.low) / 100
    return {"id": k.name, "label": k.label, "kind": "slider", "value": value,
            "scale": "log" if k.log else "linear", "low": k.low, "high": k.high, "step": step,
            "unit": k.unit, "help": k.help or f"any value in {k.domain}"}  # fmt: skip


def by_replica(part: str, k: Knob, arm: Here, replica: int | None) -> Spec:
    """A control of a live knob; where all replicas move and differ, a slider of a factor."""
    each = [getattr(getattr(r, part), k.name) for r in arm.recipes]
    if part not in OWN or not stacks(part, k):
        return control(k, each[0])
    if replica is not None:
        return slider(k, each[replica])
    if k.log and len(set(each)) > 1:
        return slider(k, 1.0) | {"low": 0.1, "high": 10.0, "unit": "×",
                                 "help": "moves every replica by the same factor"}  # fmt: skip
    return slider(k, each[0])


def _batch(k: Knob, arm: Here) -> Spec:
    sizes = [2**i for i in range(20) if 2**i < arm.N]
    options = [{"value": s, "label": f"{s}"} for s in sizes]
    options.append({"value": 0, "label": f"full ({arm.N})"})
    size = arm.program.batch_size if arm.program.batch_size < arm.N else 0
    if size not in (*sizes, 0):
        options.insert(0, {"value": size, "label": str(size)})
    return {"id": k.name, "label": k.label, "kind": "slider", "scale": "index", "value": size,
            "options": options, "help": "full batch is GD, anything smaller SGD"}  # fmt: skip
