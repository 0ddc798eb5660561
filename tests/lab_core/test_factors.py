"""Factored matrices: measurements by their definition, the kernel by autograd, starts by the SVD."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lab_core import timeline
from lab_core.data import DATASETS, Completion, Sensing
from lab_core.data.sensing import low_rank
from lab_core.kernels import FactorKernel
from lab_core.knobs import BadInput
from lab_core.losses import LOSSES
from lab_core.models import views
from lab_core.objective import HandObjective, Objective, objective
from lab_core.recipe import Recipe
from lab_core.run import Run
from lab_core.start import Start
from tests.lab_core.small import close, gaussian

N, RANK = 5, 2
BASE = Recipe().set({"data": "sensing", "size": N, "true_rank": 2, "measurements": 12,
                     "model": "symmetric-factors", "rank": RANK, "init_scale": 1.0, "lr": 0.02,
                     "steps": 30, "probes": ()})  # fmt: skip
KINDS = {"sensing": {}, "completion": {"observed": 0.7}}
CASES = list(
    itertools.product(KINDS, MODELS_OF := ("symmetric-factors", "asymmetric-factors"),
                      ("squared-error", "absolute-error"), (False, True))
)  # fmt: skip


def recipe(data: str, model: str, **more: Any) -> Recipe:
    target = "symmetric" if model == "symmetric-factors" else "general"
    return BASE.set({"data": data, "size": N, "true_rank": 2, "model": model, "target": target}
                    | KINDS[data] | ({"measurements": 12} if data == "sensing" else {}) | more)  # fmt: skip


@pytest.mark.parametrize("target", ["symmetric", "general"])
def test_the_true_matrix_has_its_rank_its_singular_values_and_norm(target: str) -> None:
    M = low_rank(8, 3, 10.0, target, seed=1)
    assert np.allclose(np.linalg.svd(M)[1], [1, 0.55, 0.1, 0, 0, 0, 0, 0], atol=1e-12)
    assert np.allclose(M, M.T) == (target == "symmetric")


@pytest.mark.parametrize("target", ["symmetric", "general"])
def test_gaussian_measurements_are_inner_products_and_isotropic(target: str) -> None:
    x, y, _, M = Sensing(size=6, measurements=20_000, target=target).arrays(seed=0)
    close(x @ M.ravel(), y[:, 0])
    D = low_rank(6, 6, 3.0, target, seed=5)
    assert np.mean((x @ D.ravel()) ** 2) == pytest.approx((D**2).sum(), rel=0.05)


def test_entries_are_the_matrix_where_they_are_seen_and_isotropic() -> None:
    x, y, x_test, M = Completion(size=40, observed=0.3, target="general").arrays(seed=0)
    eye, weights = np.split(x, 2, axis=1)
    seen = weights > 0
    assert (eye == np.eye(40)).all() and np.allclose(y, weights * M)
    assert np.allclose(weights[seen] ** 2, 40 / 0.3) and seen.mean() == pytest.approx(0.3, abs=0.05)
    assert np.mean(weights**2) * 40 / 40 == pytest.approx(40, rel=0.1), "so that the mean is |D|^2"
    assert (x_test[:, 40:] == 1).all()
    weights = Completion(size=40, observed=0.3).arrays(seed=0)[0][:, 40:]
    assert (weights == weights.T).all(), "of a symmetric matrix both or neither"


@pytest.mark.parametrize("data", KINDS)
def test_outliers_are_so_many_and_the_rest_is_right(data: str) -> None:
    cls: Any = DATASETS[data]
    given = {"size": 30, "outliers": 0.2, "outlier_size": 50.0}
    (_, y, _, M), (_, clean, _, same) = cls(**given).arrays(3), cls(size=30).arrays(3)
    assert (same == M).all()
    hit = y != clean
    assert hit.mean() == pytest.approx(0.2, abs=0.04)
    assert np.std((y - clean)[hit]) == pytest.approx(50 * (30**0.5 if data == "completion" else 1),
                                                     rel=0.15)  # fmt: skip


def problem(data: str, model: str, loss: str, own: bool) -> tuple[Objective, HandObjective, Tensor]:
    """Autograd and the kernel of one objective of 3 replicas, and weights [3, P]."""
    start = Start(
        recipe(data, model, loss=loss, data_seed=[0, 1, 2] if own else 0).split()
        * (1 if own else 3)
    )
    args = start.model, LOSSES[loss](), start.x, start.y, 3
    by_hand = objective(*args)
    assert isinstance(by_hand, HandObjective) and isinstance(by_hand.full, FactorKernel)
    assert len(start.x) == (3 if own else 1)
    oracle = Objective(*args)
    return oracle, by_hand, gaussian(3, oracle.size, seed=2)


@pytest.mark.parametrize("data, model, loss, own", CASES)
def test_loss_gradient_outputs_minibatches_and_curvature(
    data: str, model: str, loss: str, own: bool
) -> None:
    oracle, by_hand, w = problem(data, model, loss, own)
    close(by_hand.full.outputs(w), oracle.outputs(w, oracle.x))
    close(by_hand.loss(w), oracle.loss(w))
    for index in (None, *(torch.randint(N, (3, size), generator=torch.Generator().manual_seed(size))
                          for size in (1, 4, N, 9)), None):  # fmt: skip
        for ours, theirs in zip(by_hand.gradient(w, index), oracle.gradient(w, index), strict=True):
            assert ours.shape == theirs.shape
            close(ours, theirs)
    v = gaussian(*w.shape, seed=3)
    close(by_hand.hvp(w)(v), oracle.hvp(w)(v))


def test_the_gradient_of_full_observation_is_2_D_X() -> None:
    """In expectation over dense measurements too: a learning rate is half of the papers' step size."""
    full = Start(recipe("completion", "symmetric-factors", observed=1.0).split())
    w = gaussian(1, N * RANK, seed=4)
    X, M = w.view(N, RANK), full.test[1][0]
    D = X @ X.T - M
    loss, g = full.objective(LOSSES["squared-error"]()).gradient(w)
    close(loss, 0.5 * D.square().sum()[None])
    close(g.view(N, RANK), 2 * D @ X)
    dense = Start(recipe("sensing", "symmetric-factors", measurements=40_000).split())
    near = dense.objective(LOSSES["squared-error"]()).gradient(w)[1]
    assert float((near - g).norm() / g.norm()) < 0.05


