"""The record of one arm: append-only columns, each with the steps at which it was measured.

A value that was not measured at a step is nan in a table and simply absent in a column, so a long
run costs what was measured and no more.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

import numpy as np

LEADING = ["step", "arm", "replica", "parent_arm", "lr", "train_loss", "sharpness",
           "effective_sharpness", "threshold"]  # fmt: skip


class Column:
    """Steps [T] and values [T, R], doubled in place when full."""

    def __init__(self, replicas: int):
        self.size = 0
        self._steps = np.empty(256, np.int64)
        self._values = np.empty((256, replicas))

    def extend(self, steps: np.ndarray, values: np.ndarray) -> None:
        """Append values [T, R] measured at steps [T]."""
        end = self.size + len(steps)
        while end > len(self._steps):
            self._steps = np.concatenate([self._steps, np.empty_like(self._steps)])
            self._values = np.concatenate([self._values, np.empty_like(self._values)])
        self._steps[self.size : end], self._values[self.size : end] = steps, values
        self.size = end

    @property
    def steps(self) -> np.ndarray:
        return self._steps[: self.size]

    @property
    def values(self) -> np.ndarray:
        return self._values[: self.size]


class Record:
    """Columns by name for R replicas, and `arrays`: the newest of what is wider than a number."""

    def __init__(self, replicas: int):
        self.replicas = replicas
        self.columns: dict[str, Column] = {}
        self.arrays: dict[str, tuple[int, Any]] = {}

    def extend(self, name: str, steps: Any, values: Any) -> None:
        """Append values [T, R] of a column at steps [T]; a single row may be given as t, [R]."""
        column = self.columns.setdefault(name, Column(self.replicas))
        column.extend(np.atleast_1d(steps), np.atleast_2d(values))

    def __getitem__(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(steps [T], values [T, R]) of a column; empty where it was never measured."""
        column = self.columns.get(name)
        if column is None:
            return np.empty(0, np.int64), np.empty((0, self.replicas))
        return column.steps, column.values

    def last(self, name: str) -> np.ndarray | None:
        """The newest row [R] of a column."""
        column = self.columns.get(name)
        return column.values[-1] if column and column.size else None

    def table(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """All steps [T] at which anything was measured, and every column on them [T, R]."""
        parts = [c.steps for c in self.columns.values()]
        steps = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
        wide = {}
        for name, column in self.columns.items():
            wide[name] = np.full((len(steps), self.replicas), np.nan)
            wide[name][np.searchsorted(steps, column.steps)] = column.values
        return steps, wide


def header(records: Iterable[Record]) -> list[str]:
    """Column names of a CSV of several arms: the fixed ones first, then the rest as they came."""
    names = dict.fromkeys(name for record in records for name in record.columns)
    return LEADING + [name for name in names if name not in LEADING]


def rows(record: Record, arm: int, parent: int | None, names: list[str]) -> Iterator[list[Any]]:
    """One row a step and replica, an empty string where nothing was measured."""
    steps, wide = record.table()
    nothing = np.full((len(steps), record.replicas), np.nan)
    tables = [wide.get(name, nothing) for name in names[4:]]
    for i, t in enumerate(steps):
        for r in range(record.replicas):
            cells = (float(table[i, r]) for table in tables)
            measured = ["" if np.isnan(c) else repr(c) for c in cells]
            yield [int(t), arm, r, "" if parent is None else parent, *measured]


def write_csv(file: TextIO, arms: list[tuple[int, int | None, Record]]) -> None:
    """Write (arm, parent arm, record) triples as one CSV, numbers exact (repr)."""
    names = header(record for _, _, record in arms)
    out = csv.writer(file, lineterminator="\n")
    out.writerow(names)
    for arm, parent, record in arms:
        out.writerows(rows(record, arm, parent, names))
