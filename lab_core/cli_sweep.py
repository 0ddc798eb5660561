"""`edgewise sweep`: what it is asked for, whether it is too large to begin unasked, and what it prints."""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lab_core.arguments import chosen
from lab_core.knobs import BadInput

if TYPE_CHECKING:
    from lab_core.recipe import Recipe
    from lab_core.sweep import Outcome, Place, Sweep

MOST_VALUES, MOST_WORKERS = 1_000_000, 1024
SHOWN = 40  # rows of the table
COLUMNS = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
FORM = "write KNOB=LOW:HIGH:COUNT, KNOB=LOW:HIGH:COUNT:log or KNOB=a,b,c"


def options(sub: argparse.ArgumentParser) -> None:
    """The options of the command that `run` has not."""
    add = sub.add_argument
    add("--over", metavar="KNOB=VALUES", action="append", default=[],
        help="lr=1e-3:1:16:log, width=8,16,32, optimizer=gd,adam; rank+true_rank=1:5:5 moves both")  # fmt: skip
    add("--seeds", metavar="N|A,B", help="5 is 0 to 4; 3,7 is those; default: the recipe's own")
    add("--workers", metavar="N", help="compute in N processes")
    add("--dask", metavar="ADDRESS", help="compute on the Dask cluster of this scheduler")
    add("--out", metavar="DIR", type=Path,
        help="keep what is done there, as Parquet; a second start computes what is missing")  # fmt: skip
    add("--yes", action="store_true", help="do not ask before a large sweep")


def sweep(args: argparse.Namespace) -> int:
    """Run a recipe for every combination of the values of some knobs, each with some seeds."""
    workers = None if args.workers is None else count("workers", args.workers, 1, MOST_WORKERS)
    asked = wanted(args)
    from lab_core.devices import one_thread
    from lab_core.sweeps import Bar, computing, executor
    from lab_core.sweeps.store import Store

    one_thread()
    table = Table(asked)
    with ExitStack() as until_done:
        going = until_done.enter_context(executor(workers, args.dask))
        store = until_done.enter_context(Store(args.out, asked)) if args.out else None
        for outcomes in store.read() if store else ():
            table.add(outcomes)
        for sentence in store.said if store else ():
            print(sentence, file=sys.stderr)
        confirm(asked, going.workers, len(asked) - len(table.done), bool(store), args.yes)
        try:
            with Bar(asked, table.done) as bar:
                for outcomes in computing(asked, going, store, table.done, bar):
                    table.add(outcomes)
        except KeyboardInterrupt:
            kept = f"kept in {args.out}: the same command goes on" if args.out else "not kept"
            said = f"{len(table.done):,} of {len(asked):,} cells are done, and {kept}"
            print(f"Interrupted: {said}.", file=sys.stderr)
            return 130
        finally:
            table.print()
    return 0


