"""Fourier analysis against what is known of a wave, and the probes on nets built by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lab_core import fourier as F
from lab_core.models import views
from lab_core.probes import PROBES, Moment
from lab_core.probes.fourier import sums
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import CLASSES, close, gaussian

NAMES = ("fourier", "progress", "neurons", "correctness")
PAIRS = Recipe().set(
    {"data": "modular", "p": 11, "fraction": 0.6, "model": "pair-mlp", "width": 8, "steps": 2,
     "loss": "cross-entropy", "probes": tuple((n, 1) for n in NAMES)}
)  # fmt: skip


def wave(p: int, k: int, phase: float) -> Tensor:
    return torch.cos(2 * math.pi * k / p * torch.arange(p, dtype=torch.float64) + phase)


# ---- spectra


@pytest.mark.parametrize("p", [7, 8])
def test_power_is_that_of_an_orthonormal_basis(p: int) -> None:
    """cos^2 + sin^2 of explicit coordinates; together, p times the variance of each column."""
    table = gaussian(2, p, 3)
    basis = F.waves(p, table)[:, 1 : 1 + 2 * (p // 2)]
    basis = basis[:, basis.norm(dim=0) > 1e-9]  # the sine of p / 2 is 0 everywhere
    coordinate = (basis / basis.norm(dim=0)).mT @ table
    found = F.spectrum(table)
    close(found.sum(1), p * table.var(1, correction=0))
    close(found[:, 0], coordinate[:, 0].square() + coordinate[:, p // 2].square())
    close(F.power(table, 2 * table), 5 * found.sum(-1))


def test_gini() -> None:
    close(F.gini(torch.ones(2, 5)), torch.zeros(2), atol=1e-7)
    close(F.gini(torch.tensor([0.0, 0.0, 3.0, 0.0])), 0.75, atol=1e-7)
    x = gaussian(6).abs()
    pairs = (x[:, None] - x).abs().sum()  # Gini's mean difference
    close(F.gini(x), pairs / (2 * 6 * x.sum()))


def test_key_frequencies_are_the_fewest_that_hold_the_share() -> None:
    power = torch.tensor([[1.0, 6.0, 2.0, 1.0], [0.0, 0.0, 10.0, 0.0]])
    assert F.key_frequencies(power, 0.8).tolist() == [[False, True, True, False],
                                                      [False, False, True, False]]  # fmt: skip
    assert F.key_frequencies(power, 0.81).sum(-1).tolist() == [3, 1]


@pytest.mark.parametrize("p", [7, 8])
def test_a_frequency_is_taken_out_and_the_rest_stays(p: int) -> None:
    table = torch.stack([1 + wave(p, 1, 0.3), wave(p, 3, 1.0)], 1)[None]
    mask = torch.zeros(1, p // 2, dtype=torch.bool)
    mask[0, 0] = True
    close(F.without(table, mask)[0], torch.stack([torch.ones(p).double(), wave(p, 3, 1.0)], 1))
    close(F.without(table, ~mask)[0, :, 0], table[0, :, 0])


def test_participation_runs_from_one_frequency_to_all() -> None:
    p = 11
    one, spike = wave(p, 2, 0.5), torch.eye(p, dtype=torch.float64)[0]
    table = torch.stack([one, spike], 1)[None]
    q = F.neurons([table, 3 * table])
    close(q.sum(2), torch.ones(2, 1, 2))
    close(F.participation(q)[0], torch.tensor([1.0, 2 / (p - 1)], dtype=torch.float64))


# ---- projections


@pytest.mark.parametrize("p", [7, 8])
def test_a_function_of_the_sum_is_found_again(p: int) -> None:
    s = torch.arange(p).repeat(2)[None].expand(2, -1)
    f = gaussian(2, p, p)[torch.arange(2)[:, None], s]
    constant, table = F.fit(f, s, torch.ones(2, p // 2, dtype=torch.bool))
    close(F.at(table, s) + constant, f)


def test_the_fit_is_least_squares_of_the_chosen_frequencies() -> None:
    p, n = 7, 20
    s = torch.randint(0, p, (2, n), generator=torch.Generator().manual_seed(0))
    f = gaussian(2, n, p)
    mask = torch.tensor([[True, False, False], [False, True, True]])
    constant, table = F.fit(f, s, mask)
    for r in range(2):
        k = (1 + mask[r].nonzero().flatten()).double()
        angle = 2 * math.pi / p * s[r][:, None].double() * k
        design = torch.cat((torch.ones(n, 1).double(), angle.cos(), angle.sin()), 1)
        expected = design @ torch.linalg.lstsq(design, f[r]).solution
        close((F.at(table, s) + constant)[r], expected)


def test_a_sum_that_no_pair_has_is_no_trouble() -> None:
    s = torch.tensor([[0, 1, 1, 3]])
    constant, table = F.fit(gaussian(1, 4, 7), s, torch.ones(1, 3, dtype=torch.bool))
    assert table.isfinite().all() and constant.isfinite().all()


# ---- probes


def moment(recipe: Recipe, w: Tensor | None = None) -> Moment:
    arm = Run(recipe.set({"steps": 0})).arms[0]
    w = arm.state.w if w is None else w
    return Moment(0, w, arm.state.alive, w, arm.optimizer, arm.filter, {}, arm.objective, arm.test,
                  True, {}, lambda: arm.start.truth, lambda: arm.start.w)  # fmt: skip


def taught(recipe: Recipe) -> Tensor:
    """Weights of a net on pairs that answers by the rule (Gromov 2023), with frequencies 1 and 3.

    (cos x + cos y)^2 holds cos (x + y); of four neurons a quarter of a turn apart, read with the
    same turns, cos (x + y - z) (1 + cos (x - y)) is left, which is largest at z = x + y.
    """
    arm, p = Run(recipe.set({"steps": 0})).arms[0], 11
    w = torch.zeros_like(arm.state.w)
    v = views(w, arm.objective.shapes)
    for i, (k, turn) in enumerate((k, turn) for k in (1, 3) for turn in range(4)):
        phase = turn * math.pi / 2
        v["left"][:, :, i] = v["right"][:, :, i] = wave(p, k, phase / 2)
        v["out"][:, :, i] = 4 * wave(p, k, phase)
    return w


def test_a_net_that_knows_the_rule() -> None:
    """Two frequencies hold all, the restricted loss is the test loss, without them nothing is left."""
    m = moment(PAIRS, taught(PAIRS))
    columns = {k: v for name in NAMES for k, v in PROBES[name](m).items()}
    assert columns["key_frequencies"].tolist() == [2]
    close(columns["gini"][0], 1 - 2 / 5)
    assert columns["restricted_accuracy"].item() == 1
    close(columns["neuron_share"][0], 1.0)
    close(columns["ipr"][0], 1.0)
    cells = m.arrays["correctness"][0]
    assert cells.dtype == torch.int8 and sorted(cells.unique().tolist()) == [1, 3]
    assert columns["excluded_loss"].item() > 10 * columns["restricted_loss"].item()


def test_a_net_that_knows_nothing() -> None:
    m = moment(PAIRS)
    found = PROBES["progress"](m)
    assert found["restricted_accuracy"].item() < 0.5
    assert PROBES["fourier"](m)["key_frequencies"].item() > 2
    assert PROBES["neurons"](m)["neuron_share"].item() < 0.7


def test_correctness_names_each_pair() -> None:
    m = moment(PAIRS)
    PROBES["correctness"](m)
    cells = m.arrays["correctness"]
    assert cells.shape == (1, 11, 11)
    for x, f, y, first in (
        (m.objective.x, m.train, m.objective.y, 1),
        (m.test[0], m.tested, m.test[1], 3),
    ):
        for (a, b), ours, label in zip(
            x[0].long().tolist(), f[0].argmax(-1), y[0].argmax(-1), strict=True
        ):
            assert cells[0, a, b] == first + int(ours != label)
    division = moment(PAIRS.set({"operation": "divide"}))
    PROBES["correctness"](division)
    assert not division.arrays["correctness"][0, :, 0].any(), "nothing is divided by 0"


@pytest.mark.parametrize("operation, sign", [("add", 1), ("subtract", -1)])
def test_sums_and_differences(operation: str, sign: int) -> None:
    m = moment(PAIRS.set({"operation": operation, "seed": (0, 1)}))
    found = sums(m.objective, m.test)
    assert found is not None
    a, b = m.test[0].long().unbind(-1)
    assert torch.equal(found.test, (a + sign * b) % 11)
    assert torch.equal(found.train, m.objective.y.argmax(-1))


def test_of_wrong_labels_the_sums_stay_sums() -> None:
    m = moment(PAIRS.set({"corruption": 0.3}))
    found = sums(m.objective, m.test)
    assert found is not None and torch.equal(found.train, m.truth().argmax(-1))


def test_probes_say_nothing_where_nothing_fits() -> None:
    for name in NAMES:
        m = moment(CLASSES)
        assert PROBES[name](m) == {} and not m.arrays
    assert PROBES["progress"](moment(PAIRS.set({"operation": "multiply"}))) == {}
    transformer = PAIRS.set({"model": "transformer", "width": 8, "heads": 2, "mlp_width": 8})
    assert PROBES["neurons"](moment(transformer)) == {}
    assert PROBES["fourier"](moment(transformer))["gini"].shape == (1,)


def test_a_stack_is_measured_replica_by_replica() -> None:
    stack = moment(PAIRS.set({"seed": (0, 1)}))
    for name in ("fourier", "progress", "neurons"):
        both = PROBES[name](stack)
        for r in (0, 1):
            for column, value in PROBES[name](moment(PAIRS.set({"seed": r}))).items():
                close(value[0], both[column][r])
