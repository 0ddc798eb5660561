"""Models: parametrisations by what they promise, initial weights by what they share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lab_core.losses import SquaredError
from lab_core.models import (
    ACTIVATIONS,
    MLP,
    MODELS,
    PARAMETRIZATIONS,
    PairMLP,
    initial,
    size,
    stream,
    views,
)
from lab_core.models.table import PAIR_ACTIVATIONS
from lab_core.objective import Objective, objective
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import close, gaussian
from tests.lab_core.test_transformer import textbook

# name -> outputs of the model at its defaults, from plain 2-d weights (and biases) in order
REFERENCE: dict[str, Callable[..., Tensor]] = {
    "mlp": lambda x, w1, b1, w2, b2: torch.tanh(x @ w1 + b1) @ w2 + b2,
    "deep-linear": lambda x, w1, w2: x @ w1 @ w2,
    "pair-mlp": lambda x, a, b, out: pair_mlp(x, a, b, out, np.square),
    "committee": lambda x, w: torch.stack([x.mm(v).relu() @ signs(200) for v in w], 1),
    "scaled-committee": lambda x, w: torch.stack(
        [(x @ v / 60**0.5 + 0.125 * (x @ v).square()).sum(1) for v in w], 1
    ),
    "transformer": lambda x, *pieces: transformer(x, pieces),
    "symmetric-factors": lambda x, X: rows_of(x, X @ X.T),
    "asymmetric-factors": lambda x, F, G: rows_of(x, F @ G.T),
    "diagonal-linear": lambda x, u, v: x @ u**2 - x @ v**2,
    "linear": lambda x, w: x @ w,
    "dropout-mlp": lambda x, w1, b1, w2, b2: torch.tanh(x @ w1 + b1) @ w2 + b2,
    "interpolant": lambda x, a, b, w: sum(
        (x @ a - b[0, j]).clamp_min(0) * w[j] for j in range(200)
    ),  # type: ignore[misc]
    "residual-mlp": lambda x, *p: residual(x, list(p)),
}
INPUTS = {
    "real": lambda c: gaussian(2, 4, 5, seed=1),
    "pairs": lambda c: pairs(c, 2, 4),
    "measurements": lambda c: gaussian(2, 4, 2 * c, seed=1),
}


def rows_of(x: Tensor, matrix: Tensor) -> Tensor:
    """weights * (row @ M) of each example (row, weights), in numpy."""
    return torch.tensor(
        [[(a @ matrix[:, j]) * b for j, b in enumerate(weights)] for a, weights in
         zip(*x.chunk(2, 1), strict=True)]
    )  # fmt: skip


def signs(m: int) -> Tensor:
    """+1 and -1 over the root of m, in turns."""
    return torch.tensor([1.0, -1.0] * (m // 2), dtype=torch.float64) / m**0.5


def residual(x: Tensor, pieces: list[Tensor]) -> Tensor:
    """z_1 = relu(x W + b), z <- z + relu(z W + b) twice, z W + b."""
    (w1, b1), *between, (w, b) = zip(pieces[::2], pieces[1::2], strict=True)
    z = (x @ w1 + b1).relu()
    for inner, bias in between:
        z = z + (z @ inner + bias).relu()
    return z @ w + b


FUNCTIONS = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "linear": lambda z: z,
}


def pairs(c: int, *shape: int) -> Tensor:
    """Pairs of numbers below c [*shape, 2], the same on every call."""
    return torch.randint(c, (*shape, 2), generator=torch.Generator().manual_seed(1)).double()


def pair_mlp(x: Tensor, left: Tensor, right: Tensor, out: Tensor, phi: Any) -> Tensor:
    """The two-layer net on concatenated one-hot vectors, in numpy: phi(x W) U^T, W [2c, width]."""
    first = np.concatenate([left.numpy(), right.numpy()])
    eye = np.eye(len(left))
    hot = np.concatenate([eye[x[:, 0].long()], eye[x[:, 1].long()]], 1)
    return torch.tensor(phi(hot @ first) @ out.numpy().T)


def transformer(x: Tensor, pieces: tuple[Tensor, ...]) -> Tensor:
    model = MODELS["transformer"]()
    p = dict(zip(model.shapes(2, 3), pieces, strict=True))
    return torch.stack([textbook(p, int(a), int(b), model.heads) for a, b in x])  # type: ignore[attr-defined]


def test_every_entry_has_its_reference_line() -> None:
    assert {cls.inputs for cls in MODELS.values()} == set(INPUTS)
    assert set(REFERENCE) == set(MODELS) and set(FUNCTIONS) == set(ACTIVATIONS)
    assert set(OUTPUT_VARIANCE) == set(GROWTH) == set(PARAMETRIZATIONS)


@pytest.mark.parametrize("name", MODELS)
def test_forward(name: str) -> None:
    model = MODELS[name]()
    shapes = model.shapes(5, 3)
    w, x = gaussian(2, size(shapes)), INPUTS[model.inputs](3)
    out = model.forward(views(w, shapes), x)
    for r in range(2):
        pieces = [v[r] for v in views(w, shapes).values()]
        close(out[r], REFERENCE[name](x[r], *pieces))


@pytest.mark.parametrize("name, phi", {"square": np.square, "relu": lambda h: h.clip(0)}.items())
def test_a_net_on_pairs_is_one_on_one_hot_inputs(name: str, phi: Any) -> None:
    model, c = PairMLP(width=7, activation=name), 5
    assert name in PAIR_ACTIVATIONS
    shapes = model.shapes(2, c)
    w, x = gaussian(3, size(shapes)), pairs(c, 3, 20)
    out = model.forward(views(w, shapes), x)
    for r in range(3):
        close(out[r], pair_mlp(x[r], *(v[r] for v in views(w, shapes).values()), phi))


def test_a_net_on_pairs_starts_with_the_variances_of_uniform_numbers() -> None:
    """Those of torch.nn.Linear: +-1/sqrt(inputs) has variance 1 / (3 inputs)."""
    model = PairMLP(width=400)
    pieces = views(initial(model, 2, 50, 0, 0.5)[None], model.shapes(2, 50))
    for name, inputs in {"left": 100, "right": 100, "out": 400}.items():
        assert float(pieces[name].var()) == pytest.approx(0.25 / (3 * inputs), rel=0.05)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_of_an_activation(name: str) -> None:
    z = torch.linspace(-4, 4, 81, dtype=torch.float64) + 0.01
    z.requires_grad_()
    phi = ACTIVATIONS[name]
    a = phi.value(z)
    close(a, FUNCTIONS[name](z))
    (first,) = torch.autograd.grad(a.sum(), z, create_graph=True)
    close(phi.first(z, a), first)
    second = torch.zeros_like(z)
    if first.requires_grad:
        (second,) = torch.autograd.grad(first.sum(), z)
    close(phi.second(z, a), second)


def test_views_share_memory_and_cover_w() -> None:
    shapes = MLP(width=3).shapes(2, 1)
    w = torch.arange(2.0 * size(shapes)).reshape(2, -1)
    pieces = views(w, shapes)
    assert {n: tuple(p.shape[1:]) for n, p in pieces.items()} == shapes
    assert torch.equal(torch.cat([p.reshape(2, -1) for p in pieces.values()], 1), w)
    pieces["bias1"].zero_()
    assert int((w == 0).sum()) == 1 + 2 * 3, "w changed too"


# ---- initial weights


def test_one_seed_gives_one_start_up_to_scale() -> None:
    one, two = (initial(MLP(), 5, 3, 7, scale) for scale in (1.0, 2.0))
    close(two, 2 * one)
    assert torch.equal(one, initial(MLP(activation="relu"), 5, 3, 7, 1.0))
    assert not torch.equal(one, initial(MLP(), 5, 3, 8, 1.0))
    shallow, deep = (views(initial(MLP(depth=n), 5, 3, 7, 1.0)[None], MLP(depth=n).shapes(5, 3))
                     for n in (2, 3))  # fmt: skip
    assert torch.equal(shallow["weight1"], deep["weight1"]), "the same where the shapes allow"
    assert not any(p.any() for n, p in deep.items() if n.startswith("bias"))


def test_weights_have_the_stated_standard_deviation() -> None:
    for name in PARAMETRIZATIONS:
        model = MLP(width=100, depth=3, parametrization=name)
        pieces = views(initial(model, 64, 10, 0, 0.5)[None], model.shapes(64, 10))
        for n, std in model.stds(64, 10).items():
            assert float(pieces[n].std()) == pytest.approx(0.5 * std, rel=0.05)


def test_a_stream_depends_on_its_key_alone() -> None:
    keys = [("batch", 0, 1), ("batch", 0, 1), ("batch", 1, 0), ("init", 0, 1)]
    draw = [torch.rand(1, generator=stream(*key)).item() for key in keys]  # type: ignore[arg-type]
    assert draw[0] == draw[1] and len(set(draw)) == 3


# ---- parametrisations

# output variance at width 4n over that at width n, at initialisation, for wide linear nets
OUTPUT_VARIANCE = {"standard": 1.0, "ntk": 1.0, "mup": 1 / 4}


def outputs(model: MLP, x: Tensor, seeds: int = 400) -> Tensor:
    w = torch.stack([initial(model, x.shape[-1], 1, s, 1.0) for s in range(seeds)])
    shapes = model.shapes(x.shape[-1], 1)
    return model.forward(views(w, shapes), x.expand(seeds, -1, -1))


@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_output_variance_at_initialisation(name: str) -> None:
    """O(1) in the standard and NTK forms (here |x|^2 / d); 1 / width under maximal update."""
    x = gaussian(1, 1, 6)
    narrow, wide = (
        float(outputs(MLP(width=n, depth=3, activation="linear", parametrization=name), x).var())
        for n in (16, 64)
    )
    assert wide / narrow == pytest.approx(OUTPUT_VARIANCE[name], rel=0.35)
    expected = float(x.square().mean()) * (1 / 16 if name == "mup" else 1)
    assert narrow == pytest.approx(expected, rel=0.35)


def changes(name: str, width: int) -> tuple[float, float]:
    """After one step of GD: the change of a hidden feature (rms), and of the output.

    The targets are large, so that the first residuals do not depend on where the output starts.
    """
    model = MLP(width=width, depth=3, parametrization=name)
    x, y = gaussian(1, 5, 6), 30 * gaussian(1, 5, 1, seed=1)
    L = objective(model, SquaredError(), x, y, 1)
    w0 = initial(model, 6, 1, 0, 1.0)[None]
    w1 = w0 - 1e-3 * L.gradient(w0)[1]

    def features(w: Tensor) -> Tensor:  # the last hidden layer's activations, by a bare output
        pieces, layers = views(w, L.shapes), model.layers(6, 1)
        h = x
        for i in (1, 2):
            layer = layers[i - 1]
            z = layer.weight_scale * (h @ pieces[f"weight{i}"])
            h = torch.tanh(z + layer.bias_scale * pieces[f"bias{i}"])
        return h

    moved = (features(w1) - features(w0)).square().mean().sqrt()
    shifted = (L.outputs(w1, x) - L.outputs(w0, x)).square().mean().sqrt()
    return float(moved), float(shifted)


# how the changes of the features and of the output in one step grow with width, as its power
GROWTH = {"standard": (1 / 2, 1.0), "ntk": (-1 / 2, 0.0), "mup": (0.0, 0.0)}


@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_what_one_step_changes_as_the_net_widens(name: str) -> None:
    """At one learning rate muP learns features at every width, the NTK form freezes them, and the
    standard form's output blows up."""
    narrow, wide = changes(name, 64), changes(name, 1024)
    for before, after, power in zip(narrow, wide, GROWTH[name], strict=True):
        assert after / before == pytest.approx(16**power, rel=0.3)


