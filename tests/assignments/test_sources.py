"""The sources of the course: as nbgrader wants them, and solved as they should be, without nbgrader."""

from __future__ import annotations

import ast
import builtins
import json
import re
import runpy
import sys
import tomllib

import pytest
from setuptools import find_namespace_packages

from tests.assignments.notebooks import (
    COURSE,
    NAMES,
    about,
    filled,
    path,
    read,
    run,
    solutions,
    unwrapped,
)
from tests.lab_core.test_imports import imported

IDS = tuple(f"student {i}" for i in range(20))
STUB = "pass  # YOUR CODE HERE"


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


def at_home(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the notebook had been started in its own folder."""
    monkeypatch.setenv("EDGEWISE_SUBMISSION", str(path(name).parent))


def points(found: dict[str, tuple[float, str]]) -> dict[str, float]:
    return {name: value for name, (value, _) in found.items() if name.startswith("test_")}


def test_there_are_four_assignments_and_no_others() -> None:
    assert {p.name for p in (COURSE / "source").iterdir()} == set(NAMES)
    assert all({p.name for p in path(n).parent.iterdir()} - {"__pycache__"} == {f"{n}.ipynb", "setting.py"}
               for n in NAMES)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_source_is_as_nbgrader_wants_it(name: str) -> None:
    cells = read(path(name))["cells"]
    marks = [about(cell) for cell in cells]
    assert all(m["schema_version"] == 3 for m in marks)
    assert len({m["grade_id"] for m in marks}) == len(cells)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    by_hand = [m for m in marks if m["grade"] and m["solution"]]
    tests = [m for m in marks if m["grade"] and not m["solution"]]
    assert sum(m["points"] for m in tests) == 20 and sum(m["points"] for m in by_hand) == 10
    assert all(m["locked"] for m in tests) and not any(m["locked"] for m in marks if m["solution"])
    whole = "\n".join(cell["source"] for cell in cells)
    assert "30 points: 20 for" in whole
    for cell, mark in zip(cells, marks, strict=True):
        hidden = cell["source"].count("### BEGIN HIDDEN TESTS")
        assert hidden == cell["source"].count("### END HIDDEN TESTS") == (mark in tests)
        solved = cell["source"].count("### BEGIN SOLUTION")
        assert (
            solved == cell["source"].count("### END SOLUTION") and bool(solved) == mark["solution"]
        )


@pytest.mark.parametrize("name", NAMES)
def test_what_the_prose_says_a_part_is_worth_it_is(name: str) -> None:
    cells = read(path(name))["cells"]
    told = [m for c in cells if (m := re.search(r"^## \d.*\((\d+) points\)$", c["source"], re.M))]
    worth = [about(c)["points"] for c in cells if about(c)["grade"] and not about(c)["solution"]]
    assert [int(m[1]) for m in told] == worth


@pytest.mark.parametrize("name", NAMES)
def test_the_checks_of_a_part_share_out_its_points(name: str) -> None:
    for cell in read(path(name))["cells"]:
        if about(cell)["grade"] and not about(cell)["solution"]:
            shares = re.findall(r"\((\d+), \w+\)", cell["source"].split("return ")[-1])
            assert sum(map(int, shares)) == about(cell)["points"], cell["source"]


@pytest.mark.parametrize("name", NAMES)
def test_a_part_imports_all_that_it_needs(name: str) -> None:
    """It runs apart from the names of the notebook; a formatter may not take an import for unused."""
    for cell in read(path(name))["cells"]:
        if not about(cell)["grade"] or about(cell)["solution"]:
            continue
        (part,) = (x for x in ast.parse(cell["source"]).body if isinstance(x, ast.FunctionDef))
        nodes = list(ast.walk(part))
        bound = {n.arg for n in nodes if isinstance(n, ast.arg)} | set(dir(builtins))
        bound |= {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.ExceptHandler))}
        imports = [n for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom))]
        bound |= {alias.asname or alias.name for n in imports for alias in n.names}
        names = [n for n in nodes if isinstance(n, ast.Name)]
        bound |= {n.id for n in names if isinstance(n.ctx, ast.Store)}
        assert {n.id for n in names} <= bound, about(cell)["grade_id"]


@pytest.mark.parametrize("name", NAMES)
def test_pools_are_small_numbers_and_the_run_takes_any_of_them(name: str) -> None:
    setting = runpy.run_path(str(path(name).parent / "setting.py"))
    assert set(setting) >= {"SALT", "NUMBERS", "recipe"}
    assert setting["NUMBERS"]["seed"] == range(1, 1000)
    assert all(len(set(pool)) == len(pool) for pool in setting["NUMBERS"].values())


def test_the_index_of_labs_lists_no_assignment() -> None:
    from widgets.cards import lab_cards

    assert not [card for card in lab_cards(COURSE.parent) if "assignments" in json.dumps(str(card))]


def test_what_is_installed_has_no_solutions() -> None:
    root = COURSE.parents[1]
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = find_namespace_packages(str(root), include=settings["packages"]["find"]["include"])
    assert "labs" in found and not [name for name in found if "assignments" in name]
    data = [
        file for pattern in settings["package-data"]["labs"] for file in COURSE.parent.glob(pattern)
    ]
    assert data and not [file for file in data if COURSE in file.parents]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_has_no_widget_that_could_hang_the_grading(name: str) -> None:
    code = [c["source"] for c in read(path(name))["cells"] if c["cell_type"] == "code"]
    used = {module.split(".")[0] for source in code for module in imported(source)}
    assert used <= {"lab_core", "numpy", "torch", *sys.stdlib_module_names}


# ---- solved, and not


@pytest.mark.parametrize("name", NAMES)
def test_an_unfinished_notebook_has_no_points_and_a_sentence_for_each_part(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_home(name, monkeypatch)
    stubs = {
        key: re.sub(r"( *)### BEGIN SOLUTION.*?### END SOLUTION", r"\1" + STUB, text, flags=re.S)
        for key, text in solutions(name).items()
    }
    found = run(filled(read(path(name)), stubs | {"student": 'STUDENT = "ada"'}))
    assert set(points(found).values()) == {0.0}
    for key in points(found):
        for line in unwrapped(found[key][1]):
            assert re.fullmatch(r"\[0 of \d\] \w+: .*[a-z].*\.", line), line


def solve(name: str, student: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_home(name, monkeypatch)
    found = run(filled(read(path(name)), {"student": f"STUDENT = {student!r}"}))
    assert sum(points(found).values()) == 20, (student, [f[1] for f in found.values()])


def test_the_source_solves_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    solve("double_descent", "ada", monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("student", IDS)
@pytest.mark.parametrize("name", NAMES)
def test_every_students_numbers_can_be_solved(
    name: str, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    solve(name, student, monkeypatch)


def test_the_guide_names_every_assignment_and_says_what_is_no_secret() -> None:
    text = (COURSE / "INSTRUCTOR.md").read_text(encoding="utf-8")
    assert all(name in text for name in NAMES) and "no sandbox" in text and "public" in text
