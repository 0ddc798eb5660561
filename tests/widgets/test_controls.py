"""Controls, bar, sentences and arms without a browser: what they send, keep and tell Python."""

import itertools
import re
from pathlib import Path

import pytest

import widgets
from widgets import theme
from widgets.arms import Arms
from widgets.bar import Bar
from widgets.base import View
from widgets.controls import Controls
from widgets.messages import LIMIT, Messages, guard

HERE = Path(widgets.__file__).parent


@pytest.fixture
def wire(monkeypatch):
    """Messages that widgets send to the page."""
    sent = []
    monkeypatch.setattr(View, "send", lambda self, content, buffers=None: sent.append(content))
    return sent


def event(widget, name, value=None):
    """What a person does in the page."""
    widget._handle_custom_msg({"event": name, "value": value}, [])


def controls():
    rate = {"id": "lr", "label": "learning rate", "kind": "slider", "scale": "log",
            "low": 1e-3, "high": 1.0, "value": 0.1}  # fmt: skip
    batch = {"id": "batch", "label": "batch size", "kind": "choice", "options": [1, 2], "value": 1}
    return Controls(groups=[{"title": "Change while it runs", "controls": [rate, batch]}])


def test_an_update_sends_its_fields_alone_and_is_no_event(wire):
    widget, heard = controls(), []
    widget.on_change(lambda *change: heard.append(change))
    widget.update("lr", value=0.5, text="×5")
    assert wire == [{"update": "lr", "fields": {"value": 0.5, "text": "×5"}}] and heard == []
    assert widget.groups[0]["controls"][0]["text"] == "×5", "a page that opens later shows it"
    with pytest.raises(KeyError):
        widget.update("nobody", value=1)


def test_a_change_by_a_person_is_kept_and_told(wire):
    widget, heard = controls(), []
    widget.on_change(lambda *change: heard.append(change))
    event(widget, "lr", 1e6)
    assert heard == [("lr", 1e6)] and widget.groups[0]["controls"][0]["value"] == 1e6


def test_set_spec_replaces_all_controls(wire):
    widget = controls()
    widget.set_spec([{"title": "Other", "controls": []}])
    assert widget.groups == [{"title": "Other", "controls": []}]


def test_bar_tells_its_events_and_changes_its_buttons(wire):
    bar, heard = Bar(), []
    bar.on_event(lambda *told: heard.append(told))
    event(bar, "play")
    event(bar, "speed", 100)
    bar.button("step", disabled=True)
    assert heard == [("play", None), ("speed", 100)]
    assert [b["name"] for b in bar.buttons if b.get("disabled")] == ["step"]


def test_sentences_are_bounded_and_carry_their_replica(wire):
    messages = Messages()
    for step in range(LIMIT + 10):
        messages.add(step, "crossed its threshold", replica=1)
    assert len(messages.rows) == LIMIT and messages.rows[-1]["symbol"] == "square"
    assert len(wire) == LIMIT + 10 and wire[0]["row"]["step"] == 0
    messages.clear()
    assert messages.rows == []


def test_an_exception_in_a_callback_becomes_a_notice_that_can_be_dismissed(wire):
    messages, bar = Messages(), Bar()

    def fails(name, value):
        raise ValueError("lr must be greater than 0; give a positive number.")

    bar.on_event(guard(fails, messages))
    event(bar, "play")
    (notice,) = messages.notices
    assert notice["text"].startswith("lr must be") and "Traceback" in notice["details"]
    guard(lambda: 1 / 0, messages)()
    assert "ZeroDivisionError" in messages.notices[1]["text"]
    event(messages, "dismiss", notice["text"])
    assert len(messages.notices) == 1
    assert guard(lambda x: x + 1, messages)(1) == 2


def test_arms_carry_the_line_style_of_their_curves(wire):
    arms, heard = Arms(), []
    arms.on_event(lambda *told: heard.append(told))
    arms.show([{"id": 0, "name": "GD", "replicas": ["lr 0.1"]},
               {"id": 3, "name": "Adam", "replicas": [], "arm": 3}])  # fmt: skip
    assert [a["dash"] for a in arms.arms] == ["solid", "longdash"]
    assert arms.arms[0]["replicas"][0]["symbol"] == "circle"
    event(arms, "close", 3)
    assert heard == [("close", 3)]


def test_colours_are_in_the_theme_alone():
    files = [f for kind in ("py", "js", "css") for f in HERE.glob(f"*.{kind}")]
    found = {f.name for f in files if re.search(r"#[0-9a-fA-F]{6}\b", f.read_text("utf-8"))}
    assert found == {"theme.py"}


@pytest.mark.parametrize(("which", "background"), [(0, "#ffffff"), (1, "#12161d")])
def test_replicas_stand_out_and_differ_in_more_than_colour(which, background):
    colours = [pair[which] for pair in theme.REPLICAS]
    assert min(contrast(colour, background) for colour in colours) >= 3
    assert len({theme.style(i)["marker"]["symbol"] for i in range(8)}) == 8
    for sight in DEFICIENCIES:
        pairs = itertools.combinations([seen(colour, sight) for colour in colours], 2)
        assert min(distance(a, b) for a, b in pairs) > 0.05


@pytest.mark.parametrize(("which", "background"), [(0, "#ffffff"), (1, "#12161d")])
def test_cells_of_a_heat_map_differ_for_every_sight_and_train_stands_out_most(which, background):
    colours = [pair[which] for pair in theme.CELLS]
    for sight in DEFICIENCIES:
        pairs = itertools.combinations(
            [seen(colour, sight) for colour in [*colours, background]], 2
        )
        assert min(distance(a, b) for a, b in pairs) > 0.15
    train, test = colours[:2], colours[2:]
    strong, weak = ([contrast(c, background) for c in some] for some in (train, test))
    assert min(strong) > 1.5 * max(weak), "train and test differ by lightness"
    assert not {*sum(theme.CELLS, ())} & {*sum(theme.REPLICAS, ())}


@pytest.mark.parametrize(("which", "background"), [(0, "#ffffff"), (1, "#12161d")])
def test_a_scale_about_zero_stands_out_more_the_further_from_it(which, background):
    names = [colour.removeprefix("var(--ew-cell-").rstrip(")") for colour in theme.DIVERGING]
    colours = [[theme.ZERO, *theme.CELLS][int(name)][which] for name in names]
    strengths = [contrast(colour, background) for colour in colours]
    assert strengths[0] > strengths[1] > strengths[2] < strengths[3] < strengths[4]
    for sight in DEFICIENCIES:
        below, weak, zero, weak_above, above = (seen(colour, sight) for colour in colours)
        for a, b in ((below, above), (weak, weak_above), (weak, zero), (weak_above, zero)):
            assert distance(a, b) > 0.15


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFICIENCIES = [
    [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
]


def linear(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def contrast(a, b):
    """WCAG 2 contrast ratio."""
    low, high = sorted(sum(map(lambda k, c: k * c, (0.2126, 0.7152, 0.0722), linear(x)))
                       for x in (a, b))  # fmt: skip
    return (high + 0.05) / (low + 0.05)


def seen(colour, sight):
    rgb = linear(colour)
    return [max(0.0, sum(k * c for k, c in zip(row, rgb, strict=True))) for row in sight]


def distance(a, b):
    """Between cube roots of linear RGB, which are about evenly perceived; black to white is 1.7."""
    return sum((x ** (1 / 3) - y ** (1 / 3)) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5
