"""Small still pictures as SVG text: curves over two axes, and heat maps. No script, nothing fetched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from widgets import theme
from widgets.scale import Axis, nice, words
from widgets.thinning import thin

Ticks = Sequence[tuple[float, str]]
Side = tuple[str, Ticks]
SIZE = (320, 180)  # px
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 20, 32  # px around the plot
KEY = 14  # px more above, where there is a key
LETTER = 5.9  # px, about, of a letter of the key
CELL = 4.0  # px along a curve for which it has at most three points
DASHES = {"solid": "", "dash": "6 4", "dot": "2 2.5", "dashdot": "6 3 2 3", "longdash": "9 4",
          "longdashdot": "9 3 2 3"}  # fmt: skip
SYMBOLS = {  # of radius 1
    "circle": "M-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0z",
    "square": "M-.9-.9h1.8v1.8h-1.8z",
    "diamond": "M0-1.3L1.3 0 0 1.3-1.3 0z",
    "triangle-up": "M0-1.2L1.1.8h-2.2z",
    "cross": "M-.4-1.2h.8v.8h.8v.8h-.8v.8h-.8v-.8h-.8v-.8h.8z",
    "triangle-down": "M0 1.2L1.1-.8h-2.2z",
    "x": "M-1.2-.7l.5-.5L0-.5l.7-.7.5.5L.5 0l.7.7-.5.5L0 .5l-.7.7-.5-.5L-.5 0z",
    "pentagon": "M0-1.2L1.1-.4.7.9H-.7L-1.1-.4z",
}


@dataclass(frozen=True)
class Trace:
    """x [n] and y [n], nan where there is nothing. `low` and `high` [n] are the ends of a band.
    `dash` is plotly's name or lengths, `symbol` is drawn at the tip, or at each of its `points`.
    """

    x: np.ndarray
    y: np.ndarray
    colour: str = "var(--ew-ink)"
    width: float = 1.8
    dash: str = "solid"
    symbol: str = ""
    points: bool = False
    opacity: float = 1.0
    stairs: bool = False
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@dataclass(frozen=True)
class Mark:
    """A line of the key."""

    word: str
    colour: str = "var(--ew-muted)"
    width: float = 1.8
    dash: str = "solid"
    symbol: str = ""


def picture(traces: Sequence[Trace], x: Axis, y: Axis, title: str, about: str = "",
            key: Sequence[Mark] = (), size: tuple[int, int] = SIZE) -> str:  # fmt: skip
    """Curves over two axes. `title` stands above it, `about` describes it to who does not see it, `key`
    tells curves apart as far as there is room.
    """
    across, up = x.range([t.x for t in traces]), y.range(_heights(traces))
    room = 0.0 if y.span else 0.04 * (up[1] - up[0])
    up = up[0] - room * (up[0] != 0 or y.log), up[1] + room
    left, top, width, height = _box(size, bool(key))

    def place(xs: object, ys: object) -> tuple[np.ndarray, np.ndarray]:
        px = left + width * (x.scaled(xs) - across[0]) / (across[1] - across[0])
        py = top + height * (1 - (y.scaled(ys) - up[0]) / (up[1] - up[0]))
        return px, py.clip(top - 1, top + height + 1)

    xs, ys = nice(*across, x.log), nice(*up, y.log)
    ticks = [*zip(place(xs, ys[:1] * len(xs))[0], words(xs, x.log), strict=True)]
    sides = [*zip(place(xs[:1] * len(ys), ys)[1], words(ys, y.log), strict=True)]
    body = _frame(size, bool(key), x.title, y.title, ticks, sides)
    body += [part for trace in traces for part in _trace(trace, place)]
    return _svg(size, title, about, [*body, *_key(key, size[0])])


def heat_map(levels: np.ndarray, colours: Sequence[str], x: Side, y: Side, title: str,
             about: str = "", up: bool = True, size: tuple[int, int] = SIZE) -> str:  # fmt: skip
    """Whole numbers [rows, columns], each with the colour of that number ("" for none); row 0 is the
    lowest, unless `up` is False. `x` and `y` are titles and ticks: (column or row, text).
    """
    left, top, width, height = _box(size, False)
    rows, columns = levels.shape
    shown = levels[::-1] if up else levels

    def row(at: float) -> float:
        return top + height * ((rows - 0.5 - at if up else at + 0.5) / rows)

    ticks = [(left + width * (at + 0.5) / columns, text) for at, text in x[1]]
    sides = [(row(at), text) for at, text in y[1]]
    frame = _frame(size, False, x[0], y[0], ticks, sides, grid=False)
    cells = [
        f'<path stroke="{theme.fixed(colour)}" d="{runs}"/>'
        for level, colour in enumerate(colours)
        if colour and (runs := _runs(shown == level))
    ]
    scale = f"translate({left} {top}) scale({width / columns:.4f} {height / rows:.4f})"
    group = f'<g fill="none" shape-rendering="crispEdges" transform="{scale}">{"".join(cells)}</g>'
    return _svg(size, title, about, [*frame, group])


# ---- parts of the text


def _heights(traces: Sequence[Trace]) -> list[np.ndarray]:
    bands = [end for t in traces for end in (t.low, t.high) if end is not None]
    return [*(t.y for t in traces), *bands]


def _box(size: tuple[int, int], key: bool) -> tuple[float, float, float, float]:
    top = TOP + KEY * key
    return LEFT, top, size[0] - LEFT - RIGHT, size[1] - top - BOTTOM


def _svg(size: tuple[int, int], title: str, about: str, body: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ew-picture" role="img"'
        f' viewBox="0 0 {size[0]} {size[1]}" font-family="{escape(theme.FONT)}" font-size="10"'
        f' fill="{theme.fixed("var(--ew-muted)")}">'
    )
    top = _text(LEFT, 13, title, f'fill="{theme.fixed("var(--ew-ink)")}" font-weight="600"')
    named = f"<title>{escape(title)}</title>" + (f"<desc>{escape(about)}</desc>" if about else "")
    return "\n".join([head, named, top, *body, "</svg>\n"])


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.4g}" y="{y:.4g}"{" " + more if more else ""}>{escape(text)}</text>'


def _frame(size: tuple[int, int], key: bool, x: str, y: str, ticks: Ticks,
           sides: Ticks, grid: bool = True) -> list[str]:  # fmt: skip
    """Grid lines, what stands at them, and the axes' titles."""
    left, top, width, height = _box(size, key)
    foot, middle = top + height, top + height / 2
    lines = "".join(f"M{at:.4g} {top:g}V{foot:g}" for at, _ in ticks)
    lines += "".join(f"M{left:g} {at:.4g}H{left + width:g}" for at, _ in sides)
    border = f"M{left:g} {top:g}V{foot:g}H{left + width:g}"
    stroke = f'fill="none" stroke="{theme.fixed("var(--ew-grid)")}"'
    return [
        *([f'<path {stroke} d="{lines}"/>'] if grid else []),
        f'<path fill="none" stroke="{theme.fixed("var(--ew-line)")}" d="{border}"/>',
        *(_text(at, foot + 12, text, 'text-anchor="middle"') for at, text in ticks),
        *(_text(left - 4, at + 3.5, text, 'text-anchor="end"') for at, text in sides),
        _text(left + width / 2, size[1] - 6, x, 'text-anchor="middle"'),
        _text(-middle, 10, y, 'text-anchor="middle" transform="rotate(-90)"'),
    ]


