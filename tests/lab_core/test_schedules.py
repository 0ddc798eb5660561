"""Schedules in closed form, and equal to torch's where torch has them."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler as torch_schedules

from lab_core.schedules import SCHEDULES, Cosine, LinearDecay, OneCycle, Warmup

# name -> the multiplier at step t of T, at the schedule's default knobs
REFERENCE: dict[str, Callable[[int, int], float]] = {
    "constant": lambda t, T: 1.0,
    "warmup": lambda t, T: np.interp(t, [0, 199], [1 / 200, 1]),
    "cosine": lambda t, T: math.cos(math.pi * t / T / 2) ** 2,
    "linear": lambda t, T: (T - t) / T,
    "geometric": lambda t, T: math.exp(t * math.log(0.995)),
    "drop": lambda t, T: 0.1 ** (t >= 500),
    "one-cycle": lambda t, T: np.interp(t / T, [0, 0.3, 1], [1 / 25, 1, 0]),
}


def test_every_schedule_has_its_reference_line() -> None:
    assert set(REFERENCE) == set(SCHEDULES)


@pytest.mark.parametrize("name", SCHEDULES)
def test_closed_form(name: str) -> None:
    for t in range(1000):
        assert SCHEDULES[name]()(t, 1000) == pytest.approx(REFERENCE[name](t, 1000), abs=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
@given(st.data())
def test_a_multiplier_lies_in_0_to_1_and_above_0_before_the_end(
    name: str, data: st.DataObject
) -> None:
    steps = data.draw(st.integers(1, 10_000_000))
    t = data.draw(st.integers(0, steps - 1))
    assert 0 < SCHEDULES[name]()(t, steps) <= 1, "the threshold 2 / lr needs a rate above 0"


def against_torch(ours: Callable[[int, int], float], theirs: type, **knobs: object) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = theirs(optimizer, **knobs)
    for t in range(50):
        assert ours(t, 50) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        schedule.step()


def test_equal_to_torch() -> None:
    against_torch(Cosine(), torch_schedules.CosineAnnealingLR, T_max=50)
    against_torch(LinearDecay(), torch_schedules.LinearLR, start_factor=1.0, end_factor=0.0,
                  total_iters=50)  # fmt: skip
    against_torch(Warmup(warmup=10), torch_schedules.LinearLR, start_factor=0.1, total_iters=9)


def test_past_the_end_a_decay_stays_at_zero() -> None:
    assert LinearDecay()(12, 10) == Cosine()(12, 10) == OneCycle()(12, 10) == 0
    assert Warmup(warmup=1)(0, 10) == 1


def test_one_cycle_peaks_where_it_is_told() -> None:
    cycle = OneCycle(peak=0.5, start_divisor=10)
    assert [cycle(t, 10) for t in (0, 5, 10)] == [0.1, 1, 0]
    assert np.argmax([cycle(t, 10) for t in range(10)]) == 5
