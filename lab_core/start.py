"""What the runs of a stack of replicas start from: data, device, weights, and so the objective."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab_core import models
from lab_core.data import Data
from lab_core.devices import pick
from lab_core.losses import Loss
from lab_core.models import Model
from lab_core.objective import CentredObjective, Objective, objective
from lab_core.optimizers.base import stacked
from lab_core.recipe import Recipe, seeds_of
from lab_core.remarks import remarks
from lab_core.timeline import check_size


class Start:
    """Of one recipe a replica, all with the same program and shapes: x [R or 1, N, d], y [R or 1, N,
    c], `test` (x, y); one copy where all replicas share their data.
    """

    def __init__(self, recipes: list[Recipe]):
        self.recipes, self.program = recipes, recipes[0]
        arrays = self._arrays()
        self.shapes = self.program.model.shapes(arrays[0].shape[2], arrays[1].shape[2])
        work = float(len(recipes)) * arrays[0].shape[1] * models.size(self.shapes)
        self.device, self.device_reason = pick(self.program, work)
        self.x, self.y, *test = (self.tensor(a) for a in arrays)
        self.test = (test[0], test[1])

    @property
    def _keys(self) -> list[tuple[Data, int]]:
        """What determines the data of each replica."""
        return [*zip((r.data for r in self.recipes), self._seeds("data"), strict=True)]

    def _arrays(self) -> list[np.ndarray]:
        keys = self._keys
        sets = {keys[0]: keys[0][0].arrays(keys[0][1])}
        check_size(self.recipes, *sets[keys[0]][:2])
        sets |= {key: key[0].arrays(key[1]) for key in dict.fromkeys(keys[1:]) if key not in sets}
        return [shared([sets[key][i] for key in keys]) for i in range(4)]

    def _seeds(self, purpose: str) -> list[int]:
        return [seeds_of(r, purpose) for r in self.recipes]

    def tensor(self, array: Any) -> Tensor:
        """As this run's numbers, on its device."""
        dtype = getattr(torch, self.program.dtype)
        return torch.as_tensor(array, dtype=dtype, device=self.device)

    @cached_property
    def model(self) -> Model:
        """The model of the whole stack."""
        return stacked([r.model for r in self.recipes], self.tensor)

    @cached_property
    def w(self) -> Tensor:
        """The initial weights [R, P]."""
        d, c = self.x.shape[2], self.y.shape[2]
        rows = [
            models.initial(r.model, d, c, seed, r.model.init_scale)
            for r, seed in zip(self.recipes, self._seeds("init"), strict=True)
        ]
        return self.model.informed(self.tensor(torch.stack(rows)), self.x, self.y)

    @cached_property
    def truth(self) -> Tensor:
        """y [R or 1, N, c] of the training set before any label was corrupted."""
        truths = {key: key[0].truth(key[1]) for key in dict.fromkeys(self._keys)}
        return self.tensor(shared([truths[key] for key in self._keys]))

    @cached_property
    def remarks(self) -> dict[str, list[int]]:
        """What is known of the problem before the first step, and of which replicas."""
        keys = self._keys
        said: dict[str, list[int]] = {}
        for key in dict.fromkeys(keys):
            those = [r for r, mine in enumerate(keys) if mine == key]
            arrays = [a[those[0] if len(a) > 1 else 0] for a in (self.x, self.y, *self.test)]
            found = remarks(self.recipes[those[0]], tuple(a.double().cpu().numpy() for a in arrays))
            for sentence in found:
                said.setdefault(sentence, []).extend(those)
        return said

    def loss(self, recipes: list[Recipe]) -> Loss:
        """The loss of a whole stack, as these recipes have it, one a replica."""
        return stacked([r.loss for r in recipes], self.tensor)

    def objective(self, loss: Loss) -> Objective:
        """The objective of a loss, with scratch buffers of its own."""
        problem = self.model, loss, self.x, self.y, len(self.recipes), self._seeds("batch")
        return CentredObjective(*problem, self.w) if self.model.centred else objective(*problem)


def shared(each: list[np.ndarray]) -> np.ndarray:
    """An array of every replica, stacked; [1, ...] where they are all the same, without a copy."""
    first = each[0]
    same = all(a is first or np.array_equal(a, first) for a in each[1:])
    return first[None] if same else np.stack(each)
