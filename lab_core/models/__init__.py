"""Models; `MODELS` is the registry, in the order of the dropdown."""

from lab_core.models.base import Model, Shapes, initial, size, stream, views
from lab_core.models.mlp import ACTIVATIONS, MLP, PARAMETRIZATIONS, DeepLinear, Layer
from lab_core.models.table import PairMLP
from lab_core.models.transformer import Transformer

MODELS: dict[str, type[Model]] = {
    "mlp": MLP,
    "deep-linear": DeepLinear,
    "pair-mlp": PairMLP,
    "transformer": Transformer,
}
__all__ = [
    "ACTIVATIONS",
    "MLP",
    "MODELS",
    "PARAMETRIZATIONS",
    "DeepLinear",
    "Layer",
    "Model",
    "PairMLP",
    "Shapes",
    "Transformer",
    "initial",
    "size",
    "stream",
    "views",
]
