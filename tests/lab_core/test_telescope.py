"""The telescoping model against loops that say the same one example and one step at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from lab_core.arm import Arm
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import CLASSES, PAIRS, SMALL, close

ONE = SMALL.set({"n": 6, "width": 5, "lr": 0.05, "steps": 6})


def measured(recipe: Recipe, probe: str, every: int = 1) -> Arm:
    return Run(recipe.set({"probes": ((probe, every),)})).finish().arms[0]


def path(recipe: Recipe) -> list[Tensor]:
    """The weights of every step of a run."""
    arm = Arm(recipe.set({"probes": ()}).split())
    weights = [arm.state.w]
    while not arm.done:
        arm.advance(1)
        weights.append(arm.state.w)
    return weights


def jacobian(arm: Arm, w: Tensor, x: Tensor) -> Tensor:
    """The derivative [R, N, c, P] of the outputs by the weights, replica by replica."""
    w, x = w.clone(), x.clone().expand(arm.R, -1, -1)
    rows = torch.autograd.functional.jacobian(lambda v: arm.objective.outputs(v, x), w)
    return torch.stack([rows[r, :, :, r] for r in range(arm.R)])


@pytest.mark.parametrize("base", [CLASSES, PAIRS], ids=["clusters", "pairs"])
@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.long), 3])
def test_the_sum_of_first_order_changes(base: Recipe, every: int) -> None:
    recipe = base.set({"steps": 7, "seed": (0, 1), "lr": 0.2})
    arm = measured(recipe, "telescope", every)
    weights = path(recipe)[:7:every]
    x, y = arm.test
    f = [arm.objective.outputs(w, x) for w in weights]
    model, errors = f[0], [torch.zeros(2)]
    for i in range(1, len(weights)):
        J = jacobian(arm, weights[i - 1], x)
        model = model + torch.einsum("rncp,rp->rnc", J, weights[i] - weights[i - 1])
        gap, way = (a.flatten(1).norm(dim=1) for a in (model - f[i], f[i] - f[0]))
        errors.append(gap / way)
    steps, found = arm.record["telescope_error"]
    assert steps.tolist() == list(range(0, 7, every))
    close(torch.tensor(found), torch.stack(errors), rtol=1e-7)
    accuracy = (model.argmax(-1) == y.argmax(-1)).double().mean(-1)
    close(torch.tensor(arm.record.last("telescope_accuracy")), accuracy, rtol=1e-6)


def test_a_linear_net_is_its_own_telescoping_model() -> None:
    arm = measured(CLASSES.set({"model": "deep-linear", "depth": 1, "steps": 30}), "telescope")
    assert arm.record["telescope_error"][1].max() < 1e-12


def test_halving_the_learning_rate_halves_the_error() -> None:
    """First-order changes leave a second-order error a step, so one of lr in all."""
    base = CLASSES.set({"lr": 0.02, "steps": 101})
    whole = measured(base, "telescope").record.last("telescope_error")
    half = measured(base.set({"lr": 0.01, "steps": 201}), "telescope").record.last(
        "telescope_error"
    )
    assert whole is not None and half is not None and 1.8 < float(whole[0] / half[0]) < 2.2


def test_without_test_data_the_training_inputs_are_followed() -> None:
    point = Recipe().set({"data": "point", "width": 4, "steps": 5, "lr": 0.1})
    error = measured(point, "telescope").record["telescope_error"][1]
    assert error[0] == 0 and (error[1:] > 0).all()


def test_a_replica_that_diverged_leaves_the_others_alone() -> None:
    recipe = ONE.set({"lr": (0.05, 1e200), "steps": 20})
    for probe, column in (("telescope", "telescope_error"), ("parameters", "parameters_train")):
        both = measured(recipe, probe).record[column][1]
        alone = measured(recipe.set({"lr": 0.05}), probe).record[column][1]
        close(both[:, 0], alone[:, 0], rtol=1e-6)


# ---- effective parameters


@pytest.mark.parametrize("every", [1, 2])
def test_the_smoother_step_by_step(every: int) -> None:
    recipe = ONE.set({"seed": (0, 1), "n": 6})
    arm = measured(recipe, "parameters", every)
    weights, n = path(recipe), 6
    x = torch.cat((arm.x, arm.test[0]), 1)
    S = torch.zeros(2, x.shape[1], n, dtype=torch.float64)
    train, test = [torch.zeros(2)], [torch.zeros(2)]
    for t in range(5 if every == 1 else 4):
        J = jacobian(arm, weights[t // every * every], x)[:, :, 0]
        for r in range(2):
            K = J[r] @ J[r, :n].T
            S[r] = S[r] - 0.05 / n * K @ (S[r, :n] - torch.eye(n))
        if (t + 1) % every == 0:
            used = n * S.square().sum(-1)
            train.append(used[:, :n].mean(1))
            test.append(used[:, n:].mean(1))
    close(torch.tensor(arm.record["parameters_train"][1]), torch.stack(train), rtol=1e-8)
    close(torch.tensor(arm.record["parameters_test"][1]), torch.stack(test), rtol=1e-8)


def test_least_squares_uses_as_many_parameters_as_it_has() -> None:
    """A linear net with bias, trained to the end, is the hat matrix of least squares: trace 2."""
    recipe = ONE.set({"depth": 1, "n": 12, "lr": 0.5, "steps": 400})
    arm = measured(recipe, "parameters")
    close(arm.record.last("parameters_train"), [2.0], rtol=1e-9)
    assert arm.record["smoother_error"][1].max() < 1e-9, "a linear model is followed exactly"


def test_the_smoother_follows_a_net_the_closer_the_smaller_the_steps() -> None:
    whole = measured(ONE.set({"lr": 0.1, "steps": 101}), "parameters").record["smoother_error"][1]
    half = measured(ONE.set({"lr": 0.05, "steps": 201}), "parameters").record["smoother_error"][1]
    assert 1.7 < float(whole[-1, 0] / half[-1, 0]) < 2.3 and whole[-1, 0] < 0.05


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "heavy-ball"},
        {"weight_decay": 0.01},
        {"filter": "grokfast"},
        {"data": "clusters"},
    ],
    ids=str,
)
def test_there_are_no_parameters_where_the_recursion_does_not_hold(
    settings: dict[str, object],
) -> None:
    record = measured(ONE.set(settings), "parameters").record
    assert not len(record["parameters_train"][0])


def test_probes_do_not_steer() -> None:
    plain = Run(ONE.set({"probes": ()})).finish().arms[0].state.w
    for probe in ("telescope", "parameters"):
        assert np.array_equal(measured(ONE, probe).state.w, plain)
