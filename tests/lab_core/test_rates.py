"""Fitted rates: exact laws come back, and what does not fall has none."""

from __future__ import annotations

import numpy as np
import pytest

from lab_core import rates

T = np.arange(2001)


@pytest.mark.parametrize("rate", [2e-4, 1e-3, 0.0105])
def test_an_exponential_has_its_rate(rate: float) -> None:
    found = rates.fit(T, 3 * np.exp(-rate * T))
    assert found and found.kind == "exponential" and found.rate == pytest.approx(rate, rel=1e-9)
    assert found.constant == pytest.approx(3) and found.residual < 1e-9 < found.other


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 3.0])
def test_a_power_law_has_its_exponent_and_constant(exponent: float) -> None:
    e = np.append(7.0, 5 * T[1:] ** -exponent)  # at step 0 it has no value
    found = rates.fit(T, e)
    assert found and found.kind == "power" and found.rate == pytest.approx(exponent, rel=1e-9)
    assert found.constant == pytest.approx(5)


def test_only_the_later_half_counts() -> None:
    e = np.where(T < 900, 1.0, np.exp(-0.01 * (T - 900.0)))
    found = rates.fit(T, e)
    assert found and found.kind == "exponential" and found.rate == pytest.approx(0.01)


@pytest.mark.parametrize("floor", [1e-16, 4e-15, 1e-13])
def test_what_lies_on_the_floor_of_rounding_is_left_out(floor: float) -> None:
    rng = np.random.default_rng(0)
    e = np.exp(-0.1 * T) + floor * rng.uniform(1, 3, len(T))
    found = rates.fit(T, e)
    assert found and found.kind == "exponential" and found.rate == pytest.approx(0.1, rel=0.02)


def test_noise_about_a_law_leaves_its_kind_and_rate() -> None:
    rng = np.random.default_rng(0)
    noise = np.exp(0.1 * rng.normal(size=len(T)))
    found = rates.fit(T, noise * np.exp(-0.01 * T))
    assert found and found.kind == "exponential" and found.rate == pytest.approx(0.01, rel=0.05)
    found = rates.fit(T[1:], noise[1:] / T[1:])
    assert found and found.kind == "power" and found.rate == pytest.approx(1, rel=0.1)
    assert found.residual == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize("spread", [0.0, 0.01, 0.5])
def test_a_plateau_and_noise_have_no_rate(spread: float) -> None:
    for seed in range(20):
        noise = np.exp(spread * np.random.default_rng(seed).normal(size=len(T)))
        assert rates.fit(T, 0.3 * noise) is None
        assert rates.fit(T, 0.3 * noise + 0.7 * np.exp(-0.05 * T)) is None, "it fell, and stays"
        assert rates.fit(T, 0.3 * noise * np.exp(0.01 * T)) is None, "it rises"


def test_too_little_has_no_rate() -> None:
    assert rates.fit([], []) is None and rates.fit([0], [1.0]) is None
    assert rates.fit(T[:10], np.exp(-0.1 * T[:10])) is None
    assert rates.fit(T, np.full(len(T), np.nan)) is None
    assert rates.fit(T, np.zeros(len(T))) is None


def test_what_was_not_measured_is_left_out() -> None:
    e = np.exp(-0.01 * T)
    e[::3], e[1500:] = np.nan, np.inf
    found = rates.fit(T, e)
    assert found and found.rate == pytest.approx(0.01)


def test_a_rate_is_said_in_a_few_characters() -> None:
    assert str(rates.fit(T, np.exp(-0.0105 * T))) == "e^(−0.0105 t)"
    assert str(rates.fit(T[1:], 2.0 / T[1:])) == "t^(−1.00)"
