"""The phase diagram on the page: never by itself, row by row, and no longer than its page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from lab_core import phenomena
from lab_core.phase import Axis, Diagram, Success
from lab_core.recipe import Recipe
from widgets import phase
from widgets.phase import TRACE, PhaseDiagram

DIAGRAM = Diagram(
    "Halved",
    Recipe().set({"data": "chebyshev", "width": 4, "steps": 40, "probes": ()}),
    Axis(("depth",), "depth", (1, 2, 3)),
    Axis(("lr",), "learning rate", (0.001, 0.01, 0.1, 0.3, 1.0)),
    (0, 1, 2),
    Success("train_loss", 0.3, below=True),
)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., PhaseDiagram]]:
    """`opened(...)`: the small diagram on a page that answers, with other fields."""
    shown: list[PhaseDiagram] = []

    def show(answers: bool = True, **fields: object) -> PhaseDiagram:
        about = replace(phenomena.PHENOMENA["grokking"], diagram=replace(DIAGRAM, **fields))
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
        page._ended.set()


def until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def shown(page: PhaseDiagram) -> np.ndarray:
    return page.figure._cells._held[TRACE]


def test_nothing_starts_by_itself(opened: Callable[..., PhaseDiagram]) -> None:
    page = opened()
    assert not page.computing and page.rows == [] and not page.button.disabled
    assert shown(page).shape == (3, 5) and not shown(page).any()
    assert "15 cells of 3 runs each; press Compute" in page.text.value


def test_it_fills_row_by_row_and_says_how_long_it_will_take(
    opened: Callable[..., PhaseDiagram], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, said = opened(), []
    page.text.observe(lambda change: said.append(change["new"]), "value")
    page.button.click()
    assert page.button.description == "Stop"
    until(lambda: not page.computing)
    until(lambda: page.button.description == "Compute again")
    expected = np.array(list(DIAGRAM.shares()))
    assert np.array_equal(shown(page), 1 + np.rint(3 * expected))
    assert any("1 of 3 rows; at depth = 1" in text and "s left" in text for text in said)
    assert 'role="status"' in said[-1] and "3 of 3 rows, in" in said[-1]
    page.button.click()
    assert page.rows == [] or page.computing


def test_stop_keeps_what_is_there_and_continue_goes_on(opened: Callable[..., PhaseDiagram]) -> None:
    page = opened(rows=Axis(("depth",), "depth", (1, 2, 3, 4, 5, 6)))
    page.button.click()
    until(lambda: len(page.rows) >= 1)
    page.button.click()
    kept = len(page.rows)
    assert not page.computing and page.button.description == "Continue"
    assert f"Stopped after {kept} of 6 rows" in page.text.value
    time.sleep(0.5)
    assert len(page.rows) == kept < 6
    page.button.click()
    until(lambda: page.button.description == "Compute again")
    assert len(page.rows) == 6 and (shown(page) > 0).all()


def test_it_stops_when_its_page_is_gone(opened: Callable[..., PhaseDiagram]) -> None:
    page = opened(answers=False, rows=Axis(("depth",), "depth", tuple(range(1, 9))))
    page.button.click()
    until(lambda: not page.computing)
    assert "no page was open" in page.text.value and page.button.description == "Continue"


def test_an_error_reaches_the_page(opened: Callable[..., PhaseDiagram]) -> None:
    page = opened(columns=Axis(("no_such_knob",), "knob", (1, 2)))
    page.button.click()
    until(lambda: bool(page.messages.notices))
    assert "no such knob" in page.messages.notices[0]["text"] and not page.computing
    none = PhaseDiagram("edge_of_stability")
    none.open()
    sentence = (
        "phenomenon: 'edge_of_stability' has no phase diagram; choose grokking, matrix-sensing."
    )
    assert none.messages.notices[0]["text"] == sentence
    assert none.button.disabled


def test_its_colours_have_words_and_its_axes_values() -> None:
    spec = phase.shading(DIAGRAM)
    assert [word for _, word in spec["meta"]["words"]] == [
        "", "0 of 3 succeed", "1 of 3 succeed", "2 of 3 succeed", "3 of 3 succeed"
    ]  # fmt: skip
    assert len({colour for colour, _ in spec["meta"]["words"]}) == 5
    assert spec["name"] == "train_loss ≤ 0.3"
    assert spec["meta"]["places"] == {"x": [0.001, 0.01, 0.1, 0.3, 1.0], "y": [1, 2, 3]}
    many = phase.ticks(Axis(("rank",), "rank", tuple(range(1, 21))))
    assert many["tickvals"] == [3, 7, 11, 15, 19] and many["ticktext"] == [
        "4",
        "8",
        "12",
        "16",
        "20",
    ]
