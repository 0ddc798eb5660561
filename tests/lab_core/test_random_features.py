"""Random features: what seeds share, how they are scaled, and that all else sees them as inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lab_core.arm import Arm
from lab_core.kernels import LinearKernel
from lab_core.knobs import BadInput
from lab_core.models import RandomFeatures
from lab_core.objective import HandObjective
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import close, gaussian

BASE = Recipe().set({"data": "gaussian-teacher", "n": 30, "dim": 5, "model": "random-features",
                     "features": 40, "lr": 0.5, "steps": 20, "probes": (("test_loss", 5),)})  # fmt: skip
X = gaussian(50, 6)


def phi(seed: int = 0, **knobs: Any) -> torch.Tensor:
    return RandomFeatures(**knobs).lift(X, seed)(X)


def test_a_feature_is_the_same_whatever_their_number_and_another_for_another_seed() -> None:
    few, many = phi(features=70), phi(features=200)
    close(few * 70**0.5, many[:, :70] * 200**0.5)
    assert not torch.allclose(few, phi(1, features=70))
    assert not torch.allclose(many[:, :64], many[:, 64:128]), "each block has its own stream"


def test_activations_and_frequency() -> None:
    V, b = RandomFeatures(features=300, activation="fourier").drawn(6, 0)
    assert float(b.min()) >= 0 and 6 < float(b.max()) < 2 * np.pi
    assert float(V.var()) == pytest.approx(1 / 6, rel=0.1)
    for k in (0.5, 3.0):
        close(phi(features=300, activation="fourier", frequency=k),
              (2 / 300) ** 0.5 * torch.cos(k * X @ V + b))  # fmt: skip
        close(phi(features=300, frequency=k), k * phi(features=300))


def test_standardised_features_and_the_spread_of_their_scales() -> None:
    model = RandomFeatures(features=80, scaling="standardised", spread=100.0)
    inputs = model.lift(X, 3)(X) * 80**0.5
    fall = torch.logspace(0, -2, 80, dtype=X.dtype)
    close(inputs.mean(0), torch.zeros(80), atol=1e-12)
    close(inputs.std(0, correction=0), fall)
    other = gaussian(7, 6, seed=5)
    raw = RandomFeatures(features=80).lift(X, 3)
    mean, size = raw(X).mean(0), raw(X).std(0, correction=0)
    close(model.lift(X, 3)(other), (raw(other) - mean) / size * fall / 80**0.5)


def test_replicas_have_the_features_of_their_init_seed_on_the_data_of_their_data_seed() -> None:
    arm = Arm(BASE.set({"init_seed": (0, 1), "data_seed": (7, 8)}).split())
    for r, (data, init) in enumerate([(7, 0), (7, 1), (8, 0), (8, 1)]):
        x, y, x_test, _ = (torch.tensor(a) for a in BASE.data.arrays(data))
        lift = BASE.model.lift(x, init)
        close(arm.x[r], lift(x))
        close(arm.test[0][r], lift(x_test))
        close(arm.y[r], y)


def test_the_linear_kernel_trains_them_and_the_shapes_are_theirs() -> None:
    arm = Run(BASE).finish().arms[0]
    assert isinstance(arm.objective, HandObjective) and type(arm.objective.full) is LinearKernel
    assert arm.state.w.shape == (1, 40) and arm.x.shape == (1, 30, 40)
    w, x, y = torch.zeros(40, 1, dtype=torch.float64), arm.x[0], arm.y[0]
    for _ in range(20):
        w = w - 0.5 * x.T @ (x @ w - y) / 30
    close(arm.state.w[0], w[:, 0])


def test_one_data_set_and_one_seed_are_lifted_once() -> None:
    assert Arm(BASE.set({"lr": (0.1, 0.2, 0.3)}).split()).x.shape[0] == 1


def test_too_many_features_are_a_sentence() -> None:
    with pytest.raises(BadInput, match=r"^width, depth, n: 1 replicas of 20,000 parameters"):
        Arm(BASE.set({"features": 20000, "n": 10000}).split())
