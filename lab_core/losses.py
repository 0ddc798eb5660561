"""Losses: (output f [R, N, c], target y [R, N, c]) -> loss of each example [R, N].

The objective is the mean over examples. A loss that also states its derivative by f and the product
of its second derivative with a vector runs on the hand-written path of `mlp`; one without them runs
on autograd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor


class Loss(Protocol):
    """A loss; `classes` says that it needs one-hot targets."""

    label: ClassVar[str]
    classes: ClassVar[bool]

    def __call__(self, f: Tensor, y: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class SquaredError:
    """l = 1/2 ||f - y||^2, summed over outputs.  (torch's MSELoss is 2/c times this.)"""

    label: ClassVar[str] = "squared error"
    classes: ClassVar[bool] = False

    def __call__(self, f: Tensor, y: Tensor) -> Tensor:
        return 0.5 * (f - y).square().sum(-1)

    def first(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and dl/df [R, N, c]."""
        r = f - y
        flat = r.mT.flatten(1)  # no copy: the kernel's examples are the last axis
        return torch.linalg.vecdot(flat, flat) * (0.5 / r.shape[1]), r

    def second(self, f: Tensor, y: Tensor, u: Tensor) -> Tensor:
        """(d^2 l / df^2) u = u, [R, N, c]."""
        return u


@dataclass(frozen=True)
class CrossEntropy:
    """l = log sum_j exp f_j - sum_j y_j f_j for one-hot y (mean softmax cross-entropy)."""

    label: ClassVar[str] = "cross-entropy"
    classes: ClassVar[bool] = True

    def __call__(self, f: Tensor, y: Tensor) -> Tensor:
        return torch.logsumexp(f, -1) - (y * f).sum(-1)

    def first(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and dl/df = softmax(f) - y, [R, N, c]."""
        return self(f, y).mean(-1), torch.softmax(f, -1) - y

    def second(self, f: Tensor, y: Tensor, u: Tensor) -> Tensor:
        """(d^2 l / df^2) u = p * (u - <p, u>) with p = softmax(f), [R, N, c]."""
        p = torch.softmax(f, -1)
        return p * (u - (p * u).sum(-1, keepdim=True))


LOSSES: dict[str, type[Loss]] = {"squared-error": SquaredError, "cross-entropy": CrossEntropy}
