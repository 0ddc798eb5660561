"""How each part of a recipe reads in plain PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import indent
from typing import Any

from lab_core.covariance_losses import Frobenius
from lab_core.losses import (
    PRECISIONS,
    AbsoluteError,
    CrossEntropy,
    Logistic,
    Perceptron,
    SquaredError,
    StableMax,
)
from lab_core.models import MLP, DeepLinear, Layer, Linear, PairMLP
from lab_core.optimizers import GD, Adam, AdamW, HeavyBall, Nesterov, RMSProp
from lab_core.optimizers.filters import Filter, Grokfast, GrokfastMA, Orthogonal
from lab_core.recipe import Recipe
from lab_core.schedules import Constant, Cosine, Drop, Geometric, LinearDecay, OneCycle, Warmup

_SGD = {"lr": "{lr}", "weight_decay": "{weight_decay}"}
_ADAM = {"lr": "{lr}", "betas": "({beta1}, {beta2})", "eps": "{eps}"}
OPTIMIZERS: dict[type, tuple[str, dict[str, str]]] = {
    GD: ("SGD", _SGD),
    HeavyBall: ("SGD", _SGD | {"momentum": "{beta}"}),
    Nesterov: ("SGD", _SGD | {"momentum": "{beta}", "nesterov": "True"}),
    RMSProp: ("RMSprop", _SGD | {"alpha": "{beta2}", "eps": "{eps}"}),
    Adam: ("Adam", _ADAM | {"weight_decay": "{weight_decay}"}),
    AdamW: ("AdamW", _ADAM | {"weight_decay": "{weight_decay}"}),
}
ACTIVATIONS = {
    "tanh": "torch.tanh",
    "relu": "torch.relu",
    "gelu": "nn.functional.gelu",
    "linear": "",
}
SCHEDULES = {
    Constant: "return 1.0",
    Warmup: "return min(1.0, (t + 1) / {warmup})",
    LinearDecay: "return max(0.0, 1 - t / {steps})",
    Cosine: "return 0.5 * (1 + math.cos(math.pi * min(t / {steps}, 1.0)))",
    Drop: "return 1.0 if t < {drop_at} else {drop_to}",
    Geometric: "return max({rho}**t, 1e-30)",
    OneCycle: "s, start = min(t / {steps}, 1.0), 1 / {start_divisor}\n    "
    "return start + (1 - start) * s / {peak} if s < {peak} else (1 - s) / (1 - {peak})",
}
LOSSES = {
    SquaredError: (
        "half the squared error summed over outputs",
        "return 0.5 * (net(x) - y).square().sum(1).mean()",
    ),
    AbsoluteError: (
        "absolute error summed over outputs",
        "return (net(x) - y).abs().sum(1).mean()",
    ),
    CrossEntropy: (
        "softmax cross-entropy",
        "f = net(x){cast}\nbelow = f - f.amax(1, keepdim=True)\n"
        "log_p = below - below.exp().sum(1, keepdim=True).log()\n"
        "return -(y * log_p).sum(1).mean()",
    ),
    StableMax: (
        "StableMax cross-entropy",
        "f = net(x){cast}\ns = torch.where(f >= 0, f + 1, 1 / (1 - f.clamp_max(0)))\n"
        "return -(y * (s / s.sum(1, keepdim=True)).log()).sum(1).mean()",
    ),
    Logistic: (
        "logistic loss summed over outputs",
        "return nn.functional.softplus(-y * net(x)).sum(1).mean()",
    ),
    Frobenius: (
        "a quarter of the squared distance of the second moments",
        "f = net(x)\nreturn 0.25 * ((f.T @ f - y.T @ y) / len(x)).square().sum()",
    ),
    Perceptron: (
        "the perceptron's loss",
        "m = y * net(x)\nreturn (m.abs() - m).sum(1).mean() / 2",
    ),
}
SOFTMAX = "return nn.functional.cross_entropy(net(x), y)"  # in the precision of all the rest
# what is done to the gradients before the optimizer's step; what is remembered is saved with the net
FILTERS = {
    Filter: "",
    Grokfast: """\
for i, p in enumerate(net.parameters()):
    old = remembered.get(i)
    new = p.grad if old is None else {memory} * old + (1 - {memory}) * p.grad
    remembered[i], p.grad = new, p.grad + {strength} * new""",
    GrokfastMA: """\
for i, p in enumerate(net.parameters()):
    remembered[i] = [*remembered.get(i, []), p.grad][-{window}:]
    if len(remembered[i]) == {window}:
        p.grad = p.grad + {strength} * torch.stack(remembered[i]).mean(0)""",
    Orthogonal: """\
for p in net.parameters():
    w, g = p.detach().flatten(), p.grad.flatten()
    across = g - (w @ g) / (w @ w).clamp_min(1e-30) * w if len(w) > 1 else 0 * g
    across = across * (g.norm() / across.norm().clamp_min(1e-30))
    p.grad = across.view_as(p)""",
}

STREAM = '''\
def stream(*key):
    """A random stream of its own for each key."""
    return torch.Generator().manual_seed(zlib.crc32("/".join(map(str, key)).encode()))
'''
NORMAL = '''\
def normal(std, m, n, seed, name):
    """An m x n matrix from N(0, std^2), keyed by seed and name."""
    draw = torch.randn(m, n, generator=stream("init", seed, name))
    return nn.Parameter(std * draw)
'''
BATCH = '''\
def batch(seed, seen, size, n):
    """The examples that come after `seen`: one permutation of the n after the other."""
    epochs = range(seen // n, (seen + size - 1) // n + 1)
    order = torch.cat([torch.randperm(n, generator=stream("batch", seed, e)) for e in epochs])
    return order[seen - epochs[0] * n :][:size]
'''


def block(lines: list[str]) -> list[str]:
    """Lines, one level further in."""
    return indent("\n".join(lines), "    ").split("\n")


def call(name: str, *first: str, **given: str) -> str:
    """A call, over several lines where one is too short."""
    arguments = [*first, *(f"{key}={value}" for key, value in given.items())]
    inside = ", ".join(arguments)
    if len(name) + len(inside) < 80:
        return f"{name}({inside})"
    lines = [inside] if len(inside) < 88 else [f"{argument}," for argument in arguments]
    return "\n".join([f"{name}(", *block(lines), ")"])


def loss(part: Any) -> tuple[str, str]:
    """What a loss is in words, and the body of its objective(net, x, y)."""
    words, body = LOSSES[type(part)]
    precision = getattr(part, "precision", PRECISIONS[0])
    if precision == PRECISIONS[0]:
        return words, SOFTMAX if type(part) is CrossEntropy else body.format(cast="")
    return f"{words} in {precision}", body.format(cast=f".to(torch.{precision})")


def limit(recipe: Recipe) -> str:
    """The loss above which a replica has diverged, from the first one."""
    signs = isinstance(recipe.model, Linear) and recipe.loss.targets == "signs"
    return "math.inf" if signs else "1e6 * (1 + loss.item())"


def tables(model: PairMLP, d: int, c: int, scaled: bool) -> str:
    """The class of a net on pairs, as `net`."""
    factor, argument = ("init_scale * ", ", init_scale") if scaled else ("", "")
    stds = {"left": f"(6 * {c})", "right": f"(6 * {c})", "out": f"(3 * {model.width})"}
    inits = [
        f'self.{name} = normal({factor}{std}**-0.5, {c}, {model.width}, seed, "{name}")'
        for name, std in stds.items()
    ]
    return "\n".join(
        [
            "class NAME(nn.Module):",
            f'    """Two tables of {c} x {model.width}, looked up and added; {model.activation}."""\n',
            f"    def __init__(self, seed{argument}):",
            *block(block(["super().__init__()", *inits])),
            "\n    def forward(self, x):",
            "        a, b = x.long().T",
            "        h = self.left[a] + self.right[b]",
            f"        return h.{model.activation}() @ self.out.T\n",
        ]
    )


def net(model: MLP, d: int, c: int, scaled: bool) -> str:
    """The class of a model with d inputs and c outputs; `scaled` where an init scale is not 1."""
    layers = model.layers(d, c)
    factor, argument = ("init_scale * ", ", init_scale") if scaled else ("", "")
    inits, passes = [], []
    for i, layer in enumerate(layers, 1):
        m, n = layer.fan_in, layer.fan_out
        std = f"{factor}{_root(layer.std, layer, model.width)}".removesuffix(" * 1.0")
        inits.append(f'self.weight{i} = normal({std}, {m}, {n}, seed, "weight{i}")')
        if model.bias:
            inits.append(f"self.bias{i} = nn.Parameter(torch.zeros(1, {n}))")
        z = _affine(layer, i, model)
        phi = ACTIVATIONS[model.activation]
        passes.append(
            f"return {z}" if i == len(layers) else f"x = {phi}({z})" if phi else f"x = {z}"
        )
    sizes = "-".join(map(str, [d, *(layer.fan_out for layer in layers)]))
    doc = f'"""{sizes} {model.activation}, {model.parametrization} parametrisation."""'
    make = "\n".join(
        [f"def __init__(self, seed{argument}):", *block(["super().__init__()", *inits])]
    )
    go = "\n".join(["def forward(self, x):", *block(passes)])
    return "class NAME(nn.Module):\n" + indent(f"{doc}\n\n{make}\n\n{go}\n", "    ")


def linear(model: Linear, d: int, c: int, scaled: bool) -> str:
    """The class of a linear classifier, as `net`."""
    std, argument = ("init_scale", ", init_scale") if scaled else ("1.0", "")
    return "\n".join(
        [
            "class NAME(nn.Module):",
            f'    """w . x, {d} inputs."""\n',
            f"    def __init__(self, seed{argument}):",
            "        super().__init__()",
            f'        self.weight = normal({std}, {d}, {c}, seed, "weight")',
            "\n    def forward(self, x):",
            "        return x @ self.weight\n",
        ]
    )


def _affine(layer: Layer, i: int, model: MLP) -> str:
    z, s, t = f"x @ self.weight{i}", layer.weight_scale, layer.bias_scale
    z = z if s == 1 else f"{_root(s, layer, model.width)} * ({z})"
    if not model.bias:
        return z
    return z + (
        f" + self.bias{i}" if t == 1 else f" + {_root(t, layer, model.width)} * self.bias{i}"
    )


def _root(value: float, layer: Layer, width: int) -> str:
    """A scale as the square root that it is."""
    m = layer.fan_in
    known = {
        (width / m) ** 0.5: f"({width} / {m})**0.5",
        width**0.5: f"{width}**0.5",
        width**-0.5: f"{width}**-0.5",
        m**-0.5: f"{m}**-0.5",
        1.0: "1.0",
    }
    return known.get(value, repr(value))


NETS: dict[type, Callable[..., str]] = {MLP: net, DeepLinear: net, PairMLP: tables, Linear: linear}
