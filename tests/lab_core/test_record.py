"""The record: columns that cost what was measured, bounded whatever the length of the run."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_core import record as module
from lab_core.record import FEWEST, FIRST, MOST, Column, Record


def filled(steps: np.ndarray, cuts: list[int], replicas: int = 2) -> Column:
    """A column of the steps themselves, cut there into calls of extend."""
    column = Column(replicas)
    for part in np.split(steps, sorted(c % (len(steps) + 1) for c in cuts)):
        column.extend(part, np.repeat(part[:, None], replicas, 1))
    return column


@given(st.lists(st.integers(1, 300), max_size=12))
def test_a_column_keeps_what_was_appended(sizes: list[int]) -> None:
    column, parts, t = Column(2), [], 0
    for n in sizes:
        parts.append((np.arange(t, t + n), np.random.default_rng(n).random((n, 2))))
        column.extend(*parts[-1])
        t += n
    assert column.steps.tolist() == list(range(t))
    if parts:
        assert np.array_equal(column.values, np.concatenate([v for _, v in parts]))


@pytest.fixture
def small():
    """Columns of 16 rows at most; hypothesis wants no function's fixture of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FEWEST", 16)
        patch.setattr(module, "MOST", 16)
        yield


GAPS = st.lists(st.sampled_from([1, 1, 1, 2, 3, 8, 10, 64]), min_size=1, max_size=300)
CUTS = st.lists(st.integers(0, 10**6), max_size=12)


def kept(steps: np.ndarray, stride: int) -> np.ndarray:
    """Of all pairs of steps every so manieth, and the first."""
    return steps[(steps // 2 % stride == 0) | (steps == steps[0])]


@pytest.mark.usefixtures("small")
class TestFull:
    """Where more was measured than a column keeps."""

    @given(st.integers(0, 99), GAPS, CUTS)
    def test_which_rows_are_there_depends_on_the_steps_alone(
        self, start: int, gaps: list[int], cuts: list[int]
    ) -> None:
        steps = start + np.cumsum(gaps)
        column, whole = filled(steps, cuts), filled(steps, [])
        single = filled(steps, list(range(len(steps))))
        for one in (column, single):
            assert one.steps.tolist() == whole.steps.tolist() and one.stride == whole.stride
        assert np.array_equal(column.values, np.repeat(column.steps[:, None], 2, 1))

    @given(st.integers(0, 99), GAPS, CUTS)
    def test_the_stride_is_the_smallest_that_fits(
        self, start: int, gaps: list[int], cuts: list[int]
    ) -> None:
        steps = start + np.cumsum(gaps)
        column = filled(steps, cuts)
        stride = column.stride
        assert column.steps.tolist() == kept(steps, stride).tolist()
        assert column.size <= 16 and len(column._held[0]) <= 16
        assert stride == 1 or len(kept(steps, stride // 2)) > 16

    def test_rows_that_were_read_stay_as_they_were(self) -> None:
        column = filled(np.arange(16), [])
        steps, values = column.rows
        column.extend(np.arange(16, 40), np.ones((24, 2)))
        assert steps.tolist() == list(range(16)) and values[:, 0].tolist() == list(range(16))


def test_a_column_of_a_long_run_keeps_every_step_and_a_longer_one_is_bounded() -> None:
    rows = np.random.default_rng(0).random((100_000, 8))
    column = Column(8)
    column.extend(np.arange(100_000), rows)
    assert column.stride == 1 and np.array_equal(column.values, rows)
    for start in range(100_000, 600_000, 100_000):
        column.extend(np.arange(start, start + 100_000), rows)
    pairs = [t for t in range(600_000) if t // 2 % 4 == 0]
    assert column.stride == 4 and column.steps.tolist() == pairs
    assert column.nbytes <= 8 * MOST + 8 * column.limit
    assert Column(1024).limit == FEWEST and Column(1).limit == MOST


def test_growing_and_thinning_copy_no_more_than_they_keep() -> None:
    """At growth the old rows and as many bytes as many new ones are touched, and no more."""
    chunk = np.ones((4096, 8))
    tracemalloc.start()
    column = Column(8)
    for start in range(0, 600_000, 4096):
        column.extend(np.arange(start, start + 4096), chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (
        peak < 1.6 * (8 + 1) * 8 * column.limit
    )  # old, and twice that, of which half is untouched


def record() -> Record:
    out = Record(2)
    out.extend("train_loss", np.arange(3), [[3.0, 30.0], [2.0, 20.0], [1.0, np.nan]])
    out.extend("sharpness", 0, [5.0, 50.0])
    out.extend("sharpness", 2, [6.0, np.nan])
    return out


def test_reading_a_column() -> None:
    steps, values = record()["sharpness"]
    assert steps.tolist() == [0, 2] and values[:, 0].tolist() == [5, 6]
    nothing, none = record()["never"]
    assert nothing.shape == (0,) and none.shape == (0, 2)
    last = record().last("train_loss")
    assert last is not None and last[0] == 1 and record().last("never") is None


def test_a_table_has_nan_where_nothing_was_measured() -> None:
    steps, wide = record().steps, record().on(record().steps)
    assert steps.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(wide["sharpness"], [[5, 50], [np.nan, np.nan], [6, np.nan]])
    assert Record(3).steps.tolist() == [] and Record(3).on(Record(3).steps) == {}
    np.testing.assert_array_equal(record().on(np.array([2, 7]))["train_loss"][:, 0], [1, np.nan])


def test_rows_that_were_thinned_are_missing_in_a_table() -> None:
    own, t = Record(1024), np.arange(FEWEST + FIRST)
    own.extend("train_loss", t, np.ones((len(t), 1024)))
    own.extend("sharpness", t[:2], np.ones((2, 1024)))
    own.extend("lr", t[2:4], np.ones((2, 1024)))
    steps, wide = own.steps, own.on(own.steps)
    assert steps[:5].tolist() == [0, 1, 2, 3, 4] and np.isnan(wide["train_loss"][2]).all()


# ---- training time


def timed() -> Record:
    """A learning rate of 0.5, halved at step 20; the second replica diverges before step 30."""
    out = Record(2)
    for t, time, lr in ((10, 5.0, 0.5), (20, 10.0, 0.25), (30, 12.5, 0.25)):
        mine = 1.0 if t < 30 else np.nan
        out.extend("time", t, [time, 2 * time * mine])
        out.extend("lr", t, [lr, 2 * lr * mine])
    return out


def test_time_is_a_line_between_measurements_and_goes_on_at_the_learning_rate() -> None:
    time = timed().time_at(np.array([8, 10, 15, 20, 30, 34]))
    assert time[:, 0].tolist() == [4, 5, 7.5, 10, 12.5, 13.5]
    assert time[:, 1].tolist() == [8, 10, 15, 20, 25, 27]


def test_time_without_any_is_nan_and_without_a_learning_rate_stands_still() -> None:
    assert np.isnan(record().time_at(np.arange(4))).all()
    own = Record(1)
    own.extend("time", 3, [7.0])
    assert own.time_at(np.array([1, 3, 9])).tolist() == [[7.0]] * 3
    assert own.time_at(np.empty(0, int)).shape == (0, 1)
