"""Models; `MODELS` is the registry, in the order of the dropdown."""

from lab_core.models.base import Draw, Model, Shapes, initial, size, stream, views
from lab_core.models.committee import Committee, ScaledCommittee
from lab_core.models.diagonal import DiagonalLinear
from lab_core.models.factors import AsymmetricFactors, Factors, SymmetricFactors
from lab_core.models.interpolant import Interpolant
from lab_core.models.linear import Linear
from lab_core.models.mlp import (
    ACTIVATIONS,
    MLP,
    PARAMETRIZATIONS,
    DeepLinear,
    DropoutMLP,
    Layer,
    ResidualMLP,
)
from lab_core.models.table import PairMLP
from lab_core.models.transformer import Transformer

MODELS: dict[str, type[Model]] = {
    "mlp": MLP,
    "deep-linear": DeepLinear,
    "pair-mlp": PairMLP,
    "transformer": Transformer,
    "committee": Committee,
    "scaled-committee": ScaledCommittee,
    "diagonal-linear": DiagonalLinear,
    "symmetric-factors": SymmetricFactors,
    "asymmetric-factors": AsymmetricFactors,
    "linear": Linear,
    "dropout-mlp": DropoutMLP,
    "interpolant": Interpolant,
    "residual-mlp": ResidualMLP,
}
__all__ = [
    "ACTIVATIONS",
    "MLP",
    "MODELS",
    "PARAMETRIZATIONS",
    "AsymmetricFactors",
    "Committee",
    "DeepLinear",
    "DiagonalLinear",
    "Draw",
    "DropoutMLP",
    "Factors",
    "Interpolant",
    "Layer",
    "Linear",
    "Model",
    "PairMLP",
    "ResidualMLP",
    "ScaledCommittee",
    "Shapes",
    "SymmetricFactors",
    "Transformer",
    "initial",
    "size",
    "stream",
    "views",
]
