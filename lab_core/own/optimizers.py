"""An optimizer of a person's own as one of ours: its knobs, checked calls, and what a trial finds."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, optim

from lab_core.knobs import BadInput, OwnError, knobs
from lab_core.models import views
from lab_core.optimizers.apart import Adapted, Apart, blamed, of_replica
from lab_core.optimizers.base import At, Optimizer, State, Value
from lab_core.own.naming import is_number, knob_of, numbers_of, owner, takes_arguments
from lab_core.own.trial import try_adapted, try_optimizer


class Alone:
    """Where a step of one replica happens, for a class that cannot take the stack."""

    def __init__(self, at: At, name: str):
        self.t, self._at, self._name = at.t, at, name

    def views(self, w: Tensor) -> dict[str, Tensor]:
        """The named pieces of w [1, P], each [1, *shape]."""
        return views(w, self._at.objective.shapes)

    @property
    def objective(self) -> Any:
        raise OwnError(
            f"{self._name}.step asks for at.objective, which is that of the whole stack; write step so"
            " that it keeps the rows of w [R, P] apart, or run one replica."
        )


@dataclass(frozen=True)
class Brought(Optimizer):
    """An optimizer whose `init` and `step` are those of `kind`, a fresh one for each call: nothing but
    the state is there from one step to the next. `apart` says that it takes one replica at a time.
    """

    kind: ClassVar[Callable[..., Any]]
    named: ClassVar[str]
    apart: ClassVar[bool] = False
    weight_decay: Value = 0.0  # no knob, unless it is one of theirs

    def theirs(self) -> Any:
        """The object that a person wrote, with the knobs as they are."""
        with blamed(f"{self.named}()"):
            return type(self).kind(**{name: getattr(self, name) for name in knobs(self)})

    def single(self, r: int) -> Brought:
        """The same with the knobs of one replica, as floats."""
        return type(self)(**{n: of_replica(getattr(self, n), r) for n in knobs(self)})

    def init(self, w: Tensor) -> State:
        if self.apart and len(w) > 1:
            return {"kept": Apart(self.single(r)._init(w[r : r + 1]) for r in range(len(w)))}
        return self._init(w)

    def _init(self, w: Tensor) -> State:
        before = w.clone()
        with blamed(f"{self.named}.init"):
            state = self.theirs().init(w)
        self._kept(before, w, "init", "w")
        return self._state(state, "init")

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        if not (self.apart and len(w) > 1):
            return self._step(w, g, state, at)
        alone, pairs = Alone(at, self.named), []
        for r, kept in enumerate(state["kept"]):
            row = slice(r, r + 1)
            pairs.append(self.single(r)._step(w[row], g[row], kept, alone))
        return torch.cat([p[0] for p in pairs]), {"kept": Apart(p[1] for p in pairs)}

    def _step(self, w: Tensor, g: Tensor, state: State, at: Any) -> tuple[Tensor, State]:
        """A step, with all that can be wrong about it told."""
        inputs = {"w": w, "g": g} | {f"state[{k!r}]": v for k, v in state.items()}
        before = {k: v.clone() for k, v in inputs.items() if isinstance(v, Tensor)}
        with blamed(f"{self.named}.step"):
            out = self.theirs().step(w, g, dict(state), at)
        for name, value in before.items():
            self._kept(value, inputs[name], "step", name)
        if not isinstance(out, tuple) or len(out) != 2:
            raise OwnError(
                f"{self.named}.step returned {_kind(out)}; return the new w {_shape(w)} and the state."
            )
        self._fits(out[0], w, "step", "the new w")
        if not bool(out[0].isfinite().all()) and bool(w.isfinite().all() and g.isfinite().all()):
            raise OwnError(
                f"{self.named}.step returned weights that are not finite, from finite w and g; look for"
                " a division by 0 or the root of a negative number."
            )
        return out[0], self._state(out[1], "step")

    def _kept(self, before: Tensor, now: Tensor, method: str, what: str) -> None:
        """Refuses a write in place, and undoes it: snapshots hold the same tensors."""
        if torch.equal(before, now) or torch.allclose(before, now, 0.0, 0.0, equal_nan=True):
            return
        now.copy_(before)
        raise OwnError(
            f"{self.named}.{method} writes into {what} in place; return a new tensor, as in w - lr * g."
        )

    def _fits(self, out: Any, like: Tensor, method: str, what: str) -> None:
        if not isinstance(out, Tensor) or (out.shape, out.dtype) != (like.shape, like.dtype):
            raise OwnError(
                f"{self.named}.{method} returned {_kind(out)} for {what}; give a tensor"
                f" {_shape(like)} of {_number(like)}, as w is."
            )

    def _state(self, state: Any, method: str) -> State:
        if not isinstance(state, dict):
            raise OwnError(
                f"{self.named}.{method} returned {_kind(state)} for the state; give a dict, for example"
                ' {"v": torch.zeros_like(w)}.'
            )
        return state

    def preconditioner(self, w: Tensor, g: Tensor, state: State) -> Tensor | None:
        if not hasattr(type(self).kind, "preconditioner"):
            return None
        if self.apart and len(w) > 1:
            each = [self.single(r)._divisor(w[r : r + 1], g[r : r + 1], kept)
                    for r, kept in enumerate(state["kept"])]  # fmt: skip
            return None if any(p is None for p in each) else torch.cat(each)  # type: ignore[arg-type]
        return self._divisor(w, g, state)

    def _divisor(self, w: Tensor, g: Tensor, state: State) -> Tensor | None:
        with blamed(f"{self.named}.preconditioner"):
            p = self.theirs().preconditioner(w, g, state)
        if p is not None:
            self._fits(p, w, "preconditioner", "P")
        return p

    def stability_threshold(self) -> Value:
        if not hasattr(type(self).kind, "stability_threshold"):
            return torch.nan
        with blamed(f"{self.named}.stability_threshold"):
            found = self.theirs().stability_threshold()
        if found is None:
            return torch.nan
        if not isinstance(found, (int, float, Tensor)):
            raise OwnError(
                f"{self.named}.stability_threshold returned {_kind(found)}; give a number, or None."
            )
        return found


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {_shape(value)} of {_number(value)}"
    return "None" if value is None else f"a {type(value).__name__}"


def _shape(value: Tensor) -> str:
    return f"[{', '.join(map(str, value.shape))}]"


def _number(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


# ---- making the class


def optimizer_class(thing: Any) -> type[Optimizer]:
    """The class of ours for a person's optimizer, after a trial of it. Raises BadInput."""
    kind, arguments = _taken_apart(thing)
    if inspect.isclass(kind) and issubclass(kind, optim.Optimizer):
        return _adapted(kind, arguments)
    cls = kind if inspect.isclass(kind) else type(kind)
    missing = [m for m in ("init", "step") if not callable(getattr(cls, m, None))]
    if missing:
        raise BadInput(
            f"optimizer: {getattr(cls, '__name__', cls)} has no {' and no '.join(missing)}; give a class"
            " with init(w) and step(w, g, state, at), or a torch.optim.Optimizer."
        )
    return _brought(kind, cls)


