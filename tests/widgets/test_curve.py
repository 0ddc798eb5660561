"""Curves on the page: from left to right, with bands, a key, a verdict, and a run that can be opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from lab_core import phenomena
from lab_core.claims import Claim, Verdict
from lab_core.curves import Curve, Line, Panel, along
from lab_core.phenomena import PHENOMENA
from lab_core.recipe import Recipe
from lab_core.sweep import Axis, Grid, Sweep
from tests.widgets.waiting import until
from widgets import computing
from widgets.curve import CurveLab

RECIPE = Recipe().set({"data": "chebyshev", "steps": 30, "probes": (("test_loss", 10),)})
WIDTH = Axis(("width",), "width", (2, 3, 4, 8))
LR = Axis(("lr",), "learning rate", (0.05, 0.3))


def theory(grid: Grid) -> list[Line]:
    x = np.array([2.0, 8.0])
    return [*along("train_loss")(grid), Line("theory", x, 1 / x, dashed=True)]


def scatter(grid: Grid) -> list[Line]:
    train, test = grid.values("train_loss"), grid.values("test_loss")
    return [Line("all", train.ravel(), test.ravel(), points=True)]


CURVE = Curve(
    "Losses",
    "They fall with the width.",
    Sweep(RECIPE, (WIDTH, LR)),
    (
        Panel("Training loss", "width", "loss", theory, log_y=True, marks=((4.0, "threshold"),)),
        Panel("Both", "training loss", "test loss", scatter, log_x=True),
    ),
    ("lr", "steps", "activation"),
)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[CurveLab]:
    claim = Claim("p", "They fall.", (CURVE.subject,), lambda _: Verdict(True, "1", "1"), "losses")
    about = replace(PHENOMENA["edge-of-stability"], figures={"losses": CURVE}, claims=(claim,))
    monkeypatch.setitem(phenomena.PHENOMENA, "edge-of-stability", about)
    page = CurveLab("edge_of_stability")
    page.figure._receive(None, {"type": "ready"}, [])
    page.open()
    assert page.messages.notices == []
    yield page
    page.sweeping._ended.set()


def finish(page: CurveLab) -> None:
    page.sweeping.button.click()
    until(lambda: page.sweeping.button.description == computing.AGAIN, 30)


def controls(page: CurveLab) -> dict[str, dict]:
    return {c["id"]: c for group in page.controls.groups for c in group["controls"]}


def points(page: CurveLab, trace: str) -> np.ndarray:
    """x and y of a trace."""
    held = page.figure._points[trace]
    return np.stack([held.x, held.y])


def test_nothing_starts_by_itself_and_what_is_swept_is_no_setting(page: CurveLab) -> None:
    assert not page.sweeping.computing and "24 runs; press Compute" in page.sweeping.text.value
    assert set(controls(page)) == {"figure", "steps", "activation", "seeds", "at.0", "at.1"}
    panels = page.figure._figure["layout"]["meta"]["panels"]
    assert [p["title"] for p in panels] == ["Training loss", "Both"]
    assert panels[0]["marks"] == [[4.0, "threshold"]]
    theory = points(page, "p0_l2")
    assert theory.tolist() == [[2, 8], [0.5, 0.125]], "which needs no run"


def test_it_grows_from_left_to_right_with_a_band(page: CurveLab) -> None:
    seen: list[int] = []
    draw = page.sweeping._draw

    def drawn(grid: Grid) -> None:
        draw(grid)
        seen.append(points(page, "p0_l0").shape[1])

    page.sweeping._draw = drawn
    finish(page)
    assert seen == [1, 2, 3, 4], "each width with both rates and three seeds is one stack"
    grid = page.grid
    values = grid.values("train_loss")[:, 1]
    x, y = points(page, "p0_l1")
    assert x.tolist() == [2, 3, 4, 8] and np.allclose(y, np.median(values, 1))
    bx, by = points(page, "p0_l1_band")
    assert bx.tolist() == [2, 3, 4, 8, 8, 4, 3, 2]
    assert np.allclose(by, [*values.min(1), *values.max(1)[::-1]])
    assert points(page, "p1_l0").shape[1] == 24
    assert [one["name"] for one in page.key.lines] == [
        "learning rate 0.05", "learning rate 0.3", "theory", "all"
    ]  # fmt: skip
    assert len({one["color"] for one in page.key.lines}) == 4
    until(lambda: bool(page.messages.rows), 30)
    assert "claim holds: They fall." in page.messages.rows[-1]["text"]


def test_a_setting_begins_anew_and_what_does_not_fit_is_said(page: CurveLab) -> None:
    finish(page)
    page._change("seeds", 1)
    assert len(page.grid.sweep) == 8 and not page.grid.outcomes
    page._change("steps", 10)
    assert page.curve.subject.recipe.steps == 10 and len(page.curve.subject.seeds) == 1
    page._guarded(page._change)("steps", -5)
    assert "steps: " in page.messages.notices[0]["text"] and page.curve.subject.recipe.steps == 10
    finish(page)
    assert not page.messages.rows, "no claim is about other settings"
    page._change("figure", "losses")
    assert page.curve is CURVE


def test_a_click_chooses_the_nearest_run_and_sliders_do_the_same(page: CurveLab) -> None:
    finish(page)
    y = float(points(page, "p0_l1")[1, 2])
    page.figure._receive(None, {"type": "pick", "panel": 0, "x": 4.4, "y": y}, [])
    assert "width 4, learning rate 0.3, seed 0" in page.single.view.value
    assert (controls(page)["at.0"]["value"], controls(page)["at.1"]["value"]) == (2, 1)
    page.figure._receive(None, {"type": "pick", "panel": 1, "x": 0.1, "y": 0.1}, [])
    assert "width 4, learning rate 0.3" in page.single.view.value, "points are no single runs"
    page._change("at.0", 0)
    assert "width 2, learning rate 0.3" in page.single.view.value
    assert "Lab(&#x27;edge-of-stability&#x27;, link=" in page.single.view.value


def test_lines_of_one_name_are_one_in_the_key_and_may_be_like_others(page: CurveLab) -> None:
    def lines(_: Grid) -> list[Line]:
        x = np.arange(2.0)
        some = [Line(name, x, x) for name in ("a", "b")]
        return [*some, *(Line("theory", x, x, dashed=True, like=one.name) for one in some)]

    page._take_up(replace(CURVE, panels=(Panel("", "x", "y", lines),)))
    colours = [spec["line"]["color"] for spec in page.figure._figure["data"]]
    assert colours[0] == colours[2] != colours[1] == colours[3]
    assert [(one["name"], one["color"]) for one in page.key.lines] == [
        ("a", colours[0]), ("b", colours[1]), ("theory", "var(--ew-ink)")
    ]  # fmt: skip


def test_a_phenomenon_without_curves_says_so() -> None:
    page = CurveLab("phase_diagrams")
    page.open()
    assert "phase-diagrams has no curves" in page.messages.notices[0]["text"]
