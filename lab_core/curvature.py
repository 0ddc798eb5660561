"""Curvature from Hessian-vector products, for a stack of replicas: v [R, P] -> H v [R, P].

Top eigenpairs with their residual, trace, spectral density; and the dense Hessian, the slow exact
oracle beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

Product = Callable[[Tensor], Tensor]


class Eigen(NamedTuple):
    """values [R, k], descending; vectors [R, k, P]; residual |Hv - lambda v| / |lambda|, [R, k]."""

    values: Tensor
    vectors: Tensor
    residual: Tensor


def lanczos(product: Product, start: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Lanczos with full re-orthogonalisation (Lanczos 1950; Paige 1972), one product a turn.

    Yields after j turns the basis Q [R, j, P], the projection T = Q H Q^T [R, j, j] and beta [R],
    the norm of what the next basis vector is made of. Ask for at most P turns.
    """
    R, P = start.shape
    q = start / start.norm(dim=1, keepdim=True)
    basis, T = start.new_zeros(R, 8, P), start.new_zeros(R, 8, 8)
    j = 0
    while True:
        if j == basis.shape[1]:  # double the room
            basis = torch.cat([basis, torch.zeros_like(basis)], 1)
            T = torch.nn.functional.pad(T, (0, j, 0, j))
        basis[:, j] = q
        j += 1
        Q = basis[:, :j]
        u = product(q)
        column = torch.bmm(Q, u[:, :, None])
        u = torch.baddbmm(u[:, None], column.mT, Q, alpha=-1)
        again = torch.bmm(Q, u.mT)  # twice is enough (Kahan; Parlett 1980)
        u = torch.baddbmm(u, again.mT, Q, alpha=-1)[:, 0]
        T[:, :j, j - 1 : j] = column = column + again
        T[:, j - 1 : j, :j] = column.mT
        beta = u.norm(dim=1)
        yield Q, T[:, :j, :j], beta
        # an exhausted Krylov space restarts from nothing: its zero rows add eigenvalues 0 only
        q = torch.where((beta > 1e-12)[:, None], u / beta.clamp_min(1e-30)[:, None], 0.0)


CHECKS = {2, 3, 4, 6, 8, 11, 14, 18, 23, 30, 40, 60, 90, 130}


def top(product: Product, start: Tensor, k: int = 1, tol: float = 3e-3, most: int = 60) -> Eigen:
    """The k algebraically largest eigenpairs, from `start` [R, P].

    Stops when every residual is below `tol`, after `most` products, or after P. The error of an
    eigenvalue is at most residual^2 |lambda| / gap (Parlett 1980), so 3e-3 gives well under 1e-3.
    """
    most = min(most, start.shape[1])
    for j, (Q, T, beta) in enumerate(lanczos(product, start), 1):
        if j != most and (j not in CHECKS or j <= k):
            continue
        values, S = torch.linalg.eigh(T)
        kept = min(k, j)
        values, S = values.flip(1)[:, :kept], S.flip(2)[:, :, :kept]
        scale = values.abs().clamp_min(1e-30)
        residual = beta[:, None] * S[:, -1].abs() / scale
        if j == most or bool((residual <= tol).all()):
            break
    return Eigen(values, torch.bmm(S.mT, Q), residual)


def rademacher(like: Tensor, generator: torch.Generator) -> Tensor:
    """Random signs of the shape of `like`, drawn on the CPU so that every device sees the same."""
    signs = torch.randint(0, 2, like.shape, generator=generator)
    return (2 * signs - 1).to(like)


def trace(
    product: Product, like: Tensor, generator: torch.Generator, probes: int = 20
) -> tuple[Tensor, Tensor]:
    """tr H [R] and its standard error [R], from z^T H z over random signs z (Hutchinson 1990)."""
    samples = []
    for _ in range(probes):
        z = rademacher(like, generator)
        samples.append((z * product(z)).sum(1))
    stack = torch.stack(samples)
    return stack.mean(0), stack.std(0) / probes**0.5


class Density(NamedTuple):
    """Spectral density: grid [R, G] of eigenvalues and the share of eigenvalues per unit [R, G]."""

    grid: Tensor
    density: Tensor


def spectral_density(
    product: Product,
    like: Tensor,
    generator: torch.Generator,
    probes: int = 4,
    turns: int = 40,
    points: int = 200,
    width: float = 0.01,
) -> Density:
    """Density of H's eigenvalues by stochastic Lanczos quadrature (Ubaru et al. 2017; Ghorbani et
    al. 2019), each node smoothed to a Gaussian whose standard deviation is `width` of the range.
    """
    nodes, weights = [], []
    turns = min(turns, like.shape[1])
    for _ in range(probes):
        for j, (_, T, _) in enumerate(lanczos(product, rademacher(like, generator)), 1):
            if j == turns:
                break
        values, S = torch.linalg.eigh(T)
        nodes.append(values)
        weights.append(S[:, 0].square() / probes)
    node, weight = torch.cat(nodes, 1), torch.cat(weights, 1)
    low, high = node.amin(1, keepdim=True), node.amax(1, keepdim=True)
    spread = (high - low).clamp_min(1e-12)
    sd = width * spread
    unit = torch.linspace(-0.05, 1.05, points, dtype=like.dtype, device=like.device)
    grid = low + spread * unit
    z = (grid[:, :, None] - node[:, None]) / sd[:, :, None]
    kernel = torch.exp(-0.5 * z * z) / (sd[:, :, None] * (2 * torch.pi) ** 0.5)
    return Density(grid, (kernel * weight[:, None]).sum(2))


def dense(product: Product, like: Tensor) -> Tensor:
    """The whole Hessian [R, P, P], one product a column."""
    R, P = like.shape
    columns = []
    for i in range(P):
        v = torch.zeros_like(like)
        v[:, i] = 1.0
        columns.append(product(v))
    return torch.stack(columns, 2)
