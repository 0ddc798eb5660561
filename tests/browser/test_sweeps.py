"""Phase diagrams and curves in a real browser: computed when asked for, and a run opened from them."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Server, button

PHASES = "14_phase_diagrams.ipynb"


def opened(server: Server, page: Page, notebook: str) -> Locator:
    """The button of a page that can be computed."""
    page.goto(server.lab(notebook))
    compute = page.locator(".ew-compute button").first
    expect(compute).to_be_enabled()
    return compute


def test_a_phase_diagram_fills_in_and_a_cell_opens_its_run(server, page: Page) -> None:
    compute = opened(server, page, PHASES)
    expect(page.locator(".ew-compute")).to_contain_text("press Compute")
    compute.focus()
    page.keyboard.press("Enter")
    expect(compute).to_have_text("Compute again")
    expect(page.get_by_role("log")).to_contain_text(
        "claim holds: What becomes of a large first step"
    )
    box = page.locator(".heatmaplayer image").bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.02 * box["width"], box["y"] + 0.97 * box["height"])
    chosen = page.locator(".ew-single")
    expect(chosen).to_contain_text("init scale 0.5, learning rate 0.125, seed 0")
    page.get_by_label("learning rate", exact=True).focus()
    page.keyboard.press("End")
    expect(chosen).to_contain_text("init scale 0.5, learning rate 8, seed 0")
    with page.context.expect_page() as found:
        chosen.get_by_role("link", name="open this run").click()
    run = found.value
    run.set_default_timeout(60_000)
    expect(run.get_by_role("heading", level=1)).to_have_text("Edge of stability")
    expect(run.locator(".ew-state")).to_contain_text("step 0")
    button(run, "Play").click()
    expect(run.get_by_role("log")).to_contain_text("diverged", ignore_case=True)
    run.close()  # its kernel ends while there is a server to end it
