"""A lab without a browser: what each control does to the run, and that errors reach the page."""

from __future__ import annotations

import time

import pytest

from lab_core.phenomena import PHENOMENA
from lab_core.recipe import Branch, Change
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
    s._control("lr", 2.0)
    s._control("target", "0:1")
    s._control("lr", 0.3)
    assert s.run.changes == [Change(10, 0, "lr", (0.2, 0.4)), Change(10, 0, "lr", 0.3, 1)]


def test_optimizer_opens_an_arm_here_and_data_opens_one_at_the_start(lab: Lab) -> None:
    s = session(lab)
    lab.run(10)
    s._control("optimizer", "heavy-ball")
    assert s.run.changes[-1] == Branch(10, 0, (("optimizer", "heavy-ball"),))
    assert "momentum" in labels(lab)
    s._control("width", 6)
    s._control("depth", 2)
    time.sleep(1.2)  # the sliders have come to rest
    assert s.run.changes[-1] == Branch(10, 1, (("width", 6), ("depth", 2)), from_start=True)
    assert s.run.arms[2].t == 0
    s._arms("close", 2)
    lab.run(5)
    assert [arm.t for arm in s.run.arms.values()] == [15, 15, 0]
    s._bar("reset", None)
    assert list(s.run.arms) == [0] and s.run.arms[0].t == 0


def test_an_error_in_a_control_reaches_the_page_and_the_lab_goes_on(lab: Lab) -> None:
    s = session(lab)
    lab.guarded(s._control)("loss", "cross-entropy")
    assert "cross-entropy needs class labels" in lab.messages.notices[-1]["text"]
    lab.guarded(s._control)("lr", -1.0)
    assert "lr: " in lab.messages.notices[-1]["text"]
    lab.run(5)
    assert s.run.arms[0].t == 5 and len(s.run.arms) == 1


def test_the_end_of_an_untouched_preset_is_judged() -> None:
    lab = Lab("edge_of_stability", "catapult")
    lab.run(200)
    said = [row["text"] for row in lab.messages.rows]
    assert any(text.startswith("claim holds:") for text in said)
    with pytest.raises(ValueError, match="last step"):
        lab.session._bar("play", None)
    lab.session.player.close()


def test_every_preset_of_every_lab_opens() -> None:
    for slug, phenomenon in PHENOMENA.items():
        lab = Lab(slug.replace("-", "_"))
        for preset in phenomenon.presets:
            lab.session._control("preset", preset)
            lab.run(2)
        assert not lab.messages.notices
        lab.session.player.close()


def test_an_unknown_phenomenon_is_a_sentence() -> None:
    lab = Lab("perpetual_motion")
    with pytest.raises(RuntimeError):
        assert lab.session
    assert "phenomenon: 'perpetual_motion' is not known" in lab.messages.notices[0]["text"]
