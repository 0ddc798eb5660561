"""The map of two learning rates on its page: never by itself, into a box, and no deeper than float64."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from lab_core.zooms import OVERVIEW, Frame, Window
from tests.widgets.waiting import until
from widgets.fractal import FractalPage
from widgets.fractal_map import TRACE, axis, meaning, shading, table


@pytest.fixture
def page() -> Iterator[FractalPage]:
    """A small map on a page that answers."""
    page = FractalPage("fractal_boundary")
    page.figure._receive(None, {"type": "ready"}, [])
    page.open()
    page._change("pixels", 64)
    page._change("steps", 50)
    assert page.messages.notices == []
    yield page
    page.picturing.stop("")


def computed(page: FractalPage) -> Frame:
    until(lambda: not page.picturing.computing, 30)
    return page.picturing.known[1]


def shown(page: FractalPage) -> np.ndarray:
    return page.figure._cells._held[TRACE]


def test_nothing_starts_by_itself_and_it_says_what_it_takes(page: FractalPage) -> None:
    assert not page.picturing.computing and not shown(page).any()
    text = page.picturing.text.value
    assert "4,096 nets of 50 steps, about 1 s and 2 MB; press Compute" in text
    assert page.deeper.disabled and page.out.disabled
    assert "once the picture is done" in page.said.value


def test_compute_drag_and_out(page: FractalPage) -> None:
    page.picturing.button.click()
    first = computed(page)
    assert first.done and (shown(page) > 0).all() and not page.deeper.disabled
    assert (
        "Box-counting dimension" in page.said.value
        and "nearly a smooth curve" in page.caption.value
    )
    page.figure.zoom = {"x": [31.5, 47.5], "y": [15.5, 23.5]}
    assert page.figure.zoom == {} and page.picturing.computing
    second = computed(page)
    assert second.window == Window(1.5 + 2 * 0.25, 1.5 - 2 * 0.375, 0.5)
    assert page.list.value.count("<tr>") == 3 and "strips" in page.caption.value
    page.out.click()
    assert page.picturing.known[1] is first and page.out.disabled and not page.deeper.disabled
    assert page.picturing.button.description == "Compute again"
    page.figure.zoom = {"x": [15.5, 31.5]}
    assert page.picturing.known[1].window == Window(1.5 - 2 * 0.25, 1.5, 0.5)


def test_the_busiest_part_and_a_click_are_eight_times_closer(page: FractalPage) -> None:
    page.picturing.press()
    expected = computed(page).busiest()
    page.deeper.click()
    assert computed(page).window == expected and expected.half == 0.25
    page._pick(0, 0, 63)
    assert page.picturing.known[1].window.half == 0.25 / 8


def test_bad_input_is_one_sentence_and_nothing_is_lost(page: FractalPage) -> None:
    page.picturing.press()
    frame = computed(page)
    change = page._guarded(page._change)
    for name, value in (("half", 1e-15), ("half", 0), ("x", "wide"), ("x", 1e9), ("steps", 10**6),
                        ("width", 0), ("seed", 0.5)):  # fmt: skip
        change(name, value)
        assert page.messages.notices[-1]["text"].startswith(("window: ", f"{name}: "))
        assert page.picturing.known[1] is frame
    page._zoom(Window(1.5, 1.5, 1e-13))
    window = page.picturing.known[1].window
    page._guarded(page._pick)(0, 31, 31)
    assert "past what float64 resolves" in page.messages.notices[-1]["text"]
    assert page.picturing.known[1].window == window


def test_settings_begin_anew(page: FractalPage) -> None:
    page._zoom(Window(2.0, 1.0, 0.25))
    page._change("steps", 60)
    assert not page.picturing.computing and page.out.disabled
    assert page.picturing.known[1].window == Window(2.0, 1.0, 0.25)
    page._change("seed", 2)
    assert page.picturing.known[1].window == OVERVIEW
    page._change("half", 0.5)
    assert page.picturing.known[1].window == Window(1.5, 1.5, 0.5) and not page.out.disabled


def test_stop_keeps_what_is_there(page: FractalPage) -> None:
    page._change("width", 16)
    page._change("points", 16)
    page._change("steps", 1000)
    page.picturing.press()
    until(lambda: page.picturing.share > 0, 30)
    page.picturing.press()
    share = page.picturing.share
    assert 0 < share < 1 and page.picturing.button.description == "Continue"
    assert (shown(page) > 0).all(), "coarse pixels stand for those around them"


def test_words_of_a_dimension() -> None:
    speeds = np.ones((64, 64))
    assert "No boundary here: all of it diverges" in meaning(Frame(OVERVIEW, speeds))
    noise = Frame(OVERVIEW, np.random.default_rng(0).choice([-1.0, 1.0], (64, 64)))
    assert "not resolved. 7" in meaning(noise) and "not resolved" in table([noise])
    speeds[:20] = -1
    line = Frame(OVERVIEW, speeds)
    assert "1.00: nearly a smooth curve" in meaning(line) and "1.00" in table([noise, line])
    speeds = np.full((64, 64), np.nan)
    assert "once the picture is done" in meaning(Frame(OVERVIEW, speeds))


def test_axes_say_absolute_rates_and_far_in_the_distance_from_the_middle() -> None:
    spec, names = axis(1.5, 2.0, 64, "1")
    assert spec["title"] == "log₁₀ learning rate of layer 1 (input weights)"
    assert spec["ticks"]["ticktext"] == ["−0.5", "0.5", "1.5", "2.5", "3.5"]
    assert spec["ticks"]["tickvals"] == [-0.5, 15.5, 31.5, 47.5, 63.5]
    assert len(names) == 64 and names[0] == "−0.469"
    spec, names = axis(2.0123456789, 7.8e-9, 64, "2")
    assert spec["title"].endswith("layer 2 (output weights) − 2.01234567890, in 10⁻⁹")
    assert spec["ticks"]["ticktext"] == ["−7.8", "−3.9", "0.0", "3.9", "7.8"]


def test_every_shade_has_words_and_the_key_a_few() -> None:
    meta = shading([], [])["meta"]
    assert len(meta["words"]) == 49 and all(word for _, word in meta["words"][1:])
    assert [word for _, word in meta["key"]][2:4] == ["trains, slowly", "diverges, slowly"]
    assert {colour for colour, _ in meta["key"]} <= {colour for colour, _ in meta["words"]} | {
        "#3a87c8", "#ee9a2e"}  # fmt: skip
