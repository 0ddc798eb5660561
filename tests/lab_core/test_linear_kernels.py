"""Linear functions by hand, plain and as diagonal nets, against autograd."""

from typing import Any

import pytest
import torch

from lab_core.kernels import DiagonalKernel, LinearKernel
from lab_core.losses import LOSSES
from lab_core.models import DiagonalLinear, Linear, Model
from lab_core.objective import HandObjective, Objective, objective
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import close, gaussian

CLASSIFIER = {"data": "separable", "model": "linear", "n": 20, "dim": 5, "init_scale": 0.1}
NET = {"data": "sparse-signs", "model": "diagonal-linear", "n": 20, "dim": 30}


@pytest.mark.parametrize("loss", ["squared-error", "logistic"])
@pytest.mark.parametrize("c", [1, 3])
@pytest.mark.parametrize("own_data", [False, True])
@pytest.mark.parametrize(
    "model, kernel", [(Linear(), LinearKernel), (DiagonalLinear(), DiagonalKernel)]
)
def test_gradient_and_products_are_autograds(
    model: Model, kernel: type, loss: str, c: int, own_data: bool
) -> None:
    x, y = gaussian(3 if own_data else 1, 7, 5), gaussian(1, 7, c, seed=1).sign()
    y = y.expand(len(x), -1, -1)
    problem = model, LOSSES[loss](), x, y, 3
    by_hand, oracle = objective(*problem), Objective(*problem)
    assert type(by_hand) is HandObjective and type(by_hand.full) is kernel
    w, v = gaussian(3, oracle.size, seed=2), gaussian(3, oracle.size, seed=3)
    index = torch.tensor([[0, 3], [1, 1], [6, 2]])
    close(by_hand.loss(w), oracle.loss(w))
    for which in (None, index):
        for ours, theirs in zip(by_hand.gradient(w, which), oracle.gradient(w, which), strict=True):
            close(ours, theirs)
    close(by_hand.hvp(w)(v), oracle.hvp(w)(v))


@pytest.mark.parametrize("problem", [CLASSIFIER, NET], ids=lambda p: p["model"])
def test_a_run_by_hand_is_a_run_by_autograd(
    problem: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe().set({"loss": "logistic", "lr": 0.01, "steps": 80, "batch_size": 6,
                           "seed": (0, 1), "probes": (("sharpness", 20),), **problem})  # fmt: skip
    by_hand = Run(recipe).finish().arms[0]
    monkeypatch.setattr("lab_core.start.objective", Objective)
    close(by_hand.state.w, Run(recipe).finish().arms[0].state.w)


def test_it_starts_from_zero_and_other_models_do_not_take_that_over() -> None:
    linear = Recipe().set({"data": "separable", "model": "linear", "loss": "logistic"})
    assert not bool(Run(linear).arms[0].state.w.any())
    assert linear.set({"model": "mlp"}).model.init_scale == 1
    assert Recipe().set({"model": "linear"}).model.init_scale == 0
