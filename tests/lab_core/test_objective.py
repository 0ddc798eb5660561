"""The objective L(w) and its derivatives: what it gives is what finite differences measure."""

import pytest
import torch
from torch import Tensor

from lab_core.losses import LOSSES
from lab_core.models import MLP
from lab_core.objective import HandObjective, Objective, objective
from tests.lab_core.small import close, gaussian, problem

MODEL = MLP(width=4, depth=2)


class Theirs:
    """A user's loss, without derivatives by hand."""

    label, classes = "absolute error", False

    def __call__(self, f: Tensor, y: Tensor) -> Tensor:
        return (f - y).abs().sum(-1)


def both(loss: str = "squared-error") -> list[tuple[Objective, Tensor]]:
    _, oracle, w = problem(MODEL, loss)
    by_hand = objective(MODEL, oracle.criterion, oracle.x, oracle.y, 3)
    assert isinstance(by_hand, HandObjective)
    return [(oracle, w), (by_hand, w)]


def test_a_loss_without_derivatives_takes_autograd() -> None:
    _, oracle, _ = problem(MODEL)
    assert type(objective(MODEL, Theirs(), oracle.x, oracle.y, 3)) is Objective


@pytest.mark.parametrize("loss", LOSSES)
def test_the_objective_is_the_mean_loss_over_examples(loss: str) -> None:
    for L, w in both(loss):
        each = L.criterion(L.outputs(w, L.x), L.y)
        assert each.shape == (3, 7)
        close(L.loss(w), each.mean(-1))
        close(L.gradient(w)[0], each.mean(-1))


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_by_finite_differences(loss: str) -> None:
    for L, w in both(loss):
        v, h = gaussian(*w.shape, seed=5), 1e-6
        slope = (L.loss(w + h * v) - L.loss(w - h * v)) / (2 * h)
        close((L.gradient(w)[1] * v).sum(1), slope, rtol=1e-7)


@pytest.mark.parametrize("loss", LOSSES)
def test_hessian_by_finite_differences(loss: str) -> None:
    for L, w in both(loss):
        v, h = gaussian(*w.shape, seed=5), 1e-5
        difference = (L.gradient(w + h * v)[1] - L.gradient(w - h * v)[1]) / (2 * h)
        close(L.hvp(w)(v), difference, rtol=1e-6, atol=1e-8)


def test_the_hessian_is_symmetric_and_linear() -> None:
    for L, w in both("cross-entropy"):
        H, u, v = L.hvp(w), gaussian(*w.shape, seed=5), gaussian(*w.shape, seed=6)
        close((u * H(v)).sum(1), (v * H(u)).sum(1))
        close(H(2 * u - 3 * v), 2 * H(u) - 3 * H(v), atol=1e-11)


def test_the_gradient_of_the_sum_is_the_stack_of_gradients() -> None:
    """No replica's loss depends on another's weights: the Jacobian of L is block diagonal."""
    for L, w in both():
        _, g = L.gradient(w)
        moved = w.clone()
        moved[1] += 1
        _, other = L.gradient(moved)
        assert torch.equal(other[0], g[0]) and torch.equal(other[2], g[2])
    oracle, w = both()[0]
    jacobian = torch.autograd.functional.jacobian(oracle.loss, w)  # [R, R, P]
    close(torch.diagonal(jacobian).mT, oracle.gradient(w)[1])
    assert int(jacobian.abs().sum(-1).count_nonzero()) == 3


def test_a_batch_is_the_mean_over_its_examples_and_all_of_them_the_objective() -> None:
    for L, w in both():
        everything = torch.arange(7).repeat(3, 1)
        for a, b in zip(L.gradient(w, everything), L.gradient(w), strict=True):
            close(a, b)
        parts = [L.gradient(w, everything[:, i : i + 1])[1] for i in range(7)]
        close(torch.stack(parts).mean(0), L.gradient(w)[1])


def test_inside_inference_mode_too() -> None:
    """A run steps under inference mode; autograd must work on the tensors made there."""
    for L, w in both():
        expected = L.gradient(w)[1], L.hvp(w)(w)
        with torch.inference_mode():
            moved = w + 0
            close(L.gradient(moved)[1], expected[0])
            close(L.hvp(moved)(moved), expected[1])
