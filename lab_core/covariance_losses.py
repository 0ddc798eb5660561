"""Losses of the second moments of a batch, S = (1/N) sum f f^T against S0 = (1/N) sum y y^T.

They are of a batch as a whole, so that each example's loss [R, N] is the batch's, and so is their mean.
What is called first and second derivative is then N times that of the batch's loss by f.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from lab_core.knobs import knob


@dataclass(frozen=True)
class Frobenius:
    """l = 1/4 |S - S0|^2, Frobenius: what matrix factorisation is mostly trained on."""

    label: ClassVar[str] = "Frobenius loss of the second moments"
    targets: ClassVar[str] = "real"

    def __call__(self, f: Tensor, y: Tensor) -> Tensor:
        return self._value(_gap(f, y)).expand(f.shape[:-1])

    @staticmethod
    def _value(gap: Tensor) -> Tensor:
        return 0.25 * gap.square().sum((-2, -1))[..., None]

    def first(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss [R] and N dl/df = f (S - S0), [R, N, c]."""
        gap = _gap(f, y)
        return self._value(gap)[..., 0], f @ gap

    def second(self, f: Tensor, y: Tensor, u: Tensor) -> Tensor:
        """N (d^2 l / df^2) u = u (S - S0) + f (u^T f + f^T u) / N, [R, N, c]."""
        turned = u.mT @ f / f.shape[-2]
        return u @ _gap(f, y) + f @ (turned + turned.mT)

    def covariance_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        """The largest eigenvalue [R] of the Hessian of l as a function of S: 1/2 everywhere."""
        return f.new_full(f.shape[:1], 0.5)


def _gap(f: Tensor, y: Tensor) -> Tensor:
    """S - S0, [R, c, c]."""
    return (f.mT @ f - y.mT @ y) / f.shape[-2]


