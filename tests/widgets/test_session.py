"""A lab without a browser: what each control does to the run, and that errors reach the page."""

from __future__ import annotations

import time

import pytest
from ipywidgets import Widget

from lab_core.phenomena import PHENOMENA
from lab_core.recipe import Branch, Change
from tests.widgets.waiting import until
from widgets.lab import Lab
from widgets.session import Session


@pytest.fixture
def lab():
    lab = Lab("edge_of_stability", data="chebyshev", width=8, lr=[0.1, 0.2], steps=1000)
    yield lab
    lab.session.player.close()


def session(lab: Lab) -> Session:
    assert not lab.messages.notices
    return lab.session


def labels(lab: Lab) -> list[str]:
    return [c["label"] for group in lab.controls.groups for c in group["controls"]]


def test_nothing_runs_until_asked_and_run_is_exact(lab: Lab) -> None:
    assert session(lab).run.arms[0].t == 0
    lab.run(50)
    time.sleep(0.1)
    assert session(lab).run.arms[0].t == 50
    again = Lab("edge_of_stability", data="chebyshev", width=8, lr=[0.1, 0.2], steps=1000)
    again.run(20)
    again.run(30)
    same = again.session.run.arms[0].record["train_loss"][1]
    assert (same == lab.session.run.arms[0].record["train_loss"][1]).all()
    again.session.player.close()


def test_all_replicas_move_by_a_factor_and_one_by_itself(lab: Lab) -> None:
    s = session(lab)
    lab.run(10)
    s.changes.control("lr", 2.0)
    s.changes.control("target", "0:1")
    s.changes.control("lr", 0.3)
    assert s.run.changes == [Change(10, 0, "lr", (0.2, 0.4)), Change(10, 0, "lr", 0.3, 1)]


def test_optimizer_opens_an_arm_here_and_data_opens_one_at_the_start(lab: Lab) -> None:
    s = session(lab)
    lab.run(10)
    s.changes.control("optimizer", "heavy-ball")
    assert s.run.changes[-1] == Branch(10, 0, (("optimizer", "heavy-ball"),))
    assert "momentum" in labels(lab)
    s.changes.control("width", 6)
    s.changes.control("depth", 2)
    time.sleep(1.2)  # the sliders have come to rest
    assert s.run.changes[-1] == Branch(10, 1, (("width", 6), ("depth", 2)), from_start=True)
    assert s.run.arms[2].t == 0
    s._arms("close", "a2")
    lab.run(5)
    assert [arm.t for arm in s.run.arms.values()] == [15, 15, 0]
    s._bar("reset", None)
    assert list(s.run.arms) == [0] and s.run.arms[0].t == 0


def test_an_error_in_a_control_reaches_the_page_and_the_lab_goes_on(lab: Lab) -> None:
    s = session(lab)
    lab.guarded(s.changes.control)("loss", "no such loss")
    assert "loss: 'no such loss' is not known" in lab.messages.notices[-1]["text"]
    lab.guarded(s.changes.control)("lr", -1.0)
    assert "lr: " in lab.messages.notices[-1]["text"]
    lab.run(5)
    assert s.run.arms[0].t == 5 and len(s.run.arms) == 1


def test_every_part_can_be_chosen_with_those_that_it_needs_and_the_page_says_which(
    lab: Lab,
) -> None:
    """The labels in the select name what would be exchanged, too; a sentence says what was."""
    s = session(lab)
    loss = next(c for g in lab.controls.groups for c in g["controls"] if c["id"] == "loss")
    offered = {o["value"]: o["label"] for o in loss["options"]}
    assert offered["squared-error"] == "squared error"
    assert offered["cross-entropy"] == "cross-entropy (with handwritten digits)"
    lab.run(3)
    s.changes.control("loss", "cross-entropy")
    s.changes._timer.join()
    assert s.run.changes[-1].settings == (("loss", "cross-entropy"), ("data", "digits"))
    assert lab.messages.rows[-1]["text"] == (
        "arm 1 starts with loss cross-entropy and, so that they fit, data handwritten digits"
    )
    s.changes.control("data", "modular")
    s.changes._timer.join()
    assert s.run.arms[2].program.model.inputs == "pairs" and s.changes.arm == 2
    lab.run(2)
    assert not lab.messages.notices


