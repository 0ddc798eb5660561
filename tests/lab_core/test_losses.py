"""Losses against torch's, the factor between them stated; their derivatives against autograd."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lab_core.losses import LOSSES
from tests.lab_core.small import close, gaussian

# name -> the loss of each example [R, N] in torch's words
REFERENCE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared-error": lambda f, y: f.shape[-1] / 2 * F.mse_loss(f, y, reduction="none").mean(-1),
    "logistic": lambda f, y: -F.logsigmoid(y * f).sum(-1),
    "cross-entropy": lambda f, y: F.cross_entropy(f.mT, y.argmax(-1), reduction="none"),
}


def test_every_loss_has_its_reference_line() -> None:
    assert set(REFERENCE) == set(LOSSES)


def examples(name: str, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    f, y = scale * gaussian(2, 5, 4), gaussian(2, 5, 4, seed=1)
    signs = y.sign() if LOSSES[name].targets == "signs" else y
    return f, F.one_hot(y.argmax(-1), 4).to(f) if LOSSES[name].targets == "one-hot" else signs


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e3])
def test_the_loss_of_each_example(name: str, scale: float) -> None:
    f, y = examples(name, scale)
    value = LOSSES[name]()(f, y)
    assert value.shape == (2, 5) and bool(value.isfinite().all()) and bool((value >= 0).all())
    close(value, REFERENCE[name](f, y))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_first_and_second_derivative(name: str, scale: float) -> None:
    loss, (f, y), u = LOSSES[name](), examples(name, scale), gaussian(2, 5, 4, seed=2)
    if not hasattr(loss, "first"):
        pytest.skip("runs on autograd")
    f.requires_grad_()
    (slope,) = torch.autograd.grad(loss(f, y).sum(), f, create_graph=True)
    value, first = loss.first(f, y)
    close(value, loss(f, y).mean(-1))
    close(first, slope)
    bend = torch.autograd.grad(slope, f, u)[0] if slope.requires_grad else torch.zeros_like(u)
    close(loss.second(f, y, u), bend)


def test_mse_loss_is_two_over_c_of_ours() -> None:
    f, y = examples("squared-error")
    close(F.mse_loss(f[0], y[0]), 2 / 4 * LOSSES["squared-error"]()(f[0], y[0]).mean())


def test_cross_entropy_does_not_see_a_shift_and_bends_upwards() -> None:
    loss, (f, y), u = (
        LOSSES["cross-entropy"](),
        examples("cross-entropy"),
        gaussian(2, 5, 4, seed=2),
    )
    close(loss(f + 100, y), loss(f, y))
    close(loss.second(f, y, torch.ones_like(f)), torch.zeros_like(f))  # type: ignore[attr-defined]
    assert bool(((u * loss.second(f, y, u)).sum(-1) >= 0).all())  # type: ignore[attr-defined]
