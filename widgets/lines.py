"""The key of curves that are in several panels: said once, above them."""

from __future__ import annotations

import traitlets as t

from widgets.base import View, script


class Lines(View):
    """`lines` are [{"name", "color", "symbol", "dash", "line"}, ...]: dash is plotly's name of it, and
    `line` whether there is one.
    """

    _esm = script("dom.js", "lines.js")
    lines = t.List(t.Dict()).tag(sync=True)