def confirm(asked: Sweep, workers: int, missing: int, kept: bool, yes: bool) -> None:
    """Say what a large sweep will take, and ask. Raises BadInput where it is not to start."""
    from lab_core.sweeps.estimates import estimate

    if not missing:
        return
    found = estimate(asked, workers, missing, kept)
    if not found.large:
        return
    if yes:
        print(f"sweep: {found}.", file=sys.stderr)
        return
    if not sys.stdin.isatty():
        raise BadInput(f"sweep: {found}; give --yes.")
    print(f"sweep: {found}. Compute them? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise BadInput("sweep: nothing was computed; give fewer values, seeds or steps.")


# ---- what is asked for


def wanted(args: argparse.Namespace) -> Sweep:
    """The sweep that the arguments ask for. Raises BadInput."""
    from lab_core.phenomena import PHENOMENA
    from lab_core.sweep import Sweep
    from lab_core.sweeps import plan

    figures = PHENOMENA[args.recipe].figures if args.recipe in PHENOMENA else {}
    base = figures[args.preset].subject if args.preset in figures else None
    if base is not None and not isinstance(base, Sweep):
        raise BadInput(f"preset: {args.preset} is a figure that is no sweep; choose another.")
    recipe = chosen(args, base.recipe if base else None)
    over: dict[str, list[Any]] = {}
    for text in args.over:
        names, values = axis_of(text, recipe)
        if names in over:
            raise BadInput(f"{names}: it is swept over twice; give its values once.")
        over[names] = values
    seeds = base.seeds if base and args.seeds is None else seeds_of(args.seeds)
    asked, left_out = plan(recipe, over, seeds, base.stop if base else None)
    if left_out:
        print(left_out, file=sys.stderr)
    if base and not over:
        new = {knob for axis in asked.over for knob in axis.knobs}
        own = tuple(axis for axis in base.over if not new & set(axis.knobs))
        asked = replace(asked, over=own + asked.over)
    if not asked.over:
        raise BadInput(f"over: there is nothing to sweep over; give --over, and {FORM}.")
    return asked


def axis_of(text: str, recipe: Recipe) -> tuple[str, list[Any]]:
    """The knobs of an axis, as they are written, and its values. Raises BadInput."""
    from lab_core.formats import parse_value
    from lab_core.plain import NAME, brief
    from lab_core.sweeps import knob_of

    names, _, said = text.partition("=")
    if not said or not all(map(NAME.fullmatch, names.split("+"))):
        raise BadInput(f"over: {brief(text)} is not complete; {FORM}.")
    if ":" in said:
        k = knob_of(recipe, names.split("+")[0])
        if k is None or k.choices:
            raise BadInput(f"{brief(names)}: a range is of a knob that is a number; {FORM}.")
        return names, spread(names, said, k.integer)
    values = parse_value(said, names)
    return names, values if isinstance(values, list) else [values]


def spread(name: str, text: str, integer: bool) -> list[Any]:
    """The values of LOW:HIGH:COUNT[:log]; of an integer knob they are rounded, each once."""
    low, high, number, *log = text.split(":") + [""] * (2 - text.count(":"))
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = math.nan, math.nan
    if not all(map(math.isfinite, ends)) or log not in ([], ["log"]):
        raise BadInput(f"{name}: {text[:60]!r} is no range; {FORM}.")
    if log and min(ends) <= 0:
        raise BadInput(f"{name}: a range with log has ends above 0; leave out log, or move them.")
    spaced = np.geomspace if log else np.linspace
    values = spaced(*ends, count(name, number, 2, MOST_VALUES))
    return list(dict.fromkeys(values.round().astype(int).tolist())) if integer else values.tolist()


def seeds_of(text: str | None) -> int | list[int] | None:
    """--seeds: so many, from 0 on, or a list."""
    if text is None:
        return None
    if "," not in text:
        return count("seeds", text, 1, MOST_VALUES)
    return [count("seeds", item, 0, 2**32 - 1) for item in text.removesuffix(",").split(",")]


def count(name: str, text: str, low: int, high: int) -> int:
    """An integer of an argument. Raises BadInput."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and low <= int(text) <= high):
        raise BadInput(f"{name}: {text[:60]!r} does not fit; give an integer in [{low}, {high}].")
    return int(text)


# ---- what is printed


class Table:
    """The last values of each cell, and which cells are done."""

    def __init__(self, asked: Sweep):
        self.asked = asked
        self.done: set[Place] = set()
        self.last: dict[str, np.ndarray] = {}
        self.diverged = np.zeros(asked.shape, bool)

    def add(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            place = outcome.cell.place
            self.done.add(place)
            self.diverged[place] = outcome.diverged is not None
            for name in COLUMNS:
                row = outcome.record.last(name)
                if row is not None and outcome.diverged is None:
                    known = self.last.setdefault(name, np.full(self.asked.shape, np.nan))
                    known[place] = row[0]

    def print(self) -> None:
        """A row for each combination of values: medians over the seeds that did not diverge."""
        if not self.done:
            return
        over, some = self.asked.over, bool(self.diverged.any())
        heads = [axis.label for axis in over] + list(self.last) + ["diverged"] * some
        rows = [heads]
        shape = self.asked.shape[:-1]
        for place in itertools.islice(itertools.product(*map(range, shape)), SHOWN):
            values = [axis.values[i] for axis, i in zip(over, place, strict=True)]
            medians = [median(known[place]) for known in self.last.values()]
            rows.append(
                [*map(written, values + medians), *[str(self.diverged[place].sum())] * some]
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
        if (more := math.prod(shape) - SHOWN) > 0:
            print(f"... and {more:,} more; --out DIR keeps them all.")


def median(values: np.ndarray) -> float:
    """Of those that are known."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


def written(value: Any) -> str:
    """A value of the table, empty where it is not known."""
    if not isinstance(value, float):
        return str(value)
    return "" if math.isnan(value) else f"{value:.5g}"
