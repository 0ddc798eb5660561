"""The curve of theory against simulation, and errors split into bias and variance against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lab_core.asymptotics import RELU, product, random_features
from lab_core.bias_variance import split


def simulated(
    features: int, n: int, dim: int, ridge: float, sigma: float, trials: int
) -> np.ndarray:
    """Test errors [trials] of ridge regression on ReLU features, all on the sphere, in numpy alone."""
    rng = np.random.default_rng(0)

    def sphere(m: int) -> np.ndarray:
        x = rng.standard_normal((m, dim))
        return x * (dim**0.5 / np.linalg.norm(x, axis=1, keepdims=True))

    found = []
    for _ in range(trials):
        x, x_test, v = sphere(n), sphere(1000), sphere(features)
        phi, phi_test = (np.maximum(a @ v.T / dim**0.5, 0) / features**0.5 for a in (x, x_test))
        y = x[:, 0] + sigma * rng.standard_normal(n)
        w = np.linalg.solve(phi.T @ phi / n + ridge * np.eye(features), phi.T @ y / n)
        found.append(np.square(phi_test @ w - x_test[:, 0]).mean())
    return np.array(found)


@pytest.mark.parametrize("features", [25, 100, 250])
@pytest.mark.parametrize("ridge", [1e-5, 1e-3])
@pytest.mark.parametrize("sigma", [0.0, 0.7])
def test_simulation_lies_on_the_curve(features: int, ridge: float, sigma: float) -> None:
    errors = simulated(features, 100, 50, ridge, sigma, 16)
    theory = random_features(features, 100, 50, ridge).of(sigma)
    assert abs(errors.mean() - theory) < 4 * errors.std() / 4 + 0.03 * theory


def test_it_diverges_at_the_threshold_without_a_ridge_and_nowhere_else() -> None:
    assert math.isinf(random_features(100, 100, 50, 0.0).signal)
    near = [random_features(n, 100, 50, 0.0).of(0.5) for n in (50, 90, 99, 101, 110, 1000)]
    assert near == sorted(near[:3]) + sorted(near[3:], reverse=True) and max(near) > 30
    assert random_features(100, 100, 50, 1e-2).of(0.5) < 1


def test_noise_without_a_ridge_adds_what_linear_regression_has_below_the_threshold() -> None:
    """N / (n - N): that of ordinary least squares with N regressors, whatever they are (Wishart)."""
    for features in (10, 30, 80):
        noise = random_features(features, 100, 50, 0.0).noise
        assert noise == pytest.approx(features / (100 - features), rel=1e-4)


def test_a_large_ridge_leaves_nothing_learnt() -> None:
    risk = random_features(100, 100, 50, 1e4)
    assert risk.signal == pytest.approx(1, abs=1e-3) and risk.noise == pytest.approx(0, abs=1e-3)


def test_the_fixed_point_is_one_and_the_moments_are_those_of_relu() -> None:
    p, q, z, xi = 2.0, 3.0, RELU[0] / RELU[1], 0.3j
    x = product(p, q, z, xi)
    # nu_1 from their product: nu_1 (-xi) - x - z x / (1 - z x) = p
    nu_1, nu_2 = ((a + x + z * x / (1 - z * x)) / -xi for a in (p, q))
    assert nu_1 * nu_2 == pytest.approx(x) and nu_1.imag > 0 and nu_2.imag > 0
    g = np.linspace(-9, 9, 20_001)
    weight = np.exp(-(g**2) / 2)
    weight, relu = weight / weight.sum(), g.clip(0)
    mean, first = weight @ relu, weight @ (g * relu)
    assert first**2 == pytest.approx(RELU[0], rel=1e-6)
    assert weight @ relu**2 - mean**2 - first**2 == pytest.approx(RELU[1], rel=1e-6)


# ---- bias and variance


def test_bias_and_variance_of_a_linear_model_are_those_of_the_closed_form() -> None:
    """f_s = x . w_s, w_s ~ N(m, s^2 I), truth x . b: bias^2 = |x . (m - b)|^2, variance = s^2 |x|^2."""
    rng = np.random.default_rng(0)
    x, m, b, s, seeds = rng.standard_normal((50, 4)), np.full(4, 0.3), np.zeros(4), 0.5, 3
    found = []
    for _ in range(3000):
        w = m + s * rng.standard_normal((seeds, 4))
        found.append(split((w @ x.T)[..., None], (x @ b)[:, None]))
    bias, variance = np.mean(found, 0)
    assert bias == pytest.approx(np.square(x @ (m - b)).mean(), rel=0.05)
    assert variance == pytest.approx(s**2 * np.square(x).sum(1).mean(), rel=0.02)


def test_they_add_up_to_the_error_and_one_seed_has_neither() -> None:
    rng = np.random.default_rng(1)
    predictions, truth = rng.standard_normal((5, 20, 3)), rng.standard_normal((20, 3))
    error = np.square(predictions - truth).sum(-1).mean()
    assert sum(split(predictions, truth)) == pytest.approx(error)
    assert np.isnan(split(predictions[:1], truth)).all()
