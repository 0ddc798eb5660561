"""One battery for every optimizer: equal to torch.optim, and as stable as it says it is.

A new optimizer fails here until it has its line in `REFERENCE`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, optim

from lab_core.knobs import knobs
from lab_core.models import AsymmetricFactors
from lab_core.optimizers import OPTIMIZERS, Adam, AdamW, HeavyBall, Nesterov, Optimizer, RMSProp
from tests.lab_core.small import Nowhere, close, gaussian

# name -> the same optimizer of torch, on a parameter p, with our knobs (floats)
REFERENCE: dict[str, Callable[[Tensor, Any], Any]] = {
    "gd": lambda p, o: optim.SGD([p], o.lr, weight_decay=o.weight_decay),
    "heavy-ball": lambda p, o: optim.SGD([p], o.lr, o.beta, weight_decay=o.weight_decay),
    "nesterov": lambda p, o: optim.SGD(
        [p], o.lr, o.beta, weight_decay=o.weight_decay, nesterov=o.beta > 0
    ),
    "rmsprop": lambda p, o: optim.RMSprop(
        [p], o.lr, alpha=o.beta2, eps=o.eps, weight_decay=o.weight_decay
    ),
    "adam": lambda p, o: optim.Adam([p], o.lr, (o.beta1, o.beta2), o.eps, o.weight_decay),
    "adamw": lambda p, o: optim.AdamW([p], o.lr, (o.beta1, o.beta2), o.eps, o.weight_decay),
    "flow": lambda p, o: FineFlow(p, o.lr, o.weight_decay),
    "scaled-gd": lambda p, o: Scaled(p, o),
    "rebalanced-gd": lambda p, o: Rebalanced(p, o),
    "alternating": lambda p, o: Alternated(p, o),
    "normalised-gd": lambda p, o: Divided(p, o.lr, o.weight_decay),
    "lasso-gd": lambda p, o: Lasso([p], o.lr, o.weight_decay, o.penalty),
    "least-squares": lambda p, o: Solved(p, o),
    "descent-in-leaps": lambda p, o: Leapt(p, o),
}
FIXED = {  # what the default does not suit: a step within the 50 of the tests; no division by 0
    "rebalanced-gd": {"rebalance_at": 30},
    "scaled-gd": {"damping": 1.0},
    "descent-in-leaps": {"leaps": 20},
}
CLOSE = {  # to the tolerance that it keeps, or its damping, and not to rounding
    "flow": 1e-4,
    "alternating": 1e-10,
}
LIMITED = [name for name, cls in OPTIMIZERS.items() if cls.formula]  # by a stability threshold
# a few values of every knob, for replicas that all differ
SWEEP = {
    "lr": (0.02, 0.05, 0.1),
    "weight_decay": (0.0, 0.05, 0.3),
    "beta": (0.0, 0.5, 0.95),
    "beta1": (0.0, 0.5, 0.9),
    "beta2": (0.9, 0.99, 0.999),
    "eps": (1e-8, 1e-4, 1e-2),
    "tolerance": (1e-7, 1e-8, 1e-9),
    "damping": (0.01, 0.1, 1.0),
    "balance": (0.5, 1.0, 2.0),
    "penalty": (0.0, 0.3, 2.0),
}
R, P = 3, 6
A = gaussian(P, P)


def gradient(w: Tensor) -> Tensor:
    """Of 1/2 |A w|^2 - sum cos w: neither quadratic nor separable."""
    return w @ (A.T @ A) + w.sin()


class FineFlow:
    """The flow along -(gradient + decay p), by many steps of Runge-Kutta 4."""

    def __init__(self, p: Tensor, lr: float, decay: float):
        self.p, self.h, self.decay = p, lr / 20, decay

    def step(self) -> None:
        def slope(w: Tensor) -> Tensor:
            return -gradient(w) - self.decay * w

        for _ in range(20):
            a = slope(self.p)
            b = slope(self.p + self.h / 2 * a)
            c = slope(self.p + self.h / 2 * b)
            d = slope(self.p + self.h * c)
            self.p += self.h / 6 * (a + 2 * (b + c) + d)


class Divided:
    """GD on the gradient divided by the mean of the slopes that `Toy` has."""

    def __init__(self, p: Tensor, lr: float, decay: float):
        self.p, self.lr, self.decay = p, lr, decay

    def step(self) -> None:
        slope = sum(Toy.slopes(self.p).unbind(1)) / 2
        assert isinstance(slope, Tensor)
        grad = self.p.grad
        assert grad is not None
        self.p -= self.lr * (grad + self.decay * self.p) / slope[:, None]


class Lasso(optim.SGD):
    """torch's SGD after backward() of penalty * |p|_1."""

    def __init__(self, params: list[Tensor], lr: float, decay: float, penalty: float):
        super().__init__(params, lr, weight_decay=decay)
        self.p, self.penalty = params[0], penalty

    def step(self) -> None:  # type: ignore[override]
        q = self.p.detach().clone().requires_grad_()
        (penalty,) = torch.autograd.grad(self.penalty * q.abs().sum(), q)
        assert self.p.grad is not None
        self.p.grad += penalty
        super().step()


