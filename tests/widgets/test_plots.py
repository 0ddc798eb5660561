"""The four plots: which columns each draws, and that they follow the preset, the link and the arm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from lab_core.phenomena import PHENOMENA
from lab_core.phenomena.base import Phenomenon, Preset
from lab_core.probes import PROBES, Columns, Moment
from lab_core.recipe import Recipe
from lab_core.record import Record
from widgets import theme
from widgets.lab import Lab
from widgets.panels import PLOTS
from widgets.plots import Plots
from widgets.sources import Source
from widgets.traces import parts_of, specs

CURVES = [slug for slug, plot in PLOTS.items() if not plot.array]
TOY = Recipe().set({"data": "chebyshev", "width": 8, "steps": 200, "lr": (0.1, 0.2)})
CLASSES = Recipe().set({"data": "clusters", "width": 8, "lr": (0.1, 0.2), "steps": 300,
                        "loss": "cross-entropy", "probes": (("accuracy", 5),)})  # fmt: skip
PRESETS = {
    "edge": Preset("Edge", "", TOY, 20),
    "classes": Preset("Classes", "", CLASSES, 20, (),
                      ("accuracy", "losses", "ratio", "zero_loss"), "log-step"),
}  # fmt: skip
FAKE = Phenomenon("fake", "Fake", "Why?", (("p", "Paper"),), PRESETS, (), 1,
                  ("weight_norm", "zero_loss", "spectrum", "gradient_norm"))  # fmt: skip


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setitem(PHENOMENA, "fake", FAKE)
    lab = Lab("fake", link="")
    assert lab.session.preset == "edge"
    yield lab
    assert not lab.messages.notices
    lab.session.player.close()


def titles(lab: Lab) -> list[str]:
    return [panel["title"] for panel in lab.plots.figure._figure["layout"]["meta"]["panels"]]


def columns(lab: Lab, place: int) -> set[str]:
    arms = [t for t in lab.plots.figure.traces if t.startswith("a")]
    return {column for _, at, column in map(parts_of, arms) if at == place}


@pytest.mark.parametrize("slug", CURVES)
def test_a_plot_draws_its_columns_and_is_content_without_them(slug: str) -> None:
    plot, plots = PLOTS[slug], Plots()
    preset = Preset("", "", TOY, 1, (), ("loss", slug, "ratio", "weight_norm"))
    plots.open(preset, ("weight_norm",))
    record = Record(2)
    for column in plot.columns[:-1] or plot.columns:  # the last of several is not there yet
        record.extend(column, [0, 10], [[0.1, 0.2], [0.3, 0.4]])
    source = Source("s1", "old", record, ["lr 1", "lr 2"])
    for spec in specs(source, plot, 1, range(2)):
        plots.figure.add_trace(spec)
    plots._fill(source, 1)
    for column in plot.columns:
        points = plots.figure._points[f"s1_r1_p1_{column}"]
        there = column in record.columns
        assert np.allclose(points.y, [0.2, 0.4] if there else [])


@pytest.mark.parametrize("slug", [s for s in CURVES if PLOTS[s].words and not PLOTS[s].dashed])
def test_columns_of_a_plot_differ_without_colour_and_are_named_on_it(slug: str) -> None:
    plot = PLOTS[slug]
    assert len(plot.words) == len(plot.columns) > 1
    found = specs(Source("s1", "", Record(1), ["lr 1"]), plot, 0, range(1))
    strokes = [(s["line"]["width"], s["line"]["dash"]) for s in found]
    assert len(set(strokes)) == len(strokes) and len({s["line"]["color"] for s in found}) == 1
    assert [s["name"] for s in found] == [f"lr 1, {word}" for word in plot.words]
    plots = Plots()
    plots.open(Preset("", "", TOY, 1, (), (slug, "loss", "ratio", "weight_norm")), ())
    key = plots.figure._figure["layout"]["meta"]["panels"][0]["key"]
    assert [one["word"] for one in key] == list(plot.words)


def test_a_preset_changes_all_four_panels(lab: Lab) -> None:
    s, layout = lab.session, lab.plots.figure._figure["layout"]
    assert titles(lab) == [PLOTS[slug].title for slug in PRESETS["edge"].plots]
    assert any(t.startswith("one") for t in lab.plots.figure.traces)
    s.changes.control("preset", "classes")
    lab.run(20)
    assert titles(lab) == [PLOTS[slug].title for slug in PRESETS["classes"].plots]
    assert columns(lab, 0) == {"test_accuracy", "train_accuracy"}
    assert columns(lab, 3) == {"zero_loss"} and "threshold" not in columns(lab, 1)
    assert layout["xaxis"]["type"] == "log" and layout["xaxis"]["title"]["text"] == "step"
    assert {"zero_loss", "test_loss", "sharpness"} <= set(dict(s.run.base.probes))
    s.changes.control("preset", "edge")
    assert titles(lab)[1] == PLOTS["sharpness"].title and "type" not in layout["xaxis"]


def test_the_fourth_plot_is_one_of_the_phenomenons(lab: Lab) -> None:
    s = lab.session
    panel = lambda: lab.plots.figure._figure["layout"]["meta"]["panels"][3]  # noqa: E731
    assert [slug for slug, _ in panel()["choices"]] == list(FAKE.choices)
    s._choice(3, "gradient_norm")
    assert panel()["choice"] == "gradient_norm" and columns(lab, 3) == {"gradient_norm"}
    assert "plot=gradient_norm" in s.sharing.query()
    s._choice(3, "weight_norm")
    assert "plot=" not in s.sharing.query(), "it is the preset's own"


def test_a_link_names_a_fourth_plot_and_an_axis(lab: Lab) -> None:
    link = "preset=classes&plot=weight_norm&x=time"
    again = Lab("fake", link=link)
    assert again.session.plots.chosen == "weight_norm" and again.plots.x == "time"
    assert titles(again)[:3] == [PLOTS[slug].title for slug in PRESETS["classes"].plots[:3]]
    assert not again.messages.notices
    again.session.player.close()
    again = Lab("fake", link="plot=telescope")
    assert again.session.plots.chosen == "weight_norm"
    assert "plot: 'telescope' is not known" in again.messages.notices[0]["text"]
    again.session.player.close()


def test_a_logarithmic_axis_has_the_steps_of_the_record(lab: Lab) -> None:
    s = lab.session
    s.changes.control("preset", "classes")
    lab.run(300)
    x, _, steps = s.plots._history("a0_r1_p0_test_accuracy")
    assert x[0] == 0 and (x == steps).all(), "step 0 has no place on it, the others their own"
    assert "x=" not in s.sharing.query().replace("max=", "")
    s.comparing.against("step")
    assert "&x=step" in s.sharing.query(), "which is not the preset's own"


def test_the_effective_sharpness_and_the_line_at_1_go_with_their_plots() -> None:
    plots = Plots()
    plots.open(Preset("", "", TOY, 1, (), ("ratio", "loss", "raw_sharpness", "sharpness")), ())
    plots.clear()
    assert [t for t in plots.figure.traces if t.startswith("one")] == ["one_p0"]
    record = Record(1)
    for column, value in (("sharpness", 1.0), ("effective_sharpness", 2.0)):
        record.extend(column, [0], [[value]])
    source = Source("s1", "", record, ["lr 1"])
    for place in (2, 3):
        for spec in plots._traces(source, place):
            plots.figure.add_trace(spec)
        plots._fill(source, place)
    shown = [plots.figure._points[f"s1_r0_p{p}_sharpness"].y.tolist() for p in (2, 3)]
    assert shown == [[1.0], [2.0]]


# ---- what is wider than a number


def correctness(m: Moment) -> Columns:
    """A pattern that says its replica and its step."""
    shape = (len(m.w), 2, 3)
    m.arrays["correctness"] = (torch.arange(6).reshape(2, 3) + torch.arange(len(m.w))[:, None, None]
                               + m.t // 10).remainder(5).expand(shape).to(torch.int8)  # fmt: skip
    return {}


@pytest.fixture
def maps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab with a heat map in the third place."""
    monkeypatch.setitem(PROBES, "correctness", correctness)
    plots = ("accuracy", "loss", "correctness", "weight_norm")
    recipe = CLASSES.set({"probes": (("correctness", 10), ("accuracy", 10))})
    preset = Preset("Maps", "", recipe, 20, (), plots)
    monkeypatch.setitem(PHENOMENA, "fake", replace(FAKE, presets={"maps": preset}))
    lab = Lab("fake", link="")
    lab.run(31)
    yield lab
    assert not lab.messages.notices
    lab.session.player.close()


