"""Logistic regression at 64 step sizes at once, against a NumPy loop over them that does the same work:
the loss of every step, and the gradient.

Ratios are of rates measured in turn in this process, on one thread.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from lab_core.devices import one_thread
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.bench.engine import ratio

RATES = tuple(np.geomspace(1e-2, 1e6, 64).tolist())
RECIPE = Recipe().set({"data": "separable", "n": 200, "dim": 20, "model": "linear",
                       "loss": "logistic", "lr": RATES, "probes": (), "steps": 10_000_000})  # fmt: skip


def numpy_loop(dtype: str) -> Callable[[int], object]:
    """The peer: one replica after another, as one would write it."""
    x, y = (a.astype(dtype) for a in RECIPE.data.arrays(0)[:2])
    labels, w = y[:, 0], np.zeros((len(RATES), x.shape[1]), dtype)
    rates = np.array(RATES, dtype)

    def steps(n: int) -> np.ndarray:
        losses = np.empty((n, len(RATES)), dtype)
        for t in range(n):
            for r, lr in enumerate(rates):
                margin = labels * (x @ w[r])
                losses[t, r] = np.logaddexp(0, -margin).mean()
                g = -(x.T @ (labels * expit(-margin))) / len(labels)
                w[r] -= lr * g
        return losses

    return steps


def main() -> None:
    one_thread()
    print("logistic regression, N = 200, d = 20, 64 step sizes from 0.01 to a million:")
    for dtype in ("float64", "float32"):
        run = Run(RECIPE.set({"dtype": dtype}))
        r, a, b = ratio(run.advance, 1500, numpy_loop(dtype), 60)
        print(f"  {dtype}: {r:.1f}x a NumPy loop over them (goal 10x);"
              f" {64 * a:,.0f} and {64 * b:,.0f} replica-steps/s")  # fmt: skip


if __name__ == "__main__":
    main()
