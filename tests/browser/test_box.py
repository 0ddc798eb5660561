"""The box below a lab is opened, taken away and run; its curve comes back to the page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import button
from widgets.box import BOXES


@pytest.mark.long
def test_the_box_is_taken_away_and_its_curve_is_drawn_beside_the_run(lab, tmp_path: Path) -> None:
    page = lab()
    box = page.locator(".ew-box")
    source = box.get_by_role("region", name="edge_of_stability.py")
    expect(source).to_be_hidden()
    box.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(source).to_have_text((BOXES / "edge_of_stability.py").read_text("utf-8"))
    with page.expect_download() as waiting:
        button(page, "Download it").click()
    assert waiting.value.suggested_filename == "edge_of_stability.py"
    waiting.value.save_as(taken := tmp_path / "edge_of_stability.py")
    with (tmp_path / "curve.csv").open("w") as curve:
        subprocess.run([sys.executable, "-I", taken, "61"], stdout=curve, check=True, cwd=tmp_path,
                       env=os.environ | {"OMP_NUM_THREADS": "1"})  # fmt: skip
    button(page, "Open").click()
    page.get_by_label("file").set_input_files(tmp_path / "curve.csv")
    expect(button(page, "Close curve")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.long
def test_the_box_fits_a_phone_and_is_copied(lab) -> None:
    page = lab(
        viewport={"width": 390, "height": 844}, permissions=["clipboard-read", "clipboard-write"]
    )
    box = page.locator(".ew-box")
    box.locator("summary").click()
    button(page, "Copy the script").click()
    expect(box.get_by_role("status")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == (BOXES / "edge_of_stability.py").read_text("utf-8")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert box.evaluate("e => e.getBoundingClientRect().right") <= 390
    assert box.locator("pre").evaluate("e => e.scrollWidth > e.clientWidth"), (
        "code scrolls in its box"
    )
