"""The map of two learning rates is what autograd trains; boxes count what is known; zooms find a border."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from lab_core import fractal
from lab_core.boxes import Boxes, boundary, boxes
from lab_core.fractal import CAP, TAIL, Landscape
from lab_core.knobs import BadInput
from lab_core.phenomena import fractal_boundary
from lab_core.zooms import (
    OVERVIEW,
    Frame,
    Window,
    Zooms,
    chain,
    filled,
    picture,
    shades,
    spread,
)

SMALL = Landscape(seed=1, steps=60)


def grid(n: int, half: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    x, y = Window(1.5, 1.5, half).axes(n)
    return np.tile(x, n), np.repeat(y, n)


def trained(landscape: Landscape, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same speeds by autograd on the weights, with tanh."""
    W, v, inputs, targets = landscape.drawn()
    h, P = landscape.width, len(x)
    W, v = W.expand(P, h, h).clone(), v.expand(P, h).clone()
    rate1, rate2 = torch.as_tensor(10.0**x), torch.as_tensor(10.0**y)
    losses = []
    for _ in range(landscape.steps):
        W, v = W.detach().requires_grad_(), v.detach().requires_grad_()
        f = (torch.tanh((2 / h) ** 0.5 * W @ inputs.T) * v.unsqueeze(2)).sum(1) / h
        loss = (f - targets).square().mean(1)
        losses.append(loss.detach())
        slope1, slope2 = torch.autograd.grad(loss.sum(), (W, v))
        W, v = W - rate1[:, None, None] * slope1, v - rate2[:, None] * slope2
    ratio = torch.stack(losses) / losses[0]
    ratio = ratio.nan_to_num(nan=CAP, posinf=CAP).clamp(max=CAP)
    return torch.where(ratio[-TAIL:].mean(0) < 1, -ratio.sum(0), (1 / ratio).sum(0)).numpy()


@pytest.mark.parametrize(("width", "points"), [(4, 4), (16, 16), (3, 7), (1, 1)])
def test_speeds_are_those_of_autograd(width: int, points: int) -> None:
    """To rounding, which some of the nets that end far away blow up: 60 steps, not many more."""
    landscape = replace(SMALL, width=width, points=points)
    x, y = grid(12)
    ours, theirs = landscape.speeds(x, y), trained(landscape, x, y)
    assert ((ours < 0) == (theirs < 0)).all() and 0 < (ours < 0).mean() < 1
    away = np.abs(ours / theirs - 1)
    assert np.median(away) < 1e-12 and (away < 1e-6).mean() > 0.9


def test_to_leave_out_what_is_past_return_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    landscape = replace(SMALL, steps=300)
    x, y = grid(16)
    dropped: list[int] = []
    drop = fractal._Stack.drop

    def watched(self: fractal._Stack, loss: torch.Tensor) -> torch.Tensor | None:
        kept = drop(self, loss)
        dropped.append(0 if kept is None else int((~kept).sum()))
        return kept

    monkeypatch.setattr(fractal._Stack, "drop", watched)
    ours = landscape.speeds(x, y)
    assert sum(dropped) > 100
    monkeypatch.setattr(fractal._Stack, "drop", lambda self, loss: None)
    away = np.abs(landscape.speeds(x, y) / ours - 1)
    assert (away < 1e-12).mean() > 0.99  # the rest by another rounding of the same sums


def test_a_net_that_stands_still_does_not_train() -> None:
    """At a learning rate of 0 the ratio is 1 at every step, which is not below 1."""
    (speed,) = SMALL.speeds(np.array([-400.0]), np.array([-400.0]))
    assert speed == SMALL.steps


def test_it_stops_when_it_is_not_to_go_on() -> None:
    assert np.isnan(SMALL.speeds(*grid(4), going=lambda: False)).all()


# ---- boxes


