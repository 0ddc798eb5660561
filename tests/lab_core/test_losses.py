"""Losses against torch's, the factor between them stated; their derivatives against autograd."""

import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor
from torch.nn import functional as F

from lab_core.losses import LOSSES, PRECISIONS, CrossEntropy, PowerLoss, StableMax
from tests.lab_core.small import close, gaussian


def stablemax(f: Tensor, y: Tensor) -> Tensor:
    """-log(s(f_y) / sum_j s(f_j)), number by number."""
    rows = [
        -math.log(s[int(label)] / sum(s))
        for row, label in zip(
            f.reshape(-1, f.shape[-1]).tolist(), y.argmax(-1).flatten(), strict=True
        )
        if (s := [x + 1 if x >= 0 else 1 / (1 - x) for x in row])
    ]
    return torch.tensor(rows, dtype=torch.float64).reshape(f.shape[:-1])


def moments(f: Tensor) -> Tensor:
    """(1/N) sum f f^T, [R, c, c]."""
    return torch.einsum("rni, rnj -> rij", f, f) / f.shape[1]


def whole(f: Tensor, value: Tensor) -> Tensor:
    """The value [R] of a loss of the whole batch, as every example's [R, N]."""
    return value[:, None].expand(f.shape[:2])


def wasserstein(S: Tensor, S0: Tensor) -> Tensor:
    """The squared 2-Wasserstein distance [R] of N(0, S) and N(0, S0), by roots of matrices."""
    each = []
    for a, b in zip(S.detach().numpy(), S0.expand_as(S).numpy(), strict=True):
        root = sqrtm(b)
        inside = root @ a @ root
        cross = sqrtm(inside) if inside.any() else inside  # scipy warns of the root of 0
        each.append(np.trace(a + b - 2 * cross).real)
    return torch.tensor(np.array(each))


def power(r: Tensor, p: float) -> Tensor:
    """The integral of sign(r) min(|r|, 1)^(p - 1) from 0."""
    return torch.where(r.abs() < 1, r.abs() ** p / p, r.abs() - 1 + 1 / p)


# name -> the loss of each example [R, N] in torch's words
REFERENCE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared-error": lambda f, y: f.shape[-1] / 2 * F.mse_loss(f, y, reduction="none").mean(-1),
    "absolute-error": lambda f, y: f.shape[-1] * F.l1_loss(f, y, reduction="none").mean(-1),
    "logistic": lambda f, y: -F.logsigmoid(y * f).sum(-1),
    "perceptron": lambda f, y: F.relu(-y * f).sum(-1),
    "power": lambda f, y: power(f - y, 1.5).sum(-1),
    "cross-entropy": lambda f, y: F.cross_entropy(f.mT, y.argmax(-1), reduction="none"),
    "stablemax": stablemax,
    "frobenius": lambda f, y: whole(f, (moments(f) - moments(y)).square().sum((1, 2)) / 4),
    "bures-wasserstein": lambda f, y: whole(f, wasserstein(moments(f), moments(y))),
    "noisy-squared-error": lambda f, y: 2 * F.mse_loss(f, y, reduction="none").mean(-1),
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


@pytest.mark.parametrize("n", [1, 2, 3, 7, 200, 357])
def test_the_logistic_loss_keeps_its_digits_from_1e_300_to_1e7(n: int) -> None:
    """Against log(1 + exp(-m)) and 1 / (1 + exp(m)) in 400 digits; all margins alike, and mixed."""
    margins = [-1e7, -700.0, -36.5, -1.0, -1e-9, 0.0, 0.7, 36.9, 300.0, 690.0]
    exact = {m: (exact_softplus(m), exact_sigmoid(m)) for m in margins}
    y = gaussian(1, n, 1).sign()
    for m, (value, slope) in exact.items():
        loss, first = LOSSES["logistic"]().first(m * y, y)  # type: ignore[attr-defined]
        assert float(loss) == pytest.approx(value, rel=1e-12, abs=0)
        assert float((-first * y).min()) == pytest.approx(slope, rel=1e-12, abs=0)
    turns = [margins[i % len(margins)] for i in range(n)]
    mixed = torch.tensor(turns, dtype=torch.float64)[None, :, None]
    expected = sum(exact[m][0] for m in turns) / n
    loss, _ = LOSSES["logistic"]().first(mixed * y, y)  # type: ignore[attr-defined]
    assert float(loss) == pytest.approx(expected, rel=1e-12, abs=0)


def exact_softplus(m: float) -> float:
    with localcontext(prec=400):
        return float((1 + (-Decimal(m)).exp()).ln()) if m > -1e6 else -m


def exact_sigmoid(m: float) -> float:
    with localcontext(prec=400):
        return float(1 / (1 + Decimal(m).exp())) if m > -1e6 else 1.0


def test_the_perceptron_at_margin_zero_takes_half() -> None:
    loss, y = LOSSES["perceptron"](), torch.tensor([[[1.0], [-1.0]]])
    f = torch.zeros_like(y, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(f, y).sum(), f)
    assert torch.equal(slope, -y / 2) and torch.equal(loss.first(f, y)[1], -y / 2)  # type: ignore[attr-defined]


