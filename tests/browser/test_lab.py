"""The labs as a person uses them: open, play, move the slider by keyboard, change the optimizer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import at, button, wait_past


def test_play_step_pause_and_reset(lab) -> None:
    page = lab()
    assert at(page) == 0, "nothing runs until a person asks"
    button(page, "Step").click()
    expect(page.locator(".ew-lab")).to_contain_text("step 1 ·")
    page.get_by_label("speed").select_option(label="1,000 steps/s")
    button(page, "Play").click()
    wait_past(page, 100)
    expect(page.get_by_text(re.compile("crossed its threshold 4 at step"))).to_be_visible()
    button(page, "Pause").click()
    expect(button(page, "Play")).to_be_visible()
    page.wait_for_timeout(300)
    stopped = at(page)
    page.wait_for_timeout(700)
    assert at(page) == stopped
    button(page, "Reset").click()
    expect(page.locator(".ew-lab")).to_contain_text("step 0 ·")
    expect(page.get_by_label("speed")).to_have_value("1000")


def test_the_threshold_moves_with_the_learning_rate_by_keyboard(lab) -> None:
    page = lab("?lr=0.5")
    button(page, "Play").click()
    wait_past(page, 40)
    expect(page.get_by_text("2/lr, lr 0.5")).to_be_visible()
    slider = page.get_by_role("slider", name="learning rate", exact=True)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("2/lr, lr 0.5")).to_be_hidden()
    expect(page.get_by_text(re.compile(r"2/lr, lr 0\.4\d"))).to_be_visible()
    assert at(page) >= 40, "without a restart"


@pytest.mark.long
def test_another_optimizer_opens_an_arm_that_can_be_hidden_and_closed(lab) -> None:
    page = lab()
    button(page, "Play").click()
    wait_past(page, 20)
    page.get_by_label("optimizer", exact=True).select_option(label="Adam")
    name = page.get_by_text("arm 1: Adam")
    expect(name).to_have_count(2)  # beside its track and in the list
    expect(page.locator(".ew-labels")).to_contain_text("arm 0: gradient descent")
    expect(page.locator(".ew-lab")).to_contain_text("8 replicas")
    wait_past(page, at(page))
    page.get_by_role("button", name=re.compile("hide.*arm 1", re.I)).click()
    page.get_by_role("button", name=re.compile("show.*arm 1", re.I)).click()
    page.get_by_role("button", name=re.compile("close.*arm 1", re.I)).click()
    expect(name).to_have_count(0)
    expect(page.locator(".ew-labels")).not_to_contain_text("arm 0")


@pytest.mark.parametrize(
    "choice",
    [
        "Five largest eigenvalues",
        pytest.param("Hessian spectrum, newest", marks=pytest.mark.long),
        pytest.param("Accuracy", marks=pytest.mark.long),
    ],
)
def test_the_fourth_plot_is_chosen(lab, choice: str) -> None:
    page = lab("?steps=300")
    page.get_by_label("fourth plot").select_option(label=choice)
    button(page, "Play").click()
    wait_past(page, 101)
    drawn = "() => [...document.querySelectorAll('.js-line')].filter(p => p.getAttribute('d'))"
    page.wait_for_function(f"{drawn}.length >= 16")  # four replicas in four plots


def test_a_bad_address_is_a_sentence_and_the_lab_works(lab) -> None:
    page = lab("?lr=-1&seed=0")
    expect(page.get_by_role("alert")).to_contain_text("lr: -1 is outside its domain")
    button(page, "Play").click()
    wait_past(page, 10)


def test_a_part_brings_those_that_it_needs_and_the_page_says_which(lab) -> None:
    page = lab("?preset=chebyshev")
    page.get_by_label("loss", exact=True).select_option(
        label="cross-entropy (with handwritten digits)"
    )
    expect(page.locator(".ew-log")).to_contain_text("so that they fit, data handwritten digits")
    chosen = "document.querySelector('select[aria-label=data]').selectedOptions[0].text"
    page.wait_for_function(f"{chosen} === 'handwritten digits'")
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize(
    "width, height, scheme",
    [
        (1366, 768, "dark"),
        (400, 800, "light"),
        pytest.param(1366, 768, "light", marks=pytest.mark.long),
        pytest.param(400, 800, "dark", marks=pytest.mark.long),
    ],
)
def test_everything_fits(lab, tmp_path: Path, width: int, height: int, scheme: str) -> None:
    """No sideways scrolling; on a projector, plots and Play without any scrolling."""
    page = lab(viewport={"width": width, "height": height}, color_scheme=scheme)
    button(page, "Play").click()
    wait_past(page, 150)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    reach = "Math.max(...[...document.querySelectorAll('p, li, h1, h2, select')].map("
    assert page.evaluate(reach + "node => node.getBoundingClientRect().right))") <= width
    if width > 1000:
        for thing in (button(page, "Pause"), page.get_by_label("fourth plot")):
            box = thing.bounding_box()
            assert box and box["y"] + box["height"] <= height
    dark = page.evaluate("document.body.dataset.jpThemeLight") == "false"
    assert dark == (scheme == "dark")


@pytest.mark.long
def test_the_warmup_lab_shows_both_arms(lab) -> None:
    page = lab(notebook="02_curvature_and_warmup.ipynb")
    button(page, "Play").click()
    expect(page.get_by_text(re.compile("replica 0, lr 0.1, diverged at step"))).to_be_visible()
    expect(page.locator(".ew-labels")).to_contain_text("arm 0: schedule constant")
    expect(page.locator(".ew-labels")).to_contain_text("arm 1: schedule warm-up")


@pytest.mark.long
def test_the_key_says_what_the_symbols_stand_for(lab) -> None:
    """Of replicas in one line, of arms each beside its track; nothing where there is one curve."""
    page = lab(notebook="04_grokking.ipynb")
    key = page.locator(".ew-labels")
    expect(key).to_have_text("weight decay10")
    expect(key.locator(".ew-symbol")).to_have_count(2)
    page = lab("?preset=fraction", notebook="04_grokking.ipynb")
    key = page.get_by_role("list", name="Key")
    expect(key.get_by_role("listitem")).to_have_text(
        ["arm 0: fraction 0.4", "arm 1: fraction 0.5", "arm 2: fraction 0.6"]
    )
    rows, tracks = key.bounding_box(), page.locator(".ew-tracks").bounding_box()
    assert rows and tracks and rows["x"] + rows["width"] < tracks["x"]
    assert abs(rows["height"] - tracks["height"]) <= 1, "a label is level with its track"
    page = lab("?preset=corrupted", notebook="04_grokking.ipynb")
    expect(page.locator(".ew-labels")).to_be_hidden()


def test_back_in_time_and_a_fork_by_keyboard(lab) -> None:
    page = lab("?preset=chebyshev")
    page.get_by_label("speed").select_option(label="unlimited")
    button(page, "Play").click()
    wait_past(page, 600)
    button(page, "Pause").click()
    handle = page.get_by_label("moment (step)")
    handle.click()  # in its middle, once it stands still
    expect(page.locator(".ew-state")).to_contain_text(" of ")
    said = page.locator(".ew-state").inner_text()
    moment = int(said.split()[1].replace(",", ""))
    expect(page.locator(".ew-marks .ew-moment")).to_have_count(4)
    later = page.locator(".ew-log li:visible .ew-muted").filter(has_text="step")
    assert all(int(text.split()[1].replace(",", "")) <= moment for text in later.all_inner_texts())
    handle.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".ew-state")).to_contain_text(f"step {moment - 1:,} of")
    page.get_by_role("slider", name="learning rate", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".ew-state")).to_contain_text("fork with lr")
    button(page, "Fork here").click()
    expect(page.get_by_text("arm 1: gradient descent").first).to_be_visible()
    expect(page.locator(".ew-marks .ew-moment")).to_have_count(0)
    expect(page.locator(".ew-tracks path:not(.ew-end)")).to_have_count(2)
    button(page, "Play").click()
    wait_past(page, moment + 50)
