"""Data of a person's own: arrays, or a CSV file, as a data set of ours."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, make_dataclass
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lab_core.data import Arrays, Data
from lab_core.knobs import BadInput, knob

MOST = 5_000_000  # numbers of all arrays together
MOST_BYTES = 100_000_000  # of a file
MOST_CLASSES = 20  # whole numbers, of more different values, are numbers to be fitted
TESTED = 0.25  # of the rows, where no test set is given


@dataclass(frozen=True)
class Table:
    """Inputs x [N, d] and targets y [N, c], and those of the test set where there are some."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray | None
    y_test: np.ndarray | None
    targets: str  # "real" or "one-hot"
    standardise: bool

    def arrays(self, n: int, seed: int) -> Arrays:
        """x, y, x_test, y_test: n examples. Without a test set of its own a quarter of the rows, drawn by
        the seed, is that. Standardised: columns of x, and y that are numbers, less the mean of the
        training set and over its standard deviation.
        """
        order = np.random.default_rng(seed).permutation(len(self.x))
        if self.x_test is None or self.y_test is None:
            cut = len(order) - tested(len(order))
            train, test = order[:cut][:n], order[cut:]
            parts = self.x[train], self.y[train], self.x[test], self.y[test]
        else:
            train = np.sort(order[:n])
            parts = self.x[train], self.y[train], self.x_test, self.y_test
        if not self.standardise:
            return parts
        x, y, x_test, y_test = parts
        x, x_test = standardised(x, x_test)
        if self.targets == "real":
            y, y_test = standardised(y, y_test)
        return x, y, x_test, y_test


def tested(rows: int) -> int:
    """How many rows make the test set."""
    return int(TESTED * rows)


