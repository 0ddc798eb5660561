"""The record of one arm: columns, each with the steps at which it was measured.

A value that was not measured at a step is nan in a table and simply absent in a column, so a long
run costs what was measured; and a very long one no more than `MOST` numbers a column, for then rows
are thinned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

MOST = 2**21  # numbers of one column, 16 MiB: 262,144 rows of 8 replicas
FEWEST = 4096  # rows that a column keeps, however many replicas there are
FIRST = 256  # rows that a column has room for at first


class Column:
    """Steps [T], increasing, and values [T, R]; at most `limit` rows.

    Where there would be more, `stride` doubles, and of all pairs of steps (0 and 1, 2 and 3, ...)
    only every `stride`-th stays, and the first row; from then on only such rows are taken. So which
    are there depends on the steps alone, and what alternates from step to step is still seen to.
    """

    def __init__(self, replicas: int):
        self.stride, self.limit = 1, max(FEWEST, MOST // max(1, replicas))
        room = min(FIRST, self.limit)
        self._first = -1
        self._held = np.empty(room, np.int64), np.empty((room, replicas)), 0

    def extend(self, steps: np.ndarray, values: np.ndarray) -> None:
        """Append values [T, R] measured at steps [T], which come after those that are there."""
        if not self.size and len(steps):
            self._first = steps[0]
        steps, values = self._due(steps, values)
        while self.size + len(steps) > self.limit:
            self.stride *= 2
            old_steps, old_values = self._due(*self.rows)
            self._held = old_steps, old_values, len(old_steps)
            steps, values = self._due(steps, values)
        end = self.size + len(steps)
        all_steps, all_values = self._room(end)
        all_steps[self.size : end], all_values[self.size : end] = steps, values
        self._held = all_steps, all_values, end

    def _due(self, steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.stride == 1:
            return steps, values
        due = (steps // 2 % self.stride == 0) | (steps == self._first)
        return steps[due], values[due]

    def _room(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Arrays with what is there and room for so many rows; what is unused costs no memory yet."""
        steps, values, size = self._held
        if rows <= len(steps):
            return steps, values
        room = min(max(rows, 2 * len(steps)), self.limit)
        more_steps, more_values = np.empty(room, np.int64), np.empty((room, values.shape[1]))
        more_steps[:size], more_values[:size] = steps[:size], values[:size]
        return more_steps, more_values

    @property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values, which fit each other even while another thread extends the column.

        They are views of rows that never change again.
        """
        steps, values, size = self._held
        return steps[:size], values[:size]

    @property
    def size(self) -> int:
        return self._held[2]

    @property
    def steps(self) -> np.ndarray:
        return self.rows[0]

    @property
    def values(self) -> np.ndarray:
        return self.rows[1]

    @property
    def nbytes(self) -> int:
        """Bytes held, room for more rows included."""
        return self._held[0].nbytes + self._held[1].nbytes


class Record:
    """Columns by name for R replicas, and `arrays`: the newest of what is wider than a number."""

    def __init__(self, replicas: int):
        self.replicas = replicas
        self.columns: dict[str, Column] = {}
        self.arrays: dict[str, tuple[int, Any]] = {}

    def extend(self, name: str, steps: Any, values: Any) -> None:
        """Append values [T, R] of a column at steps [T]; a single row may be given as t, [R]."""
        if name not in self.columns:
            self.columns[name] = Column(self.replicas)
        self.columns[name].extend(np.atleast_1d(steps), np.atleast_2d(values))

    def only(self, replica: int) -> Record:
        """The record of one replica, as one of its own."""
        own = Record(1)
        for name in self.columns:
            steps, values = self[name]
            own.extend(name, steps, values[:, [replica]])
        for name, (step, wide) in self.arrays.items():
            own.arrays[name] = (step, _only(wide, replica))
        return own

    def __getitem__(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(steps [T], values [T, R]) of a column; empty where it was never measured."""
        column = self.columns.get(name)
        if column is None:
            return np.empty(0, np.int64), np.empty((0, self.replicas))
        return column.rows

    def last(self, name: str) -> np.ndarray | None:
        """The newest row [R] of a column."""
        _, values = self[name]
        return values[-1] if len(values) else None

    def reached(self, name: str, level: float, below: bool = False) -> np.ndarray:
        """The first step [R] at which a column was at least (or at most) `level`; infinite where it
        never was.
        """
        steps, values = self[name]
        there = values <= level if below else values >= level
        if not len(steps):
            return np.full(self.replicas, np.inf)
        return np.where(there.any(0), steps[there.argmax(0)], np.inf)

    def then(self, name: str, steps: np.ndarray) -> np.ndarray:
        """Of each replica the value [R] of a column at its first measurement from a step [R] on, or
        else at its last.
        """
        at, values = self[name]
        row = np.searchsorted(at, steps).clip(max=len(at) - 1)
        return values[row, np.arange(self.replicas)]

    @property
    def steps(self) -> np.ndarray:
        """All steps [T] at which anything was measured."""
        parts = [c.steps for c in list(self.columns.values())]
        return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)

    def on(self, steps: np.ndarray) -> dict[str, np.ndarray]:
        """Every column on these steps [T], as [T, R]; nan where it was not measured."""
        wide = {}
        for name in list(self.columns):
            there, values = self[name]
            wide[name] = np.full((len(steps), self.replicas), np.nan)
            place = np.searchsorted(there, steps)
            found = np.flatnonzero(place < len(there))
            found = found[there[place[found]] == steps[found]]
            wide[name][found] = values[place[found]]
        return wide

    def time_at(self, steps: np.ndarray) -> np.ndarray:
        """Training time [T, R], the sum of the learning rates so far, at any steps [T].

        Linear between two steps at which "time" was measured; before the first and after the last
        it goes on at the learning rate recorded there. nan for a replica without any.
        """
        time, lr = self._finite("time"), self._finite("lr")
        out = np.full((len(steps), self.replicas), np.nan)
        for r, (x, y) in enumerate(time):
            if len(x):
                inside = np.clip(steps, x[0], x[-1])
                rate = np.interp(inside, *lr[r]) if len(lr[r][0]) else 0.0
                out[:, r] = np.interp(inside, x, y) + rate * (steps - inside)
        return out

    def _finite(self, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each replica the steps and values of a column, where it was measured."""
        steps, values = self[name]
        known = np.isfinite(values)
        return [(steps[k], v[k]) for k, v in zip(known.T, values.T, strict=True)]


def _only(wide: Any, replica: int) -> Any:
    """Of an array [R or 1, ...], or of several, what is one replica's."""
    if isinstance(wide, tuple):
        return tuple(_only(one, replica) for one in wide)
    return wide[replica if len(wide) > 1 else 0]
