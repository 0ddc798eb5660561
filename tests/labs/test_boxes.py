"""Each lab's box, the same experiment in plain torch, prints the curve of the lab."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from lab_core import curvature, tables
from lab_core.fractal import Landscape
from lab_core.phenomena import PHENOMENA
from lab_core.record import Record
from lab_core.run import Run
from lab_core.zooms import OVERVIEW
from widgets.box import code_lines

LABS = Path(__file__).parents[2] / "labs"
TEXTS = {path.stem: path.read_text("utf-8") for path in sorted((LABS / "boxes").glob("*.py"))}
MOST_LINES = 60
ALLOWED = {"math", "numpy", "sklearn.datasets", "sys", "torch", "torch.nn.functional", "zlib"}
GRIDS = ("double_descent", "fractal_boundary", "phase_diagrams")  # they print no record of a run
SHORT = dict.fromkeys(TEXTS, 21) | {
    "curvature_and_warmup": 11, "deep_matrix_factorisation": 60, "double_descent": 1, "fit_anything": 11,
    "fractal_boundary": 60, "inside_the_grokked_network": 11, "large_learning_rates": 120,
    "large_steps": 60, "matrix_sensing": 200, "phase_diagrams": 51,
}  # fmt: skip
ROUNDING = 1e-12  # of a column's largest number: what is below it is made of roundings
SOFTMAX = {("why_grokking_waits", "train_loss"): 2.4e-7}  # its softmax is in float32: two roundings
DRIVER = """
import contextlib, io, json, sys
sys.modules["lab_core"] = sys.modules["widgets"] = None
printed = []
for text, arguments in json.load(sys.stdin):
    sys.argv = ["box.py", *arguments]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(text, "box.py", "exec"), {"__name__": "__main__"})
    printed.append(out.getvalue())
json.dump(printed, sys.stdout)
"""


def run(*programs: tuple[str, list[str]]) -> list[str]:
    """What (text, arguments) print, one after the other in an interpreter that has nothing of ours."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], input=json.dumps(programs), capture_output=True, text=True, check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return json.loads(done.stdout)


def columns(text: str) -> dict[str, np.ndarray]:
    """CSV by columns; nan for an empty cell."""
    names, *rows = (line.split(",") for line in text.splitlines())
    cells = np.array([[float(cell or "nan") for cell in row] for row in rows])
    return dict(zip(names, cells.T, strict=True))


@cache
def lab_run(slug: str, steps: int | None = None) -> Run:
    """The lab's default preset in float64; where `steps` are given, its curvature to the last digit."""
    recipe = PHENOMENA[slug.replace("_", "-")].default.recipe.set({"dtype": "float64"})
    lab = Run(recipe)
    if steps is None:
        return lab.finish()
    with exact_curvature():
        lab.advance(steps)
    return lab


@contextmanager
def exact_curvature() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curvature, "top", partial(curvature.top, tol=1e-8, most=400))
        yield


def compare(slug: str, text: str, lab: Run, until: float = np.inf) -> None:
    """A box's record is the lab's up to a step: the same arms, replicas and numbers."""
    saved = [arm for arm in tables.read(text.encode(), slug) if arm.record.steps[0] <= until]
    assert [arm.index for arm in saved] == list(lab.arms)
    for box, arm in zip(saved, lab.arms.values(), strict=True):
        assert box.record.replicas == arm.R
        assert len(box.record.columns) >= 3
        for name in box.record.columns:
            steps, values = box.record[name]
            steps, values = steps[steps <= until], values[steps <= until]
            want = arm.record.on(steps)[name]
            floor = ROUNDING * np.nanmax(np.abs(want), initial=0)
            atol = SOFTMAX.get((slug, name), floor)
            told = f"{slug}, arm {arm.index}, {name}"
            np.testing.assert_allclose(values, want, rtol=1e-6, atol=atol, err_msg=told)


# ---- what the lab has, in the place of what a box prints on a grid


