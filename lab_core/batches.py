"""Minibatches as a stream: each epoch is a permutation keyed by (batch seed, epoch), read on.

The stream does not depend on the batch size, so that this can change mid-run, nor on the number of
replicas: replicas with the same seed see the same batches.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from lab_core.models import stream


@lru_cache(maxsize=4096)
def permutation(seed: int, epoch: int, n: int) -> Tensor:
    """The order of the n examples in an epoch."""
    return torch.randperm(n, generator=stream("batch", seed, epoch))


class Batches:
    """The streams of R replicas over n examples."""

    def __init__(self, seeds: list[int], n: int, device: torch.device):
        self.seeds, self.n, self.device = seeds, n, device

    def index(self, seen: int, size: int) -> Tensor:
        """Indices [R, size] of the batch that follows `seen` examples."""
        rows = {s: self._row(s, seen, size) for s in dict.fromkeys(self.seeds)}
        return torch.stack([rows[s] for s in self.seeds]).to(self.device)

    def _row(self, seed: int, seen: int, size: int) -> Tensor:
        first, last = seen // self.n, (seen + size - 1) // self.n
        epochs = [permutation(seed, e, self.n) for e in range(first, last + 1)]
        offset = seen - first * self.n
        return torch.cat(epochs)[offset : offset + size]
