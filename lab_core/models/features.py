"""Random features: a linear model of inputs that fixed random functions have lifted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from lab_core.knobs import knob
from lab_core.models.base import Shapes, stream
from lab_core.models.linear import Linear

BLOCK = 64  # features that are drawn together
FEATURES: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "fourier": lambda z: math.sqrt(2) * torch.cos(z),
    "tanh": torch.tanh,
}
SCALINGS = ("plain", "standardised")


@dataclass(frozen=True)
class RandomFeatures(Linear):
    """f(x) = w . phi(x), phi_j(x) = s_j sigma(k v_j . x + b_j) / sqrt(N) with v_j ~ N(0, I / d) (Rahimi &
    Recht 2007): w is learnt, v_j and b_j are drawn once and stay, and so the phi(x) take the place of
    the inputs x.

    b_j is uniform in [0, 2 pi) for the Fourier features sqrt(2) cos, and 0 for others. The seed gives
    a feature j the same v_j, b_j whatever N is. Standardised features have mean 0 and deviation 1 /
    sqrt(N) over the training set; s_j falls from 1 for the first to 1 / spread for the last, by equal
    factors.
    """

    label: ClassVar[str] = "random features"
    lifts: ClassVar[bool] = True
    features: int = knob(100, 5, 2000, log=True, domain="[1, 20000]", label="features N")
    activation: str = knob("relu", choices=FEATURES)
    frequency: float = knob(1.0, 0.1, 10.0, log=True, domain="(0, inf)", label="frequency k",
                            help="what multiplies v · x")  # fmt: skip
    scaling: str = knob("plain", choices=SCALINGS, label="scaling of features")
    spread: float = knob(1.0, 1.0, 1000.0, log=True, domain="(0, inf)", label="spread of scales",
                         help="scale of the first feature over that of the last")  # fmt: skip

    def shapes(self, d: int, c: int) -> Shapes:
        return {"weight": (self.features, c)}

    def sees(self, d: int) -> int:
        return self.features

    def lift(self, x: Tensor, seed: int) -> Callable[[Tensor], Tensor]:
        """Inputs [N, d] -> phi [N, features]; x [N, d] is the training set."""
        V, b = self.drawn(x.shape[1], seed)

        def phi(x: Tensor) -> Tensor:
            value: Tensor = FEATURES[self.activation](torch.addmm(b, x, V, alpha=self.frequency))
            return value

        mean, size = torch.zeros_like(b), torch.ones_like(b)
        if self.scaling != SCALINGS[0]:
            mean, size = phi(x).mean(0), phi(x).std(0, correction=0)
            size = size.where(size > 0, 1.0)  # of one that is the same everywhere
        fall = torch.linspace(0, 1, self.features, dtype=x.dtype) * math.log(self.spread)
        scale = torch.exp(-fall) / (size * math.sqrt(self.features))
        return lambda x: (phi(x) - mean) * scale

    def drawn(self, d: int, seed: int) -> tuple[Tensor, Tensor]:
        """V [d, features] and b [features]."""
        blocks = [drawn(d, seed, i) for i in range(-(-self.features // BLOCK))]
        V, b = (torch.cat(pieces)[: self.features] for pieces in zip(*blocks, strict=True))
        return V.T / math.sqrt(d), 2 * math.pi * b * (self.activation == "fourier")


@lru_cache(maxsize=256)
def drawn(d: int, seed: int, block: int) -> tuple[Tensor, Tensor]:
    """N(0, 1) [BLOCK, d] and numbers in [0, 1) [BLOCK]: one stream a block, whatever N is."""
    draws = stream("features", seed, block)
    normal = torch.randn(BLOCK, d, generator=draws, dtype=torch.float64)
    return normal, torch.rand(BLOCK, generator=draws, dtype=torch.float64)
