"""What a page asks before it computes: fixed once it has begun, judged at the end, handed in, opened again."""

from __future__ import annotations

import json

import pytest

from lab_core import handins
from lab_core.phenomena import PHENOMENA
from lab_core.run import Run
from lab_core.sweep import Axis, Sweep
from tests.widgets.waiting import until
from widgets.curve import CurveLab
from widgets.fractal import FractalPage
from widgets.lab import Lab
from widgets.live_plot import LiveFigure
from widgets.phase import PhaseDiagram
from widgets.predict import Predict

ANSWER = {"number": 7.0, "step": 9, "choice": None, "curve": [[0, 5], [100, 9]]}


@pytest.fixture
def opened():
    """`opened(lab, preset, ...)`: a lab, whose player ends with the test."""
    labs: list[Lab] = []

    def opened(name: str, preset: str, **settings) -> Lab:
        labs.append(Lab(name, preset, **settings))
        assert labs[-1].session.preset == preset and not labs[-1].messages.notices
        return labs[-1]

    yield opened
    for lab in labs:
        lab.session.player.close()


def say(card: Predict, value: object, event: str = "predict") -> None:
    """What the page sends where a person presses Predict."""
    card._receive(card, {"event": event, "value": value}, [])


def files(card: Predict, monkeypatch) -> list[str]:
    """The texts that the card gives from here on."""
    given: list[str] = []
    monkeypatch.setattr(card, "give", lambda name, text: given.append(text))
    return given


def captions(lab: Lab) -> list[str]:
    return [row["text"] for row in lab.messages.rows if row["step"] is None]


def test_a_prediction_is_fixed_by_the_first_step_and_judged_at_the_end(opened, monkeypatch) -> None:
    lab = opened("large_steps", "step-sizes", steps=40)
    card = lab.predict
    assert card.question["kind"] == "step" and not card.fixed and not captions(lab)
    say(card, 4)
    say(card, 5)
    assert card.made == 5 and card.said == "step 5" and card.result == {}
    lab.run(2)
    assert card.fixed and card.result == {} and captions(lab), (
        "the caption waits for the prediction"
    )
    say(card, 6)
    assert card.made == 5 and "it is fixed" in card.note
    lab.run(10)
    assert card.result["points"] == 1 and card.result["outcome"] == "step 5"
    assert "not quite what was asked about: steps" in card.note
    given = files(card, monkeypatch)
    say(card, None, "take")
    one = handins.from_json(given[0])
    assert one.outcome == 5 and handins.check(one).exact
    lab.session._bar("reset", None)
    assert card.result == {} and card.made == 5 and not card.fixed and not card.note
    say(card, 30)
    assert card.made == 30
    assert not lab.messages.notices


def test_who_does_not_predict_plays_as_ever(opened) -> None:
    lab = opened("large_steps", "step-sizes")
    lab.run(10)
    assert lab.predict.fixed and lab.predict.made is None and lab.predict.result == {}
    say(lab.predict, None, "take")
    assert lab.messages.notices, "there is nothing to hand in"


def test_bad_input_is_said_on_the_card(opened) -> None:
    lab = opened("large_steps", "step-sizes")
    for value in (None, "<b>", -1, 1e99, [1], {"a": 1}, True):
        say(lab.predict, value)
        assert lab.predict.note.startswith("prediction: ") and lab.predict.made is None
    say(lab.predict, "never")
    assert lab.predict.note == "" and lab.predict.said == "never"
    assert not lab.messages.notices


def test_another_preset_asks_another_question_or_none(opened) -> None:
    lab = opened("edge_of_stability", "heavy-ball")
    s = lab.session
    say(lab.predict, 7)
    drawn = [t for t in s.plots.figure.traces if t.startswith("prediction")]
    assert drawn == ["prediction_p1"]
    s.choose("nesterov")
    assert lab.predict.question == {} and lab.predict.made is None and captions(lab)
    s.choose("chebyshev")
    assert lab.predict.question["kind"] == "curve" and not captions(lab)
    say(lab.predict, [[0, 5], [4000, 20]])
    assert [p["word"] for p in s.plots.figure._figure["layout"]["meta"]["panels"][1]["key"]] == [
        "your prediction"
    ]
    s.plots.against("time")
    assert not [t for t in s.plots.figure.traces if t.startswith("prediction")]
    s.plots.against("step")
    assert drawn == [t for t in s.plots.figure.traces if t.startswith("prediction")]
    s.choose("catapult")
    assert not [t for t in s.plots.figure.traces if t.startswith("prediction")]


