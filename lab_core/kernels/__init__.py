"""Models whose gradient is written out by hand, with autograd as the oracle; `KERNELS` lists them."""

from typing import Any

from lab_core.kernels.diagonal import DiagonalKernel
from lab_core.kernels.factors import FactorKernel
from lab_core.kernels.linear import LinearKernel
from lab_core.kernels.mlp import Kernel
from lab_core.kernels.table import TableKernel
from lab_core.kernels.transformer import TransformerKernel
from lab_core.models import (
    MLP,
    AsymmetricFactors,
    DeepLinear,
    DiagonalLinear,
    Linear,
    PairMLP,
    RandomFeatures,
    SymmetricFactors,
    Transformer,
)

KERNELS: dict[type, Any] = {
    MLP: Kernel,
    DeepLinear: Kernel,
    PairMLP: TableKernel,
    Transformer: TransformerKernel,
    DiagonalLinear: DiagonalKernel,
    SymmetricFactors: FactorKernel,
    AsymmetricFactors: FactorKernel,
    Linear: LinearKernel,
    RandomFeatures: LinearKernel,
}
__all__ = [
    "KERNELS",
    "DiagonalKernel",
    "FactorKernel",
    "Kernel",
    "LinearKernel",
    "TableKernel",
    "TransformerKernel",
]
