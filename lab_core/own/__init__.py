"""Parts of a person's own: an optimizer, a loss, a model, a data set, registered for this process.

`optimizer(MyOptimizer)` registers it and returns its name, "my-optimizer", under which recipes,
sliders, sweeps and the command line of this process know it. To bring one of the same name again
replaces it. All raise BadInput, or OwnError for what is wrong inside, with one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab_core.own.losses import loss_class
from lab_core.own.models import model_class
from lab_core.own.naming import register
from lab_core.own.optimizers import optimizer_class
from lab_core.own.tables import data_class
from lab_core.recipe import BROUGHT

__all__ = ["data", "loss", "model", "optimizer", "settings"]


def optimizer(thing: Any, name: str = "") -> str:
    """Register a class with `init(w)` and `step(w, g, state, at)`, or a `torch.optim.Optimizer`.

    A class's knobs are the numbers among its fields, its constructor's arguments or its attributes;
    `lr` must be one. A torch optimizer comes as its class, as a partial of it or as (class, {argument:
    value}).
    """
    return register("optimizer", optimizer_class(thing), thing, name)


def loss(thing: Any, name: str = "", targets: str = "real") -> str:
    """Register a function (output [N, c], target [N, c]) -> loss [N] of each example, or a class as in
    `losses.py`. `targets` says what it needs: "real", "one-hot" or "signs".
    """
    return register("loss", loss_class(thing, targets), thing, name)


def model(thing: Any, shapes: Any = None, name: str = "", inputs: str = "real") -> str:
    """Register an `nn.Module` class, or function, of (inputs d, outputs c); a function (parameters, x
    [N, d]) -> [N, c] with the `shapes` of its parameters, {name: shape} or their number P; or a class as
    in `models/`. `inputs` is what it reads: "real" or "pairs".
    """
    return register("model", model_class(thing, shapes, inputs), thing, name)


def data(thing: Any, name: str = "", target: str = "", standardise: bool = True) -> str:
    """Register arrays (X, y) or (X, y, X_test, y_test), or the path of a CSV file, whose last column, or
    `target`, is y.
    """
    return register("data", data_class(thing, target, standardise), thing, name or "my-data")


BRING: Mapping[str, Callable[[Any], str]] = {
    "optimizer": optimizer,
    "loss": loss,
    "model": model,
    "data": data,
}


def settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a recipe, with the parts that are no names of the registries registered."""
    return {
        name: BRING[name](value) if name in BROUGHT and not _named(name, value) else value
        for name, value in given.items()
    }


def _named(part: str, value: Any) -> bool:
    return isinstance(value, str) and not (part == "data" and value.lower().endswith(".csv"))
