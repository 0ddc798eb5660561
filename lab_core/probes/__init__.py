"""Probes; `PROBES` is the registry."""

from collections.abc import Callable

from lab_core.probes import (
    covariance,
    curvature,
    fourier,
    kernel,
    margins,
    matrices,
    pruning,
    sparsity,
    telescope,
    training,
)
from lab_core.probes.base import Columns, Moment

PROBES: dict[str, Callable[[Moment], Columns]] = {
    "sharpness": curvature.sharpness,
    "eigenvalues": curvature.eigenvalues,
    "spectrum": curvature.spectrum,
    "trace": curvature.trace,
    "weight_norm": training.weight_norm,
    "gradient_norm": training.gradient_norm,
    "accuracy": training.accuracy,
    "test_loss": training.test_loss,
    "zero_loss": training.zero_loss,
    "alignment": training.alignment,
    "slowness": training.slowness,
    "corrupted": training.corrupted,
    "pruned": pruning.pruned,
    "kernel": kernel.kernel,
    "linearity": kernel.linearity,
    "predictors": kernel.predictors,
    "fourier": fourier.fourier,
    "progress": fourier.progress,
    "neurons": fourier.neurons,
    "correctness": fourier.correctness,
    "telescope": telescope.telescope,
    "parameters": telescope.parameters,
    "recovery": matrices.recovery,
    "singular": matrices.singular,
    "matrix": matrices.matrix,
    "covariance": covariance.covariance,
    "covariance_curvature": covariance.covariance_curvature,
    "curvature_range": covariance.curvature_range,
    "weight_l1": training.weight_l1,
    "margin": margins.margin,
    "perceptron": margins.perceptron,
    "boundary": margins.boundary,
    "linear_sparsity": sparsity.linear_sparsity,
    "patterns": sparsity.patterns,
    "function": sparsity.function,
}
__all__ = ["PROBES", "Columns", "Moment"]