def test_the_title_names_the_paper_of_the_preset() -> None:
    lab = Lab("why_grokking_waits", "xor")
    assert lab.session.run and "Xu et al. 2023" in lab.head.value
    lab.session.changes.control("preset", "margins")
    assert "Lyu et al. 2023" in lab.head.value
    lab.session.player.close()


def test_the_end_of_an_untouched_preset_is_judged() -> None:
    lab = Lab("edge_of_stability", "catapult")
    lab.run(200)
    said = lambda: [row["text"] for row in lab.messages.rows]  # noqa: E731
    # it is judged in the background
    until(lambda: any(text.startswith("claim holds:") for text in said()))
    with pytest.raises(ValueError, match="last step"):
        lab.session._bar("play", None)
    lab.session.player.close()


LABS = [slug for slug, phenomenon in PHENOMENA.items() if phenomenon.presets]


@pytest.mark.parametrize("slug", LABS)
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)])
def test_presets_open(slug: str, every: bool) -> None:
    presets = list(PHENOMENA[slug].presets)
    lab = Lab(slug.replace("-", "_"))
    for preset in presets if every else presets[-1:]:
        lab.session.changes.control("preset", preset)
        lab.run(2)
    assert not lab.messages.notices
    lab.session.player.close()


def test_a_phenomenon_without_runs_of_its_own_is_a_sentence() -> None:
    lab = Lab("phase_diagrams")
    with pytest.raises(RuntimeError):
        assert lab.session
    assert "phase-diagrams has no single runs" in lab.messages.notices[0]["text"]


def test_an_unknown_phenomenon_is_a_sentence() -> None:
    lab = Lab("perpetual_motion")
    with pytest.raises(RuntimeError):
        assert lab.session
    assert "phenomenon: 'perpetual_motion' is not known" in lab.messages.notices[0]["text"]


def test_what_is_live_and_what_opens_an_arm_is_read_from_the_core() -> None:
    """A filter's knobs move by replica like the optimizer's; a loss's for all; both open an arm."""
    lab = Lab("edge_of_stability", "cross-entropy", filter="grokfast", n=30, width=8)
    s, groups = session(lab), {}
    for group in lab.controls.groups:
        groups[group["title"]] = [c["id"] for c in group["controls"]]
    assert {"strength", "memory", "precision"} <= set(groups["Change while it runs"])
    assert {"filter", "loss", "optimizer"} <= set(groups["Starts a new arm"])
    lab.run(5)
    s.changes.control("target", "0:1")
    s.changes.control("strength", 3.0)
    s.changes.control("precision", "float32")
    assert s.run.changes == [Change(5, 0, "strength", 3.0, 1),
                             Change(5, 0, "precision", "float32")]  # fmt: skip
    s.changes.control("filter", "none")
    assert s.run.changes[-1] == Branch(5, 0, (("filter", "none"),))
    assert "strength" not in labels(lab) and s.run.arms[1].t == 5
    lab.session.player.close()


# ---- time travel


def test_the_page_shows_a_moment_and_forks_from_there(lab: Lab) -> None:
    s = session(lab)
    lab.run(60)
    s.travel.seek(40)
    assert s.plots.figure.until == lab.timeline.moment == lab.messages.until == 40
    assert "step 40 of 60" in lab.bar.text
    s.changes.control("lr", 0.5)  # a factor for all replicas
    s.changes.control("target", "0:1")
    assert s.travel.moment == 40 and not s.run.changes, "the run itself stays as it is"
    s.changes.control("lr", 0.03)
    assert "fork with lr" in lab.bar.text
    s._bar("fork", None)
    assert s.travel.moment is None and lab.timeline.arms[1]["first"] == 40
    both, one = Change(40, 1, "lr", (0.05, 0.1)), Change(40, 1, "lr", 0.03, 1)
    assert s.run.changes == [Branch(40, 0, ()), both, one]
    lab.run(20)
    assert [arm.t for arm in s.run.arms.values()] == [60, 60], "the fork catches up first"
    assert s.run.arms[0].record["train_loss"][0][-1] == 59


