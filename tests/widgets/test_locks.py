"""What a link locks or hides: shown as such, refused whatever the page sends, kept by what is shared."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lab_core.knobs import BadInput
from lab_core.phenomena import PHENOMENA
from widgets import link, opening
from widgets.controls import Controls
from widgets.curve import CurveLab
from widgets.fractal import FractalPage
from widgets.lab import Lab
from widgets.locks import Locks

ABOUT = PHENOMENA["edge-of-stability"]
SMALL = "data=chebyshev&width=8&depth=1&lr=0.1"


@pytest.fixture
def open_lab() -> Iterator[Callable[[str], Lab]]:
    labs = []

    def open_lab(query: str) -> Lab:
        labs.append(Lab("edge_of_stability", link=f"{SMALL}&{query}"))
        assert not labs[-1].session.lab.messages.notices
        return labs[-1]

    yield open_lab
    for lab in labs:
        lab.session.player.close()


def event(widget, name, value=None):
    """What a page sends, tampered with or not."""
    widget._handle_custom_msg({"event": name, "value": value}, [])


def specs(controls: Controls) -> dict:
    return {c["id"]: c for group in controls.groups for c in group["controls"]}


def said(page) -> list[str]:
    return [notice["text"] for notice in page.messages.notices]


def test_what_is_locked_is_shown_and_refused(open_lab) -> None:
    lab = open_lab("lock=lr")
    shown = specs(lab.controls)
    assert shown["lr"]["locked"] and shown["lr"]["value"] == 0.1
    assert not any("locked" in spec for name, spec in shown.items() if name != "lr")
    event(lab.controls, "lr", 0.5)
    assert lab.session.run.arms[0].recipes[0].optimizer.lr == 0.1 and not lab.session.run.changes
    assert specs(lab.controls)["lr"]["value"] == 0.1
    assert said(lab) == [
        "lr: it is locked in this page; open the lab without the link to change it."
    ]
    event(lab.controls, "steps", 500)
    assert lab.session.run.arms[0].program.steps == 500


def test_what_is_hidden_is_not_there_and_refused(open_lab) -> None:
    lab = open_lab("hide=optimizer,preset")
    assert not {"optimizer", "preset"} & set(specs(lab.controls)) and "lr" in specs(lab.controls)
    assert "Preset" not in [group["title"] for group in lab.controls.groups]  # it would be empty
    event(lab.controls, "optimizer", "adam")
    assert len(lab.session.run.arms) == 1 and "it is hidden in this page" in said(lab)[0]
    lab.run(5)
    assert "step 5" in lab.bar.text  # read-outs stay


def test_buttons_and_the_speed_are_locked_and_hidden(open_lab) -> None:
    lab = open_lab("lock=fork,speed,download&hide=open")
    buttons = {b["name"]: b for b in lab.bar.buttons}
    assert buttons["fork"]["locked"] and "open" not in buttons and lab.bar.pace == "locked"
    lab.run(3)
    speed = lab.session.player.speed
    for name, value in (("fork", None), ("speed", 1), ("open", None)):
        event(lab.bar, name, value)
    event(lab.share, "take", "csv")  # nor by what the dialogs send
    assert len(lab.session.run.arms) == 1 and lab.session.player.speed == speed
    assert len(said(lab)) == 3  # the page keeps three; the first has gone
    assert all("in this page" in sentence for sentence in said(lab))


def test_locks_stay_with_the_page_and_travel_with_what_is_shared(open_lab) -> None:
    lab = open_lab("lock=lr,preset&hide=seed")
    lab.run(5)
    session = lab.session
    locks = Locks(frozenset({"lr", "preset"}), frozenset({"seed"}))
    session.choose("chebyshev")
    session._reset()
    assert lab.controls.locks == locks and specs(lab.controls)["lr"]["locked"]
    assert opening.from_query(ABOUT, session.sharing.query()).look.locks == locks
    text = session.sharing.text()
    assert opening.from_text(ABOUT, text, "digits").look.locks == locks
    free = open_lab("lock=width")
    free.session.sharing.event("recover", text)
    assert free.controls.locks == locks | Locks(frozenset({"width"}))
    free.session.sharing.show("share")
    assert free.share.controls == []  # its reader is no author


def test_an_author_is_offered_all_controls_and_a_link_from_the_first_step(open_lab) -> None:
    lab = open_lab("")
    lab.run(5)
    lab.session.sharing.show("share")
    offered = {c["id"]: c["label"] for group in lab.share.controls for c in group["controls"]}
    assert {"lr", "optimizer", "preset", "seed", "against", "fork", "speed"} <= set(offered)
    assert set(offered) <= set(opening.lockable())
    there = opening.from_query(ABOUT, lab.share.start + "&lock=lr")
    assert there.recipe == lab.session.sharing.recipe and there.look.at == () and not there.said
    assert opening.from_query(ABOUT, lab.share.link).look.at == (5,)


def test_a_part_that_comes_back_has_its_locked_knobs_as_they_were(open_lab) -> None:
    lab = open_lab("optimizer=heavy-ball&beta=0.5&lock=beta,lr")
    control = lab.session.changes.control
    for optimizer in ("gd", "heavy-ball"):
        control("optimizer", optimizer)
    program = lab.session.run.arms[2].program
    assert program.optimizer.beta == 0.5 and program.optimizer.lr == pytest.approx(0.1)
    assert specs(lab.controls)["beta"]["locked"]


def test_a_part_does_not_bring_another_in_the_place_of_a_locked_one(open_lab) -> None:
    lab = open_lab("lock=model")
    with pytest.raises(BadInput, match="needs model .*, and model is locked in this page"):
        lab.session.changes.control("data", "modular")
    assert lab.session.changes._wanted == {}


@pytest.mark.parametrize(
    ("query", "notice"),
    [
        ("lock=lrr,lr", "Left out: lock: no lab has 'lrr'; give names such as lr."),
        ("hide=momentum,lr", "no lab has 'momentum'; give names such as"),
        ("lock=,lr,__import__('os'),<b>", "no lab has \"__import__('os')\", '<b>'"),
        (f"lock={'x' * 90},lr", f"no lab has '{'x' * 40}...'"),
    ],
)
def test_a_name_that_is_not_known_is_said_and_the_rest_applies(query: str, notice: str) -> None:
    opened = opening.from_query(ABOUT, query)
    assert notice in opened.notice
    assert opened.look.lock + opened.look.hide == ("lr",)


def test_a_file_s_locks_are_read_as_far_as_they_can_be() -> None:
    text = '{"edgewise": 1, "page": {"lock": 3, "hide": ["lr", "x y"]}}'
    opened = opening.from_text(ABOUT, text, "digits")
    assert opened.look.hide == ("lr",) and opened.look.lock == () and len(opened.said) == 2


def test_what_a_person_calls_a_knob_is_near() -> None:
    said = opening.from_query(ABOUT, "lock=momentum").notice
    assert "beta" in said


def test_a_link_by_hand_needs_no_version() -> None:
    opened = opening.from_query(ABOUT, "?lock=lr&hide=optimizer&preset=chebyshev&seed=3&lr=0.2")
    assert opened.preset == "chebyshev" and not opened.said
    assert opened.recipe.seed == 3 and opened.recipe.optimizer.lr == 0.2
    assert opened.look.locks == Locks(frozenset({"lr"}), frozenset({"optimizer"}))
    assert opening.is_link("?lock=lr") and not opening.is_link("?token=lock")


@pytest.mark.parametrize(
    "query", ["edgewise=7&lock=lr", "lock=lr&width=4096&data=clusters&n=10000&depth=64"]
)
def test_what_cannot_be_opened_is_locked_all_the_same(query: str) -> None:
    opened, _ = opening.started(ABOUT, opening.from_query(ABOUT, query))
    assert opened.said and opened.look.locks == Locks(frozenset({"lr"}))


def test_every_control_of_a_computed_page_can_be_locked(monkeypatch) -> None:
    monkeypatch.setenv("QUERY_STRING", "lock=figure,at.0&hide=seeds,nonsense")
    page = CurveLab("double_descent")
    page.open()
    assert specs(page.controls)["figure"]["locked"] and "seeds" not in specs(page.controls)
    assert "no lab has 'nonsense'" in said(page)[0]
    event(page.controls, "figure", "nets")
    assert page._slug == next(iter(page._known)) and "figure: it is locked" in said(page)[1]
    with pytest.raises(BadInput, match=r"at\.0"):
        page._set(0, 3)
    assert {c["id"] for group in page.controls.every for c in group["controls"]} <= set(
        opening.lockable()
    )


def test_a_locked_window_is_not_zoomed_into(monkeypatch) -> None:
    monkeypatch.setenv("QUERY_STRING", "lock=half")
    page = FractalPage("fractal_boundary")
    page.open()
    page._guarded(page._pick)(0, 10, 10)
    assert "half: it is locked" in said(page)[0] and not page._kept
    assert {c["id"] for group in page.controls.every for c in group["controls"]} <= set(
        opening.lockable()
    )


def test_a_link_s_fields_are_read_as_words() -> None:
    assert link.from_query(["lock=1e5,true,at.0"])[0].lock == ("1e5", "true", "at.0")
