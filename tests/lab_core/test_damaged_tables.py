"""Whatever a file may be that is not the table of a record: one sentence, at once."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from lab_core import tables
from lab_core.knobs import BadInput
from lab_core.tables import KEYS, read
from tests.lab_core.test_tables import BOTH, Arms, as_csv, as_parquet, record


def refused(data: bytes) -> str:
    with pytest.raises(BadInput) as found:
        read(data, "mine.csv")
    sentence = str(found.value)
    assert sentence.startswith("mine.csv: ") and sentence.endswith(".") and "; " in sentence
    assert "\n" not in sentence and len(sentence) < 300
    return sentence


HEAD = ",".join([*KEYS, "lr"])


@pytest.mark.parametrize("text, said", [
    ("", "its first line is no list"),
    ("\n", "'': this cannot be a column's name"),
    ("hello", "its first line is no list"),
    ("<html>\n<p>\n", "'<html>': this cannot be"),
    ("step,lr\n0,1\n", "arm, replica, parent_arm: this column is missing"),
    (f"{HEAD},lr\n0,0,0,,1,1\n", "a column is there twice"),
    (f"{HEAD},Loss\n0,0,0,,1,1\n", "'Loss': this cannot be a column's name"),
    (f"{HEAD},{'a' * 50}\n0,0,0,,1,1\n", "this cannot be a column's name"),
    (f"{HEAD}\n", "it has no rows"),
    (f"{HEAD}\n\n\n", "it has no rows"),
    (f"{HEAD}\n0,0,0,,0.25", "it has no rows"),
    (f"{HEAD}\n0,0,0,,0.25\n1,0,0,,0.2", "it ends within a row"),
    (f"{HEAD}\n0,0,0,,1\n1,0,0\n", "its rows do not have the 5 cells"),
    (f"{HEAD}\n0,0,0,,1,2\n", "its rows do not have the 5 cells"),
    (f"{HEAD}\n0,0,0,,fast\n", "lr: 'fast' is not a number"),
    (f"{HEAD}\n0,0,0,,\"1\"\n", "lr: '\"1\"' is not a number"),
    (f"{HEAD}\n0,0,0,,__import__('os')\n", "__import__('os')\" is not a number"),
    (f"{HEAD}\n0,0,0,,{'9' * 99}x\n", "is not a number"),
    (f"{HEAD}\n0,0,0,,nan\n", "lr: a number in it is not finite"),
    (f"{HEAD}\n0,0,0,,-inf\n", "lr: a number in it is not finite"),
    (f"{HEAD}\n0,0,0,,1e999\n", "lr: a number in it is not finite"),
    (f"{HEAD}\n-1,0,0,,1\n", "step: it must be an integer from 0 to 10,000,000"),
    (f"{HEAD}\n10000001,0,0,,1\n", "step: it must be an integer"),
    (f"{HEAD}\n{2**63},0,0,,1\n", "step: '9223372036854775808' is not a number"),
    (f"{HEAD}\n1.5,0,0,,1\n", "step: '1.5' is not a number of its kind"),
    (f"{HEAD}\n,0,0,,1\n", "step: it must be an integer"),
    (f"{HEAD}\n0,100,0,,1\n", "arm: it must be an integer from 0 to 99"),
    (f"{HEAD}\n0,0,1024,,1\n", "replica: it must be an integer from 0 to 1,023"),
    (f"{HEAD}\n0,0,1,,1\n", "replica: a step of arm 0 has not one row of each"),
    (f"{HEAD}\n0,0,0,,1\n0,0,0,,1\n", "replica: a step of arm 0 has not one row"),
    (f"{HEAD}\n0,0,0,,1\n0,0,1,,1\n1,0,0,,1\n", "replica: a step of arm 0 has not"),
    (f"{HEAD}\n0,0,0,,1\n0,0,1,,1\n1,0,0,,1\n2,0,1,,1\n", "replica: a step of arm 0 has"),
    (f"{HEAD}\n0,1,0,1,1\n", "parent_arm: that of arm 1 must be one number below"),
    (f"{HEAD}\n0,1,0,0,1\n1,1,0,,1\n", "parent_arm: that of arm 1 must be one number"),
    (f"{HEAD}\n0,1,0,-1,1\n", "parent_arm: it must be an integer"),
    (f"{HEAD}\n0,0,0,,1\n\0\n", "its rows do not have"),
    ("PAR1", "no sound Parquet file"),
    ("PAR1PAR1PAR1", "no sound Parquet file"),
], ids=range(38))  # fmt: skip
def test_a_malformed_file_is_one_sentence(text: str, said: str) -> None:
    assert said in refused(text.encode())


def table(**columns: Any) -> bytes:
    """A Parquet file with one row, or as many as its columns have."""
    base: dict[str, Any] = {k: pa.array([0], pa.int64()) for k in KEYS[:3]}
    base["parent_arm"] = pa.array([None], pa.int64())
    file = io.BytesIO()
    parquet.write_table(pa.table(base | columns), file)
    return file.getvalue()


@pytest.mark.parametrize("columns, said", [
    ({"lr": pa.array(["0.1"])}, "lr: it is of type string and must be double"),
    ({"lr": pa.array([0.1], pa.float32())}, "lr: it is of type float and must be double"),
    ({"lr": pa.array([[0.1]])}, "lr: it is of type list"),
    ({"lr": pa.array([{"a": 1}])}, "lr: it is of type struct"),
    ({"lr": pa.array([1])}, "lr: it is of type int64 and must be double"),
    ({"lr": pa.array(["a"]).dictionary_encode()}, "lr: it is of type"),
    ({"step": pa.array([0.0])}, "step: it is of type double and must be int64"),
    ({"lr": pa.array([np.nan])}, "lr: a number in it is not finite"),
    ({"lr": pa.array([np.inf])}, "lr: a number in it is not finite"),
    ({"step": pa.array([None], pa.int64())}, "step: it must be an integer"),
    ({"step": pa.array([-5])}, "step: it must be an integer"),
    ({"Step 2": pa.array([1.0])}, "'Step 2': this cannot be a column's name"),
    ({f"c{i}": pa.array([1.0]) for i in range(61)}, "it has more than 64 columns"),
], ids=range(13))  # fmt: skip
def test_parquet_of_another_schema_is_one_sentence(columns: dict[str, Any], said: str) -> None:
    assert said in refused(table(**columns))


def test_another_columns_name_is_kept() -> None:
    [arm] = read(table(my_own=pa.array([2.5])), "x")
    assert arm.record["my_own"][1].tolist() == [[2.5]] and arm.note == ""


def varint(n: int) -> bytes:
    """As Thrift writes an integer >= 0: zigzag, seven bits a byte."""
    n, out = 2 * n, b""
    while n > 127:
        out, n = out + bytes([n % 128 + 128]), n // 128
    return out + bytes([n])


@pytest.mark.parametrize("claim", [10**9, 2**62])
@pytest.mark.parametrize("where", [slice(None), slice(1), slice(-1, None), slice(1, None)], ids=str)
def test_a_file_that_claims_a_billion_rows_is_refused_at_once(claim: int, where: slice) -> None:
    """In the table's own metadata, in those of a group, or of a column: wherever the rows are said."""
    rows = 54_321
    data = table(**{k: pa.array(np.arange(rows) * (k == "step")) for k in KEYS[:3]},
                 parent_arm=pa.array([None] * rows, pa.int64()))  # fmt: skip
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    footer, mark = data[start:-8], varint(rows)
    assert footer.count(mark) >= 6
    places = [i for i in range(len(footer)) if footer.startswith(mark, i)][where]
    for i in reversed(places):
        footer = footer[:i] + varint(claim) + footer[i + len(mark) :]
    began = time.perf_counter()
    refused(data[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    assert time.perf_counter() - began < 1


@BOTH
def test_the_limits_are_said(write: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    data = write()
    for limit, value, said in (("ROWS", 5, "rows"), ("CELLS", 100, "100 numbers"),
                               ("COLUMNS", 9, "columns"), ("BYTES", 500, "larger than")):  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(tables, limit, value)
            assert said in refused(data)
    many: Arms = [(k, None, record()) for k in range(101)]
    assert "arm: it must be an integer from 0 to 99" in refused(write(many))


@BOTH
def test_a_file_cut_short_is_refused_or_shorter(write: Callable[..., bytes]) -> None:
    """A CSV that ends with all rows of a step is a table; everything else is cut."""
    data = write()
    for end in range(len(data)):
        try:
            saved = read(data[:end], "x")
        except BadInput:
            continue
        assert write is as_csv and data[end - 1 : end] == b"\n" and 0 < len(saved) <= 3


MUTATIONS = st.lists(
    st.tuples(st.sampled_from(["flip", "set", "cut", "insert", "swap"]), st.floats(0, 1),
              st.binary(min_size=1, max_size=9)), min_size=1, max_size=6)  # fmt: skip
REAL = {"csv": as_csv(), "parquet": as_parquet()}


def mutated(data: bytes, mutations: list[tuple[str, float, bytes]]) -> bytes:
    for kind, place, some in mutations:
        i = int(place * len(data))
        if kind == "flip" and i < len(data):
            data = data[:i] + bytes([data[i] ^ 1 << some[0] % 8]) + data[i + 1 :]
        elif kind == "set":
            data = data[:i] + some + data[i + len(some) :]
        elif kind == "cut":
            data = data[:i] + data[i + some[0] :]
        elif kind == "insert":
            data = data[:i] + some + data[i:]
        else:
            data = (
                data[i:] + data[:i] if some[0] % 8 == 0 else data[:i] + data[: some[0]] + data[i:]
            )
    return data


@pytest.mark.parametrize("kind", REAL)
@settings(max_examples=300)
@given(MUTATIONS)
@example([("set", 0.0, b"PAR1")])
def test_a_damaged_file_is_read_or_refused(
    kind: str, mutations: list[tuple[str, float, bytes]]
) -> None:
    began = time.perf_counter()
    try:
        saved = read(mutated(REAL[kind], mutations), "x")
    except BadInput as error:
        assert str(error).startswith("x: ")
    else:
        assert all(np.isfinite(a.record["train_loss"][1]).any() for a in saved if a.record.columns)
    assert time.perf_counter() - began < 5


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    refused(data)
    refused(b"PAR1" + data + b"PAR1")
    refused(HEAD.encode() + b"\n" + data)
