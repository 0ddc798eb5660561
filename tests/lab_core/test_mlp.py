"""The hand-written kernel equals autograd, for every model that it serves."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lab_core.kernels import KERNELS, mlp
from lab_core.kernels.mlp import Kernel
from lab_core.losses import LOSSES
from lab_core.models import ACTIVATIONS, MLP, MODELS, PARAMETRIZATIONS
from lab_core.objective import HandObjective
from tests.lab_core.small import close, gaussian, problem

CASES = list(itertools.product(ACTIVATIONS, PARAMETRIZATIONS, LOSSES))


def test_every_activation_is_there_by_hand() -> None:
    assert set(mlp._FORWARD) == set(mlp._BACKWARD) == set(ACTIVATIONS)


def agree(model: MLP, loss: str, **sizes: int) -> None:
    """Outputs, loss, gradient, and three Hessian-vector products of one measurement."""
    kernel, oracle, w = problem(model, loss, **sizes)  # type: ignore[arg-type]
    close(kernel.outputs(w), oracle.outputs(w, oracle.x))
    for ours, theirs in zip(kernel.gradient(w), oracle.gradient(w), strict=True):
        close(ours, theirs)
    ours, theirs = kernel.hvp(w), oracle.hvp(w)
    for seed in (3, 4, 5):
        v = gaussian(*w.shape, seed=seed)
        close(ours(v), theirs(v), atol=1e-11)


@pytest.mark.parametrize("activation, parametrization, loss", CASES)
def test_gradient_and_r_operator(activation: str, parametrization: str, loss: str) -> None:
    for depth in (1, 2, 3):
        model = MLP(width=5, depth=depth, activation=activation, parametrization=parametrization)
        for own_data in (False, True):
            agree(model, loss, own_data=own_data)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "name", [name for name, cls in MODELS.items() if KERNELS.get(cls) is Kernel]
)
def test_every_model(name: str, loss: str) -> None:
    agree(MODELS[name](width=4, depth=3), loss)


@given(st.tuples(*[st.integers(1, 4)] * 6), st.sampled_from(CASES))
def test_any_shape(sizes: tuple[int, ...], case: tuple[str, str, str]) -> None:
    width, depth, R, N, d, c = sizes
    activation, parametrization, loss = case
    model = MLP(width=width, depth=depth, activation=activation, parametrization=parametrization)
    agree(model, loss, R=R, N=N, d=d, c=c)


@pytest.mark.parametrize("own_data", [False, True])
def test_replicas_are_independent(own_data: bool) -> None:
    kernel, oracle, w = problem(MLP(width=5, depth=3), own_data=own_data)
    v = gaussian(*w.shape, seed=3)
    loss, g = kernel.gradient(w)
    Hv = kernel.hvp(w)(v)
    for r in range(3):
        data = r if own_data else 0
        alone = Kernel(MLP(width=5, depth=3), LOSSES["squared-error"](),
                       oracle.x[data : data + 1], oracle.y[data : data + 1], 1)  # fmt: skip
        one = slice(r, r + 1)
        close(alone.gradient(w[one])[0], loss[one])
        close(alone.gradient(w[one])[1], g[one])
        close(alone.hvp(w[one])(v[one]), Hv[one])


def test_a_product_is_of_the_weights_at_which_it_was_made() -> None:
    """Probes share one product at one moment; a new one starts afresh, whatever came before."""
    kernel, _, w = problem(MLP(width=5))
    v = gaussian(*w.shape, seed=3)
    before = kernel.hvp(w)(v)
    kernel.hvp(2 * w)(v)
    assert torch.equal(kernel.hvp(w)(v), before)


def test_results_do_not_alias_the_buffers() -> None:
    kernel, _, w = problem(MLP(width=5))
    product = kernel.hvp(w)
    first, second = product(w), product(2 * w)
    close(second, 2 * first)
    loss, g = kernel.gradient(w)
    kept = loss.clone(), g.clone()
    kernel.gradient(2 * w)
    assert torch.equal(loss, kept[0]) and torch.equal(g, kept[1])


@pytest.mark.parametrize("loss", LOSSES)
def test_minibatches(loss: str) -> None:
    _, oracle, w = problem(MLP(width=5), loss)
    ours = HandObjective(oracle.model, oracle.criterion, oracle.x, oracle.y, 3)  # type: ignore[arg-type]
    for index in (torch.tensor([[0, 3, 6]] * 3), torch.tensor([[0, 1], [2, 3], [6, 6]])):
        for a, b in zip(ours.gradient(w, index), oracle.gradient(w, index), strict=True):
            close(a, b)
    for a, b in zip(ours.gradient(w), oracle.gradient(w), strict=True):
        close(a, b)