def line(n: int, angle: float, away: float) -> np.ndarray:
    """One side of a line that far from the middle, in sides of the picture."""
    y, x = np.mgrid[:n, :n] - (n - 1) / 2 + 0.01
    return x * math.cos(angle) + y * math.sin(angle) > away * n


def carpet(levels: int) -> np.ndarray:
    """Sierpinski's triangle on [2^levels, 2^levels]: Pascal's triangle modulo 2."""
    y, x = np.mgrid[: 2**levels, : 2**levels]
    return (x & y) == 0


@pytest.mark.parametrize("n", [64, 80, 96, 128])
def test_a_line_has_dimension_one_and_hardly_ever_more(n: int) -> None:
    """The bias of small pictures, by the direction and place of the line: 0.7 to 1.06."""
    angles, places = np.linspace(0, math.pi, 41), (0, 0.07, 0.15, 0.22)
    found = [boxes(boundary(line(n, a, p))).dimension for a in angles for p in places]
    assert min(found) > 0.65 and max(found) < 1.08 and 0.95 < np.median(found) < 1.0


def test_boxes_of_known_sets() -> None:
    assert boxes(carpet(7)).dimension == pytest.approx(math.log2(3), abs=1e-9)
    assert boxes(carpet(7)).counts[:3] == ((1, 3**7), (2, 3**6), (4, 3**5))
    assert boxes(np.eye(64, dtype=bool)).dimension == pytest.approx(1)
    dot = np.zeros((64, 64), bool)
    dot[3, 5] = True
    assert boxes(dot).dimension == pytest.approx(0, abs=1e-9)


