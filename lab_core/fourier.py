"""Fourier analysis of what a net on numbers modulo p has learned: spectra, sparsity, projections.

Frequency k = 1 .. p // 2 stands for cos(2 pi k a / p) and sin(2 pi k a / p); the constant is none.
Everything is for a stack of replicas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

HELD = 0.9  # the share of the power that key frequencies hold


def spectrum(table: Tensor) -> Tensor:
    """The power [R, F, d] of each column of a table [R, p, d] in each frequency, cos^2 + sin^2 of
    its coordinates in an orthonormal basis; over frequencies it adds up to the column's variance
    times p.
    """
    p = table.shape[1]
    found = torch.fft.rfft(table, dim=1, norm="ortho")[:, 1:].abs().square()
    twice = found.new_full((p // 2, 1), 2.0)  # k and p - k; of an even p, p / 2 is its own mirror
    if p % 2 == 0:
        twice[-1] = 1.0
    return found * twice


def power(*tables: Tensor) -> Tensor:
    """The power [R, F] of tables [R, p, d] in each frequency, summed over their columns."""
    return torch.stack([spectrum(table).sum(-1) for table in tables]).sum(0)


def shares(x: Tensor, dim: int = -1) -> Tensor:
    """x / sum x; 0 where all is 0."""
    return x / x.sum(dim, keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)


def gini(x: Tensor) -> Tensor:
    """Gini's coefficient [...] of x [..., F] >= 0: 0 where all are equal, 1 - 1/F where one has all.

    G = 2 sum_i i x_(i) / (F sum x) - (F + 1) / F, x_(i) increasing, i = 1 .. F (Gini 1912).
    """
    n = x.shape[-1]
    rank = torch.arange(1, n + 1, device=x.device).to(x)
    return 2 * (rank * shares(x.sort(-1).values)).sum(-1) / n - (n + 1) / n


def key_frequencies(power: Tensor, held: float = HELD) -> Tensor:
    """The smallest set of frequencies that holds a share of the power, as a mask [R, F]."""
    largest, order = shares(power).sort(-1, descending=True)
    before = largest.cumsum(-1) - largest
    return torch.zeros_like(power, dtype=torch.bool).scatter_(-1, order, before < held)


def without(table: Tensor, mask: Tensor) -> Tensor:
    """A table [R, p, d] from whose columns the frequencies of a mask [R, F] are removed."""
    found = torch.fft.rfft(table, dim=1)
    keep = torch.cat((torch.ones_like(mask[:, :1]), ~mask), 1)
    return torch.fft.irfft(found * keep[..., None], n=table.shape[1], dim=1)


def waves(p: int, like: Tensor) -> Tensor:
    """1, cos(2 pi k s / p), sin(2 pi k s / p), k = 1 .. p // 2, as columns [p, 1 + 2 F]."""
    s, k = (torch.arange(n, dtype=torch.float64) for n in (p, p // 2 + 1))
    angle = 2 * math.pi / p * s[:, None] * k
    return torch.cat((angle.cos(), angle.sin()[:, 1:]), 1).to(like)


def fit(f: Tensor, s: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The least-squares fit of outputs f [R, N, p] by a function of s [R, N] in 0 .. p - 1: a constant
    [R, 1, p], and the part in the frequencies of a mask [R, F] as a table over s, [R, p, p].

    Fit it on test pairs alone: the mean over pairs of one sum mixes what was memorised of the
    training pairs among them into a function of the sum, also where nothing general was learned.
    """
    (R, _, p), masked = f.shape, mask.repeat(1, 2)
    count = f.new_zeros(R, p).scatter_add_(1, s, torch.ones_like(f[..., 0]))
    total = f.new_zeros(R, p, p).scatter_add_(1, s[..., None].expand_as(f), f)
    basis = (
        waves(p, f)[:, : 1 + masked.shape[1]]
        * torch.cat((torch.ones_like(masked[:, :1]), masked), 1)[:, None]
    )
    normal = basis.mT @ (count[..., None] * basis)
    # hermitian pseudo-inverse: columns that are masked, or told apart by no pair, get 0
    found = torch.linalg.pinv(normal.double(), hermitian=True).to(f) @ (basis.mT @ total)
    return found[:, :1], basis[..., 1:] @ found[:, 1:]


def at(table: Tensor, s: Tensor) -> Tensor:
    """Rows [R, N, c] of a table over s [R, p, c] at s [R, N]."""
    return table.take_along_dim(s[..., None], 1)


def neurons(tables: Sequence[Tensor]) -> Tensor:
    """Shares q [n, R, F, width] of a neuron's power in each frequency, in each of n tables [R, p,
    width] whose columns are neurons.
    """
    return torch.stack([shares(spectrum(table), 1) for table in tables])


def participation(q: Tensor) -> Tensor:
    """Inverse participation ratio [R, width], the mean over tables of sum_k q_k^2: from 1/F where
    power is spread evenly to 1 where a neuron has one frequency (Doshi et al. 2024).
    """
    return q.square().sum(2).mean(0)
