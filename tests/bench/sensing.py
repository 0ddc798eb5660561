"""Matrix sensing: a stack of replicas against a PyTorch loop over them, presets without a screen, the
memory of many measurements, and how long the phase diagram of completion takes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch

from lab_core.arm import Arm
from lab_core.devices import one_thread
from lab_core.phenomena import PHENOMENA
from lab_core.phenomena.alternating_minimization import DIAGRAM
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.bench.engine import ratio

CORES = 2
SENSING = Recipe().set({"data": "sensing", "size": 50, "true_rank": 3, "measurements": 1500,
                        "model": "symmetric-factors", "rank": 10, "lr": 0.05, "probes": (),
                        "init_seed": tuple(range(16)), "steps": 10_000_000})  # fmt: skip
LARGE = """
import resource
from lab_core.recipe import Recipe
from lab_core.run import Run
run = Run(Recipe().set({"data": "sensing", "size": 100, "measurements": 10_000, "lr": 0.05,
                        "model": "symmetric-factors", "steps": 3, "probes": (("recovery", 1),)}))
run.finish()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""
LABS = ("matrix-sensing", "large-steps", "deep-matrix-factorisation")


def autograd_loop(arm: Arm) -> Callable[[int], None]:
    """The peer: gradient descent on one replica after the other, by backward."""
    A, y, lr = arm.x[0], arm.y[0, :, 0], 0.05
    each = [w.view(50, 10).clone().requires_grad_() for w in arm.state.w]

    def steps(n: int) -> None:
        for _ in range(n):
            for X in each:
                loss = 0.5 * (A @ (X @ X.T).flatten() - y).square().mean()
                (g,) = torch.autograd.grad(loss, X)
                with torch.no_grad():
                    X -= lr * g

    return steps


def memory() -> float:
    """GiB of a process of its own that holds 10,000 measurements of a 100 x 100 matrix."""
    found = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, check=True)
    return float(found.stdout)


def presets() -> None:
    """How long the default preset of each lab takes without a screen."""
    for slug in LABS:
        start = time.perf_counter()
        Run(PHENOMENA[slug].default.recipe).finish()
        print(
            f"  the default preset of {slug}: {time.perf_counter() - start:.1f} s (indicative: 10 s)"
        )


ROWS, COLUMNS = DIAGRAM.subject.over


def part(first: int) -> np.ndarray:
    """Every `CORES`-th row of the diagram [rows, columns], in a thread of its own."""
    one_thread()
    rows = replace(ROWS, values=ROWS.values[first::CORES])
    return DIAGRAM.measure.of(replace(DIAGRAM.subject, over=(rows, COLUMNS)).finish())


def diagram() -> tuple[float, float, np.ndarray]:
    """Seconds by the clock and of the processor, and the shares [rows, columns]."""
    start, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(CORES) as pool:
        parts = list(pool.map(part, range(CORES)))
    took, busy = time.perf_counter() - start, time.process_time() - used
    shares = np.empty(DIAGRAM.subject.shape[:2])
    for first, rows in enumerate(parts):
        shares[first::CORES] = rows
    return took, busy, shares


def main() -> None:
    one_thread()
    run = Run(SENSING)
    times, *_ = ratio(run.advance, 30, autograd_loop(run.arms[0]), 30)
    print("matrix sensing, n = 50, r = 3, k = 10, 1,500 measurements, 16 replicas, one thread:")
    print(f"  {times:.1f}x a PyTorch loop over them (goal 4x)")
    print(f"  n = 100 with 10,000 measurements: {memory():.2f} GiB in all (goal 2 GB)")
    presets()
    took, busy, shares = diagram()
    n = DIAGRAM.subject.recipe.flat()["size"]
    print(
        f"phase diagram of completion, n = {n}, {shares.size} cells of {len(DIAGRAM.subject.seeds)} seeds,"
        f" {CORES} threads: {took:.0f} s, {busy:.0f} s of processor time (goal 30 s, indicative)"
    )
    for rank in (3, 5, 10, 20):
        row = shares[ROWS.values.index(rank)]
        least = COLUMNS.values[int((row >= 0.5).argmax())]
        print(f"  rank {rank}: half succeed from |entries| = {least * n / rank:.1f} n r on")


if __name__ == "__main__":
    one_thread()
    main()