def test_a_factor_at_a_moment_moves_every_replica_of_the_fork(lab: Lab) -> None:
    s = session(lab)
    lab.run(20)
    s.travel.seek(10)
    s.changes.control("lr", 0.5)
    s.changes.control("optimizer", "heavy-ball")
    s._bar("fork", None)
    assert s.run.arms[1].program.optimizer.label == "heavy ball"
    assert [r.optimizer.lr for r in s.run.arms[1].recipes] == [0.05, 0.1]


def test_steps_back_and_on_end_at_the_ends(lab: Lab) -> None:
    s = session(lab)
    lab.run(2)
    s._bar("back", None)
    assert s.travel.moment == 1
    for _ in range(3):
        s._bar("back", None)
    assert s.travel.moment == 0
    s._bar("step", None)
    s._bar("step", None)
    assert s.travel.moment is None and s.run.arms[0].t == 2
    s._bar("step", None)
    assert s.run.arms[0].t == 3
    s._bar("back", None)
    s._bar("play", None)
    assert s.travel.moment is None and s.player.playing
    s._bar("reset", None)
    assert s.run.arms[0].t == 0 and lab.timeline.moment is None


def test_a_moment_shows_the_spectrum_of_its_own_step(lab: Lab) -> None:
    s = session(lab)
    lab.run(30)
    s.plots.choose("spectrum", s.run)
    lab.run(80)  # measured at step 100
    shown = "a0_r0_p3_spectrum"
    now = s.plots.figure._points[shown].x.copy()
    s.travel.seek(35)
    then = s.plots.figure._points[shown].x.copy()
    s.travel.seek(None)
    s.frame()
    assert (now != then).any() and (s.plots.figure._points[shown].x == now).all()


def test_controls_at_a_moment_show_what_was_set_then(lab: Lab) -> None:
    s = session(lab)
    lab.run(10)
    s.changes.control("weight_decay", 0.05)
    lab.run(10)
    value = lambda: lab.controls._control("weight_decay")["value"]  # noqa: E731
    s.travel.seek(5)
    assert value() == 0
    s.travel.seek(15)
    assert value() == 0.05


def test_a_fork_of_the_end_goes_on(lab: Lab) -> None:
    s = session(lab)
    lab.run(1000)
    s._bar("fork", None)
    lab.run(5)
    assert s.run.arms[1].t == 1005


def test_another_arm_takes_the_moment_to_where_it_has_been(lab: Lab) -> None:
    s = session(lab)
    lab.run(60)
    s.travel.seek(40)
    s._bar("fork", None)
    lab.run(10)
    s.changes.control("target", "0:all")
    s.travel.seek(20)
    s.changes.control("target", "1:all")
    assert s.travel.moment == 40, "the fork began there"
    s.changes.control("target", "0:all")
    s.travel.seek(55)
    s.changes.control("target", "1:all")
    assert s.travel.moment is None, "and has not been there yet"
    s.travel.seek(45)
    s._bar("fork", None)
    assert [(a.parent, a.first) for a in s.run.arms.values()] == [(None, 0), (0, 40), (1, 45)]
    s.travel.seek(45)
    s._arms("close", "a2")
    assert s.travel.moment is None
    s.travel.seek(10)
    s.changes.control("preset", "catapult")
    assert s.travel.moment is s.plots.figure.until is None and s.run.arms[0].t == 0


def test_a_page_that_opens_is_told_what_was_set_while_it_loaded(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    session(lab)
    told: dict[object, set[str]] = {}
    monkeypatch.setattr(
        Widget, "send_state", lambda self, key=None: told.update({self: set(key or ())})
    )
    lab.plots.figure._receive(None, {"type": "ready"}, [])
    assert "groups" in told[lab.controls] and "value" in told[lab.head]
    assert "arms" in told[lab.arms] and "text" in told[lab.bar]
    assert not {"layout", "children", "_esm"} & set().union(*told.values())


def test_what_is_pressed_before_the_lab_has_started_is_done_then() -> None:
    lab = Lab("edge_of_stability", link="data=chebyshev&width=8&depth=1")
    for _ in range(2):
        lab.bar._handle_custom_msg({"event": "step"}, [])
    until(lambda: lab.session.run.arms[0].t >= 2)
    assert lab.session.run.arms[0].t == 2
    lab.session.player.close()
