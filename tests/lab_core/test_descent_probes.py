"""Probes of double descent, and the data for it, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lab_core.data import MNIST1D, GaussianTeacher, TwoSpeed
from lab_core.models import views
from lab_core.recipe import Recipe
from lab_core.run import Run

NOISY = Recipe().set({"data": "clusters", "n": 60, "k": 3, "dim": 4, "corruption": 0.3, "width": 9,
                      "activation": "relu", "loss": "cross-entropy", "lr": 1.0, "steps": 41,
                      "seed": (0, 1), "probes": (("neighbours", 20),)})  # fmt: skip
LINEAR = Recipe().set({"data": "two-speed", "n": 60, "fast": 20, "slow": 5, "slowness": 0.1,
                       "model": "linear", "lr": 0.1, "steps": 21, "seed": (0, 1)})  # fmt: skip


def voted(z: np.ndarray, given: np.ndarray, i: int) -> np.ndarray:
    """The votes of the five nearest to example i by cosine, itself left out."""
    cosine = z @ z[i] / (np.linalg.norm(z, axis=1).clip(1e-300) * np.linalg.norm(z[i]).clip(1e-300))
    cosine[i] = -np.inf
    votes: np.ndarray = given[np.argsort(-cosine)[:5]].sum(0)
    return votes


def test_recovery_counts_wrong_labels_whose_neighbours_are_for_the_truth() -> None:
    arm = Run(NOISY).finish().arms[0]
    w = arm.state_at(40).w
    model, shapes = arm.objective.model, arm.objective.shapes
    hidden = model.hidden(views(w, shapes), arm.x.expand(2, -1, -1))  # type: ignore[attr-defined]
    for name, z in {"recovered": hidden, "recovered_raw": arm.x}.items():
        for r in range(2):
            truth, given = (t.expand(2, -1, -1)[r].numpy() for t in (arm.start.truth, arm.y))
            wrong = np.flatnonzero((truth != given).any(1))
            assert len(wrong) == 18
            low = high = 0
            for i in wrong:
                votes = voted(z[r].numpy(), given, i)
                own = votes[truth[i].argmax()]
                low += own == votes.max() and (votes == own).sum() == 1
                high += own == votes.max()  # a tie is broken by how near they are
            assert low / 18 <= arm.record[name][1][-1, r] <= high / 18


def test_hidden_activations_are_what_the_last_layer_reads() -> None:
    arm = Run(NOISY.set({"depth": 3, "steps": 3})).finish().arms[0]
    pieces = arm.at.views(arm.state.w)
    x = arm.x.expand(2, -1, -1)
    hidden = arm.objective.model.hidden(pieces, x)  # type: ignore[attr-defined]
    out = hidden @ pieces["weight3"] + pieces["bias3"]
    torch.testing.assert_close(out, arm.objective.outputs(arm.state.w, arm.x))
    one = Run(NOISY.set({"depth": 1, "steps": 3})).finish().arms[0]
    assert torch.equal(one.objective.model.hidden(one.at.views(one.state.w), x), x)  # type: ignore[attr-defined]


def test_nothing_is_recovered_where_no_label_is_wrong() -> None:
    assert "recovered" not in Run(NOISY.set({"corruption": 0.0})).finish().arms[0].record.columns


def test_predictions_are_the_outputs_on_a_test_set_that_all_seeds_share() -> None:
    recipe = LINEAR.set({"probes": (("predictions", 20),)})
    arm = Run(recipe).finish().arms[0]
    step, found = arm.record.arrays["predictions"]
    assert step == 20 and found.shape == (2, 1000, 1) and arm.test[0].shape[0] == 1
    expected = arm.test[0] @ arm.state_at(20).w[:, :, None]
    torch.testing.assert_close(found, expected)
    assert arm.record.only(1).arrays["predictions"][1].shape == (1000, 1)


def test_the_condition_is_that_of_the_inputs_without_those_that_say_nothing() -> None:
    recipe = LINEAR.set({"probes": (("condition", 20),)})
    for settings in ({}, {"data": "digits", "n": 50}):
        arm = Run(recipe.set(settings)).finish().arms[0]
        for r in range(2):
            s = np.linalg.svd(arm.x[r].numpy(), compute_uv=False)
            s = s[: np.linalg.matrix_rank(arm.x[r].numpy())]
            assert arm.record["condition"][1][-1, r] == pytest.approx(s[0] / s[-1], rel=1e-9)


def test_the_error_of_fast_and_slow_weights_adds_up_to_the_test_error() -> None:
    recipe = LINEAR.set({"probes": (("speeds", 10), ("test_loss", 10))})
    record = Run(recipe).finish().arms[0].record
    parts = record["error_fast"][1] + record["error_slow"][1]
    np.testing.assert_allclose(parts, 2 * record["test_loss"][1], rtol=0.3)  # 1000 examples are few
    slow = record["error_slow"][1]
    assert (slow[0] > 0.8).all() and (
        record["error_fast"][1][-1] < 0.5 * record["error_fast"][1][0]
    ).all()
    for other in ({"slowness": 1.0}, {"data": "digits"}):
        assert "error_fast" not in Run(recipe.set(other)).finish().arms[0].record.columns


# ---- data


def test_a_noisy_teacher_is_a_unit_vector_whose_test_set_knows_no_seed_and_no_noise() -> None:
    one, two = (GaussianTeacher(n=5000, dim=7, noise=0.5).arrays(s) for s in (0, 1))
    assert np.array_equal(one[2], two[2]) and np.array_equal(one[3], two[3])
    b = np.linalg.lstsq(one[2], one[3], rcond=None)[0][:, 0]
    assert np.linalg.norm(b) == pytest.approx(1)
    assert (one[1] - one[0] @ b[:, None]).std() == pytest.approx(0.5, rel=0.05)
    x, _, x_test, _ = GaussianTeacher(n=10, dim=7, law="sphere").arrays(0)
    assert np.allclose(np.square(np.concatenate([x, x_test])).sum(1), 7)


def test_each_speed_carries_a_signal_of_variance_one() -> None:
    x, y, x_test, y_test = TwoSpeed(n=5000, noise=0.3, slowness=0.1).arrays(0)
    assert x[:, :70].std() == pytest.approx(1, rel=0.02)
    assert x[:, 70:].std() == pytest.approx(0.1, rel=0.02)
    b = np.linalg.lstsq(x_test, y_test, rcond=None)[0][:, 0]
    for signal in (x[:, :70] @ b[:70], x[:, 70:] @ b[70:]):
        assert signal.var() == pytest.approx(1, rel=0.1)
    assert (y[:, 0] - x @ b).std() == pytest.approx(0.3, rel=0.05)


def test_mnist1d_is_as_hard_as_published_for_a_linear_model() -> None:
    """32% (Greydanus & Kobak 2020)."""
    x, y, x_test, y_test = MNIST1D().arrays(seed=0)
    assert x.mean() == pytest.approx(0, abs=1e-12) and x.std() == pytest.approx(1)
    linear = Recipe().set({"data": "mnist1d", "depth": 1, "loss": "cross-entropy", "lr": 0.03,
                           "optimizer": "adam", "steps": 301, "probes": (("accuracy", 300),)})  # fmt: skip
    shares = Run(linear).finish().arms[0].record["test_accuracy"][1][-1]
    assert 0.28 < shares[0] < 0.37
    classes = y_test.argmax(1)
    assert np.bincount(classes, minlength=10).min() > 60


def test_a_net_learns_mnist1d_twice_as_well() -> None:
    """Some 68%, published."""
    net = Recipe().set({"data": "mnist1d", "width": 100, "depth": 3, "activation": "relu", "lr": 0.003,
                        "optimizer": "adam", "loss": "cross-entropy", "batch_size": 100, "steps": 1001,
                        "dtype": "float32", "probes": (("accuracy", 1000),)})  # fmt: skip
    assert 0.58 < Run(net).finish().arms[0].record["test_accuracy"][1][-1, 0] < 0.75


def test_wrong_labels_of_mnist1d_are_other_ones_and_nothing_else_changes() -> None:
    clean, noisy = MNIST1D(n=500), MNIST1D(n=500, corruption=0.2)
    a, b = clean.arrays(1), noisy.arrays(1)
    assert all(np.array_equal(a[i], b[i]) for i in (0, 2, 3))
    assert (a[1] != b[1]).any(1).sum() == 100 and np.array_equal(noisy.truth(1), a[1])
