"""The objective L(w) = mean loss over the training set, of a stack of replicas, and its derivatives.

`objective(model, loss, ...)` takes the hand-written kernel where the model and the loss allow it,
and autograd elsewhere; both answer to the same three calls.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor

from lab_core import models
from lab_core.kernels import KERNELS
from lab_core.models import Draw, Model

Product = Callable[[Tensor], Tensor]


class Objective:
    """L: w [R, P] -> [R], with data x [R or 1, N, d], y [R or 1, N, c]; derivatives by autograd.

    `seeds` [R] key what is drawn at random for a step, by a model with dropout or a loss with noise.
    The gradient of the losses summed over replicas is the stack of their gradients.
    """

    def __init__(
        self,
        model: Model,
        loss: Any,
        x: Tensor,
        y: Tensor,
        replicas: int,
        seeds: Sequence[int] = (),
    ):
        self.model, self.criterion, self.x, self.y = model, loss, x, y
        self.replicas, self.seeds = replicas, tuple(seeds) or (0,) * replicas
        self.shapes = model.shapes(x.shape[2], y.shape[2])
        self.size = models.size(self.shapes)

    def with_loss(self, loss: Any) -> Self:
        """The same with another loss."""
        other = copy.copy(self)
        other.criterion = loss
        return other

    @property
    def random(self) -> bool:
        """Whether the gradient of a step depends on what is drawn for it."""
        return self.model.random or hasattr(self.criterion, "noised")

    def outputs(self, w: Tensor, x: Tensor) -> Tensor:
        """f [R, N, c] of inputs x [R or 1, N, d]."""
        return self.model.forward(models.views(w, self.shapes), x.expand(self.replicas, -1, -1))

    def trained(self, w: Tensor, x: Tensor, draw: Draw) -> Tensor:
        """The same as the gradient of a step has them."""
        if not self.model.random:
            return self.outputs(w, x)
        whole = x.expand(self.replicas, -1, -1)
        return self.model.training(models.views(w, self.shapes), whole, draw)

    def loss(self, w: Tensor) -> Tensor:
        """L(w) [R]."""
        return self.criterion(self.outputs(w, self.x), self.y).mean(-1)

    @cached_property
    def singular(self) -> tuple[Tensor, Tensor]:
        """Singular values [R or 1, k] of x, and its right singular vectors [R or 1, k, d] as rows.

        What is below max(N, d) roundings of the largest is 0, as in NumPy's `matrix_rank`.
        """
        _, s, Vt = torch.linalg.svd(self.x, full_matrices=False)
        least = s[:, :1] * max(self.x.shape[1:]) * torch.finfo(s.dtype).eps
        return s.where(s > least, 0.0), Vt

    def batch(self, index: Tensor | None, draw: Draw | None = None) -> tuple[Tensor, Tensor]:
        """The examples [R, B] of each replica; all of them where index is None. With the noise of a
        step on their labels, where the loss has such.
        """
        x, y = self._batch(index)
        noisy = draw is not None and hasattr(self.criterion, "noised")
        return x, self.criterion.noised(y.expand(self.replicas, -1, -1), draw) if noisy else y

    def _batch(self, index: Tensor | None) -> tuple[Tensor, Tensor]:
        if index is None:
            return self.x, self.y
        return _rows(self.x, index), _rows(self.y, index)

    def drawn(self, t: int | None) -> Draw | None:
        """What is drawn for step t; None where nothing is."""
        return Draw(self.seeds, t) if self.random and t is not None else None

    def gradient(
        self, w: Tensor, index: Tensor | None = None, t: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """The mean loss [R] over all examples, or over the batch index [R, B], and its gradient: as
        step t has it, with what is drawn for that step; without t nothing is drawn.
        """
        with torch.inference_mode(False), torch.enable_grad():
            loss, w = self._graph(w, index, self.drawn(t))
            (g,) = torch.autograd.grad(loss.sum(), w)
        return loss.detach(), g

    def slopes(self, w: Tensor) -> Tensor:
        """|dl/df| [R, N] of each example by its outputs: the size of its part in the gradient."""
        with torch.inference_mode(False), torch.enable_grad():
            f = self.outputs(w, self.x).clone().requires_grad_()
            y = self.y.clone() if self.y.is_inference() else self.y
            (d,) = torch.autograd.grad(self.criterion(f, y).sum(), f)
        return d.norm(dim=-1)

    def hvp(self, w: Tensor) -> Product:
        """v [R, P] -> H(w) v [R, P]: double backward, its graph built once for all products."""
        with torch.inference_mode(False), torch.enable_grad():
            loss, w = self._graph(w, None)
            (g,) = torch.autograd.grad(loss.sum(), w, create_graph=True)

        def product(v: Tensor) -> Tensor:
            with torch.inference_mode(False), torch.enable_grad():
                return torch.autograd.grad(g, w, v.clone(), retain_graph=True)[0].detach()

        return product

    def _graph(
        self, w: Tensor, index: Tensor | None, draw: Draw | None = None
    ) -> tuple[Tensor, Tensor]:
        # autograd cannot keep a tensor made under inference_mode
        x, y = (t.clone() if t.is_inference() else t for t in self.batch(index, draw))
        w = w.clone().requires_grad_()
        f = self.outputs(w, x) if draw is None else self.trained(w, x, draw)
        return self.criterion(f, y).mean(-1), w


@dataclass
class At:
    """Where a step happens: what an optimizer may ask for beyond the flat tensor."""

    t: int
    objective: Objective

    def views(self, w: Tensor) -> dict[str, Tensor]:
        """The named pieces of w, each [R, *shape]."""
        return models.views(w, self.objective.shapes)


def _rows(a: Tensor, index: Tensor) -> Tensor:
    """Rows index [R, B] of a [R or 1, N, m], each of its own replica's; [R, B, m]."""
    R, N, m = a.shape
    if R > 1:  # one array of all
        index = index + N * torch.arange(R, device=a.device)[:, None]
    return a.reshape(-1, m).index_select(0, index.flatten()).view(*index.shape, m)


