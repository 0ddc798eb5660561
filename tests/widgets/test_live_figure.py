"""Curves along a step that is not x, zoom that may come from a link, pictures, the file of a figure."""

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.widgets.test_live_plot import Page, small, values
from widgets import figure as fig
from widgets import live_image
from widgets.live_plot import LiveFigure
from widgets.live_zoom import sound_scales, sound_zoom
from widgets.standalone import _inside, page
from widgets.thinning import Points, share

# ---- along p


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=20), st.integers(0, 2**31))
def test_thinning_is_along_p_wherever_x_goes(chunks, seed):
    rng = np.random.default_rng(seed)
    p = np.arange(sum(chunks))
    x, y = rng.normal(size=(2, len(p))).astype(np.float32)
    up, down = rng.integers(0, len(p), 2)
    y[up], y[down] = 1e6, -1e6
    points = Points(window=500)
    for part in np.split(p, np.cumsum(chunks)[:-1]):
        points.append(x[part], y[part], part)
    assert len(points.p) <= 500 and (np.diff(points.p) > 0).all()
    assert np.isin([y.min(), y.max()], points.y).all()
    assert points.p[0] == 0 and points.p[-1] == p[-1]
    kept = points.p.astype(int)
    assert np.array_equal(x[kept], points.x) and np.array_equal(y[kept], points.y)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=30))
def test_the_page_has_the_p_of_every_point(parts):
    figure, t = small(window=300), 0
    side, points = Page(figure), figure._points["c0"]
    for n, send in parts:
        p = np.arange(t, t + n)
        figure.append("c0", np.cos(p), np.sin(p * p), p)
        t += n
        if send:
            side.flush()
    side.flush()
    assert np.array_equal(values(side, "c0", 3), np.stack([points.x, points.y, points.p], 1))


def test_a_frame_carries_p_only_for_traces_that_have_their_own():
    figure = small()
    side, sent = Page(figure), []
    figure.append("c0", [0, 1], [5, 6])
    figure.append("c1", [9, 3], [5, 6], [0, 1])
    figure.send = lambda message, buffers: sent.append((message, buffers))
    side.flush()
    (message, (buffer, _)) = sent[0]
    assert message["data"] == [[0, 2, 0, 0], [1, 2, 0, 0, 1]]
    assert np.frombuffer(buffer, np.float32).tolist() == [0, 1, 5, 6, 9, 3, 5, 6, 0, 1]


def test_p_is_x_where_it_is_not_given():
    points = Points(window=100)
    points.append([0, 1], [5, 6])
    points.append([20, 30], [7, 8], [2, 3])
    points.append([4], [9])
    assert points.p.tolist() == [0, 1, 2, 3, 4] and points.x.tolist() == [0, 1, 20, 30, 4]
    points.replace([1, np.nan, 3], [1, 2, 3])
    assert points.p is points.x and points.x.tolist() == [1, 3]


def test_a_zoom_gets_detail_only_where_x_ascends():
    t = np.arange(20_000)
    columns = {"c0": (0.5 * t, np.sin(t), t), "c1": (np.cos(t), np.sin(t), t)}
    figure, sent = small(history=columns.__getitem__), []
    side = Page(figure)
    for trace, values_ in columns.items():
        figure.append(trace, *values_)
    figure.send = lambda message, buffers: sent.append((message, buffers))
    side.say(type="zoom", traces=["c0", "c1"], range=[10, 20])
    (message, (buffer,)) = sent[0]
    assert message["data"] == [["c0", 22, 0, 0, 1]]
    assert np.frombuffer(buffer, np.float32).reshape(3, 22)[2].tolist() == list(range(19, 41))


def test_along_the_logarithm_early_points_stay():
    t = np.arange(100_000)
    even, log = Points(500), Points(500, log=True)
    for part in np.split(t, 1000):
        even.append(part, np.sin(part))
        log.append(part, np.sin(part))
    assert len(log.x) <= 500 and (np.diff(log.x) > 0).all() and log.x[-1] == t[-1]
    assert (even.x < 1000).sum() < 20 < 100 < (log.x < 1000).sum()
    assert np.array_equal(np.sin(log.x.astype(int)).astype(np.float32), log.y)


