"""The map of two learning rates in a real browser: computed, zoomed into by a drag, and out again."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, button

FRACTAL = "11_fractal_boundary.ipynb"


def test_a_box_is_dragged_and_left_again(server: Server, page: Page) -> None:
    page.goto(server.lab(FRACTAL))
    compute = page.locator(".ew-compute button").first
    expect(compute).to_be_enabled()
    expect(page.locator(".ew-compute")).to_contain_text("press Compute")
    page.get_by_role("combobox", name="pixels").select_option("64 × 64")
    compute.focus()
    page.keyboard.press("Enter")
    said = page.locator(".ew-said")
    expect(said).to_contain_text("Box-counting dimension 1.")
    drawn = page.locator(".heatmaplayer image")
    overview, box = drawn.get_attribute("href"), drawn.bounding_box()
    assert box and box["width"] > 450 and box["y"] + box["height"] < 768
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.6 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.75 * box["height"], steps=4)
    page.mouse.up()
    rows = page.locator(".ew-table tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("0.3")
    expect(compute).to_have_text("Compute again")
    expect(said).to_contain_text("Box-counting dimension")
    out = button(page, "Out")
    out.focus()
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    expect(out).to_be_disabled()
    expect(page.locator(".ew-compute")).to_contain_text("as computed before")
    expect(drawn).to_have_attribute("href", overview)