def shown(lab: Lab) -> dict[str, list[int]]:
    return {uid: cells.ravel().tolist() for uid, cells in lab.plots.figure._cells._held.items()}


def pattern(replica: int, step: int) -> list[int]:
    return [(i + replica + step // 10) % 5 for i in range(6)]


def test_a_heat_map_is_that_of_the_chosen_replica_and_arm(maps: Lab) -> None:
    s = maps.session
    assert shown(maps) == {"a0_r0_p2_correctness": pattern(0, 30)}, "the first where all move"
    s.changes.control("target", "0:1")
    assert shown(maps) == {"a0_r1_p2_correctness": pattern(1, 30)}
    s.changes.control("optimizer", "heavy-ball")
    assert list(shown(maps)) == [], "the new arm has not been measured yet"
    maps.run(10)
    assert shown(maps) == {"a1_r0_p2_correctness": pattern(0, 40)}
    s._arms("close", "a1")
    assert shown(maps) == {"a0_r0_p2_correctness": pattern(0, 40)}
    s._bar("reset", None)
    assert shown(maps) == {}


def test_a_heat_map_of_the_past_is_that_of_its_step(maps: Lab) -> None:
    s = maps.session
    s.travel.seek(12)
    assert shown(maps) == {"a0_r0_p2_correctness": pattern(0, 12)}
    s.changes.control("target", "0:1")
    assert shown(maps) == {"a0_r1_p2_correctness": pattern(1, 12)}
    s.frame()
    assert shown(maps) == {"a0_r1_p2_correctness": pattern(1, 12)}
    s.travel.seek(None)
    assert shown(maps) == {"a0_r1_p2_correctness": pattern(1, 30)}


def test_a_hidden_arm_hides_its_map_and_a_moved_knob_renames_it(maps: Lab) -> None:
    s = maps.session
    trace = lambda: next(  # noqa: E731
        t for t in maps.plots.figure._figure["data"] if t["type"] == "heatmap"
    )
    s._arms("hide", "a0")
    assert trace()["visible"] is False
    s._arms("show", "a0")
    s.changes.control("target", "0:0")
    s.changes.control("lr", 0.7)
    s.frame()
    assert trace()["visible"] is True and trace()["name"] == "lr 0.7"


def test_stems_stand_beside_each_other_and_carry_the_values(lab: Lab) -> None:
    plots, record = lab.plots, Record(2)
    arm = lab.session.run.arms[0]
    k, power = torch.arange(1, 4).expand(2, -1), torch.tensor([[0.1, 0.0, 0.9], [0.5, 0.5, 0.0]])
    record.arrays["fourier"] = (7, (k, power))
    plots.open(Preset("", "", TOY, 1, (), ("fourier", "neurons", "loss", "ratio")), ())
    source = Source("a0", "", record, ["lr 1", "lr 2"], arm=arm)
    found = plots._traces(source, 0)
    assert found[0]["meta"]["stems"] < 0 < found[1]["meta"]["stems"]
    for spec in found:
        plots.figure.add_trace(spec)
    plots._fill(source, 0)
    points = plots.figure._points["a0_r1_p0_fourier"]
    assert points.x.tolist() == [1, 2, 3] and points.y.tolist() == [0.5, 0.5, 0.0]


# ---- matrices: stand-ins for probes of models that recover one

R = 2
GAP = float("nan")


def error(m: Moment) -> torch.Tensor:
    """Of the first replica an exponential, of the second a power law."""
    t = torch.tensor(float(m.t), dtype=torch.float64)
    return torch.stack([torch.exp(-0.05 * t), 1 / (1 + t)])


def recovery(m: Moment) -> Columns:
    return {"recovery": error(m)}


def singular(m: Moment) -> Columns:
    levels = {f"singular_{i}": error(m) / i for i in range(1, 6)}
    return levels | {f"truth_{i}": torch.full((R,), 1.0 / i) for i in (1, 2)}


def matrix(m: Moment) -> Columns:
    row = torch.tensor([-1.0, m.t, GAP, -50.0, 50.0], dtype=torch.float64)
    m.arrays["matrix"] = row.expand(R, 2, 5).clone()
    m.arrays["matrix"][1, :, 0] = 1.0
    return {}


def boundary(m: Moment) -> Columns:
    x, y = torch.tensor([[0.0, 1.0, 2.0, 3.0]]), torch.tensor([[5.0, 6.0, 7.0, 8.0]])
    m.arrays["points"] = (x, y, torch.tensor([[1.0, -1.0, -1.0, 1.0]]))
    ends = torch.tensor([[-1.0, float(m.t)], [0.0, GAP]])  # the second has none
    m.arrays["boundary"] = (ends, ends)
    return {}


@pytest.fixture
def matrices(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab with the four plots of a matrix that is recovered, at step 201."""
    for probe in (recovery, singular, matrix, boundary):
        monkeypatch.setitem(PROBES, probe.__name__, probe)
    plots = ("recovery", "singular", "matrix", "boundary")
    preset = Preset("Matrices", "", CLASSES.set({"probes": tuple((p, 10) for p in plots)}), 20, (),
                    plots)  # fmt: skip
    monkeypatch.setitem(PHENOMENA, "fake", replace(FAKE, presets={"matrices": preset}))
    lab = Lab("fake", link="")
    lab.run(201)
    yield lab
    assert not lab.messages.notices
    lab.session.player.close()


def drawn(lab: Lab, place: int) -> dict[str, tuple[list[float], list[float]]]:
    points = lab.plots.figure._points
    return {uid: (p.x.tolist(), p.y.tolist()) for uid, p in points.items() if f"_p{place}_" in uid}


def said(lab: Lab) -> list[str]:
    specs = lab.plots.figure._figure["data"]
    return [t.get("meta", {}).get("rate", "") for t in specs if t["uid"].endswith("recovery")]


def test_rates_stand_beside_the_curves_as_of_the_moment_shown(matrices: Lab) -> None:
    assert said(matrices) == ["e^(−0.0500 t)", "t^(−0.993)"]
    matrices.session.travel.seek(60)
    assert said(matrices) == ["", ""], "too little was measured"
    matrices.session.travel.seek(None)
    assert said(matrices) == ["e^(−0.0500 t)", "t^(−0.993)"]


def test_what_all_replicas_are_to_come_to_is_drawn_once_and_dashed(matrices: Lab) -> None:
    truth = {uid: y for uid, (_, y) in drawn(matrices, 1).items() if "truth" in uid and y}
    assert {uid: set(y) for uid, y in truth.items()} == {
        "a0_r0_p1_truth_1": {1.0}, "a0_r0_p1_truth_2": {0.5},
    }, "the others are not in the record"  # fmt: skip
    spec = {t["uid"]: t for t in matrices.plots.figure._figure["data"]}["a0_r0_p1_truth_1"]
    assert spec["line"] == theme.REFERENCE and "marker" not in spec and spec["name"] == "truth"
    assert len([uid for uid in drawn(matrices, 1) if "singular" in uid]) == 5 * R
    key = matrices.plots.figure._figure["layout"]["meta"]["panels"][1]["key"]
    assert [one["word"] for one in key] == ["iterate", "truth"]
    matrices.session.changes.control("target", "0:1")
    assert {uid for uid, (_, y) in drawn(matrices, 1).items() if "truth" in uid and y} == {
        "a0_r1_p1_truth_1", "a0_r1_p1_truth_2"
    }  # fmt: skip


def test_a_matrix_is_that_of_the_chosen_replica_and_moment(matrices: Lab) -> None:
    def row() -> list[float]:
        ((cells, end),) = [(c, matrices.plots.figure._cells._ends[uid])
                           for uid, c in matrices.plots.figure._cells._held.items()]  # fmt: skip
        return [round((int(v) - 128) / 127 * end) if v else GAP for v in cells[0]]

    assert np.array_equal(row(), [-2, 200, GAP, -50, 50], equal_nan=True)
    matrices.session.changes.control("target", "0:1")
    assert np.array_equal(row(), [2, 200, GAP, -50, 50], equal_nan=True)
    matrices.session.travel.seek(100)
    assert abs(row()[1] - 100) <= 1 and row()[-1] == 50, "to half of a level"


def test_points_are_drawn_once_and_the_boundary_moves(matrices: Lab) -> None:
    classes = {"a0_r0_p3_points0": ([0, 3], [5, 8]), "a0_r0_p3_points1": ([1, 2], [6, 7])}
    assert drawn(matrices, 3) == classes | {
        "a0_r0_p3_boundary": ([-1, 200], [-1, 200]), "a0_r1_p3_boundary": ([0], [0]),
    }  # fmt: skip
    matrices.plots.figure.set("a0_r0_p3_points0", [], [])  # as a sign
    matrices.session.travel.seek(50)
    assert drawn(matrices, 3)["a0_r0_p3_boundary"] == ([-1, 50], [-1, 50])
    assert drawn(matrices, 3)["a0_r0_p3_points0"] == ([], []), "they are not sent again"
    panel = matrices.plots.figure._figure["layout"]["meta"]["panels"][3]
    assert panel["equal"] and [one["word"] for one in panel["key"]] == ["label +1", "label −1"]
    assert len({one["symbol"] for one in panel["key"]}) == 2
    assert len({one["color"] for one in panel["key"]}) == 1