def test_a_step_is_a_mark_in_its_plot(opened) -> None:
    lab = opened("grokking", "delay")
    say(lab.predict, 700)
    panels = lab.session.plots.figure._figure["layout"]["meta"]["panels"]
    assert [p["marks"] for p in panels] == [[(700, "your prediction")], [], [], []]


def test_a_hand_in_opens_and_runs_again(opened) -> None:
    lab = opened("large_steps", "step-sizes", steps=40)
    run = Run(lab.session.run.recipe)
    run.advance(10)
    one = handins.hand_in("large-steps", "step-sizes", 7, run)
    text = handins.to_json(one).replace('"lab"', '"grade": 1, "lab"')
    other = opened("large_steps", "plane")
    other.session.sharing._file({"name": "ann.json", "data": text.encode()})
    assert other.session.preset == "step-sizes" and other.predict.made == 7
    assert "'grade'" in other.messages.notices[-1]["text"]
    other.run(10)
    assert other.predict.result["points"] == one.score.points < 1
    wrong = opened("grokking", "delay")
    with pytest.raises(ValueError, match="it is from large-steps|is from large-steps"):
        wrong.session.sharing._file({"name": "ann.json", "data": text.encode()})


def test_what_is_kept_holds_the_prediction_and_a_link_does_not(opened) -> None:
    lab = opened("large_steps", "step-sizes")
    say(lab.predict, 5)
    lab.run(3)
    sharing = lab.session.sharing
    assert "prediction" not in sharing.query() + sharing.text() + sharing.command()
    assert json.loads(sharing.kept())["page"]["prediction"] == 5
    other = opened("large_steps", "step-sizes")
    other.session.sharing._recover(sharing.kept())
    other.session.player.arrive()
    other.session.frame()
    assert other.predict.made == 5 and other.predict.fixed
    hostile = sharing.kept().replace('"prediction": 5', '"prediction": "<script>"')
    other.session.sharing._recover(hostile)
    assert other.predict.made is None and "prediction" in other.messages.notices[-1]["text"]


def seen(figure: LiveFigure) -> None:
    figure._receive(None, {"type": "ready"}, None)


def test_a_curve_is_predicted_drawn_and_judged(monkeypatch) -> None:
    whole = PHENOMENA["double-descent"].figures["random-features"]
    few = Sweep(whole.subject.recipe, (Axis(("features",), "features N", (50, 100, 200)),
                                       whole.subject.over[1]), (0, 1))  # fmt: skip
    page = CurveLab("double_descent")
    seen(page.figure)
    page.open()
    page.sweeping.open(few)
    card = page.predict
    assert card.question["kind"] == "curve" and page.caption.value == "" and not card.fixed
    say(card, [[3, 1], [500, 1]])
    assert "limit curve" in page.caption.value
    assert "prediction_p0" in page.figure.traces and page.key.lines[-1]["name"] == "your prediction"
    page.sweeping.press()
    until(lambda: bool(card.result))
    assert card.fixed and 0 <= card.result["points"] < 1 and len(card.result["curve"]) == 3
    say(card, [[3, 1], [500, 2]])
    assert "it is fixed" in card.note and card.made[1] == [500.0, 1.0]
    given = files(card, monkeypatch)
    say(card, None, "take")
    assert handins.from_json(given[0]).recipe["seed"] == [0, 1]
    assert not page.messages.notices


def test_a_diagram_of_ones_own_asks_nothing() -> None:
    page = PhaseDiagram()
    seen(page.figure)
    page.open()
    assert page.predict.question["kind"] == "number" and page.caption.value == ""
    say(page.predict, 2)
    assert page.predict.said == "2" and "catapulted" in page.caption.value
    page._change("columns.count", 4)
    assert page.predict.question == {} and page.predict.made is None
    assert not page.messages.notices


def test_a_zoom_is_predicted_from_the_overview(monkeypatch) -> None:
    page = FractalPage("fractal_boundary")
    seen(page.figure)
    page.open()
    page._change("pixels", 64)
    say(page.predict, 1.5)
    page.picturing.press()
    until(lambda: page.picturing.share == 1 and not page.picturing.computing)
    assert page.predict.fixed and page.predict.result == {}
    page._busiest()
    until(lambda: bool(page.predict.result))
    given = files(page.predict, monkeypatch)
    say(page.predict, None, "take")
    assert handins.check(handins.from_json(given[0])).exact
    assert not page.messages.notices
