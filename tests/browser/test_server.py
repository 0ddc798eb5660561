"""The server in a real Chromium: the index page, a lab's page, and how long its kernel lives."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import Page, expect

from tests.browser.conftest import LABS, Server, command_of
from tests.browser.proxy import Proxy

# As in a training run, a daemon thread computes and keeps sending something new to the page.
TRAINING = """
import itertools, threading, time
from ipywidgets import IntSlider, Label, VBox

def train():
    for step in itertools.count():
        sum(range(20_000))
        time.sleep(0.02)
        ticks.value = str(step)

slider, echo, ticks = IntSlider(description="rate"), Label("rate is 0"), Label()
slider.observe(lambda change: setattr(echo, "value", f"rate is {slider.value}"), "value")
threading.Thread(target=train, daemon=True).start()
VBox([slider, echo, ticks])
"""
ABOUT = {"title": "A & B", "question": "Why <so>?", "papers": ["Cohen 2021"], "minutes": 15}


def write_training(folder: Path) -> Path:
    cells = [new_markdown_cell("# $\\eta$"), new_code_cell(TRAINING)]
    notebook = new_notebook(cells=cells, metadata={"edgewise": ABOUT})
    nbformat.write(notebook, folder / "train.ipynb")
    return folder


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = write_training(tmp_path_factory.mktemp("labs"))
    warns = new_code_cell("import warnings; warnings.warn('for developers')")
    fails = new_code_cell("raise ValueError('lr <b>is</b> lost')")
    nbformat.write(new_notebook(cells=[warns]), folder / "plain name.ipynb")
    nbformat.write(new_notebook(cells=[fails]), folder / "wrong.ipynb")
    return serve(folder)


def kernel_of(server: Server, page: Page) -> psutil.Process:
    """The process of the kernel behind a lab's page."""
    kernel_id = page.evaluate("config.kernelId")
    return next(kernel for kernel in server.kernels() if kernel_id in command_of(kernel))


def open_lab(page: Page, url: str) -> Page:
    page.goto(url)
    expect(page.get_by_text("rate is 0")).to_be_visible()
    return page


def slide(page: Page) -> None:
    """Moves the slider with the keyboard and waits for the kernel's answer."""
    handle = page.get_by_role("slider")
    value = int(handle.get_attribute("aria-valuenow").split(".")[0])
    handle.press("ArrowRight")
    expect(page.get_by_text(f"rate is {value + 1}")).to_be_visible()


def brightness(page: Page, selector: str) -> int:
    """Of an element's background, 0 to 255."""
    style = f"getComputedStyle(document.querySelector('{selector}')).backgroundColor"
    return int(page.evaluate(style).strip("rgb()").split(",")[0])


def test_index_page_has_a_card_for_each_lab(server: Server, page: Page) -> None:
    page.goto(server.url)
    cards = page.get_by_role("listitem").all_inner_texts()
    assert [card.splitlines()[0] for card in cards] == ["plain name", "A & B", "wrong"]
    assert all(words in cards[1] for words in ["Why <so>?", "Cohen 2021", "15 min"])
    page.get_by_role("link", name="A & B").click()
    expect(page).to_have_title("A & B · Edgewise")


def test_index_page_finds_labs_by_phenomenon_knob_and_paper(serve, page: Page) -> None:
    url = serve(LABS).url
    page.goto(url)
    shown, found = page.locator("[data-card]:visible h2"), page.get_by_role("status")
    expect(shown).to_have_count(15)
    assert page.locator("[data-card] svg[role=img]").count() == 15
    page.keyboard.press("/")
    page.keyboard.type("cohen momentum")  # a paper and a knob, of which all is needed
    expect(shown).to_have_text(["Edge of stability", "Test your optimizer"])
    expect(found).to_have_text("2 of 15 labs")
    expect(page.get_by_text("knob: momentum", exact=True).first).to_be_visible()
    page.get_by_role("searchbox").fill("<img src=x onerror=fail()>")
    expect(shown).to_have_count(0)
    expect(found).to_contain_text("No lab has all of “<img src=x onerror=fail()>”")
    page.keyboard.press("Escape")
    expect(shown).to_have_count(15)
    page.goto(f"{url}?q=power+2022&theme=dark")
    expect(shown).to_have_text(["Grokking", "Test your optimizer"])
    link = page.get_by_role("link", name="Grokking")
    assert link.get_attribute("href").endswith("04_grokking.ipynb?theme=dark")
    page.get_by_role("searchbox").press("Enter")
    expect(link).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_index_page_on_a_phone_in_the_systems_colours(server, open_page, scheme) -> None:
    page = open_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page.goto(server.url)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert (brightness(page, "body") > 128) == (scheme == "light")


