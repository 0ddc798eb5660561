"""The course in nbgrader's own hands: released, handed in, graded, and what comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.assignments.conftest import Course
from tests.assignments.notebooks import NAMES, about, path, read, run, solutions, unwrapped

EDGE = "edge_of_stability"
PATIENT = "--Execute.timeout=600"  # a busy machine is not what these tests are about
ESSAY = "The loss is not quadratic, so that ..."


def answers(name: str, student: str) -> dict[str, str]:
    """The source's solutions, for a student, with something in place of the essays."""
    cells = read(path(name))["cells"]
    essays = [about(c)["grade_id"] for c in cells if about(c)["grade"] and about(c)["solution"]]
    return solutions(name) | dict.fromkeys(essays, ESSAY) | {"student": f"STUDENT = {student!r}"}


def parts_of(scores: dict[str, float | None]) -> dict[str, float | None]:
    return {name: value for name, value in scores.items() if name.startswith("test_")}


def worth(name: str) -> dict[str, float]:
    marks = [about(c) for c in read(path(name))["cells"]]
    return {m["grade_id"]: m["points"] for m in marks if m["grade"] and not m["solution"]}


@pytest.mark.parametrize(
    "name", [EDGE, *(pytest.param(n, marks=pytest.mark.long) for n in NAMES[1:])]
)
def test_what_students_get_has_neither_tests_nor_solutions(a_course: Course, name: str) -> None:
    released = a_course.release(name)
    assert {p.name for p in released.parent.iterdir()} == {f"{name}.ipynb", "setting.py"}
    cells = read(released)["cells"]
    whole = "\n".join(c["source"] for c in cells)
    for secret in ("HIDDEN", "SOLUTION", "Rubric", "course.score", "def part"):
        assert secret not in whole
    for cell in cells:
        if about(cell)["solution"]:
            assert "YOUR CODE HERE" in cell["source"] or "YOUR ANSWER HERE" in cell["source"]
        elif about(cell)["grade"]:
            assert all(line.startswith("#") for line in cell["source"].strip().splitlines())


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_submission_gets_all_and_an_empty_one_nothing(tmp_path: Path, name: str) -> None:
    course = Course(tmp_path / "course")
    course.release(name)
    course.submit(name, "zoë_1", answers(name, "zoë_1"))
    course.submit(name, "nobody", {})
    course.nbgrader("autograde", name, "--student=zoë_1", PATIENT)
    course.nbgrader("autograde", name, "--student=nobody", PATIENT)
    course.nbgrader("generate_feedback", name)

    perfect, empty = course.scores(name, "zoë_1"), course.scores(name, "nobody")
    assert parts_of(perfect) == worth(name)
    assert [v for k, v in perfect.items() if not k.startswith("test_")] == [None, None]
    assert set(empty.values()) == {0.0}  # the essays too: nothing was written
    told = course.feedback(name, "nobody")
    assert told.count("] STUDENT: it is blank") == len(worth(name))
    told = course.feedback(name, "zoë_1")
    assert "HIDDEN" not in told and "def part" not in told
    for line in run_as(name, "zoë_1", course):
        assert line in told, line


