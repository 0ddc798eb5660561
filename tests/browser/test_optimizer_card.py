"""The page that tests an optimizer, in a real browser: chosen, computed, stopped, taken away."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Server

CARD = "15_test_your_optimizer.ipynb"


def test_rows_come_until_it_is_stopped_and_the_card_is_a_file(server: Server, page: Page) -> None:
    page.goto(server.lab(CARD))
    compute = page.locator(".ew-compute button").first
    expect(compute).to_be_enabled()
    expect(page.locator(".ew-compute")).to_contain_text("press Compute")
    page.get_by_role("combobox", name="optimizer").select_option("heavy ball")
    expect(page.get_by_label("momentum", exact=True).first).to_be_visible()
    compute.focus()
    page.keyboard.press("Enter")
    rows = page.locator(".ew-table tbody tr")
    expect(rows.first).to_contain_text("as it states")
    expect(rows.first).to_contain_text("yes")
    page.keyboard.press("Enter")
    expect(compute).to_have_text("Continue")
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    written = json.loads(Path(download.value.path()).read_text())
    assert written["optimizer"] == "heavy-ball" and written["rows"][0]["holds"] is True
