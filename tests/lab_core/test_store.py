"""A folder keeps a sweep's cells exactly, gives each back once, and takes no other sweep's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from lab_core import sweeps
from lab_core.knobs import BadInput
from lab_core.recipe import Branch, Recipe
from lab_core.record import Success
from lab_core.sweep import Axis, Cell, Outcome, compute, in_stacks
from lab_core.sweeps import sweep
from lab_core.sweeps.store import Store, load

PROBES = (("weight_norm", 7), ("spectrum", 20))
BASE = Recipe().set({"data": "chebyshev", "width": 4, "steps": 30, "probes": PROBES, "lr": 0.7})
OVER: dict[str, Any] = {"lr": [0.01, 1e4], "width": [2, 3], "optimizer": ["gd", "adam"]}
SWEEP = sweep(BASE, OVER, 2).sweep


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Cell]:
    """The cells that are computed from here on."""
    cells: list[Cell] = []

    def watched(stack: list[Cell], *rest: Any, **more: Any) -> list[Outcome]:
        cells.extend(stack)
        return compute(stack, *rest, **more)

    monkeypatch.setattr("lab_core.sweeps.executors.compute", watched)
    return cells


def same(one: Outcome, two: Outcome) -> None:
    """Equal bits in all that is kept."""
    assert (one.cell, one.diverged) == (two.cell, two.diverged)
    assert list(one.record.columns) == list(two.record.columns)
    for name in one.record.columns:
        for a, b in zip(one.record[name], two.record[name], strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def test_what_is_kept_comes_back_exactly_and_is_not_computed_again(
    tmp_path: Path, computed: list[Cell]
) -> None:
    first = list(sweep(BASE, OVER, 2, out=tmp_path))
    assert len(computed) == len(first) == len(SWEEP) == 16
    assert {outcome.diverged is None for outcome in first} == {True, False}
    again = {o.cell.place: o for o in sweep(BASE, OVER, 2, out=str(tmp_path))}
    assert len(computed) == 16 and len(again) == 16
    for outcome in first:
        same(outcome, again[outcome.cell.place])
    grid = load(tmp_path)
    assert grid.done and grid.sweep.over == SWEEP.over and grid.sweep.seeds == (0, 1)
    assert np.array_equal(grid.values("train_loss"), SWEEP.finish().values("train_loss"), True)


def test_a_row_is_a_cell_and_a_recorded_step(tmp_path: Path) -> None:
    (outcome, *_) = sweep(BASE, OVER, 1, out=tmp_path)
    tables = [parquet.read_table(path) for path in sorted(tmp_path.glob("*.parquet"))]
    assert tables[0].column_names[:5] == ["lr", "width", "optimizer", "seed", "step"]
    assert tables[0].column_names[-1] == "diverged" and "recorded_lr" in tables[0].column_names
    rows = [row for table in tables for row in table.to_pylist()]
    mine = [
        row
        for row in rows
        if (row["lr"], row["width"], row["optimizer"], row["seed"]) == (0.01, 2, "gd", 0)
    ]
    assert [row["step"] for row in mine] == list(range(30))
    assert [row["train_loss"] for row in mine] == outcome.record["train_loss"][1][:, 0].tolist()
    there = [row["step"] for row in mine if row["weight_norm"] is not None]
    assert there == outcome.record["weight_norm"][0].tolist()
    gone = [row for row in rows if row["diverged"] is not None]
    assert {row["lr"] for row in gone} == {1e4}
    assert all(
        row["recorded_lr"] in (row["lr"], None) or row["step"] >= row["diverged"] for row in gone
    )


def test_only_what_is_missing_is_computed(tmp_path: Path, computed: list[Cell]) -> None:
    going = iter(sweep(BASE, OVER, 2, out=tmp_path))
    first = next(going)
    going.close()  # type: ignore[attr-defined]
    done = len(computed)
    assert done == 4, "one stack"
    found = list(sweep(BASE, OVER, 2, out=tmp_path))
    assert len(computed) == 16 and len({cell.place for cell in computed}) == 16
    assert len({outcome.cell.place for outcome in found}) == len(found) == 16
    same(found[0], first)


def test_more_values_and_more_seeds_take_up_what_is_there(
    tmp_path: Path, computed: list[Cell]
) -> None:
    list(sweep(BASE, {"width": [2, 4], "lr": [0.1]}, [0], out=tmp_path))
    computed.clear()
    wider = sweep(BASE, {"lr": [0.2, 0.1], "width": [2, 3, 4]}, [1, 0], out=tmp_path)
    assert len(list(wider)) == 12
    known = {(2, 0.1, 0), (4, 0.1, 0)}
    assert len(computed) == 10
    assert not known & {
        (c.recipe.flat()["width"], c.recipe.flat()["lr"], c.recipe.seed) for c in computed
    }
    computed.clear()
    assert [o.cell.name for o in sweep(BASE, {"width": [3], "lr": [0.1]}, [1], out=tmp_path)] == [
        "width=3, lr=0.1, seed=1"
    ]
    assert not computed


def test_a_cell_that_recorded_nothing_is_done_all_the_same(
    tmp_path: Path, computed: list[Cell]
) -> None:
    none = BASE.set({"steps": 0})
    assert len(list(sweep(none, {"lr": [0.1, 0.2]}, 1, out=tmp_path))) == 2
    (one, _) = sweep(none, {"lr": [0.1, 0.2]}, 1, out=tmp_path)
    assert len(computed) == 2 and not one.record.columns


# ---- what is not this sweep's


@pytest.mark.parametrize(("settings", "over", "said"), [
    ({"steps": 31}, {}, "steps is 30 where this one's is 31"),
    ({"optimizer": "adam"}, {}, "optimizer is 'gd' where this one's is 'adam'"),
    ({"probes": ()}, {}, "probes is {"),
    ({}, {"beta": [0.1]}, "over is ['lr', 'width'] where this one's is ['beta', 'lr', 'width']"),
    ({"activation": "relu"}, {}, "activation is 'tanh' where this one's is 'relu'"),
])  # fmt: skip
def test_another_sweep_is_refused_and_named(
    tmp_path: Path, settings: dict[str, Any], over: dict[str, Any], said: str
) -> None:
    base = BASE if "beta" not in over else BASE.set({"optimizer": "heavy-ball"})
    list(sweep(base, {"lr": [0.1], "width": [2]}, 1, out=tmp_path))
    (file,) = tmp_path.glob("cells-*")
    before = file.read_bytes()
    with pytest.raises(BadInput) as error:
        list(sweep(base.set(settings), {"lr": [0.1], "width": [2]} | over, 1, out=tmp_path))
    sentence = str(error.value)
    assert sentence.startswith(f"{file}: it is of another sweep, whose ") and said in sentence
    assert sentence.endswith("; choose another folder.") and file.read_bytes() == before


def test_what_ends_a_run_is_part_of_a_sweep(tmp_path: Path) -> None:
    early = Success("train_loss", 1e-3, below=True)
    list(sweep(BASE, {"lr": [0.1]}, 1, out=tmp_path, stop=early))
    assert load(tmp_path).sweep.stop == early
    with pytest.raises(BadInput, match="whose stop is {.* where this one's is None"):
        list(sweep(BASE, {"lr": [0.1]}, 1, out=tmp_path))


def test_a_folder_is_one_process_s_at_a_time(tmp_path: Path) -> None:
    with Store(tmp_path, SWEEP), pytest.raises(BadInput, match="another sweep is writing there"):
        list(sweep(BASE, OVER, 2, out=tmp_path))
    with pytest.raises(BadInput, match="/dev/null/x: it cannot be written"):
        list(sweep(BASE, OVER, 2, out="/dev/null/x"))


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "sweep.json.part").symlink_to("/dev/full")
    store = Store(tmp_path, SWEEP)
    with pytest.raises(BadInput, match="sweep.json: it cannot be written .No space left"):
        store.begin()


# ---- what is damaged


def broken(path: Path, how: str) -> None:
    """Damage a file of cells."""
    data = path.read_bytes()
    if how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "a page":
        at = data.index(b"PAR1") + 60
        path.write_bytes(data[:at] + bytes(255 - b for b in data[at : at + 8]) + data[at + 8 :])
    elif how == "no note":
        parquet.write_table(parquet.read_table(path).replace_schema_metadata(), path)
    else:
        table = parquet.read_table(path)
        note = json.loads(table.schema.metadata[b"edgewise"])
        if how == "rows":
            table = table.slice(1)
        elif how == "a value":
            note["cells"][0]["set"]["lr"] = [1]
        elif how == "no cells":
            note["cells"] = []
        elif how == "counts":
            note["cells"][0]["rows"] *= -1
        parquet.write_table(table.replace_schema_metadata({b"edgewise": json.dumps(note)}), path)


HOW = ["cut", "empty", "a page", "no note", "rows", "a value", "no cells", "counts"]


@pytest.mark.parametrize("how", HOW)
def test_a_damaged_file_is_named_put_aside_and_computed_again(
    tmp_path: Path, computed: list[Cell], how: str
) -> None:
    over = {"lr": [0.1, 0.2], "width": [2, 3]}
    whole = {o.cell.place: o for o in sweep(BASE, over, 1, out=tmp_path)}
    computed.clear()
    file = sorted(tmp_path.glob("cells-*"))[0]
    broken(file, how)
    with pytest.raises(BadInput, match=f"{file}: .*; start the sweep again"):
        load(tmp_path)
    with pytest.warns(UserWarning, match=f"{file}: .*; it is {file.name}.damaged now"):
        found = list(sweep(BASE, over, 1, out=tmp_path))
    assert len(computed) == 2 and len(found) == 4
    for outcome in found:
        same(outcome, whole[outcome.cell.place])
    assert load(tmp_path).done


def test_what_a_killed_process_left_is_cleared(tmp_path: Path, computed: list[Cell]) -> None:
    list(sweep(BASE, {"lr": [0.1]}, 1, out=tmp_path))
    file = next(tmp_path.glob("cells-*"))
    left = tmp_path / f"{file.name}.part"
    left.write_bytes(file.read_bytes()[:100])
    list(sweep(BASE, {"lr": [0.1]}, 1, out=tmp_path))
    assert not left.exists() and len(computed) == 1


def test_a_cell_that_is_there_twice_counts_once(tmp_path: Path, computed: list[Cell]) -> None:
    list(sweep(BASE, {"lr": [0.1]}, 1, out=tmp_path))
    asked = replace(SWEEP, over=(Axis(("lr",), "lr", (0.1, 0.2)),), seeds=(0,))
    with Store(tmp_path, asked) as store:  # as by another machine, on a disk that knows no locks
        store.write(compute(list(in_stacks(asked))[0]))
    found = list(sweep(BASE, {"lr": [0.1, 0.2]}, 1, out=tmp_path))
    assert sorted(o.cell.place for o in found) == [(0, 0), (1, 0)] and len(computed) == 1


@pytest.mark.parametrize("text", ["", "{}", '{"edgewise": 1}', '{"edgewise": 1, "over": 3}'])
def test_a_sweep_json_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(BadInput):
        load(tmp_path)
    with pytest.raises(BadInput, match="give a sweep's folder"):
        load(tmp_path / "nothing")


# ---- asking


def test_lists_are_axes_and_changes_are_left_out(tmp_path: Path) -> None:
    many = BASE.set({"lr": (0.1, 0.2), "seed": (3, 4), "init_scale": (0.1, 1.0)})
    many = many.set({"changes": (Branch(0, 0, (("depth", 3),), True),)})
    with pytest.warns(UserWarning, match="sweep: 1 changes and arms of the recipe are left out"):
        asked = sweep(many, {"lr": np.linspace(0.1, 0.3, 3), "width": range(2, 4)}).sweep
    assert [(axis.knobs, axis.values) for axis in asked.over] == [
        (("lr",), (0.1, 0.2, 0.3)), (("width",), (2, 3)), (("init_scale",), (0.1, 1.0)),
    ]  # fmt: skip
    assert asked.seeds == (3, 4) and type(asked.over[0].values[0]) is float
    tied = sweep(BASE, {"width+depth": [2, 3]}, 1)
    cells = [outcome.cell for outcome in tied]
    assert [cell.name for cell in cells] == ["width=2, depth=2, seed=0", "width=3, depth=3, seed=0"]


@pytest.mark.parametrize(("over", "seeds", "said"), [
    ({"lr": "0.1"}, 1, "lr: '0.1' is no list"),
    ({"lr": [0.1, 0.1]}, 1, "lr: 0.1 is given twice"),
    ({"lr": []}, 1, "lr: no values to sweep over"),
    ({"lr": ["x"]}, 1, "lr: 'x' is not a number"),
    ({"lr": [0.1], "lr+width": [2]}, 1, "lr: it is swept over twice"),
    ({"seed": [1]}, 1, "seed: a sweep has its seeds beside its axes"),
    ({"colour": [1]}, 1, "colour: no such knob"),
    ({"beta": [0.1]}, 1, "beta: it belongs to optimizer=heavy-ball"),
    ({"optimizer": ["gd", "none"]}, 1, "optimizer: 'none' is not known"),
    ({"lr": [0.1]}, 0, "seeds: 0 of them"),
    ({"lr": [0.1]}, [], "seeds: none; give one"),
    ({"lr": [0.1]}, [1, 1], "seeds: one of them is given twice"),
    ({"lr": [0.1]}, [-1], "seed: -1 is outside its domain"),
])  # fmt: skip
def test_bad_input_is_one_sentence(over: dict[str, Any], seeds: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        list(sweep(BASE, over, seeds))


def test_the_bar_goes_by_work(capfd: pytest.CaptureFixture[str]) -> None:
    asked = sweep(BASE.set({"depth": 3}), {"width": [2, 300]}, 1).sweep
    bar = sweeps.Bar(asked)
    small, large = in_stacks(asked)
    bar.at(small, 0.5)
    bar.add(compute(small))
    assert bar.bar.n < 0.1 and bar.cells == 1
    bar.at(large, 0.5)
    assert 0.4 < bar.bar.n < 0.6
    bar.bar.close()
    assert sweeps.Bar(asked, [(1, 0)]).left < 0.1 * bar.left
    assert "1 of 2 cells" in capfd.readouterr().err
