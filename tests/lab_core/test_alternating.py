"""Alternating minimisation is least squares in one factor, then in the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lab_core.claims import finished
from lab_core.knobs import BadInput
from lab_core.objective import At
from lab_core.optimizers import AlternatingMinimisation
from lab_core.optimizers.alternating import Entries
from lab_core.phenomena import alternating_minimization as paper
from lab_core.phenomena.base import beside
from lab_core.recipe import Recipe
from lab_core.run import Run
from lab_core.start import Start
from tests.lab_core.small import close

N, K = 12, 2
BASE = Recipe().set(
    {
        "data": "completion",
        "size": N,
        "true_rank": K,
        "target": "general",
        "observed": 0.6,
        "model": "asymmetric-factors",
        "rank": K,
        "init_scale": 1.0,
        "optimizer": "alternating",
        "lr": 1.0,
        "seed": (0, 1, 2),
        "steps": 20,
        "probes": (("recovery", 1),),
    }
)
DENSE = BASE.set({"data": "sensing", "size": N, "true_rank": K, "target": "general",
                  "measurements": 200})  # fmt: skip
BOTH = pytest.mark.parametrize("recipe", [BASE, DENSE], ids=["entries", "dense"])


def setting(recipe: Recipe) -> tuple[At, Tensor]:
    """Where the first step happens, and the weights there."""
    start = Start(recipe.split())
    return At(0, start.objective(recipe.loss)), start.w


def step(recipe: Recipe, at: At, w: Tensor, **knobs: Any) -> Tensor:
    optimizer = AlternatingMinimisation(lr=1.0, **knobs)
    return optimizer.step(w, torch.zeros_like(w), {}, at)[0]


def product(at: At, w: Tensor) -> Tensor:
    F, G = at.views(w).values()
    return F @ G.mT


def least_squares(x: np.ndarray, y: np.ndarray, G: np.ndarray) -> np.ndarray:
    """F with the least squared error given G, by numpy: for entries row by row."""
    n, k = G.shape
    if y.shape[1] > 1:
        return np.array([np.linalg.lstsq(w[:, None] * G, t, rcond=None)[0]
                         for w, t in zip(x[:, n:], y, strict=True)])  # fmt: skip
    design = (x.reshape(-1, n, n) @ G).reshape(len(x), n * k)
    return np.linalg.lstsq(design, y[:, 0], rcond=None)[0].reshape(n, k)


def transposed(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same measurements of M^T."""
    n = N
    if y.shape[1] > 1:
        return np.hstack([x[:, :n], x[:, n:].T]), y.T
    return x.reshape(-1, n, n).transpose(0, 2, 1).reshape(len(x), -1), y


@BOTH
def test_an_exact_pass_is_least_squares_in_either_factor_of_every_replica(recipe: Recipe) -> None:
    at, w = setting(recipe)
    got = product(at, step(recipe, at, w))
    assert len(at.objective.x) == 3  # each replica with measurements of its own
    for r, (x, y) in enumerate(zip(at.objective.x.numpy(), at.objective.y.numpy(), strict=True)):
        G = np.linalg.qr(at.views(w)["G"][r].numpy())[0]
        F = np.linalg.qr(least_squares(x, y, G))[0]
        close(got[r], F @ least_squares(*transposed(x, y), F).T, rtol=1e-8, atol=1e-9)


@BOTH
def test_enough_conjugate_gradients_are_exact(recipe: Recipe) -> None:
    at, w = setting(recipe)
    enough = K + 1 if recipe is BASE else N * K + 6
    exact, few, many = (step(recipe, at, w, updates=j) for j in (0, 1, enough))
    close(product(at, many), product(at, exact), rtol=1e-7, atol=1e-8)
    assert float((product(at, few) - product(at, exact)).abs().max()) > 1e-3


@BOTH
@pytest.mark.parametrize("updates", [0, 1, 2])
def test_the_loss_never_rises(recipe: Recipe, updates: int) -> None:
    arm = Run(recipe.set({"updates": updates})).finish().arms[0]
    loss = arm.record["train_loss"][1]
    assert (np.diff(loss, axis=0) <= 1e-12).all() and (loss[-1] < loss[0] / 10).all()


@BOTH
def test_orthonormal_factors_have_the_same_product(recipe: Recipe) -> None:
    """At so small a learning rate that a pass changes nothing else."""
    at, w = setting(recipe)
    still = AlternatingMinimisation(lr=1e-300).step(w, w, {}, at)[0]
    close(product(at, still), product(at, w))
    left = at.views(still)["F"]
    close(left.mT @ left, torch.eye(K).expand(3, K, K))


@BOTH
def test_a_replica_among_others_is_the_one_alone(recipe: Recipe) -> None:
    together = Run(recipe).finish().arms[0]
    for r, alone in enumerate(recipe.split()):
        close(Run(alone).finish().arms[0].state.w[0], together.state.w[r], rtol=1e-6, atol=1e-8)