def test_only_traces_of_a_logarithmic_axis_are_thinned_along_it():
    figure = small()
    figure.set_panel(1, fig.panel("log", xlog=True), [fig.curve("new", 1, 0)])
    assert figure._points["new"].log and not figure._points["c0"].log


# ---- cells


def heat_map():
    figure = small()
    figure.set_panel(3, fig.panel("Map", cells=True), [fig.cells("map", 3, 1, ("a", "b"))])
    return figure, Page(figure)


def test_cells_travel_once_as_bytes():
    figure, side = heat_map()
    sent = []
    figure.send = lambda message, buffers: sent.append((message, buffers))
    figure.set_cells("map", np.arange(6).reshape(2, 3) % 3)
    figure.append("c0", [0], [5])
    side.flush()
    side.flush()
    ((message, buffers),) = sent
    assert message["cells"] == [[2, 2, 3]] and bytes(buffers[2]) == bytes([0, 1, 2, 0, 1, 2])
    assert len(buffers[0]) == 8, "points are beside them"
    figure.send = lambda *_: None
    figure.set_cells("map", [[7]])
    figure.flush()  # lost
    figure.send = lambda message, buffers: sent.append((message, buffers))
    side.say(type="resync")
    assert sent[-1][0]["cells"] == [[2, 1, 1]] and bytes(sent[-1][1][2]) == b"\7"


def test_cells_go_with_their_trace_and_into_the_file():
    figure, _ = heat_map()
    with pytest.raises(KeyError):
        figure.set_cells("nobody", [[1]])
    figure.set_cells("map", [[1, 2]])
    message, (_, _, cells) = figure.snapshot(1000)
    assert message["cells"] == [[2, 1, 2]] and cells == b"\1\2"
    assert frame_of(page("T", "Q", figure, [], []))["cells"] == "AQI="
    figure.remove_trace("map")
    assert figure.snapshot(1000)[0]["cells"] == []


def test_a_heat_map_has_a_colour_and_a_word_for_each_number():
    spec = fig.cells("map", 0, 1, ("train", "test"), "lr 0.1")
    colours = [colour for colour, _ in spec["meta"]["words"]]
    assert [word for _, word in spec["meta"]["words"]] == ["", "train", "test"]
    assert spec["colorscale"][::2] == [[i / 3, c] for i, c in enumerate(colours)]
    assert (spec["zmin"], spec["zmax"], spec["marker"]["symbol"]) == (-0.5, 2.5, "square")


def real(figure, values):
    """What the page can make of real values, and the end of their scale."""
    figure.set_cells("map", values, real=True)
    message, (_, _, cells) = figure.snapshot(1000)
    ((_, rows, columns, end),) = message["cells"]
    levels = np.frombuffer(cells, np.uint8).reshape(rows, columns).astype(float)
    return np.where(levels, (levels - 128) / 127 * end, np.nan), end


def test_real_values_travel_as_levels_of_a_scale_about_zero():
    figure, _ = heat_map()
    values = np.array([[-1.13, 0.0, 0.5], [np.nan, 1e-3, -np.inf]])
    back, end = real(figure, values)
    assert end == 1.2 and back[0, 1] == 0
    assert np.isnan(back[1, 0]) and np.isnan(back[1, 2]), "nothing, as what is not finite"
    assert np.allclose(back[:, :2][0], values[:, :2][0], atol=end / 254)


