"""A sweep on disk: a folder with `sweep.json`, what was asked for last, and a Parquet file for each stack
of cells that is done (`cell_files`). It is how a sweep goes on after it was stopped.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from lab_core.files import writing
from lab_core.formats import VERSION, json_fields
from lab_core.knobs import BadInput
from lab_core.plain import Plain, brief, from_plain, object_of, to_plain
from lab_core.recipe import PARTS, Recipe, slug
from lab_core.record import Success
from lab_core.sweep import Axis, Grid, Outcome, Place, Sweep
from lab_core.sweeps import cell_files
from lab_core.sweeps.cell_files import Damaged, Entry

NAME = "sweep.json"
FILES = "cells-*.parquet"
ELSEWHERE = "choose another folder"


class Store:
    """The cells of a sweep in a folder, which is this process's alone until it is closed.

    A cell is known by the values of its knobs and its seed. So a sweep with more values or more seeds
    takes up what is there, and one with another recipe, or over other knobs, is refused.
    """

    def __init__(self, folder: Path, sweep: Sweep):
        self.folder, self.sweep = folder, sweep
        self.said: list[str] = []  # of files that were damaged
        self.knobs = [knob for axis in sweep.over for knob in axis.knobs]
        self._index = [{value: i for i, value in enumerate(axis.values)} for axis in sweep.over]
        self._seeds = {seed: i for i, seed in enumerate(sweep.seeds)}
        self._identity = json.loads(json.dumps(identity(sweep)))
        self._lock = -1

    def __enter__(self) -> Store:
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise BadInput(
                f"{self.folder}: another sweep is writing there; wait for it, or {ELSEWHERE}."
            ) from None
        for left in self.folder.glob("*.part"):  # by a process that was killed
            left.unlink()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    # ---- reading

    def read(self) -> Iterator[list[Outcome]]:
        """The outcomes of this sweep's cells that are there, a file at a time. What is damaged is put
        aside and `said`. Raises BadInput for a file of another sweep.
        """
        there: set[Place] = set()
        for path in sorted(self.folder.glob(FILES)):
            try:
                found = [o for o in self.outcomes(path) if o.cell.place not in there]
            except Damaged as error:
                aside = path.with_name(f"{path.name}.damaged")
                with writing(aside):
                    path.rename(aside)
                self.said.append(f"{path}: {error}; it is {aside.name} now, its cells come again.")
                continue
            there |= {outcome.cell.place for outcome in found}
            yield found

    def outcomes(self, path: Path) -> list[Outcome]:
        """The outcomes of this sweep's cells in a file. Raises Damaged, and BadInput where they are of
        another sweep.
        """
        try:
            theirs, entries = cell_files.load(path)
        except OSError as error:
            raise BadInput(f"{path}: it cannot be read ({error.strerror}); {ELSEWHERE}.") from None
        if theirs != self._identity:
            self._refuse(path, theirs)
        placed = [(self._place(entry), entry) for entry in entries]
        return [
            Outcome(self.sweep.cell(place), entry.record, entry.diverged)
            for place, entry in placed
            if place is not None
        ]

    def _place(self, entry: Entry) -> Place | None:
        """The place of a cell in this sweep, if it is in it."""
        found = []
        for index, axis in zip(self._index, self.sweep.over, strict=True):
            values = {entry.set[knob] for knob in axis.knobs}
            found.append(index.get(values.pop()) if len(values) == 1 else None)
        found.append(self._seeds.get(entry.seed))
        return None if None in found else tuple(found)  # type: ignore[arg-type]

    def _refuse(self, path: Path, theirs: Any) -> NoReturn:
        """Raises BadInput that names the file and the first thing in which its sweep differs."""
        other, own = _flat(theirs), _flat(self._identity)
        name = next(n for n in [*own, *other] if own.get(n) != other.get(n))
        raise BadInput(
            f"{path}: it is of another sweep, whose {name} is {brief(other.get(name))} where this"
            f" one's is {brief(own.get(name))}; {ELSEWHERE}."
        )

    # ---- writing

    def begin(self) -> None:
        """Write down what is asked for."""
        fields = {
            "edgewise": VERSION,
            "recipe": to_plain(self.sweep.recipe.set({"seed": self.sweep.seeds[0]})),
            "over": [
                {"knobs": axis.knobs, "label": axis.label, "values": axis.values}
                for axis in self.sweep.over
            ],
            "seeds": self.sweep.seeds,
            "stop": _stop(self.sweep),
        }
        lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items()]
        with self._renamed(NAME) as part:
            part.write_text("{\n  " + ",\n  ".join(lines) + "\n}\n", encoding="utf-8")

    def write(self, outcomes: list[Outcome]) -> None:
        """Write down a stack that is done, under a name that says which cells it has."""
        entries = [self._entry(outcome) for outcome in outcomes]
        text = json.dumps([[entry.set, entry.seed] for entry in entries], sort_keys=True)
        name = f"cells-{hashlib.sha256(text.encode()).hexdigest()[:16]}.parquet"
        with self._renamed(name) as part:
            cell_files.save(part, self._identity, entries)

    def _entry(self, outcome: Outcome) -> Entry:
        recipe = outcome.cell.recipe
        return Entry(settings_of(recipe, self.knobs), recipe.seed, outcome.diverged, outcome.record)

    @contextmanager
    def _renamed(self, name: str) -> Iterator[Path]:
        """A place to write a file to, which has its name when it is whole."""
        part = self.folder / f"{name}.part"
        with writing(self.folder / name):
            try:
                yield part
                part.replace(self.folder / name)
            finally:
                with suppress(OSError):
                    part.unlink(missing_ok=True)


def load(folder: str | Path) -> Grid:
    """What is there of the sweep in a folder. Raises BadInput where a file cannot be read."""
    path = Path(folder) / NAME
    try:
        fields = json_fields(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: it cannot be read ({error}); give a sweep's folder.") from None
    try:
        over = tuple(
            Axis(tuple(a["knobs"]), a["label"], tuple(a["values"])) for a in fields["over"]
        )
        stop = Success(**fields["stop"]) if fields["stop"] else None
        recipe = from_plain(object_of("recipe", fields["recipe"]))
        sweep = Sweep(recipe, over, tuple(fields["seeds"]), stop)
    except (LookupError, TypeError) as error:
        raise BadInput(f"{path}: it is no sweep's ({error!r}); give a sweep's folder.") from None
    store, grid = Store(path.parent, sweep), Grid(sweep)
    for file in sorted(path.parent.glob(FILES)):
        try:
            grid.add(store.outcomes(file))
        except Damaged as error:
            raise BadInput(f"{file}: {error}; start the sweep again.") from None
    return grid


def settings_of(recipe: Recipe, names: list[str]) -> Plain:
    """The plain values of some knobs and parts of a recipe."""
    flat = recipe.flat()
    return {n: slug(n, getattr(recipe, n)) if n in PARTS else flat[n] for n in names}


def identity(sweep: Sweep) -> Plain:
    """What cells that can lie in one folder have in common: all but the values that are swept over."""
    names = sorted(knob for axis in sweep.over for knob in axis.knobs)
    recipe = {n: v for n, v in to_plain(sweep.recipe).items() if n not in names or n in PARTS}
    recipe = {n: v for n, v in recipe.items() if n not in ("seed", "changes")}
    return {"over": names, "stop": _stop(sweep), "edgewise": VERSION, "recipe": recipe}


def _stop(sweep: Sweep) -> Plain | None:
    return vars(sweep.stop) if sweep.stop else None


def _flat(fields: Any) -> Plain:
    """An identity, the recipe's fields beside the rest."""
    fields = fields if isinstance(fields, dict) else {}
    recipe = fields.get("recipe")
    return {n: v for n, v in fields.items() if n != "recipe"} | (
        recipe if isinstance(recipe, dict) else {}
    )
