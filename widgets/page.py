"""The page of a lab: question on top, bar, controls at the left, plots at the right."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw


def layout(
    head: ipw.DOMWidget,
    bar: ipw.DOMWidget,
    share: ipw.DOMWidget,
    side: Sequence[ipw.DOMWidget],
    main: Sequence[ipw.DOMWidget],
) -> ipw.VBox:
    """Lay a lab out. `head` holds an h1 and a p; `page.css` does the rest."""
    body = ipw.HBox([_box(ipw.VBox(side), "ew-side"), _box(ipw.VBox(main), "ew-main")])
    return _box(ipw.VBox([_box(head, "ew-title"), bar, share, _box(body, "ew-body")]), "ew-lab")


def _box(widget: ipw.DOMWidget, name: str) -> ipw.DOMWidget:
    widget.add_class(name)
    return widget
