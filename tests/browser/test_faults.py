"""What a page shows when its kernel dies, its connection or its disk fails, or it is open twice."""

from __future__ import annotations

import re
from collections.abc import Callable

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.bench.load import forks
from tests.browser.conftest import (
    EDGE,
    KEPT,
    LABS,
    Server,
    at,
    button,
    shared,
    state,
    table,
    wait_past,
)
from tests.browser.proxy import Proxy

FULL_DISK = """() => void (window.showSaveFilePicker = async ({ suggestedName: name }) => ({ name,
  createWritable: async () => ({ write: async () => {}, close: async () => {
    throw new DOMException("no space left on the device", "QuotaExceededError"); } }) }))"""
LOSS = "Training loss"


@pytest.fixture(scope="module", params=[[], ["--public", "--port", "0"]], ids=["own", "public"])
def either(request: pytest.FixtureRequest, serve: Callable[..., Server]) -> Server:
    """The server of one person, and that of a class."""
    return serve(LABS, *request.param)


def opened(page: Page, url: str, speed: str) -> Page:
    """A lab that trains at so many steps a second."""
    page.goto(url)
    page.get_by_label("speed").select_option(label=speed)
    button(page, "Play").click()
    return page


def kernels(server: Server) -> list[psutil.Process]:
    return server.kernels() or forks(server)


@pytest.mark.long
def test_a_kernel_that_is_killed_amid_a_run(either: Server, open_page) -> None:
    page = opened(open_page(errors=True), either.lab(EDGE), "100 steps/s")
    wait_past(page, 50)
    page.wait_for_function(KEPT, arg="step ")
    (kernel,) = kernels(either)
    kernel.kill()
    expect(page.get_by_text("has ended on the server")).to_be_visible()
    button(page, "Reload").click()
    offer = page.get_by_role("region", name="Recover")
    expect(offer).to_contain_text(re.compile(r"step [\d,]+\) can be recovered"))
    stood = re.search(r"\((step [\d,]+)\)", offer.inner_text())
    assert stood and stood[1] != "step 0"
    button(page, "Recover").click()
    expect(page.locator(".ew-state")).to_contain_text(stood[1])
    button(page, "Play").click()
    wait_past(page, int(re.sub(r"\D", "", stood[1])))


@pytest.mark.long
def test_a_connection_that_is_cut_for_half_a_minute(either: Server, open_page) -> None:
    """Training goes on, and the page then has every point that one has whose connection was there."""
    network = Proxy(either.url)
    page = opened(
        open_page(errors=True), f"{network.url}voila/render/{EDGE}?steps=4000", "10 steps/s"
    )
    wait_past(page, 20)
    said = page.get_by_text("The connection to the lab is lost")
    network.cut()
    expect(said).to_be_visible()
    before = at(page)
    page.wait_for_timeout(30_000)
    assert at(page) == before
    network.restore()
    wait_past(page, before + 100)
    expect(said).to_be_hidden()
    button(page, "Pause").click()
    expect(button(page, "Play")).to_be_visible()
    link = shared(page)
    whole = open_page()
    whole.goto(either.lab(EDGE) + link[link.index("?") :])
    expect(whole.locator(".ew-state")).to_have_text(state(page))
    rows = table(page, LOSS)
    assert len(rows) > 100 and table(whole, LOSS) == rows
    network.close()


def test_a_full_disk_is_said(lab) -> None:
    page = lab("?preset=chebyshev")
    page.evaluate(FULL_DISK)
    button(page, "Step").click()
    button(page, "Download").click()
    button(page, "Record (CSV)").click()
    expect(page.locator(".ew-share .ew-dialog [role=status]")).to_have_text(
        "edge-of-stability.csv cannot be written (no space left on the device); make room, or"
        " choose another place."
    )


@pytest.mark.long
def test_two_tabs_on_one_link_are_two_runs_and_none_is_lost(lab) -> None:
    """Each has a kernel and what the browser keeps of its own; a reloaded one is offered its own first."""
    first = lab("?preset=chebyshev")
    second = first.context.new_page()
    second.goto(first.url)
    stood = []
    for page, steps in ((first, 3), (second, 5)):
        for _ in range(steps):
            button(page, "Step").click()
        expect(page.locator(".ew-state")).to_contain_text(f"step {steps}")
        page.wait_for_function(KEPT, arg=f"step {steps}")
        stood.append(state(page))
    assert [at(page) for page in (first, second)] == [3, 5]
    assert first.evaluate("config.kernelId") != second.evaluate("config.kernelId")
    first.reload()
    offer = first.get_by_role("region", name="Recover")
    expect(offer).to_contain_text("(step 3), 1 of 2, can be recovered")
    button(first, "Another").click()
    expect(offer).to_contain_text("(step 5), 2 of 2, can be recovered")
    button(first, "Another").click()
    button(first, "Recover").click()
    expect(first.locator(".ew-state")).to_have_text(stood[0])
    expect(second.locator(".ew-state")).to_have_text(stood[1])
    second.reload()
    expect(second.get_by_role("region", name="Recover")).to_contain_text("(step 5)")
    button(second, "Forget it").click()
    expect(second.get_by_text("(step 5)")).to_be_hidden()