class CentredObjective(Objective):
    """The same for a model whose outputs count from what they are at the weights `origin` [R, P]."""

    def __init__(
        self,
        model: Model,
        loss: Any,
        x: Tensor,
        y: Tensor,
        replicas: int,
        seeds: Sequence[int],
        origin: Tensor,
    ):
        super().__init__(model, loss, x, y, replicas, seeds)
        self.origin, self.first = origin, super().outputs(origin, x)

    def outputs(self, w: Tensor, x: Tensor) -> Tensor:
        first = self.first if x is self.x else super().outputs(self.origin, x)
        return super().outputs(w, x) - first


class HandObjective(Objective):
    """The same by a hand-written kernel; Hessian-vector products by autograd where it has none."""

    def __init__(
        self,
        model: Model,
        loss: Any,
        x: Tensor,
        y: Tensor,
        replicas: int,
        seeds: Sequence[int] = (),
    ):
        super().__init__(model, loss, x, y, replicas, seeds)
        self.kernel = KERNELS[type(model)]
        self.full = self.kernel(model, loss, x, y, replicas)
        self.mini: Any = None

    def with_loss(self, loss: Any) -> Self:
        other = super().with_loss(loss)
        other.full, other.mini = copy.copy(self.full), None
        other.full.loss = loss
        return other

    def loss(self, w: Tensor) -> Tensor:
        return self.criterion(self.full.outputs(w), self.full.y).mean(-1)

    def gradient(
        self, w: Tensor, index: Tensor | None = None, t: int | None = None
    ) -> tuple[Tensor, Tensor]:
        draw = self.drawn(t)
        if index is None and draw is None:
            return self.full.gradient(w)
        x, y = (a.expand(self.replicas, -1, -1) for a in self.batch(index, draw))
        if self.mini is None or self.mini.n != x.shape[1]:
            self.mini = self.kernel(self.model, self.criterion, x, y, self.replicas)
        self.mini.feed(x, y)
        return self.mini.gradient(w)

    def slopes(self, w: Tensor) -> Tensor:
        return self.criterion.first(self.full.outputs(w), self.full.y)[1].norm(dim=-1)

    def hvp(self, w: Tensor) -> Product:
        by_hand = hasattr(self.full, "hvp") and hasattr(self.criterion, "second")
        return self.full.hvp(w) if by_hand else super().hvp(w)


def objective(
    model: Model, loss: Any, x: Tensor, y: Tensor, replicas: int, seeds: Sequence[int] = ()
) -> Objective:
    """The fastest objective for this model and loss."""
    by_hand = type(model) in KERNELS and hasattr(loss, "first")
    return (HandObjective if by_hand else Objective)(model, loss, x, y, replicas, seeds)