@dataclass(frozen=True)
class BuresWasserstein:
    """l = tr S + tr S0 - 2 tr (S0^1/2 S S0^1/2)^1/2, S = (1/N) sum f f^T + tau I: the squared
    2-Wasserstein distance of two centred Gaussians (Brechet et al. 2023; tau > 0 smooths it).

    With F the rows f / sqrt(N) and sqrt(tau) I below them, S = F^T F; with S0 = Z^T Z the trace is
    the nuclear norm of A = F Z^T. So l = |F - P Z|^2 with P the polar factor U V^T of A = U s V^T,
    which is what is computed: no root of a matrix is taken, and nothing cancels near 0.
    """

    label: ClassVar[str] = "Bures-Wasserstein loss of the second moments"
    targets: ClassVar[str] = "real"
    tau: Any = knob(0.0, 0.0, 0.1, domain="[0, inf)", stacks=True, label="smoothing τ",
                    help="added to the eigenvalues of the covariance inside the loss")  # fmt: skip

    def __call__(self, f: Tensor, y: Tensor) -> Tensor:
        each: Tensor = _Distance.apply(*self._roots(f, y))
        return each[..., None].expand(f.shape[:-1])

    def _roots(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """F [R, N + c, c] and Z [R, min(N, c), c]."""
        N, c = f.shape[-2:]
        eye = torch.eye(c, dtype=f.dtype, device=f.device).expand(*f.shape[:-2], c, c)
        tau = torch.as_tensor(self.tau, dtype=f.dtype, device=f.device)
        smoothing = tau.sqrt().reshape(-1, 1, 1) * eye
        Z = y / N**0.5
        Z = Z if c >= N else torch.linalg.qr(Z, mode="r").R
        return torch.cat([f / N**0.5, smoothing], -2), Z

    def first(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss [R] and N dl/df = 2 (f - sqrt(N) P Z), [R, N, c]."""
        N = f.shape[-2]
        F, Z = self._roots(f, y)
        U, _, Vh = _svd(F @ Z.mT)
        rest = F - U @ Vh @ Z
        return rest.square().sum((-2, -1)), 2 * N**0.5 * rest[..., :N, :]

    def second(self, f: Tensor, y: Tensor, u: Tensor) -> Tensor:
        """N (d^2 l / df^2) u = 2 (u - sqrt(N) P'[E] Z), E = u Z^T / sqrt(N), [R, N, c]."""
        N = f.shape[-2]
        F, Z = self._roots(f, y)
        E = torch.nn.functional.pad(u / N**0.5, (0, 0, 0, F.shape[-2] - N)) @ Z.mT
        return 2 * (u - N**0.5 * (_turned(*_svd(F @ Z.mT), E) @ Z)[..., :N, :])

    def covariance_curvature(self, f: Tensor, y: Tensor) -> Tensor:
        """The largest eigenvalue [R] of the Hessian of l as a function of S, in closed form: along a
        symmetric D it is sum_ij h_ij^2 / (s_i s_j (s_i + s_j)), h = V^T Z D Z^T V (Daleckii & Krein
        1965). Infinite, but for rounding, where S loses a direction that S0 has.
        """
        F, Z = self._roots(f, y)
        _, s, Vh = _svd(F @ Z.mT)
        exact = torch.finfo(s.dtype)
        s = s.clamp_min(exact.eps * s.amax(-1, keepdim=True)).clamp_min(exact.tiny**0.25)
        i, j = torch.triu_indices(len(Z[0].T), len(Z[0].T), device=f.device)
        B = (Vh @ Z).mT  # [R, c, m]: h of e_k e_l^T is the outer product of its rows k and l
        h = B[..., i, :, None] * B[..., j, None, :]
        h = (h + h.mT) / (2 ** (0.5 + 0.5 * (i == j).to(s)))[:, None, None]
        bend = 1 / (s[..., None] * s[..., None, :] * (s[..., None] + s[..., None, :]))
        root = (h * bend.sqrt()[..., None, :, :]).flatten(-2)
        sick = ~root.isfinite().flatten(1).all(1)  # of which torch's norm would raise
        found = torch.linalg.matrix_norm(root.masked_fill(sick[:, None, None], 0.0), 2).square()
        return found.masked_fill(sick, torch.nan)


def _svd(A: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U [.., n, m], s [.., m], V^T [.., m, m] of A, n >= m; nan for one that is not finite."""
    sick = ~A.isfinite().all(-1).all(-1)[..., None]
    U, s, Vh = torch.linalg.svd(A.masked_fill(sick[..., None], 0.0), full_matrices=False)
    return U.masked_fill(sick[..., None], torch.nan), s.masked_fill(sick, torch.nan), Vh


def _turned(U: Tensor, s: Tensor, Vh: Tensor, E: Tensor) -> Tensor:
    """The derivative P'[E] of the polar factor P = U V^T of A = U s V^T along E [.., n, m]:
    U K V^T + (I - U U^T) E V s^-1 V^T, K_ij = (X - X^T)_ij / (s_i + s_j), X = U^T E V.

    It is infinite where two singular values are 0, and left out there.
    """
    EV = E @ Vh.mT
    X = U.mT @ EV
    zero = torch.finfo(s.dtype).eps * E.shape[-2] * s.amax(-1, keepdim=True)
    one, two = s, s[..., None] + s[..., None, :]
    one, two = (torch.where(x > limit, 1 / x, 0.0) for x, limit in
                ((one, zero), (two, zero[..., None])))  # fmt: skip
    return (U @ ((X - X.mT) * two) + (EV - U @ X) * one[..., None, :]) @ Vh


class _Polar(torch.autograd.Function):
    """The polar factor of A [.., n, m], n >= m. Its derivative is symmetric, for it is the second one
    of the nuclear norm; torch's own, by way of U and V, has poles where singular values are equal.
    """

    @staticmethod
    def forward(ctx: Any, A: Tensor) -> Tensor:
        U, s, Vh = _svd(A)
        ctx.save_for_backward(U, s, Vh)
        return U @ Vh

    @staticmethod
    def backward(ctx: Any, *E: Tensor) -> Tensor:
        U, s, Vh = ctx.saved_tensors
        return _turned(U, s, Vh, E[0])


class _Distance(torch.autograd.Function):
    """|F - P Z|^2 for F [.., n, c], Z [.., m, c]; its derivative by F is 2 (F - P Z)."""

    @staticmethod
    def forward(ctx: Any, F: Tensor, Z: Tensor) -> Tensor:
        ctx.save_for_backward(F, Z)
        U, _, Vh = _svd(F @ Z.mT)
        return (F - U @ Vh @ Z).square().sum((-2, -1))

    @staticmethod
    def backward(ctx: Any, *g: Tensor) -> tuple[Tensor, None]:
        F, Z = ctx.saved_tensors
        P: Tensor = _Polar.apply(F @ Z.mT)
        return 2 * g[0][..., None, None] * (F - P @ Z), None
