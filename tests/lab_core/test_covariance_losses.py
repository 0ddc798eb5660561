"""Losses of second moments: closed forms, derivatives where singular values meet or vanish, smoothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from lab_core.covariance_losses import BuresWasserstein, Frobenius
from lab_core.data import Covariance
from lab_core.models import DeepLinear
from lab_core.objective import Objective, objective
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import close, gaussian
from tests.lab_core.test_losses import moments, wasserstein

TAUS = [0.0, 1e-3, 0.3]
SHAPES = [(3, 4), (4, 4), (9, 2)]
LEARNT = Recipe().set({"data": "covariance", "model": "deep-linear", "depth": 1, "width": 6,
                       "loss": "bures-wasserstein", "steps": 60, "probes": ()})  # fmt: skip


def eye(c: int) -> Tensor:
    return torch.eye(c, dtype=torch.float64)


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("N, c", SHAPES)
def test_it_is_the_distance_of_two_gaussians(N: int, c: int, tau: float) -> None:
    f, y = gaussian(2, N, c), gaussian(2, N, c, seed=1)
    value = BuresWasserstein(tau)(f, y)
    assert value.shape == (2, N) and bool((value == value[:, :1]).all())
    close(value[:, 0], wasserstein(moments(f) + tau * eye(c), moments(y)), atol=1e-6)


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("N, c", SHAPES)
def test_derivatives_by_finite_differences_and_by_autograd(N: int, c: int, tau: float) -> None:
    for loss in (BuresWasserstein(tau), Frobenius()):
        f, y, u, h = gaussian(2, N, c), gaussian(2, N, c, seed=1), gaussian(2, N, c, seed=2), 1e-6
        value, slope = loss.first(f, y)
        ahead, behind = (loss.first(f + s * h * u, y) for s in (1, -1))
        close(N * (ahead[0] - behind[0]) / (2 * h), (slope * u).sum((1, 2)), rtol=1e-6, atol=1e-7)
        close(loss.second(f, y, u), (ahead[1] - behind[1]) / (2 * h), rtol=1e-6, atol=1e-6)
        f.requires_grad_()
        (first,) = torch.autograd.grad(loss(f, y).sum(), f, create_graph=True)
        close(first, slope, atol=1e-10)
        close(torch.autograd.grad(first, f, u)[0], loss.second(f.detach(), y, u), atol=1e-9)


def test_the_hessian_of_autograd_is_that_of_torchs_own_singular_values() -> None:
    """Where they are apart, so that torch's has no poles."""
    f, y = gaussian(1, 4, 4), gaussian(1, 4, 4, seed=1)

    def plain(f: Tensor) -> Tensor:
        norm = torch.linalg.svdvals(f[0] @ y[0].T).sum()
        return (f.square().sum() + y.square().sum() - 2 * norm) / 4

    ours = torch.autograd.functional.hessian(lambda f: BuresWasserstein()(f, y).mean(), f)
    close(ours, torch.autograd.functional.hessian(plain, f), atol=1e-9)


@pytest.mark.parametrize("tau", TAUS)
def test_equal_singular_values_have_all_derivatives(tau: float) -> None:
    """At identity targets: where torch's own second derivative is nan."""
    f, y = 2 * eye(4)[None], 2 * eye(4)[None]
    loss, h = BuresWasserstein(tau), 1e-6
    for direction in gaussian(5, 4, 4):
        u = direction[None]
        steps = [loss.first(f + s * h * u, y)[1] for s in (1, -1)]
        close(loss.second(f, y, u), (steps[0] - steps[1]) / (2 * h), rtol=1e-6, atol=1e-6)
    value, slope = loss.first(f, y)
    close(value[0], 4 * (1 - (1 + tau) ** 0.5) ** 2)
    close(slope, 2 * (1 - (1 + tau) ** -0.5) * f)


@pytest.mark.parametrize("tau", TAUS)
def test_nothing_is_nan_at_zero_and_at_low_rank(tau: float) -> None:
    low = gaussian(1, 4, 2) @ gaussian(1, 2, 4, seed=1)
    for f in (torch.zeros_like(low), low, 1e-200 * low):
        for y in (torch.zeros_like(low), low, 2 * eye(4)[None]):
            loss = BuresWasserstein(tau)
            for part in (*loss.first(f, y), loss.second(f, y, gaussian(1, 4, 4)), loss(f, y)):
                assert bool(part.isfinite().all())


def test_what_is_not_finite_stays_within_its_replica() -> None:
    f, y = gaussian(3, 4, 4), gaussian(1, 4, 4, seed=1)
    f[1] = torch.inf
    value, slope = BuresWasserstein().first(f, y)
    assert value.isfinite().tolist() == [True, False, True] and bool(slope[[0, 2]].isfinite().all())


def test_nothing_cancels_near_the_target() -> None:
    y = 2 * eye(4)[None]
    for step in (1e-3, 1e-9, 1e-15):
        value, _ = BuresWasserstein().first(y * (1 + step), y)
        close(value[0] / (4 * step**2), 1.0, rtol=0.3 if step == 1e-15 else 1e-5)


def test_smoothing_is_a_value_for_each_replica() -> None:
    f, y = gaussian(3, 4, 4), gaussian(1, 4, 4, seed=1)
    together = BuresWasserstein(torch.tensor(TAUS, dtype=torch.float64)[:, None])
    for r, tau in enumerate(TAUS):
        for a, b in zip(together.first(f, y), BuresWasserstein(tau).first(f, y), strict=True):
            close(a[r], b[r])