Place = Callable[[object, object], tuple[np.ndarray, np.ndarray]]


def _trace(trace: Trace, place: Place) -> list[str]:
    colour, out = theme.fixed(trace.colour), []
    if trace.low is not None and trace.high is not None:
        there = np.concatenate([trace.x, trace.x[::-1]])
        px, py = place(there, np.concatenate([trace.low, trace.high[::-1]]))
        known = np.isfinite(px) & np.isfinite(py)
        out.append(f'<path fill="{colour}" opacity=".18" d="{_path(px[known], py[known])}z"/>')
    px, py = place(trace.x, trace.y)
    known = np.isfinite(px) & np.isfinite(py)
    px, py = px[known], py[known]
    if trace.points:
        return [*out, *(_symbol(trace.symbol, *at, colour, 3) for at in zip(px, py, strict=True))]
    if not len(px):
        return out
    out.append(_line(px, py, colour, trace))
    if trace.symbol:
        out.append(_symbol(trace.symbol, px[-1], py[-1], colour, 3.2))
    return out


def _line(px: np.ndarray, py: np.ndarray, colour: str, trace: Trace) -> str:
    if trace.stairs:
        px, py = np.repeat(px, 2)[1:], np.repeat(py, 2)[:-1]
    elif len(px) > 200:  # along itself, for x may go anywhere
        along = np.linspace(0, 272, len(px), dtype=np.float32)
        keep = thin(along, py.astype(np.float32), CELL)
        px, py = px[keep], py[keep]
    dash = DASHES.get(trace.dash, trace.dash.replace("px", "").replace(",", " "))
    extra = f' stroke-dasharray="{dash}"' if dash else ""
    extra += f' opacity="{trace.opacity:g}"' if trace.opacity < 1 else ""
    width = f'stroke-width="{trace.width:g}" stroke-linejoin="round"'
    return f'<path fill="none" stroke="{colour}" {width}{extra} d="{_path(px, py)}"/>'


