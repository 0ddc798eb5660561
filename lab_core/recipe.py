"""A recipe is the run: parts and their knobs, seeds, precision, probes and the changes made mid-run.

Knob names are flat: every one belongs to one part only, so ``lr`` needs no prefix in a URL or on the
command line. Lists make replicas: R is the product of the lists in field order, seeds last.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from lab_core.data import DATASETS, Data, Digits
from lab_core.fitting import check_fit
from lab_core.knobs import BadInput, Knob, check, knob, knobs
from lab_core.losses import LOSSES, Loss, SquaredError
from lab_core.models import MLP, MODELS, Model
from lab_core.optimizers import FILTERS, GD, OPTIMIZERS, Filter, Optimizer
from lab_core.probes import PROBES
from lab_core.schedules import SCHEDULES, Constant, Schedule

PARTS: dict[str, Mapping[str, Any]] = {
    "data": DATASETS,
    "model": MODELS,
    "loss": LOSSES,
    "filter": FILTERS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
}
BROUGHT = ("optimizer", "loss", "model", "data")  # parts that a person can bring, see `own`
DTYPES = ("float64", "float32")
DEVICES = ("auto", "cpu", "cuda", "mps")
MOST_REPLICAS = 1024
NEAREST = 5  # names that are offered in place of one that is not known
SEEDS = "[0, 4294967295]"


@dataclass(frozen=True)
class Change:
    """A knob moved while arm `arm` stood at `step`: for one replica, or for all where None.

    For all replicas the value may be a tuple of R values.
    """

    step: int
    arm: int
    knob: str
    value: Any
    replica: int | None = None


@dataclass(frozen=True)
class Branch:
    """A new arm, numbered by its place among the branches (the first is arm 1).

    It grows from arm `arm` as it stood at `step`: from there, with its optimizer's state where
    optimizer and loss are the same, or from the start with fresh weights. `settings` are (name,
    value) pairs, for every replica.
    """

    step: int
    arm: int
    settings: tuple[tuple[str, Any], ...]
    from_start: bool = False


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a run; the same recipe gives the same numbers, bit for bit.

    A batch size of 0 is the full batch. `data_seed`, `init_seed` and `batch_seed` are `seed` where
    they are -1. `probes` are (name, cadence in steps) pairs.
    """

    data: Data = Digits()
    model: Model = MLP()
    loss: Loss = SquaredError()
    filter: Filter = Filter()
    optimizer: Optimizer = GD()
    schedule: Schedule = Constant()
    batch_size: int = knob(0, 1, 256, log=True, unit="examples", domain="[0, 1000000]",
                           help="0 is the full batch")  # fmt: skip
    seed: Any = knob(0, 0, 9, domain=SEEDS, stacks=True)
    data_seed: Any = knob(-1, -1, 9, domain="[-1, 4294967295]", stacks=True)
    init_seed: Any = knob(-1, -1, 9, domain="[-1, 4294967295]", stacks=True)
    batch_seed: Any = knob(-1, -1, 9, domain="[-1, 4294967295]", stacks=True)
    dtype: str = knob("float64", choices=DTYPES)
    device: str = knob("auto", choices=DEVICES)
    steps: int = knob(2500, 100, 100_000, log=True, unit="steps", domain="[0, 10000000]")
    probes: tuple[tuple[str, int], ...] = (("sharpness", 10),)
    changes: tuple[Change | Branch, ...] = ()

    def __post_init__(self) -> None:
        for name in PARTS:
            part = getattr(self, name)
            check(part)
            for k in knobs(part).values():
                if isinstance(getattr(part, k.name), tuple) and not stacks(name, k):
                    raise BadInput(
                        f"{k.name}: a list of values would change the shapes or the program; give"
                        " one value here and open an arm for each other one."
                    )
        check(self)
        for k in knobs(self).values():
            if isinstance(getattr(self, k.name), tuple) and not k.stacks:
                raise BadInput(f"{k.name}: a list is not allowed here; give one value.")
        object.__setattr__(self, "probes", _pairs(self.probes))
        check_fit(self.data, self.model, self.loss, self.optimizer)
        if self.replicas > MOST_REPLICAS:
            raise BadInput(
                f"lists: they multiply to {self.replicas} replicas, above the limit of"
                f" {MOST_REPLICAS}; shorten one."
            )

    # ---- replicas

    def axes(self) -> dict[str, tuple[Any, ...]]:
        """The knobs that are lists, in field order, seeds last."""
        return {n: v for n, v in self.flat().items() if isinstance(v, tuple)}

    @property
    def replicas(self) -> int:
        """R."""
        count = 1
        for values in self.axes().values():
            count *= len(values)
        return count

    @property
    def arms(self) -> int:
        """How many arms it opens."""
        return 1 + sum(isinstance(c, Branch) for c in self.changes)

    def split(self) -> list[Recipe]:
        """One recipe without lists for each replica."""
        axes = self.axes()
        rows = itertools.product(*axes.values())
        return [self.set(dict(zip(axes, row, strict=True))) for row in rows]

    # ---- flat names

    def flat(self) -> dict[str, Any]:
        """Every knob by its flat name: the parts' knobs in field order, then the recipe's own."""
        owners = [getattr(self, part) for part in PARTS] + [self]
        return {name: getattr(owner, name) for owner in owners for name in knobs(owner)}

    def knob(self, name: str) -> Knob:
        """The knob of a flat name. Raises BadInput where there is none."""
        for owner in [*(getattr(self, part) for part in PARTS), self]:
            if name in knobs(owner):
                return knobs(owner)[name]
        raise BadInput(self._unknown(name, {part: getattr(self, part) for part in PARTS}))

    def set(self, settings: Mapping[str, Any]) -> Recipe:
        """A recipe with other parts (by registry name) and knobs (by flat name); parts go first."""
        fields: dict[str, Any] = {p: getattr(self, p) for p in PARTS}
        for name in settings:
            if name in PARTS:
                fields[name] = swap(name, fields[name], settings[name])
        own: dict[str, Any] = {}
        inside: dict[str, dict[str, Any]] = {}
        for name, value in settings.items():
            value = tuple(value) if isinstance(value, list) else value
            if name in PARTS:
                continue
            owner = next((p for p in PARTS if name in knobs(fields[p])), None)
            if owner:
                inside.setdefault(owner, {})[name] = value
            elif name in knobs(self) or name in ("probes", "changes"):
                own[name] = value
            else:
                raise BadInput(self._unknown(name, fields))
        fields |= {p: replace(fields[p], **values) for p, values in inside.items()}
        return replace(self, **fields, **own)

    def _unknown(self, name: str, fields: Mapping[str, Any]) -> str:
        here = [*PARTS, *(n for p in PARTS for n in knobs(fields[p])), *knobs(self)]
        owners = [
            f"{part}={slug}"
            for part, registry in PARTS.items()
            for slug, cls in registry.items()
            if name in knobs(cls)
        ]
        if owners:
            return f"{name}: it belongs to {' or '.join(owners)}; choose that, or leave it out."
        return f"{name}: no such knob; choose one of {', '.join(here)}."


