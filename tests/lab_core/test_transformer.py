"""The transformer: against a textbook one, its hand-written kernel against autograd, its rules."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lab_core.kernels import TransformerKernel
from lab_core.knobs import BadInput
from lab_core.losses import LOSSES
from lab_core.models import Transformer, initial, views
from lab_core.objective import HandObjective, Objective, objective
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import close, gaussian

P = 5  # the modulus of the small problems
SMALL = Transformer(width=6, heads=3, mlp_width=7)


def textbook(p: dict[str, Tensor], a: int, b: int, heads: int) -> Tensor:
    """Logits [c] at "=" of one pair by one replica, as a transformer is usually written: every
    position has queries, keys and values, and the last is read."""
    x = p["tokens"][[a, b, -1]] + p["positions"]
    q, k, v = (
        (x @ p[name]).view(3, heads, -1).transpose(0, 1) for name in ("query", "key", "value")
    )
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    causal = torch.full((3, 3), -torch.inf).triu(1).to(x)
    z = ((scores + causal).softmax(-1) @ v).transpose(0, 1).reshape(3, -1)
    r = x + z @ p["mix"]
    hidden = torch.relu(r @ p["mlp_in"] + p["mlp_in_bias"])
    return ((r + hidden @ p["mlp_out"] + p["mlp_out_bias"]) @ p["unembed"])[2]


def pairs(R: int, N: int, seed: int = 0) -> Tensor:
    """Pairs [R, N, 2] of numbers below P, as the data sets give them: in the run's precision."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, P, (R, N, 2), generator=draw).double()


def problem(
    loss: str, R: int, own: bool, N: int = 9
) -> tuple[TransformerKernel, Objective, Tensor]:
    """The kernel, the autograd oracle of the same objective, and weights [R, P]."""
    x = pairs(R if own else 1, N)
    y = gaussian(*x.shape[:2], P, seed=1)
    if LOSSES[loss].targets == "one-hot":
        y = torch.nn.functional.one_hot(y.argmax(-1), P).to(x)
    oracle = Objective(SMALL, LOSSES[loss](), x, y, R)
    w = 0.3 * gaussian(R, oracle.size, seed=2)
    return TransformerKernel(SMALL, LOSSES[loss](), x, y, R), oracle, w


def test_forward_is_the_textbook_one() -> None:
    _, oracle, w = problem("squared-error", 2, own=True)
    f = oracle.outputs(w, oracle.x)
    for r in range(2):
        p = {name: piece[r] for name, piece in views(w, oracle.shapes).items()}
        for n, (a, b) in enumerate(oracle.x[r].long().tolist()):
            close(f[r, n], textbook(p, a, b, SMALL.heads))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("R, own", [(1, False), (3, False), (3, True)])
def test_the_kernel_equals_autograd(loss: str, R: int, own: bool) -> None:
    kernel, oracle, w = problem(loss, R, own)
    close(kernel.outputs(w), oracle.outputs(w, oracle.x))
    for ours, theirs in zip(kernel.gradient(w), oracle.gradient(w), strict=True):
        close(ours, theirs)


@pytest.mark.parametrize("loss", LOSSES)
def test_minibatches(loss: str) -> None:
    _, oracle, w = problem(loss, 3, own=True)
    ours = HandObjective(oracle.model, oracle.criterion, oracle.x, oracle.y, 3)
    for index in (torch.tensor([[0, 3, 6]] * 3), torch.tensor([[0, 1], [2, 3], [8, 8]])):
        for a, b in zip(ours.gradient(w, index), oracle.gradient(w, index), strict=True):
            close(a, b)
    for a, b in zip(ours.gradient(w), oracle.gradient(w), strict=True):
        close(a, b)


def test_results_do_not_alias_and_the_weights_stay_as_they_are() -> None:
    kernel, _, w = problem("cross-entropy", 3, own=False)
    before = w.clone()
    loss, g = kernel.gradient(w)
    kept = loss.clone(), g.clone()
    kernel.gradient(2 * w)
    assert torch.equal(loss, kept[0]) and torch.equal(g, kept[1]) and torch.equal(w, before)


def test_the_fast_objective_is_taken() -> None:
    recipe = Recipe().set(
        {"data": "modular", "model": "transformer", "width": 8, "p": 7, "fraction": 0.5}
    )
    assert isinstance(Run(recipe).arms[0].objective, HandObjective)
    x, y = pairs(1, 4), torch.eye(P, dtype=torch.float64)[:4][None]
    assert isinstance(objective(SMALL, LOSSES["stablemax"](), x, y, 1), HandObjective)


def test_initial_weights_have_the_stated_standard_deviation() -> None:
    model = Transformer(width=64, mlp_width=256)
    pieces = views(initial(model, 2, 59, 0, 0.5)[None], model.shapes(2, 59))
    for name, piece in pieces.items():
        fan_in = {"mlp_out": 256}.get(name, 64)
        expected = 0.0 if name.endswith("bias") else 0.5 * fan_in**-0.5
        assert float(piece.std()) == pytest.approx(expected, rel=0.1)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(BadInput, match=r"^heads: 4 heads .* width of 10 .*; choose 2, or a width"):
        Transformer(width=10).shapes(2, 7)


def test_the_transformer_needs_pairs() -> None:
    with pytest.raises(BadInput, match="cannot read"):
        Recipe().set({"model": "transformer"})