def test_the_minimum_of_the_smoothed_loss() -> None:
    """Of eigenvalues l: max(l - tau, 0), where the loss is the sum of (√l - √tau)^2 over l < tau."""
    values, tau = torch.tensor([1.0, 0.5, 0.02, 0.0], dtype=torch.float64), 0.1
    y = 2 * values.sqrt().diag()[None]
    f = 2 * (values - tau).clamp_min(0).sqrt().diag()[None]
    value, slope = BuresWasserstein(tau).first(f, y)
    close(value[0], (values.sqrt() - tau**0.5)[2:].square().sum())
    close(slope, torch.zeros_like(slope))


@pytest.mark.parametrize("tau", [0.0, 0.05])
def test_curvature_by_the_covariance_against_autograd(tau: float) -> None:
    f, y = gaussian(2, 7, 4), gaussian(2, 7, 4, seed=1)
    S, S0 = moments(f), moments(y)

    def bures(r: int, S: Tensor) -> Tensor:
        L = torch.linalg.cholesky(S0[r])
        inside = L.T @ ((S + S.T) / 2 + tau * eye(4)) @ L
        return S.trace() - 2 * torch.linalg.eigvalsh(inside).sqrt().sum()

    for r, found in enumerate(BuresWasserstein(tau).covariance_curvature(f, y)):
        H = torch.autograd.functional.hessian(lambda S, r=r: bures(r, S), S[r])
        close(found, torch.linalg.eigvalsh(H.reshape(16, 16))[-1])
    H = torch.autograd.functional.hessian(lambda S: (S - S0[0]).square().sum() / 4, S[0])
    close(Frobenius().covariance_curvature(f, y)[0], torch.linalg.eigvalsh(H.reshape(16, 16))[-1])


def test_curvature_by_the_covariance_at_the_target_sees_only_where_it_has_rank() -> None:
    values = torch.tensor([1.0, 0.25, 0.0, 0.0], dtype=torch.float64)
    turn = torch.linalg.qr(gaussian(4, 4)).Q
    y = 2 * (turn * values.sqrt()) @ turn.T
    close(BuresWasserstein().covariance_curvature(y[None], y[None])[0], 1 / (2 * 0.25), rtol=1e-6)


# ---- in a run


def test_the_data_are_the_covariance() -> None:
    for dim, rank, condition in ((6, 0, 10.0), (5, 2, 100.0), (4, 9, 1.0), (3, 1, 7.0)):
        x, y, *_ = Covariance(dim=dim, true_rank=rank, condition=condition).arrays(seed=1)
        values = np.linalg.eigvalsh(y.T @ y / dim)[::-1]
        k = min(rank or dim, dim)
        assert np.allclose(values[:k], np.geomspace(1, 1 / condition, k)) and np.allclose(
            values[k:], 0
        )
        W = np.random.default_rng(0).standard_normal((dim, dim))
        assert np.allclose((x @ W).T @ (x @ W) / dim, W.T @ W)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_hand_written_gradient_and_hessian_are_autograds(depth: int) -> None:
    x, y, *_ = (torch.tensor(a)[None] for a in Covariance().arrays(seed=0))
    for loss in (BuresWasserstein(0.0), BuresWasserstein(0.01), Frobenius()):
        by_hand = objective(DeepLinear(width=5, depth=depth), loss, x, y, 2)
        oracle = Objective(by_hand.model, loss, x, y, 2)
        w, v = 0.5 * gaussian(2, by_hand.size), gaussian(2, by_hand.size, seed=1)
        for a, b in zip(by_hand.gradient(w), oracle.gradient(w), strict=True):
            close(a, b)
        close(by_hand.hvp(w)(v), oracle.hvp(w)(v), rtol=1e-7, atol=1e-8)


def test_a_live_change_of_one_replicas_smoothing() -> None:
    run = Run(LEARNT.set({"tau": (0.0, 0.01)}))
    run.advance(20)
    run.change("tau", 0.02, replica=1)
    run.finish()
    alone = Run(LEARNT.set({"tau": 0.01}))
    alone.advance(20)
    alone.change("tau", 0.02)
    alone.finish()
    close(run.arms[0].state.w[1], alone.arms[0].state.w[0])
    close(run.arms[0].state.w[0], Run(LEARNT).finish().arms[0].state.w[0])
    again = Run(run.recipe).finish()
    assert torch.equal(again.arms[0].state.w, run.arms[0].state.w)


def test_what_is_measured_of_a_run() -> None:
    watched = (("covariance", 10), ("covariance_curvature", 10), ("curvature_range", 10))
    arm = Run(LEARNT.set({"probes": watched})).finish().arms[0]
    w, d = arm.state_at(50).w.view(6, 6), arm.record
    S, S0 = w.T @ w, moments(arm.y)[0]
    close(d["covariance_error"][1][-1, 0], (S - S0).norm() / S0.norm())
    close([d[f"covariance_{i}"][1][-1, 0] for i in range(1, 7)], torch.linalg.eigvalsh(S).flip(0))
    close([d[f"target_{i}"][1][-1, 0] for i in range(1, 7)], torch.linalg.eigvalsh(S0).flip(0))
    exact = arm.program.loss.covariance_curvature(6**0.5 * w[None], arm.y)  # type: ignore[attr-defined]
    close(d["covariance_curvature"][1][-1, 0], exact[0])
    assert d["curvature_max"][1][-1, 0] == pytest.approx(2.0, rel=1e-6)
    wide = (
        Run(LEARNT.set({"depth": 3, "width": 20, "probes": watched, "steps": 2})).finish().arms[0]
    )
    assert "curvature_min" not in wide.record.columns
