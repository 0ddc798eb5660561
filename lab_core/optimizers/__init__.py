"""Optimizers; `OPTIMIZERS` is the registry, in the order of the dropdown."""

from lab_core.optimizers.adaptive import Adam, AdamW, RMSProp
from lab_core.optimizers.base import Optimizer
from lab_core.optimizers.momentum import GD, HeavyBall, Nesterov

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "gd": GD,
    "heavy-ball": HeavyBall,
    "nesterov": Nesterov,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
}
__all__ = ["OPTIMIZERS", "GD", "Adam", "AdamW", "HeavyBall", "Nesterov", "Optimizer", "RMSProp"]