def test_a_scale_of_real_values_moves_in_steps_and_not_with_every_value():
    figure, _ = heat_map()
    ends = [real(figure, [[v]])[1] for v in (1.1, 1.19, 0.5, 1.21, 30.1, 13.0, 11.9, 0.0)]
    assert ends == [1.2, 1.2, 1.2, 1.5, 40, 15, 15, 15]
    for size in (1e-12, 1e-3, 0.3, 1.0, 2.5, 1e6):
        figure.remove_trace("map")
        figure.add_trace(fig.values("map", 3, 1))
        back, end = real(figure, [[size, -size / 3]])
        assert size <= end * (1 + 1e-9) and np.allclose(back, [[size, -size / 3]], atol=end / 254)
    figure.remove_trace("map")
    figure.add_trace(fig.cells("map", 3, 1, ("a", "b")))
    figure.set_cells("map", [[1]])
    assert len(figure.snapshot(1000)[0]["cells"][0]) == 3, "words have no scale"


def test_real_values_are_brown_below_and_teal_above():
    spec = fig.values("map", 0, 1, ("iterate", "truth"), "lr 0.1")
    (_, none), *_ = scale = spec["colorscale"]
    at = [(level + 0.5) / 256 for level in (1, 128, 255)]
    assert none == "rgba(0,0,0,0)" and scale[1] == [1 / 256, none]
    inner = {round(a, 6): colour for a, colour in scale[3:-1]}
    assert [inner[round(a, 6)] for a in at] == [f"var(--ew-cell-{i})" for i in (2, 0, 1)]
    assert [a for a, _ in scale] == sorted(a for a, _ in scale) and scale[-1][0] == 1
    assert spec["meta"] == {"parts": ["iterate", "truth"]} and spec["zmax"] == 255.5


def test_a_panel_says_whether_its_curves_come_along_steps():
    assert fig.panel("a")["meta"]["steps"] is True
    spectrum = fig.panel("b", "eigenvalue", xlog=True, steps=False)
    assert spectrum["meta"]["steps"] is False and spectrum["xaxis"]["type"] == "log"
    plain = fig.complete({"layout": {"xaxis": {"title": {"text": "epoch"}}}})
    assert plain["meta"]["panels"] == [{"title": "", "steps": False}]


# ---- zoom

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xy23", max_size=2), inner),
    max_leaves=10,
)


@given(JUNK)
def test_zoom_and_scales_take_anything_and_keep_what_is_sound(value):
    for low, high in sound_zoom(value).values():
        assert math.isfinite(low) and math.isfinite(high) and low < high
    assert set(sound_scales(value).values()) <= {"log", "linear"}


def test_zoom_keeps_only_ranges_of_axes():
    inf, nan = math.inf, math.nan
    bad = {"x9": [0, 1], "xaxis": [0, 1], "y2": [1, 0], "y3": [0, inf], "y4": [nan, 1], "x2": "01",
           "x3": [False, True], "x4": [0, 1, 2], 7: [0, 1], "y\n": [0, 1]}  # fmt: skip
    figure = small()
    figure.zoom = bad | {"x": [0, 1], "y": (-3.5, 2)}
    assert figure.zoom == {"x": [0.0, 1.0], "y": [-3.5, 2.0]}
    figure.set_state({"zoom": "everything", "scales": {"y2": "log", "y3": ["log"], "x": "log"}})
    assert figure.zoom == {} and figure.scales == {"y2": "log"}


def test_another_panel_drops_the_zoom_of_the_old_one_alone():
    figure = small()
    whole = {"x": [0, 1], "y3": [1, 2], "y4": [2, 3]}
    figure.zoom, figure.scales = whole, {"y2": "log", "y4": "log"}
    figure.set_panel(3, fig.panel("panel 3"), [])
    assert figure.zoom == whole, "the same once more"
    figure.set_panel(3, fig.panel("another"), [])
    assert figure.zoom == {"x": [0, 1], "y3": [1, 2]} and figure.scales == {"y2": "log"}
    figure.set_panel(0, fig.panel("panel 0", "lr × step"), [])
    assert figure.zoom == {"y3": [1, 2]}


# ---- pictures


