"""What a run costs, about: bytes, multiply-adds, numbers recorded. Stacks are sized and estimates made by
it.
"""

from __future__ import annotations

from functools import lru_cache

from lab_core import models
from lab_core.data import Data
from lab_core.recipe import Recipe

FIXED = 2e6  # multiply-adds that could be done while the calls of a step are made (0.4 ms)
BASES = {"sharpness": 128, "eigenvalues": 128, "spectrum": 64}  # vectors of a Lanczos basis


@lru_cache
def _dims(data: Data) -> tuple[int, int, int, int]:
    """N, d, c and the number of test examples of a data set."""
    x, y, x_test, _ = data.arrays(0)
    return len(x), x.shape[1], y.shape[1], len(x_test)


def footprint(recipe: Recipe) -> int:
    """Bytes that one replica needs: weights, gradient and what an optimizer remembers, data and layers,
    a basis of Lanczos and its image, the record.
    """
    N, d, c, tests = _dims(recipe.data)
    shapes, seen = recipe.model.shapes(d, c), recipe.model.sees(d)
    size, layers = models.size(shapes), sum(shape[-1] for shape in shapes.values())
    basis = max((BASES.get(name, 0) for name, _ in recipe.probes), default=0)
    return int(
        8
        * (
            (8 + 2 * min(basis, size)) * size
            + N * (seen + 4 * layers)
            + tests * seen
            + 3 * numbers(recipe)
        )
    )


def numbers(recipe: Recipe) -> float:
    """Numbers that one replica records, with about four for each time a probe is due."""
    sampled = 0 < recipe.batch_size < _dims(recipe.data)[0]
    shares = [0.0 if sampled else 1.0, *(4 / every for _, every in recipe.probes)]
    return (1 + recipe.steps) * sum(shares)


def row(recipe: Recipe) -> float:
    """The multiply-adds of a step of one replica."""
    N, d, c, _ = _dims(recipe.data)
    return 6.0 * min(N, recipe.batch_size or N) * models.size(recipe.model.shapes(d, c))


def work(recipe: Recipe) -> float:
    """The multiply-adds of a run in a stack, with what a step costs in any case counted as some."""
    return recipe.steps * (FIXED / 20 + row(recipe))
