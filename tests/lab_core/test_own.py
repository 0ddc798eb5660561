"""Parts of a person's own: equal to ours where they are the same, replayed, refused in a sentence."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn, optim

from lab_core import own
from lab_core.formats import from_url, to_url
from lab_core.knobs import BadInput, OwnError, knob, knobs
from lab_core.lenient import readable_url
from lab_core.milestones import find
from lab_core.recipe import BROUGHT, PARTS, Recipe
from lab_core.run import Run
from tests.lab_core.small import SMALL

BASE = SMALL.set({"probes": (("sharpness", 10),), "lr": (0.02, 0.05)})


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """The registries as they were."""
    before = {part: dict(PARTS[part]) for part in BROUGHT}
    yield
    for part, entries in before.items():
        registry: Any = PARTS[part]
        registry.clear()
        registry.update(entries)


class Momentum:
    """Heavy ball, by attributes."""

    lr = 0.1
    mu = 0.5

    def init(self, w: Tensor) -> dict[str, Any]:
        return {"v": torch.zeros_like(w)}

    def step(self, w: Tensor, g: Tensor, state: Any, at: Any) -> Any:
        v = self.mu * state["v"] + g
        return w - self.lr * v, {"v": v}

    def stability_threshold(self) -> Any:
        return (2 + 2 * self.mu) / self.lr


@dataclass(frozen=True)
class Normed:
    """A unit step for each tensor, which a stack would share."""

    lr: float = knob(0.1, 0.01, 1.0, log=True, domain="(0, inf)")

    def init(self, w: Tensor) -> dict[str, Any]:
        return {"seen": 0}

    def step(self, w: Tensor, g: Tensor, state: Any, at: Any) -> Any:
        return w - self.lr * g / g.norm(), {"seen": state["seen"] + 1}


def run(settings: dict[str, Any], base: Recipe = BASE) -> Run:
    return Run(base.set(own.settings(settings))).finish()


def paths(one: Run) -> np.ndarray:
    return np.concatenate([a.record["train_loss"][1] for a in one.arms.values()])


# ---- optimizers


def test_a_class_is_run_as_ours_is_and_states_its_threshold() -> None:
    mine, ours = run({"optimizer": Momentum}), run({"optimizer": "heavy-ball", "beta": 0.5})
    np.testing.assert_allclose(paths(mine), paths(ours), rtol=1e-9)
    assert mine.recipe.optimizer.label == "Momentum" and not mine.recipe.optimizer.apart  # type: ignore[attr-defined]
    for name in ("threshold", "ratio", "sharpness"):
        a, b = (r.arms[0].record[name][1] for r in (mine, ours))
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert {"mu", "lr"} == set(knobs(mine.recipe.optimizer))


def test_a_class_that_mixes_replicas_gets_them_one_by_one() -> None:
    both = run({"optimizer": Normed})
    assert both.recipe.optimizer.apart  # type: ignore[attr-defined]
    for r, lr in enumerate((0.02, 0.05)):
        alone = run({"optimizer": Normed, "lr": lr})
        np.testing.assert_allclose(paths(both)[:, r], paths(alone)[:, 0], rtol=1e-9)
    assert np.isnan(both.arms[0].record["threshold"][1]).all(), "none is stated, so none is shown"


@pytest.mark.parametrize(("theirs", "ours"), [
    (optim.SGD, {"optimizer": "gd"}),
    ((optim.SGD, {"momentum": 0.9}), {"optimizer": "heavy-ball", "beta": 0.9}),
    (functools.partial(optim.SGD, momentum=0.9, nesterov=True), {"optimizer": "nesterov", "beta": 0.9}),
    ((optim.Adam, {"lr": 0.1}), {"optimizer": "adam", "beta2": 0.999}),
    ((optim.AdamW, {"weight_decay": 0.1}), {"optimizer": "adamw", "beta2": 0.999, "weight_decay": 0.1}),
    ((optim.RMSprop, {"alpha": 0.99}), {"optimizer": "rmsprop", "beta2": 0.99}),
], ids=["gd", "heavy-ball", "nesterov", "adam", "adamw", "rmsprop"])  # fmt: skip
def test_an_adapted_torch_optimizer_equals_ours(theirs: Any, ours: dict[str, Any]) -> None:
    """Two learning rates, one changed on the way."""
    paths_ = []
    for settings in ({"optimizer": theirs}, ours):
        going = Run(BASE.set(own.settings(settings)).set({"lr": (0.02, 0.05)}))
        going.advance(15)
        going.change("lr", 0.01, replica=1)
        paths_.append(paths(going.finish()))
    np.testing.assert_allclose(*paths_, rtol=1e-8)


@pytest.mark.parametrize("theirs", [optim.NAdam, optim.Adagrad, optim.Rprop, optim.Adadelta, optim.ASGD,
                                    optim.Adamax, optim.RAdam, optim.Muon])  # fmt: skip
def test_an_adapted_torch_optimizer_is_the_plain_loop(theirs: type[optim.Optimizer]) -> None:
    """backward() and step() on the named tensors of each replica."""
    recipe = BASE.set({"optimizer": own.optimizer(theirs), "probes": ()})
    arm = Run(recipe).arms[0]
    rate = recipe.optimizer.lr
    tensors = [nn.Parameter(p[1].clone()) for p in arm.at.views(arm.state.w).values()]
    other = theirs(tensors, lr=rate[1])
    objective = Run(recipe.split()[1]).arms[0].objective
    for _ in range(20):
        w = torch.cat([p.detach().reshape(1, -1) for p in tensors], 1)
        slopes = arm.at.views(objective.gradient(w)[1])
        for p, g in zip(tensors, slopes.values(), strict=True):
            p.grad = g[0].clone()
        other.step()
    arm.advance(20)
    expected = torch.cat([p.detach().reshape(-1) for p in tensors])
    torch.testing.assert_close(arm.state.w[1], expected, rtol=1e-9, atol=1e-12)


class Counting(optim.SGD):
    """What it keeps in an attribute decides its steps."""

    def __init__(self, params: Any, lr: float = 0.1):
        super().__init__(params, lr=lr)
        self.count = 0

    def step(self, closure: Any = None) -> Any:
        self.count += 1
        for group in self.param_groups:
            for p in group["params"]:
                p.data -= group["lr"] / self.count * p.grad


@pytest.mark.parametrize("theirs", [Counting, (optim.Adam, {"lr": 0.1}), Momentum, Normed])
def test_runs_are_rewound_forked_and_replayed_bit_for_bit(theirs: Any) -> None:
    recipe = BASE.set(own.settings({"optimizer": theirs}))
    going = Run(recipe)
    going.advance(23)
    at = going.arms[0].state.w
    going.advance(10)
    assert torch.equal(going.arms[0].state_at(23).w, at)
    going.change("lr", 0.03)
    going.branch({"lr": 0.01}, step=23)
    assert torch.equal(going.arms[1].state.w, at)
    going.finish()
    again = Run(from_url(to_url(going.recipe))).finish()
    for arm in (0, 1):
        assert torch.equal(going.arms[arm].state.w, again.arms[arm].state.w)
    np.testing.assert_array_equal(paths(going), paths(again))
    assert not np.array_equal(*(a.record["train_loss"][1][-1] for a in going.arms.values()))


def test_an_optimizer_that_is_brought_anew_replaces_the_old_one() -> None:
    first = BASE.set({"optimizer": own.optimizer(Momentum)})
    slug = own.optimizer(type("Momentum", (Momentum,), {"mu": 0.8}))
    assert slug == "momentum" and BASE.set({"optimizer": slug}).flat()["mu"] == 0.8
    assert "optimizer=momentum" in to_url(first), "a run of the old one can still be written down"


def test_a_link_to_an_optimizer_that_is_not_here_says_how_to_bring_it() -> None:
    query = to_url(BASE.set({"optimizer": own.optimizer(Momentum), "mu": 0.7}))
    PARTS["optimizer"].pop("momentum")  # type: ignore[attr-defined]
    recipe, said = readable_url(query)
    assert "'momentum' is not known" in said[0]
    assert said[0].endswith("or bring your own: Lab(..., optimizer=...).")


def broken(**methods: Any) -> type:
    return type("Broken", (Momentum,), methods)


def after(n: int, what: Any) -> Any:
    """A step that is that of `Momentum` before step n, and from then on something else."""
    return lambda self, w, g, s, at: (Momentum.step if at.t < n else what)(self, w, g, s, at)


def fails(self: Any, w: Tensor, g: Tensor, s: Any, at: Any) -> Any:
    raise ZeroDivisionError("by zero")


def writes(self: Any, w: Tensor, g: Tensor, s: Any, at: Any) -> Any:
    w -= self.lr * g
    return w, s


def remembers(self: Any, w: Tensor, g: Tensor, s: Any, at: Any) -> Any:
    type(self).seen = getattr(type(self), "seen", 0) + 1
    return w - self.lr * g / type(self).seen, s


WRONG = {
    "raised ZeroDivisionError: by zero": fails,
    "writes into w in place": writes,
    "returned a tensor": lambda self, w, g, s, at: (w, s)[0],
    r"for the new w; give a tensor \[": lambda self, w, g, s, at: (w.sum(1), s),
    "of float64, as w is": lambda self, w, g, s, at: (w.float(), s),
    "for the state; give a dict": lambda self, w, g, s, at: (w - g, None),
    "not finite, from finite w and g": lambda self, w, g, s, at: (w / 0, s),
}


@pytest.mark.parametrize("why", WRONG)
def test_a_mistake_in_a_step_is_one_sentence_before_a_run_and_in_it(why: str) -> None:
    with pytest.raises(OwnError, match=f"^Broken.step .*{why}"):
        own.optimizer(broken(step=WRONG[why]))
    going = Run(BASE.set({"optimizer": own.optimizer(broken(step=after(12, WRONG[why])))}))
    before = going.branch({"optimizer": "gd"}, from_start=True)
    going.finish()
    assert going.arms[0].t == 12 and before.t == 40, "the other arm goes on"
    (said,) = (m.sentence for m in find(going) if m.kind == "mistaken")
    assert said.startswith("arm 0 stopped at step 12: Broken.step")
    steps, loss = going.arms[0].record["train_loss"]
    assert steps.tolist() == list(range(12)) and np.isfinite(loss).all()
    fork = going.branch({"optimizer": "gd"}, arm=0)
    going.finish()
    assert fork.t == 40, "and from where it stopped another optimizer can"


def test_what_is_no_optimizer_is_refused() -> None:
    def no_lr() -> Any:
        return type("NoRate", (Momentum,), {"lr": None})

    for thing, why in (
        (optim.LBFGS, "LBFGS needs a closure"), (optim.SparseAdam, "does not support dense gradients"),
        (3, "has no init and no step"), (optim.SGD([torch.zeros(1)]), "give the class"),
        (no_lr(), "NoRate has no lr; give it a field"),
        (type("Wide", (Momentum,), {"width": 3.0}), "a knob 'width', a name of the model; rename it"),
        (type("Adam", (Momentum,), {}), "'adam' is one of Edgewise's own; rename yours"),
        ((optim.SGD, {"speed": 1.0}), "no argument 'speed'"),
        (broken(init=lambda self, w: None), "Broken.init returned None for the state"),
        (broken(init=lambda self: None), "Broken.init raised TypeError"),
        (broken(step=remembers), "moves differently when it is called twice"),
        (broken(init=lambda self, w: {"v": w, "slow": w}), "keeps 'slow', as the filter")):  # fmt: skip
        with pytest.raises(BadInput, match=why):
            own.optimizer(thing)

    @dataclass
    class NoDefault:
        lr: float
        rates: list[float] = field(default_factory=list)
        init, step = Momentum.init, Momentum.step

    with pytest.raises(BadInput, match="its field 'lr' has no default"):
        own.optimizer(NoDefault)


# ---- losses and models


def squared(f: Tensor, y: Tensor) -> Tensor:
    return (f - y).square().sum(-1) / 2


def branching(f: Tensor, y: Tensor) -> Tensor:
    """What torch cannot batch."""
    return squared(f, y) if float(f.detach().sum()) < 1e9 else squared(f, y) * 2


@pytest.mark.parametrize("function", [squared, branching])
def test_a_loss_of_one_replica_is_that_of_the_stack(function: Any) -> None:
    mine, ours = run({"loss": function}), run({})
    np.testing.assert_allclose(paths(mine), paths(ours), rtol=1e-9)
    a, b = (r.arms[0].record["sharpness"][1] for r in (mine, ours))
    np.testing.assert_allclose(a, b, rtol=1e-6)


def test_what_is_no_loss_is_refused() -> None:
    for thing, why in (
        (nn.MSELoss(), "gave one number for outputs .* leave the mean over the examples out"),
        (lambda f, y: (f - y) ** 2, r"gave \[5, 3\].*give one loss an example, \[5\]"),
        (lambda f, y: (f.detach() - y).sum(-1), "no gradient"), (3, "neither a function nor a class"),
        (lambda f: f, "raised TypeError"), (list, "not a frozen dataclass")):  # fmt: skip
        with pytest.raises(BadInput, match=why):
            own.loss(thing)

    @dataclass(frozen=True)
    class Slanted:
        def __call__(self, f: Tensor, y: Tensor) -> Tensor:
            return squared(f, y)

        def first(self, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            return squared(f, y).mean(-1), 2 * (f - y)

    with pytest.raises(BadInput, match="is not the derivative"):
        own.loss(Slanted)
    with pytest.raises(BadInput, match="targets: 'odd' is not known"):
        own.loss(squared, targets="odd")


def net(d: int, c: int) -> nn.Module:
    return nn.Sequential(nn.Linear(d, 5), nn.Tanh(), nn.LayerNorm(5), nn.Linear(5, c))


def test_a_module_starts_as_it_does_and_trains_as_in_torch() -> None:
    recipe = BASE.set({"model": own.model(net), "seed": (0, 1), "lr": 0.05})
    arm = Run(recipe).arms[0]
    x, y, w = arm.x[0], arm.y[0], arm.state.w
    assert not torch.equal(w[0], w[1]), "each seed draws its own"
    other = net(1, 1).double()
    for p, value in zip(other.parameters(), arm.at.views(w).values(), strict=True):
        p.data = value[1].clone()
    assert bool((other[2].weight == 1).all()), "LayerNorm starts at 1"  # type: ignore[index]
    sgd = optim.SGD(other.parameters(), 0.05)
    for _ in range(20):
        sgd.zero_grad()
        squared(other(x), y).mean().backward()
        sgd.step()
    arm.advance(20)
    expected = torch.cat([p.detach().reshape(-1) for p in other.parameters()])
    torch.testing.assert_close(arm.state.w[1], expected, rtol=1e-9, atol=1e-12)


def test_a_function_of_named_or_flat_parameters_is_a_model() -> None:
    def layers(p: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.tanh(x @ p["W"]) @ p["v"]

    named = run({"model": (layers, lambda d, c: {"W": (d, 6), "v": (6, c)})})
    own.model(lambda w, x: torch.tanh(x @ w[:6].view(1, 6)) @ w[6:].view(6, 1), 12, name="flat")
    flat = Run(BASE.set({"model": "flat"}))
    assert named.arms[0].record["train_loss"][1][-1].max() < 0.3
    assert flat.arms[0].objective.size == 12 and flat.recipe.model.label == "lambda"
    assert np.isfinite(named.arms[0].record["sharpness"][1]).all()


def test_what_is_no_model_is_refused() -> None:
    for thing, why in (
        (nn.Linear(2, 3), "has one set of weights; give its class"),
        (lambda d, c: 3, "makes a int"), (lambda d, c: nn.BatchNorm1d(d), "keeps buffers"),
        (lambda d, c: nn.Linear(d, c + 1), "gave 4 outputs where 3|gave 3 outputs where 2"),
        ("mlp", "str is no model"), (lambda: 3, "raised TypeError")):  # fmt: skip
        with pytest.raises(BadInput, match=why):
            own.model(thing)
    stopped = run({"model": (lambda p, x: p["W"], {"W": (3, 4)})}).arms[0]
    assert (
        stopped.t == 0 and "gave [3, 4] for inputs [20, 1]; give [20, outputs]" in stopped.mistake
    )
    with pytest.raises(BadInput, match="give {name"):
        run({"model": (lambda p, x: x, {"a": ()})})


# ---- data


X = np.random.default_rng(0).normal(size=(80, 3))


def test_arrays_are_split_by_the_seed_and_standardised() -> None:
    recipe = BASE.set({"data": own.data((5 + 3 * X, X @ [1.0, 2.0, 3.0]))})
    x, y, x_test, y_test = recipe.data.arrays(0)
    assert x.shape == (60, 3) and y.shape == (60, 1) and len(x_test) == len(y_test) == 20
    np.testing.assert_allclose(
        [x.mean(), x.std(0).max(), y.mean(), y.std()], [0, 1, 0, 1], atol=1e-12
    )
    assert not np.array_equal(x, recipe.data.arrays(1)[0])
    np.testing.assert_array_equal(x, recipe.data.arrays(0)[0])
    assert len(recipe.set({"n": 10}).data.arrays(0)[0]) == 10
    plain = own.data((X, X[:, 0], X[:5], X[:5, 0]), standardise=False)
    a, b, c, d = BASE.set({"data": plain}).data.arrays(3)
    for one, other in ((a, X), (b, X[:, :1]), (c, X[:5]), (d, X[:5, :1])):
        np.testing.assert_array_equal(one, other)
    assert run({"data": (X, X[:, 0])}).arms[0].record["train_loss"][1][-1].max() < 0.5


@pytest.mark.parametrize("y", [(X[:, 0] > 0).astype(int), np.where(X[:, 0] > 0, "cat", "dog"),
                               torch.tensor(X[:, 0] > 0).long()])  # fmt: skip
def test_whole_numbers_and_words_are_classes(y: Any) -> None:
    recipe = BASE.set(
        {"data": own.data((X, y)), "loss": "cross-entropy", "probes": (("accuracy", 5),)}
    )
    assert recipe.data.targets == "one-hot" and recipe.data.arrays(0)[1].shape == (60, 2)
    assert Run(recipe).finish().arms[0].record["train_accuracy"][1][-1].max() > 0.7


@pytest.mark.parametrize(("thing", "why"), [
    ((X, X[:3]), r"y: its shape is \[3, 3\]; give one target for each of 80"),
    (X, "give .X, y.,"), (([[1, 2], [3]], [1, 2]), "X: its rows are not equally long"),
    ((np.full((3, 2), np.nan), [1, 2, 3]), r"X\[0, 0\]: nan is not a finite number \(6 in all\)"),
    ((X[:0], X[:0, 0]), "there is nothing"), ((X[:, :, None], X[:, 0]), "give .examples, inputs."),
    ((X, ["one"] * 80), "all of it is 'one'"), ((X, [f"w{i}" for i in range(80)]), "80 different words"),
    ((X, X[:, 0], X[:, :2], X[:, 0]), "X_test: 2 columns where X has 3"),
    ((np.zeros((3_000_000, 2)), np.linspace(0, 1, 3_000_000)), "numbers are too many"),
    ((np.array([["a"]]), [1.0]), "not numbers"),
])  # fmt: skip
def test_arrays_that_are_no_data_are_refused(thing: Any, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        own.data(thing)


def test_a_csv_file_is_data(tmp_path: Path) -> None:
    path = tmp_path / "flowers.csv"
    rows = [f"{a:.6f},{b:.6f},{'rose' if a > 0 else 'tulip'},{a + b:.6f}" for a, b, _ in X]
    path.write_text(
        "\ufeffheight, width,kind,weight\n" + "\n".join(rows) + "\n\n", encoding="utf-8"
    )
    with pytest.raises(
        BadInput, match="flowers.csv, line 2, column 'kind': 'rose' is not a finite"
    ):
        own.data(str(path))
    path.write_text(path.read_text().replace("rose", "1").replace("tulip", "0"))
    recipe = BASE.set({"data": own.data(path)})
    assert recipe.data.label == "flowers.csv (numbers, standardised)"
    assert recipe.data.arrays(0)[0].shape == (60, 3)
    kinds = BASE.set({"data": own.data(str(path), target="kind", name="flowers")})
    assert kinds.data.targets == "one-hot" and "data=flowers" in to_url(kinds)
    assert own.settings({"data": str(path)}) == {"data": "my-data"}


@pytest.mark.parametrize(("text", "why"), [
    ("", "it is empty"), ("a,b\n", "a header and no row"), ("1,2\n3,4\n", "first line is of numbers"),
    ("a,b\n1\n", "line 2: 1 fields where the header has 2"), ("a;b\n1;2\n", "separate its columns by commas"),
    ("a,b\n1,2\nnan,3\n", "line 3, column 'a': 'nan' is not a finite"), ("a,a\n1,2\n", "'a' twice or empty"),
    ("a,b\n,2\n", "column 'a': an empty field"), ("a,b\n1,\n", "line 2: 'b' is empty"),
    ('a,b\n"1,2\n', "cannot be read"),
])  # fmt: skip
def test_a_csv_file_that_is_no_data_is_refused(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=f"bad.csv.*{why}"):
        own.data(path)
    with pytest.raises(BadInput, match="there is no such file"):
        own.data(tmp_path / "none.csv")
    path.write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(BadInput, match="not text in UTF-8"):
        own.data(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="no column 'c'; choose a, b"):
        own.data(path, target="c")