def test_a_picture_is_what_the_page_answers_first():
    figure, pictures, asked = small(), [], []
    side = Page(figure)
    figure.send = lambda message, buffers=(): asked.append(message)
    figure.image("svg", pictures.append, "Title", pictures.append)
    figure.image("png", pictures.append, failed=pictures.append)
    assert [(m["type"], m["format"], m["title"]) for m in asked] == [
        ("image", "svg", "Title"), ("image", "png", "")]  # fmt: skip
    answer = {"type": "image", "id": asked[0]["id"]}
    for _ in range(2):
        figure._handle_custom_msg(answer, [memoryview(b"<svg/>")])
    side.say(type="image", id=asked[1]["id"], error="no fonts")
    assert pictures == [b"<svg/>", "no fonts"]


def test_a_picture_needs_a_page_that_answers(monkeypatch):
    figure, said = small(), []
    with pytest.raises(ValueError, match="no page is open"):
        figure.image("png", said.append)
    Page(figure)
    with pytest.raises(ValueError, match="svg, png, not 'gif'"):
        figure.image("gif", said.append)
    monkeypatch.setattr(live_image, "PATIENCE", 0.01)
    figure.send = lambda *_: None
    figure.image("png", said.append, failed=said.append)
    next(iter(figure._wishes._open.values())).timer.join()
    assert len(said) == 1 and "still open" in said[0]


# ---- one file


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=40), st.integers(2000, 60_000))
def test_what_is_shared_is_fair_and_never_too_much(lengths, numbers):
    histories = {str(i): (np.arange(n), np.sin(np.arange(n))) for i, n in enumerate(lengths)}
    shared = share(histories, numbers)
    assert (
        sum(one.numbers for one in shared.values()) <= max(numbers, 64 * len(lengths)) * 1.05 + 99
    )
    fair = numbers // (2 * len(lengths))
    for n, one in zip(lengths, (shared[str(i)] for i in range(len(lengths))), strict=True):
        assert len(one.x) == n or len(one.x) > 0.3 * fair


def frame_of(html):
    return json.loads(re.search(r'id="ew-data">(.*?)</script>', html.decode(), re.S)[1])


def test_a_file_holds_every_trace_finer_than_the_screen():
    t = np.arange(20_000)
    figure = small(
        window=100, history=lambda trace: (t, np.sin(t), t) if trace == "c0" else ((), ())
    )
    figure.append("c0", t, np.sin(t))
    figure.append("c1", t, np.cos(t), t)
    figure.zoom, figure.until = {"x": [5, 9]}, 700
    choice = {"choices": [("a", "Norm"), ("b", "Spectrum")], "choice": "b"}
    figure.set_panel(3, fig.panel("?", **choice), [])
    held = frame_of(page("T", "Q", figure, [], []))
    (_, n, keep, mask), (_, few, *_, own) = held["figure"]["message"]["data"]
    assert n == 20_000 and few <= 100 and own == 1 and keep == mask == 0
    assert held["moment"] == 700 and held["figure"]["zoom"] == {"x": [5, 9]}
    last = held["figure"]["message"]["figure"]["layout"]["meta"]["panels"][3]
    assert last["title"] == "Spectrum" and "choices" not in last
    assert figure._points["c0"].pending, "what the page gets is not touched"


def test_no_text_leaves_its_place_in_the_file():
    figure = LiveFigure(fig.figure([fig.panel("</script><b>")], [fig.curve("</script>", 0, 0)]))
    bad = "</title></script><!--<script>alert(1)</script>"
    html = page(bad, bad, figure, [], [{"step": 1, "text": bad}]).decode()
    assert html.count("<script") == html.count("</script>") == 4
    assert "<!--" not in html and html.split("<style>")[0].count("</title>") == 1
    assert frame_of(html.encode())["rows"][0]["text"] == bad
    assert "default-src 'none'" in html and "unsafe-eval" not in html
    assert _inside("a('</Script>') < b") == "a('\\x3C/Script>') < b"