def run_as(name: str, student: str, course: Course) -> list[str]:
    """The lines that each part printed when it was graded."""
    lines = []
    for cell in read(path(name, course.root, f"autograded/{student}"))["cells"]:
        if about(cell).get("grade") and cell["cell_type"] == "code":
            said = [o for o in cell["outputs"] if o["output_type"] == "stream"]
            found = unwrapped("".join("".join(o["text"]) for o in said))
            assert found and all(line.endswith(".") for line in found)
            lines += found
    assert len(lines) >= len(worth(name))
    return lines


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course with the first assignment released."""
    course = Course(tmp_path_factory.mktemp("edge") / "course")
    course.release(EDGE)
    return course


@pytest.mark.long
def test_a_half_right_submission_gets_what_is_right(edge: Course) -> None:
    mine = {"threshold": "my_threshold = 1.03 * (2 + 2 * mine.beta) / mine.momentum_lr"}
    kept = {k: v for k, v in answers(EDGE, "half").items() if k in ("student", "update", "power")}
    kept["update"] = kept["update"].replace("lr * v, v", "lr * g, v")  # the velocity is not used
    edge.submit(EDGE, "half", kept | mine)
    edge.nbgrader("autograde", EDGE, "--student=half", PATIENT)
    assert parts_of(edge.scores(EDGE, "half")) == {
        "test_update": 1.5, "test_optimizer": 0, "test_threshold": 1.5, "test_hvp": 0,
        "test_power": 3, "test_rate": 0,
    }  # fmt: skip


@pytest.mark.long
def test_another_students_numbers_get_no_credit(
    edge: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = answers(EDGE, "ada")
    monkeypatch.setenv("EDGEWISE_SUBMISSION", str(path(EDGE).parent))
    notebook = read(path(EDGE))
    names = {"my_threshold": "threshold", "my_lr, my_step": "rate"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and about(cell)["grade_id"] in names.values():
            cell["source"] += "\n" + " or ".join(
                n for n, c in names.items() if c == about(cell)["grade_id"]
            )
    found = run(notebook)
    constants = {cell: f"{name} = {found[cell][0]}" for name, cell in names.items()}
    edge.submit(EDGE, "thief", whole)  # says that it is ada's
    edge.submit(EDGE, "copy_3", whole | constants | {"student": 'STUDENT = "copy_3"'})
    for student in ("thief", "copy_3"):
        edge.nbgrader("autograde", EDGE, f"--student={student}", PATIENT)
    assert set(parts_of(edge.scores(EDGE, "thief")).values()) == {0.0}
    copied = parts_of(edge.scores(EDGE, "copy_3"))
    assert copied["test_threshold"] == copied["test_rate"] == 0
    assert copied["test_hvp"] == 3  # what is the same for all is nobody's own
    edge.nbgrader("generate_feedback", EDGE, "--student=thief")
    assert "the folder says 'thief'" in edge.feedback(EDGE, "thief")


@pytest.mark.long
def test_endless_loops_are_stopped_and_the_rest_is_graded(edge: Course) -> None:
    """One in a function that a test calls, one in a cell that swallows what stops it, one that prints."""
    whole = answers(EDGE, "eve") | {
        "update": "def heavy_ball(w, v, g, lr, beta):\n    while True:\n        pass\n",
        "threshold": "my_threshold = (2 + 2 * mine.beta) / mine.momentum_lr\nwhile True:\n"
        "    try:\n        torch.ones(3).sum()\n    except Exception:\n        pass\n",
        "hvp": "while True:\n    print('still here')\n",
    }
    edge.submit(EDGE, "eve", whole)
    edge.nbgrader("autograde", EDGE, "--student=eve")
    edge.nbgrader("generate_feedback", EDGE, "--student=eve")
    assert parts_of(edge.scores(EDGE, "eve")) == worth(EDGE) | {"test_update": 0, "test_hvp": 0}
    told = edge.feedback(EDGE, "eve")
    assert "look for a loop that does not end" in told  # stopped by its own limit, or nbgrader's
    assert "hvp: there is no such name" in told


@pytest.mark.long
def test_a_broken_notebook_is_graded_for_what_works(edge: Course) -> None:
    """A name gone, a test deleted, builtins hidden, torch set otherwise, the folder left, a checker
    replaced, and results of the wrong kind.
    """
    whole = answers(EDGE, "mess")
    whole["student"] += (
        "\nimport os, sys, torch\nfrom lab_core import course\n"
        "course.variant(STUDENT)\nos.chdir('/')\ncourse.judged = lambda *_: (1.0, 'Perfect.')\n"
        "torch.set_default_dtype(torch.float16)\ntorch.manual_seed(1)\n"
        "print('x' * 100_000, file=sys.stderr)\nmax = min = abs = sum = 3\n"
    )
    whole["update"] = whole["update"].replace("heavy_ball", "heavyball")
    whole["threshold"] = "my_threshold = 'forty'"
    whole["hvp"] = "def hvp(loss, w, v):\n    return float('nan') * torch.eye(2)"
    whole["power"] = "def top_eigenvalue(product, size):\n    raise RuntimeError('no\\nidea')"
    edge.submit(EDGE, "mess", whole, gone="test_rate")
    edge.nbgrader("autograde", EDGE, "--student=mess", PATIENT)
    edge.nbgrader("generate_feedback", EDGE, "--student=mess")
    scores = parts_of(edge.scores(EDGE, "mess"))
    assert scores.pop("test_optimizer") == 4
    assert scores.pop("test_rate") is None  # deleted: a person is to look
    assert set(scores.values()) == {0.0}
    told = edge.feedback(EDGE, "mess")
    for sentence in (
        "heavy_ball: there is no such name", "my_threshold: 'forty' is no number or tensor",
        "hvp: its shape is [2, 2]; it must be [6]", "it raised RuntimeError: no.",
    ):  # fmt: skip
        assert sentence in told, sentence
    assert "] Perfect." not in told  # but in the student's own cell
