"""What is known of a problem before its first step: settings that are allowed, and what they rule out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lab_core.data.sensing import Measured
from lab_core.models import Linear
from lab_core.models.factors import Factors
from lab_core.predictors import margin_l2
from lab_core.recipe import Recipe

Arrays = tuple[np.ndarray, ...]


def remarks(recipe: Recipe, arrays: Arrays) -> Iterator[str]:
    """Sentences on one replica, from its recipe and its x, y, x_test, y_test."""
    if isinstance(recipe.model, Linear) and recipe.loss.targets == "signs":
        yield from of_separation(arrays[0], arrays[1])
    if isinstance(recipe.data, Measured) and isinstance(recipe.model, Factors):
        yield from of_rank(recipe, arrays[3])
        yield from of_freedom(recipe.data, arrays[0])


def of_separation(x: np.ndarray, y: np.ndarray) -> Iterator[str]:
    """Where no hyperplane through 0 separates the examples no training error of 0 is to be had."""
    if y.shape[1] == 1 and np.isnan(margin_l2(x, y[:, 0])).any():
        yield (
            "nothing linear separates these examples: the training error cannot reach 0, and the loss"
            " has a minimum"
        )


def of_rank(recipe: Recipe, truth: np.ndarray) -> Iterator[str]:
    """A search rank below the true one leaves what the smallest singular values make (Eckart & Young
    1936).
    """
    k, r = recipe.model.rank, recipe.data.true_rank  # type: ignore[attr-defined]
    if k < r:
        s = np.linalg.svd(truth, compute_uv=False)
        least = np.linalg.norm(s[k:]) / np.linalg.norm(s)
        yield (
            f"the search rank {k} is below the true rank {r}: the recovery error cannot fall below"
            f" {least:.3g}"
        )


def of_freedom(data: Measured, x: np.ndarray) -> Iterator[str]:
    """Fewer measurements than a matrix of this rank has degrees of freedom determine none."""
    n, r, symmetric = data.size, data.true_rank, data.target == "symmetric"
    free = r * n - r * (r - 1) // 2 if symmetric else r * (2 * n - r)
    if x.shape[1] == n * n:
        seen = len(x)
    else:
        seen = int(np.count_nonzero(np.triu(x[:, n:]) if symmetric else x[:, n:]))
    if seen < free:
        yield (
            f"{seen:,} measurements are fewer than the {free:,} degrees of freedom of such a matrix:"
            " others fit them as well"
        )
