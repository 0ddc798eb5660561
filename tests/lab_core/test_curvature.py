"""Curvature by products against the dense Hessian: eigenpairs, trace, spectral density."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lab_core import curvature
from lab_core.curvature import Eigen, Product
from lab_core.models import MLP
from tests.lab_core.small import close, gaussian, problem


def matrix(*spectra: list[float], seed: int = 0) -> Tensor:
    """One symmetric matrix a replica [R, P, P] with these eigenvalues and random eigenvectors."""
    values = torch.tensor(spectra, dtype=torch.float64)
    turn = torch.linalg.qr(gaussian(*values.shape, values.shape[1], seed=seed)).Q
    return turn @ torch.diag_embed(values) @ turn.mT


def product(H: Tensor) -> Product:
    return lambda v: torch.bmm(H, v[:, :, None])[:, :, 0]


def top(H: Tensor, k: int = 1, block: int | None = None, **settings: float) -> Eigen:
    start = gaussian(H.shape[0], block or k + 1, H.shape[1], seed=9)
    return curvature.top(product(H), start, k, **settings)  # type: ignore[arg-type]


def bulk(n: int) -> list[float]:
    return np.linspace(-0.3, 0.4, n).tolist()


# ---- the top


@pytest.mark.parametrize("k", [1, 5])
def test_top_eigenvalues_and_what_the_residual_says(k: int) -> None:
    _, oracle, w = problem(MLP(width=8, depth=2))
    H = curvature.dense(oracle.hvp(w), w)
    found = curvature.top(oracle.hvp(w), gaussian(3, k + 1, w.shape[1], seed=9), k)
    values, vectors, residual = (part[:, :k] for part in found)
    close(values, torch.linalg.eigvalsh(H).flip(1)[:, :k], rtol=1e-3)
    error = vectors @ H - values[:, :, None] * vectors
    close(residual, error.norm(dim=2) / values.abs(), rtol=1e-6)
    close(vectors @ vectors.mT, torch.eye(k).expand(3, k, k).double(), atol=1e-10)
    assert float(residual.max()) <= 5e-3, "asked for"


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 3))
def test_an_eigenvalue_lies_within_the_residual_and_none_above_the_top(
    seed: int, P: int, k: int
) -> None:
    H = gaussian(2, P, P, seed=seed)
    H = H + H.mT
    values, _, residual = (part[:, : min(k, P)] for part in top(H, k))
    exact = torch.linalg.eigvalsh(H)
    near = (exact[:, None] - values[:, :, None]).abs().amin(2)
    assert bool((near <= residual * values.abs() + 1e-10).all()), "Parlett (1980)"
    close(values, exact.flip(1)[:, : min(k, P)], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    "spectrum",
    [
        [5.0, 5.0, 5.0, 1.0, 0.0, -2.0],  # the top is degenerate
        [-1.0, -2.0, -3.0, -4.0, -9.0],  # all curve down
        [1e-9, 0.0, -5.0, -50.0],  # a valley beside cliffs
        [0.0, 0.0, 0.0, 0.0],  # flat
        [3e-13, 2e-13, 1e-13, 0.0],  # saturated: tiny, but not zero
        [7e12, 3e12, 0.0, -7e12],
        [2.0],
        [2.0, 1.0],
    ],
    ids=str,
)
def test_odd_spectra(spectrum: list[float]) -> None:
    H = matrix(spectrum, spectrum)
    scale = max(map(abs, spectrum))
    for k in (1, 2, 5):
        found = top(H, k).values[:, :k] / (scale or 1)
        expected = sorted(spectrum, reverse=True)[:k]
        close(found, torch.tensor([expected] * 2) / (scale or 1), atol=1e-3)


def test_copies_of_an_eigenvalue_are_all_found() -> None:
    """A linear net under squared error: every eigenvalue comes once for each output."""
    _, oracle, w = problem(MLP(width=1, depth=1), d=5, c=4, N=20)
    exact = torch.linalg.eigvalsh(curvature.dense(oracle.hvp(w), w)).flip(1)
    close(exact[:, :4], exact[:, :1].expand(3, 4))
    found = curvature.top(oracle.hvp(w), gaussian(3, 6, w.shape[1]), 5)
    close(found.values[:, :5], exact[:, :5], rtol=1e-5)


def test_a_residual_vouches_for_an_eigenvalue_and_the_start_for_the_top() -> None:
    """From a subspace that H maps into itself nothing outside can be seen; hence a random start,
    and a fresh direction where more is asked for than the subspace holds."""
    H = torch.diag_embed(torch.tensor([[9.0, *bulk(30)]], dtype=torch.float64))
    inside = gaussian(1, 6, 31, seed=9)
    inside[:, :, 0] = inside[:, :, 5:] = 0  # of dimension 4
    found = curvature.top(product(H), inside[:, :2])
    assert float(found.values[0, 0]) < 0 and float(found.residual[0, 0]) <= 1e-3
    close(top(H).values[:, 0], [9.0], rtol=1e-6)
    close(curvature.top(product(H), inside, k=5).values[:, 0], [9.0], rtol=1e-6)


def test_a_start_of_nothing_and_one_of_equal_vectors() -> None:
    H = matrix([4.0, 1.0, 0.5, 0.1])
    for start in (torch.zeros(1, 2, 4).double(), torch.ones(1, 2, 4).double()):
        close(curvature.top(product(H), start).values[:, 0], [4.0], rtol=1e-6)


def test_an_eigenvalue_that_overtakes_is_followed() -> None:
    """One falls, another rises past it, and the eigenvectors do not turn at all: the hardest case
    for a warm start, which lies exactly on the old one."""
    start = gaussian(1, 2, 42, seed=9)
    for s in np.linspace(0, 1, 60):
        H = torch.diag_embed(torch.tensor([[5.0 - s, 4.0 + s, *bulk(40)]], dtype=torch.float64))
        found = curvature.top(product(H), start)
        start = found.vectors
        close(found.values[:, 0], [max(5.0 - s, 4.0 + s)], rtol=1e-3)


def test_eigenvalues_that_trade_places_while_the_eigenvectors_turn() -> None:
    """Five wave up and down, each crossing all the others; so slowly do the eigenvectors turn that
    an old start looks settled at every step."""
    P, R = 60, 8
    slow = 2e-4 * (gaussian(R, P, P, seed=3) - gaussian(R, P, P, seed=3).mT)
    phase, start = torch.arange(5) * 1.3, gaussian(R, 2, P, seed=9)
    turn = torch.eye(P).double().expand(R, P, P)
    for s in range(150):
        values = torch.cat([4 + (0.05 * s + phase).sin(), torch.tensor(bulk(P - 5))]).double()
        turn = turn @ torch.matrix_exp(slow)
        H = turn @ torch.diag(values) @ turn.mT
        found = curvature.top(product(H), start, tol=1e-3)
        start = found.vectors
        close(found.values[:, 0], values.max().expand(R), rtol=1e-3)


def test_a_replica_of_nan_or_inf_does_not_disturb_the_others() -> None:
    H = matrix(*[[6.0 - r, 2.0, *bulk(20)] for r in range(4)])
    alone = top(H)
    sick = H.clone()
    sick[1], sick[2] = torch.nan, torch.inf
    found = top(sick)
    assert found.values[1:3].isnan().all() and not found.vectors.isnan().any()
    for a, b in zip(found, alone, strict=True):
        close(a[[0, 3]], b[[0, 3]])
    warm = curvature.top(product(H), found.vectors)
    close(warm.values[:, 0], [6.0, 5.0, 4.0, 3.0], rtol=1e-3)


def test_single_precision() -> None:
    H = matrix([6.0, 5.9, *bulk(60)]).float()
    start = gaussian(1, 2, 62).float()
    found = curvature.top(product(H), start)
    assert found.values.dtype == torch.float32
    close(found.values[:, 0], [6.0], rtol=1e-3)


def test_it_stops_at_its_limit_and_says_how_far_it_got() -> None:
    H = matrix(np.linspace(1, 1.01, 200).tolist())
    found = top(H, tol=1e-9, most=10)
    assert 1e-9 < float(found.residual[0, 0]) < 1e-2


# ---- the trace


def test_the_trace_is_unbiased_and_its_error_is_the_stated_one() -> None:
    H = matrix([9.0, 3.0, *bulk(38)]) - 0.2 * torch.eye(40)
    exact = float(H.diagonal(dim1=1, dim2=2).sum())
    estimates, errors = [], []
    for seed in range(200):
        estimate, error = curvature.trace(
            product(H), torch.zeros(1, 40).double(), torch.Generator().manual_seed(seed)
        )
        assert abs(float(estimate) - exact) < 6 * float(error)
        estimates.append(float(estimate))
        errors.append(float(error))
    assert abs(np.mean(estimates) - exact) < 4 * np.std(estimates) / 200**0.5, "unbiased"
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.15)


def test_hutchinson_is_exact_on_a_diagonal() -> None:
    H = torch.diag_embed(gaussian(3, 10))
    estimate, error = curvature.trace(product(H), gaussian(3, 10), torch.Generator().manual_seed(0))
    close(estimate, H.diagonal(dim1=1, dim2=2).sum(1))
    close(error, torch.zeros(3), atol=1e-12)


# ---- the density


def density(H: Tensor, **settings: float) -> tuple[np.ndarray, np.ndarray]:
    like, random = torch.zeros(H.shape[:2]).double(), torch.Generator().manual_seed(0)
    found = curvature.spectral_density(product(H), like, random, **settings)  # type: ignore[arg-type]
    return found.grid.numpy(), found.density.numpy()


SPECTRUM = [8.0, 7.0, *np.random.default_rng(0).normal(0, 1, 118)]


@pytest.mark.parametrize(
    "spectrum", [SPECTRUM, [2.0] * 30, [2.0], [0.0] * 5, [-3.0, -1.0, -1.0], [1e6] * 4],
    ids=["bulk and outliers", "identity", "P = 1", "flat", "down", "large"],
)  # fmt: skip
def test_the_density_integrates_to_one_with_the_mean_of_the_spectrum(spectrum: list[float]) -> None:
    grid, share = density(matrix(spectrum, spectrum), probes=20)
    scale = max(map(abs, spectrum)) or 1
    for r in range(2):
        assert np.trapezoid(share[r], grid[r]) == pytest.approx(1, rel=2e-3)
        mean = np.trapezoid(share[r] * grid[r], grid[r])
        assert mean == pytest.approx(np.mean(spectrum), abs=0.04 * scale)


def test_the_density_counts_eigenvalues() -> None:
    grid, share = density(matrix(SPECTRUM), probes=20, turns=60)
    cumulative = np.cumsum(share[0]) * (grid[0, 1] - grid[0, 0])
    for x in (-2.0, -1.0, 0.0, 1.0, 2.0, 7.5):
        below = np.mean(np.array(SPECTRUM) < x)
        assert cumulative[np.searchsorted(grid[0], x)] == pytest.approx(below, abs=0.04)


def test_a_replica_of_nan_leaves_the_other_densities() -> None:
    H = matrix(SPECTRUM, SPECTRUM, SPECTRUM)
    alone = density(H)
    H[1] = math.nan
    for a, b in zip(density(H), alone, strict=True):
        close(a[[0, 2]], b[[0, 2]])
