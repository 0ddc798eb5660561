"""Share, take away, open again, recover and compare, as a person does."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import KEPT, at, button, shared, state, wait_past

NO_PICKER = "delete window.showSaveFilePicker"


def played(page: Page, steps: int = 200) -> Page:
    """A page whose run has gone some way, and has a fork."""
    page.get_by_label("speed").select_option(label="1,000 steps/s")
    button(page, "Play").click()
    wait_past(page, steps)
    button(page, "Pause").click()
    page.get_by_label("moment (step)").focus()
    page.keyboard.press("ArrowLeft")
    button(page, "Fork here").click()
    expect(page.get_by_text("arm 1: gradient descent").first).to_be_visible()
    expect(page.locator(".ew-state")).to_have_text(re.compile(r"step [\d,]+ · [26] replicas · CPU"))
    return page


def test_a_link_reopens_the_run_where_it_stood(lab) -> None:
    page = played(lab("?preset=chebyshev"))
    page.get_by_label("fourth plot").select_option(label="Gradient norm")
    page.get_by_label("x axis").select_option(label="lr × step")
    page.get_by_role("button", name="Sharpness and its threshold: logarithmic axis").click()
    page.wait_for_timeout(500)
    link = shared(page)
    assert len(link) < 2000
    there = lab(link[link.index("?") :])
    expect(there.locator(".ew-state")).to_have_text(state(page))
    expect(there.get_by_text("arm 1: gradient descent").first).to_be_visible()
    expect(there.get_by_label("fourth plot")).to_have_value("gradient_norm")
    expect(there.get_by_label("x axis").locator("option:checked")).to_have_text("lr × step")
    scale = there.get_by_role("button", name="Sharpness and its threshold: logarithmic axis")
    expect(scale).to_have_attribute("aria-pressed", "true")
    tips = "[...document.querySelectorAll('.ew-marks path')].map(p => p.getAttribute('transform'))"
    there.wait_for_function(
        f"ours => {tips}.slice(0, 9).join() === ours", arg=",".join(page.evaluate(tips)[:9])
    )


def test_a_link_for_a_class_is_made_by_keyboard_and_locks(lab) -> None:
    page = lab("?preset=chebyshev")
    button(page, "Share").focus()
    page.keyboard.press("Enter")
    summary = page.get_by_text("For a class: lock or hide controls")
    summary.focus()
    page.keyboard.press("Enter")
    ways, made = page.locator(".ew-ways"), page.get_by_label("Link for a class", exact=True)
    for label, way in (("learning rate", "l"), ("optimizer", "h"), ("Fork here", "l")):
        ways.get_by_label(label, exact=True).focus()
        page.keyboard.press(way)
    link = made.input_value()
    assert link.endswith("&lock=lr,fork&hide=optimizer") and "&at=" not in link
    there = lab(link[link.index("?") :])
    slider = there.get_by_label("learning rate", exact=True)
    expect(slider).to_be_disabled()
    expect(slider).to_have_attribute("aria-description", "locked by the link's author")
    expect(there.get_by_label("optimizer", exact=True)).to_have_count(0)
    expect(button(there, "Fork here")).to_be_disabled()
    slider.evaluate(  # a page that was tampered with
        "s => { s.disabled = false; s.value = -1; s.dispatchEvent(new Event('input')) }"
    )
    expect(there.locator(".ew-notice")).to_contain_text(
        "lr: it is locked in this page; open the lab"
    )
    expect(there.locator(".ew-state")).to_have_text(re.compile(r"step 0 · 3 replicas"))
    button(there, "Share").click()
    expect(there.get_by_label("Link", exact=True)).to_have_value(
        re.compile(r"lock=fork,lr&hide=opt")
    )
    expect(there.locator(".ew-class")).to_have_count(0)


def test_a_reload_offers_to_recover_the_run(lab) -> None:
    page = played(lab("?preset=chebyshev"))
    stood = state(page)
    page.wait_for_function(KEPT, arg="2 arms")
    page.reload()
    expect(page.get_by_text(re.compile(r"step [\d,]+, 2 arms\) can be recovered"))).to_be_visible()
    button(page, "Recover").click()
    expect(page.locator(".ew-state")).to_have_text(stood)
    expect(page.get_by_text("arm 1: gradient descent").first).to_be_visible()
    expect(button(page, "Recover")).to_be_hidden()


@pytest.mark.long
def test_the_files_arrive(lab, open_page, tmp_path: Path) -> None:
    page = lab("?preset=chebyshev")
    page.evaluate(NO_PICKER)
    played(page)
    button(page, "Download").click()
    expect(button(page, "Record (CSV)")).to_be_visible()
    files = {}
    for label in page.locator(".ew-files button").all_inner_texts():
        with page.expect_download() as waiting:
            button(page, label).click()
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        files[path.suffix] = path
    assert set(files) == {".json", ".csv", ".parquet", ".html", ".svg", ".png", ".py"}
    text = "".join(ElementTree.parse(files[".svg"]).getroot().itertext())
    assert "Training loss" in text and "Sharpness and its threshold" in text
    assert files[".png"].read_bytes().startswith(b"\x89PNG")
    assert files[".html"].stat().st_size < 3_000_000
    there = lab()
    button(there, "Open").click()
    there.get_by_label("file").set_input_files(files[".json"])
    expect(there.locator(".ew-state")).to_have_text(state(page))
    alone = open_page()
    alone.goto(files[".html"].as_uri())
    drawn = "document.querySelectorAll('.js-line[d]').length > 20"
    alone.wait_for_function(drawn)
    alone.get_by_label("moment (step)").focus()
    alone.keyboard.press("PageDown")
    expect(alone.locator(".ew-marks .ew-moment")).to_have_count(4)


def test_a_run_that_fits_no_link_offers_its_file(lab) -> None:
    changes = "&".join(f"change={t}:0:*:lr=0.1{t}" for t in range(150))
    page = lab(f"?edgewise=1&preset=chebyshev&{changes}")
    button(page, "Share").click()
    dialog = page.locator(".ew-share .ew-dialog")
    expect(dialog).to_contain_text("share the recipe's file instead (Download)")
    expect(page.get_by_label("Link", exact=True)).to_have_count(0)
    expect(page.get_by_label("In a notebook", exact=True)).to_have_value(re.compile("change=149"))


@pytest.mark.long
def test_a_saved_record_and_a_ghost_are_compared(lab, tmp_path: Path) -> None:
    page = lab("?preset=chebyshev&lr=0.15")
    page.evaluate(NO_PICKER)
    played(page, 100)
    button(page, "Download").click()
    with page.expect_download() as waiting:
        button(page, "Record (Parquet)").click()
    waiting.value.save_as(tmp_path / "yesterday.parquet")
    page = lab("?preset=chebyshev")
    button(page, "Open").click()
    page.get_by_label("file").set_input_files(tmp_path / "yesterday.parquet")
    expect(page.get_by_text("yesterday", exact=True).first).to_be_visible()
    expect(page.get_by_text("Settings that differ")).to_be_visible()
    page.get_by_label("speed").select_option(label="1,000 steps/s")
    button(page, "Play").click()
    wait_past(page, 60)
    page.get_by_label("gradient flow").check()
    expect(
        page.get_by_text(re.compile("Gradient flow, step .* it predicts .* of the threshold"))
    ).to_be_visible()
    page.get_by_label("x axis").select_option(label="training loss")
    button(page, "Pause").click()
    plot = page.locator(".ew-panel").nth(1).bounding_box()
    assert plot
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    hover = page.locator(".ew-hover")
    expect(hover).to_contain_text("yesterday, lr 0.15")
    expect(hover).to_contain_text("gradient flow, lr 0.1")
    expect(hover).to_contain_text("at step")


@pytest.mark.parametrize(
    "link, said",
    [
        pytest.param(
            "?edgewise=1&preset=chebyshev&lr=0.2&change=5:0:*:lr=",
            "it has no value",
            marks=pytest.mark.long,
        ),
        pytest.param("?edgewise=7&preset=chebyshev", "version '7'", marks=pytest.mark.long),
        pytest.param(
            "?edgewise=1&preset=chebyshev&perpetual=1&at=5",
            "perpetual: no such knob",
            marks=pytest.mark.long,
        ),
        ("?edgewise=1&lr=<img src=x onerror=alert(1)>&zoom=__proto__:1:2", "lr: "),
        pytest.param(
            "?data=clusters&n=10000&width=4096&depth=64",
            "do not fit in memory",
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_broken_link_opens_with_one_sentence(lab, link: str, said: str) -> None:
    page = lab(link)
    expect(page.get_by_role("alert")).to_have_count(1)
    expect(page.get_by_role("alert")).to_contain_text(said)
    before = at(page)
    button(page, "Step").click()
    expect(page.locator(".ew-state")).not_to_contain_text(f"step {before} ")


@pytest.mark.long
def test_a_million_steps_can_be_left(lab) -> None:
    page = lab("?edgewise=1&preset=chebyshev&steps=1000000&at=1000000")
    expect(page.locator(".ew-state")).to_contain_text("returning to where the run stood")
    button(page, "Pause").click()
    expect(page.locator(".ew-state")).not_to_contain_text("returning")
    button(page, "Reset").click()
    expect(page.locator(".ew-state")).to_contain_text("step 0 ·")
