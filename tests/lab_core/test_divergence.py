"""A replica that diverges is frozen and marked with its step; the others go on, nothing raises."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lab_core.arm import LIMIT
from lab_core.losses import LOSSES
from lab_core.models import ACTIVATIONS
from lab_core.objective import Objective
from lab_core.optimizers import OPTIMIZERS
from lab_core.probes import PROBES
from lab_core.recipe import Recipe, companions
from lab_core.run import Run
from tests.lab_core.small import CLASSES, SMALL, having

EVERYTHING = tuple((name, 9) for name in PROBES)
# gradient flow follows its path at any rate, and says itself where it gives up
DESCENTS = [name for name in OPTIMIZERS if name != "flow"]
GENERAL = [name for name in DESCENTS if not OPTIMIZERS[name].models]  # of any model


def first_beyond(recipe: Recipe) -> tuple[int, torch.Tensor]:
    """Plain GD: the first step whose loss is nan or above the limit, and the weights there."""
    x, y = (torch.tensor(a)[None] for a in recipe.data.arrays(recipe.seed)[:2])
    L = Objective(recipe.model, recipe.loss, x, y, 1)
    w = Run(recipe).arms[0].state.w
    start = float(L.loss(w))
    for t in range(recipe.steps):
        loss, g = L.gradient(w)
        if not float(loss) <= LIMIT * (1 + start):
            return t, w
        w = w - recipe.optimizer.lr * g
    raise AssertionError("it did not diverge")


@pytest.mark.parametrize("lr", [3.0, 30.0, 1e6])
def test_the_step_at_which_a_replica_diverges_and_where_it_stays(lr: float) -> None:
    recipe = SMALL.set({"lr": lr, "steps": 300, "activation": "relu"})
    t, w = first_beyond(recipe)
    arm = Run(recipe).finish().arms[0]
    assert arm.diverged == {0: t} and arm.done and arm.t == t
    torch.testing.assert_close(arm.state.w, w, rtol=1e-6, atol=1e-9)
    steps, losses = arm.record["train_loss"]
    assert steps.tolist() == list(range(t)) and np.isfinite(losses).all()


@pytest.mark.parametrize("optimizer", DESCENTS)
@pytest.mark.parametrize("batch_size", [0, 5])
def test_the_others_do_not_notice(optimizer: str, batch_size: int) -> None:
    """The same stack with and without a replica that diverges: equal bits in all the others."""
    recipe = having("optimizer", optimizer).set({"batch_size": batch_size, "seed": (0, 1, 2),
                                                 "probes": EVERYTHING, "steps": 27})  # fmt: skip
    calm, wild = Run(recipe), Run(recipe)
    for run, lr in ((calm, 2e-3), (wild, 1e30)):
        run.advance(12)
        run.change("lr", (1e-3, lr, 3e-3))
        run.finish()
    assert list(wild.arms[0].diverged) == [1] and not calm.arms[0].diverged
    others = [0, 2]
    assert torch.equal(wild.arms[0].state.w[others], calm.arms[0].state.w[others])
    for name, column in calm.arms[0].record.columns.items():
        ours = wild.arms[0].record[name][1]
        tolerance = 1e-3 if "sharp" in name or "eigen" in name or name == "ratio" else 1e-12
        if "residual" not in name:
            np.testing.assert_allclose(ours[:, others], column.values[:, others], rtol=tolerance)
        known = column.steps < wild.arms[0].diverged[1]
        assert np.isnan(ours[~known, 1]).all(), "nothing is recorded of what has diverged"
        unstated = name in ("threshold", "ratio") and not OPTIMIZERS[optimizer].formula
        leapt = (
            name == "weight_drift" and OPTIMIZERS[optimizer].losses
        )  # beyond all numbers at once
        assert np.isfinite(ours[known, 1]).all() or "sharp" in name or unstated or leapt


def test_what_has_diverged_stays_so_until_an_arm_from_the_start() -> None:
    run = Run(SMALL.set({"lr": (0.1, 1e6)}))
    run.advance(10)
    frozen = run.arms[0].state.w[1].clone()
    run.change("lr", 0.1)
    run.advance(10)
    here, again = run.branch({"lr": 0.05}), run.branch({"lr": 0.05}, from_start=True)
    run.finish()
    assert torch.equal(run.arms[0].state.w[1], frozen) and torch.equal(here.state.w[1], frozen)
    assert run.arms[0].diverged == here.diverged == {1: 1} and not again.diverged


def test_all_diverged_and_the_run_is_done() -> None:
    run = Run(SMALL.set({"lr": (1e5, 1e6), "probes": EVERYTHING})).finish()
    assert run.done and run.arms[0].t < 40 and list(run.arms[0].diverged) == [0, 1]
    assert Run(run.recipe).finish().arms[0].diverged == run.arms[0].diverged


def test_a_catapult_is_no_divergence() -> None:
    """Two linear layers at lr * sharpness between 2 and 4: the loss shoots up and comes back."""
    recipe = SMALL.set({"data": "point", "model": "deep-linear", "parametrization": "ntk",
                        "width": 64, "lr": (1.5, 2.5), "steps": 100})  # fmt: skip
    arm = Run(recipe).finish().arms[0]
    loss = arm.record["train_loss"][1][:, 0]
    assert list(arm.diverged) == [1] and loss.max() > 3 * loss[0] and loss[-1] < 1e-3 * loss[0]


@pytest.mark.parametrize(
    "loss, activation",
    [*((loss, "tanh") for loss in LOSSES), *(("squared-error", phi) for phi in ACTIVATIONS)],
)
@pytest.mark.parametrize("optimizer", GENERAL)
def test_any_learning_rate_is_survived(optimizer: str, loss: str, activation: str) -> None:
    """Beside a sane replica, up to the largest number there is, while the curvature is measured."""
    for dtype in ("float64", "float32"):
        recipe = CLASSES.set(companions(CLASSES, "loss", loss))
        recipe = recipe.set({"optimizer": optimizer, "dtype": dtype, "depth": 3,
                             "activation": activation, "steps": 7, "probes": (("sharpness", 2),),
                             "n": 24, "lr": (1e-3, 1e6, 1e30, 1e300)})  # fmt: skip
        arm = Run(recipe).finish().arms[0]
        assert 0 not in arm.diverged and arm.t == 7
        assert np.isfinite(arm.record["sharpness"][1][:, 0]).all()


def test_everything_is_measured_beside_a_diverged_replica() -> None:
    for dtype in ("float64", "float32"):
        recipe = CLASSES.set({"lr": (1e-3, 1e300), "dtype": dtype, "probes": EVERYTHING})
        arm = Run(recipe).finish().arms[0]
        assert list(arm.diverged) == [1]
        for column in arm.record.columns.values():
            assert np.isfinite(column.values[:, 0]).all()
        assert bool(arm.record.arrays["spectrum"][1].density[0].isfinite().all())