class Toy:
    """The objective of `gradient`, for the methods that ask for it; of two factors, if it is asked."""

    model = AsymmetricFactors(rank=1)
    weights, y = gaussian(1, 3, 3, seed=7), gaussian(1, 3, 3, seed=8)
    x = torch.cat([torch.eye(3, dtype=torch.float64)[None], weights], 2)

    _, s, Vt = torch.linalg.svd(x, full_matrices=False)
    singular = s, Vt

    @staticmethod
    def gradient(w: Tensor) -> tuple[Tensor, Tensor]:
        return w.new_zeros(len(w)), gradient(w)

    @staticmethod
    def slopes(w: Tensor) -> Tensor:
        return 0.5 + w[:, :2].square()

    @staticmethod
    def hvp(w: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda v: v @ (A.T @ A) + w.cos() * v


class Scaled:
    """Of two factors [3, 1] each: (gradient + decay) over the partner's squared norm plus damping."""

    def __init__(self, p: Tensor, o: Any):
        self.p, self.o = p, o

    def step(self) -> None:
        halves, slopes = (
            self.p.split(3, 1),
            (self.p.grad + self.o.weight_decay * self.p).split(3, 1),
        )
        power = [h.square().sum(1, keepdim=True) + self.o.damping for h in halves]
        moves = [slopes[0] / power[1], slopes[1] / power[0]]
        self.p -= self.o.lr * torch.cat(moves, 1)


class Rebalanced:
    """Gradient descent but for one step: F, G of one column become beta F/|F| and |F| G / beta."""

    def __init__(self, p: Tensor, o: Any):
        self.p, self.o, self.t = p, o, 0

    def step(self) -> None:
        if self.t == self.o.rebalance_at:
            F, G = self.p.split(3, 1)
            n = F.norm(dim=1, keepdim=True)
            self.p.copy_(torch.cat([self.o.balance * F / n, n * G / self.o.balance], 1))
        else:
            self.p -= self.o.lr * (self.p.grad + self.o.weight_decay * self.p)
        self.t += 1


class Alternated:
    """Of two columns F, G [3]: G over its norm, a step to the weighted least squares in F; then G."""

    def __init__(self, p: Tensor, o: Any):
        self.p, self.o = p, o

    def step(self) -> None:
        W, y = Toy.weights[0], Toy.y[0]
        for w in self.p:
            F, G = self.half(*w.split(3), W, y)
            G, F = self.half(G, F, W.T, y.T)
            w.copy_(torch.cat([F, G]))

    def half(self, F: Tensor, G: Tensor, W: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        norm = -G[0].sign() * G.norm()  # as a Householder reflection has it
        F, G = F * norm, G / norm
        best = ((W * y) @ G / 3) / (W.square() @ G.square() / 3 + self.o.weight_decay)
        return F + self.o.lr * (best - F), G


class Solved:
    """Newton's step with the pseudo-inverse of the Hessian of the squared error on `Toy.x`."""

    def __init__(self, p: Tensor, o: Any):
        self.p, self.o = p, o
        self.H = Toy.x[0].T @ Toy.x[0] / 3 + o.weight_decay * torch.eye(P, dtype=A.dtype)

    def step(self) -> None:
        assert self.p.grad is not None
        g = self.p.grad + self.o.weight_decay * self.p
        self.p -= self.o.lr * g @ torch.linalg.pinv(self.H, hermitian=True, rtol=1e-12)


class Leapt(Solved):
    """As many steps of heavy ball on the quadratic with this gradient and Hessian, one by one, along
    the examples; along all directions where there is a decay.
    """

    def __init__(self, p: Tensor, o: Any):
        super().__init__(p, o)
        self.v, self.t = torch.zeros_like(p), 0
        self.lr = o.lr / torch.linalg.eigvalsh(self.H)[-1]
        x = Toy.x[0]
        self.along = torch.eye(P, dtype=x.dtype) if o.weight_decay else torch.linalg.pinv(x) @ x

    def step(self) -> None:
        assert self.p.grad is not None
        g = (self.p.grad + self.o.weight_decay * self.p) @ self.along
        d = torch.zeros_like(self.p)
        for _ in range(self.o.taken(self.t + 1) - self.o.taken(self.t)):
            self.v = self.o.beta * self.v + g + d @ self.H
            d = d - self.lr * self.v
        self.p += d
        self.t += 1


class Here(Nowhere):
    objective = Toy

    def __init__(self, t: int = 0):
        self.t = t

    @staticmethod
    def views(w: Tensor) -> dict[str, Tensor]:
        return {"F": w[:, :3, None], "G": w[:, 3:, None]}


def train(o: Optimizer, w: Tensor, steps: int) -> Tensor:
    state = o.init(w)
    path = [w]
    for t in range(steps):
        w, state = o.step(w, gradient(w), state, Here(t))
        path.append(w)
    return torch.stack(path)


def train_torch(name: str, o: Optimizer, w: Tensor, steps: int) -> Tensor:
    p = w.clone()
    theirs = REFERENCE[name](p, o)
    path = [p.clone()]
    for _ in range(steps):
        p.grad = gradient(p)
        theirs.step()
        path.append(p.clone())
    return torch.stack(path)


def stacking(part: Any) -> list[str]:
    """The knobs of which a list makes replicas."""
    return [n for n, k in knobs(part).items() if not k.integer]


def single(o: Optimizer, r: int) -> Optimizer:
    """The optimizer of one replica, its knobs floats."""
    values = {n: getattr(o, n) for n in knobs(o)}
    return replace(o, **{n: float(v[r]) if isinstance(v, Tensor) else v for n, v in values.items()})


def test_every_optimizer_has_its_reference_line() -> None:
    assert set(REFERENCE) == set(OPTIMIZERS)
    assert {n for cls in OPTIMIZERS.values() for n in stacking(cls)} == set(SWEEP)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_equal_to_torch_over_50_steps(name: str, decay: float) -> None:
    o = OPTIMIZERS[name](lr=0.03, weight_decay=decay, **FIXED.get(name, {}))
    w = gaussian(R, P, seed=1)
    close(train(o, w, 50), train_torch(name, o, w, 50), rtol=1e-9, atol=CLOSE.get(name, 1e-12))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_replicas_with_knobs_of_their_own_equal_torch_one_by_one(name: str) -> None:
    columns = {
        n: torch.tensor(SWEEP[n], dtype=torch.float64)[:, None] for n in stacking(OPTIMIZERS[name])
    }
    o, w = OPTIMIZERS[name](**FIXED.get(name, {}) | columns), gaussian(R, P, seed=1)
    path = train(o, w, 50)
    for r in range(R):
        close(
            path[:, r : r + 1],
            train_torch(name, single(o, r), w[r : r + 1], 50),
            rtol=1e-9,
            atol=CLOSE.get(name, 1e-12),
        )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_is_pure_and_its_state_has_a_row_for_each_replica(name: str) -> None:
    o, w, g = OPTIMIZERS[name](weight_decay=0.1), gaussian(R, P), gaussian(R, P, seed=1)
    state = o.step(w, g, o.init(w), Here())[1]
    before = [x.clone() for x in (w, g, *state.values()) if isinstance(x, Tensor)]
    first, second = (o.step(w, g, state, Here()) for _ in range(2))
    after = [x for x in (w, g, *state.values()) if isinstance(x, Tensor)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert torch.equal(first[0], second[0]) and first[0].shape == (R, P)
    assert all(x.shape[0] == R for x in first[1].values() if isinstance(x, Tensor))


# ---- the preconditioner


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_preconditioner_is_what_the_step_divides_by(name: str) -> None:
    """w' = w (less the decoupled decay) - lr * direction / P, with m for direction if there is."""
    o, w = OPTIMIZERS[name](lr=0.03, weight_decay=0.1), gaussian(R, P, seed=1)
    state = o.init(w)
    for _ in range(5):
        g = gradient(w)
        p = o.preconditioner(w, g, state)
        new, state = o.step(w, g, state, Here())
        if p is not None:
            start = w if o.coupled else (1 - o.lr * o.weight_decay) * w
            direction = state.get("m", g + o.weight_decay * w)
            close(new, start - o.lr * direction / p)
        w = new


# ---- stability


def knob_grid(cls: type[Optimizer]) -> dict[str, Tensor]:
    """Columns [R, 1] of lr x momentum x weight decay, each twice: below and above the threshold."""
    momentum = [n for n in ("beta", "beta1") if n in knobs(cls)]
    names = ["lr", *momentum, "weight_decay"]
    values = [(0.01, 0.1, 1.0), *[(0.0, 0.5, 0.95)] * len(momentum), (0.0, 0.3)]
    grid = torch.tensor(list(itertools.product(*values, (0, 1))), dtype=torch.float64)
    return dict(zip([*names, "above"], grid.split(1, dim=1), strict=True))


def frozen(o: Optimizer, v: Tensor) -> dict[str, Any]:
    """A state whose second moment stays at v, because beta2 is 1 - 1e-14, and so late that Adam's
    bias corrections are over; momentum starts at rest."""
    state = o.init(v)
    return state | {"v": v, "t": 10**17} if isinstance(o, RMSProp) else state


@pytest.mark.parametrize("name", LIMITED)
def test_the_stability_threshold_on_a_quadratic(name: str) -> None:
    """g = H w with a dense random H. Where the top eigenvalue of H, or of P^-1 (H + coupled decay)
    for a frozen P that differs by coordinate, is 0.999 of the stated threshold, w dies out; where
    it is 1.001 of it, w grows."""
    grid = knob_grid(OPTIMIZERS[name])
    above = grid.pop("above")
    late = {"beta2": 1 - 1e-14, "eps": 1e-12} if "beta2" in knobs(OPTIMIZERS[name]) else {}
    o = OPTIMIZERS[name](**grid, **late)
    n = len(above)
    threshold = torch.as_tensor(o.stability_threshold()) * (1 + (2 * above - 1) * 1e-3)

    turn = torch.linalg.qr(gaussian(n, P, P)).Q
    M = (
        turn
        @ torch.diag_embed(threshold * torch.linspace(0.1, 1, P, dtype=torch.float64))
        @ turn.mT
    )
    v = gaussian(n, P, seed=4).square() + 0.1
    p = o.preconditioner(torch.zeros_like(v), torch.zeros_like(v), frozen(o, v))
    H = M
    if p is not None:
        root, decay = p.sqrt(), o.weight_decay if o.coupled else torch.zeros(n, 1)
        H = root[:, :, None] * M * root[:, None] - torch.diag_embed(decay.expand(n, P))

    w, state = 1e-100 * gaussian(n, P, seed=5), frozen(o, v)  # so small that g^2 leaves v alone
    norms = []
    for _ in range(800):
        w, state = o.step(w, torch.bmm(H, w[:, :, None])[:, :, 0], state, Here())
        norms.append(w.norm(dim=1))
    if p is not None:
        close(state["v"], v)
    grew = norms[-1] > norms[-400]
    assert torch.equal(grew, above[:, 0] == 1)


def test_thresholds_meet_where_the_methods_do() -> None:
    """Without momentum heavy ball and Nesterov are GD; without decay AdamW is Adam."""
    for lr in (0.01, 3.0):
        for decay in (0.0, 0.2):
            gd = 2 / lr - decay
            for cls in (HeavyBall, Nesterov):
                close(cls(lr=lr, beta=0.0, weight_decay=decay).stability_threshold(), gd)
        close(AdamW(lr=lr).stability_threshold(), Adam(lr=lr).stability_threshold())
        close(Adam(lr=lr, beta1=0.0).stability_threshold(), RMSProp(lr=lr).stability_threshold())


@pytest.mark.parametrize("name", LIMITED)
def test_the_threshold_of_each_replica_is_its_own(name: str) -> None:
    grid = knob_grid(OPTIMIZERS[name])
    grid.pop("above")
    o = OPTIMIZERS[name](**grid)
    threshold = o.stability_threshold()
    assert isinstance(threshold, Tensor) and threshold.shape == grid["lr"].shape
    for r in range(len(threshold)):
        close(threshold[r, 0], single(o, r).stability_threshold())
    assert OPTIMIZERS[name].label


@pytest.mark.parametrize("name", LIMITED)
def test_a_learning_rate_of_a_million_steps_without_complaint(name: str) -> None:
    path = train(OPTIMIZERS[name](lr=1e6), gaussian(R, P), 3)
    assert path.shape == (4, R, P) and float(path[1].abs().max()) > 1e5