def standardised(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both less the mean of `train`, and over its standard deviation where there is one."""
    mean, scale = train.mean(0), train.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    return (train - mean) / scale, (test - mean) / scale


class BroughtData(Data):
    """A data set whose arrays are those of a `Table`."""

    table: ClassVar[Table]

    def arrays(self, seed: int) -> Arrays:
        return self.table.arrays(self.n, seed)  # type: ignore[attr-defined]

    def truth(self, seed: int) -> np.ndarray:
        return self.arrays(seed)[1]


def data_class(thing: Any, target: str = "", standardise: bool = True) -> Any:
    """The class of ours for a person's data. Raises BadInput."""
    label = "own data"
    if isinstance(thing, (str, PathLike)):
        label, thing = Path(thing).name, read_csv(Path(thing), target)
    elif target:
        raise BadInput("target: it names a column of a CSV file; give arrays as (X, y).")
    table = of_arrays(thing, standardise)
    n = len(table.x) - (0 if table.x_test is not None else tested(len(table.x)))
    kind = "classes" if table.targets == "one-hot" else "numbers"
    label = f"{label} ({kind}{', standardised' if standardise else ''})"
    size = knob(n, max(1, n // 10), n, log=True, domain=f"[1, {n}]", label="examples")
    space = {"table": table, "label": label, "targets": table.targets}
    return make_dataclass("OwnData", [("n", int, size)], bases=(BroughtData,), namespace=space,
                          frozen=True)  # fmt: skip


def of_arrays(thing: Any, standardise: bool = True) -> Table:
    """A table of (X, y) or (X, y, X_test, y_test). Raises BadInput."""
    if not isinstance(thing, (tuple, list)) or len(thing) not in (2, 4):
        raise BadInput("data: give (X, y), (X, y, X_test, y_test), or the path of a CSV file.")
    x = inputs(thing[0], "X")
    y, targets, names = targets_of(thing[1], "y", len(x))
    x_test = y_test = None
    if len(thing) == 4:
        x_test = inputs(thing[2], "X_test")
        if x_test.shape[1] != x.shape[1]:
            raise BadInput(
                f"X_test: {x_test.shape[1]} columns where X has {x.shape[1]}; give as many."
            )
        y_test, _, _ = targets_of(thing[3], "y_test", len(x_test), targets, names)
        if y_test.shape[1] != y.shape[1]:
            raise BadInput(
                f"y_test: {y_test.shape[1]} columns where y has {y.shape[1]}; give as many."
            )
    total = sum(a.size for a in (x, y, x_test, y_test) if a is not None)
    if total > MOST:
        raise BadInput(
            f"data: {total:,} numbers are too many; the limit is {MOST:,}: take fewer rows."
        )
    return Table(x, y, x_test, y_test, targets, standardise)


def inputs(value: Any, name: str) -> np.ndarray:
    """X [N, d] in float64. Raises BadInput."""
    x = numbers(value, name)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2:
        raise BadInput(f"{name}: its shape is {list(x.shape)}; give [examples, inputs].")
    if not x.size:
        raise BadInput(
            f"{name}: its shape is {list(x.shape)}, so there is nothing; give an example."
        )
    return x


def numbers(value: Any, name: str) -> np.ndarray:
    """An array of finite numbers. Raises BadInput."""
    value = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    try:
        array = np.asarray(value)
    except ValueError:
        raise BadInput(f"{name}: its rows are not equally long; give [examples, inputs].") from None
    try:
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise BadInput(
            f"{name}: it holds {array.dtype}, not numbers; encode them as numbers."
        ) from None
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = ", ".join(map(str, bad[0]))
        raise BadInput(
            f"{name}[{where}]: {array[tuple(bad[0])]:g} is not a finite number ({len(bad)} in all); leave"
            " such rows out."
        )
    return array


def targets_of(
    value: Any, name: str, rows: int, targets: str = "", names: Sequence[Any] = ()
) -> tuple[np.ndarray, str, Sequence[Any]]:
    """y [N, c], what it is ("one-hot" or "real") and the classes: words, or whole numbers of at most
    `MOST_CLASSES` values, are classes; all else are numbers. Raises BadInput.
    """
    value = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
    if value.ndim == 2 and value.shape[1] == 1:
        value = value[:, 0]
    if value.ndim not in (1, 2) or len(value) != rows:
        raise BadInput(
            f"{name}: its shape is {list(value.shape)}; give one target for each of {rows:,}."
        )
    words = value.dtype.kind in "USOb"
    if value.ndim == 1 and targets != "real" and (words or targets or _whole(value)):
        names = (
            names if len(names) else sorted(set(value.tolist()), key=lambda v: (str(type(v)), v))
        )
        if len(names) < 2:
            raise BadInput(f"{name}: all of it is {names[0]!r}; give two classes or more.")
        if words and len(names) > MOST_CLASSES:
            raise BadInput(
                f"{name}: {len(names)} different words, as classes the limit is {MOST_CLASSES}; is it the"
                " right column?"
            )
        place = {v: i for i, v in enumerate(names)}
        if strange := [v for v in value.tolist() if v not in place]:
            raise BadInput(f"{name}: {strange[0]!r} is no class of y; leave such rows out.")
        return np.eye(len(names))[[place[v] for v in value.tolist()]], "one-hot", names
    y = numbers(value, name)
    return (y[:, None] if y.ndim == 1 else y), "real", ()


def _whole(value: np.ndarray) -> bool:
    if value.dtype.kind not in "iuf" or not np.isfinite(value).all():
        return False
    return bool((value == np.round(value)).all()) and len(np.unique(value)) <= MOST_CLASSES


# ---- CSV


def read_csv(path: Path, target: str = "") -> tuple[np.ndarray, Any]:
    """(X, y) of a CSV file with a header: y is the column `target`, or the last. Raises BadInput, with the
    file, the line and the column.
    """
    header, rows = _rows(path)
    if target and target not in header:
        raise BadInput(f"{path.name}: there is no column {target!r}; choose {', '.join(header)}.")
    place = header.index(target) if target else len(header) - 1
    x = np.empty((len(rows), len(header) - 1))
    others = [i for i in range(len(header)) if i != place]
    for k, (line, row) in enumerate(rows):
        for j, i in enumerate(others):
            x[k, j] = _number(path, line, header[i], row[i])
    words = [row[place].strip() for _, row in rows]
    if "" in words:
        line = rows[words.index("")][0]
        raise BadInput(
            f"{path.name}, line {line}: {header[place]!r} is empty; leave such rows out."
        )
    try:
        return x, np.array([float(word) for word in words])
    except ValueError:
        return x, np.array(words)


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and each row with its line."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path.name}: it is larger than {MOST_BYTES:,} bytes; take fewer rows.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except FileNotFoundError:
        raise BadInput(f"{path}: there is no such file; give the path of a CSV file.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        why = f"{error}" if isinstance(error, csv.Error) else why
        raise BadInput(f"{path.name}: it cannot be read ({why}); give a CSV file.") from None
    if not lines:
        raise BadInput(f"{path.name}: it is empty; give a header and rows.")
    header = [name.strip() for name in lines[0][1]]
    _check_header(path, header)
    rows = lines[1:]
    if not rows:
        raise BadInput(f"{path.name}: there is a header and no row; give some.")
    for line, row in rows:
        if len(row) != len(header):
            raise BadInput(
                f"{path.name}, line {line}: {len(row)} fields where the header has {len(header)}; make"
                " them as many."
            )
    if len(rows) * len(header) > MOST:
        raise BadInput(
            f"{path.name}: {len(rows) * len(header):,} numbers are too many; the limit is {MOST:,}: take"
            " fewer rows."
        )
    return header, rows


def _check_header(path: Path, header: list[str]) -> None:
    if len(header) < 2:
        more = "; separate its columns by commas" if ";" in header[0] or "\t" in header[0] else ""
        raise BadInput(f"{path.name}: it has one column{more}; give inputs and a target.")
    if all(map(_is_number, header)):
        raise BadInput(f"{path.name}: its first line is of numbers; begin with the columns' names.")
    twice = [name for name, count in Counter(header).items() if count > 1 or not name]
    if twice:
        raise BadInput(f"{path.name}: the header has {twice[0]!r} twice or empty; name each once.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(path: Path, line: int, column: str, text: str) -> float:
    if not _is_number(text) or not np.isfinite(float(text)):
        said = repr(text[:30]) if text.strip() else "an empty field"
        raise BadInput(
            f"{path.name}, line {line}, column {column!r}: {said} is not a finite number; encode it as one,"
            " or leave the row out."
        )
    return float(text)