EVERY = Knob("cadence", "cadence", 10, 1, 1000, True, "steps", "", "[1, 1000000]", (), False)


def _pairs(probes: Any) -> tuple[tuple[str, int], ...]:
    """Probes as (name, cadence) pairs, checked."""
    pairs = probes if isinstance(probes, tuple) else ()
    if pairs != probes or any(not isinstance(p, (tuple, list)) or len(p) != 2 for p in pairs):
        raise BadInput(f"probes: {probes!r} does not fit; give pairs of a name and a cadence.")
    for name, _ in pairs:
        if name not in tuple(PROBES):
            near = ", ".join(get_close_matches(str(name), PROBES, NEAREST, 0.0))
            raise BadInput(
                f"probes: {name!r} is not known; choose {near}; `edgewise list` has all."
            )
    return tuple((name, EVERY.check(every)) for name, every in pairs)


def stacks(part: str, k: Knob) -> bool:
    """Whether a list of this knob makes replicas (otherwise it changes shapes or the program)."""
    everything = part in ("filter", "optimizer") and not k.choices and not k.integer
    return everything or k.stacks


def slug(part: str, value: Any) -> str:
    """The registry name of a part; one of a person's own keeps it when it is brought anew."""
    for name, cls in PARTS[part].items():
        if type(value) is cls or getattr(value, "brought_as", None) == name:
            return name
    raise BadInput(
        f"{part}: {type(value).__name__} is not in the registry, so it cannot be written down;"
        f" register it, or choose {', '.join(PARTS[part])}."
    )


def swap(part: str, old: Any, name: Any) -> Any:
    """Another part from the registry; knobs that both have are carried over, but for data.

    A log knob keeps its ratio to the default, so that a learning rate of GD becomes one that suits
    Adam; any other knob keeps its value, unless one of the two is 0 by default and the other is not.
    """
    cls = PARTS[part].get(name) if isinstance(name, str) else None
    if cls is None:
        own = f", or bring your own: Lab(..., {part}=...)" if part in BROUGHT else ""
        raise BadInput(f"{part}: {name!r} is not known; choose {', '.join(PARTS[part])}{own}.")
    before = knobs(old)

    def carry(k: Knob, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(carry(k, v) for v in value)
        return value * (k.default / before[k.name].default) if k.log and not k.integer else value

    if part == "data":  # a size that suits one data set says nothing of another
        return cls()
    shared = {n: k for n, k in knobs(cls).items() if n in before and k.choices == before[n].choices}
    shared = {n: k for n, k in shared.items() if (k.default == 0) == (before[n].default == 0)}
    return cls(**{n: carry(k, getattr(old, n)) for n, k in shared.items()})


def fitting(recipe: Recipe, part: str) -> list[str]:
    """The entries of a part's registry that this recipe could be set to, all else as it is."""
    return [name for name in PARTS[part] if _fits(recipe, {part: name})]


def companions(recipe: Recipe, part: str, name: str) -> dict[str, str]:
    """The fewest parts to set, {part: name} among them, so that a recipe can have this entry.

    They may need one another; of several entries the first in the registry is taken.
    """
    others = [p for p in ("data", "model", "loss", "optimizer") if p != part]
    for size in range(len(others) + 1):
        for more in itertools.combinations(others, size):
            for names in itertools.product(*(PARTS[p] for p in more)):
                settings = {part: name} | dict(zip(more, names, strict=True))
                if _fits(recipe, settings):
                    return settings
    return {part: name}


def _fits(recipe: Recipe, settings: Mapping[str, Any]) -> bool:
    try:
        recipe.set(settings)
    except BadInput:
        return False
    return True


def seeds_of(recipe: Recipe, purpose: str) -> int:
    """The seed of one replica's data, init or batch stream."""
    own = getattr(recipe, f"{purpose}_seed")
    return recipe.seed if own == -1 else own


def varied(recipes: Sequence[Recipe]) -> list[str]:
    """The knobs in which replicas differ."""
    each = [r.flat() for r in recipes]
    return [n for n in each[0] if any(e[n] != each[0][n] for e in each)]


def label(recipes: Sequence[Recipe], replica: int) -> str:
    """What sets a replica apart: its learning rate, and any other knob that differs."""
    mine = recipes[replica].flat()
    names = ["lr", *(n for n in varied(recipes) if n != "lr")]
    return ", ".join(f"{n.replace('_', ' ')} {mine[n]:.3g}" for n in names)
