"""The widgets in a real Chromium: drawn, live, operable by keyboard, and readable everywhere."""

import json

import pytest
from playwright.sync_api import expect

SCREEN = """
import threading, time
import ipywidgets as ipw
import numpy as np
from widgets import figure as fig, theme
from widgets.arms import Arms
from widgets.bar import Bar
from widgets.controls import Controls
from widgets.live_plot import LiveFigure
from widgets.messages import Messages, guard
from widgets.page import layout

CHOICES = {"choices": [("spectrum", "Spectrum"), ("norm", "Weight norm")], "label": "fourth plot"}
panels = [fig.panel("Training loss", y="loss", log=True), fig.panel("Sharpness", y="eigenvalue"),
          fig.panel("Ratio", y="fraction", include=(0, 1.2)),
          fig.panel("Spectrum", "eigenvalue", "count", choice="spectrum", **CHOICES)]
traces = [fig.curve(f"{name}{r}", i, r, name=f"replica {r}")
          for i, name in enumerate(["loss", "sharpness", "ratio"]) for r in range(2)]
traces += [fig.threshold("threshold", 1, 0, "2/lr"), fig.bars("spectrum", 3, 0)]
bar, messages, arms = Bar(), Messages(), Arms()
figure = LiveFigure(fig.figure(panels, traces), window=500, history=lambda name: measured(name))
controls = Controls(groups=[{"title": "Change while it runs", "controls": [
    {"id": "lr", "label": "learning rate", "kind": "slider", "scale": "log",
     "low": 1e-3, "high": 10.0, "value": 0.1},
    {"id": "batch", "label": "batch size", "kind": "slider", "scale": "index", "value": 0,
     "options": [{"value": 1, "label": "1"}, {"value": 0, "label": "full (20)"}]},
    {"id": "optimizer", "label": "optimizer", "kind": "choice", "value": "GD",
     "options": ["GD", "Adam"]}]}])
arms.show([{"id": 0, "name": "GD", "replicas": ["lr 0.1", "lr 0.2"]}])
step, level, playing, told = 0, 20.0, False, []

def measured(name, start=0):
    x = np.arange(start, step)
    y = {"l": 1 / (1 + x / 100), "s": 5 + x / 200 + x % 2, "r": x / (x + 100)}[name[0]]
    return x, y + int(name[-1])

def advance(n):
    global step
    x, step = np.arange(step, step + n), step + n
    for name in ["loss0", "loss1", "sharpness0", "sharpness1", "ratio0", "ratio1"]:
        figure.append(name, *measured(name, x[0]))
    figure.append("threshold", [x[0]], [level])
    if "spectrum" in figure.traces:
        figure.set("spectrum", range(20), range(1, 21))

def on_bar(name, value):
    global playing
    told.append(name)
    if name in ("play", "pause"):
        playing = bar.playing = name == "play"
    if name == "step":
        advance(1)
    if name == "reset":
        figure._seq += 1  # as if a message had been lost

def on_control(name, value):
    global level
    told.append(f"{name}={value}")
    if name == "lr":
        level = 2 / value
        messages.add(step, f"learning rate {value:.3g}", replica=0)
    if value == "Adam":
        raise RuntimeError("no Adam here")

def on_choice(panel, value):
    told.append(f"{panel}={value}")
    figure.set_panel(3, fig.panel("Weight norm", y="norm", choice=value, **CHOICES),
                     [fig.curve("norm", 3, 0) | {"x": [0, 1], "y": [1, 2]}])

def clock():
    while True:
        time.sleep(0.05)
        if playing:
            advance(20)
        figure.flush()
        bar.text = f"step {step} · {' '.join(told[-3:])} · seen {min(figure.alive, 99):.0f}"

bar.on_event(guard(on_bar, messages))
controls.on_change(guard(on_control, messages))
figure.on_choice(guard(on_choice, messages))
arms.on_event(lambda name, arm: told.append(f"{name} {arm}"))
threading.Thread(target=clock, daemon=True).start()
head = ipw.HTML("<h1>Test</h1><p>A question in a line, and why.</p>")
layout(head, bar, ipw.HTML(), [controls, arms], [figure, messages])
"""

WIDE, PHONE = {"width": 1366, "height": 768}, {"width": 400, "height": 800}
LINE = ".ew-plot .scatterlayer .js-line"


@pytest.fixture(scope="module")
def address(serve, tmp_path_factory):
    """The page of a notebook with all widgets."""
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [],
            "execution_count": None, "source": SCREEN}  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    folder = tmp_path_factory.mktemp("screen")
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (folder / "screen.ipynb").write_text(json.dumps(notebook))
    return serve(folder).lab("screen.ipynb")


@pytest.fixture
def screen(open_page, address):
    """Opens that page and waits for its plots."""

    def opened(query="", viewport=WIDE, **options):
        page = open_page(viewport=viewport, **options)
        page.goto(address + query)
        page.wait_for_selector(".ew-plot .main-svg", timeout=60_000)
        return page

    return opened


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def typed(page, label):
    """The field next to a slider."""
    slider = page.get_by_role("slider", name=label)
    return page.locator(".ew-control", has=slider).get_by_role("spinbutton")


def says(page, text):
    expect(page.locator(".ew-state")).to_contain_text(text, timeout=10_000)


def play(page):
    button(page, "Play").click()
    page.wait_for_function("document.querySelector('.ew-state').textContent.match(/step \\d{3,}/)")


def test_it_draws_what_comes_and_follows_the_controls(screen):
    page = screen()
    play(page)
    before = page.locator(LINE).first.get_attribute("d")
    expect(page.locator(LINE).first).not_to_have_attribute("d", before)
    assert page.locator(".barlayer .point path").count() == 20

    slider = page.get_by_role("slider", name="learning rate")
    slider.focus()
    page.keyboard.press("ArrowRight")
    says(page, "lr=0.1047")
    typed(page, "learning rate").fill("1e6")
    page.keyboard.press("Enter")
    says(page, "lr=1000000")
    assert slider.get_attribute("aria-valuetext") == "1e6"
    expect(page.get_by_role("log")).to_contain_text("learning rate 1e+06")
    page.get_by_role("slider", name="batch size").press("ArrowLeft")
    says(page, "batch=1")

    page.get_by_role("combobox", name="optimizer").select_option("Adam")
    expect(page.get_by_role("alert")).to_contain_text("no Adam here")
    button(page, "Dismiss").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    button(page, "Hide GD").click()
    says(page, "hide 0")
    page.get_by_role("combobox", name="fourth plot").select_option("norm")
    says(page, "3=norm")
    expect(page.get_by_role("combobox", name="fourth plot")).to_have_value("norm")
    expect(page.locator(".barlayer .point path")).to_have_count(0)


def test_shortcuts_work_in_the_lab_but_not_in_its_fields(screen):
    page = screen()
    page.locator(".ew-title").click()
    page.keyboard.press("s")
    says(page, "step 1 ")
    page.keyboard.press("ArrowRight")
    says(page, "step 2 ")
    page.keyboard.press("Space")
    expect(button(page, "Pause")).to_have_attribute("aria-keyshortcuts", "Space")
    page.keyboard.press("Space")
    expect(button(page, "Play")).to_be_visible()
    typed(page, "learning rate").focus()
    page.keyboard.press("s")
    page.get_by_role("slider", name="learning rate").press("ArrowRight")
    says(page, "pause lr=")


def test_zoom_stays_while_data_come_and_there_is_a_way_back(screen):
    page = screen()
    play(page)
    page.wait_for_function("document.querySelector('.ew-state').textContent.match(/step \\d{4,}/)")
    axis = "document.querySelector('.ew-plot').layout.xaxis2.range.join()"
    plot = page.get_by_role("region", name="Sharpness").bounding_box()
    x, y = plot["x"] + 100, plot["y"] + 80
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 60, steps=5)
    page.mouse.up()
    expect(button(page, "Sharpness: reset zoom")).to_be_visible()
    zoomed = page.evaluate(axis)
    low, high = map(float, zoomed.split(","))
    drawn = "d => (document.querySelectorAll('.js-line')[2].getAttribute('d').match(/L/g)).length"
    page.wait_for_function(f"({drawn})() > {high - low - 2}")  # every step, although thinned before
    assert page.evaluate(axis) == zoomed
    assert button(page, "Training loss: reset zoom").is_visible(), "steps are zoomed together"
    page.mouse.dblclick(x, y)
    expect(button(page, "Sharpness: reset zoom")).to_have_count(0)
    assert page.evaluate(axis).startswith("0,")


def test_hover_says_the_exact_values_of_all_curves_at_that_step(screen):
    page = screen()
    play(page)
    button(page, "Pause").click()
    plot = page.get_by_role("region", name="Training loss").bounding_box()
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    lines = page.locator(".ew-hover").inner_text().replace("\n", " ").split()
    step = int(lines[1])
    values = [float(v) for v in lines if "." in v]
    assert values == pytest.approx([1 / (1 + step / 100), 1 / (1 + step / 100) + 1], rel=1e-5)


def test_panels_take_a_log_axis_and_the_whole_screen(screen):
    page = screen()
    play(page)
    log = button(page, "Sharpness: logarithmic axis")
    log.click()
    expect(log).to_have_attribute("aria-pressed", "true")
    button(page, "Sharpness: enlarge").click()
    expect(page.get_by_role("region", name="Training loss")).to_be_hidden()
    page.wait_for_function("document.fullscreenElement?.className.includes('ew-figure')")
    button(page, "Sharpness: enlarge").click()
    expect(page.get_by_role("region", name="Training loss")).to_be_visible()
    page.locator(".ew-title").click()
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement?.className.includes('ew-lab')")


def test_a_lost_message_and_a_hidden_tab_do_no_harm(screen):
    page = screen()
    play(page)
    button(page, "Reset").click()
    before = page.locator(LINE).first.get_attribute("d")
    expect(page.locator(LINE).first).not_to_have_attribute("d", before)
    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", {get: () => true});
        window.requestAnimationFrame = () => 0;
    }""")
    page.wait_for_timeout(4000)
    says(page, "seen 0")


def test_on_a_projector_nothing_has_to_be_scrolled_for(screen):
    page = screen()
    for node in [".ew-bar", ".ew-controls", ".ew-figure"]:
        box = page.locator(node).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 768
    tops = [page.get_by_role("region").nth(i).bounding_box() for i in range(4)]
    assert len({round(b["x"]) for b in tops}) == 2 and len({round(b["y"]) for b in tops}) == 2


def test_on_a_phone_there_is_one_column_and_the_bar_stays(screen):
    page = screen(viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    panels = [page.get_by_role("region").nth(i).bounding_box() for i in range(4)]
    assert len({round(b["x"]) for b in panels}) == 1
    assert all(b["height"] > 180 and b["x"] + b["width"] <= 400 for b in panels)
    page.get_by_role("region").nth(3).scroll_into_view_if_needed()
    assert 0 <= page.locator(".ew-bar").bounding_box()["y"] < 10


def test_plots_follow_the_theme(screen):
    page = screen("?theme=dark")
    colour = "getComputedStyle(document.querySelector('.ew-plot .xtick text')).fill"
    dark = page.evaluate(colour)
    assert page.evaluate("document.body.dataset.jpThemeLight") == "false"
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    page.wait_for_function(f"{colour} !== '{dark}'")
