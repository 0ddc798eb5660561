"""What the runs of a stack of replicas start from: data, device, weights, and so the objective."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab_core import models
from lab_core.devices import pick
from lab_core.losses import Loss
from lab_core.objective import CentredObjective, Objective, objective
from lab_core.optimizers.base import stacked
from lab_core.recipe import Recipe, seeds_of
from lab_core.timeline import check_size


class Start:
    """Of one recipe a replica, all with the same program and shapes: x [R or 1, N, d], y [R or 1, N,
    c], `test` (x, y); one copy where all replicas share their data.
    """

    def __init__(self, recipes: list[Recipe]):
        self.recipes, self.program = recipes, recipes[0]
        arrays = self._arrays()
        self.shapes = self.program.model.shapes(arrays[0].shape[2], arrays[1].shape[2])
        check_size(recipes, arrays[0][0], arrays[1][0])
        work = float(len(recipes)) * arrays[0].shape[1] * models.size(self.shapes)
        self.device, self.device_reason = pick(self.program, work)
        self.x, self.y, *test = (self.tensor(a) for a in arrays)
        self.test = (test[0], test[1])

    def _arrays(self) -> list[np.ndarray]:
        data, seeds = self.program.data, self._seeds("data")
        sets = {s: data.arrays(s) for s in dict.fromkeys(seeds)}
        chosen = seeds if len(sets) > 1 else seeds[:1]
        return [np.stack([sets[s][i] for s in chosen]) for i in range(4)]

    def _seeds(self, purpose: str) -> list[int]:
        return [seeds_of(r, purpose) for r in self.recipes]

    def tensor(self, array: Any) -> Tensor:
        """As this run's numbers, on its device."""
        dtype = getattr(torch, self.program.dtype)
        return torch.as_tensor(array, dtype=dtype, device=self.device)

    @cached_property
    def w(self) -> Tensor:
        """The initial weights [R, P]."""
        d, c = self.x.shape[2], self.y.shape[2]
        rows = [
            models.initial(r.model, d, c, seed, r.model.init_scale)
            for r, seed in zip(self.recipes, self._seeds("init"), strict=True)
        ]
        return self.tensor(torch.stack(rows))

    @cached_property
    def truth(self) -> Tensor:
        """y [R or 1, N, c] of the training set before any label was corrupted."""
        seeds = self._seeds("data")[: len(self.y)]
        return self.tensor(np.stack([self.program.data.truth(s) for s in seeds]))

    def loss(self, recipes: list[Recipe]) -> Loss:
        """The loss of a whole stack, as these recipes have it, one a replica."""
        return stacked([r.loss for r in recipes], self.tensor)

    def objective(self, loss: Loss) -> Objective:
        """The objective of a loss, with scratch buffers of its own."""
        model = stacked([r.model for r in self.recipes], self.tensor)
        problem = model, loss, self.x, self.y, len(self.recipes)
        return CentredObjective(*problem, self.w) if model.centred else objective(*problem)
