"""The judges of double descent can say no; and what its figures draw while they are not finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lab_core import asymptotics
from lab_core.claims import Verdict, finished
from lab_core.curves import Curve
from lab_core.phenomena import (
    PHENOMENA,
    double_descent_nets,
    double_descent_noise,
    double_descent_optimization,
    epoch_wise,
    random_feature_curve,
)
from lab_core.phenomena.descent_curves import bias_and_variance, peak
from lab_core.record import Record
from lab_core.run import Run
from lab_core.sweep import Grid, Outcome, Sweep, compute, in_stacks
from tests.bench.double_descent import NET, padded

LAB = PHENOMENA["double-descent"]
RANDOM, BUDGET = random_feature_curve, double_descent_optimization
NETS, NOISE, EPOCHS = double_descent_nets, double_descent_noise, epoch_wise


def run(preset: str, **settings: Any) -> Run:
    return Run(LAB.presets[preset].recipe.set(settings)).finish()


def made(sweep: Sweep, **columns: dict[int, np.ndarray] | np.ndarray) -> Grid:
    """A grid with these columns, [*shape] each, at the last step or at several: step -> values."""
    grid = Grid(sweep)
    for cell in sweep.cells():
        record = Record(1)
        for name, steps in columns.items():
            for t, values in (steps if isinstance(steps, dict) else {9999: steps}).items():
                record.extend(name, t, np.broadcast_to(values, sweep.shape)[cell.place])
        grid.add([Outcome(cell, record)])
    return grid


def along(sweep: Sweep, *values: float | Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """[widths, second axis, seeds]: for each value of the second axis a function of the width."""
    x = np.array(sweep.over[0].values, float)
    rows = [v(x) if callable(v) else np.full(len(x), v) for v in values]
    return np.broadcast_to(np.stack(rows, 1)[..., None], (*sweep.shape[:-1], len(sweep.seeds)))


def hill(at: float, low: float, high: float, end: float) -> Callable[[np.ndarray], np.ndarray]:
    """`low` before a place, `high` within a factor of 1.7 of it, `end` from there on."""
    return lambda x: np.where(x > 1.7 * at, end, np.where(x < at / 1.7, low, high))


def refused(*verdicts: Verdict) -> bool:
    return not any(v.holds for v in verdicts)


# ---- random features


def test_a_wrong_constant_is_not_theorys_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = finished(RANDOM.MODELWISE)
    right = asymptotics.random_features
    for wrong in ((0.25, 0.25), (0.25, 0.12), (0.2, asymptotics.RELU[1])):
        monkeypatch.setattr(asymptotics, "random_features", lambda *a, m=wrong: right(*a, m))
        assert refused(RANDOM.judge([grid])), f"the moments {wrong} are not ReLU's"
    monkeypatch.setattr(asymptotics, "random_features", lambda f, n, d, r: right(f, n, d, 2 * r))
    assert refused(RANDOM.judge([grid])), "a ridge of another scale"
    monkeypatch.setattr(asymptotics, "random_features", right)
    assert RANDOM.judge([grid]).holds
    both = bias_and_variance(grid)
    np.testing.assert_allclose(both.sum(0), 2 * grid.values("test_loss")[:, 0].mean(1))
    values = 2 * grid.values("test_loss")
    values[:, 0] = values[:, 2]
    smooth = made(RANDOM.MODELWISE, test_loss=values / 2)
    assert refused(RANDOM.judge([smooth])), "a ridge everywhere"


def test_a_peak_is_measured_from_the_dip_before_it() -> None:
    values = np.array([[3.0], [2.0], [8.0], [1.0]])
    assert peak(np.array([10.0, 50.0, 100.0, 500.0]), values, 100)[0] == 4


# ---- what the optimizer has to do with it


def budget(heights: np.ndarray, condition: tuple[float, ...], loss: float = -1) -> list[Grid]:
    """Grids in which the peak has these heights [budgets] divided by the condition, and the training loss
    goes with their power `loss`.
    """
    grids = []
    for sweep, conditions in zip(
        (BUDGET.CONDITIONED, *BUDGET.OTHERS),
        (condition[1:], condition[:1], condition[1:2]),
        strict=True,
    ):
        many = [np.maximum(1, heights / c) for c in conditions]
        steps = {BUDGET.at(d): i for i, d in enumerate(BUDGET.BUDGETS)}
        test, train = {}, {}
        x = np.array(sweep.over[0].values)
        for t, i in steps.items():
            rows = np.stack([np.where(x == 100, h[i], 1.0) for h in many], 1)
            level = np.array([h[i] ** loss * 0.9**i for h in many])
            rows, level = (rows, level) if len(sweep.over) == 2 else (rows[:, 0], level[0])
            test[t], train[t] = rows[..., None], np.expand_dims(level, -1)
        values = np.array(conditions if len(sweep.over) == 2 else conditions[0])
        grids.append(
            made(sweep, test_loss=test, train_loss=train, condition=np.expand_dims(values, -1))
        )
    return grids


def test_a_peak_that_does_not_grow_or_has_nothing_to_do_with_loss_or_condition_is_refused() -> None:
    heights, condition = np.array([2.0, 4, 16, 60, 400]), (0.5, 2.0, 4.0, 8.0)
    assert BUDGET.judge_budget(budget(heights, condition)).holds
    assert refused(BUDGET.judge_budget(budget(np.full(5, 60.0), condition)),
                   BUDGET.judge_budget(budget(heights / 20, condition)),
                   BUDGET.judge_budget(budget(10 * heights, condition)),
                   BUDGET.judge_budget(budget(heights, (2.0, 2.0, 2.0, 2.0))),
                   BUDGET.judge_budget(budget(heights, condition, loss=0.5)))  # fmt: skip


def test_momenta_that_are_alike_or_not_worth_their_steps_are_refused() -> None:
    sweep = BUDGET.FASTER
    x = np.array(sweep.over[0].values)

    def grid(*heights: float) -> Grid:
        """Heights after 1,000 steps for each beta; without momentum after 10^4 and 10^5 steps 3 and 9."""
        test = {}
        for decade, row in {3: heights, 4: (3, 9, 30), 5: (9, 30, 90)}.items():
            rows = np.stack([np.where(x == 100, h, 1.0) for h in row], 1)
            test[BUDGET.at(decade)] = rows[..., None]
        return made(sweep, test_loss=test)

    assert BUDGET.judge_momentum([grid(1.1, 3, 9)]).holds
    for wrong in ((1.1, 1.1, 1.1), (1.1, 9, 3), (1.1, 2, 9), (3, 3, 9)):
        assert refused(BUDGET.judge_momentum([grid(*wrong)]))


def test_a_threshold_that_is_nowhere_near_and_a_ridge_are_refused() -> None:
    assert refused(BUDGET.judge_threshold([run("at-the-threshold", n=400)]),
                   BUDGET.judge_threshold([run("at-the-threshold", weight_decay=1e-3)]),
                   BUDGET.judge_threshold([run("at-the-threshold", changes=())]))  # fmt: skip


def test_nets_without_a_peak_or_with_one_from_the_first_are_refused() -> None:
    sweep = NETS.FIGURES["nets"].subject
    x = np.array(sweep.over[0].values)
    at = (x >= 4) & (x <= 8)

    def grid(tops: tuple[float, ...], losses: tuple[float, ...], end: float = 0.3) -> Grid:
        test, train = ({t: np.where(at, v, other)[:, None] / 2 for t, v in zip(NETS.STEPS, each, strict=True)}
                       for each, other in ((tops, end), (losses, 0.0)))  # fmt: skip
        return made(sweep, test_loss=test, train_loss=train)

    assert NETS.judge_nets([grid((0.4, 1, 2), (0.1, 0.04, 0.02))]).holds
    assert refused(NETS.judge_nets([grid((0.4, 0.4, 0.4), (0.1, 0.04, 0.02))]),
                   NETS.judge_nets([grid((1.9, 1.95, 2), (0.1, 0.04, 0.02))]),
                   NETS.judge_nets([grid((0.4, 1, 2), (0.1, 0.1, 0.1))]),
                   NETS.judge_nets([grid((0.4, 1, 2), (0.1, 0.04, 0.02), end=1.5)]))  # fmt: skip
    assert refused(NETS.judge_threshold([run("net-at-the-threshold", noise=0.0)]),
                   NETS.judge_threshold([run("net-at-the-threshold", steps=101)]))  # fmt: skip


def test_settings_that_change_nothing_or_the_wrong_way_are_refused() -> None:
    sweep = NETS.FIGURES["batches"].subject

    def grid(tops: tuple[float, ...], losses: tuple[float, ...]) -> Grid:
        return made(sweep, test_loss=along(sweep, *tops), train_loss=along(sweep, *losses))

    assert NETS.judge_settings([grid((0.5, 1, 2), (0.3, 0.2, 0.1))]).holds
    for tops, losses in (((2, 2, 2), (0.3, 0.2, 0.1)), ((2, 1, 0.5), (0.3, 0.2, 0.1)),
                         ((0.5, 1, 2), (0.1, 0.1, 0.1)), ((1.8, 1.9, 2), (0.3, 0.2, 0.1))):  # fmt: skip
        assert refused(NETS.judge_settings([grid(tops, losses)]))


def test_a_large_start_that_comes_down_or_fits_nothing_is_refused() -> None:
    sweep = NETS.FIGURES["init-scales"].subject
    usual = hill(5, 0.1, 1.0, 0.1)

    def grid(large: Any, train: float = 1e-4) -> Grid:
        return made(sweep, test_loss=along(sweep, usual, usual, large),
                    train_loss=np.array(train))  # fmt: skip

    assert NETS.judge_scales([grid(2.0)]).holds
    other = made(NETS.FIGURES["batches"].subject, test_loss=np.ones(1))
    assert refused(NETS.judge_scales([grid(usual)]), NETS.judge_scales([grid(2.0, 0.1)]),
                   NETS.judge_scales([other]))  # fmt: skip


# ---- noise


@pytest.mark.parametrize(("judge", "sweep", "at"), [
    (NOISE.judge_cross, NOISE.CROSS, 8), (NOISE.judge_digits, NOISE.DIGITS, 12),
    (NOISE.judge_mnist, NOISE.MNIST, 50),
])  # fmt: skip
def test_no_peak_one_without_noise_and_features_that_know_no_more_are_refused(
    judge: Any, sweep: Sweep, at: float
) -> None:
    falls, rises = hill(at, 0.9, 0.9, 0.95), hill(at, 0.7, 0.6, 0.8)
    learns = hill(at, 0.4, 0.4, 0.7)

    def grid(clean: Any, noisy: Any, hidden: Any, raw: float = 0.8) -> Grid:
        columns = {
            "test_accuracy": (clean, noisy),
            "recovered": (0.0, hidden),
            "recovered_raw": (0.0, raw),
        }
        return made(sweep, **{name: along(sweep, *both) for name, both in columns.items()})

    assert judge([grid(falls, rises, learns)]).holds
    assert refused(judge([grid(falls, falls, learns)]), judge([grid(rises, rises, learns)]),
                   judge([grid(falls, hill(at, 0.7, 0.6, 0.6), learns)]),
                   judge([grid(falls, rises, 0.5)]))  # fmt: skip
    if judge is not NOISE.judge_mnist:
        assert refused(judge([grid(falls, rises, learns, raw=0.5)])), (
            "more than the raw inputs know"
        )


def test_squared_error_without_a_peak_or_with_one_elsewhere_is_refused() -> None:
    def grid(clean: Any, noisy: Any) -> Grid:
        return made(NOISE.SQUARED, test_accuracy=along(NOISE.SQUARED, clean, noisy))

    peak, higher = hill(38, 0.85, 0.7, 0.8), hill(38, 0.8, 0.4, 0.6)
    assert NOISE.judge_squared([grid(peak, higher)]).holds
    assert refused(NOISE.judge_squared([grid(0.8, higher)]), NOISE.judge_squared([grid(higher, peak)]),
                   NOISE.judge_squared([grid(hill(10, 0.85, 0.6, 0.7), higher)]))  # fmt: skip


# ---- time


def test_one_speed_has_one_descent() -> None:
    assert refused(EPOCHS.judge_two_speed([run("two-speed", slowness=1.0)]),
                   EPOCHS.judge_two_speed([run("two-speed", slowness=0.3)]),
                   EPOCHS.judge_two_speed([run("two-speed", steps=25)]))  # fmt: skip
    alone = run("two-speed-net", steps=300, changes=())
    assert refused(EPOCHS.judge_net([alone]), EPOCHS.judge_net([run("two-speed-net", steps=300)]))


def test_labels_without_noise_stay_down() -> None:
    assert refused(EPOCHS.judge_labels([run("labels-in-time", corruption=0.0, steps=300)]),
                   EPOCHS.judge_labels([run("labels-in-time", steps=40)]))  # fmt: skip


# ---- figures


@pytest.mark.parametrize("slug", LAB.figures)
def test_a_figure_draws_nothing_and_then_what_it_has(slug: str) -> None:
    figure = LAB.figures[slug]
    assert isinstance(figure, Curve)
    small = replace(
        figure.subject, seeds=(0,), recipe=figure.subject.recipe.set({"n": 40, "steps": 2})
    )
    if any("n" in axis.knobs for axis in small.over):
        small = replace(small, recipe=figure.subject.recipe)
    grid = Grid(small)
    for _ in range(2):
        for panel in figure.panels:
            lines = panel.lines(grid)
            assert lines and all(line.x.shape == line.y.shape for line in lines)
        grid.add(compute(next(in_stacks(small))))
    assert len(figure.panels) <= 4 and set(figure.knobs) <= set(figure.subject.recipe.flat())


def test_the_default_figure_is_random_features_on_theorys_curve() -> None:
    assert next(iter(LAB.figures)) == "random-features"
    lines = LAB.figures["random-features"].panels[0].lines(Grid(RANDOM.MODELWISE))  # type: ignore[attr-defined]
    assert sum(line.dashed for line in lines) == 4
    recipe = RANDOM.MODELWISE.recipe.set({"activation": "fourier"})
    fourier = replace(RANDOM.MODELWISE, recipe=recipe)
    assert np.isnan(RANDOM.theory(Grid(fourier))).all(), "no theory is drawn of other features"


def test_nets_in_one_stack_of_the_bench_train_as_by_themselves() -> None:
    recipe = NET.set({"n": 300, "steps": 30, "dtype": "float64"})
    stack = padded(recipe, (3, 7))
    stack.advance(30)
    for r, width in enumerate((3, 7)):
        arm = Run(recipe.set({"width": width})).finish().arms[0]
        f = stack.objective.outputs(stack.state.w, stack.test[0])[r]
        np.testing.assert_allclose(f, arm.objective.outputs(arm.state.w, arm.test[0])[0], atol=1e-9)
