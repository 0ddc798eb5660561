"""The exact predictors by their optimality, and the probes that compare nets with them."""

import numpy as np
import pytest
import torch
from sklearn.svm import SVC

from lab_core import predictors
from lab_core.arm import Arm
from lab_core.data import SparseLinear, SparseSigns
from lab_core.models import MLP, views
from lab_core.probes.kernel import distance, tangent
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import CLASSES, close, gaussian

X = SparseLinear(n=20, dim=50).arrays(seed=0)[0]
Y = np.random.default_rng(0).standard_normal((20, 1))  # of a sparse teacher the dual is not unique
S = SparseSigns(n=20, dim=50).arrays(seed=0)[1]
METHODS = {
    "least_l2": (predictors.least_l2, Y, 2),
    "least_l1": (predictors.least_l1, Y, 1),
    "margin_l2": (predictors.margin_l2, S, 2),
    "margin_l1": (predictors.margin_l1, S, 1),
}


@pytest.mark.parametrize("name", METHODS)
def test_it_fits_and_its_dual_proves_that_no_shorter_one_does(name: str) -> None:
    """b = x^T a (L2), or x^T a is sign(b) where b is not 0 and within 1 elsewhere (L1); for margins
    a y >= 0, and 0 off the margin. Those are the conditions of Karush, Kuhn and Tucker."""
    method, targets, order = METHODS[name]
    y = targets[:, 0]
    b, margin = method(X, y), name.startswith("margin")
    fit = y * (X @ b) if margin else X @ b - y
    assert (fit > 1 - 1e-7).all() if margin else np.abs(fit).max() < 1e-7
    support = fit < 1 + 1e-7 if margin else np.ones(len(y), bool)
    wanted = b if order == 2 else np.sign(np.where(np.abs(b) < 1e-9, 0, b))
    rows = np.flatnonzero(wanted) if order == 1 else np.arange(50)
    a = np.linalg.lstsq(X[support][:, rows].T, wanted[rows], rcond=None)[0]
    slope = X[support].T @ a
    assert np.allclose(slope[rows], wanted[rows], atol=1e-6)
    assert order == 2 or np.abs(slope).max() < 1 + 1e-6
    assert not margin or (a * y[support] > -1e-6).all()


def test_the_margin_is_that_of_a_support_vector_machine() -> None:
    """scikit-learn's has an offset; data mirrored at 0 make it 0."""
    x, y = np.concatenate([X, -X]), np.concatenate([S, -S])[:, 0]
    theirs = SVC(kernel="linear", C=1e8, tol=1e-10).fit(x, y).coef_[0]
    assert np.allclose(predictors.margin_l2(X, S[:, 0]), theirs, atol=1e-4)


def test_what_no_function_fits_has_no_predictor() -> None:
    x, y = np.ones((2, 1)), np.array([1.0, -1.0])
    for method, _, _ in METHODS.values():
        assert np.isnan(method(x, y)).all()


def test_the_distance_of_a_direction_is_the_sine_of_its_angle() -> None:
    b, target = torch.tensor([[3.0, 0.0]] * 4), torch.tensor([[2.0, 0], [1, 1], [0, 5], [-1, 0]])
    close(distance(b, target, free=True), torch.tensor([0.0, 0.5**0.5, 1.0, 1.0]), atol=1e-6)
    close(distance(b, target, free=False)[:1], [0.5])
    close(distance(torch.zeros(1, 2), target[:1], free=True), [1.0])


DIAGONAL = Recipe().set({"model": "diagonal-linear", "n": 20, "lr": 0.01, "steps": 3, "seed": (0, 1),
                         "probes": (("predictors", 2),)} | {"data": "sparse-linear"})  # fmt: skip


@pytest.mark.parametrize("data, loss, kind", [("sparse-linear", "squared-error", "least"),
                                              ("sparse-signs", "logistic", "margin"),
                                              ("sparse-signs", "squared-error", "least")])  # fmt: skip
def test_the_probe_compares_with_the_predictor_of_its_loss(data: str, loss: str, kind: str) -> None:
    arm = Run(DIAGONAL.set({"data": data, "n": 20, "dim": 30, "loss": loss})).finish().arms[0]
    w = arm.state_at(2).w
    for norm, name in (("l2", "distance_kernel"), ("l1", "distance_rich")):
        for r in range(2):
            b = (w[r, :30] ** 2 - w[r, 30:] ** 2).numpy()
            x, y = arm.x[r].numpy(), arm.y[r, :, 0].numpy()
            target = getattr(predictors, f"{kind}_{norm}")(x, y)
            if kind == "margin":
                b = b * max(0, b @ target) / (b @ b)
            expected = np.linalg.norm(b - target) / np.linalg.norm(target)
            assert arm.record[name][1][-1, r] == pytest.approx(expected)


# ---- the tangent kernel


def test_the_kernel_of_any_net_is_that_of_its_jacobian() -> None:
    model, signs = MLP(width=5), torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    shapes, x = model.shapes(4, 3), gaussian(2, 6, 4, seed=1)
    w = gaussian(2, sum(int(np.prod(s)) for s in shapes.values()))
    K = tangent(model, shapes, w, x, signs)
    for r in range(2):
        J = torch.autograd.functional.jacobian(
            lambda v: model.forward(views(v[None], shapes), x[r : r + 1])[0] @ signs,  # noqa: B023
            w[r],
        )
        close(K[r], J @ J.T)


def test_a_kernel_starts_without_drift_and_is_aligned_with_what_it_is_made_of() -> None:
    arm = Run(CLASSES.set({"probes": (("kernel", 5),), "seed": (0, 1)})).finish().arms[0]
    record = arm.record
    for name in ("ntk_drift", "weight_drift"):
        assert (record[name][1][0] == 0).all() and (record[name][1][-1] > 0.01).all()
    alignment = record["kernel_alignment"][1]
    assert (alignment > 0).all() and (alignment <= 1).all()


def test_the_drift_counts_from_the_start_of_the_run_in_a_fork_too() -> None:
    run = Run(CLASSES.set({"probes": (("kernel", 10),)}))
    run.advance(10)
    run.branch({"lr": 0.1})
    run.advance(1)
    for name in ("ntk_drift", "weight_drift"):
        ours, theirs = (run.arms[k].record[name] for k in (0, 1))
        assert theirs[0][0] == 10 and np.allclose(theirs[1][0], ours[1][-1]) and ours[1][-1] > 0


# ---- the linear part


def test_linearity_is_one_for_a_linear_net_and_less_for_a_committee_that_is_not() -> None:
    settings = {"n": 20, "dim": 30, "lr": 1e-3, "steps": 3, "probes": (("linearity", 1),)}
    linear = Run(DIAGONAL.set({"init_scale": 1.0, **settings})).finish().arms[0]
    assert np.allclose(linear.record["linearity"][1][1:], 1)
    committee = Recipe().set({"data": "xor", "model": "committee", "seed": (0, 1), **settings})
    arm = Run(committee).finish().arms[0]
    x, w = arm.test[0], Arm(committee.split()).state.w
    pieces = views(w, arm.objective.shapes)
    f, part = arm.objective.outputs(w, x)[..., 0], arm.objective.model.linear(pieces, x)[..., 0]
    expected = [float(np.corrcoef(f[r], part[r])[0, 1]) for r in (0, 1)]
    assert np.allclose(arm.record["linearity"][1][0], expected) and max(expected) < 0.99
    mlp = Run(CLASSES.set({"probes": (("linearity", 5),)})).finish().arms[0]
    assert "linearity" not in mlp.record.columns
