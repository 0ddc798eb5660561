"""What it costs to keep the past: the training rate with snapshots, and the memory of a long run.

The rate is compared with that of the same run without snapshots, in turn in this process. The memory
is that of a process of its own, for this one has done other things.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import torch
from torch import Tensor

from lab_core.arm import CHUNK, Arm
from lab_core.devices import one_thread
from lab_core.recipe import Recipe
from lab_core.record import MOST, Record
from lab_core.run import Run
from lab_core.snapshots import BUDGET, Snapshots, State
from tests.bench.engine import rate

MB, REPLICAS, STEPS, FOREVER = 2**20, 8, 100_000, 10_000_000
ROUNDS = 75
# 64-32-10, 2,410 parameters; what is kept does not depend on the number of examples, so few
LONG = Recipe().set({"lr": 1e-3, "seed": tuple(range(REPLICAS)), "n": 20, "steps": STEPS})


class Forgetful(Snapshots):
    """Keeps nothing but the first state."""

    def __init__(self, first: State):
        super().__init__(first)
        self.every = 2**62

    def keep(self, state: State) -> None:
        pass


def cost(recipe: Recipe, n: int) -> tuple[float, float]:
    """The share of the training rate that snapshots take, and the rate with them, by n steps.

    Many short rounds, each run first in every other, since the share is less than a round's noise.
    """
    keeping, forgetting = (Run(recipe.set({"steps": FOREVER})) for _ in range(2))
    arm = forgetting.arms[0]
    arm.snapshots = Forgetful(arm.state)
    keeping.advance(n), forgetting.advance(n)
    rounds = []
    for i in range(ROUNDS):
        order = (keeping, forgetting) if i % 2 else (forgetting, keeping)
        rates = {run is keeping: rate(run.advance, n) for run in order}
        rounds.append((rates[True] / rates[False], rates[True]))
    return 1 - statistics.median(r for r, _ in rounds), statistics.median(a for _, a in rounds)


def held(arm: Arm) -> dict[str, float]:
    """MB of an arm's columns, wide results and snapshots; a view counts with all that it keeps."""
    columns = sum(c.nbytes for c in arm.record.columns.values())
    states = [arm.snapshots.before(t) for t in arm.snapshots.steps]
    kept = [x for s in states for x in [*vars(s).values(), *s.optimizer.values()]]
    wide = [x for _, found in arm.record.arrays.values() for x in found]
    return {
        "record": (columns + stored(wide)) / MB,
        "bound": len(arm.record.columns) * (MOST + MOST // REPLICAS) * 8 / MB,  # values and steps
        "snapshots": stored(kept) / MB,
        "count": len(states),
    }


def stored(things: list[object]) -> int:
    """Bytes of the storages behind tensors, each counted once."""
    storages = [x.untyped_storage() for x in things if isinstance(x, Tensor)]
    return sum({s.data_ptr(): s.nbytes() for s in storages}.values())


def long() -> None:
    """Print, as JSON, by how many MB this process grows during the long run, and what it holds."""
    one_thread()
    run = Run(LONG)
    run.advance(2 * CHUNK)
    gc.collect()
    start = psutil.Process().memory_info().rss
    run.finish()
    gc.collect()
    grown = (psutil.Process().memory_info().rss - start) / MB
    arm = run.arms[0]
    assert arm.t == STEPS and not arm.diverged and len(arm.record["train_loss"][0]) == STEPS
    print(json.dumps({"grown": grown} | held(arm)))


def forever() -> dict[str, float]:
    """What an arm holds after a hundred times as many steps, its columns and snapshots filled in."""
    run = Run(LONG)
    run.advance(2 * CHUNK)
    arm = run.arms[0]
    probed = [name for name in arm.record.columns if name != "train_loss"]
    arm.record, arm.snapshots = Record(REPLICAS), Snapshots(arm.snapshots.before(0))
    for start in range(0, FOREVER, 100_000):
        steps = np.arange(start, start + 100_000)
        rows = np.ones((len(steps), REPLICAS))
        arm.record.extend("train_loss", steps, rows)
        for name in probed:
            arm.record.extend(name, steps[::10], rows[::10])
    t = arm.snapshots.every
    while t <= FOREVER:
        arm.snapshots.keep(replace(arm.state, t=t, w=torch.ones_like(arm.state.w)))
        t += arm.snapshots.every
    return held(arm)


def main() -> None:
    one_thread()
    taken, speed = cost(Recipe(), 320)
    print(f"snapshots take {taken:.1%} of the training rate at the defaults (goal 3%);"
          f" {speed:,.0f} steps/s")  # fmt: skip
    taken, speed = cost(Recipe().set({"probes": ()}), 960)
    print(f"the same without probes: {taken:.1%} (goal 3%); {speed:,.0f} steps/s")
    done = subprocess.run(
        [sys.executable, "-c", "from tests.bench.memory import long; long()"],
        cwd=Path(__file__).parents[2], text=True, capture_output=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    print(f"{STEPS:,} steps of {REPLICAS} replicas of 2,410 parameters: {found['grown']:.0f} MB more"
          f" memory (goal 150 MB); held: record {found['record']:.0f} MB, {found['count']} snapshots"
          f" {found['snapshots']:.0f} MB")  # fmt: skip
    found = forever()
    print(f"{FOREVER:,} steps of them: record {found['record']:.0f} MB (bound {found['bound']:.0f} MB),"
          f" {found['count']} snapshots {found['snapshots']:.0f} MB (bound {BUDGET / MB:.0f} MB)")  # fmt: skip


if __name__ == "__main__":
    main()
