"""The import rule: labs -> widgets -> lab_core -> torch, never back, and no cycle inside."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCREEN = ["widgets", "labs", "ipywidgets", "anywidget", "plotly", "voila", "IPython", "ipykernel",
          "tsdownsample", "jupyterlab", "traitlets"]  # fmt: skip
# each file imports only from those above it; a package of several files is one name
ORDER = ["asymptotics", "bias_variance", "knobs", "files", "data", "models", "covariance_losses",
         "losses",
         "kernels", "schedules",
         "optimizers", "objective",
         "curvature", "fourier", "predictors", "probes", "record", "tables", "fitting", "recipe",
         "own", "timeline", "batches",
         "devices", "fractal", "boxes", "zooms", "remarks", "rates", "snapshots", "start", "arm",
         "run", "costs", "sweep",
         "flows",
         "milestones", "claims", "predictions", "drawings", "outcomes", "curves",
         "phase", "phenomena", "card", "plain", "formats", "lenient",
         "sweeps", "handins", "export_parts",
         "export_arm", "export", "bounds", "course", "arguments", "cli_card", "cli_claims",
         "cli_serve", "cli_sweep", "cli_check",
         "cli"]  # fmt: skip


def imported(source: str) -> set[str]:
    """The modules that a source imports, wherever it does so."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def name(path: Path) -> str:
    """The place of a file of lab_core in `ORDER`."""
    inside = path.relative_to(ROOT / "lab_core")
    return inside.parts[0].removesuffix(".py")


def first(module: str) -> str:
    return module.split(".")[0]


def test_every_file_has_its_place() -> None:
    assert {name(p) for p in files("lab_core")} - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("path", files("lab_core"), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_of_the_core_imports_only_from_those_above_it(path: Path) -> None:
    modules = imported(path.read_text())
    assert not {first(m) for m in modules} & set(SCREEN)
    own = name(path)
    used = {m.split(".")[1] for m in modules if m.startswith("lab_core.")} - {own}
    assert own != "__init__" or not used
    late = {m for m in used & set(ORDER) if ORDER.index(m) > ORDER.index(own)}
    assert not late, f"{own} is above {late}"


@pytest.mark.parametrize("path", files("widgets"), ids=lambda p: str(p.relative_to(ROOT)))
def test_widgets_import_no_labs_and_compute_nothing(path: Path) -> None:
    assert not {first(m) for m in imported(path.read_text())} & {"labs", "torch"}


@pytest.mark.parametrize("path", sorted((ROOT / "labs").glob("*.ipynb")), ids=lambda p: p.name)
def test_a_notebook_imports_the_lab_alone(path: Path) -> None:
    cells = json.loads(path.read_text())["cells"]
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    plain = ["\n".join(x for x in c.splitlines() if not x.startswith("%")) for c in code]
    used = {first(m) for source in plain for m in imported(source)}
    assert used <= {"widgets", "lab_core", "labs", "numpy", *sys.stdlib_module_names}


BLOCKED = f"""
import importlib, pkgutil, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {SCREEN}:
            raise ImportError("blocked: " + name)

sys.meta_path.insert(0, Block())
import lab_core
for module in pkgutil.walk_packages(lab_core.__path__, "lab_core."):
    importlib.import_module(module.name)
from lab_core.recipe import Recipe
from lab_core.run import Run
Run(Recipe().set(dict(data="chebyshev", width=4, steps=3))).finish()
print("done")
"""


def test_the_core_imports_and_runs_without_any_screen() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr
