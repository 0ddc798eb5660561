"""A prediction in a real browser: a step by keyboard, a curve by mouse and by keyboard, and the hand-in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import button

STEPS = "08_large_steps.ipynb"


def predicted(page: Page) -> None:
    """Press Predict by keyboard."""
    button(page, "Predict").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your prediction:")).to_be_visible()


def test_a_step_is_predicted_by_keyboard_and_handed_in(lab) -> None:
    page = lab(notebook=STEPS, viewport={"width": 1366, "height": 768})
    card = page.locator(".ew-predict")
    expect(card).to_be_in_viewport()
    caption = page.get_by_text("200 separable examples in 20 dimensions")
    expect(caption).to_have_count(0)  # it gives the answer away
    card.get_by_label("prediction", exact=True).focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("7")
    predicted(page)
    expect(caption).to_be_visible()
    expect(page.locator(".ew-marks").get_by_text("your prediction")).to_be_visible()
    button(page, "Step").click()
    expect(card).to_contain_text("It is fixed, for the run has begun.")
    expect(button(page, "Change")).to_have_count(0)
    button(page, "Play").click()
    expect(card).to_contain_text("It came out: step 5")
    expect(card).to_contain_text("too high")
    expect(page.locator(".ew-marks").get_by_text("your prediction")).to_be_visible()
    button(page, "Pause").click()
    with page.expect_download() as kept:
        button(page, "Hand in (JSON)").click()
    found = json.loads(Path(kept.value.path()).read_text())
    assert found["prediction"] == 7 and found["outcome"] == 5 and 0 < found["score"] < 1
    button(page, "Reset").click()
    expect(button(page, "Change")).to_be_visible()
    expect(card).not_to_contain_text("It came out")


@pytest.mark.long
def test_a_curve_is_drawn_by_mouse_and_by_keyboard(lab) -> None:
    page = lab("?edgewise=1&preset=chebyshev&steps=300", viewport={"width": 1366, "height": 768})
    card = page.locator(".ew-predict")
    box = card.locator(".ew-frame").bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.7 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.3 * box["height"], steps=40)
    page.mouse.up()
    dots = card.get_by_role("slider")
    assert 10 < dots.count() <= 24
    button(page, "Clear").click()
    expect(dots).to_have_count(0)
    for count in (1, 2, 3):
        button(page, "Add a point").focus()
        page.keyboard.press("Enter")
        expect(dots).to_have_count(count)
    middle = dots.nth(1)
    expect(middle).to_be_focused()
    expect(middle).to_have_attribute("aria-valuetext", "step 2000, sharpness 30")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect(middle).to_have_attribute("aria-valuetext", "step 1920, sharpness 24")
    card.get_by_text("Points as numbers (3)").click()
    card.get_by_label("sharpness of point 1").fill("7")
    page.keyboard.press("Tab")
    expect(dots.first).to_have_attribute("aria-valuetext", "step 0, sharpness 7")
    predicted(page)
    expect(page.get_by_role("region", name="Sharpness and its threshold")).to_contain_text(
        "your prediction"
    )
    button(page, "Change").click()
    expect(dots).to_have_count(3)
    dots.nth(1).focus()
    page.keyboard.press("Delete")
    predicted(page)
    button(page, "Play").click()
    expect(card).to_contain_text("of 100")
    expect(card.get_by_role("img", name="Both curves")).to_be_visible()
