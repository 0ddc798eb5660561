"""A copy of the course in which nbgrader's own commands are run."""

from __future__ import annotations

import html
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.assignments.notebooks import COURSE, filled, path, read

ROOT = COURSE.parents[1]


class Course:
    """nbgrader in a folder of its own, as an instructor runs it."""

    def __init__(self, root: Path):
        self.root = root
        shutil.copytree(COURSE, root, ignore=shutil.ignore_patterns("__pycache__"))

    def nbgrader(self, *arguments: str) -> str:
        """What a command says; fails where it does. How long it took is printed."""
        paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it calls alembic
        environ = {
            k: v for k, v in os.environ.items() if not k.startswith(("EDGEWISE", "NBGRADER"))
        }
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *arguments],
            cwd=self.root,
            env=environ | {"PATH": paths, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
        print(f"nbgrader {' '.join(arguments)}: {time.monotonic() - began:.0f} s")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def release(self, name: str) -> Path:
        """The assignment as students get it."""
        self.nbgrader("generate_assignment", name)
        return path(name, self.root, "release")

    def submit(self, name: str, student: str, answers: Mapping[str, str], gone: str = "") -> None:
        """Hand in the released notebook with these cells filled in, and one of them deleted."""
        notebook = filled(read(path(name, self.root, "release")), answers)
        cells = notebook["cells"]
        notebook["cells"] = [c for c in cells if c["metadata"]["nbgrader"]["grade_id"] != gone]
        folder = self.root / "submitted" / student / name
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")

    def scores(self, name: str, student: str) -> dict[str, float | None]:
        """What the gradebook has of each graded cell; None for one that a person is to grade."""
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.root / 'gradebook.db'}") as book:
            (notebook,) = book.find_submission(name, student).notebooks
            return {
                g.name: None if g.needs_manual_grade and g.auto_score is None else g.auto_score
                for g in notebook.grades
            }

    def feedback(self, name: str, student: str) -> str:
        """What the student reads, in one line."""
        page = self.root / "feedback" / student / name / f"{name}.html"
        return " ".join(html.unescape(page.read_text("utf-8")).split())


@pytest.fixture(scope="session")
def a_course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return Course(tmp_path_factory.mktemp("nbgrader") / "course")
