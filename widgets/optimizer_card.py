"""The card of an optimizer: what becomes of it in every lab that can take it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw
import numpy as np

from widgets import theme
from widgets.computing import BEGIN, ComputedPage, Computing
from widgets.controls import Controls
from widgets.figure import Spec, axes, figure, panel
from widgets.lines import Lines
from widgets.live_plot import LiveFigure
from widgets.messages import Messages
from widgets.page import layout

if TYPE_CHECKING:  # the page shows its empty plots before torch is there
    from lab_core.card import Card, Row
    from lab_core.optimizers import Optimizer

TITLE = "Test your optimizer"
QUESTION = (
    "Where does its sharpness settle, what is its threshold, does it grok, how high is its peak of double"
    " descent? Every lab that can take it, with what was measured there."
)


class Trying(Computing):
    """One optimizer, lab by lab; `draw()` is called after each row."""

    def __init__(
        self,
        figure: LiveFigure,
        messages: Messages,
        draw: Callable[[], None],
    ) -> None:
        super().__init__(figure, messages)
        self._draw = draw
        self.optimizer: Optimizer | None = None
        self.rows: dict[str, Row] = {}

    def open(self, optimizer: Optimizer) -> None:
        """Take up another optimizer, of which nothing is known."""
        from lab_core.card import TRIALS

        with self.lock:
            self.optimizer, self._count = optimizer, len(TRIALS)
            self.ready(f"{self._count} rows, a minute or two; press {BEGIN}.")

    def pieces(self, going: Callable[[], bool]) -> Iterator[Any]:
        from lab_core.card import rows

        if self.optimizer is not None:
            yield from rows(self.optimizer, going, lambda slug: slug in self.rows)

    def take(self, piece: Any) -> None:
        slug, row = piece
        self.rows[slug] = row
        self._draw()

    def clear(self) -> None:
        self.rows = {}
        self._draw()

    @property
    def share(self) -> float:
        return len(self.rows) / self._count

    def words(self) -> str:
        return f"{len(self.rows)} of {self._count} rows"


class OptimizerCard(ComputedPage):
    """The page: `OptimizerCard()`, or `OptimizerCard(MyOptimizer, lr=0.1)`, which takes what
    `Lab(..., optimizer=...)` takes.

    Nothing is computed before a person presses Compute. Another optimizer, or another value of a knob,
    begins a card anew.
    """

    def __init__(self, optimizer: Any = "gd", **settings: Any) -> None:
        super().__init__("", "", "", "")
        self.head.value = f"<h1>{TITLE}</h1><p>{QUESTION}</p>"
        self.table, self.files, self.key = ipw.HTML(), ipw.HTML(), Lines()
        self.table.add_class("ew-differ")
        self.files.add_class("ew-single")
        self.controls = Controls()
        self.trying = Trying(self.figure, self.messages, self._draw)
        self.view = layout(
            self.head, self.trying.view, ipw.HTML(), [self.controls],
            [self.table, self.files, self.key, self.figure, self.messages],
        )  # fmt: skip
        self.controls.on_change(self._guarded(self._change))
        self._asked, self._settings, self._slug = optimizer, settings, ""

    def _open(self) -> None:
        from lab_core.card import PANELS, brought

        panels = [panel(title, x, y, "y" in log, xlog="x" in log, steps=False)
                  for title, x, y, log in PANELS]  # fmt: skip
        self.figure.replace(figure(panels))
        try:
            self._take_up(*brought(self._asked, self._settings))
        except ValueError:  # the page is there, with another one, and says why
            self._take_up(*brought("gd", {}))
            raise

    def _take_up(self, slug: str, optimizer: Optimizer) -> None:
        self._slug = slug
        self.trying.open(optimizer)
        self.controls.set_spec(self._groups())

    def _change(self, name: str, value: Any) -> None:
        """A person has chosen an optimizer, or moved one of its knobs."""
        from dataclasses import replace

        from lab_core.card import brought
        from lab_core.knobs import check

        if name == "optimizer":
            self._take_up(*brought(value, {}))
            return
        try:
            other = replace(self.optimizer, **{name: value})
            check(other)
        except ValueError:  # nothing is lost: the rows and the controls stay as they were
            self.controls.set_spec(self._groups())
            raise
        self.trying.open(other)

    def _groups(self) -> list[Spec]:
        from lab_core.knobs import knobs
        from lab_core.optimizers import OPTIMIZERS
        from widgets.choices import control

        options = [{"value": slug, "label": cls.label} for slug, cls in OPTIMIZERS.items()]
        chosen = {"id": "optimizer", "label": "optimizer", "kind": "choice", "value": self._slug,
                  "options": options}  # fmt: skip
        own = [control(k, getattr(self.optimizer, n)) for n, k in knobs(self.optimizer).items()]
        return [
            {"title": "Optimizer", "controls": [chosen]},
            {"title": "Its knobs", "controls": own},
        ]

    # ---- what the page shows

    @property
    def optimizer(self) -> Optimizer:
        if self.trying.optimizer is None:
            raise RuntimeError("The page did not open; it says why.")
        return self.trying.optimizer

    @property
    def card(self) -> Card:
        """The card, as far as it is known."""
        from lab_core.card import of

        return of(self._slug, self.optimizer, list(self.trying.rows.values()))

    def _draw(self) -> None:
        from lab_core.card import table

        known = self.card
        self.table.value = table(known.rows) if known.rows else ""
        self.files.value = _files(known) if known.rows else ""
        drawn = [(which, one) for row in known.rows for which, one in row.lines]
        names = list(dict.fromkeys(one.name for _, one in drawn))
        uids = {f"p{which}_l{names.index(one.name)}": (which, one) for which, one in drawn}
        for uid in [u for u in self.figure.traces if u not in uids]:
            self.figure.remove_trace(uid)
        for uid, (which, one) in uids.items():
            if uid not in self.figure.traces:
                self.figure.add_trace(_trace(uid, which, names.index(one.name), one.name))
                good = np.isfinite(one.x) & np.isfinite(one.y)
                self.figure.set(uid, one.x[good], one.y[good])
        self.key.lines = [{"name": name, "dash": "solid", "line": True} | theme.style(i)["marker"]
                          for i, name in enumerate(names)]  # fmt: skip
        self.figure.flush()


def _trace(uid: str, which: int, k: int, name: str) -> Spec:
    x, y = axes(which)
    base = {"type": "scatter", "mode": "lines", "uid": uid, "name": name, "xaxis": x, "yaxis": y}
    return base | theme.style(k)


def _files(card: Card) -> str:
    """Links to the card as files, made of what is there: nothing is asked of the server."""
    links = []
    for end, kind, text in (("html", "text/html", card.to_html()),
                            ("json", "application/json", card.to_json())):  # fmt: skip
        data = b64encode(text.encode()).decode()
        name = escape(f"{card.optimizer}-card.{end}", quote=True)
        links.append(f'<a download="{name}" href="data:{kind};base64,{data}">{end.upper()}</a>')
    return f"Download the card: {', '.join(links)}"
