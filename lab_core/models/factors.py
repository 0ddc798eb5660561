"""A matrix as a product of two thin factors, and how its measurements are taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.models.base import Model, Shapes

STARTS = ("gaussian", "spectral")


def side(d: int, c: int) -> int:
    """The size n of the matrix, from the inputs and outputs of an example: n * n and 1, or 2 n and n."""
    return math.isqrt(d) if c == 1 else c


def measured(x: Tensor, z: Tensor) -> Tensor:
    """<A_i, z> [R, N] of dense measurements x [R or 1, N, d] and vectors z [R, d]: one product where all
    share them; else a batched one with a row, which is six times as fast as one with a column.
    """
    return z @ x[0].T if len(x) == 1 else torch.bmm(z[:, None], x.mT)[:, 0]


def combined(x: Tensor, r: Tensor) -> Tensor:
    """sum_i r_i A_i [R, d] of dense measurements x [R or 1, N, d] and residuals r [R, N]."""
    return r @ x[0] if len(x) == 1 else torch.bmm(r[:, None], x)[:, 0]


def adjoint(x: Tensor, r: Tensor) -> Tensor:
    """sum_i A_i^T(r_i) [R, n, n] of measurements x [R or 1, N, d] and residuals r [R, N, c]."""
    n = side(x.shape[2], r.shape[2])
    if r.shape[2] > 1:
        rows, weights = x.split(n, -1)
        return rows.mT @ (weights * r)
    return combined(x, r[..., 0]).view(-1, n, n)


@dataclass(frozen=True)
class Factors(Model):
    """A model of a matrix, left right^T, left and right [R, n, k].

    `partners` names for each factor the one that it is multiplied with. A start is alpha N(0, 1) /
    sqrt(n), or spectral: the k leading singular directions of the measurements' mean (1/N) sum_i
    A_i^T(y_i), times alpha^2 (Keshavan, Montanari & Oh 2010).
    """

    inputs: ClassVar[str] = "measurements"
    partners: ClassVar[dict[str, str]]
    rank: int = knob(3, 1, 20, domain="[1, 500]", label="search rank k")
    init_scale: float = knob(0.1, 1e-6, 1.0, log=True, domain="[0, inf)", stacks=True,
                             label="init scale α")  # fmt: skip
    start_from: str = knob("gaussian", choices=STARTS, label="start",
                           help="spectral: leading directions of the measurements")  # fmt: skip

    def shapes(self, d: int, c: int) -> Shapes:
        return {name: (side(d, c), self.rank) for name in self.partners}

    def stds(self, d: int, c: int) -> dict[str, float]:
        return {name: side(d, c) ** -0.5 for name in self.partners}

    def factors(self, views: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """left and right."""
        first, *others = views.values()
        return first, others[0] if others else first

    def matrix(self, views: dict[str, Tensor]) -> Tensor:
        """left right^T [R, n, n]."""
        left, right = self.factors(views)
        return left @ right.mT

    def forward(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        left, right = self.factors(views)
        n = left.shape[1]
        if x.shape[-1] == 2 * n:
            rows, weights = x.split(n, -1)
            return weights * (rows @ left @ right.mT)
        return x @ (left @ right.mT).flatten(1)[..., None]

    def informed(self, w: Tensor, x: Tensor, y: Tensor) -> Tensor:
        if self.start_from == STARTS[0]:
            return w
        mean = adjoint(x, y) / x.shape[1]
        pieces = [p.flatten(1) for p in self.leading(mean.expand(len(w), -1, -1))]
        return self.init_scale * torch.cat(pieces, 1)

    def leading(self, mean: Tensor) -> list[Tensor]:
        """The factors [R, n, k] of the best approximation of this rank."""
        raise NotImplementedError


@dataclass(frozen=True)
class SymmetricFactors(Factors):
    """M = X X^T with X [n, k] (Burer & Monteiro 2003)."""

    label: ClassVar[str] = "symmetric factors X Xᵀ"
    partners = {"X": "X"}

    def leading(self, mean: Tensor) -> list[Tensor]:
        values, vectors = torch.linalg.eigh((mean + mean.mT) / 2)
        top = values[:, -self.rank :].clamp_min(0).sqrt()
        return [vectors[..., -self.rank :] * top[:, None]]


@dataclass(frozen=True)
class AsymmetricFactors(Factors):
    """M = F G^T with F, G [n, k]; a Gaussian G starts at `imbalance` times the scale of F."""

    label: ClassVar[str] = "asymmetric factors F Gᵀ"
    partners = {"F": "G", "G": "F"}
    imbalance: float = knob(1.0, 0.01, 1.0, log=True, domain="(0, inf)", stacks=True,
                            help="scale of G ÷ scale of F at the start")  # fmt: skip

    def stds(self, d: int, c: int) -> dict[str, float]:
        std = side(d, c) ** -0.5
        return {"F": std, "G": std * self.imbalance}

    def leading(self, mean: Tensor) -> list[Tensor]:
        u, s, vt = torch.linalg.svd(mean)
        root = s[:, None, : self.rank].sqrt()
        return [u[..., : self.rank] * root, vt.mT[..., : self.rank] * root]