def _taken_apart(thing: Any) -> tuple[Any, dict[str, Any]]:
    """(class, {argument: value}) of a class, a partial of one, or such a pair."""
    if isinstance(thing, functools.partial) and not thing.args:
        return thing.func, dict(thing.keywords)
    if isinstance(thing, tuple) and len(thing) == 2 and isinstance(thing[1], dict):
        return thing
    if isinstance(thing, optim.Optimizer):
        raise BadInput(
            f"optimizer: this {type(thing).__name__} holds parameters of its own; give the class, or"
            " (class, {argument: value})."
        )
    return thing, {}


def _brought(thing: Any, cls: type) -> type[Optimizer]:
    name, found = cls.__name__, numbers_of(thing)
    if "lr" not in found:
        raise BadInput(f"optimizer: {name} has no lr; give it a field, lr: float = 0.1.")
    names = {f.name for f in fields(Brought)} - {"lr", "weight_decay"}
    if clash := names & set(found):
        raise BadInput(f"optimizer: {name} has a knob {clash.pop()!r}; rename it.")
    by_attributes = not hasattr(cls, "__dataclass_fields__") and not takes_arguments(cls)
    kind = functools.partial(_with_attributes, cls) if by_attributes else cls
    space = {
        "kind": staticmethod(_Maker(cls, kind)),
        "named": name,
        "label": str(getattr(cls, "label", name)),
        "formula": str(getattr(cls, "formula", "")),
        "models": tuple(getattr(cls, "models", ())),
        "losses": tuple(getattr(cls, "losses", ())),
        "coupled": bool(getattr(cls, "coupled", True)),
        "__doc__": cls.__doc__,
    }
    made = _dataclass(name, found, Brought, space)
    made.apart = try_optimizer(made)
    return made


class _Maker:
    """Makes a person's object, and has what his class has."""

    def __init__(self, cls: type, make: Callable[..., Any]):
        self._cls, self._make = cls, make

    def __call__(self, **values: Any) -> Any:
        return self._make(**values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cls, name)


def _with_attributes(cls: type, **values: Any) -> Any:
    made = cls()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def _dataclass(name: str, found: dict[str, Any], base: type, space: dict[str, Any]) -> Any:
    own = [(n, Any, f) for n, f in found.items()]
    return make_dataclass(name, own, bases=(base,), namespace=space, frozen=True)


def _adapted(kind: type[optim.Optimizer], arguments: dict[str, Any]) -> type[Optimizer]:
    """The adapter of a torch optimizer: numbers among its constructor's defaults become knobs."""
    name = kind.__name__
    closure = inspect.signature(kind.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise BadInput(
            f"optimizer: {name} needs a closure that evaluates the loss again within a step; bring one"
            " that takes a gradient a step."
        )
    given = inspect.signature(kind).parameters
    defaults = {n: p.default for n, p in given.items() if n != next(iter(given))} | arguments
    if defaults.get("lr") is inspect.Parameter.empty:
        defaults["lr"] = 0.1
    if unknown := set(arguments) - set(given):
        raise BadInput(f"optimizer: {name} has no argument {unknown.pop()!r}; leave it out.")
    if not is_number(defaults.get("lr")):
        raise BadInput(f"optimizer: {name} has no number for lr; give (class, {{'lr': 0.1}}).")
    found, pairs, fixed, renamed = {}, {}, {}, {}
    for n, value in defaults.items():
        if is_number(value) and owner("optimizer", n):
            renamed[n] = f"{name.lower()}_{n}"
            found[renamed[n]] = knob_of(n, value)
        elif is_number(value):
            found[n] = knob_of(n, value)
        elif isinstance(value, tuple) and value and all(map(is_number, value)):
            pairs[n] = tuple(f"{n.removesuffix('s')}{i + 1}" for i in range(len(value)))
            found |= {k: knob_of(k, v) for k, v in zip(pairs[n], value, strict=True)}
        elif n in arguments:
            fixed[n] = value
    if "weight_decay" not in found:
        found["weight_decay"] = field(default=0.0)
    space = {"kind": kind, "pairs": pairs, "fixed": fixed, "renamed": renamed, "label": name,
             "__doc__": kind.__doc__}  # fmt: skip
    made = _dataclass(name, found, Adapted, space)
    try_adapted(made)
    return made
