"""Colours, symbols, line styles and the plotly template: the only file with a hex code.

Every colour is a CSS variable, `var(--ew-NAME)`, so that HTML and plots follow the theme of
JupyterLab or Voila (`data-jp-theme-light` on the page's body) without being told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# name: (light, dark). Where JupyterLab has a variable of its own, that one comes first.
_PAGE = {
    "bg": ("var(--jp-layout-color0, #ffffff)", "var(--jp-layout-color0, #12161d)"),
    "ink": ("#1c2230", "#e9edf3"),
    "muted": ("#5a6475", "#9ca6b5"),
    "line": ("#d5dae3", "#2d3440"),
    "grid": ("#e4e8ef", "#272d38"),
    "surface": ("#f5f7fb", "#1a202b"),
    "accent": ("#0a5bc2", "#6cb2ff"),
    "on-accent": ("#ffffff", "#0b1220"),
    "good": ("#00795a", "#2ec99a"),
    "bad": ("#b3261e", "#ff8a80"),
}

# Near Okabe and Ito's (2008) first, then four that differ in lightness, moved until all eight stay
# apart with protanopia, deuteranopia and tritanopia, too; contrast 3:1 or better. A test holds it.
REPLICAS = [
    ("#0065a6", "#649cff"),
    ("#e45d00", "#da8400"),
    ("#009e79", "#6cdb79"),
    ("#b074d2", "#ffade1"),
    ("#50178e", "#7e6ced"),
    ("#723100", "#ffec51"),
    ("#055551", "#c8502a"),
    ("#101418", "#ffffff"),
]
# Cells of a heat map: right is teal and wrong is brown, train is strong and test is weak.
CELLS = [
    ("#01594f", "#8fe3d8"),
    ("#7a4208", "#f7dc9c"),
    ("#7cc4ba", "#20766d"),
    ("#e3bd78", "#94601a"),
]
# Real values: below 0 brown, above it teal, 0 near the background. Brewer's (2003) BrBG is alike.
ZERO = ("#eef0f4", "#262d39")
DIVERGING = [f"var(--ew-cell-{i})" for i in (2, 4, 0, 3, 1)]
# Nets over two learning rates: blue trains, orange does not. Where they meet, at their slowest, the one
# is darkest and the other lightest, so that the border is seen without colours too; on any background.
TRAINS = ("#c4e3f5", "#3a87c8", "#061c50")  # fast to slow
DIVERGES = ("#fff4b8", "#ee9a2e", "#7a1f00")  # slow to fast
# Colour is never the only difference: a replica has a symbol at its curve's tip, an arm a dash.
# Plain "dash" is kept for thresholds.
SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "x", "pentagon"]
DASHES = ["solid", "dot", "dashdot", "longdash", "longdashdot"]
# The columns of one plot, such as test and train, differ in neither: the first one is bold.
STROKES: list[dict[str, Any]] = [{"width": 2.4}, {"width": 1.0}, {"width": 1.3, "dash": "1px,3px"}]
# What a plot's columns are to come to, which is the same for all replicas.
REFERENCE = {"color": "var(--ew-muted)", "width": 1.2, "dash": "5px,3px"}
# What a person predicted: no replica's colour, a dash of its own, and its name beside it.
PREDICTION = {"color": "var(--ew-ink)", "width": 2.0, "dash": "2px,4px"}
# The two classes of points differ in shape alone: colours are for replicas.
POINTS: list[dict[str, Any]] = [
    {"symbol": symbol, "color": "var(--ew-muted)", "size": 6, "opacity": 0.8}
    for symbol in ("circle", "x")
]

FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"

_AXIS = {
    "gridcolor": "var(--ew-grid)",
    "linecolor": "var(--ew-line)",
    "zeroline": False,
    "exponentformat": "e",
    "minexponent": 4,
    "title": {"standoff": 4},
}

TEMPLATE: dict[str, Any] = {
    "layout": {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "color": "var(--ew-ink)"},
        "colorway": [f"var(--ew-replica-{i})" for i in range(len(REPLICAS))],
        "xaxis": _AXIS | {"ticklabelstandoff": 3},  # its first label off the y axis' last
        "yaxis": _AXIS,
        "bargap": 0.15,
        "showlegend": False,
        "hovermode": False,
        "dragmode": "zoom",
    }
}


def colour(replica: int) -> str:
    """CSS colour of replica number `replica`; colours repeat after eight."""
    return f"var(--ew-replica-{replica % len(REPLICAS)})"


def style(replica: int, arm: int = 0) -> dict[str, Any]:
    """Plotly `line` and `marker` of one replica of one arm.

    >>> style(1, arm=1)["line"]["dash"], style(1)["marker"]["symbol"]
    ('dot', 'square')
    """
    width = 1.8 if replica < len(REPLICAS) else 1.1
    return {
        "line": {"color": colour(replica), "width": width, "dash": DASHES[arm % len(DASHES)]},
        "marker": {"color": colour(replica), "symbol": SYMBOLS[replica % len(SYMBOLS)]},
    }


def shares(count: int) -> list[str]:
    """Shades for 0 to `count` of so many: grey for none, and the fuller the more."""
    full = (f"rgba(24,140,128,{0.15 + 0.85 * i / count:.3f})" for i in range(1, count + 1))
    return ["rgba(128,128,128,0.2)", *full]


def ramp(colours: Sequence[str], count: int) -> list[str]:
    """So many colours from the first one over the others to the last one.

    >>> ramp(("#000000", "#ff0000"), 3)
    ['#000000', '#800000', '#ff0000']
    """
    known = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours]
    out = []
    for k in range(count):
        i, part = divmod(k * (len(known) - 1), max(1, count - 1))
        low, high = known[i], known[min(i + 1, len(known) - 1)]
        mixed = (round(a + (b - a) * part / (count - 1)) for a, b in zip(low, high, strict=True))
        out.append("#" + "".join(f"{value:02x}" for value in mixed))
    return out


def fixed(colour: str) -> str:
    """The same where a page may lack the theme: the light one's colour then stands in.

    >>> fixed("var(--ew-accent)")
    'var(--ew-accent,#0a5bc2)'
    """
    name = colour.removeprefix("var(").removesuffix(")")
    return f"var({name},{_names()[name][0]})" if name in _names() else colour


def _names() -> dict[str, tuple[str, str]]:
    names = {f"--ew-{k}": v for k, v in _PAGE.items()}
    names |= {f"--ew-replica-{i}": pair for i, pair in enumerate(REPLICAS)}
    return names | {f"--ew-cell-{i}": pair for i, pair in enumerate([ZERO, *CELLS])}


def css() -> str:
    """Both palettes as CSS variables."""
    light, dark = _palettes()
    return f'body{{{light}}}\nbody[data-jp-theme-light="false"]{{{dark}color-scheme:dark}}\n'


def css_of_the_system() -> str:
    """The same for a page without scripts: the palette that the system prefers."""
    light, dark = _palettes()
    return f"body{{{light}}}\n@media (prefers-color-scheme: dark) {{ body{{{dark}}} }}\n"


def _palettes() -> tuple[str, str]:
    pairs = _names().items()
    light, dark = ("".join(f"{name}:{pair[i]};" for name, pair in pairs) for i in (0, 1))
    return light, dark
