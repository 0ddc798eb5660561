"""What an optimizer is: frozen knobs, a pure `init` and a pure `step`, and the threshold it states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, Self, TypeVar

from torch import Tensor

from lab_core.knobs import knob, knobs

State = dict[str, Any]
Part = TypeVar("Part", bound=Any)
Value = float | Tensor  # a knob at work: a float, or [R, 1] where the replicas differ


class At(Protocol):
    """Where a step happens, for the methods that need more than the flat tensor."""

    t: int
    objective: Any

    def views(self, w: Tensor) -> dict[str, Tensor]: ...


@dataclass(frozen=True)
class Optimizer:
    """step: w [R, P], g [R, P], state -> new w, new state; nothing is changed in place.

    The state's tensors are all [R, ...], so that a replica can be frozen by keeping its rows.
    `coupled` says that weight decay enters the gradient, g + decay * w, so that it adds to the
    curvature; AdamW shrinks the weights apart from it.
    """

    label: ClassVar[str]
    models: ClassVar[tuple[str, ...]] = ()  # that it works on: inputs, or names; all where empty
    losses: ClassVar[tuple[str, ...]] = ()  # that it works on, by name; all where empty
    formula: ClassVar[str] = ""  # the threshold without weight decay, as a label on its line
    coupled: ClassVar[bool] = True
    lr: Value = knob(0.1, 1e-3, 10.0, log=True, domain="(0, inf)", label="learning rate")
    weight_decay: Value = knob(0.0, 0.0, 0.1, domain="[0, inf)")

    def init(self, w: Tensor) -> State:
        return {}

    def step(self, w: Tensor, g: Tensor, state: State, at: At) -> tuple[Tensor, State]:
        raise NotImplementedError

    def preconditioner(self, w: Tensor, g: Tensor, state: State) -> Tensor | None:
        """P [R, P], what this step divides by; None where it divides by nothing."""
        return None

    def stability_threshold(self) -> Value:
        """The curvature at which a quadratic diverges: of the loss, or of P^-1 H where P is."""
        raise NotImplementedError

    def decayed(self, w: Tensor, g: Tensor) -> Tensor:
        """g + weight_decay * w, untouched where there is none."""
        decay = self.weight_decay
        return g if isinstance(decay, float) and decay == 0 else g + decay * w

    def scaled(self, multiplier: float) -> Self:
        """The same at a multiple of its learning rate, as a schedule asks for."""
        return replace(self, lr=self.lr * multiplier)


def descend(w: Tensor, lr: Value, direction: Tensor, divisor: Tensor | None = None) -> Tensor:
    """w - lr * direction (/ divisor), in as few operations as there can be."""
    if divisor is not None and isinstance(lr, Tensor):
        return w.addcdiv(lr * direction, divisor, value=-1)
    if divisor is not None:
        return w.addcdiv(direction, divisor, value=-float(lr))
    if isinstance(lr, Tensor):
        return w.addcmul(lr, direction, value=-1)
    return w.sub(direction, alpha=lr)


def stacked(each: Sequence[Part], tensor: Callable[[list[Any]], Tensor]) -> Part:
    """One part (an optimizer, a filter) for a stack, from one a replica: `tensor` makes [R] of a
    knob that differs.
    """

    def column(name: str) -> Any:
        values = [getattr(o, name) for o in each]
        same = all(v == values[0] for v in values)
        return values[0] if same else tensor(values)[:, None]

    return replace(each[0], **{name: column(name) for name in knobs(each[0])})