def _path(px: np.ndarray, py: np.ndarray) -> str:
    """Lines from one point to the next, to a tenth of a pixel; those amid a straight level are left out."""
    xs, ys = np.round(10 * px).astype(int), np.round(10 * py).astype(int)
    inner = np.zeros(len(xs), bool)
    inner[1:-1] = (ys[1:-1] == ys[:-2]) & (ys[1:-1] == ys[2:]) & (np.diff(xs)[:-1] >= 0)
    steps = np.diff(np.stack([xs, ys], 1)[~inner], axis=0)
    further = "".join(f"{_tenth(x)}{'' if y < 0 else ' '}{_tenth(y)}l" for x, y in steps)
    return f"M{_tenth(xs[0])} {_tenth(ys[0])}l{further}".rstrip("l")


def _tenth(value: int) -> str:
    """So many tenths, as short as can be."""
    return f"{value / 10:g}".replace("0.", ".", 1) if abs(value) < 10 else f"{value / 10:g}"


def _symbol(name: str, x: float, y: float, colour: str, size: float) -> str:
    at = f"translate({x:.1f} {y:.1f}) scale({size:g})"
    return f'<path fill="{colour}" transform="{at}" d="{SYMBOLS.get(name, SYMBOLS["circle"])}"/>'


def _runs(cells: np.ndarray) -> str:
    """Cells [rows, columns] as lines of width 1 through the middles of rows."""
    out = []
    for i, row in enumerate(cells):
        edges = np.flatnonzero(np.diff(row, prepend=False, append=False))
        out += [f"M{a} {i + 0.5:g}h{b - a}" for a, b in edges.reshape(-1, 2)]
    return "".join(out)


def _key(key: Sequence[Mark], width: int) -> list[str]:
    """As many of the marks, from the left, as there is room for."""
    out, at = [], float(LEFT)
    for mark in key:
        wide = 22 + LETTER * len(mark.word)
        if at + wide > width:
            break
        out += [*_stroke(mark, at, 24.0), _text(at + 18, 27.5, mark.word)]
        at += wide + 6
    return out


def stroke(mark: Mark) -> str:
    """What stands before the word of a mark, alone, for a key beside a picture."""
    body = "".join(_stroke(mark, 1.0, 5.0))
    return f'<svg viewBox="0 0 16 10" width="24" height="15" aria-hidden="true">{body}</svg>'


def _stroke(mark: Mark, x: float, y: float) -> list[str]:
    colour, ends = theme.fixed(mark.colour), (np.array([x, x + 14]), np.array([y, y]))
    line = [_line(*ends, colour, Trace(*ends, width=mark.width, dash=mark.dash))] * bool(mark.width)
    return line + [_symbol(mark.symbol, x + 7, y, colour, 3)] * bool(mark.symbol)