@BOTH
def test_replicas_may_share_their_measurements_and_differ_in_knobs(recipe: Recipe) -> None:
    lists = {"seed": 0, "init_seed": (0, 1), "lr": (1.0, 0.5), "weight_decay": (0.0, 0.1)}
    for updates in (0, 2):
        many = recipe.set(lists | {"updates": updates, "steps": 3})
        together = Run(many).finish().arms[0]
        assert len(together.x) == 1 and together.R == 8
        for r, alone in enumerate(many.split()):
            w = Run(alone).finish().arms[0].state.w
            close(w[0], together.state.w[r], rtol=1e-8, atol=1e-9)


def test_a_ridge_and_half_of_the_way() -> None:
    """On all entries, with G = e_1, e_2: F is the first columns of M over 1 + n decay / n."""
    at, w = setting(BASE.set({"observed": 1.0, "seed": 0}))
    G = torch.eye(N, K, dtype=torch.float64)[None]
    F = torch.zeros(1, N, K, dtype=torch.float64)
    M = (at.objective.y / at.objective.x[..., N:])[0]
    for knobs, share in (({"weight_decay": 0.25}, 1 / 1.25), ({"lr": 0.5}, 0.5)):
        o = AlternatingMinimisation(**{"lr": 1.0} | knobs)
        data = Entries(at.objective.x, at.objective.y)
        close(o.updated(F, G, data, False)[0][0].abs(), share * M[:, :K].abs(), atol=1e-10)


def test_rows_with_fewer_entries_than_the_rank_stay_bounded() -> None:
    """What their entries leave open stays as it was: a row without any does not move."""
    sparse = BASE.set({"observed": 0.1, "rank": 4, "start_from": "spectral", "steps": 100})
    for updates in (0, 2, 30):
        arm = Run(sparse.set({"updates": updates})).finish().arms[0]
        assert not arm.diverged and float(arm.state.w.abs().max()) < 1e6
    at, w = setting(sparse.set({"seed": 0}))
    empty = (at.objective.x[0, :, N:] == 0).all(1)
    assert empty.any()
    F, G = at.views(w).values()
    data = Entries(at.objective.x, at.objective.y)
    moved, Q = AlternatingMinimisation(lr=1.0).updated(F, G, data, False)
    close((moved @ Q.mT)[0, empty], (F @ G.mT)[0, empty])


def test_it_recovers_a_matrix_from_dense_measurements_and_from_entries() -> None:
    for recipe in (BASE.set({"size": 40, "observed": 0.5, "start_from": "spectral"}), DENSE):
        for updates in (0, 2):
            arm = Run(recipe.set({"updates": updates, "steps": 40})).finish().arms[0]
            assert arm.record["recovery"][1].min(0).max() < 1e-8


def test_the_spectral_start_is_the_best_approximation_of_the_rescaled_entries() -> None:
    at, w = setting(BASE.set({"start_from": "spectral", "observed": 0.5}))
    for r, y in enumerate(at.objective.y.numpy()):
        filled = at.objective.x[r, :, N:].numpy() * y / N  # M / observed where it was
        u, s, vt = np.linalg.svd(filled)
        close(product(at, w)[r], (u[:, :K] * s[:K]) @ vt[:K])


def test_it_needs_two_factors() -> None:
    sentence = "alternating minimisation cannot move symmetric factors X Xᵀ; choose gd or the model"
    with pytest.raises(BadInput, match=f"^optimizer: {sentence} asymmetric-factors.$"):
        BASE.set({"model": "symmetric-factors"})
    with pytest.raises(BadInput, match="cannot move multi-layer perceptron; choose gd"):
        Recipe().set({"optimizer": "alternating"})


# ---- the claims


def test_the_judges_of_success_and_of_too_few_entries_refuse_each_other() -> None:
    enough, few = (paper.PRESETS[name].recipe for name in ("alternating", "alternating-few"))
    assert not paper.judge_success([finished(few)]).holds
    assert not paper.judge_few([finished(enough)]).holds
    apart = (beside(updates=2), beside(updates=1))  # the one step is 6 passes later, not within 2
    assert not paper.judge_success([finished(enough.set({"changes": apart}))]).holds


def test_the_judge_of_the_cost_refuses_updates_of_one_kind() -> None:
    short = paper.COMPLETION.set({"steps": 1})
    assert paper.judge_cost([finished(short)]).holds
    for first, others in ((0, ()), (0, (0, 0)), (1, (1, 2))):
        alike = short.set({"updates": first, "changes": tuple(beside(updates=u) for u in others)})
        assert not paper.judge_cost([finished(alike)]).holds


@pytest.mark.parametrize("updates", [0, 2])
def test_a_pass_costs_the_products_that_it_has(updates: int) -> None:
    """Of either factor: F R^T, F G^T, the residual times G; then the k x k matrices of all rows, or two
    products for each CG step.
    """
    recipe = paper.COMPLETION.set({"rank": 5, "updates": updates, "steps": 1, "changes": ()})
    arm, n, k = finished(recipe).arms[0], 100, 5
    more = 4 * 2 * n * n * k if updates else 2 * n * n * k**2
    assert paper.operations(arm) == 2 * (2 * n * k * k + 4 * n * n * k + more)
