"""The command line: what it writes, prints and answers, and that bad input is one sentence."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab_core import cli, phenomena
from lab_core.claims import Claim, Verdict
from lab_core.export import to_torch
from lab_core.formats import from_json, from_url, to_json, to_python
from lab_core.phenomena import PHENOMENA, Phenomenon, Preset
from lab_core.recipe import Recipe
from lab_core.run import Run

TINY = Recipe().set({"data": "chebyshev", "n": 5, "width": 4, "steps": 20, "lr": (0.1, 1e6)})


def verdict(holds: bool):
    return lambda runs: Verdict(holds, f"{len(runs)} runs", "one")


@pytest.fixture
def toys(monkeypatch):
    """Two phenomena that take no time, one with a claim that does not hold."""

    def phenomenon(slug: str, *claims: Claim) -> Phenomenon:
        presets = {"first": Preset("First", "", TINY, 1), "second": Preset("Second", "",
                   TINY.set({"optimizer": "adam"}), 1)}  # fmt: skip
        return Phenomenon(slug, slug, "Why?", (("a-paper", "A paper"),), presets, claims, 1)

    good = Claim("a-paper", "It is so.", (TINY,), verdict(True))
    bad = Claim("b-paper", "It is not.", (TINY.set({"seed": (0, 1)}),), verdict(False))
    toys = {"good": phenomenon("good", good), "mixed": phenomenon("mixed", good, bad)}
    monkeypatch.setattr(phenomena, "PHENOMENA", toys)
    return toys


@pytest.fixture
def edgewise(capfd):
    """Run a command in this process; exit code, stdout, stderr."""

    def edgewise(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(a) for a in arguments])
        return code, *capfd.readouterr()

    return edgewise


def test_list_names_everything(edgewise):
    code, out, _ = edgewise("list")
    assert code == 0
    for name, phenomenon in PHENOMENA.items():
        assert name in out and phenomenon.question in out
        for preset in (*phenomenon.presets, *phenomenon.figures):
            assert f"--preset {preset}" in out
    assert "heavy-ball" in out and "sharpness" in out and "cross-entropy" in out


@pytest.mark.parametrize("arguments", [("phase-diagrams",),
                                       ("double-descent", "--preset", "random-features")])  # fmt: skip
def test_what_is_no_single_run_is_a_sentence(edgewise, arguments):
    code, _, why = edgewise("run", *arguments)
    assert code == 2 and "is no single run; open the lab, or `edgewise sweep` its figures" in why


def test_run_writes_recipe_record_and_milestones(edgewise, toys, tmp_path):
    out = tmp_path / "new" / "folder"
    code, said, progress = edgewise("run", "good", "--set", "seed=3", "--steps", 30, "--out", out)
    assert code == 0
    assert "replica 1" in said and "diverged" in said
    assert "60/60" in progress or "30/30" in progress
    recipe = from_json((out / "recipe.json").read_text())
    assert recipe == TINY.set({"seed": 3, "steps": 30})
    milestones = json.loads((out / "milestones.json").read_text())
    assert [f"{m['sentence']}." for m in milestones] == said.splitlines()
    rows = list(csv.DictReader(io.StringIO((out / "record.csv").read_text())))
    assert list(rows[0])[:9] == [
        "step", "arm", "replica", "parent_arm", "lr", "train_loss", "sharpness",
        "effective_sharpness", "threshold",
    ]  # fmt: skip
    _, losses = Run(recipe).finish().arms[0].record["train_loss"]
    got = [float(row["train_loss"]) for row in rows if row["replica"] == "0"]
    assert got == losses[:, 0].tolist()


def test_run_takes_a_preset_and_a_file(edgewise, toys, tmp_path):
    settings = ["--set", "lr=9", "--set", "lr=0.01"]  # the last counts
    edgewise("run", "mixed", "--preset", "second", *settings, "--out", tmp_path)
    recipe = TINY.set({"optimizer": "adam"}).set({"lr": 0.01})
    assert from_json((tmp_path / "recipe.json").read_text()) == recipe
    first = (tmp_path / "record.csv").read_bytes()
    code, _, _ = edgewise("run", tmp_path / "recipe.json", "--out", tmp_path / "again")
    assert code == 0
    assert (tmp_path / "again" / "record.csv").read_bytes() == first


def test_claims(edgewise, toys, tmp_path):
    code, out, _ = edgewise("claims", "--json", tmp_path / "claims.json")
    assert code == 1
    assert "It is so." in out and "DOES NOT HOLD" in out
    rows = json.loads((tmp_path / "claims.json").read_text())
    assert rows[2] == {
        "paper": "b-paper", "claim": "It is not.", "holds": False, "measured": "1 runs",
        "expected": "one", "seeds": [0, 1],
    }  # fmt: skip
    assert edgewise("claims", "good")[0] == 0
    assert edgewise("claims", "a-paper")[0] == 0
    assert edgewise("claims", "b-paper", "good")[0] == 1


def test_export(edgewise, toys, tmp_path):
    assert edgewise("export", "good", "--to", "json")[1] == to_json(TINY)
    assert edgewise("export", "good", "--to", "python")[1] == to_python(TINY)
    (tmp_path / "recipe.json").write_text(to_json(TINY))
    assert edgewise("export", tmp_path / "recipe.json", "--to", "torch")[1] == to_torch(TINY)
    assert from_url(edgewise("export", "good", "--to", "url")[1].strip()) == TINY


@pytest.mark.parametrize("command", ["serve", "open"])
def test_servers_take_the_place_of_the_process(command, monkeypatch):
    became = []
    monkeypatch.setattr(cli.os, "execv", lambda path, command: became.append(command))
    cli.main([command, "--port", "8123", "--no-browser"])
    assert became[0][0] == sys.executable
    assert "widgets.server" in became[0][2]
    assert became[0][-3:] == ["--port", "8123", "--no-browser"]


def test_serve_can_keep_kernels_ready(monkeypatch):
    became = []
    monkeypatch.setattr(cli.os, "execv", lambda path, command: became.append(command))
    cli.main(["serve", "--preheat"])
    assert became[0][1:] == ["-m", "widgets.server", "--preheat"]


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "dance",
        "run",
        "run nothing",
        "run good --preset third",
        "run good --set lr",
        "run good --set lr=-1",
        "run good --set colour=red",
        "run good --set changes=1",
        "run good --steps many",
        "run good --set device=mps",
        "run good --set width=4096 --set depth=64",
        "run good --out /dev/null/out",
        "run {file} --preset first",
        "run {folder}",
        "run {empty}",
        "run {bytes}",
        "run good --out {file}",
        "run good --out {full}",
        "claims nothing",
        "claims good --json {folder}",
        "export good",
        "export good --to latex",
        "export nothing --to url",
        "serve --port x",
    ],
)
def test_bad_input_is_one_sentence(edgewise, toys, tmp_path, arguments):
    places = {name: tmp_path / name for name in ("file", "folder", "empty", "bytes", "full")}
    places["file"].write_text(to_json(TINY))
    places["folder"].mkdir()
    places["empty"].write_text("")
    places["bytes"].write_bytes(b"\xff\xfe\x00")
    places["full"].mkdir()
    (places["full"] / "record.csv").symlink_to("/dev/full")
    code, out, said = edgewise(*arguments.format(**places).split())
    assert code == 2
    lines = said.strip().splitlines()
    assert lines[-1].endswith(".") and "Traceback" not in said
    if "full" not in arguments:  # the disk is full only after the run
        assert (len(lines), out) == (1, "")


def test_memory_that_runs_out_is_a_sentence(edgewise, toys, monkeypatch):
    def full(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("lab_core.run.Run.advance", full)
    code, _, said = edgewise("run", "good")
    assert code == 2 and said.splitlines()[-1].startswith("memory: ")


def program(*arguments: str) -> subprocess.Popen[str]:
    # a shell that put these tests in the background has its children ignore SIGINT
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heed}; import sys; from lab_core.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*command, *arguments], text=True, **pipes)


def test_an_interrupted_run_writes_what_there_is(tmp_path):
    (tmp_path / "long.json").write_text(to_json(TINY.set({"steps": 10**7, "lr": 0.01})))
    run = program("run", str(tmp_path / "long.json"), "--out", str(tmp_path))
    while not (line := run.stderr.read(40)).count("/10000000"):
        assert line, "it ended"
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Interrupted at step" in said and str(tmp_path) in said and "Traceback" not in said
    assert len((tmp_path / "record.csv").read_text().splitlines()) > 20
    assert json.loads((tmp_path / "milestones.json").read_text()) is not None


def python(code: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"import sys; from lab_core import cli; {code}"]
    return subprocess.run(command, text=True, stderr=subprocess.PIPE, **options)


def test_help_is_light():
    assert python("cli.parser().format_help(); sys.exit('torch' in sys.modules)").returncode == 0


def test_output_that_cannot_be_written_is_a_sentence():
    talk = "cli.show = lambda args: print('x' * 10**6) or 0; sys.exit(cli.main(['list']))"
    with Path("/dev/full").open("w") as full:
        done = python(talk, stdout=full)
    assert done.returncode == 2
    assert done.stderr == "output: it cannot be written (No space left on device); make room.\n"
    reader, writer = os.pipe()
    os.close(reader)
    done = python(talk, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
