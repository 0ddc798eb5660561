"""Probes measure what they say and never steer; the sharpness above all, along whole runs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from lab_core import curvature
from lab_core.arm import Arm
from lab_core.data import DATASETS
from lab_core.probes import PROBES, training
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import CLASSES, PAIRS, SMALL, close, having

EVERYTHING = tuple((name, 5) for name in PROBES)
# name -> the columns it writes for a classifier (a regression has no accuracy)
REFERENCE = {
    "sharpness": {"sharpness", "residual", "threshold", "ratio"},
    "eigenvalues": {f"eigenvalue_{i}" for i in range(1, 6)},
    "spectrum": set(),
    "trace": {"trace", "trace_error"},
    "weight_norm": {"weight_norm"},
    "gradient_norm": {"gradient_norm"},
    "accuracy": {"train_accuracy", "test_accuracy"},
    "test_loss": {"test_loss"},
    "zero_loss": {"zero_loss"},
    "alignment": {"alignment"},
    "slowness": {"slowness"},
    "corrupted": {"corrupted_fitted", "corrupted_true"},
    "kernel": {"ntk_drift", "kernel_alignment", "weight_drift"},
    "linearity": set(),
    "predictors": set(),
    "pruned": {"pruned_test", "pruned_fitted", "pruned_true"},
    "fourier": {"gini", "key_frequencies"},
    "progress": {"restricted_loss", "restricted_accuracy", "excluded_loss"},
    "neurons": {"neuron_share", "ipr"},
    "correctness": set(),
    "telescope": {"telescope_error", "telescope_accuracy"},
    "recovery": set(),  # those of measurements are in test_matrices.py
    "singular": set(),
    "matrix": set(),
    "weight_l1": {"weight_l1"},
    "margin": set(),  # those of a linear classifier are in test_margins.py
    "perceptron": set(),
    "boundary": set(),
    "parameters": set(),  # those of a regression with one output are in test_telescope.py
    "covariance": {"covariance_error"}
    | {f"{n}_{i}" for n in ("covariance", "target") for i in (1, 2, 3)},
    "covariance_curvature": set(),  # of the losses that have one: in test_covariance_losses.py
    "linear_sparsity": set(),  # of diagonal linear nets, ReLU nets and functions: in test_sparsity.py
    "patterns": set(),
    "function": set(),
    "curvature_range": {"curvature_min", "curvature_max", "negative_curvature"},
}
ARRAYS = {"spectrum", "fourier", "neurons", "correctness"}  # what is wider than a number
ON_PAIRS = {"corrupted", "pruned", "fourier", "progress", "neurons", "correctness"}
WRONG = PAIRS.set({"corruption": 0.4})


def test_every_probe_has_its_reference_line() -> None:
    assert set(REFERENCE) == set(PROBES)


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_writes_its_columns_at_its_cadence(name: str) -> None:
    base = WRONG if name in ON_PAIRS else CLASSES
    base = base.set({"filter": "grokfast"}) if name == "slowness" else base
    record = Run(base.set({"probes": ((name, 7),), "steps": 20})).finish().arms[0].record
    assert set(record.columns) - {"lr", "time", "train_loss"} == REFERENCE[name]
    for column in REFERENCE[name] | {"lr", "time"}:
        steps, values = record[column]
        assert steps.tolist() == [0, 7, 14] and np.isfinite(values).all()
    assert set(record.arrays) == {name} & ARRAYS


# ---- sharpness along a run, warm-started from measurement to measurement


def path(recipe: Recipe) -> tuple[Arm, dict[int, Tensor]]:
    """A finished arm, and the weights of every step at which it measured."""
    arm, every = Arm(recipe.split()), recipe.probes[0][1]
    weights = {}
    while not arm.done:
        weights[arm.t] = arm.state.w
        arm.advance(every)
    return arm, weights


def exact(arm: Arm, w: Tensor, k: int = 1) -> Tensor:
    """The k top eigenvalues of the dense Hessian [R, k]."""
    return torch.linalg.eigvalsh(curvature.dense(arm.objective.hvp(w), w)).flip(1)[:, :k]


CHEBYSHEV = SMALL.set({"width": 8, "depth": 3, "seed": (0, 1, 2), "lr": (0.1, 0.2, 0.3)})
CLUSTERS = CLASSES.set({"n": 60, "k": 4, "dim": 5, "width": 10, "init_scale": 0.5,
                        "seed": (0, 1, 2), "lr": (0.2, 0.5, 1.0)})  # fmt: skip
RUNS = {
    "Chebyshev, seldom": (CHEBYSHEV, 1500, 50),
    "Chebyshev, every step": (CHEBYSHEV.set({"seed": 0}), 100, 1),
    "Chebyshev, float32": (CHEBYSHEV.set({"dtype": "float32"}), 600, 20),
    "ReLU": (CHEBYSHEV.set({"activation": "relu"}), 600, 20),
    "clusters": (CLUSTERS, 600, 20),
    "clusters, minibatches": (CLUSTERS.set({"batch_size": 8, "lr": (0.1, 0.3)}), 400, 20),
    "clusters, cross-entropy": (CLUSTERS.set({"loss": "cross-entropy", "lr": (1.0, 5.0)}), 400, 20),
    "clusters, Adam": (CLUSTERS.set({"optimizer": "adam", "lr": (0.001, 0.01)}), 200, 10),
}


@pytest.mark.parametrize("name", RUNS)
def test_sharpness_along_a_run(name: str) -> None:
    recipe, steps, every = RUNS[name]
    arm, weights = path(recipe.set({"steps": steps, "probes": (("sharpness", every),)}))
    measured, sharpness = arm.record["sharpness"]
    assert measured.tolist() == list(weights) and not arm.diverged
    expected = np.array([exact(arm, w)[:, 0].numpy() for w in weights.values()])
    np.testing.assert_allclose(sharpness, expected, rtol=1e-3)
    if name.startswith("Chebyshev, seldom"):
        ratio = arm.record["ratio"][1][-10:]
        assert (np.abs(ratio.mean(0) - 1) < 0.1).sum() >= 6, "most replicas are at the edge"


def test_sharpness_with_a_diverged_replica_in_the_stack() -> None:
    recipe = SMALL.set({"lr": (0.2, 1e200, 0.1), "steps": 60, "probes": (("sharpness", 10),)})
    arm, weights = path(recipe)
    assert list(arm.diverged) == [1]
    sharpness = arm.record["sharpness"][1]
    assert np.isnan(sharpness[1:, 1]).all(), "nothing is recorded of what has diverged"
    for row, w in zip(sharpness, weights.values(), strict=True):
        w = w.clone()
        w[1] = 0
        close(torch.tensor(row)[[0, 2]], exact(arm, w)[[0, 2], 0], rtol=1e-3)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "adamw"])
def test_effective_sharpness_is_the_top_of_the_preconditioned_hessian(optimizer: str) -> None:
    """P^-1 (H + coupled decay), whose eigenvalues are those of P^-1/2 (H + decay) P^-1/2."""
    recipe = SMALL.set({"optimizer": optimizer, "lr": (1e-3, 1e-2), "weight_decay": 0.1,
                        "probes": (("sharpness", 5),)})  # fmt: skip
    arm = Arm(recipe.split())
    expected = []
    while not arm.done:
        w, state, o = arm.state.w, arm.state.optimizer, arm.optimizer
        H = curvature.dense(arm.objective.hvp(w), w)
        H = H + (0.1 if o.coupled else 0.0) * torch.eye(w.shape[1], dtype=w.dtype)
        p = o.preconditioner(w, arm.objective.gradient(w)[1], state)
        assert p is not None
        expected.append(torch.linalg.eigvals(H / p[:, :, None]).real.amax(1).numpy())
        arm.advance(5)
    np.testing.assert_allclose(arm.record["effective_sharpness"][1], expected, rtol=1e-3)
    ratio = arm.record["effective_sharpness"][1] / arm.record["threshold"][1]
    np.testing.assert_allclose(arm.record["ratio"][1], ratio)


def test_the_threshold_is_that_of_the_rate_which_the_schedule_leaves() -> None:
    recipe = SMALL.set({"schedule": "warmup", "warmup": 20, "lr": (0.1, 0.2), "weight_decay": 0.05,
                        "probes": (("sharpness", 1),)})  # fmt: skip
    record = Run(recipe).finish().arms[0].record
    t, threshold = record["threshold"]
    lr = np.minimum(1, (t[:, None] + 1) / 20) * [0.1, 0.2]
    np.testing.assert_allclose(threshold, 2 / lr - 0.05)
    np.testing.assert_allclose(record["lr"][1], lr)
    np.testing.assert_allclose(record["ratio"][1], record["sharpness"][1] / threshold)


# ---- the others


def test_each_probe_against_its_definition() -> None:
    recipe = CLASSES.set({"seed": (0, 1, 2), "probes": EVERYTHING, "steps": 26})
    arm, weights = path(recipe)
    last = {n: torch.tensor(c.values[-1]) for n, c in arm.record.columns.items()}
    w, L = weights[25], arm.objective
    H = curvature.dense(L.hvp(w), w)
    five = torch.stack([last[f"eigenvalue_{i}"] for i in range(1, 6)], 1)
    close(five, exact(arm, w, 5), rtol=1e-3)
    diagonal = H.diagonal(dim1=1, dim2=2).sum(1)
    assert bool(((last["trace"] - diagonal).abs() < 4 * last["trace_error"]).all())
    close(last["weight_norm"], w.square().sum(1).sqrt())
    close(last["weight_l1"], w.abs().sum(1))
    close(last["gradient_norm"], L.gradient(w)[1].square().sum(1).sqrt())
    for name, (x, y) in {"train": (L.x, L.y), "test": arm.test}.items():
        right = L.outputs(w, x).argmax(-1) == y.expand(3, -1, -1).argmax(-1)
        close(last[f"{name}_accuracy"], right.double().mean(1))
    close(last["test_loss"], L.criterion(L.outputs(w, arm.test[0]), arm.test[1]).mean(-1))
    close(last["alignment"], -cosine(L.gradient(w)[1], w))
    assert not last["zero_loss"].any()
    assert not [name for name in last if name.startswith("corrupted")], "no label is wrong"
    step, density = arm.record.arrays["spectrum"]
    assert step == 25 and density.grid.shape == density.density.shape == (3, 200)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(1) / (a.square().sum(1) * b.square().sum(1)).sqrt()


def test_of_the_corrupted_labels_which_are_fitted_and_which_seen_through() -> None:
    """Counted example by example; replicas have data of their own."""
    recipe = WRONG.set({"seed": (0, 1, 2), "lr": 0.5, "steps": 61, "probes": (("corrupted", 20),)})
    arm, weights = path(recipe)
    for i, w in enumerate(weights.values()):
        f = arm.objective.outputs(w, arm.x).argmax(-1)
        for r in range(3):
            y = WRONG.data.arrays(r)[1].argmax(1)
            truth = WRONG.set({"corruption": 0}).data.arrays(r)[1].argmax(1)
            wrong = [n for n in range(len(y)) if y[n] != truth[n]]
            assert len(wrong) == round(0.4 * len(y))
            for column, labels in {"corrupted_fitted": y, "corrupted_true": truth}.items():
                hits = [float(f[r, n] == labels[n]) for n in wrong]
                assert arm.record[column][1][i, r] == pytest.approx(np.mean(hits))


def test_the_share_of_losses_that_are_zero_rises_as_the_weights_outgrow_the_precision() -> None:
    """Weights scaled up lead by more: past -log(eps / 2) the softmax has collapsed."""
    grown = PAIRS.set({"init_scale": (1.0, 10.0, 30.0), "probes": (("zero_loss", 1),), "steps": 1})
    shares = {}
    for precision in ("float16", "float32", "float64"):
        arm = Run(grown.set({"precision": precision})).finish().arms[0]
        f, y = arm.objective.outputs(arm.start.w, arm.x), arm.y
        own = (f * y).sum(-1)
        rival = (f - 1e9 * y).amax(-1)
        lead = -np.log(torch.finfo(getattr(torch, precision)).eps / 2)
        shares[precision] = arm.record["zero_loss"][1][0]
        led = torch.stack([own - rival > lead + x for x in (2, 0)]).double().mean(-1)
        assert (led[0].numpy() <= shares[precision]).all()
        assert (shares[precision] <= led[1].numpy()).all()
    assert (shares["float16"] >= shares["float32"]).all() and shares["float64"][0] == 0


def test_a_cosine_is_that_of_the_directions_however_small_the_gradient() -> None:
    """A net that has fitted its examples has gradients below 1e-8, and that is where it is asked for."""
    a, b = torch.tensor([[3e-20, 4e-20], [0.0, 0.0]]), torch.tensor([[6.0, 8.0], [1.0, 0.0]])
    close(training.cosine(a, b), torch.tensor([1.0, 0.0]), rtol=1e-6)


def test_naive_loss_minimisation_is_alignment_one() -> None:
    """Where a homogeneous net's outputs already separate the classes, the gradient of
    cross-entropy along the weights is all that is left to gain: it points away from 0."""
    recipe = PAIRS.set({"lr": 0.3, "steps": 2001, "width": 40, "probes": (("alignment", 200),)})
    values = Run(recipe).finish().arms[0].record["alignment"][1][:, 0]
    assert (np.abs(values) <= 1).all() and values[-1] > 0.5 > values[0]


@pytest.mark.parametrize("name", ["grokfast", "orthogonal"])
def test_effective_sharpness_divides_by_what_the_step_divides_by_under_a_filter(name: str) -> None:
    """RMSProp's P remembers filtered gradients; from the state after the step it is sqrt(v) + eps."""
    recipe = CLASSES.set({"optimizer": "rmsprop", "filter": name, "lr": 1e-2,
                          "probes": (("sharpness", 1),)})  # fmt: skip
    arm = Arm(recipe.split())
    for _ in range(5):
        w = arm.state.w
        arm.advance(1)
        p = arm.state.optimizer["v"].sqrt() + arm.optimizer.eps
        H = curvature.dense(arm.objective.hvp(w), w)
        expected = torch.linalg.eigvals(H / p[:, :, None]).real.amax(1)
        close(arm.record["effective_sharpness"][1][-1], expected, rtol=1e-3)