def test_an_area_and_noise_and_nothing_are_not_resolved() -> None:
    """An area's slope would be 2; but so is that of anything too fine for the picture."""
    full = boxes(np.ones((64, 64), bool))
    assert not full.resolved and math.isnan(full.dimension)
    counts = [k for _, k in full.counts]
    assert [a // b for a, b in zip(counts, counts[1:], strict=False)] == [4, 4, 4, 4]
    noise = np.random.default_rng(0).random((64, 64)) < 0.5
    assert not boxes(boundary(noise)).resolved
    assert not boxes(np.zeros((64, 64), bool)).resolved


def test_a_box_count_by_hand() -> None:
    picture = np.zeros((16, 16), bool)
    picture[:5, :6] = True
    found = boundary(picture)
    assert found.sum() == 6 + 5 - 1
    assert boxes(found) == Boxes(16, ((1, 10), (2, 5), (4, 3)))


# ---- pictures and zooms


class Corner:
    """Two quadratics that know nothing of each other: it trains where both learning rates are small."""

    stack = 1000

    def speeds(self, x: np.ndarray, y: np.ndarray, going: object) -> np.ndarray:
        return np.where((x < 1.234) & (y < 0.777), -1.0, 1.0) * (1 + np.abs(x - y))


class Noise(Corner):
    def speeds(self, x: np.ndarray, y: np.ndarray, going: object) -> np.ndarray:
        return np.random.default_rng(len(x)).choice([-1.0, 1.0], len(x))


class Nothing(Corner):
    def speeds(self, x: np.ndarray, y: np.ndarray, going: object) -> np.ndarray:
        return np.ones(len(x))


def test_a_picture_comes_from_coarse_to_fine_and_nothing_twice() -> None:
    asked = []

    class Counted(Corner):
        stack = 100

        def speeds(self, x: np.ndarray, y: np.ndarray, going: object) -> np.ndarray:
            asked.extend(zip(x, y, strict=True))
            return super().speeds(x, y, going)

    pictures = list(filled(Counted(), OVERVIEW, 32))
    assert len(asked) == len(set(asked)) == 32 * 32
    assert len(pictures) == 1 + 1 + 2 + 8  # 16, 48, 192 and 768 pixels, a hundred at a time
    first = pictures[0]
    assert np.isfinite(first[::8, ::8]).all() and np.isfinite(first).sum() == 16
    assert (spread(first)[:8, 8:16] == first[0, 8]).all()
    assert np.array_equal(spread(pictures[-1]), pictures[-1])
    again = list(filled(Counted(), OVERVIEW, 32, pictures[4]))
    assert np.array_equal(again[-1], pictures[-1]) and len(again) == len(pictures) - 5
    x, y = OVERVIEW.axes(32)
    assert np.array_equal(pictures[-1][5], Corner().speeds(x, np.full(32, y[5]), None))


def test_shades_rank_each_side_and_meet_at_their_slowest() -> None:
    speeds = np.array([[-1.0, -2.0, -300.0], [0.5, 80.0, 3.0], [np.nan, -2.0, 3.0]])
    assert shades(speeds, 4).tolist() == [[1, 2, 4], [8, 5, 7], [0, 2, 7]]


@pytest.mark.parametrize("pixels", [64, 96])
def test_the_control_stays_a_corner_at_every_zoom(pixels: int) -> None:
    """Two decoupled quadratics: below 1.15 down to the last bits, at the busiest part of each zoom."""
    frames = list(chain(Corner(), pixels, 20))
    assert len(frames) >= 14 and frames[-1].window.half < 1e-12
    assert all(frame.boxes.dimension < 1.15 for frame in frames)


def test_a_zoom_is_where_the_boundary_is_the_most_but_not_too_much() -> None:
    speeds = np.ones((64, 64))
    speeds[40:48:2, 8:16] = -1  # strips: 64 pixels of boundary in a window of 64
    speeds[20, 33] = speeds[23, 36] = -1
    frame = Frame(Window(0, 0, 1), speeds)
    sparse, dense = frame.busiest(), frame.busiest(crowd=1.0)
    assert sparse and dense and sparse.half == dense.half == 1 / 8
    assert abs(dense.x - (12 / 32 - 1)) < 2 / 32 and abs(dense.y - (44 / 32 - 1)) < 4 / 32
    inside = picture(Corner(), sparse, 64)
    assert inside.window == sparse
    assert Frame(OVERVIEW, np.ones((64, 64))).busiest() is None


def test_windows_end_where_float64_does() -> None:
    assert Window(1.5, 1.5, 1e-12).needs(64) is None
    with pytest.raises(
        BadInput, match="past what float64 resolves with 64 pixels; stay above 2.8e-14"
    ):
        Window(1.5, 1.5, 1e-14).needs(64)
    x, _ = Window(2.5, 2.5, 2.3e-13).axes(64)
    assert (np.diff(x) > 0).all()
    for wrong in ({"half": 0.0}, {"x": math.nan}, {"y": 1e9}, {"half": "wide"}):
        with pytest.raises(BadInput):
            Window(**wrong)
    for wrong in ({"steps": 10**6}, {"width": 0}, {"points": 1000}, {"seed": 1.5}):
        with pytest.raises(BadInput):
            Landscape(**wrong)


# ---- the judges


def chains(*landscapes: Corner) -> list[list[Frame]]:
    return [list(chain(one, 80, 4)) for one in landscapes]


def test_the_judges_refuse_a_corner_noise_and_nothing() -> None:
    for other in (Corner(), Noise(), Nothing()):
        runs = [chains(other, other, other)] * 2
        assert not fractal_boundary.judge_zooms(runs).holds
        assert not fractal_boundary.judge_deep(runs).holds
    for other in (Noise(), Nothing()):
        assert not fractal_boundary.judge_overview([chains(other)]).holds
    assert fractal_boundary.judge_overview([chains(Corner())]).holds


def test_the_judge_of_the_overview_refuses_a_zoom_and_that_of_depth_a_corner_down_there() -> None:
    (frames,) = Zooms(seed=(0,), frames=2).finish()
    assert not fractal_boundary.judge_overview([[frames[1:]]]).holds
    deep = [list(chain(Corner(), 64, 15)) for _ in range(3)]
    assert not fractal_boundary.judge_deep([[], deep]).holds