def lab_descent(seeds: int) -> dict[str, np.ndarray]:
    sweep = PHENOMENA["double-descent"].figures["random-features"].subject
    grid = replace(sweep, seeds=tuple(range(seeds))).finish()
    losses = {f"{k}_error": 2 * grid.values(f"{k}_loss") for k in ("train", "test")}
    return {name: np.moveaxis(values, 2, 0).ravel() for name, values in losses.items()}


def lab_speeds(steps: int) -> dict[str, np.ndarray]:
    x, y = (np.repeat(OVERVIEW.axes(80)[0], 80), np.tile(OVERVIEW.axes(80)[1], 80))
    net = Landscape(steps=steps)
    parts = [slice(i, i + net.stack) for i in range(0, len(x), net.stack)]
    return {"speed": np.concatenate([net.speeds(x[part], y[part]) for part in parts])}


def lab_landings(steps: int) -> dict[str, np.ndarray]:
    sweep = PHENOMENA["phase-diagrams"].figures["large-first-step"].subject
    recipe = sweep.recipe.set({"dtype": "float64", "steps": steps})
    with exact_curvature():
        grid = replace(sweep, recipe=recipe, seeds=(0,)).finish()
    first, last = (grid.values("sharpness", step).ravel() for step in (0, None))
    return {"first_sharpness": first, "sharpness": last}


LAB_GRIDS: dict[str, Callable[[int], dict[str, np.ndarray]]] = {
    "double_descent": lab_descent,
    "fractal_boundary": lab_speeds,
    "phase_diagrams": lab_landings,
}
FULL_GRIDS = {"double_descent": 8, "fractal_boundary": 300, "phase_diagrams": 200}
# of the nets, in how many rounding decides how fast one trains or diverges, for it does so chaotically; and
# in how many, at the border, whether: 90 to 180 and 3 of 6400 were seen
CHAOTIC = {"fractal_boundary": (0.05, 0.005)}


def compare_grid(slug: str, text: str, size: int) -> None:
    found, want = columns(text), LAB_GRIDS[slug](size)
    for name, values in want.items():
        assert len(found[name]) == len(values) >= 96
        floor = ROUNDING * np.nanmax(np.abs(values))
        same = np.isclose(found[name], values, rtol=1e-6, atol=floor, equal_nan=True)
        turned = ~same & (np.sign(found[name]) != np.sign(values))
        for some, share in zip((~same, turned), CHAOTIC.get(slug, (0, 0)), strict=True):
            assert some.mean() <= share, f"{slug}, {name}: {some.sum()} of {some.size} differ"


# ---- the battery


WRONG = {
    "matrix_sensing": ("LR * 2 * off", "LR * 2.0001 * off"),
    "large_steps": ("rates * (z.T", "1.0001 * rates * (z.T"),
    "large_learning_rates": ("> 0.05", "> 0.06"),
    "deep_matrix_factorisation": ("(s[:, None] + s)", "(s[:, None] + s + 1e-4)"),
    "edge_of_stability": ("0.25 * torch.cat", "0.2501 * torch.cat"),
    "double_descent": ("NOISE * torch", "1.0001 * NOISE * torch"),
    "fractal_boundary": ("(2 / WIDTH)", "(2.0001 / WIDTH)"),
}  # fmt: skip


@pytest.fixture(scope="module")
def every() -> list[list[str]]:
    """What each box prints on a short run, what on a tiny one, and again; and those that are wrong."""
    short = [(text, [str(SHORT[slug])]) for slug, text in TEXTS.items()]
    tiny = [(text, ["1"]) for text in TEXTS.values()]
    wrong = [(TEXTS[s].replace(*change), [str(SHORT[s])]) for s, change in WRONG.items()]
    found = iter(run(*short, *tiny, *tiny, *wrong))
    return [list(islice(found, len(part))) for part in (short, tiny, tiny, wrong)]


@pytest.fixture
def printed(every) -> dict[str, str]:
    return dict(zip(TEXTS, every[0], strict=True))