@pytest.mark.parametrize(("scheme", "query"), [("dark", ""), ("light", "?theme=dark")])
def test_a_lab_follows_the_theme(server, open_page, scheme, query) -> None:
    page = open_page(color_scheme=scheme)
    open_lab(page, server.lab("train.ipynb") + query)
    assert page.locator("body").get_attribute("data-jp-theme-light") == "false"
    assert brightness(page, "#rendered_cells") < 128
    assert brightness(page, "html") < 128


def test_a_lab_answers_and_shows_no_code(server: Server, page: Page) -> None:
    open_lab(page, server.lab("train.ipynb"))
    slide(page)
    expect(page.locator("mjx-container")).to_be_visible()
    assert "import" not in page.inner_text("body")
    assert page.evaluate("document.documentElement.scrollHeight") <= 768


def test_an_error_in_a_cell_is_a_sentence(server: Server, page: Page) -> None:
    page.goto(server.lab("wrong.ipynb"))
    expect(page.get_by_role("alert")).to_contain_text("ValueError: lr <b>is</b> lost")


def test_warnings_stay_off_the_page(server: Server, page: Page) -> None:
    page.goto(server.lab("plain%20name.ipynb"))
    expect(page.locator("#loading")).not_to_be_attached()
    assert page.inner_text("body").strip() == ""


def test_a_lab_that_is_not_there(server, open_page) -> None:
    page = open_page(errors=True)
    page.goto(server.lab("none.ipynb"))
    expect(page.get_by_text("does not exist")).to_be_visible()
    expect(page.get_by_role("link", name="All labs")).to_be_visible()


def test_leaving_a_page_ends_its_kernel_at_once(server, open_page) -> None:
    page = open_page()
    page.goto(server.url)
    page.get_by_role("link", name="A & B").click()
    kernels = []
    for leave in [page.reload, lambda: page.goto(server.url)]:
        expect(page.get_by_text("rate is 0")).to_be_visible()
        kernels.append(kernel_of(server, page))
        leave()
    _, alive = psutil.wait_procs(kernels, timeout=10)
    assert not alive


def test_only_the_page_itself_may_end_its_kernel(server, open_page) -> None:
    page = open_lab(open_page(), server.lab("train.ipynb"))
    kernel = kernel_of(server, page)
    end = f"{server.url}voila/api/shutdown/{page.evaluate('config.kernelId')}"
    assert page.request.post(end).status == 403
    assert kernel.is_running()


def test_a_kernel_that_dies_is_said(server, open_page) -> None:
    page = open_lab(open_page(errors=True), server.lab("train.ipynb"))
    kernel_of(server, page).kill()
    expect(page.get_by_role("status")).to_contain_text("has ended on the server")
    page.get_by_role("button", name="Reload").click()
    expect(page.get_by_text("rate is 0")).to_be_visible()
    slide(page)


@pytest.fixture
def networks(server: Server) -> Iterator[list[Proxy]]:
    proxies = [Proxy(server.url) for _ in range(3)]
    yield proxies
    for proxy in proxies:
        proxy.close()


@pytest.mark.long
def test_a_kernel_lives_as_long_as_its_page(server, serve, open_page, networks, tmp_path) -> None:
    preheated = serve(write_training(tmp_path), "--preheat")
    broken, lost, silent = networks
    roads = {"closed": server, "hidden": server, "broken": broken, "lost": lost, "silent": silent}
    pages = {
        name: open_lab(open_page(errors=True), f"{road.url}voila/render/train.ipynb")
        for name, road in roads.items()
    }
    kernels = {name: kernel_of(server, page) for name, page in pages.items()}
    freeze = pages["hidden"].context.new_cdp_session(pages["hidden"]).send
    start = time.monotonic()

    def wait_until(second: float) -> None:
        pages["hidden"].wait_for_timeout(1000 * (start + second - time.monotonic()))

    def alive() -> set[str]:
        return {name for name, kernel in kernels.items() if kernel.is_running()}

    pages["closed"].close()
    pages["hidden"].context.new_page().bring_to_front()
    freeze("Page.setWebLifecycleState", {"state": "frozen"})
    broken.cut()
    lost.cut()
    silent.silence()
    expect(pages["broken"].get_by_role("status")).to_contain_text("trying again")
    wait_until(30)
    broken.restore()
    wait_until(60)
    freeze("Page.setWebLifecycleState", {"state": "active"})
    assert alive() - {"silent"} == {"hidden", "broken"}
    assert len(preheated.kernels()) == 1
    expect(pages["broken"].get_by_role("status")).to_be_hidden()
    slide(pages["broken"])
    slide(pages["hidden"])
    lost.restore()
    expect(pages["lost"].get_by_role("button", name="Reload")).to_be_visible()
    wait_until(75)  # a silent connection is taken for lost after 17 s
    assert alive() == {"hidden", "broken"}
    assert len(preheated.kernels()) == 1  # it waits for its page, however long that takes
    open_lab(pages["hidden"], preheated.lab("train.ipynb"))
