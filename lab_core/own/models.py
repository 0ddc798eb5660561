"""A model of a person's own: an `nn.Module`, a function of its parameters, or a class."""

from __future__ import annotations

import inspect
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, make_dataclass
from functools import lru_cache
from threading import get_ident
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lab_core.knobs import BadInput, OwnError, knob
from lab_core.models import MLP, Model, Shapes
from lab_core.optimizers.apart import blamed
from lab_core.own.losses import batches, each

D, C, N = 3, 2, 4  # of the trial
FLAT = "w"
INPUTS = ("real", "pairs")


@dataclass(frozen=True)
class BroughtModel(Model):
    """A model whose outputs are those of a person's function for each replica of a stack. Its weights
    start Gaussian, with variance 1 / fan-in; vectors start at 0.
    """

    function: ClassVar[Callable[..., Any]]
    given: ClassVar[Any] = None  # {name: shape}, or P, or a function of (d, c) that gives one
    batched: ClassVar[bool] = True
    init_scale: float = knob(1.0, 0.1, 10.0, log=True, domain="[0, inf)", stacks=True)

    def shapes(self, d: int, c: int) -> Shapes:
        given = type(self).given
        with blamed(f"the shapes of {self.label}"):
            given = given(d, c) if callable(given) else given
            if isinstance(given, int):
                given = {FLAT: (given,)}
            shapes = {str(name): tuple(map(int, shape)) for name, shape in given.items()}
        if not shapes or any(not s or min(s) < 1 for s in shapes.values()):
            raise OwnError(
                f"the shapes of {self.label}: {shapes}; give {{name: (size, ...)}}, (1,) for a number."
            )
        return shapes

    def stds(self, d: int, c: int) -> dict[str, float]:
        several = {n: s for n, s in self.shapes(d, c).items() if len(s) > 1}
        return {n: math.prod(s[:-1]) ** -0.5 for n, s in several.items()}

    def one(self, views: dict[str, Tensor], x: Tensor) -> Callable[..., Any]:
        """The function of one replica's parameters and inputs."""
        of = type(self).function
        return (lambda p, x: of(p[FLAT], x)) if isinstance(type(self).given, int) else of

    def forward(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        with blamed(f"the model {self.label}"):
            out = each(self.one(views, x), self.batched, views, x)
        return outputs(self.label, out, x)


def outputs(label: str, out: Any, x: Tensor) -> Tensor:
    """What a model gave, [R, N, c]. Raises OwnError where it is anything else."""
    if isinstance(out, Tensor) and out.dim() == 3 and out.shape[:2] == x.shape[:2]:
        return out
    shape = list(out.shape[1:]) if isinstance(out, Tensor) else type(out).__name__
    raise OwnError(
        f"the model {label} gave {shape} for inputs {list(x.shape[1:])}; give [{x.shape[1]}, outputs]."
    )


@dataclass(frozen=True)
class BroughtModule(BroughtModel):
    """An `nn.Module` made by `function(d, c)`, in its evaluation mode, by `functional_call`. A seed draws
    its weights as the module itself does.
    """

    @property
    def made_by(self) -> Any:
        return type(self)

    def shapes(self, d: int, c: int) -> Shapes:
        return {n: tuple(p.shape) or (1,) for n, p in module(self.made_by, d, c).named_parameters()}

    def one(self, views: dict[str, Tensor], x: Tensor) -> Callable[..., Any]:
        net = module(self.made_by, *self._sizes(views, x), thread=get_ident())
        return lambda own, inputs: functional_call(net, own, (inputs,))

    def _sizes(self, views: Mapping[str, Tensor], x: Tensor) -> tuple[int, int]:
        """d and c: of those asked for so far the one with these parameters."""
        d = x.shape[-1]
        shapes = {n: tuple(v.shape[1:]) for n, v in views.items()}
        return d, next(c for k, c in SIZES[type(self)] if k == d and self.shapes(k, c) == shapes)

    def brings(self, d: int, c: int, seed: int) -> dict[str, Tensor]:
        net = module(self.made_by, d, c, seed)
        return {n: p.detach().double() for n, p in net.named_parameters()}


SIZES: dict[type, dict[tuple[int, int], None]] = {}


@lru_cache(maxsize=64)
def module(cls: Any, d: int, c: int, seed: int = 0, thread: int = 0) -> nn.Module:
    """The module of a seed, for d inputs and c outputs; one for each thread, since it holds a replica's
    weights while it is called. Raises OwnError where it cannot be one of ours.
    """
    with blamed(f"{cls.label}({d}, {c})"), torch.inference_mode(False), torch.random.fork_rng([]):
        torch.manual_seed(zlib.crc32(f"module/{seed}".encode()))
        net = cls.function(d, c)
    if any(True for _ in net.buffers()):
        raise OwnError(
            f"the model {cls.label} keeps buffers, such as running averages, which all replicas would"
            " share; leave them out (LayerNorm has none)."
        )
    if any(not p.dim() for p in net.parameters()):
        raise OwnError(f"the model {cls.label} has a parameter without a size; make it [1].")
    SIZES.setdefault(cls, {})[d, c] = None
    return net.eval()


def model_class(thing: Any, shapes: Any = None, inputs: str = "real") -> Any:
    """The class of ours for a person's model, after a trial of it. Raises BadInput."""
    if isinstance(thing, tuple) and len(thing) == 2:
        thing, shapes = thing
    if inputs not in INPUTS:
        raise BadInput(f"inputs: {inputs!r} is not known; choose {', '.join(INPUTS)}.")
    if isinstance(thing, nn.Module):
        raise BadInput(
            f"model: this {type(thing).__name__} has one set of weights; give its class, or a function of"
            " (inputs, outputs) that makes one, so that each seed draws its own."
        )
    if inspect.isclass(thing) and issubclass(thing, Model):
        return _checked(thing)
    if not callable(thing):
        raise BadInput(
            f"model: {type(thing).__name__} is no model; give an nn.Module class, a function of (inputs,"
            " outputs) that makes one, or (function, shapes)."
        )
    label = str(getattr(thing, "label", getattr(thing, "__name__", type(thing).__name__))).strip(
        "<>"
    )
    base = BroughtModel if shapes is not None else BroughtModule
    space = {"function": staticmethod(thing), "label": label, "inputs": inputs, "given": shapes}
    if callable(shapes):
        space["given"] = staticmethod(shapes)
    made = make_dataclass(label, [], bases=(base,), namespace=space, frozen=True)
    _try(made, thing, shapes is None)
    return made


def _checked(cls: type[Model]) -> Any:
    """A class as in `models/`, whose outputs are checked."""

    def forward(self: Any, views: dict[str, Tensor], x: Tensor) -> Tensor:
        with blamed(f"the model {self.label}"):
            out = cls.forward(self, views, x)
        return outputs(self.label, out, x)

    if "init_scale" not in getattr(cls, "__dataclass_fields__", {}):
        raise BadInput(
            f"model: {cls.__name__} has no init_scale; make it a frozen dataclass with a field"
            f" init_scale, as {MLP.__name__} has."
        )
    label = str(getattr(cls, "label", cls.__name__))
    space = {"forward": forward, "label": label, "__doc__": cls.__doc__}
    return make_dataclass(cls.__name__, [], bases=(cls,), namespace=space, frozen=True)


def _try(cls: Any, thing: Any, made: bool) -> None:
    """Raises OwnError where a module is none, or does not give what a model gives; finds out whether
    torch can batch it. Functions with shapes of their own are tried when they meet their data.
    """
    if not made:
        return
    with blamed(f"{cls.label}({D}, {C})"):
        net = thing(D, C)
    if not isinstance(net, nn.Module):
        raise BadInput(
            f"model: {cls.label}({D}, {C}) makes a {type(net).__name__}; make an nn.Module of (inputs,"
            " outputs), or give the shapes of the function's parameters as well."
        )
    if cls.inputs != "real":
        return
    model, x = cls(), torch.linspace(-1, 1, 2 * N * D, dtype=torch.float64).view(2, N, D)
    rows = [model.brings(D, C, seed) for seed in (0, 1)]
    views = {n: torch.stack([row[n] for row in rows]) for n in rows[0]}
    net = module(cls, D, C)
    cls.batched = batches(lambda own, inputs: functional_call(net, own, (inputs,)), views, x)
    out = model.forward(views, x)
    if out.shape[-1] != C:
        raise OwnError(
            f"the model {cls.label} gave {out.shape[-1]} outputs where {C} are asked for."
        )
