"""Double descent: a sweep of random features in closed form, a two-layer net on MNIST-1D along 20 widths,
and what each figure and preset takes without a screen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import torch

from lab_core import models
from lab_core.arm import Arm
from lab_core.devices import one_thread
from lab_core.phenomena import PHENOMENA
from lab_core.phenomena.random_feature_curve import RECIPE
from lab_core.recipe import Recipe
from lab_core.run import Run
from lab_core.sweep import Axis, Sweep

CORES = 2
SIZES = (*range(4, 61, 4), *range(64, 161, 6))[:31]
FEATURES = Sweep(
    RECIPE.set({"n": 40, "dim": 15, "probes": (("test_loss", 1),)}),
    (Axis(("features",), "features N", SIZES),),
    tuple(range(8)),
)
WIDTHS = tuple(int(h) for h in np.geomspace(4, 400, 20).round())
EPOCHS = 500
NET = Recipe().set(
    {"data": "mnist1d", "n": 4000, "corruption": 0.15, "model": "mlp", "activation": "relu",
     "loss": "cross-entropy", "optimizer": "heavy-ball", "beta": 0.9, "lr": 0.01, "batch_size": 100,
     "steps": 40 * EPOCHS, "dtype": "float32", "probes": ()}
)  # fmt: skip
# stacks of nets, each as wide as its widest, and which of the cores takes which
STACKS = (WIDTHS[:10], WIDTHS[10:14], WIDTHS[14:17], *((h,) for h in WIDTHS[17:]))
SHARES = ((1, 2, 3), (0, 4, 5))


def padded(recipe: Recipe, widths: tuple[int, ...]) -> Arm:
    """Nets of these widths as one stack: units that a net has not start without weights, and so they have
    no gradient: with ReLU they stay without.
    """
    wide = recipe.set({"width": max(widths)})
    arm = Arm([wide] * len(widths))
    d, c = arm.x.shape[2], arm.y.shape[2]
    rows = []
    for width in widths:
        own = recipe.set({"width": width}).model
        w = models.initial(own, d, c, recipe.seed, 1.0)[None]
        pieces = models.views(w, own.shapes(d, c))
        whole = {
            n: torch.zeros(1, *s, dtype=arm.x.dtype) for n, s in wide.model.shapes(d, c).items()
        }
        for name, piece in pieces.items():
            whole[name][tuple(slice(0, n) for n in piece.shape)] = piece.to(arm.x)
        rows.append(torch.cat([p.flatten(1) for p in whole.values()], 1))
    arm.state = replace(arm.state, w=torch.cat(rows))
    arm.forget()
    return arm


def errors(arm: Arm) -> list[float]:
    """The share of test examples that each net gets wrong."""
    with torch.inference_mode():
        f = arm.objective.outputs(arm.state.w, arm.test[0])
    right = f.argmax(-1) == arm.test[1].argmax(-1)
    return (1 - right.double().mean(1)).tolist()


def share(which: int) -> dict[int, float]:
    """Width -> test error, of one core's stacks."""
    one_thread()
    found = {}
    for widths in (STACKS[i] for i in SHARES[which]):
        arm = padded(NET, widths)
        arm.advance(NET.steps)
        found |= dict(zip(widths, errors(arm), strict=True))
    return found


def net() -> None:
    start = time.perf_counter()
    with ProcessPoolExecutor(CORES, get_context("spawn")) as pool:
        found = dict(
            sorted(pair for part in pool.map(share, range(CORES)) for pair in part.items())
        )
    took = time.perf_counter() - start
    print(
        f"two-layer net on MNIST-1D, n = 4,000, {len(WIDTHS)} widths, {EPOCHS} epochs, {CORES} processes:"
        f" {took:.0f} s (goal 60 s)"
    )
    print("  test error " + ", ".join(f"{h}: {e:.3f}" for h, e in found.items()))


def fastest(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest of so many."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return min(took)


def main() -> None:
    one_thread()
    print(
        f"random features, {len(SIZES)} sizes x 8 trials, closed form, one thread:"
        f" {fastest(FEATURES.finish):.2f} s (goal 0.3 s)"
    )
    net()
    lab = PHENOMENA["double-descent"]
    for slug, figure in lab.figures.items():
        print(f"  figure {slug}: {fastest(figure.subject.finish, 1):.1f} s (goal 15 s)")
    for slug, preset in lab.presets.items():
        print(f"  preset {slug}: {fastest(Run(preset.recipe).finish, 1):.1f} s (goal 15 s)")


if __name__ == "__main__":
    main()
