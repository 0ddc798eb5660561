"""`edgewise sweep`: what it prints and keeps, what it asks first, and that bad input is one sentence."""

from __future__ import annotations

import io
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_core import cli, phenomena
from lab_core.cli_sweep import FORM, Table, axis_of, spread
from lab_core.curves import Curve, Figure
from lab_core.formats import to_json
from lab_core.knobs import BadInput
from lab_core.phenomena import EDGE_OF_STABILITY  # type: ignore[attr-defined]
from lab_core.recipe import Branch, Recipe
from lab_core.record import Success
from lab_core.sweep import BUDGET, Axis, Sweep
from lab_core.sweeps import sweep
from lab_core.sweeps.estimates import Estimate, estimate, sample, total
from lab_core.sweeps.store import load

TINY = Recipe().set({"data": "chebyshev", "n": 5, "width": 4, "steps": 20, "probes": ()})
SUBJECT = Sweep(
    TINY, (Axis(("width", "depth"), "size", (2, 3)),), (0, 1), Success("train_loss", 9.0, True)
)

Edgewise = Callable[..., tuple[int, str, str]]


@pytest.fixture
def edgewise(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Edgewise:
    """Run `edgewise sweep` in this process, where nobody can be asked; exit code, stdout, stderr."""
    figures = {"curve": Curve("", "", SUBJECT, ()), "table": Figure("", "", object())}
    one = replace(EDGE_OF_STABILITY, figures=figures)
    monkeypatch.setattr(phenomena, "PHENOMENA", {"edge": one})
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def edgewise(*arguments: object) -> tuple[int, str, str]:
        return cli.main(["sweep", *map(str, arguments)]), *capfd.readouterr()

    return edgewise


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.json"
    path.write_text(to_json(TINY))
    return path


def test_a_table_of_medians_and_a_folder(edgewise: Edgewise, tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    over = ["--over", "lr=0.01:1e6:2:log", "--over", "width=2:4:3"]
    code, said, progress = edgewise(tiny, *over, "--seeds", 3, "--steps", 30, "--out", out)
    assert code == 0 and "18 of 18 cells" in progress
    grid = load(out)
    assert grid.done and grid.sweep.recipe.steps == 30 and grid.sweep.seeds == (0, 1, 2)
    lines = [line.split() for line in said.splitlines()]
    assert lines[0] == ["lr", "width", "train_loss", "diverged"]
    median = np.median(grid.values("train_loss")[0, 1])
    assert lines[2] == ["0.01", "3", f"{median:.5g}", "0"]
    assert lines[5] == ["1e+06", "3", "3"], "all three seeds diverged, so there is no loss"
    code, again, progress = edgewise(tiny, *over, "--seeds", 3, "--steps", 30, "--out", out)
    assert (code, again) == (0, said) and "18 of 18 cells" in progress


def test_lists_and_parts_are_axes_and_changes_are_said_to_be_left_out(
    edgewise: Edgewise, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text(to_json(TINY.set({"changes": (Branch(0, 0, (), True),)})))
    code, said, progress = edgewise(
        tmp_path / "a.json", "--set", "lr=0.1,0.2", "--over", "optimizer=gd,adam", "--seeds", "4,"
    )
    assert code == 0 and len(said.splitlines()) == 5
    assert "1 changes and arms of the recipe are left out" in progress
    assert said.splitlines()[0].split() == ["optimizer", "lr", "train_loss"]


def test_a_figure_s_sweep_has_its_own_axes(edgewise: Edgewise, tmp_path: Path) -> None:
    out = [tmp_path / "a", tmp_path / "b"]
    assert edgewise("edge", "--preset", "curve", "--set", "lr=0.3", "--out", out[0])[0] == 0
    mine = load(out[0]).sweep
    assert mine == replace(SUBJECT, recipe=TINY.set({"lr": 0.3}))
    code, *_ = edgewise(
        "edge", "--preset", "curve", "--over", "lr=0.1,", "--seeds", 1, "--out", out[1]
    )
    mine = load(out[1]).sweep
    assert code == 0 and mine.seeds == (0,) and mine.stop == SUBJECT.stop
    assert [axis.knobs for axis in mine.over] == [("lr",)]


# ---- a large one


def test_a_million_cells_are_asked_about_soon_and_in_little_memory(
    edgewise: Edgewise, tiny: Path, tmp_path: Path
) -> None:
    edgewise(tiny, "--over", "lr=0.1,0.2")  # all is imported
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    over = ["--over", "lr=1e-3:1:1000:log", "--over", "width=1:1000:1000"]
    code, said, why = edgewise(tiny, *over, "--seeds", 1, "--out", tmp_path / "out")
    assert time.monotonic() - start < 4, "2 s on a machine that does nothing else"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16, "KiB"
    assert (code, said) == (2, "")
    size = r"[\d.]+ [MG]B"
    form = rf"sweep: 1,000,000 cells take about \d+ (minutes|hours|days), {size} of memory, {size} on disk"
    assert re.fullmatch(rf"{form}; give --yes\.\n", why), why
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("Yes\n", 0), ("n\n", 2), ("", 2)])
def test_a_person_is_asked(edgewise: Edgewise, tiny: Path, monkeypatch: pytest.MonkeyPatch,
                           answer: str, code: int) -> None:  # fmt: skip
    monkeypatch.setattr("lab_core.sweeps.estimates.LONG", 0.0)
    person = io.StringIO(answer)
    person.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", person)
    found, out, said = edgewise(tiny, "--over", "lr=0.1,0.2")
    assert found == code and bool(out) == (code == 0)
    assert said.startswith("sweep: 2 cells take about 1 s, ") and "Compute them? [y/N] " in said
    assert code == 0 or said.endswith(
        "sweep: nothing was computed; give fewer values, seeds or steps.\n"
    )


def test_yes_is_an_answer(edgewise: Edgewise, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab_core.sweeps.estimates.LONG", 0.0)
    code, out, said = edgewise(tiny, "--over", "lr=0.1,0.2", "--yes")
    assert code == 0 and out and said.startswith("sweep: 2 cells take about 1 s")


def test_an_estimate_is_about_right() -> None:
    over = {"width": [4, 64, 8], "lr": np.geomspace(1e-3, 0.1, 8)}
    asked = sweep(
        TINY.set({"steps": 1200, "depth": 3, "probes": (("sharpness", 50),)}), over, 2
    ).sweep
    found = estimate(asked)
    start = time.perf_counter()
    asked.finish()
    took = time.perf_counter() - start
    assert took / 4 < found.seconds < 4 * took, f"{took} s; on a machine that others use"
    half = estimate(asked, workers=2, missing=24, kept=False)
    assert half.cells == 24 and half.disk == 0.0 and half.seconds < found.seconds
    assert half.memory > found.memory


def test_what_is_sampled_is_like_the_whole() -> None:
    few = sweep(TINY, {"width": [1, 2, 4], "lr": [0.1, 0.2]}, 2).sweep
    assert [recipe.flat()["width"] for recipe in sample(few)] == [1, 2, 4]
    many = sweep(TINY, {"width": range(1, 1001), "lr": [0.1, 0.2]}, 2).sweep
    assert len(sample(many)) == 50
    every = sum(
        total(replace(many, over=(Axis(("width",), "", (w,)), many.over[1])))
        for w in range(1, 1001)
    )
    assert total(many) == pytest.approx(every, rel=0.02)
    assert (
        str(Estimate(3, 100.0, 3.1e9, 2e6))
        == "3 cells take about 2 minutes, 3.1 GB of memory, 2 MB on disk"
    )
    assert Estimate(3, 100.0, 3.1e9, 0.0).large and not Estimate(3, 100.0, BUDGET, 0.0).large


# ---- what is asked for


def test_values_of_an_axis() -> None:
    assert axis_of("lr=1e-3:1:4:log", TINY)[1] == pytest.approx([1e-3, 1e-2, 1e-1, 1.0])
    assert axis_of("width=8,16,32", TINY) == ("width", [8, 16, 32])
    assert axis_of("width=1:1000:7:log", TINY) == ("width", [1, 3, 10, 32, 100, 316, 1000])
    assert axis_of("width=1:3:9", TINY) == ("width", [1, 2, 3])
    assert axis_of("width+depth=1:4:4", TINY) == ("width+depth", [1, 2, 3, 4])
    assert axis_of("optimizer=adam", TINY) == ("optimizer", ["adam"])
    assert axis_of("beta=0:0.5:2", TINY) == ("beta", [0.0, 0.5])


NASTY = [
    "", "=", "lr", "lr=", "=1", "lr==", "lr=:", "lr=1:", "lr=1:2", "lr=1:2:", "lr=1:2:x", "lr=1:2:1.5",
    "lr=1:2:1", "lr=1:2:-3", "lr=1:2:99999999", "lr=1:2:3:lin", "lr=1:2:3:log:", "lr=0:1:3:log",
    "lr=-1:1:3:log", "lr=nan:1:3", "lr=1:inf:3", "lr=1e999:1:3", "lr=1:2:٣", "lr=a:b:3", "lr=1;2;3",
    "lr=0.1,,0.2", "lr=,", "lr=0.1,x", "lr=1:1:3", "lr=0.1,0.1", "lr=-1:1:3", "lr=true", "lr=1e400",
    "lr=__import__('os')", "width=0:8:3", "width=1.5", "width=8,8.0", "optimizer=gd:adam:2",
    "optimizer=none", "dtype=1:2:2", "dtype=half", "colour=1", "colour=1:2:3", "seed=1,2",
    "probes=sharpness:10", "changes=1", "beta=0.1", "lr+=0.1", "+lr=0.1", "lr+lr=0.1", "lr+colour=0.1",
    "lr+optimizer=0.1", "width=1:100000:1000000", "\n=1", "lr=\n", "lr =0.1",
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_a_bad_axis_is_one_sentence(edgewise: Edgewise, tiny: Path, text: str) -> None:
    code, out, said = edgewise(tiny, "--over", text)
    assert (code, out) == (2, "") and said.count("\n") == 1 and said.endswith(".\n")
    assert len(said) < 1200 and "Traceback" not in said


@given(st.text(max_size=30))
def test_whatever_is_asked_for_is_values_or_a_sentence(text: str) -> None:
    for asked in (text, f"lr={text}", f"width=1:{text}"):
        try:
            sweep(TINY, dict([axis_of(asked, TINY)]))
        except BadInput as error:
            assert "\n" not in str(error)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(2, 50))
def test_a_range_has_its_ends_and_as_many_values(low: float, high: float, n: int) -> None:
    values = spread("lr", f"{low!r}:{high!r}:{n}", False)
    assert (values[0], values[-1], len(values)) == (low, high, n)


@pytest.mark.parametrize(("arguments", "said"), [
    (["{tiny}"], f"over: there is nothing to sweep over; give --over, and {FORM}."),
    (["{tiny}", "--over", "lr=1,2", "--over", "lr=3,4"], "lr: it is swept over twice"),
    (["{tiny}", "--over", "lr=1,2", "--seeds", "0"], "seeds: '0' does not fit"),
    (["{tiny}", "--over", "lr=1,2", "--seeds", "1,x"], "seeds: 'x' does not fit"),
    (["{tiny}", "--over", "lr=1,2", "--seeds", "1,1"], "seeds: one of them is given twice"),
    (["{tiny}", "--over", "lr=1,2", "--steps", "many"], "steps: "),
    (["{tiny}", "--over", "lr=1,2", "--workers", "0"], "workers: '0' does not fit"),
    (["{tiny}", "--over", "lr=1,2", "--workers", "2", "--dask", "a:1"], "workers: a Dask cluster has"),
    (["{tiny}", "--over", "lr=1,2", "--dask", "nowhere"], "dask: no scheduler was found at 'nowhere'"),
    (["{tiny}", "--over", "lr=1,2", "--out", "/dev/null/x"], "/dev/null/x: it cannot be written"),
    (["{tiny}", "--over", "lr=1,2", "--out", "{tiny}"], "{tiny}: it cannot be written"),
    (["nothing", "--over", "lr=1,2"], "nothing: neither a phenomenon nor a file"),
    (["edge", "--preset", "none", "--over", "lr=1,2"], "preset: 'none' is not known"),
    (["edge", "--preset", "table"], "preset: table is a figure that is no sweep"),
    (["edge", "--over"], "argument --over: expected one argument"),
])  # fmt: skip
def test_bad_input_is_one_sentence(
    edgewise: Edgewise, tiny: Path, arguments: list[str], said: str
) -> None:
    code, out, why = edgewise(*(text.format(tiny=tiny) for text in arguments))
    assert (code, out) == (2, "") and why.count("\n") == 1
    assert why.startswith(said.format(tiny=tiny))


def test_another_recipe_s_folder_is_refused(edgewise: Edgewise, tiny: Path, tmp_path: Path) -> None:
    edgewise(tiny, "--over", "lr=0.1,", "--out", tmp_path)
    code, _, said = edgewise(tiny, "--over", "lr=0.1,", "--steps", 21, "--out", tmp_path)
    assert code == 2 and "steps is 20 where this one's is 21; choose another folder" in said


def test_a_long_table_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    asked = sweep(TINY, {"lr": np.geomspace(1e-3, 0.1, 50)}, 1).sweep
    table = Table(asked)
    table.print()
    assert capsys.readouterr().out == ""
    table.add(list(sweep(TINY, {"lr": asked.over[0].values}, 1)))
    table.print()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 42 and lines[-1] == "... and 10 more; --out DIR keeps them all."


# ---- stopped


def stopped(tmp_path: Path, how: signal.Signals, workers: int) -> tuple[list[str], int, str]:
    """The arguments of a sweep that is stopped when its first cells are on disk, its exit code, and what
    it said.
    """
    (tmp_path / "slow.json").write_text(to_json(TINY.set({"steps": 1000})))
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heed}; import sys; from lab_core.cli import main; sys.exit(main())"
    arguments = [
        str(tmp_path / "slow.json"),
        "--over",
        "width=2:13:12",
        "--out",
        str(tmp_path / "out"),
    ]
    command = [sys.executable, "-c", code, "sweep", *arguments, "--workers", str(workers)]
    pipes: Any = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    going = subprocess.Popen(command, **pipes)
    while not list((tmp_path / "out").glob("cells-*.parquet")):
        assert going.poll() is None
        time.sleep(0.02)
    family = psutil.Process(going.pid).children(recursive=True)
    os.kill(going.pid, how)
    _, said = going.communicate(timeout=60)
    _, left = psutil.wait_procs(family, timeout=10)
    assert family and not left, "no process is left behind"
    return arguments, going.returncode, said


def test_an_interrupted_sweep_goes_on(tmp_path: Path, edgewise: Edgewise) -> None:
    arguments, code, said = stopped(tmp_path, signal.SIGINT, 1)
    assert code == 130 and "Traceback" not in said
    n = len(load(tmp_path / "out").outcomes)
    assert said.splitlines()[-1].startswith(f"Interrupted: {n} of 12 cells are done, and kept in ")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.parquet")}
    assert 0 < n < 12 and edgewise(*arguments)[0] == 0
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.parquet")}
    assert before.items() <= after.items() and len(after) == 12 and load(tmp_path / "out").done


@pytest.mark.long
def test_a_killed_sweep_leaves_no_worker_and_whole_files(
    tmp_path: Path, edgewise: Edgewise
) -> None:
    arguments, code, _ = stopped(tmp_path, signal.SIGKILL, 2)
    assert code == -9 and 0 < len(load(tmp_path / "out").outcomes) < 12
    assert edgewise(*arguments)[0] == 0 and load(tmp_path / "out").done
