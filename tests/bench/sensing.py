"""Matrix sensing: how long the phase diagram of completion takes, and where its boundary is."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from lab_core.devices import one_thread
from lab_core.phenomena.alternating_minimization import DIAGRAM

CORES = 2


def part(first: int) -> list[np.ndarray]:
    """Every `CORES`-th row of the diagram, in a thread of its own."""
    one_thread()
    rows = replace(DIAGRAM.rows, values=DIAGRAM.rows.values[first::CORES])
    return list(replace(DIAGRAM, rows=rows).shares())


def diagram() -> tuple[float, float, np.ndarray]:
    """Seconds by the clock and of the processor, and the shares [rows, columns]."""
    start, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(CORES) as pool:
        parts = list(pool.map(part, range(CORES)))
    took, busy = time.perf_counter() - start, time.process_time() - used
    shares = np.empty((len(DIAGRAM.rows.values), len(DIAGRAM.columns.values)))
    for first, rows in enumerate(parts):
        shares[first::CORES] = rows
    return took, busy, shares


def main() -> None:
    took, busy, shares = diagram()
    n = DIAGRAM.recipe.flat()["size"]
    print(
        f"phase diagram of completion, n = {n}, {shares.size} cells of {len(DIAGRAM.seeds)} seeds,"
        f" {CORES} threads: {took:.0f} s, {busy:.0f} s of processor time (goal 30 s, indicative)"
    )
    for rank in (3, 5, 10, 20):
        row = shares[DIAGRAM.rows.values.index(rank)]
        least = DIAGRAM.columns.values[int((row >= 0.5).argmax())]
        print(f"  rank {rank}: half succeed from |entries| = {least * n / rank:.1f} n r on")


if __name__ == "__main__":
    one_thread()
    main()
