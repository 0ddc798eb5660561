"""The list of arms: who is drawn, in which line style, with buttons to hide and close."""

from __future__ import annotations

import traitlets as t

from widgets import theme
from widgets.base import View, script


class Arms(View):
    """Arms in the plots. Events: show, hide, close, each with the arm's id as value."""

    _esm = script("dom.js", "arms.js")
    arms = t.List(t.Dict()).tag(sync=True)

    def show(self, arms: list[dict[str, object]]) -> None:
        """Set the list: [{"id", "name", "replicas": [text, ...], "visible", "closable"}, ...].

        The k-th arm's line style is that of `theme.style(replica, arm=k)` unless it has "arm": k, and
        "first": the number of its first replica's colour.
        """
        self.arms = [_styled(k, arm) for k, arm in enumerate(arms)]


def _styled(place: int, arm: dict[str, object]) -> dict[str, object]:
    k = arm.get("arm", place)
    first = arm.get("first", 0)
    assert isinstance(k, int) and isinstance(first, int)
    texts = arm.get("replicas", [])
    assert isinstance(texts, list)
    replicas = [
        {"text": text, **theme.style(i, k)["marker"]} for i, text in enumerate(texts, first)
    ]
    return {**arm, "dash": theme.style(0, k)["line"]["dash"], "replicas": replicas}
