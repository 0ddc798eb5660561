"""A lab: all that a notebook needs. `Lab("edge_of_stability")` is the page."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw
from IPython.display import display

from widgets.arms import Arms
from widgets.bar import Bar
from widgets.base import tell_again
from widgets.controls import Controls
from widgets.messages import Messages, guard
from widgets.page import layout
from widgets.plots import Plots
from widgets.predict import Predict
from widgets.share import Share
from widgets.timeline import Timeline

if TYPE_CHECKING:
    from widgets.session import Session


class Lab:
    """The page of a phenomenon, at one of its presets.

    The page appears at once; torch is imported behind it. `settings` are knobs by their flat names,
    as on the command line. In a notebook `lab.run(n)` takes n steps and returns when they are done;
    Play trains in a thread. An error is shown in the page. `link` is what Share gives, the whole
    address or its query: the lab then opens as it was shared.
    """

    def __init__(self, phenomenon: str, preset: str | None = None, *, link: str | None = None,
                 **settings: Any) -> None:  # fmt: skip
        self.messages = Messages()
        self.bar, self.controls, self.arms = Bar(), Controls(), Arms()
        self.timeline, self.predict = Timeline(), Predict()
        self.bar.text = "starting ..."
        self.plots = Plots()
        self.share = Share()
        self.head, self.beside, self.table = ipw.HTML(), ipw.HTML(), ipw.HTML()
        self.beside.add_class("ew-beside")
        self.table.add_class("ew-differ")
        self.view = layout(
            self.head, self.bar, self.share, [self.predict, self.controls, self.arms],
            [self.plots.figure, self.timeline, self.beside, self.messages, self.table],
        )  # fmt: skip
        self.plots.figure.on_ready(lambda: tell_again(self.view))
        self._session: Session | None = None
        query = os.environ.get("QUERY_STRING", "") if link is None else link
        start = guard(lambda: self._start(phenomenon, preset, settings, query), self.messages)
        self._starting = threading.Thread(target=start, daemon=True)

    def _ipython_display_(self) -> None:
        display(self.view)
        self._begin()

    def _begin(self) -> None:
        if not self._starting.ident:
            self._starting.start()

    def _start(self, phenomenon: str, preset: str | None, settings: dict[str, Any],
               query: str) -> None:  # fmt: skip
        from widgets.session import Session  # here, since it imports torch

        self._session = Session(self, phenomenon, preset, settings, query)

    @property
    def session(self) -> Session:
        """What is behind the page; waits until it is there."""
        self._begin()
        self._starting.join()
        if self._session is None:
            raise RuntimeError("The lab did not start; the page says why.")
        return self._session

    def run(self, n: int) -> None:
        """Take n steps, exactly, and return when they are done and drawn; where the lab was opened
        by a link, from where that says.
        """
        self.session.player.arrive()
        self.session.player.step(n)
        self.session.frame()

    def guarded(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """A callback whose exceptions reach the page."""
        return guard(callback, self.messages)
