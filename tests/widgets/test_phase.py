"""Phase diagrams on the page: never by themselves, coarse to fine, and no longer than their page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from lab_core import phenomena
from lab_core.knobs import BadInput
from lab_core.phase import Diagram, Measure, axis, filled, shaded
from lab_core.phenomena import PHENOMENA
from lab_core.recipe import Recipe
from lab_core.sweep import Axis, Sweep
from tests.widgets.waiting import until
from widgets import computing, opening, phase
from widgets.asking import OWN, Asking
from widgets.phase import TRACE, PhaseDiagram

RECIPE = Recipe().set({"data": "chebyshev", "width": 4, "steps": 40, "probes": ()})
MEASURE = Measure("train_loss", "share", 0.3, below=True)
LR = Axis(("lr",), "learning rate", (0.001, 0.01, 0.1, 0.3, 1.0))


def small(depths: tuple[int, ...] = (1, 2, 3), columns: Axis = LR) -> Diagram:
    over = (Axis(("depth",), "depth", depths), columns)
    sweep = Sweep(RECIPE, over, (0, 1, 2), MEASURE.success)
    return Diagram("Halved", "", sweep, MEASURE, "edge-of-stability", "catapult")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., PhaseDiagram]]:
    """`opened(diagram)`: a diagram on a page that answers."""
    shown: list[PhaseDiagram] = []

    def show(diagram: Diagram, answers: bool = True) -> PhaseDiagram:
        about = replace(PHENOMENA["grokking"], figures={"halved": diagram})
        monkeypatch.setitem(phenomena.PHENOMENA, "grokking", about)
        page = PhaseDiagram("grokking")
        shown.append(page)
        if answers:
            page.figure._receive(None, {"type": "ready"}, [])
        page.open()
        assert page.messages.notices == []
        return page

    yield show
    for page in shown:
        page.sweeping._ended.set()


def cells(page: PhaseDiagram) -> np.ndarray:
    return page.figure._cells._held[TRACE]


def ids(page: PhaseDiagram) -> dict[str, dict]:
    return {c["id"]: c for group in page.controls.groups for c in group["controls"]}


def test_nothing_starts_by_itself(opened: Callable[..., PhaseDiagram]) -> None:
    page = opened(small())
    assert not page.sweeping.computing and not page.sweeping.button.disabled
    assert cells(page).shape == (3, 5) and not cells(page).any()
    assert "45 runs; press Compute" in page.sweeping.text.value


def test_it_fills_from_coarse_to_fine_and_says_how_long_it_will_take(
    opened: Callable[..., PhaseDiagram],
) -> None:
    page, said, aloud = opened(small()), [], []
    page.sweeping.text.observe(lambda change: said.append(change["new"]), "value")
    page.messages.observe(lambda change: aloud.append(change["new"]), "said")
    page.sweeping.button.click()
    assert page.sweeping.button.description == computing.STOP
    until(lambda: page.sweeping.button.description == computing.AGAIN, 30)
    sweep = small().subject
    expected, words = small().levels(sweep.finish())
    assert np.array_equal(cells(page), expected) and len(words) == 4
    assert any("runs; about" in text and "s left" in text for text in said)
    assert "45 of 45 runs, in" in said[-1] and "45 of 45 runs, in" in aloud[-1]
    told = [text for text in aloud if "left" in text]  # not at every stack: where half is done
    assert aloud[0] == "computing ..." and len(told) <= 1 < len([t for t in said if "left" in t])


def test_stop_keeps_what_is_there_and_continue_goes_on(opened: Callable[..., PhaseDiagram]) -> None:
    page = opened(small((1, 2, 3, 4, 5, 6)))
    page.sweeping.button.click()
    until(lambda: len(page.sweeping.grid.outcomes) >= 1, 30)
    page.sweeping.button.click()
    kept = len(page.sweeping.grid.outcomes)
    assert not page.sweeping.computing and page.sweeping.button.description == computing.GO_ON
    assert f"Stopped after {kept} of 90 runs" in page.sweeping.text.value
    time.sleep(0.3)
    assert len(page.sweeping.grid.outcomes) == kept < 90
    page.sweeping.button.click()
    until(lambda: page.sweeping.button.description == computing.AGAIN, 30)
    assert (cells(page) > 0).all()


def test_it_stops_when_its_page_is_gone(opened: Callable[..., PhaseDiagram]) -> None:
    page = opened(small(tuple(range(1, 9))), answers=False)
    page.sweeping.button.click()
    until(lambda: not page.sweeping.computing, 30)
    assert "no page was open" in page.sweeping.text.value


def test_a_click_or_the_sliders_choose_the_run_that_a_link_opens(
    opened: Callable[..., PhaseDiagram], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(small())
    monkeypatch.chdir("labs")
    page.figure._receive(None, {"type": "pick", "panel": 0, "x": 3.4, "y": 0.6}, [])
    assert "depth 2, learning rate 0.3, seed 0" in page.single.view.value
    assert ids(page)["row"]["value"] == 1 and ids(page)["column"]["value"] == 3
    link = page.single.view.value.split('href="')[1].split('"')[0].replace("&amp;", "&")
    assert link.startswith("01_edge_of_stability.ipynb?edgewise=1&preset=catapult")
    asked = opening.from_query(PHENOMENA["edge-of-stability"], link)
    assert asked.said == [] and asked.recipe.set({"probes": ()}) == RECIPE.set(
        {"depth": 2, "lr": 0.3, "seed": 0}
    )
    page._change("column", 0)
    assert "learning rate 0.001" in page.single.view.value


def test_any_two_knobs_of_any_run_can_be_asked_for(opened: Callable[..., PhaseDiagram]) -> None:
    page = opened(small())
    page._change("phenomenon", "edge-of-stability")
    page._change("preset", "catapult")
    assert page._asking.wanted.diagram == OWN and page.diagram.preset == "catapult"
    for name, value in (("steps", 30), ("seeds", 1), ("columns.low", 0.1), ("columns.high", 0.4),
                        ("columns.count", 4), ("rows.knob", "width"), ("rows.low", 2),
                        ("rows.high", 5), ("rows.count", 4), ("measure.kind", "step"),
                        ("measure.level", 1.0)):  # fmt: skip
        page._change(name, value)
    rows, columns = page.diagram.subject.over
    assert rows.values == (2, 3, 4, 5) and len(columns.values) == 4
    assert page.diagram.measure.success.level == 1.0 and page.diagram.subject.seeds == (0,)
    page.sweeping.button.click()
    until(lambda: page.sweeping.button.description == computing.AGAIN, 30)
    assert (cells(page) > 0).all()


@pytest.mark.parametrize(("name", "value", "sentence"), [
    ("columns.low", 5.0, "is no range"),
    ("columns.knob", "depth", "choose two knobs"),
    ("steps", -1, "steps: "),
])  # fmt: skip
def test_what_cannot_be_is_said_and_nothing_is_lost(
    opened: Callable[..., PhaseDiagram], name: str, value: object, sentence: str
) -> None:
    page = opened(small())
    page._change("seeds", 2)
    before = page.diagram
    page._guarded(page._change)(name, value)
    assert sentence in page.messages.notices[0]["text"]
    assert page.diagram is before and page._asking.wanted.seeds == (0, 1)


def test_every_preset_of_every_phenomenon_can_be_asked_for() -> None:
    asking = Asking(PHENOMENA["phase-diagrams"])
    for slug, about in PHENOMENA.items():
        for preset in about.presets:
            asking.set("phenomenon", slug)
            asking.set("preset", preset)
            assert asking.diagram().subject.shape == (16, 16, 3)


def test_its_colours_have_words_and_its_axes_values() -> None:
    spec = phase.shading(small(), ["0 of 2 succeed", "1 of 2 succeed", "2 of 2 succeed"])
    assert [word for _, word in spec["meta"]["words"]][1:] == [
        "0 of 2 succeed", "1 of 2 succeed", "2 of 2 succeed"
    ]  # fmt: skip
    assert len({colour for colour, _ in spec["meta"]["words"]}) == 4
    assert spec["name"] == "train loss ≤ 0.3"
    assert spec["meta"]["places"] == {"x": [0.001, 0.01, 0.1, 0.3, 1.0], "y": [1, 2, 3]}
    many = phase.ticks(Axis(("rank",), "rank", tuple(range(1, 21))))
    assert many["tickvals"] == [3, 7, 11, 15, 19]
    assert many["ticktext"] == ["4", "8", "12", "16", "20"]


def test_unknown_cells_are_as_their_coarse_neighbours_and_shades_are_in_order() -> None:
    values = np.full((4, 4), np.nan)
    values[0, 0], values[0, 2] = 1.0, 100.0
    assert np.array_equal(filled(values)[0], [1, 1, 100, 100]) and filled(values)[3, 0] == 1.0
    levels, words = shaded(np.array([[np.nan, np.inf, 1.0, 1000.0]]), "diverged")
    assert levels.tolist() == [[0, 1, 2, 9]] and words[:2] == ["diverged", "1 to 2.4"]
    levels, words = shaded(np.array([[2.0, 2.0]]), "diverged")
    assert levels.tolist() == [[2, 2]] and words[1] == "2 to 2"


def test_an_axis_of_an_integer_has_each_value_once_and_nonsense_is_refused() -> None:
    assert axis(RECIPE, "width", 1, 4, 16, False).values == (1, 2, 3, 4)
    assert axis(RECIPE, "lr", 0.01, 1, 3, True).values == (0.01, 0.1, 1.0)
    for low, high, count, log in ((1, 1, 3, False), (0, 1, 3, True), (0.1, 1, 1, False),
                                  (float("nan"), 1, 3, False)):  # fmt: skip
        with pytest.raises(BadInput):
            axis(RECIPE, "lr", low, high, count, log)
    with pytest.raises(BadInput, match="colour"):
        Measure("train_loss", "mean")