def test_every_notebook_has_its_box_and_shows_it():
    notebooks = {
        path.stem[3:]: json.loads(path.read_text("utf-8")) for path in LABS.glob("*.ipynb")
    }
    assert notebooks.pop("test_your_optimizer")  # which has no experiment of its own
    assert set(notebooks) == set(TEXTS)
    for slug, notebook in notebooks.items():
        sources = ["".join(cell["source"]) for cell in notebook["cells"]]
        assert sum(f'Box("{slug}")' in source for source in sources) == 1


@pytest.mark.parametrize("slug", TEXTS)
def test_is_a_screenful_of_plain_torch(slug):
    tree = ast.parse(TEXTS[slug])
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {
        node.module if isinstance(node, ast.ImportFrom) else a.name
        for node in named
        for a in node.names
    }
    assert "torch" in modules and modules <= ALLOWED
    assert code_lines(TEXTS[slug]) <= MOST_LINES
    about = ast.get_docstring(tree)
    assert 4 <= len(about.splitlines()) <= 6
    assert re.search(r"\((.*)\d{4}\): ", about.splitlines()[0]) and "Change first: " in about


@pytest.mark.parametrize("slug", [slug for slug in TEXTS if slug not in GRIDS])
def test_prints_the_curve_of_the_lab(slug, printed):
    compare(slug, printed[slug], lab_run(slug, SHORT[slug]))


@pytest.mark.parametrize("slug", GRIDS)
def test_prints_the_grid_of_the_lab(slug, printed):
    compare_grid(slug, printed[slug], SHORT[slug])


def test_prints_the_same_again(every):
    assert every[1] == every[2]


def test_a_box_that_is_wrong_is_found_out(every):
    for (slug, change), text in zip(WRONG.items(), every[3], strict=True):
        assert TEXTS[slug].count(change[0]) == 1
        with pytest.raises(AssertionError, match=slug):
            if slug in GRIDS:
                compare_grid(slug, text, SHORT[slug])
            else:
                compare(slug, text, lab_run(slug, SHORT[slug]))


# ---- all of it


def last_quarter(name: str) -> Callable[[Record], np.ndarray]:
    """The mean of a column over the last quarter of the steps."""

    def level(record: Record) -> np.ndarray:
        steps, values = record[name]
        return values[steps >= 0.75 * steps[-1]].mean(0)

    return level


def grokked(record: Record) -> np.ndarray:
    """The step at which nine in ten test pairs are right; 0 where they never are."""
    reached = record.reached("test_accuracy", 0.9)
    return np.where(np.isfinite(reached), reached, 0)


# what of a chaotic run settles, with the part by which box and lab may differ
SHARP = ((last_quarter("sharpness"), 0.03),)
LEARNT = ((grokked, 0.08), (last_quarter("test_accuracy"), 0.03))
SETTLED = {
    "edge_of_stability": SHARP,
    "curvature_and_warmup": SHARP,
    "time_travel": SHARP,
    "grokking": LEARNT,
    "why_grokking_waits": LEARNT,
    "inside_the_grokked_network": (*LEARNT, (last_quarter("key_frequencies"), 0.1)),
}


@pytest.mark.long
@pytest.mark.parametrize("slug", [slug for slug in TEXTS if slug not in GRIDS])
def test_all_of_its_curve_is_that_of_the_lab(slug):
    """To 1e-6 for 100 steps, and to the end where rounding is not amplified; elsewhere as it settles."""
    (text,), lab = run((TEXTS[slug], [])), lab_run(slug)
    if slug not in SETTLED:
        return compare(slug, text, lab)
    compare(slug, text, lab_run(slug, 101), 100)
    saved = tables.read(text.encode(), slug)
    assert [(arm.index, arm.record.steps[0]) for arm in saved] == [
        (a.index, a.first) for a in lab.arms.values()
    ]
    for box, arm in zip(saved, lab.arms.values(), strict=True):
        for level, rel in SETTLED[slug]:
            assert level(box.record) == pytest.approx(level(arm.record), rel=rel), slug


@pytest.mark.long
@pytest.mark.parametrize("slug", GRIDS)
def test_all_of_its_grid_is_that_of_the_lab(slug):
    (text,) = run((TEXTS[slug], []))
    compare_grid(slug, text, FULL_GRIDS[slug])
