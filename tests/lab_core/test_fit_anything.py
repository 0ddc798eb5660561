"""The construction interpolates; and the judges of random labels can say no."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from lab_core.claims import Verdict
from lab_core.models import Interpolant, initial, size, views
from lab_core.phenomena import PHENOMENA, capacity, construction, random_labels
from lab_core.run import Run
from lab_core.sweep import Axis, Grid
from tests.lab_core.small import close, gaussian

LAB = PHENOMENA["fit-anything"]


def run(preset: str, **settings: Any) -> Run:
    return Run(LAB.presets[preset].recipe.set(settings)).finish()


def refused(*verdicts: Verdict) -> bool:
    return not any(v.holds for v in verdicts)


# ---- the construction


def built(width: int, n: int, d: int = 5, c: int = 2) -> tuple[Interpolant, torch.Tensor, Any, Any]:
    model = Interpolant(width=width)
    x, y = gaussian(1, n, d), gaussian(1, n, c, seed=1)
    w = torch.stack([initial(model, d, c, seed, 1.0) for seed in (0, 1)])
    return model, model.informed(w, x, y), x, y


@pytest.mark.parametrize("n, width", [(1, 10), (20, 20), (20, 31)])
def test_any_targets_are_interpolated_with_2n_and_d_weights(n: int, width: int) -> None:
    model, w, x, y = built(width, n)
    shapes = model.shapes(5, 2)
    close(model.forward(views(w, shapes), x), y.expand(2, -1, -1), rtol=1e-6, atol=1e-7)
    assert size(Interpolant(width=n).shapes(7, 1)) == 2 * n + 7


def test_of_more_examples_than_units_the_first_ones_are_interpolated() -> None:
    model, w, x, y = built(8, 30)
    f = model.forward(views(w, model.shapes(5, 2)), x)
    close(f[:, :8], y[:, :8].expand(2, -1, -1), rtol=1e-6, atol=1e-7)
    assert float((f[:, 8:] - y[:, 8:]).abs().min(-1).values.median()) > 0.01


def test_the_biases_lie_between_the_projections_and_the_system_is_solved() -> None:
    """Against numpy: f(x_i) = sum_j w_j max(z_i - b_j, 0), b_1 < z_1 < b_2 < z_2 ..."""
    model, w, x, y = built(12, 12, c=1)
    p = {n: v[0].numpy() for n, v in views(w, model.shapes(5, 1)).items()}
    z = x[0].numpy() @ p["direction"][:, 0]
    order, b = np.argsort(z), p["bias"][0]
    between = np.stack([b, z[order]], 1).ravel()
    assert (np.diff(between) > 0).all()
    matrix = np.maximum(z[:, None] - b, 0)
    np.testing.assert_allclose(
        p["weight"][:, 0], np.linalg.solve(matrix, y[0, :, 0].numpy()), rtol=1e-6
    )


def test_a_gaussian_start_keeps_its_weights() -> None:
    model = Interpolant(width=9, start_from="gaussian")
    w = torch.stack([initial(model, 5, 1, 0, 1.0)])
    assert torch.equal(model.informed(w, gaussian(1, 9, 5), gaussian(1, 9, 1)), w)


# ---- judges


def test_labels_that_are_true_after_all_and_too_few_steps_are_refused() -> None:
    judge = random_labels.judge_fits
    changes = LAB.presets["labels-or-noise"].recipe.changes
    true = tuple(replace(c, settings=(("corruption", 0.6),) if "corruption" in dict(c.settings)  # type: ignore[call-overload]
                         else c.settings) for c in changes)  # fmt: skip
    assert refused(judge([run("labels-or-noise", n=60, width=16, steps=60)]))
    assert refused(judge([run("labels-or-noise", changes=changes[:2], steps=2)]))
    assert refused(judge([run("labels-or-noise", n=60, width=64, changes=true)])), "half are true"


def test_corruption_that_is_not_fitted_or_does_not_vary_is_refused() -> None:
    judge = random_labels.judge_corruption
    assert refused(judge([run("corruption", steps=40)]), judge([run("corruption", corruption=0.5, steps=2)]),
                   judge([run("corruption", corruption=(0.0, 0.01, 0.02), n=100)]))  # fmt: skip


def test_one_regulariser_alone_and_one_that_does_prevent_it_are_refused() -> None:
    judge = random_labels.judge_regularised
    strong = tuple(
        replace(c, settings=tuple((k, 200.0 if k == "weight_decay" else v) for k, v in c.settings))  # type: ignore[union-attr]
        for c in LAB.presets["regularised"].recipe.changes
    )
    assert refused(judge([run("regularised", steps=30)]),
                   judge([run("regularised", changes=strong, n=60, steps=100)]),
                   judge([run("regularised", changes=(), steps=2)]))  # fmt: skip


def test_a_construction_in_float32_or_of_too_few_units_is_refused() -> None:
    judge = construction.judge_construction
    assert refused(judge([run("construction", dtype="float32", n=100, width=100, steps=300)]),
                   judge([run("construction", width=150, steps=300)]),
                   judge([run("construction", changes=(), steps=2)]))  # fmt: skip


def test_a_sweep_that_is_not_whole_or_too_short_is_refused() -> None:
    assert refused(capacity.judge_capacity([Grid(capacity.SWEEP)]))
    few = (Axis(("n",), "examples", (25, 50)), *capacity.SWEEP.over[1:])
    short = replace(capacity.SWEEP, over=few, recipe=capacity.SWEEP.recipe.set({"steps": 10}))
    grid = short.finish()
    assert refused(capacity.judge_capacity([grid]))
    assert capacity.parameters(grid).tolist() == [177, 265, 353]
    for panel in LAB.figures["capacity"].panels:  # type: ignore[attr-defined]
        assert all(len(line.x) == len(line.y) > 1 for line in panel.lines(grid))


def test_the_capacity_is_the_largest_n_that_is_fitted() -> None:
    over = (Axis(("n",), "examples", (20, 1500)), Axis(("width",), "width", (16, 20, 24)),
            capacity.SWEEP.over[2])  # fmt: skip
    grid = replace(capacity.SWEEP, over=over, seeds=(0,), recipe=capacity.SWEEP.recipe.set(
        {"steps": 200})).finish()  # fmt: skip
    found = capacity.most(grid)
    assert (found[:, 0] == 20).all() and (found[:, 1] == 1500).all(), "of true labels all"