@pytest.mark.parametrize("p", [1.1, 1.5, 2.0])
def test_the_power_loss_is_convex_differentiable_and_lipschitz(p: float) -> None:
    """Slopes rise, without a jump, from -1 to 1; p = 2 is torch's Huber loss."""
    loss, r = PowerLoss(power=p), torch.linspace(-3, 3, 60001, dtype=torch.float64)
    slope = loss.first(r[None, :, None], torch.zeros(1, 1, 1))[1].flatten()
    assert bool((slope.diff() >= 0).all()) and float(slope.diff().max()) < 2 * 1e-4 ** (p - 1)
    assert (float(slope[0]), float(slope[-1])) == (-1, 1)
    if p == 2:
        close(
            loss(r[None, :, None], torch.zeros(1, 1, 1))[0],
            F.huber_loss(r, 0 * r, reduction="none"),
        )


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


# ---- the precision of the softmax

PRECISE = {"float16": torch.float16, "float32": torch.float32, "float64": torch.float64}


def led(gap: float) -> tuple[Tensor, Tensor]:
    """One example of two classes whose label's output leads by the gap; f [1, 1, 2], float64."""
    return torch.tensor([[[gap, 0.0]]], dtype=torch.float64), torch.tensor([[[1.0, 0.0]]])


def test_every_precision_is_tried() -> None:
    assert set(PRECISE) == set(PRECISIONS) - {"same"}


@pytest.mark.parametrize("precision", PRECISE)
def test_a_loss_is_exactly_zero_once_the_lead_is_lost_in_rounding_and_not_before(
    precision: str,
) -> None:
    """l = log(1 + exp(-gap)), and 1 + x is 1 where x is below half of eps, the distance from 1 to
    the next number: from gap = -log(eps / 2) on (8.3, 16.6, 36.7), whatever the run's precision."""
    loss, half = CrossEntropy(precision=precision), torch.finfo(PRECISE[precision]).eps / 2
    for gap, collapsed in ((-math.log(half) - 0.05, False), (-math.log(half) + 0.05, True)):
        f, y = led(gap)
        value, slope = loss.first(f, y)
        assert (float(loss(f, y)) == 0) == (float(value) == 0) == collapsed
        assert (float(slope[..., 0]) == 0) == collapsed, "no pull on the label's output is left"
        assert float(slope[..., 1]) > 0, "the other outputs are still pushed down"
        assert value.dtype == slope.dtype == torch.float64


def test_stablemax_is_not_zero_where_softmax_has_collapsed() -> None:
    for precision in PRECISE:
        f, y = led(200.0)
        value, slope = StableMax(precision=precision).first(f, y)
        assert float(CrossEntropy(precision=precision)(f, y)) == 0
        assert float(value) > 0 and float(slope[..., 0]) < 0


@pytest.mark.parametrize("name", ["cross-entropy", "stablemax"])
@pytest.mark.parametrize("precision", PRECISE)
def test_a_precision_is_that_of_the_same_formula(name: str, precision: str) -> None:
    """Loss and slope agree with those in float64 to its rounding, and with autograd's."""
    (f, y), eps = examples(name, 3.0), torch.finfo(PRECISE[precision]).eps
    loss, exact = LOSSES[name](precision=precision), LOSSES[name]()  # type: ignore[call-arg]
    close(loss(f, y), exact(f, y), rtol=8 * eps, atol=8 * eps)
    value, slope = loss.first(f, y)
    close(value, loss(f, y).mean(-1), rtol=8 * eps)
    close(slope, exact.first(f, y)[1], rtol=8 * eps, atol=8 * eps)
    f.requires_grad_()
    close(slope, torch.autograd.grad(loss(f, y).sum(), f)[0], rtol=8 * eps, atol=8 * eps)


def test_half_precision_is_numpys() -> None:
    """Each operation is rounded to float16; a sum kept in float32 inside would not collapse so."""
    f, y = examples("cross-entropy", 4.0)
    x = f.numpy().astype(np.float16)
    below = x - x.max(-1, keepdims=True)
    total = np.exp(below).sum(-1, keepdims=True, dtype=np.float16)
    expected = -((below - np.log(total)) * y.numpy()).sum(-1)
    half = CrossEntropy(precision="float16")(f, y)
    close(half, torch.tensor(expected), rtol=2e-3)
    f, y = led(8.4)
    assert float(CrossEntropy(precision="float16")(f, y)) == 0


@pytest.mark.parametrize("precision", PRECISE)
def test_rounding_never_turns_the_pull_on_the_labels_output_round(precision: str) -> None:
    lead = torch.linspace(0, 2000, 400, dtype=torch.float64)
    f = torch.stack([lead, -lead], -1)[None]
    y = torch.tensor([1.0, 0.0]).expand_as(f)
    for loss in (CrossEntropy(precision=precision), StableMax(precision=precision)):
        assert bool((loss.first(f, y)[1][..., 0] <= 0).all())
