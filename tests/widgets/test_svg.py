"""Still pictures: what they show is what was computed, as well-formed SVG that fetches nothing."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from lab_core.curves import Curve, Panel, along
from lab_core.knobs import BadInput
from lab_core.phase import Diagram, Measure
from lab_core.recipe import Recipe
from lab_core.run import Run
from lab_core.sweep import Axis, Grid, Sweep, compute, in_stacks
from widgets import drawing, svg, theme
from widgets.drawing import Mark, Trace
from widgets.scale import Axis as Scale

SVG = "{http://www.w3.org/2000/svg}"
SMALL = Recipe().set({"data": "chebyshev", "width": 4, "depth": 1, "steps": 40})
X, Y = Scale("step"), Scale("loss", log=True)


def parts(text, tag):
    return list(ElementTree.fromstring(text).iter(SVG + tag))


def texts(text):
    return [part.text for part in parts(text, "text")]


def points(d):
    """The absolute points of a path of M and l."""
    first, _, rest = d.removeprefix("M").partition("l")
    steps = [re.findall(r"-?\d*\.?\d+", pair) for pair in [first, *filter(None, rest.split("l"))]]
    return np.cumsum(np.array(steps, float), axis=0)


def curves(text):
    drawn = [p for p in parts(text, "path") if p.get("stroke-linejoin")]
    return [points(p.get("d")) for p in drawn]


def finished(settings, *probes):
    run = Run(SMALL.set(settings))
    for probe in probes:
        run.watch(probe, 10)
    return run.finish()


def grid_of(sweep):
    grid = Grid(sweep)
    for cells in in_stacks(sweep, False, []):
        grid.add(compute(cells, sweep.stop, lambda: True))
    return grid


def test_a_line_goes_through_its_points_from_corner_to_corner():
    trace = Trace(np.array([0.0, 1, 2]), np.array([1.0, 10, 100]))
    (line,) = curves(drawing.picture([trace], X, Y, "A line"))
    steps = np.diff(line, axis=0)
    assert steps[0] == pytest.approx(steps[1], abs=0.2)  # straight, on a logarithmic axis
    assert (steps > 0).tolist() == [[True, False]] * 2  # to the right, and up


def test_what_is_not_known_or_has_no_place_is_left_out():
    trace = Trace(np.arange(5.0), np.array([1.0, np.nan, 0.0, -1.0, 10.0]))
    (line,) = curves(drawing.picture([trace], X, Y, "Gaps"))
    assert len(line) == 2


def test_extremes_of_a_long_curve_are_kept_and_its_text_is_short():
    y = np.random.default_rng(0).uniform(1, 2, 20000)
    y[777] = 50
    text = drawing.picture([Trace(np.arange(20000.0), y)], X, Scale("y"), "Long")
    (line,) = curves(text)
    assert len(text) < 6000 and len(line) < 300
    assert line[:, 1].min() < 30  # the peak, near the top


def test_words_are_escaped_and_a_picture_says_what_it_is():
    marks = [Mark("a < b", "var(--ew-bad)", 1.8, "dash", "x")]
    text = drawing.picture([Trace(X.scaled([0, 1]), np.ones(2))], X, Y, "<T>", "it & more", marks)
    assert parts(text, "title")[0].text == "<T>" and parts(text, "desc")[0].text == "it & more"
    assert ElementTree.fromstring(text).get("role") == "img" and "a < b" in texts(text)


def test_colours_follow_the_page_and_stand_in_where_there_is_no_theme():
    assert theme.fixed("var(--ew-replica-1)") == f"var(--ew-replica-1,{theme.REPLICAS[1][0]})"
    assert theme.fixed("rgba(1,2,3,0.5)") == "rgba(1,2,3,0.5)"


def test_cells_stand_where_they_are_in_the_matrix():
    levels = np.array([[1, 1, 2], [0, 2, 2]])
    text = drawing.heat_map(levels, ["", "red", "blue"], ("x", []), ("y", []), "Cells")
    drawn = {p.get("stroke"): p.get("d") for p in parts(text, "g")[0]}
    assert drawn == {"red": "M0 1.5h2", "blue": "M1 0.5h2M2 1.5h1"}  # row 0 below


def test_a_run_is_drawn_with_its_thresholds_and_its_replicas_told_apart():
    run = finished({"lr": (0.1, 0.2)}, "sharpness")
    text = svg.of_run(run, "sharpness", about="The caption.")
    dashed = [p for p in parts(text, "path") if p.get("stroke-dasharray")]
    assert len(curves(text)) == 4 + 2 and len(dashed) == 2  # two of them in the key
    assert {"lr 0.1", "0.2", "step", "Sharpness and its threshold"} <= set(texts(text))


def test_arms_are_named_and_a_run_may_be_drawn_against_time():
    run = Run(SMALL)
    run.branch({"lr": 0.2}, from_start=True)
    text = svg.of_run(run.finish(), "loss", "time")
    assert "lr × step" in texts(text) and any(t and t.startswith("lr 0.2") for t in texts(text))


def test_a_plot_that_was_not_measured_is_refused():
    run = finished({})
    assert svg.can_draw(run, "loss") and not svg.can_draw(run, "spectrum")
    with pytest.raises(BadInput, match="has not measured 'spectrum'"):
        svg.of_run(run, "spectrum")


def test_curves_and_diagrams_of_a_grid_are_drawn():
    over = (Axis(("lr",), "learning rate", (0.05, 0.1, 0.2)),)
    sweep = Sweep(SMALL, over, (0, 1), None)
    panel = Panel("Loss", "learning rate", "loss", along("train_loss"), log_x=True, log_y=True)
    curve = Curve("Curve", "", sweep, (panel,))
    text = svg.of_grid(curve, grid_of(sweep))
    (line,) = curves(text)
    assert len(line) == 3 and len([p for p in parts(text, "path") if p.get("opacity")]) == 1

    two = (Axis(("width",), "width", (2, 4)), *over)
    diagram = Diagram("Diagram", "", Sweep(SMALL, two, (0,), None), Measure("train_loss"), "", "")
    text = svg.of_grid(diagram, grid_of(diagram.subject))
    assert {"learning rate", "width", "0.05", "0.2", "4"} <= set(texts(text))
    assert sum(int(n) for p in parts(text, "g")[0] for n in re.findall(r"h(\d+)", p.get("d"))) == 6


def test_replicas_that_differ_in_their_seeds_alone_look_alike():
    run = Run(SMALL.set({"lr": (0.05, 0.1), "seed": (0, 1, 2)})).finish()
    text = svg.of_run(run, "loss")
    drawn = [p.get("stroke") for p in parts(text, "path") if p.get("stroke-linejoin")]
    own = [theme.fixed(theme.colour(i)) for i in (0, 1)]
    assert drawn[:6] == [own[0]] * 3 + [own[1]] * 3
    assert "lr 0.05" in texts(text)
