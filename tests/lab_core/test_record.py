"""The record: append-only columns that cost what was measured, and the CSV written of them."""

import csv
import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lab_core.record import LEADING, Column, Record, header, rows, write_csv


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
    steps, wide = record().table()
    assert steps.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(wide["sharpness"], [[5, 50], [np.nan, np.nan], [6, np.nan]])
    assert Record(3).table()[0].tolist() == [] and Record(3).table()[1] == {}


def test_the_header_has_the_fixed_columns_first() -> None:
    one, two = record(), Record(1)
    two.extend("weight_norm", 0, [1.0])
    assert header([one, two]) == [*LEADING, "weight_norm"] and header([]) == LEADING


def test_a_row_for_each_step_and_replica_with_its_parent() -> None:
    names = header([record()])
    table = list(rows(record(), 4, 2, names))
    assert len(table) == 6 and [row[:4] for row in table[:2]] == [[0, 4, 0, 2], [0, 4, 1, 2]]
    assert next(rows(record(), 0, None, names))[3] == ""


@given(st.lists(st.floats(), min_size=2, max_size=2))
def test_the_csv_is_exact_and_empty_where_nothing_was_measured(values: list[float]) -> None:
    own, file = record(), io.StringIO()
    own.extend("trace", 1, values)
    write_csv(file, [(0, None, own), (1, 0, record())])
    table = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert len(table) == 12 and list(table[0]) == [*LEADING, "trace"]
    for r in range(2):
        cell = table[2 + r]["trace"]
        assert cell == "" if np.isnan(values[r]) else float(cell) == values[r]
    assert table[5]["train_loss"] == "" and table[2]["sharpness"] == "" and table[6]["trace"] == ""
    assert table[0]["lr"] == "" and {row["parent_arm"] for row in table} == {"", "0"}
