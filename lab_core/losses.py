"""Losses: (output f [R, N, c], target y [R, N, c]) -> loss of each example [R, N].

The objective is the mean over examples. A loss that also states its derivative by f runs on the
hand-written kernels; one that states the product of its second derivative with a vector too has its
Hessian-vector products there. One without them runs on autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from lab_core.covariance_losses import BuresWasserstein, Frobenius
from lab_core.knobs import knob
from lab_core.models.base import Draw, per_replica

FOLDS = 2  # more would save no time, and cost digits
PRECISIONS = ("same", "float16", "float32", "float64")


class Loss(Protocol):
    """A loss; `targets` says which it needs: "one-hot", "signs", or any that are "real" numbers."""

    label: ClassVar[str]
    targets: ClassVar[str]

    def __call__(self, f: Tensor, y: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class SquaredError:
    """l = 1/2 ||f - y||^2, summed over outputs.  (torch's MSELoss is 2/c times this.)"""

    label: ClassVar[str] = "squared error"
    targets: ClassVar[str] = "real"

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
class NoisySquaredError(SquaredError):
    """Squared error with fresh label noise (Blanc et al. 2020): the gradient of a step is that at y + delta
    s, s = +1 or -1 drawn for each step, example and output. In all that is measured the labels are y.
    """

    label: ClassVar[str] = "squared error, noisy labels"
    label_noise: float = knob(1.0, 0.0, 2.0, domain="[0, inf)", stacks=True, label="label noise δ",
                              help="added to each label or taken from it, anew at each step")  # fmt: skip

    def noised(self, y: Tensor, draw: Draw) -> Tensor:
        """The labels of a step [R, N, c]."""
        u = draw.uniform("label noise", y, *y.shape[1:])
        return y + per_replica(self.label_noise) * (u - 0.5).sign()


@dataclass(frozen=True)
class AbsoluteError:
    """l = |f - y|, summed over outputs (Laplace 1774): a large residual pulls no more than a small one.

    It has a kink at 0, where the sub-gradient 0 is taken: gradient descent on it is the sub-gradient
    method.
    """

    label: ClassVar[str] = "absolute error (ℓ1)"
    targets: ClassVar[str] = "real"

    def __call__(self, f: Tensor, y: Tensor) -> Tensor:
        return (f - y).abs().sum(-1)

    def first(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and dl/df = sign(f - y), [R, N, c]."""
        r = f - y
        return r.abs().sum(-1).mean(-1), r.sign_()

    def second(self, f: Tensor, y: Tensor, u: Tensor) -> Tensor:
        """0 where it has a second derivative, [R, N, c]."""
        return torch.zeros_like(u)


@dataclass(frozen=True)
class CrossEntropy:
    """l = -sum_j y_j log softmax(f)_j for one-hot y, computed in a precision of its own.

    Where the largest output leads by more than the precision can add to 1, the loss of an example is
    exactly 0 and so is its gradient by that output: softmax collapse (Prieto et al. 2025).
    """

    label: ClassVar[str] = "cross-entropy"
    targets: ClassVar[str] = "one-hot"
    precision: str = knob("same", choices=PRECISIONS, label="precision of the softmax",
                          help="same: as the run's")  # fmt: skip

    def cast(self, f: Tensor) -> Tensor:
        return f if self.precision == PRECISIONS[0] else f.to(getattr(torch, self.precision))

    def log_probabilities(self, f: Tensor) -> Tensor:
        """log p_j [R, N, c]; in float16 step by step, where torch would sum in float32."""
        if f.dtype != torch.float16:
            # kernels keep their examples last, and torch would copy them twice
            return (
                torch.log_softmax(f.mT, -2).mT if f.mT.is_contiguous() else torch.log_softmax(f, -1)
            )
        below = f - f.amax(-1, keepdim=True)
        return below - below.exp().sum(-1, keepdim=True).log()

    def __call__(self, f: Tensor, y: Tensor) -> Tensor:
        return -(y * self.log_probabilities(self.cast(f))).sum(-1).to(f.dtype)

    def first(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and dl/df = softmax(f) - y, [R, N, c]."""
        log_p = self.log_probabilities(self.cast(f))
        flat = [t.to(f.dtype).mT.flatten(1) for t in (y, log_p)]  # no copy, as above
        loss = torch.linalg.vecdot(*flat) / -f.shape[1]
        return loss, log_p.exp_().sub_(y).to(f.dtype)

    def second(self, f: Tensor, y: Tensor, u: Tensor) -> Tensor:
        """(d^2 l / df^2) u = p * (u - <p, u>) with p = softmax(f) in f's own precision, [R, N, c]."""
        p = torch.softmax(f, -1)
        return p * (u - (p * u).sum(-1, keepdim=True))


@dataclass(frozen=True)
class StableMax(CrossEntropy):
    """l = -log p_y, p = s(f) / sum_j s(f_j), with s(x) = x + 1 for x >= 0 and 1 / (1 - x) below
    (Prieto et al. 2025): s grows like x, so that rounding takes a loss only where s(f_y) is 1 / eps
    times all the others.
    """

    label: ClassVar[str] = "StableMax cross-entropy"

    def log_probabilities(self, f: Tensor) -> Tensor:
        s = self.value(f)
        return (s / s.sum(-1, keepdim=True)).log()

    @staticmethod
    def value(f: Tensor) -> Tensor:
        """s(f)."""
        return torch.where(f >= 0, f + 1, 1 / (1 - f.clamp_max(0)))

    def first(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and dl/df = s'(f) (1 / sum_j s(f_j) - y / s(f)), [R, N, c]."""
        x = self.cast(f)
        y = y.to(x)  # or 1 / s and 1 / total would be rounded differently
        s = self.value(x)
        total = s.sum(-1, keepdim=True)
        slope = torch.where(x >= 0, 1.0, s * s)
        loss = -(y * (s / total).log()).sum(-1).to(f.dtype).mean(-1)
        return loss, (slope * (1 / total - y / s)).to(f.dtype)

    def second(self, f: Tensor, y: Tensor, u: Tensor) -> Tensor:
        """(d^2 l / df^2) u, with s'' = 2 s^3 below 0 and 0 above, [R, N, c]."""
        s = self.value(f)
        total = s.sum(-1, keepdim=True)
        slope = torch.where(f >= 0, 1.0, s * s)
        bend = torch.where(f >= 0, 0.0, 2 * s**3)
        own = bend * (1 / total - y / s) + y * (slope / s).square()
        return own * u - slope * (slope * u).sum(-1, keepdim=True) / total.square()


@dataclass(frozen=True)
class Logistic:
    """l = log(1 + exp(-y f)) for signs y = +-1, summed over outputs (Cox 1958)."""

    label: ClassVar[str] = "logistic"
    targets: ClassVar[str] = "signs"

    def __call__(self, f: Tensor, y: Tensor) -> Tensor:
        # torch's softplus is the identity above a threshold, by default where that still shows
        return torch.nn.functional.softplus(-y * f, threshold=60).sum(-1)

    def first(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and dl/df = -y / (1 + exp(y f)), [R, N, c]."""
        return of_signs(self.signed, f, y)

    def signed(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Of u = -y f [R, n] the sum of log(1 + exp(u)), [R], and p = 1 / (1 + exp(-u)).

        Both from p, since softplus takes four times as long: l = max(0, u) - log(1 - a), with a =
        min(p, 1 - p), is accurate to a few roundings at any margin.
        """
        p = torch.sigmoid(u)
        near = torch.minimum(p, 1 - p)
        return u.clamp_min(0).sum(1) - sum_log1m(near), p

    def second(self, f: Tensor, y: Tensor, u: Tensor) -> Tensor:
        """(d^2 l / df^2) u = u / ((1 + exp(f)) (1 + exp(-f))), [R, N, c]."""
        return u * torch.sigmoid(f) * torch.sigmoid(-f)


@dataclass(frozen=True)
class Perceptron:
    """l = max(0, -y f) for signs y = +-1, summed over outputs (Rosenblatt 1958).

    Its sub-gradient is -y where y f < 0 and -y/2 at 0, the limit of the logistic loss's slope as
    the outputs grow (Tyurin 2024); GD with lr 1 on it is then the batch perceptron, from w = 0 too.
    """

    label: ClassVar[str] = "perceptron"
    targets: ClassVar[str] = "signs"

    def __call__(self, f: Tensor, y: Tensor) -> Tensor:
        margin = y * f
        return (margin.abs() - margin).sum(-1) / 2  # torch's |.| has slope 0 at 0

    def first(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and dl/df = -y (1 - sign(y f)) / 2, [R, N, c]."""
        return of_signs(self.signed, f, y)

    def signed(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Of u = -y f [R, n] the sum of max(0, u), [R], and (1 + sign(u)) / 2."""
        return u.clamp_min(0).sum(1), 0.5 * (1 + torch.sign(u))

    def second(self, f: Tensor, y: Tensor, u: Tensor) -> Tensor:
        """(d^2 l / df^2) u = 0, [R, N, c]."""
        return torch.zeros_like(u)


@dataclass(frozen=True)
class PowerLoss:
    """l = |r|^p / p up to |r| = 1 and |r| - 1 + 1/p beyond, r = f - y, summed over outputs.

    For 1 < p <= 2 it is convex, differentiable and Lipschitz (p = 2: Huber 1964, its threshold 1).
    For p < 2 its gradient is not Lipschitz: l'' = (p - 1) |r|^(p - 2) grows without bound at r = 0.
    GD on one such example settles in a cycle between +-r with r^(2 - p) = lr / 2 (if lr < 2), where
    the sharpness is p - 1 times 2/lr: below the threshold, and it never converges.
    """

    label: ClassVar[str] = "power, then linear"
    targets: ClassVar[str] = "real"
    power: float = knob(1.5, 1.05, 2.0, domain="(1, 2]", label="power p")

    def __call__(self, f: Tensor, y: Tensor) -> Tensor:
        size = (f - y).abs()
        inner = torch.where(size > 0, size.clamp_max(1), 1.0)  # or autograd's l'' at 0 is no number
        curved = torch.where(size > 0, inner**self.power / self.power, 0.0)
        return (curved + (size - 1).clamp_min(0)).sum(-1)

    def first(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss [R] and dl/df = sign(r) min(|r|, 1)^(p - 1), [R, N, c]."""
        r = f - y
        return self(f, y).mean(-1), r.sign() * r.abs().clamp_max(1) ** (self.power - 1)

    def second(self, f: Tensor, y: Tensor, u: Tensor) -> Tensor:
        """(d^2 l / df^2) u, [R, N, c]; at r = 0, where there may be none, 0."""
        size = (f - y).abs()
        curved = (size < 1) & (size > 0)
        bend = (self.power - 1) * torch.where(curved, size, 1.0) ** (self.power - 2)
        return torch.where(curved, bend * u, 0.0)


def of_signs(
    signed: Callable[[Tensor], tuple[Tensor, Tensor]], f: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    """The mean loss [R] and dl/df [R, N, c] of a loss of u = -y f alone."""
    pull = -y
    u = (pull * f).mT  # no copy where the kernel's examples are the last axis
    total, slope = signed(u.flatten(1))
    return total / f.shape[1], slope.view(u.shape).mT * pull


def sum_log1m(a: Tensor) -> Tensor:
    """The sum [R] of log(1 - a) over a [R, n] in [0, 1/2]; 1 - a is multiplied by pairs, `FOLDS` times,
    before logs are taken, as (1 - a) (1 - b) = 1 - (a + b - a b), to the last digit of a small a.
    """
    for _ in range(FOLDS):
        half = a.shape[1] // 2
        one, two, odd = a[:, :half], a[:, half : 2 * half], a[:, 2 * half :]
        a = torch.addcmul(one + two, one, two, value=-1) if half else a
        if half and odd.shape[1]:
            a[:, :1] += odd - a[:, :1] * odd
    return a.neg_().log1p_().sum(1)


LOSSES: dict[str, type[Loss]] = {
    "squared-error": SquaredError,
    "absolute-error": AbsoluteError,
    "cross-entropy": CrossEntropy,
    "stablemax": StableMax,
    "logistic": Logistic,
    "frobenius": Frobenius,
    "bures-wasserstein": BuresWasserstein,
    "perceptron": Perceptron,
    "power": PowerLoss,
    "noisy-squared-error": NoisySquaredError,
}
