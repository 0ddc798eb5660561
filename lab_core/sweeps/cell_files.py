"""A stack of cells that are done as one Parquet file: one row a cell and recorded step, cell after cell.

Columns: each swept knob and the seed; the step; what was recorded (null where it was not, nan where the
run had diverged), as `recorded_NAME` where a knob has that name; and the step at which the run diverged.
The file's metadata have a note: the sweep, and of each cell what it was set to and its number of rows.
Arrays, which are wider than a number, are not kept. pyarrow is imported only where it is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab_core.plain import Plain
from lab_core.record import Record
from lab_core.tables import BLOCK, NOTE, PARTS

OWN = ("seed", "step", "diverged")


class Damaged(Exception):
    """A file that is not as it was written."""


@dataclass(frozen=True)
class Entry:
    """A cell: the plain values of its knobs, its seed, the step at which it diverged, its record."""

    set: Plain
    seed: int
    diverged: int | None
    record: Record


def save(path: Path, sweep: Plain, entries: list[Entry]) -> None:
    """Write entries, all with the same knobs, of what `sweep` says."""
    import pyarrow as pa
    from pyarrow import parquet

    steps = [entry.record.steps for entry in entries]
    rows = [len(each) for each in steps]

    knobs = entries[0].set
    columns: dict[str, Any] = {
        knob: np.repeat([entry.set[knob] for entry in entries], rows) for knob in knobs
    }
    columns |= {"seed": np.repeat([entry.seed for entry in entries], rows)}
    columns["step"] = np.concatenate(steps)
    for name in dict.fromkeys(n for entry in entries for n in entry.record.columns):
        values, known = _on([entry.record for entry in entries], steps, name)
        written = f"recorded_{name}" if name in {*knobs, *OWN} else name
        columns[written] = pa.array(values, mask=~known)
    at = np.repeat([-1 if entry.diverged is None else entry.diverged for entry in entries], rows)
    columns["diverged"] = pa.array(at, mask=at < 0)
    cells = [
        {"set": e.set, "seed": e.seed, "diverged": e.diverged, "rows": n}
        for e, n in zip(entries, rows, strict=True)
    ]
    table = pa.table(columns).replace_schema_metadata(
        {NOTE: json.dumps({"sweep": sweep, "cells": cells})}
    )
    how: Any = dict(compression="zstd", write_page_checksum=True, row_group_size=BLOCK)
    parquet.write_table(table, path, **how)


def _on(records: list[Record], steps: list[np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """A column of several records, on all steps of each one after the other; and where it was measured."""
    sizes = [len(each) for each in steps]
    values, known = np.zeros(sum(sizes)), np.zeros(sum(sizes), bool)
    start = 0
    for record, rows in zip(records, steps, strict=True):
        there, measured = record[name]
        at = start + np.searchsorted(rows, there)
        values[at], known[at] = measured[:, 0], True
        start += len(rows)
    return values, known


def load(path: Path) -> tuple[Plain, list[Entry]]:
    """The sweep and the entries of a file. Raises Damaged, and OSError where it cannot be opened."""
    data = path.read_bytes()
    with _damage("it is no sound Parquet file, or was cut short"):
        note, columns = _columns(data)
    with _damage("what it says of its cells does not fit its rows"):
        cells, sweep = note["cells"], dict(note["sweep"])
        taken = {*sweep["over"], *OWN}
        ends = np.cumsum([0, *(cell["rows"] for cell in cells)])
        steps, _ = columns["step"]
        _require(ends[-1] == len(steps) and bool((np.diff(ends) >= 0).all()))
        entries = []
        for i, cell in enumerate(cells):
            mine, record = slice(ends[i], ends[i + 1]), Record(1)
            for name, (values, known) in columns.items():
                if name not in taken and (there := known[mine]).any():
                    bare = name.removeprefix("recorded_")
                    measured = values[mine][there, None]
                    record.extend(bare if bare in taken else name, steps[mine][there], measured)
            _require(set(cell["set"]) == set(sweep["over"]))
            _require(all(isinstance(v, (int, float, str)) for v in cell["set"].values()))
            entries.append(
                Entry(dict(cell["set"]), int(cell["seed"]), _step(cell["diverged"]), record)
            )
    return sweep, entries


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError


def _step(value: Any) -> int | None:
    return None if value is None else int(value)


def _columns(data: bytes) -> tuple[Plain, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """The note, and of each column its values and where it has one."""
    import pyarrow as pa
    from pyarrow import parquet

    how: Any = dict(thrift_container_size_limit=PARTS, page_checksum_verification=True)
    file = parquet.ParquetFile(pa.BufferReader(data), **how)
    note: Plain = json.loads(file.schema_arrow.metadata[NOTE])
    table = file.read(use_threads=False)
    return note, {
        name: (table[name].to_numpy(), table[name].is_valid().to_numpy())
        for name in table.column_names
    }


@contextmanager
def _damage(why: str) -> Iterator[None]:
    """Whatever goes wrong in here, the file is damaged."""
    try:
        yield
    except Exception as error:
        raise Damaged(why) from error
