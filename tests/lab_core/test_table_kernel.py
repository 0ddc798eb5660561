"""The net on pairs by hand equals autograd: outputs, loss, gradient, minibatches, curvature."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from lab_core import curvature
from lab_core.kernels import TableKernel
from lab_core.losses import LOSSES
from lab_core.models import PairMLP
from lab_core.models.table import PAIR_ACTIVATIONS
from lab_core.objective import HandObjective, Objective, objective
from tests.lab_core.small import close, gaussian

c, N, WIDTH = 5, 12, 4
CASES = list(itertools.product(LOSSES, PAIR_ACTIVATIONS, (1, 3), (False, True)))
SOME = pytest.mark.parametrize("loss, activation, R, own_data", CASES)


def problem(
    loss: str, activation: str, R: int, own_data: bool
) -> tuple[Objective, HandObjective, Tensor]:
    """Autograd and the hand-written kernel of one objective, and weights [R, P]."""
    draw = torch.Generator().manual_seed(0)
    data = R if own_data else 1
    x = torch.randint(c, (data, N, 2), generator=draw).double()
    y = torch.nn.functional.one_hot(torch.randint(c, (data, N), generator=draw), c).double()
    model, criterion = PairMLP(width=WIDTH, activation=activation), LOSSES[loss]()
    by_hand = objective(model, criterion, x, y, R)
    assert isinstance(by_hand, HandObjective) and isinstance(by_hand.full, TableKernel)
    oracle = Objective(model, criterion, x, y, R)
    return oracle, by_hand, gaussian(R, oracle.size, seed=2)


def agree(ours: Objective, theirs: Objective, w: Tensor, index: Tensor | None = None) -> None:
    """The mean loss and the gradient."""
    for a, b in zip(ours.gradient(w, index), theirs.gradient(w, index), strict=True):
        assert a.shape == b.shape
        close(a, b)


@SOME
def test_loss_gradient_and_outputs(loss: str, activation: str, R: int, own_data: bool) -> None:
    oracle, by_hand, w = problem(loss, activation, R, own_data)
    close(by_hand.full.outputs(w), oracle.outputs(w, oracle.x))
    close(by_hand.loss(w), oracle.loss(w))
    agree(by_hand, oracle, w)
    agree(by_hand, oracle, -0.5 * w)


@SOME
def test_minibatches(loss: str, activation: str, R: int, own_data: bool) -> None:
    """Of several sizes one after the other, each replica with examples of its own, some twice."""
    oracle, by_hand, w = problem(loss, activation, R, own_data)
    for size in (1, 4, 4, 7, 1, N, 2 * N):
        index = torch.randint(N, (R, size), generator=torch.Generator().manual_seed(size))
        agree(by_hand, oracle, w, index)
    agree(by_hand, oracle, w)


@SOME
def test_curvature_is_autograds_and_that_of_the_dense_hessian(
    loss: str, activation: str, R: int, own_data: bool
) -> None:
    oracle, by_hand, w = problem(loss, activation, R, own_data)
    v, product = gaussian(*w.shape, seed=3), by_hand.hvp(w)
    close(product(v), oracle.hvp(w)(v))
    each = [
        torch.autograd.functional.hessian(lambda u, r=r: stacked(oracle, w, u, r), w[r])
        for r in range(R)
    ]
    close(curvature.dense(product, w), torch.stack(each))


def stacked(L: Objective, w: Tensor, row: Tensor, r: int) -> Tensor:
    """The loss of replica r where its weights are `row`."""
    return L.loss(torch.cat([w[:r], row[None], w[r + 1 :]]))[r]


@pytest.mark.parametrize("activation", PAIR_ACTIVATIONS)
def test_gradient_by_finite_differences(activation: str) -> None:
    _, by_hand, w = problem("cross-entropy", activation, 3, True)
    v, h = gaussian(*w.shape, seed=5), 1e-6
    slope = (by_hand.loss(w + h * v) - by_hand.loss(w - h * v)) / (2 * h)
    close((by_hand.gradient(w)[1] * v).sum(1), slope, rtol=1e-6)


def test_replicas_are_independent_and_results_do_not_alias_the_buffers() -> None:
    oracle, by_hand, w = problem("cross-entropy", "square", 3, True)
    loss, g = by_hand.gradient(w)
    kept = loss.clone(), g.clone()
    moved = w.clone()
    moved[1] += 1
    _, other = by_hand.gradient(moved)
    assert torch.equal(loss, kept[0]) and torch.equal(g, kept[1])
    assert torch.equal(other[[0, 2]], g[[0, 2]]) and not torch.allclose(other[1], g[1])
    for r in range(3):
        one = slice(r, r + 1)
        alone = objective(oracle.model, oracle.criterion, oracle.x[one], oracle.y[one], 1)
        close(alone.gradient(w[one])[1], g[one])


def test_another_loss_takes_over_the_examples_and_leaves_the_first_as_it_was() -> None:
    oracle, by_hand, w = problem("cross-entropy", "relu", 3, False)
    before = by_hand.gradient(w)
    index = torch.tensor([[0, 3, 6]] * 3)
    by_hand.gradient(w, index)
    other, theirs = (L.with_loss(LOSSES["squared-error"]()) for L in (by_hand, oracle))
    agree(other, theirs, w)
    agree(other, theirs, w, index)
    close(other.loss(w), theirs.loss(w))
    for a, b in zip(by_hand.gradient(w), before, strict=True):
        assert torch.equal(a, b)


def test_inside_inference_mode_too() -> None:
    """A run steps under inference mode; the product by autograd must work on tensors made there."""
    _, by_hand, w = problem("stablemax", "square", 3, False)
    expected = by_hand.gradient(w)[1], by_hand.hvp(w)(w)
    with torch.inference_mode():
        moved = w + 0
        close(by_hand.gradient(moved)[1], expected[0])
        close(by_hand.hvp(moved)(moved), expected[1])
