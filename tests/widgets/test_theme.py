"""Colours stay apart for eyes that do not see all of them, and stand out from the page."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from widgets import theme

# What a colour looks like, in linear RGB (Machado, Oliveira & Fernandes 2009, severity 1).
EYES = {
    "all cones": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                            [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip
# OKLab (Ottosson 2020): linear RGB to cones, their cube roots to lightness and two differences. Two
# large areas can just be told apart at about 0.02.
TO_CONES = np.array([[0.4122214708, 0.5363325363, 0.0514459929],
                     [0.2119034982, 0.6806995451, 0.1073969566],
                     [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                   [1.9779984951, -2.4285922050, 0.4505937099],
                   [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip
# Lines are thin: four times what areas need. The first four, in most presets, get more than five.
LINES, FIRST = 0.09, 0.11
CELLS = 0.08
PAGES = (("#ffffff", "#f5f7fb"), ("#12161d", "#1a202b", "#111111"))  # the last one is JupyterLab's
THEMES = [pytest.param(0, id="light"), pytest.param(1, id="dark")]


def linear(colour: str) -> np.ndarray:
    """A hex code as linear RGB."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(colour: str, eye: str) -> np.ndarray:
    seen = np.clip(EYES[eye] @ linear(colour), 0, 1)
    return TO_LAB @ np.cbrt(TO_CONES @ seen)


def apart(a: str, b: str, eye: str) -> float:
    return float(np.linalg.norm(lab(a, eye) - lab(b, eye)))


def contrast(a: str, b: str) -> float:
    """WCAG 2's: (brighter + 0.05) / (darker + 0.05), by relative luminance."""
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b))
    return (high + 0.05) / (low + 0.05)


def mixed(a: str, b: str, share: float) -> str:
    pairs = ((int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(share * x + (1 - share) * y):02x}" for x, y in pairs)


def too_near(colours: list[str], least: float) -> list[str]:
    """The pairs that some eye could take for each other."""
    pairs = combinations(colours, 2)
    return [f"{a} {b} {eye} {apart(a, b, eye):.3f}"
            for a, b in pairs for eye in EYES if apart(a, b, eye) < least]  # fmt: skip


def test_the_measures_are_what_they_are_said_to_be() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert lab("#ffffff", "all cones") == pytest.approx([1, 0, 0], abs=1e-4)
    red_green = "#d62728", "#2ca02c"  # of plotly and matplotlib, and the classic trap
    assert apart(*red_green, "all cones") > 0.25 > 0.12 > apart(*red_green, "deuteranopia")
    assert too_near(["#ff9896", "#98df8a"], LINES)


@pytest.mark.parametrize("theme_", THEMES)
def test_replicas_stay_apart(theme_: int) -> None:
    colours = [pair[theme_] for pair in theme.REPLICAS]
    assert too_near(colours, LINES) == []
    assert too_near(colours[:4], FIRST) == []


@pytest.mark.parametrize("theme_", THEMES)
def test_cells_stay_apart(theme_: int) -> None:
    cells = [pair[theme_] for pair in theme.CELLS]
    assert too_near(cells, CELLS) == []
    assert too_near([*cells, PAGES[theme_][0]], CELLS) == []  # nothing is the page's own colour
    ramp = [[theme.ZERO, *theme.CELLS][i][theme_] for i in (2, 4, 0, 3, 1)]  # DIVERGING
    assert too_near(ramp, CELLS) == []
    assert [f"var(--ew-cell-{i})" for i in (2, 4, 0, 3, 1)] == theme.DIVERGING


def test_where_nets_train_and_where_not_differs_in_lightness() -> None:
    trains, diverges = theme.ramp(theme.TRAINS, 24), theme.ramp(theme.DIVERGES, 24)
    for eye in EYES:
        # along each ramp it only gets darker, so that fast and slow are told apart
        for ramp in (trains, diverges):
            lightness = [lab(c, eye)[0] for c in ramp]
            assert all(a > b for a, b in pairwise(lightness))
        assert lab(diverges[0], eye)[0] - lab(trains[-1], eye)[0] > 0.5  # at the border


@pytest.mark.parametrize("theme_", THEMES)
def test_lines_and_text_stand_out(theme_: int) -> None:
    page = {name: pair[theme_] for name, pair in theme._PAGE.items()}
    for background in PAGES[theme_]:
        for colour in (pair[theme_] for pair in theme.REPLICAS):
            assert contrast(colour, background) >= 3
            label = mixed(colour, page["ink"], 0.75)  # of a threshold, see page.css
            assert contrast(label, PAGES[theme_][0]) >= 4.5
        for name in ("ink", "muted", "accent", "good", "bad"):
            assert contrast(page[name], background) >= 4.5, name
    assert contrast(page["on-accent"], page["accent"]) >= 4.5
