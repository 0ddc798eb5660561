"""What leaves a page comes back as it was: links, files, what the browser kept; and comparing."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator
from io import StringIO

import numpy as np
import pytest

from lab_core import tables
from lab_core.cli import main
from lab_core.formats import from_json
from lab_core.run import Run
from tests.widgets.waiting import until
from widgets.lab import Lab

SETTINGS = {"data": "chebyshev", "width": 8, "lr": [0.1, 0.2], "steps": 1000}


@pytest.fixture
def open_lab() -> Iterator[Callable[..., Lab]]:
    labs = []

    def open_lab(**options) -> Lab:
        labs.append(Lab("edge_of_stability", **options))
        assert not labs[-1].session.lab.messages.notices
        return labs[-1]

    yield open_lab
    for lab in labs:
        lab.session.player.close()


@pytest.fixture
def lab(open_lab) -> Lab:
    """A run with a change, a fork of the past and a closed arm."""
    lab = open_lab(**SETTINGS)
    lab.run(60)
    lab.session.changes.control("lr", 0.5)
    lab.run(40)
    lab.session.travel.seek(30)
    lab.session._bar("fork", None)
    lab.run(20)  # of the fork, which is behind
    return lab


def settle(lab: Lab) -> Lab:
    """Have it stand where it stood."""
    assert lab.session.player.returning
    lab.run(0)
    return lab


def same(a: Lab, b: Lab) -> None:
    """The same run to the bit, and the same look."""
    one, two = a.session.run, b.session.run
    assert one.changes == two.changes and list(one.arms) == list(two.arms)
    for i, arm in one.arms.items():
        assert arm.t == two.arms[i].t and (arm.state.w == two.arms[i].state.w).all()
        for name in ("train_loss", "sharpness", "ratio", "threshold", "lr", "time"):
            for ours, theirs in zip(arm.record[name], two.arms[i].record[name], strict=True):
                np.testing.assert_array_equal(ours, theirs)
    assert a.session.sharing.look() == b.session.sharing.look()


def dress(lab: Lab) -> None:
    """Change what the page shows."""
    s = lab.session
    s.plots.choose("accuracy", s.run)
    s.comparing.against("time")
    s.plots.figure.zoom = {"x": [1.5, 4.0], "y2": [0.0, 30.0]}
    s.plots.figure.scales = {"y2": "log"}
    s._arms("hide", "a0")
    s.changes.control("target", "1:all")
    s.travel.seek(45)


def test_a_link_reopens_the_page_as_it_is(lab: Lab, open_lab) -> None:
    dress(lab)
    link = lab.session.sharing.query()
    assert len(link) < 2000
    same(lab, settle(open_lab(link=link)))
    again = settle(open_lab(link=f"http://127.0.0.1:8000/voila/render/01.ipynb?{link}"))
    assert again.session.travel.moment == 45 and again.plots.figure.until == 45
    assert "step 45 of 50" in again.bar.text


def test_a_run_goes_on_from_a_link_as_it_would_have(lab: Lab, open_lab) -> None:
    again = settle(open_lab(link=lab.session.sharing.query()))
    lab.run(100), again.run(100)
    same(lab, again)
    again.session._bar("reset", None)
    assert again.session.run.arms[0].t == 0


def test_a_closed_arm_stays_closed(lab: Lab, open_lab) -> None:
    lab.session._arms("close", "a1")
    again = settle(open_lab(link=lab.session.sharing.query()))
    same(lab, again)
    assert [row["id"] for row in again.arms.arms] == ["a0"]


def test_what_the_browser_kept_is_recovered(lab: Lab, open_lab) -> None:
    kept = []
    lab.share.keep = lambda text, said: kept.append((text, said))  # type: ignore[method-assign]
    dress(lab)
    lab.session.sharing.keep(now=True)
    assert not kept, "nobody has done anything"
    lab.session.sharing.touch()
    lab.session.sharing.keep(now=True)
    text, said = kept[-1]
    assert said == "step 100, 2 arms"
    other = open_lab()
    other.share._receive(None, {"event": "recover", "value": text}, [])
    same(lab, settle(other))


def test_the_run_before_is_offered_when_another_takes_its_place(lab: Lab) -> None:
    offered = []
    lab.share.offer = lambda text, said: offered.append(text)  # type: ignore[method-assign]
    lab.session.changes.control("preset", "chebyshev")
    assert from_json(offered[-1]).changes
    lab.session.changes.control("preset", "digits")
    assert len(offered) == 1, "an untouched run is not worth an offer"


def test_a_link_that_would_be_too_long_offers_the_file(open_lab) -> None:
    lab = open_lab(**SETTINGS)
    for _ in range(150):
        lab.run(1)
        lab.session.changes.control("lr", 0.999)
    lab.session.sharing.show("share")
    assert len(lab.share.link) > lab.share.longest, "which the page says, that knows the address"
    again = open_lab()
    data = taken(lab, "recipe")
    again.share._receive(
        None,
        {"event": "file", "value": {"name": "r.json", "first": True, "last": True}},
        [memoryview(data)],
    )
    same(lab, settle(again))


def test_a_notebooks_address_is_read_where_the_kernel_was_not_told(lab: Lab, open_lab) -> None:
    other = open_lab()
    query = lab.session.sharing.query()
    send = lambda value: other.share._receive(None, {"event": "address", "value": value}, [])  # noqa: E731
    send("?token=1")
    send("?" + query.replace("preset=digits", "preset=of-another-lab"))
    assert not other.session.player.returning
    send("?" + query)
    same(lab, settle(other))


# ---- files


def taken(lab: Lab, kind: str) -> bytes:
    """A file that a person took away."""
    got = {}
    lab.share.give = lambda id, data: got.update({id: data})  # type: ignore[method-assign]
    lab.share._receive(None, {"event": "take", "value": kind}, [])
    return got[kind]


def put(lab: Lab, name: str, data: bytes, piece: int = 1 << 20) -> None:
    """Open a file, as the page sends it: in pieces."""
    for at in range(0, max(1, len(data)), piece):
        value = {"name": name, "first": at == 0, "last": at + piece >= len(data)}
        event = {"event": "file", "value": value}
        lab.share._receive(None, event, [memoryview(data[at : at + piece])])


def test_the_files_are_what_they_say(lab: Lab) -> None:
    run, recipe = lab.session.run, lab.session.sharing.recipe
    assert from_json(taken(lab, "recipe").decode()) == recipe
    file = StringIO()
    tables.write_csv(file, [(i, a.parent, a.record) for i, a in run.arms.items()])
    assert taken(lab, "csv").decode() == file.getvalue()
    saved = tables.read(taken(lab, "parquet"), "x.parquet")
    assert [a.index for a in saved] == [0, 1] and from_json(saved[0].note) == recipe
    assert b"import torch" in taken(lab, "torch")
    assert b"</html>" in taken(lab, "html")


def test_the_snippet_makes_the_run(lab: Lab) -> None:
    lab.session.sharing.show("share")
    snippet = {text["label"]: text["text"] for text in lab.share.texts}["Python"]
    scope: dict[str, Run] = {}
    exec(snippet.replace(".finish()", ""), scope)
    assert scope["run"].recipe == lab.session.sharing.recipe


def test_the_command_line_runs_the_same(lab: Lab, tmp_path) -> None:
    words = shlex.split(lab.session.sharing.command())
    assert words[:2] == ["edgewise", "run"]
    assert main([*words[1:], "--set", "steps=120", "--out", str(tmp_path)]) == 0
    recipe = from_json((tmp_path / "recipe.json").read_text())
    assert recipe == lab.session.sharing.recipe.set({"steps": 120})


def test_a_file_that_cannot_be_made_is_refused_with_a_sentence(lab: Lab) -> None:
    said = []
    lab.share.refuse = lambda id, sentence: said.append(sentence)  # type: ignore[method-assign]
    lab.share._receive(None, {"event": "take", "value": "png"}, [])
    assert said and "page" in said[0]


def test_a_page_that_was_taken_away_has_all_of_it(lab: Lab) -> None:
    text = taken(lab, "html").decode()
    assert "Edge of stability" in text and "Settings that differ" in text
    assert len(text) < 3_000_000


# ---- comparing


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_saved_record_is_drawn_beside_the_run(lab: Lab, open_lab, kind: str) -> None:
    data = taken(lab, kind)
    other = open_lab(lr=0.3, **{k: v for k, v in SETTINGS.items() if k != "lr"})
    other.run(20)
    put(other, f"old.{kind}", data, piece=1000)
    assert [row["name"] for row in other.arms.arms] == [
        "arm 0: gradient descent",
        "old",
        "old, arm 1",
    ]
    x, y, steps = other.plots._history("s1_r0_p0_train_loss")
    np.testing.assert_array_equal(steps, lab.session.run.arms[0].record["train_loss"][0])
    np.testing.assert_array_equal(y, lab.session.run.arms[0].record["train_loss"][1][:, 0])
    assert "0.3" in other.table.value and "Settings that differ" in other.table.value
    other.session._arms("close", "s1")
    assert not any(t.startswith("s1_") for t in other.plots.figure.traces)
    other.session._bar("reset", None)
    assert any(t.startswith("s2_") for t in other.plots.figure.traces), "it outlives the run"


def test_a_file_that_is_no_record_is_a_sentence_and_nothing_is_lost(lab: Lab) -> None:
    for data in (b"", b"a,b\n1,2\n", b"PAR1nothing", b"{", b'{"edgewise": 9}', b"\xff\xfe{"):
        put(lab, "bad.csv", data)
        assert lab.messages.notices, data
        assert "Something went wrong" not in lab.messages.notices[-1]["text"]
        lab.messages.notices = []
    assert lab.session.run.arms[0].t == 100


def test_every_x_axis_has_the_points_of_the_record(lab: Lab) -> None:
    s, arm = lab.session, lab.session.run.arms[0]
    steps, sharpness = arm.record["sharpness"]
    for x in ("time", "loss", "step"):
        s.comparing.against(x)
        at, y, p = s.plots._history("a0_r1_p1_sharpness")
        np.testing.assert_array_equal(p, steps)
        np.testing.assert_array_equal(y, sharpness[:, 1])
        losses = arm.record["train_loss"][1][steps, 1]
        expected = {"time": np.where(steps <= 60, 0.2 * steps, 12 + 0.1 * (steps - 60)),
                    "loss": losses, "step": steps}  # fmt: skip
        np.testing.assert_allclose(at, expected[x], rtol=1e-12)
        titles = [
            a["title"]["text"] for k, a in s.plots.figure._figure["layout"].items() if "xaxis" in k
        ]
        assert titles[1] == {"time": "lr × step", "loss": "training loss", "step": "step"}[x]


def test_new_points_come_on_every_axis(lab: Lab) -> None:
    s = lab.session
    for x in ("time", "loss"):
        s.comparing.against(x)
        before = len(s.plots.figure._points["a0_r0_p1_sharpness"].x)
        lab.run(200)
        assert len(s.plots.figure._points["a0_r0_p1_sharpness"].x) > before


def test_ghosts_follow_in_the_background_and_come_back_with_the_link(lab: Lab, open_lab) -> None:
    s = lab.session
    s.changes.control("target", "0:all")
    s.changes.control("gradient-flow", True)
    until(lambda: s.comparing.ghosts["gradient-flow-0"].t == 100)
    s.frame()
    assert "ggradient-flow-0_r1_p2_ratio" in s.plots.figure.traces
    assert "Gradient flow, step 80: it predicts" in lab.beside.value
    s.travel.seek(45)
    assert "Gradient flow, step 40: it predicts" in lab.beside.value, "as all else, at the moment"
    s.travel.seek(None)
    again = settle(open_lab(link=s.sharing.query()))
    assert list(again.session.comparing.ghosts) == ["gradient-flow-0"]
    s.changes.control("gradient-flow", False)
    assert not any(t.startswith("g") for t in s.plots.figure.traces)
    s.frame()
    assert lab.beside.value == ""


def test_a_ghost_beside_another_optimizer_is_refused(open_lab) -> None:
    lab = open_lab(optimizer="adam", **{k: v for k, v in SETTINGS.items() if k != "lr"})
    lab.guarded(lab.session.changes.control)("central-flow", True)
    assert "beside gradient descent" in lab.messages.notices[-1]["text"]
    values = {c["id"]: c["value"] for g in lab.controls.groups for c in g["controls"]}
    assert values["central-flow"] is False


def test_the_table_names_what_differs_and_nothing_else(lab: Lab) -> None:
    lab.session.changes.control("target", "1:all")
    lab.session.changes.control("lr", 2.0)
    table = lab.session.comparing.table()
    assert "learning" not in table and table.count("<tr>") == 2, "a row for lr alone"
    assert "0.05, 0.1" in table and "0.2, 0.4" in table


def test_an_arm_that_has_not_begun_is_not_trained_by_a_link(open_lab) -> None:
    lab = open_lab(**SETTINGS)
    lab.run(50)
    lab.session.changes._open({"width": 5}, from_start=True)
    again = settle(open_lab(link=lab.session.sharing.query()))
    assert [arm.t for arm in again.session.run.arms.values()] == [50, 0]


def test_a_ghost_that_cannot_be_does_not_keep_the_lab_from_opening() -> None:
    lab = Lab("time_travel", "ghosts", optimizer="adam")
    assert "beside gradient descent" in lab.session.lab.messages.notices[0]["text"]
    lab.run(3)
    assert lab.session.run.arms[0].t == 3
    lab.session.player.close()


def test_a_new_run_stands_at_its_start_however_fast_the_old_one_played(open_lab) -> None:
    lab = open_lab(**SETTINGS)
    lab.plots.figure._heard = time.monotonic() + 1000  # a page is there
    lab.session._pace(None)
    for _ in range(10):
        lab.session._bar("play", None)
        time.sleep(0.05)
        lab.session._bar("reset", None)
        time.sleep(0.02)
        assert lab.session.run.arms[0].t == 0


def test_a_closed_arm_takes_its_ghosts_along(lab: Lab) -> None:
    lab.session.changes.control("target", "1:all")
    lab.session.changes.control("gradient-flow", True)
    lab.session._arms("close", "a1")
    assert not lab.session.comparing.ghosts
    options = [o["value"] for g in lab.controls.groups for c in g["controls"]
               if c["id"] == "target" for o in c["options"]]  # fmt: skip
    assert options == ["0:all", "0:0", "0:1"]


def test_hidden_thresholds_stay_hidden_on_another_axis(lab: Lab) -> None:
    lab.session._arms("hide", "a1")
    lab.session.comparing.against("time")
    mine = [t for t in lab.plots.figure._figure["data"] if t["uid"].startswith("a1_")]
    assert mine and not any(t["visible"] for t in mine)


def test_files_of_one_name_are_told_apart(lab: Lab) -> None:
    data = taken(lab, "csv")
    put(lab, "a/x.csv", data)
    put(lab, "b/x.csv", data)
    names = [row["name"] for row in lab.arms.arms]
    assert len(names) == len(set(names)) == 6
    assert "optimizer" not in lab.session.comparing.table(), (
        "what a CSV does not tell is no difference"
    )


def test_a_saved_name_is_escaped(lab: Lab) -> None:
    put(lab, "<img src=x onerror=alert(1)>.csv", taken(lab, "csv"))
    assert "<img" not in lab.session.comparing.table()


def test_json_that_a_page_wrote_runs_on_the_command_line(lab: Lab, tmp_path) -> None:
    path = tmp_path / "recipe.json"
    path.write_bytes(taken(lab, "recipe"))
    assert json.loads(path.read_text())["page"]["at"] == [100, 50]
    assert main(["run", str(path), "--set", "steps=110"]) == 0