@pytest.mark.parametrize("data", KINDS)
@pytest.mark.parametrize("model", MODELS_OF)
def test_a_spectral_start_is_the_best_approximation_of_the_mean_measurement(
    data: str, model: str
) -> None:
    start = Start(recipe(data, model, start_from="spectral", init_scale=[1.0, 0.5]).split())
    x, y = start.x[0], start.y[0]
    mean = (x * y).mean(0).view(N, N) if data == "sensing" else x[:, N:] * y / N
    first = start.model.matrix(views(start.w, start.shapes))
    if model == "symmetric-factors":
        values, vectors = np.linalg.eigh((mean + mean.mT).numpy() / 2)
        best = (vectors[:, -RANK:] * values[-RANK:].clip(0)) @ vectors[:, -RANK:].T
    else:
        u, s, vt = np.linalg.svd(mean.numpy())
        best = (u[:, :RANK] * s[:RANK]) @ vt[:RANK]
    close(first[0], best)
    close(first[1], best / 4)


def test_replicas_may_differ_in_what_the_matrix_is_and_share_their_measurements() -> None:
    many = recipe("sensing", "symmetric-factors", condition=[1.0, 10.0], outliers=[0.0, 0.2])
    run = Run(many.set({"seed": [0, 1]})).finish()
    assert run.arms[0].start.x.shape[0] == 8 and Start(many.split()).x.shape[0] == 1
    for r, one in enumerate(many.set({"seed": [0, 1]}).split()):
        alone = Run(one).finish().arms[0].record["train_loss"][1][:, 0]
        close(run.arms[0].record["train_loss"][1][:, r], alone, rtol=1e-6)


@pytest.mark.parametrize("settings, sentence", [
    ({"true_rank": 6}, "true_rank: 6 is above the size 5 of the matrix; give one from 1 to the size"),
    ({"size": 200, "measurements": 20_000},
     "measurements: 800,000,000 numbers of them do not fit in memory"),
])  # fmt: skip
def test_what_cannot_be_is_a_sentence_before_it_is_made(settings: Any, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        Run(recipe("sensing", "symmetric-factors", **settings))


def test_data_sets_that_fit_alone_and_not_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "MOST_NUMBERS", 700)
    assert Run(recipe("sensing", "symmetric-factors", seed=[0, 1])).arms[0].R == 2
    with pytest.raises(BadInput, match="^measurements, n: 3 data sets of 300 numbers do not fit"):
        Run(recipe("sensing", "symmetric-factors", seed=[0, 1, 2]))
