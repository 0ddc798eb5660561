"""A live figure's zoom and pictures, with a kernel; the standalone page and other x axes, without."""

import json
import struct
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from playwright.sync_api import expect

from widgets import figure as fig
from widgets.live_plot import LiveFigure
from widgets.standalone import page as standalone

WIDE = {"width": 1366, "height": 768}
NOTEBOOK = """
import json, threading, time
from pathlib import Path
import ipywidgets as ipw
import numpy as np
from widgets import figure as fig
from widgets.live_plot import LiveFigure

folder, x = Path({folder!r}), np.arange(5000)
panels = [fig.panel(title, y="y") for title in ("One", "Two <b>", "Three")]
traces = [fig.curve(f"c{{i}}", i, i) | {{"x": x, "y": x % 7 + i}} for i in range(3)]
traces += [fig.threshold("t", 0, 1, "2/lr")]
traces[-1] |= {{"x": [0], "y": [5]}}
panels.append(fig.panel("Spectrum", "eigenvalue", "count", steps=False))
figure = LiveFigure(fig.figure(panels, traces), window=500, history=lambda t: (x, x % 7))
state, failed = ipw.HTML(), []
state.add_class("state")
steer, draw = ipw.Button(description="Steer"), ipw.Button(description="Draw")

def steered(_):
    figure.zoom, figure.scales = {{"x": [100, 200], "y3": [1, 4], "y9": "no"}}, {{"y2": "log"}}

def drawn(_):
    for kind in ("svg", "png"):
        figure.image(kind, (folder / f"figure.{{kind}}").write_bytes, "A & B", failed.append)

def clock():
    while True:
        time.sleep(0.05)
        figure.flush()
        state.value = json.dumps([dict(figure.zoom), dict(figure.scales), failed])

steer.on_click(steered)
draw.on_click(drawn)
threading.Thread(target=clock, daemon=True).start()
display(ipw.VBox([steer, draw, state, figure]))
"""


@pytest.fixture(scope="module")
def notebook(serve, tmp_path_factory):
    """The address of a page with a kernel, and the folder for its pictures."""
    folder = tmp_path_factory.mktemp("figure")
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [],
            "execution_count": None, "source": NOTEBOOK.format(folder=str(folder))}  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    content = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (folder / "figure.ipynb").write_text(json.dumps(content))
    return serve(folder).lab("figure.ipynb"), folder


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def drag(page, panel):
    box = page.get_by_role("region", name=panel).bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 110, steps=4)
    page.mouse.up()


def told(page):
    return json.loads(page.locator(".state").text_content())


def test_zoom_and_pictures_pass_between_page_and_kernel(notebook, open_page):
    address, folder = notebook
    page = open_page(viewport=WIDE)
    page.goto(address)
    page.wait_for_selector(".ew-plot .main-svg")
    drag(page, "Two <b>")
    state = page.locator(".state")
    expect(state).to_contain_text('"y2"')
    (low, high), (bottom, top) = (told(page)[0][axis] for axis in ("x", "y2"))
    assert 0 < low < high < 5000 and 0 < bottom < top < 10
    button(page, "Two <b>: logarithmic axis").click()
    expect(state).to_contain_text('"log"')
    assert "y2" not in told(page)[0], "its range was in other units"
    button(page, "One: reset zoom").click()
    expect(state).to_contain_text("[{}, ")

    button(page, "Steer").click()
    expect(button(page, "Three: reset zoom")).to_be_visible()
    assert told(page) == [{"x": [100, 200], "y3": [1, 4]}, {"y2": "log"}, []]
    plot = "document.querySelector('.ew-plot')._fullLayout"
    assert page.evaluate(f"{plot}.xaxis2.range") == [100, 200]
    assert page.evaluate(f"[{plot}.yaxis2.type, {plot}.yaxis3.range[1]]") == ["log", 4]
    path = "document.querySelector('.js-line').getAttribute('d').match(/L/g).length"
    page.wait_for_function(f"{path} > 95")  # all points of that stretch

    button(page, "Draw").click()
    for _ in range(100):
        if (folder / "figure.png").exists() and (folder / "figure.png").stat().st_size > 1000:
            break
        page.wait_for_timeout(100)
    svg = ET.parse(folder / "figure.svg")
    texts = {"".join(node.itertext()) for node in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"A & B", "One", "Two <b>", "Spectrum", "2/lr", "step", "eigenvalue"} <= texts
    png = (folder / "figure.png").read_bytes()
    box = page.locator(".ew-figure").bounding_box()
    width, height = struct.unpack(">II", png[16:24])
    assert png[:4] == b"\x89PNG" and abs(width - 2 * box["width"]) <= 2
    assert height > 2 * box["height"] and told(page)[2] == []


# ---- without a kernel

T = np.arange(2000)
TRACKS = [
    {"id": 0, "parent": None, "first": 0, "t": 2000},
    {"id": 1, "parent": 0, "first": 500, "t": 900},
]
ROWS = [{"step": None, "text": "Hostile: </script><script>document.title = 'bad'</script> <!--"},
        {"step": 300, "text": "Early.", "color": "var(--ew-replica-0)", "symbol": "circle"},
        {"step": 1500, "text": "Late."}]  # fmt: skip


def curves(against):
    """x, y and p of a replica: the loss falls, faster with a larger learning rate."""
    lr = (0.1, 0.2)
    loss = [1 / (1 + T * rate / 10) for rate in lr]
    x = {"step": (T, T), "time": [T * rate for rate in lr], "loss": loss}[against]
    return [(x[r], loss[r] + r, T) for r in range(2)]


def figure(against="step"):
    title = {"step": "step", "time": "lr × step", "loss": "training loss"}[against]
    panels = [fig.panel("Loss", title, "y", xlog=against == "loss"),
              fig.panel("Spectrum", "eigenvalue", "count", steps=False)]  # fmt: skip
    points = {f"c{r}": columns for r, columns in enumerate(curves(against))}
    traces = [fig.curve(f"c{r}", 0, r, name=f"replica {r}") for r in range(2)]
    traces += [fig.threshold("t", 0, 1, "2/lr") | {"x": [0.0], "y": [1.5], "p": [0.0]}]
    traces += [fig.curve("s", 1, 0, name="spectrum") | {"x": T / 10, "y": T % 9}]
    out = LiveFigure(
        fig.figure(panels, traces), window=300, history=lambda t: points.get(t, ((), ()))
    )
    for name, columns in points.items():
        out.append(name, *columns)
    return out


@pytest.fixture
def alone(open_page, tmp_path):
    """Opens a standalone page of some figure."""

    def opened(against="step", **options):
        file = tmp_path / "page.html"
        html = standalone("A </title> & B", "Why <i>?", figure(against), TRACKS, ROWS,
                          "<table><tr><td>Cell</td></tr></table>")  # fmt: skip
        file.write_bytes(html)
        page = open_page(**{"viewport": WIDE} | options)
        page.goto(file.as_uri())
        page.wait_for_selector(".ew-plot .js-line", state="attached")
        soon(page, f"({LAST})('c0').n > 100")
        return page

    return opened


LAST = """uid => {
  const group = [...document.querySelectorAll('.ew-plot .scatterlayer .trace')]
    .find(node => node.__data__[0].trace.uid === uid);
  const points = group.querySelector('.js-line').getAttribute('d').match(/[-\\d.]+,[-\\d.]+/g);
  return { n: points.length, x: parseFloat(points.at(-1)) };
}"""


def soon(page, true):
    """Wait for it; `wait_for_function` needs an eval in the page, whose policy forbids that."""
    for _ in range(300):
        if page.evaluate(true):
            return
        page.wait_for_timeout(50)
    pytest.fail(true)


def moves(page, uid, way):
    """Wait until a curve's end is further left or right than it was."""
    before = page.evaluate(LAST, uid)["x"]
    sign = {"left": "<", "right": ">"}[way]
    return lambda: soon(page, f"({LAST})('{uid}').x {sign} {before}")


def test_a_standalone_page_is_scrubbed_by_keyboard_and_mouse(alone):
    page = alone()
    assert page.title() == "A </title> & B" and page.locator("h1").inner_text() == "A </title> & B"
    expect(page.get_by_text("Why <i>?")).to_be_visible()
    expect(page.get_by_text("Hostile: </script><script>document.title")).to_be_visible()
    expect(page.get_by_role("cell", name="Cell")).to_be_visible()
    handle, spectrum = page.get_by_role("slider"), page.evaluate(LAST, "s")
    shorter = moves(page, "c0", "left")
    handle.focus()
    for _ in range(3):
        page.keyboard.press("PageDown")
    shorter()
    expect(page.get_by_text("Late.")).to_be_hidden()
    expect(page.get_by_text("step 1,400 of 2,000")).to_be_visible()
    assert page.evaluate(LAST, "s") == spectrum, "eigenvalues are no steps"
    assert page.locator(".ew-marks .ew-moment").count() == 1
    shorter, box = moves(page, "c0", "left"), handle.bounding_box()
    page.mouse.click(box["x"] + 0.1 * box["width"], box["y"] + 10)
    shorter()
    expect(page.get_by_text("Early.")).to_be_hidden()
    longer = moves(page, "c0", "right")
    button(page, "Now").click()
    longer()
    expect(page.get_by_text("Late.")).to_be_visible()
    page.get_by_role("combobox").select_option("1")
    expect(page.get_by_text("now, step 900")).to_be_visible()


def test_a_standalone_page_follows_the_theme_and_fits_a_phone(alone):
    page = alone(viewport={"width": 400, "height": 800}, color_scheme="dark")
    colour = "getComputedStyle(document.querySelector('.ew-plot .xtick text')).fill"
    dark = page.evaluate(colour)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.emulate_media(color_scheme="light")
    soon(page, f"{colour} !== '{dark}'")


@pytest.mark.parametrize("against", ["time", "loss"])
def test_against_another_x_each_curve_has_its_own_step(alone, against):
    page = alone(against)
    box = page.get_by_role("region", name="Loss").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    rows = [row.split() for row in page.locator(".ew-hover > div").all_inner_texts()]
    assert [row[:2] for row in rows[1:3]] == [["replica", "0"], ["replica", "1"]]
    nearest = float(rows[0][-1])
    for (xs, ys, _), row in zip(curves(against), rows[1:3], strict=True):
        assert row[3:5] == ["at", "step"]
        step = int(row[5].replace(",", ""))
        assert float(row[2]) == pytest.approx(ys[step], rel=1e-5)
        assert xs[step] == pytest.approx(nearest, rel=0.1), "the point nearest in x"
    assert rows[3][-1] == "1.5"
    page.mouse.move(0, 0)

    way = "right" if against == "loss" else "left"
    moved = moves(page, "c1", way)
    page.get_by_role("slider").focus()
    page.keyboard.press("PageDown")
    moved()
    expect(page.get_by_text("step 1,800 of 2,000")).to_be_visible()
    assert page.locator(".ew-marks .ew-moment").count() == 0, "x is not the step"
    drag(page, "Loss")
    expect(button(page, "Loss: reset zoom")).to_be_visible()
    button(page, "Loss: reset zoom").click()
    expect(button(page, "Loss: reset zoom")).to_have_count(0)
