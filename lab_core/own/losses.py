"""A loss of a person's own: a function of one replica's outputs and targets, or a class."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, make_dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from lab_core.fitting import TARGETS
from lab_core.knobs import BadInput, OwnError
from lab_core.optimizers.apart import blamed

N, C = 5, 3  # of the trial
CLOSE = 1e-6


def each(function: Callable[..., Any], batched: bool, *stacks: Any) -> Tensor:
    """A function of one replica's tensors on stacks of them, batched by torch or one by one."""
    if batched:
        return torch.vmap(function)(*stacks)
    rows = zip(*(_rows(s) for s in stacks), strict=True)
    return torch.stack([function(*row) for row in rows])


def _rows(stack: Any) -> list[Any]:
    if isinstance(stack, Tensor):
        return list(stack.unbind())
    unbound = {name: value.unbind() for name, value in stack.items()}
    return [dict(zip(unbound, row, strict=True)) for row in zip(*unbound.values(), strict=True)]


def batches(function: Callable[..., Any], *stacks: Any) -> bool:
    """Whether torch can batch a function: then it is a stack's number of times as fast."""
    try:
        one, other = (each(function, way, *stacks) for way in (True, False))
    except Exception:
        return False
    return bool(torch.allclose(one, other, rtol=CLOSE, atol=CLOSE))


@dataclass(frozen=True)
class BroughtLoss:
    """A loss whose value is that of a person's function, for each replica of a stack."""

    label: ClassVar[str]
    targets: ClassVar[str]
    function: ClassVar[Callable[..., Any]]
    batched: ClassVar[bool] = True

    def __call__(self, f: Tensor, y: Tensor) -> Tensor:
        with blamed(f"the loss {self.label}"):
            out = each(type(self).function, self.batched, f, y.expand(len(f), -1, -1))
        return fitting(self.label, out, f)


def fitting(label: str, out: Any, f: Tensor) -> Tensor:
    """What a loss gave, [R, N]. Raises OwnError where it is anything else."""
    if isinstance(out, Tensor) and out.shape == f.shape[:2]:
        return out
    shape = list(out.shape[1:]) if isinstance(out, Tensor) else type(out).__name__
    n, c = f.shape[1:]
    raise OwnError(
        f"the loss {label} gave {shape or 'one number'} for outputs [{n}, {c}]; give one loss an example,"
        f" [{n}]: sum over the outputs, and leave the mean over the examples out."
    )


def loss_class(thing: Any, targets: str = "real") -> Any:
    """The class of ours for a person's loss, after a trial of it. Raises BadInput."""
    targets = str(getattr(thing, "targets", targets))
    if targets not in TARGETS:
        raise BadInput(f"targets: {targets!r} is not known; choose {', '.join(TARGETS)}.")
    if inspect.isclass(thing):
        made = _of_class(thing, targets)
    elif callable(thing):
        label = str(getattr(thing, "label", getattr(thing, "__name__", type(thing).__name__)))
        space = {"function": staticmethod(thing), "label": label.strip("<>"), "targets": targets,
                 "batched": True}  # fmt: skip
        made = make_dataclass(
            label.strip("<>"), [], bases=(BroughtLoss,), namespace=space, frozen=True
        )
        f, y = example(targets)
        made.batched = batches(thing, f, y)  # type: ignore[attr-defined]
    else:
        raise BadInput(
            f"loss: {type(thing).__name__} is neither a function nor a class; give a function of (output,"
            " target)."
        )
    _try(made)
    return made


def _of_class(cls: Any, targets: str) -> Any:
    """A class as in `losses.py`, whose calls are checked."""
    if not (hasattr(cls, "__dataclass_fields__") and "__call__" in dir(cls)):
        raise BadInput(
            f"loss: {cls.__name__} is not a frozen dataclass with __call__(output, target); make it one,"
            " or give a function."
        )

    def __call__(self: Any, f: Tensor, y: Tensor) -> Tensor:
        with blamed(f"the loss {self.label}"):
            out = cls.__call__(self, f, y)
        return fitting(self.label, out, f)

    label = str(getattr(cls, "label", cls.__name__))
    space = {"__call__": __call__, "label": label, "targets": targets, "__doc__": cls.__doc__}
    return make_dataclass(cls.__name__, [], bases=(cls,), namespace=space, frozen=True)


def example(targets: str) -> tuple[Tensor, Tensor]:
    """Outputs and targets [2, N, C] for a trial."""
    make = torch.Generator().manual_seed(0)
    f, y = (torch.randn(2, N, C, generator=make, dtype=torch.float64) for _ in range(2))
    if targets == "one-hot":
        y = torch.nn.functional.one_hot(y.argmax(-1), C).to(f)
    return f, y.sign() if targets == "signs" else y


def _try(cls: Any) -> None:
    """Raises OwnError where it gives no losses, has no gradient, or states another one."""
    f, y = example(cls.targets)
    loss, f = cls(), f.requires_grad_()
    out = loss(f, y)
    if not out.requires_grad:
        raise OwnError(
            f"the loss {cls.label} has no gradient by the outputs; compute it by torch alone."
        )
    (slope,) = torch.autograd.grad(out.sum(), f)
    if hasattr(loss, "first"):
        mean, stated = loss.first(f.detach(), y)
        pairs = ((mean, out.detach().mean(-1)), (stated, slope))
        if not all(torch.allclose(a, b, rtol=CLOSE, atol=CLOSE) for a, b in pairs):
            raise OwnError(
                f"the loss {cls.label}: first() is not the derivative of what it gives; mend it, or leave"
                " it out."
            )
