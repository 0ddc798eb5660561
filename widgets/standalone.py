"""One HTML file of a run: its plots, timeline and sentences, with no server and no network."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from collections.abc import Sequence
from html import escape
from typing import Any

from widgets import theme
from widgets.base import HERE, script
from widgets.figure import Spec
from widgets.live_plot import LiveFigure
from widgets.messages import Messages
from widgets.timeline import Timeline

NUMBERS = 200_000  # of all points together: 0.8 MB in float32, 1.07 MB in base64
WIDGETS: dict[str, Any] = {"figure": LiveFigure, "timeline": Timeline, "messages": Messages}
# plotly and the widgets set styles, and plotly's heat map is an image in its own words; nothing else
# than the scripts below runs, nothing is fetched.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {}; base-uri 'none';"
    " form-action 'none'"
)
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<div class="ew-lab ew-alone">
<header class="ew-title"><h1>{title}</h1><p>{question}</p></header>
<main class="ew-main">
<noscript>The plots are drawn by this file's own scripts; switch JavaScript on to see them.</noscript>
<div data-widget="figure"></div>
<div data-widget="timeline"></div>
<div data-widget="messages"></div>
<section class="ew-table">{table}</section>
</main>
</div>
<script type="application/json" id="ew-data">{data}</script>
<script type="text/plain" id="ew-points">{points}</script>
<script>{plotly}</script>
<script>{code}</script>
</body>
</html>
"""


def page(
    title: str,
    question: str,
    figure: LiveFigure,
    tracks: Sequence[dict[str, Any]],
    sentences: Sequence[dict[str, Any]],
    table: str = "",
) -> bytes:
    """The file, in UTF-8. `tracks` are the timeline's arms, `sentences` the rows of `Messages`.

    The handle moves on the arm that went furthest, or on one that the reader picks. `table` is HTML
    to put after the sentences as it is; all other text is escaped.
    """
    message, (points, _, *cells) = figure.snapshot(NUMBERS)
    message["figure"] = _settled(message["figure"])
    data = {
        "figure": {"message": message, "zoom": figure.zoom, "scales": figure.scales},
        "cells": base64.b64encode(b"".join(cells)).decode(),
        "moment": None if figure.until is None else int(figure.until),
        "tracks": list(tracks),
        "arm": max(tracks, key=lambda track: track["t"])["id"] if tracks else 0,
        "rows": list(sentences),
    }
    plotly = _inside((HERE / "vendor/plotly-cartesian.min.js").read_text("utf-8"))
    code = _inside(_code())
    return PAGE.format(
        policy=POLICY.format(f"{_hash(plotly)} {_hash(code)}"),
        css=theme.css() + script("page.css", "standalone.css"),
        title=escape(title),
        question=escape(question),
        table=table,
        data=_json(data),
        points=base64.b64encode(points).decode(),
        plotly=plotly,
        code=code,
    ).encode()


def _settled(figure: Spec) -> Spec:
    """The figure without choices, for there is nothing to choose from; their titles stay."""
    figure = copy.deepcopy(figure)
    for panel in figure["layout"]["meta"]["panels"]:
        chosen = dict(map(tuple, panel.pop("choices", ()))).get(panel.pop("choice", None))
        panel["title"] = chosen or panel["title"]
    return figure


def _code() -> str:
    """Each widget's module as a function that returns what it exports, and what runs them."""
    own = {
        name: widget._esm.replace("export default", "return") for name, widget in WIDGETS.items()
    }
    held = ",\n".join(f"{name}: (() => {{\n{text}\n}})()" for name, text in own.items())
    return f'"use strict";\n(() => {{\nconst scripts = {{{held}}};\n{script("dom.js", "standalone.js")}\n}})();'


def _inside(code: str) -> str:
    """JavaScript that cannot end the element it stands in; the strings in it mean the same."""
    return re.sub(r"<(?=/script|script|!--)", r"\\x3C", code.replace("\r\n", "\n"), flags=re.I)


def _json(data: Any) -> str:
    """JSON that holds no tag."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _hash(code: str) -> str:
    digest = hashlib.sha256(code.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
