"""Sweeps: two Dask workers of one thread each against one, and the memory of a stack that fills its budget.

The cells change the shapes, so that each is a stack of its own; what they have to compute keeps a core
busy for some tenths of a second.
"""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.util import find_spec
from typing import Any

from lab_core.devices import one_thread
from lab_core.recipe import Recipe
from lab_core.sweep import BUDGET
from lab_core.sweeps import sweep

CELLS = Recipe().set({"data": "clusters", "n": 300, "steps": 300, "probes": (("accuracy", 50),)})
WIDTHS = tuple(range(64, 192, 2))
STACK = """
import resource
from lab_core.devices import one_thread
from lab_core.recipe import Recipe
from lab_core.sweep import BUDGET, compute, in_stacks
from lab_core.sweeps import sweep

one_thread()
settings = {settings!r} | {{"steps": {steps}}}
asked = sweep(Recipe().set(settings), {{"lr": [1e-4 * (1 + i / 256) for i in range(256)]}}, 1).sweep
stack = next(in_stacks(asked))
asked.recipe.data.arrays(0)
compute(stack[:1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
compute(stack)
print(len(stack), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10)
"""
STACKS: dict[str, dict[str, Any]] = {
    "an MLP on digits": {"width": 64, "probes": ()},
    "the same with its sharpness": {"width": 64, "probes": (("sharpness", 10),)},
    "a transformer on pairs": {"data": "modular", "p": 31, "model": "transformer",
                               "loss": "cross-entropy", "optimizer": "adamw", "probes": ()},
}  # fmt: skip


def seconds(client: Any, workers: list[str]) -> float:
    """How long the sweep takes on these workers of a cluster; the others are sent home."""
    client.retire_workers([w for w in client.scheduler_info()["workers"] if w not in workers])
    start = time.perf_counter()
    assert len(list(sweep(CELLS, {"width": WIDTHS}, 1, dask=client))) == len(WIDTHS)
    return time.perf_counter() - start


def clusters() -> None:
    """64 cells that change the shapes, on two workers and on one of them."""
    from distributed import Client, LocalCluster

    own = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")
    with own as cluster, Client(cluster, set_as_default=False) as client:
        both = list(client.scheduler_info()["workers"])
        list(sweep(CELLS, {"width": WIDTHS[:8]}, 1, dask=client))  # all is imported
        two, one = seconds(client, both), seconds(client, both[:1])
    print(f"a sweep of {len(WIDTHS)} cells that change the shapes, on Dask workers of one thread:")
    print(f"  two take {two:.1f} s, one {one:.1f} s: {one / two:.2f}x (goal 1.6x)")


def memory() -> None:
    """What a stack takes beside what is asked of it."""
    print(f"stacks in a budget of {BUDGET / 2**20:.0f} MiB:")
    for name, settings in STACKS.items():
        code = STACK.format(settings=settings, steps=30)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        replicas, taken = done.stdout.split()
        print(f"  {name}: {replicas} replicas take {float(taken):.0f} MiB")


def main() -> None:
    if find_spec("distributed"):
        clusters()
    else:
        print("sweeps on a cluster: no Dask here; install it (`pip install 'edgewise[cluster]'`)")
    memory()


if __name__ == "__main__":
    one_thread()
    main()
