"""What travels to the page: new points only, thinned without losing extremes, never in a jam."""

import json
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from widgets import figure as fig
from widgets.live_plot import LiveFigure
from widgets.thinning import Points


class Page:
    """A page without a browser: it keeps what it is sent and answers as live_plot.js does."""

    def __init__(self, figure, answers=True):
        self.figure, self.answers = figure, answers
        self.frames, self.other, self.points, self.seq = [], [], {}, 0
        figure.send = self.receive
        self.say(type="ready")

    def say(self, **content):
        self.figure._handle_custom_msg(content, [])

    def receive(self, message, buffers=()):
        if message["type"] != "frame":
            self.other.append(message["type"])
            return
        self.frames.append((message, len(json.dumps(message)) + sum(map(len, buffers))))
        if not message.get("full") and message["seq"] != self.seq + 1:
            return  # a real page asks for a resync; see the test of it
        self.seq = message["seq"]
        self.uids = [t["uid"] for t in message.get("figure", {"data": []})["data"]] or self.uids
        self.take(message["data"], np.frombuffer(buffers[0], np.float32), buffers[1])

    def take(self, data, values, masks):
        for index, n, keep, size, *own in data:
            uid, new = self.uids[index], values[: (2 + len(own)) * n].reshape(2 + len(own), n)
            kept = self.points.get(uid, [])[:keep]
            if size:
                bits = np.unpackbits(np.frombuffer(masks[:size], np.uint8), bitorder="little")
                kept = [point for point, bit in zip(kept, bits, strict=False) if bit]
            self.points[uid] = [*kept, *zip(*new, strict=True)]
            values, masks = values[new.size :], masks[size:]

    def draw(self):
        self.say(type="ack", seq=self.seq)

    def flush(self):
        self.figure.flush()
        if self.answers:
            self.draw()


def small(n=2, **options):
    traces = [fig.curve(f"c{i}", i % 4, i) for i in range(n)]
    return LiveFigure(fig.figure([fig.panel(f"panel {i}") for i in range(4)], traces), **options)


def values(page, trace, columns=2):
    return np.array(page.points[trace], np.float32).reshape(-1, columns)


def test_only_new_points_travel():
    figure = small()
    page = Page(figure)
    figure.append("c0", [0, 1, 2], [5, 6, 7])
    page.flush()
    figure.append("c0", [3], [8])
    page.flush()
    assert page.frames[-1][0]["data"] == [[0, 1, 3, 0]]
    assert values(page, "c0")[:, 1].tolist() == [5, 6, 7, 8]
    before = len(page.frames)
    page.flush()
    assert len(page.frames) == before, "nothing new, nothing sent"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=30), st.integers(0, 2**31))
def test_thinning_never_loses_a_spike(chunks, seed):
    rng = np.random.default_rng(seed)
    x = np.arange(sum(chunks))
    y = rng.normal(size=len(x)).astype(np.float32)
    up, down = rng.integers(0, len(x), 2)
    y[up] = 1e6
    y[down] = -1e6
    points = Points(window=500)
    for part in np.split(np.arange(len(x)), np.cumsum(chunks)[:-1]):
        points.append(x[part], y[part])
    assert len(points.x) <= 500
    assert np.isin([y.min(), y.max()], points.y).all()
    assert points.x[0] == 0 and points.x[-1] == x[-1], "first and newest point stay"
    assert (np.diff(points.x) > 0).all() and np.array_equal(y[points.x.astype(int)], points.y)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=40))
def test_the_page_has_what_was_kept_whatever_was_sent_when(parts):
    """Thinning again sends a mask of what stays, never the points once more."""
    figure, t = small(window=300), 0
    page, points = Page(figure), figure._points["c0"]
    for n, send in parts:
        x = np.arange(t, t + n)
        figure.append("c0", x, np.sin(x * x))
        t += n
        if send:
            page.flush()
    page.flush()
    assert np.array_equal(values(page, "c0"), np.stack([points.x, points.y], 1))
    assert sum(row[1] for message, _ in page.frames for row in message["data"]) < 3 * t


def test_a_curve_is_equally_dense_in_all_its_length():
    points, rng = Points(2000), np.random.default_rng(0)
    for start in range(0, 20_000, 20):
        points.append(np.arange(start, start + 20), rng.normal(size=20))
    counts = np.histogram(points.x, bins=10)[0]
    assert counts.max() < 1.5 * counts.min()


def test_traces_measured_at_the_same_steps_keep_common_steps():
    rng, traces = np.random.default_rng(0), [Points(2000) for _ in range(8)]
    for start in range(0, 90_000, 450):
        for points in traces:
            points.append(np.arange(start, start + 450), rng.normal(size=450))
    common = set(traces[0].x).intersection(*(p.x for p in traces[1:]))
    assert len(common) > 200, "a hover line can read exact values of all of them"


def test_frames_stay_small_at_full_speed():
    """8 traces, 4 panels, 9,000 steps/s and 20 frames/s for 20 s: at most 3 KB a frame."""
    rng, figure = np.random.default_rng(0), small(8)
    page = Page(figure)
    for frame in range(400):
        x = np.arange(450) + 450 * frame
        for i in range(8):
            figure.append(f"c{i}", x, rng.normal(size=450))
        page.flush()
    sizes = [size for _, size in page.frames[100:]]
    assert np.mean(sizes) < 3 * 1024 and np.median(sizes) < 2 * 1024


