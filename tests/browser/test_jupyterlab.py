"""The labs in a real JupyterLab: links and recovery where the kernel does not know the address."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from socket import create_server

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import EDGE, KEPT, button

QUERY = "edgewise=1&lr=0.2,0.1&branch=100:0:here:lr=0.05&preset=chebyshev&at=150,120&plot=accuracy"
START = "import sys; from widgets.server import open_lab; open_lab(sys.argv[1:])"


@pytest.fixture
def jupyterlab() -> Iterator[str]:
    """The address of a JupyterLab."""
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token="]
    url = f"http://127.0.0.1:{port}/lab"
    command = [sys.executable, "-c", START, *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(300):
            with suppress(OSError), urllib.request.urlopen(url):
                break
            assert process.poll() is None
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        yield url
        process.terminate()


def run_all(page: Page, entry: str) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).first.click()
    page.get_by_role("menuitem", name=entry).first.click()


@pytest.mark.long
def test_a_link_and_a_restarted_kernel(jupyterlab: str, open_page) -> None:
    page = open_page(errors=True, viewport={"width": 1500, "height": 900})
    page.goto(f"{jupyterlab}/tree/{EDGE}?{QUERY}")
    page.locator(".jp-RenderedMarkdown h2").first.wait_for()
    run_all(page, "Run All Cells")
    state = page.locator(".ew-state")
    expect(state).to_contain_text("step 120 · 4 replicas")
    button(page, "Share").click()
    expect(page.get_by_label("Link", exact=True)).to_have_value(f"{jupyterlab}/tree/{EDGE}?{QUERY}")
    page.keyboard.press("Escape")
    page.wait_for_function(KEPT, arg="2 arms")
    page.goto(f"{jupyterlab}/tree/{EDGE}")
    page.locator(".jp-RenderedMarkdown h2").first.wait_for()
    run_all(page, "Restart Kernel and Run All Cells")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    page.get_by_role("button", name="Recover", exact=True).click()
    expect(state).to_contain_text("step 120 · 4 replicas")