def test_a_regression_has_no_accuracy_and_a_point_no_test_loss() -> None:
    record = Run(SMALL.set({"probes": EVERYTHING})).finish().arms[0].record
    assert "test_loss" in record.columns and "train_accuracy" not in record.columns
    point = SMALL.set({"data": "point", "probes": EVERYTHING})
    assert "test_loss" not in Run(point).finish().arms[0].record.columns


@pytest.mark.parametrize("batch_size", [0, 5])
def test_probes_do_not_steer(batch_size: int) -> None:
    """The same bits of weights whatever was measured, and however often."""
    recipe = CLASSES.set({"batch_size": batch_size, "seed": (0, 1), "optimizer": "adam",
                          "steps": 23})  # fmt: skip
    final = [
        Run(recipe.set({"probes": probes})).finish().arms[0].state.w
        for probes in ((), EVERYTHING, (("sharpness", 1),), (("trace", 3), ("spectrum", 11)))
    ]
    assert all(torch.equal(w, final[0]) for w in final)


def test_what_a_probe_draws_does_not_depend_on_the_stack() -> None:
    """Replica 0 alone and replica 0 of three are measured alike."""
    one, three = (
        Run(CLASSES.set({"seed": seed, "probes": EVERYTHING, "steps": 16})).finish().arms[0].record
        for seed in (0, (0, 1, 2))
    )
    for name in ("trace", "trace_error", "weight_norm"):
        np.testing.assert_allclose(one[name][1][:, 0], three[name][1][:, 0], rtol=1e-9)
    both = one["sharpness"][1][:, 0], three["sharpness"][1][:, 0]
    np.testing.assert_allclose(*both, rtol=1e-3)  # the stack goes on until its slowest is settled


@pytest.mark.parametrize("data", DATASETS)
def test_every_probe_may_be_asked_of_any_data(data: str) -> None:
    """It measures, or finds nothing; it does not raise."""
    run = Run(having("data", data).set({"probes": EVERYTHING, "steps": 6})).finish()
    assert run.arms[0].t == 6 and not run.arms[0].diverged
