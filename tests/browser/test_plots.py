"""Another lab's plots: a preset's own four, a heat map's colours, a logarithmic step, what is taken."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import at, button, table, wait_past

SIDE = 7
NOTEBOOK = """
import torch
from lab_core.phenomena import PHENOMENA
from lab_core.phenomena.base import Phenomenon, Preset
from lab_core.probes import PROBES
from lab_core.recipe import Recipe
from widgets import Lab

def correctness(m):  # a pattern that says its replica and its step
    a, b = torch.meshgrid(torch.arange(7), torch.arange(7), indexing="ij")
    each = [(a + 2 * b + r + m.t // 100) % 5 for r in range(len(m.w))]
    m.arrays["correctness"] = torch.stack(each).to(torch.int8)
    return {}

def fourier(m):
    k = torch.arange(1, 29).expand(len(m.w), -1)
    m.arrays["fourier"] = (k, (k % 9 == 0) / 3.0)
    return {}

def recovery(m):
    return {"recovery": torch.exp(-torch.tensor([0.05, 0.03], dtype=torch.float64) * m.t)}

def matrix(m):  # of the second replica, the first column is of the other sign
    part = torch.tensor([[1.0, 0.0], [0.5, -0.25]])
    both = torch.cat([part, torch.full((2, 1), torch.nan), part], 1).repeat(len(m.w), 1, 1)
    both[1, :, 0] *= -1
    m.arrays["matrix"] = both
    return {}

def boundary(m):
    x = torch.linspace(-3, 3, 40)[None]
    m.arrays["points"] = (x, torch.sin(9 * x), torch.sign(x))
    end = torch.tensor([1.0, 2.0])[:, None] * torch.tensor([-1.0, 1.0])
    m.arrays["boundary"] = (end, 50 * end)  # far beyond the points
    return {}

PROBES["correctness"], PROBES["fourier"] = correctness, fourier
PROBES["recovery"], PROBES["matrix"], PROBES["boundary"] = recovery, matrix, boundary
recipe = Recipe().set({"data": "clusters", "width": 8, "lr": (0.1, 0.2), "steps": 301,
                       "loss": "cross-entropy", "probes": (("accuracy", 10), ("test_loss", 10))})
plots = ("accuracy", "losses", "fourier", "correctness")
PHENOMENA["fake"] = Phenomenon("fake", "Fake", "Why?", (("p", "Paper"),), {
    "grok": Preset("Grok", "", recipe, 1000, (), plots, "log-step"),
    "edge": Preset("Edge", "", recipe.set({"steps": 500}), 400),
    "matrix": Preset("Matrix", "", recipe, 1000, (), ("recovery", "loss", "matrix", "boundary")),
}, (), 1, ("correctness", "weight_norm", "accuracy"))
Lab("fake")
"""


@pytest.fixture(scope="module")
def address(serve: Callable, tmp_path_factory: pytest.TempPathFactory) -> str:
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [],
            "execution_count": None, "source": NOTEBOOK}  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    folder = tmp_path_factory.mktemp("fake")
    (folder / "fake.ipynb").write_text(json.dumps(notebook))
    return serve(folder).lab("fake.ipynb")


@pytest.fixture
def fake(open_page: Callable[..., Page], address: str) -> Callable[..., Page]:
    """Opens the page and takes 301 steps."""

    def fake(query: str = "", width: int = 1366, height: int = 768, **options) -> Page:
        page = open_page(viewport={"width": width, "height": height}, **options)
        page.goto(address + query)
        expect(page.get_by_label("learning rate", exact=True).first).to_be_visible()
        button(page, "Play").click()
        wait_past(page, 300)
        expect(page.locator(".ew-state")).not_to_contain_text("steps/s")
        page.wait_for_timeout(500)  # the last frame is drawn
        return page

    return fake


# The colours of a picture of 7 by 7 cells, row by row from above.
PIXELS = """async () => {
  const image = document.querySelector(".heatmaplayer image");
  if (!image) return null;
  const drawn = new Image();
  drawn.src = image.getAttribute("href") ?? image.getAttribute("xlink:href");
  await drawn.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: 7, height: 7 });
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage(drawn, 0, 0, 7, 7);
  const data = [...pen.getImageData(0, 0, 7, 7).data];
  return Array.from({ length: 49 }, (_, i) => data.slice(4 * i, 4 * i + 4).join());
}"""
COLOURS = """() => [1, 2, 3, 4].map((i) => {
  const of = getComputedStyle(document.body).getPropertyValue(`--ew-cell-${i}`).trim();
  return [1, 3, 5].map((at) => parseInt(of.slice(at, at + 2), 16)).join() + ",255";
})"""


def cells(page: Page) -> list[list[int]] | None:
    """The number that each cell is drawn for, [a][b]."""
    drawn, colours = page.evaluate(PIXELS), ["0,0,0,0", *page.evaluate(COLOURS)]
    if drawn is None:
        return None
    rows = [drawn[SIDE * i : SIDE * (i + 1)] for i in reversed(range(SIDE))]
    return [[colours.index(colour) for colour in row] for row in rows]


def shows(page: Page, replica: int, step: int) -> None:
    """Wait until the map is that of a replica at a step."""
    wanted = [[(a + 2 * b + replica + step // 100) % 5 for b in range(SIDE)] for a in range(SIDE)]
    for _ in range(100):
        if cells(page) == wanted:
            return
        page.wait_for_timeout(100)
    assert cells(page) == wanted


def heads(page: Page) -> list[str]:
    return [one.get_attribute("aria-label") or "" for one in page.locator(".ew-panel").all()]


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_a_heat_map_is_of_the_chosen_replica_and_moment(fake, scheme: str) -> None:
    page = fake(color_scheme=scheme)
    step = at(page) - 1  # of the last measurement, or just after it
    shows(page, 0, step)
    words = page.locator(".ew-words")
    expect(words).to_contain_text("lr 0.1")
    expect(words).to_contain_text("test, wrong")
    page.get_by_label("replicas", exact=True).select_option(label="lr 0.2")
    shows(page, 1, step)
    expect(words).to_contain_text("lr 0.2")
    box = page.locator(".heatmaplayer image").bounding_box()
    assert box and abs(box["width"] - box["height"]) < 2, "a square"
    said = words.bounding_box()
    assert said and said["x"] >= box["x"] + box["width"]
    page.mouse.move(box["x"] + 0.5 * box["width"] / SIDE, box["y"] + 6.5 * box["height"] / SIDE)
    hover = page.locator(".ew-hover")
    expect(hover).to_contain_text("first operand a 0")
    expect(hover).to_contain_text("second operand b 0")
    page.get_by_label("moment (step)").focus()
    page.keyboard.press("Home")
    shows(page, 1, 0)
    head, *rows = table(page, "Which pairs are right")  # as in the picture: the last row is above
    means = ["\u2013", "train, right", "train, wrong", "test, right", "test, wrong"]
    assert head == ["first operand a, by second operand b", *map(str, range(SIDE))]
    for a, row in enumerate(reversed(rows)):
        assert row == [str(a), *(means[(a + 2 * b + 1) % 5] for b in range(SIDE))]
    head, *rows = table(page, "Fourier spectrum, newest")
    assert head == ["frequency k", "lr 0.1", "lr 0.2"]
    assert rows == [[str(k), *["0" if k % 9 else "0.333333"] * 2] for k in range(1, 29)]
    button(page, "Hide arm 0: gradient descent").click()
    expect(page.locator(".heatmaplayer image")).to_have_count(0)
    expect(words).to_have_count(0)


@pytest.mark.long
def test_a_preset_brings_its_plots_and_a_link_its_fourth(fake, address: str) -> None:
    page = fake("?preset=grok&plot=accuracy")
    assert heads(page)[:2] == ["Accuracy", "Loss"] and heads(page)[3] == "Accuracy"
    expect(page.locator(".ew-key").first).to_have_text("testtrain")
    page.get_by_label("preset", exact=True).select_option(label="Edge")
    expect(page.get_by_role("region", name="Sharpness and its threshold")).to_be_visible()
    assert heads(page)[0] == "Training loss" and heads(page)[3] == "Weight norm"
    page.get_by_label("preset", exact=True).select_option(label="Grok")
    expect(page.get_by_role("region", name="Which pairs are right")).to_be_visible()


@pytest.mark.long
def test_on_a_logarithmic_axis_the_hover_says_the_true_step(fake) -> None:
    page = fake()
    axis = "document.querySelector('.ew-plot')._fullLayout.xaxis"
    assert page.evaluate(f"{axis}.type") == "log"
    panel = page.get_by_role("region", name="Accuracy").first.bounding_box()
    assert panel
    for part in (0.15, 0.5, 0.9):
        page.mouse.move(panel["x"] + part * panel["width"], panel["y"] + 0.5 * panel["height"])
        said = page.locator(".ew-hover > div").first.inner_text()
        step = int(said.split()[1])
        assert step > 0 and step % 10 == 0, "a step at which it was measured, and never 0"
        cursor = page.locator(".ew-cursor").get_attribute("x1")
        at = page.evaluate(f"{axis}._offset + {axis}.d2p({step})")
        assert cursor and float(cursor) == pytest.approx(at, abs=0.5)
    page.get_by_label("x axis").select_option(label="step")
    page.wait_for_function(f"{axis}.type === 'linear'")


@pytest.mark.long
def test_what_is_taken_away_has_the_map_and_the_words(fake, open_page, tmp_path: Path) -> None:
    page = fake()
    page.evaluate("delete window.showSaveFilePicker")
    shown = cells(page)
    button(page, "Download").click()
    files = {}
    for label in ("Plots (SVG)", "Plots (PNG)", "Page to scrub without a server (HTML)"):
        with page.expect_download() as waiting:
            button(page, label).click()
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        files[path.suffix] = path
    svg = ElementTree.parse(files[".svg"])
    texts = {"".join(node.itertext()) for node in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"test", "train", "test, wrong", "lr 0.1", "first operand a", "frequency k"} <= texts
    assert list(svg.iter("{http://www.w3.org/2000/svg}image"))
    alone = open_page()
    alone.goto(files[".html"].as_uri())
    expect(alone.locator(".heatmaplayer image")).to_have_count(1)
    assert cells(alone) == shown


def boxes(page: Page, selector: str) -> list[dict[str, float]]:
    found = [one.bounding_box() for one in page.locator(selector).all()]
    return [box for box in found if box]


@pytest.mark.long
def test_a_matrix_points_and_rates(fake, tmp_path: Path) -> None:
    page = fake("?preset=matrix")
    rates = page.locator(".ew-rate")
    expect(rates).to_have_text(["e^(−0.0300 t)", "e^(−0.0500 t)"])
    upper, lower = sorted(boxes(page, ".ew-rate"), key=lambda box: box["y"])
    panel = page.get_by_role("region", name="Recovery error").bounding_box()
    assert upper["y"] + upper["height"] <= lower["y"] + 1, "they do not overlap"
    assert panel and lower["x"] + lower["width"] <= panel["x"] + panel["width"]

    head, *rows = table(page, "Recovery error")
    assert head == ["step", "lr 0.1", "lr 0.2"] and [row[0] for row in rows[:3]] == [
        "0",
        "10",
        "20",
    ]
    assert abs(int(rows[-1][0]) - at(page)) <= 10 and len(rows) <= 200
    for step, *values in rows:
        known = [math.exp(-rate * int(step)) for rate in (0.05, 0.03)]
        assert [float(v) for v in values] == pytest.approx(known, rel=1e-5)
    assert table(page, "The matrix") == [
        ["row, by column", "iterate 0", "iterate 1", "truth 0", "truth 1"],
        ["0", "1.00", "0.00", "1.00", "0.00"], ["1", "0.50", "\u22120.25", "0.50", "\u22120.25"],
    ]  # fmt: skip
    head, *rows = table(page, "Points and boundary")
    assert head == ["what", "first input", "second input"]
    points = [(what, float(x), float(y)) for what, x, y in rows if what.startswith("label")]
    assert len(points) == 40
    for what, x, y in points:
        assert y == pytest.approx(math.sin(9 * x), abs=1e-4) and (what == "label +1") == (x > 0)
    assert [row[1:] for row in rows if row[0] == "lr 0.2"] == [["-2", "-100"], ["2", "100"]]

    (image,), hover = boxes(page, ".heatmaplayer image"), page.locator(".ew-hover")
    assert image["width"] == pytest.approx(2.5 * image["height"], rel=0.02), "square cells"
    says = {(0.1, 0.25): ["row 0", "column 0", "iterate", "1.00"], (0.5, 0.25): None,
            (0.9, 0.75): ["row 1", "column 1", "truth", "−0.25"]}  # fmt: skip
    for (across, down), words in says.items():
        at_ = image["x"] + across * image["width"], image["y"] + down * image["height"]
        page.mouse.move(*at_)
        expect(hover).to_be_visible(visible=words is not None)
        assert words is None or hover.inner_text().split("\n") == words
    before = page.locator(".heatmaplayer image").get_attribute("href")
    page.get_by_label("replicas", exact=True).select_option(label="lr 0.2")
    expect(page.get_by_role("region", name="The matrix")).to_contain_text("lr 0.2")
    assert page.locator(".heatmaplayer image").get_attribute("href") != before

    layout = "document.querySelector('.ew-plot')._fullLayout"
    unit = f"(a => a._length / (a.range[1] - a.range[0]))({layout}.%saxis4)"
    assert page.evaluate(unit % "x") == pytest.approx(page.evaluate(unit % "y"), rel=1e-3)
    low, high = page.evaluate(f"{layout}.yaxis4.range")
    assert -3 < low < -1 and 1 < high < 3, "it shows the points, however far the boundary goes"
    expect(page.get_by_role("region", name="Points and boundary")).to_contain_text("label +1")

    page.evaluate("delete window.showSaveFilePicker")
    button(page, "Download").click()
    with page.expect_download() as waiting:
        button(page, "Plots (SVG)").click()
    waiting.value.save_as(tmp_path / "plots.svg")
    svg = ElementTree.parse(tmp_path / "plots.svg")
    texts = {"".join(node.itertext()) for node in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"e^(−0.0300 t)", "iterate", "truth", "label −1", "lr 0.2", "−1"} <= texts
    page.keyboard.press("Escape")
    page.get_by_label("moment (step)").focus()
    page.keyboard.press("Home")
    expect(page.locator(".ew-timeline output")).to_contain_text("step 0 of")
    assert table(page, "Recovery error")[1:] == [["0", "1", "1"]]


@pytest.mark.long
def test_everything_fits_a_phone(fake) -> None:
    page = fake(width=400, height=800)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    words, panel = page.locator(".ew-words").bounding_box(), page.locator(".ew-panel").nth(3)
    box = panel.bounding_box()
    assert words and box and words["x"] + words["width"] <= box["x"] + box["width"]
