"""The course's source notebooks: read, filled in otherwise, and run in this process as a kernel would."""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

COURSE = Path(__file__).parents[2] / "labs" / "assignments"
NAMES = ("edge_of_stability", "grokking", "large_steps_and_sensing", "double_descent")
Notebook = dict[str, Any]


def path(name: str, root: Path = COURSE, step: str = "source") -> Path:
    return root / step / name / f"{name}.ipynb"


def read(file: Path) -> Notebook:
    notebook: Notebook = json.loads(file.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def about(cell: Mapping[str, Any]) -> dict[str, Any]:
    """What nbgrader knows of a cell."""
    return cell["metadata"].get("nbgrader", {})


def filled(notebook: Notebook, answers: Mapping[str, str]) -> Notebook:
    """The same with other text in the cells of these ids."""
    notebook = copy.deepcopy(notebook)
    known = {about(cell).get("grade_id"): cell for cell in notebook["cells"]}
    for name, source in answers.items():
        known[name]["source"] = source
    return notebook


def solutions(name: str) -> dict[str, str]:
    """What the source has in its solution cells, by id."""
    cells = read(path(name))["cells"]
    return {about(c)["grade_id"]: c["source"] for c in cells if about(c).get("solution")}


def run(notebook: Notebook) -> dict[str, tuple[float, str]]:
    """Run all code cells as a kernel would, going on after errors: id -> (value, what it printed)."""
    names: dict[str, Any] = {"__name__": "__main__"}
    found = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            value = _cell(cell["source"], names)
        found[about(cell)["grade_id"]] = value, out.getvalue()
    return found


def _cell(source: str, names: dict[str, Any]) -> Any:
    """The value of a cell's last expression; the error where it ends in one."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    try:
        exec(compile(tree, "cell", "exec"), names)
        return last and eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    except Exception as error:
        return error


def unwrapped(text: str) -> list[str]:
    """What a part printed, a sentence a line."""
    return text.replace("\n    ", " ").splitlines()
