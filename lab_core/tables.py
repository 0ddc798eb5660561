"""Records on disk: CSV for every tool, Parquet for large runs; and reading either back.

One row a step and replica. A file holds finite numbers or nothing: what was not measured, or is not
finite, is an empty cell or a null. Parquet also carries a note, the recipe of the run. pyarrow is
imported only where it is used, for it takes a third of a second.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

import numpy as np

from lab_core.knobs import BadInput
from lab_core.record import Record

if TYPE_CHECKING:
    import pyarrow as pa

KEYS = ["step", "arm", "replica", "parent_arm"]
LEADING = [*KEYS, "lr", "train_loss", "sharpness", "effective_sharpness", "threshold", "time"]
NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
BLOCK = 2**15  # rows written at a time, a row group of Parquet
NOTE = b"edgewise"  # the note's key in the metadata of Parquet
Arms = list[tuple[int, int | None, Record]]  # (arm, parent arm, record)

# what is read of one file at most: a page that opens it shall neither hang nor run out of memory
BYTES, ROWS, COLUMNS, CELLS = 64 * 2**20, 4_194_304, 64, 2**26
MOST = {"step": 10_000_000, "arm": 99, "replica": 1023, "parent_arm": 99}
LONGEST_HEADER = 4096  # bytes
OTHER = "give a file of a record that was saved here"
PARTS = 10_000  # row groups, columns or notes that a Parquet file may list


# ---- writing


def header(records: Iterable[Record]) -> list[str]:
    """Column names of a table of several arms: the fixed ones first, then the rest as they came."""
    names = dict.fromkeys(name for record in records for name in record.columns)
    return LEADING + [name for name in names if name not in LEADING]


def blocks(record: Record, names: list[str]) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Some steps [T] at a time, and the columns of these names on them, each [T, R]."""
    steps, height = record.steps, max(1, BLOCK // max(1, record.replicas))
    for start in range(0, len(steps), height):
        some = steps[start : start + height]
        wide, nothing = record.on(some), np.full((len(some), record.replicas), np.nan)
        yield some, [wide.get(name, nothing) for name in names]


def rows(record: Record, arm: int, parent: int | None, names: list[str]) -> Iterator[list[Any]]:
    """One row a step and replica, an empty string where there is no finite number."""
    mother, R = "" if parent is None else parent, record.replicas
    for steps, tables in blocks(record, names[len(KEYS) :]):
        columns = [np.where(np.isfinite(t), t.astype(object), "").ravel() for t in tables]
        step, replica = np.repeat(steps, R).tolist(), np.tile(np.arange(R), len(steps)).tolist()
        for t, r, *cells in zip(step, replica, *columns, strict=True):
            yield [t, arm, r, mother, *cells]


def write_csv(file: TextIO, arms: Arms) -> None:
    """Write (arm, parent arm, record) triples as one CSV, numbers exact (repr)."""
    names = header(record for _, _, record in arms)
    out = csv.writer(file, lineterminator="\n")
    out.writerow(names)
    for arm, parent, record in arms:
        out.writerows(rows(record, arm, parent, names))


def write_parquet(file: BinaryIO, arms: Arms, note: str = "") -> None:
    """Write the same as one Parquet file, zstd, a block at a time; `note` is kept in its metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    names = header(record for _, _, record in arms)
    fields = [pa.field(n, pa.int64() if n in KEYS else pa.float64()) for n in names]
    schema = pa.schema(fields)
    how: Any = dict(compression="zstd", store_schema=False, write_page_checksum=True)
    with parquet.ParquetWriter(file, schema, **how) as out:
        out.add_key_value_metadata({NOTE: note})
        for arm, parent, record in arms:
            for steps, tables in blocks(record, names[len(KEYS) :]):
                out.write_table(pa.table(_group(steps, arm, parent, tables), schema=schema))


def _group(steps: np.ndarray, arm: int, parent: int | None,
           tables: list[np.ndarray]) -> list[pa.Array]:  # fmt: skip
    """The columns of some rows, nulls where there is no finite number."""
    import pyarrow as pa

    rows, R = tables[0].size, tables[0].shape[1]
    keys = [np.repeat(steps, R), np.full(rows, arm), np.tile(np.arange(R), len(steps))]
    mother = pa.array(np.full(rows, parent or 0), pa.int64(), mask=np.full(rows, parent is None))
    values = [pa.array(t.ravel(), mask=~np.isfinite(t).ravel()) for t in tables]
    return [*(pa.array(key, pa.int64()) for key in keys), mother, *values]


# ---- reading


@dataclass(frozen=True)
class SavedArm:
    """An arm of a file, the arm that it grew from (None: none), and the note of the whole file."""

    index: int
    parent: int | None
    record: Record
    note: str


@dataclass(frozen=True)
class Table:
    """Columns of numbers by name; `column` may read one only when it is asked for."""

    names: list[str]
    column: Callable[[str], pa.ChunkedArray]
    note: str = ""


def read(data: bytes, name: str) -> list[SavedArm]:
    """The arms in a file of bytes `data`, CSV or Parquet by its content; `name` is for sentences.

    Exact, but for the steps at which nothing was measured. Nothing is evaluated. Raises BadInput,
    and never anything else, where it is no file that `write_csv` or `write_parquet` could write.
    """
    try:
        _require(len(data) <= BYTES, "it is larger than 64 MiB; save a shorter run")
        table = _parquet(data) if data.startswith(b"PAR1") else _csv(data)
        return _arms(table)
    except BadInput as error:
        raise BadInput(f"{name}: {error}.") from None


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BadInput(otherwise)


@contextmanager
def _foreign(explain: Callable[[str], str]) -> Iterator[None]:
    """Whatever a library makes of hostile bytes, it is BadInput."""
    try:
        yield
    except Exception as error:
        raise BadInput(explain(str(error))) from None


def _check_shape(names: list[str], rows: int) -> None:
    """The names and the size of a table, before its numbers are read."""
    _require(len(names) <= COLUMNS, f"it has more than {COLUMNS} columns; {OTHER}")
    odd = next((n for n in names if not NAME.fullmatch(n)), None)
    _require(odd is None, f"{odd!r:.60}: this cannot be a column's name; {OTHER}")
    missing = [key for key in KEYS if key not in names]
    _require(not missing, f"{', '.join(missing)}: this column is missing; {OTHER}")
    _require(len(set(names)) == len(names), f"a column is there twice; {OTHER}")
    _require(rows > 0, "it has no rows; save a run that has taken a step")
    _require(
        rows <= ROWS and rows * len(names) <= CELLS,
        f"it has {rows:,} rows of {len(names)} columns, and the limits are {ROWS:,} rows and"
        f" {CELLS:,} numbers; save a shorter run, or one with fewer probes",
    )


def _csv(data: bytes) -> Table:
    import pyarrow as pa
    from pyarrow import csv as arrow

    end = data.find(b"\n", 0, LONGEST_HEADER)
    _require(end >= 0, f"its first line is no list of columns; {OTHER}")
    names = data[:end].decode("ascii", "replace").rstrip("\r").split(",")
    lines = max(data.count(b"\n"), data.count(b"\r"))
    _check_shape(names, lines - 1)
    _require(data.endswith(b"\n"), "it ends within a row, as if cut short; save or copy it again")
    types = {n: pa.int64() if n in KEYS else pa.float64() for n in names}
    with _foreign(lambda error: _csv_error(error, names)):
        table = arrow.read_csv(
            pa.BufferReader(data),
            arrow.ReadOptions(use_threads=False, skip_rows=1, column_names=names),
            arrow.ParseOptions(quote_char=False),
            arrow.ConvertOptions(column_types=types, null_values=[""]),
        )
    _check_shape(names, table.num_rows)  # without the empty lines
    return Table(names, table.column)


def _csv_error(error: str, names: list[str]) -> str:
    """A sentence for what the parser found."""
    found = re.search(r"column #(\d+): .*invalid value '(.{0,40})", error, re.DOTALL)
    if found:
        value = found[2].removesuffix("'")
        return f"{names[int(found[1])]}: {value!r} is not a number of its kind; {OTHER}"
    return f"its rows do not have the {len(names)} cells of its first line each; {OTHER}"


def _parquet(data: bytes) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    broken = "it is no sound Parquet file, or was cut short; save or copy it again"
    with _foreign(lambda _: broken):
        how: Any = dict(thrift_container_size_limit=PARTS, page_checksum_verification=True)
        file = parquet.ParquetFile(pa.BufferReader(data), **how)
        schema, found = file.schema_arrow, file.metadata
        note = (found.metadata or {}).get(NOTE, b"").decode()
        # not the chunks' own metadata: where these are hostile, reading them ends the process
        groups = [found.row_group(i).num_rows for i in range(found.num_row_groups)]
    _check_shape(schema.names, found.num_rows)
    _require(all(rows >= 0 for rows in groups) and sum(groups) == found.num_rows, broken)
    for f in schema:
        kind = pa.int64() if f.name in KEYS else pa.float64()
        _require(f.type == kind, f"{f.name}: it is of type {f.type} and must be {kind}; {OTHER}")

    def column(name: str) -> pa.ChunkedArray:
        with _foreign(lambda _: broken):
            read = file.read(columns=[name], use_threads=False).column(0)
        _require(len(read) == found.num_rows, broken)
        return read

    return Table(schema.names, column, note)


# ---- from columns to arms


def _arms(table: Table) -> list[SavedArm]:
    keys = {k: _integers(table.column(k), k) for k in KEYS}
    order = np.lexsort((keys["replica"], keys["step"], keys["arm"]))
    keys = {k: v[order] for k, v in keys.items()}
    edges = [0, *(np.flatnonzero(np.diff(keys["arm"])) + 1).tolist(), len(order)]
    places = [slice(a, b) for a, b in pairwise(edges)]
    steps, arms = [], []
    for place in places:
        mine = {k: v[place] for k, v in keys.items()}
        steps.append(_steps(mine))
        index, R = int(mine["arm"][0]), len(mine["arm"]) // len(steps[-1])
        arms.append(SavedArm(index, _parent(mine["parent_arm"], index), Record(R), table.note))
    for name in table.names:
        if name not in KEYS:
            numbers = _numbers(table.column(name), name)[order]
            for arm, place, at in zip(arms, places, steps, strict=True):
                _fill(arm.record, name, at, numbers[place].reshape(len(at), -1))
    return arms


def _integers(column: pa.ChunkedArray, name: str) -> np.ndarray:
    """A key of every row, in its range; -1 where there is no parent arm."""
    keys = column.fill_null(-1).to_numpy()
    gaps = column.null_count if name == "parent_arm" else 0
    inside = (keys < 0).sum() == gaps and (keys <= MOST[name]).all()
    rule = f"{name}: it must be an integer from 0 to {MOST[name]:,} in every row; {OTHER}"
    _require(bool(inside), rule)
    return keys


def _numbers(column: pa.ChunkedArray, name: str) -> np.ndarray:
    """A column's numbers, nan where there is none."""
    numbers = column.to_numpy()
    finite = np.isfinite(numbers).sum() + column.null_count == len(numbers)
    _require(bool(finite), f"{name}: a number in it is not finite; leave its cell empty")
    return numbers


def _steps(keys: dict[str, np.ndarray]) -> np.ndarray:
    """The steps [T] of the sorted rows of one arm: each has one row of each of its replicas."""
    R = int(keys["replica"].max()) + 1
    whole = len(keys["step"]) % R == 0
    if whole:
        step, replica = (keys[k].reshape(-1, R) for k in ("step", "replica"))
        whole = bool((replica == np.arange(R)).all() and (step == step[:, :1]).all())
        whole = whole and bool((np.diff(step[:, 0]) > 0).all())
    _require(
        whole,
        f"replica: a step of arm {keys['arm'][0]} has not one row of each replica, as if cut"
        " short; save or copy it again",
    )
    return step[:, 0].copy()


def _parent(parents: np.ndarray, index: int) -> int | None:
    parent = int(parents[0])
    _require(
        bool((parents == parent).all()) and parent < index,
        f"parent_arm: that of arm {index} must be one number below its own, or empty; {OTHER}",
    )
    return None if parent < 0 else parent


def _fill(record: Record, name: str, steps: np.ndarray, values: np.ndarray) -> None:
    """Take the rows of a column in which something was measured."""
    known = np.isfinite(values).any(1)
    if known.any():
        record.extend(name, steps[known], values[known])
