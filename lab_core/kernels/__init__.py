"""Models whose gradient is written out by hand, with autograd as the oracle; `KERNELS` lists them."""

from typing import Any

from lab_core.kernels.diagonal import DiagonalKernel
from lab_core.kernels.linear import LinearKernel
from lab_core.kernels.mlp import Kernel
from lab_core.kernels.table import TableKernel
from lab_core.kernels.transformer import TransformerKernel
from lab_core.models import MLP, DeepLinear, DiagonalLinear, Linear, PairMLP, Transformer

KERNELS: dict[type, Any] = {
    MLP: Kernel,
    DeepLinear: Kernel,
    PairMLP: TableKernel,
    Transformer: TransformerKernel,
    DiagonalLinear: DiagonalKernel,
    Linear: LinearKernel,
}
__all__ = [
    "KERNELS",
    "DiagonalKernel",
    "Kernel",
    "LinearKernel",
    "TableKernel",
    "TransformerKernel",
]
