"""Curvature from Hessian-vector products, for a stack of replicas: v [R, P] -> H v [R, P].

Top eigenpairs with their residual, trace, spectral density; and the dense Hessian, the slow exact
oracle beside them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

Product = Callable[[Tensor], Tensor]


class Eigen(NamedTuple):
    """values [R, m], descending; vectors [R, m, P]; residual |Hv - lambda v| / |lambda|, [R, m]."""

    values: Tensor
    vectors: Tensor
    residual: Tensor


def lanczos(product: Product, start: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Block Lanczos with full re-orthogonalisation (Golub & Underwood 1977), one product a turn.

    From a block of m vectors, start [R, m, P]. Yields after each of P turns the orthonormal basis
    Q [R, j, P], its image H Q [R, j, P] and the projection T = Q H Q^T [R, j, j]. From a space that
    H maps into itself it goes on in a fresh direction.
    """
    R, _, P = start.shape
    Q, HQ, T = start.new_zeros(R, 8, P), start.new_zeros(R, 8, P), start.new_zeros(R, 8, 8)
    pending = list(start.unbind(1))
    for j in range(P):
        if j == Q.shape[1]:  # double the room
            Q, HQ = (torch.cat([x, torch.zeros_like(x)], 1) for x in (Q, HQ))
            T = torch.nn.functional.pad(T, (0, j, 0, j))
        Q[:, j] = _next(pending.pop(0), Q[:, :j])
        HQ[:, j] = product(Q[:, j])
        pending.append(HQ[:, j])
        j += 1
        column = torch.bmm(Q[:, :j], HQ[:, j - 1, :, None])
        T[:, :j, j - 1 : j] = column
        T[:, j - 1 : j, :j] = column.mT
        yield Q[:, :j], HQ[:, :j], T[:, :j, :j]


def _next(u: Tensor, Q: Tensor) -> Tensor:
    """u [R, P] made orthonormal to the rows of Q [R, j, P]; a fresh one where nothing is left."""
    rest, least = _orthogonal(u, Q), torch.finfo(u.dtype).eps ** 0.5 * u.norm(dim=1)
    left = rest.norm(dim=1) > least  # not so for nan either
    if not bool(left.all()):
        fresh = torch.randn(u.shape[1], generator=torch.Generator().manual_seed(Q.shape[1]))
        rest = torch.where(left[:, None], rest, _orthogonal(fresh.to(u).expand_as(u), Q))
    return rest / rest.norm(dim=1, keepdim=True)


def _orthogonal(u: Tensor, Q: Tensor) -> Tensor:
    for _ in range(2):  # twice is enough (Kahan; Parlett 1980)
        u = torch.baddbmm(u[:, None], torch.bmm(u[:, None], Q.mT), Q, alpha=-1)[:, 0]
    return u


def _eigh(T: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, ascending, and eigenvectors; nan for a replica whose T is not finite."""
    sick = ~T.isfinite().flatten(1).all(1)
    values, S = torch.linalg.eigh(T.masked_fill(sick[:, None, None], 0.0))
    return values.masked_fill(sick[:, None], torch.nan), S


CHECKS = {0, 1, 2, 4, 6, 9, 12, 16, 21, 28, 38, 48, 68, 88}  # turns after the block's first image


def top(product: Product, start: Tensor, k: int = 1, tol: float = 5e-3, most: int = 120) -> Eigen:
    """The k algebraically largest eigenpairs and the runners-up, from a block start [R, m, P].

    Stops when the first k residuals are below `tol`, after `most` products, or after P. A value
    whose residual is r is off by at most r, relative, and by at most r^2 / gap where the next one
    is `gap` away (Parlett 1980). Give m > k: a block holds an eigenvalue's m copies, and whatever
    is about to overtake the k-th. However good the start, its image joins the space, so that what
    has overtaken unseen grows from one call to the next.
    """
    m, most = start.shape[1], min(most, start.shape[2])
    for j, (Q, HQ, T) in enumerate(lanczos(product, start), 1):
        if j != most and j - 2 * m not in CHECKS:
            continue
        values, S = _eigh(T)
        values, S = values.flip(1)[:, :m], S.flip(2)[:, :, :m].mT
        vectors = torch.bmm(S, Q)
        error = torch.bmm(S, HQ) - values[:, :, None] * vectors
        residual = error.norm(dim=2) / values.abs().clamp_min(torch.finfo(T.dtype).tiny)
        if j == most or not bool((residual[:, :k] > tol).any()):  # nan does not hold up the others
            break
    return Eigen(values, vectors, residual)


def rademacher(like: Tensor, generator: torch.Generator) -> Tensor:
    """Random signs [R, P] like `like`, one row for all replicas, from the CPU for every device."""
    signs = torch.randint(0, 2, like.shape[1:], generator=generator)
    return (2 * signs - 1).to(like).expand_as(like)


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
    for _ in range(probes):
        turn = lanczos(product, rademacher(like, generator)[:, None])
        *_, (_, _, T) = itertools.islice(turn, turns)
        values, S = _eigh(T)
        nodes.append(values)
        weights.append(S[:, 0].square() / probes)
    node, weight = torch.cat(nodes, 1), torch.cat(weights, 1)
    low, high = node.amin(1, keepdim=True), node.amax(1, keepdim=True)
    most = torch.maximum(high.abs(), low.abs()).clamp_min(1e-9)
    spread = torch.maximum(high - low, 1e-3 * most)  # a single eigenvalue has no range
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
