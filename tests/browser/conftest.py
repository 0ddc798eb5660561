"""A real Chromium and a real server: `serve` a folder of notebooks, open it in `page`.

The Chromium is the machine's own, never one that Playwright downloads. Without one these tests are
skipped; with EDGEWISE_REQUIRE_BROWSER=1 they fail instead.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
MACOS = ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"]
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_MS = 60_000  # a cold kernel on a busy machine of two cores
LOCAL = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost)[:/]|data:|blob:|file:")


def find_chromium() -> str:
    """The path of a Chromium or Chrome; without one the test is skipped or, if asked, fails."""
    names = [os.environ.get("EDGEWISE_CHROMIUM", ""), *NAMES, *MACOS]
    found = next(filter(None, map(shutil.which, names)), None)
    if found:
        return found
    how = pytest.fail if os.environ.get("EDGEWISE_REQUIRE_BROWSER") else pytest.skip
    how("no Chromium: install it (`apt install chromium`) or name it in EDGEWISE_CHROMIUM")


@pytest.fixture(scope="package")  # other packages may want the event loop that it occupies
def browser() -> Iterator[Browser]:
    """A headless Chromium for all browser tests."""
    path = find_chromium()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


def command_of(process: psutil.Process) -> str:
    """The command line of a process, "" once it has ended."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


@dataclass
class Server:
    """A running server: its address and its process."""

    url: str
    process: psutil.Process

    def kernels(self) -> list[psutil.Process]:
        """The kernels that are alive now."""
        children = self.process.children(recursive=True)
        return [child for child in children if "ipykernel_launcher" in command_of(child)]

    def lab(self, notebook: str) -> str:
        """The address of one lab's page."""
        return f"{self.url}voila/render/{notebook}"


@contextmanager
def running_server(*arguments: str | Path) -> Iterator[Server]:
    """`python -m widgets.server ARGUMENTS`; at the end it ends, and all its kernels with it."""
    command = [sys.executable, "-m", "widgets.server", "--no-browser", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()  # Edgewise is at http://127.0.0.1:PORT/
        assert said.startswith("Edgewise is at"), said
        server = Server(said.split()[-1], psutil.Process(process.pid))
        try:
            yield server
        finally:
            kernels = server.kernels()
            process.terminate()
    _, left = psutil.wait_procs(kernels, timeout=10)
    assert not left, "the server has ended, these kernels have not"


@pytest.fixture(scope="package")
def serve() -> Iterator[Callable[..., Server]]:
    """`serve(FOLDER, "--preheat", ...)`: a server that runs until all these tests are done."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(running_server(*arguments))


class Problems(list):
    """What a page asked of other machines, and its errors."""

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self.outside(request.url))
        page.on("websocket", lambda socket: self.outside(socket.url))
        page.on("pageerror", lambda error: self.append(f"exception: {error}"))
        page.on("console", lambda line: line.type == "error" and self.append(line.text))

    def outside(self, url: str) -> None:
        if not LOCAL.match(url):
            self.append(f"request: {url}")


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """`open_page(viewport=..., color_scheme=...)`: a page that may not ask other machines for
    anything nor log an error, unless opened with `errors=True`."""
    problems = Problems()
    contexts = []

    def open_page(errors: bool = False, **options) -> Page:
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(PATIENCE_MS)
        page = contexts[-1].new_page()
        (Problems() if errors else problems).watch(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems


@pytest.fixture
def page(open_page) -> Page:
    """One such page, as wide as a projector."""
    return open_page(viewport={"width": 1366, "height": 768})


# ---- the labs


LABS = Path("labs").resolve()
EDGE = "01_edge_of_stability.ipynb"
STEP = re.compile(r"step ([\d,]+)")
# whether the browser keeps a run of the first lab that is described so
KEPT = """said => Object.entries(localStorage).some(([key, value]) =>
  key.startsWith('edgewise edge-of-stability ') && value.includes(said))"""


@pytest.fixture(scope="package")
def server(serve: Callable) -> Server:
    """Serves the labs as to a class: its pages open at once, and can do no more than others."""
    return serve(LABS, "--public", "--port", "0")


@pytest.fixture
def lab(server, open_page) -> Callable[..., Page]:
    """`lab(query, **browser options)`: the page of the first lab, ready for Play."""

    def lab(query: str = "", notebook: str = EDGE, **options) -> Page:
        page = open_page(**options)
        page.goto(server.lab(notebook) + query)
        expect(page.get_by_label("learning rate", exact=True).first).to_be_visible()
        return page

    return lab


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def at(page: Page) -> int:
    """The step that the bar says the run is at."""
    found = STEP.search(page.locator(".ew-lab").inner_text())
    return int(found[1].replace(",", "")) if found else -1


def shared(page: Page) -> str:
    """The link in the dialog."""
    button(page, "Share").click()
    link = page.get_by_label("Link", exact=True).input_value()
    page.keyboard.press("Escape")
    return link


def state(page: Page) -> str:
    return page.locator(".ew-state").inner_text()


def wait_past(page: Page, step: int) -> None:
    page.wait_for_function(
        "s => +(document.querySelector('.ew-lab').innerText.match(/step ([\\d,]+)/)?.[1]"
        ".replace(/,/g, '') ?? -1) > s",
        arg=step,
    )


def table(page: Page, panel: str) -> list[list[str]]:
    """The rows of a panel's table; the first one is its head."""
    button(page, f"{panel}: table").click()
    rows = page.locator("dialog[open] tr")
    expect(rows.nth(1)).to_be_attached()
    found = page.evaluate(
        "[...document.querySelectorAll('dialog[open] tr')].map(r => [...r.cells].map(c => c.innerText))"
    )
    page.keyboard.press("Escape")
    return found