def trajectory(depth: int, **settings: Any) -> tuple[Tensor, Recipe]:
    recipe = Recipe().set({"data": "chebyshev", "n": 8, "width": 9, "depth": depth, "steps": 30,
                           "probes": (), **settings})  # fmt: skip
    return torch.tensor(Run(recipe).finish().arms[0].record["train_loss"][1]), recipe


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_maximal_update_is_ntk_divided_at_the_output(depth: int) -> None:
    """muP(lr) = NTK with its output divided by sqrt(width) and its step multiplied by width."""

    class Divided(MLP):
        def forward(self, pieces: dict[str, Tensor], x: Tensor) -> Tensor:
            return super().forward(pieces, x) / self.width**0.5

    ours, recipe = trajectory(depth, parametrization="mup", lr=0.2)
    x, y = (torch.tensor(a)[None] for a in recipe.data.arrays(0)[:2])
    model = Divided(width=9, depth=depth, parametrization="ntk")
    L, w = Objective(model, SquaredError(), x, y, 1), initial(model, 1, 1, 0, 1.0)[None]
    for t in range(30):
        loss, g = L.gradient(w)
        close(loss, ours[t], rtol=1e-9)
        w = w - 0.2 * 9 * g


def test_one_layer_has_no_width_and_maximal_update_is_the_ntk_form() -> None:
    one, other = (MLP(depth=1, parametrization=p).layers(5, 3) for p in ("mup", "ntk"))
    assert one == other
