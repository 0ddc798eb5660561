"""Records on disk: CSV and Parquet, exact there and back."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from lab_core import tables
from lab_core.record import Record
from lab_core.run import Run
from lab_core.tables import KEYS, LEADING, header, read, rows, write_csv, write_parquet
from tests.lab_core.small import SMALL

NOTE = '{"lr": 0.1, "said": "größer"}'
Arms = list[tuple[int, int | None, Record]]


def record(replicas: int = 2, **columns: Any) -> Record:
    out = Record(replicas)
    out.extend("train_loss", np.arange(3), np.arange(3 * replicas).reshape(3, -1) / 7)
    out.extend("sharpness", 0, [5.0] * replicas)
    out.extend("sharpness", 2, [*[6.0] * (replicas - 1), np.nan])
    for name, values in columns.items():
        out.extend(name, np.arange(len(values)), values)
    return out


ARMS: Arms = [(0, None, record()), (1, 0, record(trace=[[1.5, -2.5]])), (3, 1, record())]


def as_csv(arms: Arms = ARMS) -> bytes:
    file = io.StringIO()
    write_csv(file, arms)
    return file.getvalue().encode()


def as_parquet(arms: Arms = ARMS, note: str = NOTE) -> bytes:
    file = io.BytesIO()
    write_parquet(file, arms, note)
    return file.getvalue()


BOTH = pytest.mark.parametrize("write", [as_csv, as_parquet])


def same(saved: list[tables.SavedArm], arms: Arms) -> None:
    """Equal bits, but for the steps at which nothing was measured."""
    assert [(a.index, a.parent) for a in saved] == [(index, parent) for index, parent, _ in arms]
    for arm, (_, _, mine) in zip(saved, arms, strict=True):
        assert arm.record.replicas == mine.replicas
        known = {n: np.isfinite(c.values) for n, c in mine.columns.items()}
        assert set(arm.record.columns) == {n for n, k in known.items() if k.any()}
        for name, column in arm.record.columns.items():
            there = known[name].any(1)
            values = np.where(known[name], mine[name][1], np.nan)[there]
            assert column.steps.tolist() == mine[name][0][there].tolist()
            assert column.values.tobytes() == values.tobytes()


# ---- writing


def test_the_header_has_the_fixed_columns_first() -> None:
    one, two = record(), Record(1)
    two.extend("weight_norm", 0, [1.0])
    assert header([one, two]) == [*LEADING, "weight_norm"] and header([]) == LEADING


def test_a_row_for_each_step_and_replica_with_its_parent() -> None:
    names = header([record()])
    table = list(rows(record(), 4, 2, names))
    assert len(table) == 6 and [row[:4] for row in table[:2]] == [[0, 4, 0, 2], [0, 4, 1, 2]]
    assert next(rows(record(), 0, None, names))[3] == ""


def test_a_long_table_is_written_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = as_csv()
    monkeypatch.setattr(tables, "BLOCK", 4)
    assert as_csv() == whole
    assert parquet.ParquetFile(pa.BufferReader(as_parquet())).num_row_groups == 6
    same(read(as_parquet(), "x"), ARMS)


@given(st.lists(st.floats(), min_size=2, max_size=2))
def test_the_csv_is_exact_and_empty_where_there_is_no_finite_number(values: list[float]) -> None:
    text = as_csv([(0, None, record(trace=[[0.0, 0.0], values])), (1, 0, record())]).decode()
    table = list(csv.DictReader(io.StringIO(text)))
    assert len(table) == 12 and list(table[0]) == [*LEADING, "trace"]
    for r in range(2):
        cell = table[2 + r]["trace"]
        assert cell == (repr(values[r]) if np.isfinite(values[r]) else "")
    assert table[5]["sharpness"] == "" and table[2]["sharpness"] == "" and table[6]["trace"] == ""
    assert table[0]["lr"] == "" and {row["parent_arm"] for row in table} == {"", "0"}


def test_other_programs_read_the_parquet_as_the_csv() -> None:
    file = parquet.ParquetFile(pa.BufferReader(as_parquet()))
    assert file.schema_arrow.metadata[b"edgewise"].decode() == NOTE
    assert {file.metadata.row_group(0).column(i).compression for i in range(10)} == {"ZSTD"}
    table = file.read().to_pylist()
    for row, text in zip(table, csv.DictReader(io.StringIO(as_csv().decode())), strict=True):
        assert text == {n: "" if v is None else repr(v) for n, v in row.items()}


# ---- reading


@BOTH
def test_what_was_written_is_read(write: Callable[..., bytes]) -> None:
    saved = read(write(), "x")
    same(saved, ARMS)
    assert {arm.note for arm in saved} == {NOTE if write is as_parquet else ""}


ANY = st.floats(width=64)
ROW = st.lists(st.one_of(ANY, st.sampled_from([5e-324, -0.0, 1e308, 0.1])), min_size=3, max_size=3)
COLUMN = st.lists(ROW, min_size=1, max_size=9)
NAMES = st.sampled_from(["lr", "time", "trace", "eigenvalue_1", "my_own"])


@given(st.dictionaries(NAMES, COLUMN, max_size=3))
def test_there_and_back_is_exact(columns: dict[str, list[list[float]]]) -> None:
    arms: Arms = [(0, None, record(3, **columns)), (1, 0, record(3)), (2, None, record(1))]
    same(read(as_csv(arms), "x"), arms)
    same(read(as_parquet(arms), "x"), arms)


@BOTH
def test_a_run_with_forks_is_read_as_it_was(write: Callable[..., bytes]) -> None:
    run = Run(SMALL.set({"lr": (0.1, 1e6), "probes": (("sharpness", 5),)}))
    run.advance(20)
    run.branch({"lr": 0.02}, step=13)
    arms = [(k, arm.parent, arm.record) for k, arm in run.finish().arms.items()]
    same(read(write(arms), "x"), arms)


def test_rows_may_come_in_any_order_and_columns_too() -> None:
    head, *body = as_csv().decode().splitlines()
    shuffled = [head, *np.random.default_rng(0).permutation(body)]
    table = [list(reversed(line.split(","))) for line in shuffled]
    same(read("".join(",".join(row) + "\r\n" for row in table).encode(), "x"), ARMS)


def test_a_million_cells_take_about_a_second() -> None:
    n, own = 12_500, Record(8)
    for name in LEADING[len(KEYS) :]:
        own.extend(name, np.arange(n), np.random.default_rng(0).standard_normal((n, 8)))
    for data in (as_csv([(0, None, own)]), as_parquet([(0, None, own)])):
        start = time.perf_counter()
        same(read(data, "x"), [(0, None, own)])
        assert time.perf_counter() - start < 3  # 0.15 s on an idle machine


def test_the_core_imports_no_pyarrow() -> None:
    code = "import sys, lab_core.tables, lab_core.run; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