def test_a_page_that_does_not_draw_gets_no_more_than_eight_frames():
    figure = small()
    page = Page(figure)
    page.draw()
    page.answers = False
    sent = len(page.frames)
    for i in range(20):
        figure.append("c0", [i], [i])
        page.flush()
    assert len(page.frames) == sent + 8
    page.draw()
    page.flush()
    assert page.frames[-1][0]["data"] == [[0, 12, 8, 0]], "what waited goes as one frame"
    assert values(page, "c0")[:, 0].tolist() == list(range(20))


def test_a_page_that_missed_a_frame_gets_everything_again():
    figure = small()
    page = Page(figure)
    figure.append("c0", np.arange(100), np.arange(100))
    figure.send = lambda *_: None  # the connection is cut
    figure.flush()
    figure.send = page.receive
    figure.append("c0", [100], [100])
    page.say(type="resync")
    assert page.frames[-1][0]["full"] and "figure" in page.frames[-1][0]
    assert len(values(page, "c0")) == 101


def test_a_silent_page_is_asked_and_its_answer_is_a_sign_of_life(monkeypatch):
    now = 1000.0
    monkeypatch.setattr("widgets.live_plot.time.monotonic", lambda: now)
    figure = small()
    assert figure.alive == np.inf
    page = Page(figure)
    page.draw()
    assert figure.alive == 0
    now += 5
    for _ in range(20):
        figure.flush()
    assert page.other == ["ping"] and figure.alive == 5
    page.draw()
    assert figure.alive == 0


def test_appends_from_other_threads_arrive_once_and_in_order():
    figure = small(4, window=10**6)
    page = Page(figure)

    def work(trace):
        for i in range(500):
            figure.append(trace, [i], [i])

    threads = [threading.Thread(target=work, args=(f"c{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        page.flush()
    page.flush()
    for i in range(4):
        assert values(page, f"c{i}")[:, 0].tolist() == list(range(500))


def test_traces_come_and_go_and_frames_still_reach_the_right_one():
    figure = small(3)
    page = Page(figure)
    figure.remove_trace("c0")
    figure.add_trace(fig.curve("new", 0, 5) | {"x": [0, 1], "y": [2, 3]})
    figure.append("c2", [7], [9])
    page.flush()
    assert figure.traces == ["c1", "c2", "new"]
    assert values(page, "new")[:, 1].tolist() == [2, 3] and values(page, "c2").tolist() == [[7, 9]]
    figure.set_panel(1, fig.panel("other"), [fig.bars("b", 1, 0)])
    figure.set("b", [0, 1], [4, 5])
    page.flush()
    assert figure.traces == ["c2", "new", "b"] and values(page, "b")[:, 1].tolist() == [4, 5]
    figure.clear()
    page.flush()
    assert len(values(page, "b")) == 0


def test_a_change_of_style_sends_that_trace_alone():
    figure = small()
    page = Page(figure)
    page.draw()
    figure.restyle("c1", visible=False)
    page.flush()
    message, size = page.frames[-1]
    assert message["specs"][1]["visible"] is False and len(message["specs"]) == 1 and size < 500
    with pytest.raises(KeyError):
        figure.restyle("nobody", visible=False)


def test_a_zoom_gets_every_point_of_what_was_thinned():
    x = np.arange(20_000)
    y = np.sin(x).astype(np.float32)
    figure = small(history=lambda trace: (x, y))
    page, sent = Page(figure), []
    figure.append("c0", x, y)
    figure.append("c1", x[:50], y[:50])
    figure.send = lambda message, buffers: sent.append((message, buffers))
    page.say(type="zoom", traces=["c0", "c1", "gone"], range=[99.5, 150.5])
    (message, (buffer,)) = sent[0]
    assert message == {"type": "detail", "data": [["c0", 53, 0, 0]]}, "c1 is there in full"
    steps, values = np.frombuffer(buffer, np.float32).reshape(2, 53)
    assert np.array_equal(steps, x[99:152]) and np.array_equal(values, y[99:152])


def test_what_was_not_measured_is_left_out():
    points = Points(window=100)
    points.append(range(5), [1.0, np.nan, np.inf, 1e300, 2.0])
    assert points.y.tolist() == [1.0, 2.0]


def test_the_library_is_sent_on_request_and_never_kept_in_the_state():
    figure = small()
    assert len(json.dumps(figure.get_state(), default=str)) < 150_000
    page = Page(figure)
    page.say(type="plotly")
    assert page.other == ["plotly"]


def test_ready_and_choice_reach_their_callbacks():
    figure, heard = small(), []
    figure.on_ready(lambda: heard.append("ready"))
    figure.on_choice(lambda panel, value: heard.append((panel, value)))
    Page(figure).say(type="choice", panel=3, value="spectrum")
    assert heard == ["ready", (3, "spectrum")]


def test_any_plotly_figure_will_do():
    subplots = pytest.importorskip("plotly.subplots")
    own = subplots.make_subplots(2, 2)
    own.add_scatter(y=[3, 1, 2], x=[0, 1, 2], name="a", row=2, col=1)
    own.add_bar(y=[1, 2], x=[0, 1], row=1, col=1)
    page = Page(LiveFigure(own))
    assert values(page, "a")[:, 1].tolist() == [3, 1, 2] and len(values(page, "trace 1")) == 2
    assert len(page.frames[0][0]["figure"]["layout"]["meta"]["panels"]) == 2
