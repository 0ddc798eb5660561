"""How long grokking takes without a screen, and a step against a plain PyTorch loop.

Times are those of this process's one thread; ratios are of rates measured in turn.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn

from lab_core.devices import one_thread
from lab_core.phenomena.pairs import PAIRS
from lab_core.phenomena.progress_measures import TRANSFORMER
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.bench.engine import ratio

P23 = PAIRS.set(
    {"p": 23, "fraction": 0.5, "lr": 2e-2, "weight_decay": 3.0, "probes": (("accuracy", 10),)}
)
P97 = PAIRS.set({"p": 97, "lr": 2e-2, "weight_decay": 2.0, "probes": (("accuracy", 20),)})
P59 = TRANSFORMER.set({"probes": (("accuracy", 20),), "steps": 1000})
P113 = P59.set({"p": 113, "fraction": 0.3, "mlp_width": 256})
SEEDS = tuple(range(8))


def to_99(recipe: Recipe) -> tuple[float, int]:
    """Seconds from the recipe until every replica has 99% test accuracy, and the steps taken."""
    start = time.perf_counter()
    run = Run(recipe)
    (arm,) = run.arms.values()
    while not np.isfinite(arm.record.reached("test_accuracy", 0.99)).all():
        assert not run.done, "it did not grok"
        run.advance(10)
    return time.perf_counter() - start, arm.t


def plain(recipe: Recipe) -> nn.Module:
    """The peer's net: two nn.Embedding, a square, nn.Linear."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            p, width = recipe.flat()["p"], recipe.flat()["width"]
            self.left, self.right = nn.Embedding(p, width), nn.Embedding(p, width)
            self.out = nn.Linear(width, p, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.out((self.left(x[:, 0]) + self.right(x[:, 1])).square())

    return Net()


def against_plain(recipe: Recipe, steps: int) -> tuple[float, float, float]:
    """Steps/s of a run without probes over those of nn.Embedding, backward and torch.optim.AdamW."""
    run = Run(recipe.set({"probes": (), "steps": 10_000_000}))
    (arm,) = run.arms.values()
    x, y = arm.x[0].long(), arm.y[0].argmax(1)
    net, knobs = plain(recipe), recipe.flat()
    betas, decay = (knobs["beta1"], knobs["beta2"]), knobs["weight_decay"]
    optimizer = torch.optim.AdamW(net.parameters(), knobs["lr"], betas, weight_decay=decay)

    def peer(n: int) -> None:
        for _ in range(n):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()

    return ratio(run.advance, steps, peer, steps)


def eight(recipe: Recipe, steps: int) -> tuple[float, float, float]:
    """Replica-steps/s of eight seeds at once over those of one run after another."""
    bare = recipe.set({"probes": (), "steps": 10_000_000})
    together, alone = Run(bare.set({"seed": SEEDS})), [Run(bare.set({"seed": s})) for s in SEEDS]

    def one_after_another(n: int) -> None:
        for run in alone:
            run.advance(n)

    return ratio(together.advance, steps, one_after_another, steps)


def main() -> None:
    one_thread()
    print("grokking, one thread, from the recipe to 99% test accuracy, probes included:")
    for name, recipe, goal in (
        ("net on pairs, p = 23, half of the pairs", P23, "< 0.4 s"),
        ("net on pairs, p = 97, 30%", P97, "< 2.5 s"),
        ("transformer, p = 59, 40%", P59, "< 3 s"),
        ("transformer, p = 113, 30%", P113, "< 60 s"),
    ):
        each = [to_99(recipe.set({"seed": seed})) for seed in SEEDS[:3]]
        told = ", ".join(f"{seconds:.2f} s ({steps} steps)" for seconds, steps in each)
        print(f"  {name}: {told}; goal {goal}")
    for name, recipe, steps in (("p = 23", P23, 400), ("p = 97", P97, 40)):
        print(
            f"  a step against nn.Embedding + AdamW, {name}: {against_plain(recipe, steps)[0]:.1f}x"
        )
        goal = " (goal 2x)" if name == "p = 23" else ""
        print(f"  eight seeds at once, {name}: {eight(recipe, steps)[0]:.1f}x{goal}")


if __name__ == "__main__":
    main()
