"""Probes of a matrix that is recovered, against numpy; and how its spare directions shrink."""

from __future__ import annotations

import numpy as np
import pytest

from lab_core.recipe import Recipe
from lab_core.run import Run

PROBES = (("recovery", 5), ("singular", 5), ("matrix", 5))
BASE = Recipe().set({"data": "sensing", "size": 6, "true_rank": 2, "condition": 2.0,
                     "measurements": 40, "model": "asymmetric-factors", "rank": 3,
                     "target": "general", "init_scale": 0.5, "lr": 0.05, "steps": 21,
                     "probes": PROBES})  # fmt: skip


@pytest.mark.parametrize("data", ["sensing", "completion"])
def test_the_matrix_its_error_and_its_singular_values(data: str) -> None:
    known = {"size": 6, "true_rank": 2, "condition": 2.0, "target": "general"}
    arm = Run(BASE.set({"data": data, **known, "seed": (0, 1)})).finish().arms[0]
    w = arm.state_at(20).w.numpy()
    for r in range(2):
        F, G = w[r].reshape(2, 6, 3)
        M = BASE.set({"data": data, **known}).data.arrays(r)[3]
        found = F @ G.T
        error = np.linalg.norm(found - M) / np.linalg.norm(M)
        assert arm.record["recovery"][1][-1, r] == pytest.approx(error, rel=1e-9)
        ours, theirs = np.linalg.svd(found)[1], np.linalg.svd(M)[1]
        for i in range(5):
            assert arm.record[f"singular_{i + 1}"][1][-1, r] == pytest.approx(ours[i], abs=1e-12)
        for i in range(2):
            assert arm.record[f"truth_{i + 1}"][1][-1, r] == pytest.approx(theirs[i], rel=1e-9)
        shown = arm.record.arrays["matrix"][1][r].numpy()
        assert shown.shape == (6, 13) and np.isnan(shown[:, 6]).all()
        np.testing.assert_allclose(shown[:, :6], found, atol=1e-12)
        np.testing.assert_allclose(shown[:, 7:], M, atol=1e-12)
    assert "truth_3" not in arm.record.columns, "which is 0"


def test_nothing_is_found_for_other_models() -> None:
    record = Run(Recipe().set({"probes": PROBES, "steps": 2})).finish().arms[0].record
    assert not record.arrays and set(record.columns) == {"lr", "time", "train_loss"}


def test_a_spare_eigenvalue_shrinks_as_its_own_equation_says() -> None:
    """l <- l (1 - eta l)^2 with eta = 2 lr, once the true ones are found."""
    recipe = Recipe().set({"data": "completion", "size": 6, "true_rank": 1, "rank": 2, "lr": 0.05,
                           "model": "symmetric-factors", "init_scale": 1.0, "steps": 601,
                           "probes": (("singular", 1),)})  # fmt: skip
    spare = Run(recipe).finish().arms[0].record["singular_2"][1][300:, 0]
    np.testing.assert_allclose(spare[1:], spare[:-1] * (1 - 0.1 * spare[:-1]) ** 2, rtol=1e-9)
