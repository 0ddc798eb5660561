"""Optimizers; `OPTIMIZERS` is the registry, in the order of the dropdown."""

from lab_core.optimizers.adaptive import Adam, AdamW, RMSProp
from lab_core.optimizers.alternating import AlternatingMinimisation
from lab_core.optimizers.base import Optimizer
from lab_core.optimizers.exact import Leaps, LeastSquares
from lab_core.optimizers.factored import RebalancedGD, ScaledGD
from lab_core.optimizers.filters import FILTERS, Filter
from lab_core.optimizers.flow import GradientFlow
from lab_core.optimizers.momentum import GD, HeavyBall, Nesterov
from lab_core.optimizers.steps import LassoGD, NormalisedGD

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "gd": GD,
    "heavy-ball": HeavyBall,
    "nesterov": Nesterov,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
    "flow": GradientFlow,
    "scaled-gd": ScaledGD,
    "rebalanced-gd": RebalancedGD,
    "alternating": AlternatingMinimisation,
    "normalised-gd": NormalisedGD,
    "lasso-gd": LassoGD,
    "least-squares": LeastSquares,
    "descent-in-leaps": Leaps,
}
__all__ = [
    "FILTERS",
    "GD",
    "OPTIMIZERS",
    "Adam",
    "AdamW",
    "AlternatingMinimisation",
    "Filter",
    "GradientFlow",
    "HeavyBall",
    "LassoGD",
    "Leaps",
    "LeastSquares",
    "Nesterov",
    "NormalisedGD",
    "Optimizer",
    "RMSProp",
    "RebalancedGD",
    "ScaledGD",
]
