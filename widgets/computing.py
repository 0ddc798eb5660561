"""What a page computes when it is asked to: a button, what has been done, and the time that is left."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw
from IPython.display import display

from widgets import budget
from widgets.base import tell_again
from widgets.controls import Controls
from widgets.figure import figure, panel
from widgets.live_plot import LiveFigure
from widgets.messages import Messages, guard
from widgets.predict import Predict
from widgets.predicting import Predicting

if TYPE_CHECKING:  # the page shows its empty plots before torch is there
    from lab_core.phenomena import Phenomenon

BEAT = 0.25  # s between two looks at whether the page is still there
BEGIN, STOP, GO_ON, AGAIN = "Compute", "Stop", "Continue", "Compute again"


class ComputedPage:
    """A page of a figure that is computed when it is asked to: what all such pages share.

    Subclasses lay `view` out, with `head`, `figure` and `messages` in it, and `_open` it: in a thread,
    since that imports torch.
    """

    view: ipw.Widget
    controls: Controls

    def __init__(self, *titles: str) -> None:
        self.messages, self.head, self.caption = Messages(), ipw.HTML(), ipw.HTML()
        self._caption = ""
        self.figure = LiveFigure(figure([panel(title) for title in titles]))
        self.figure.on_ready(lambda: tell_again(self.view))
        self.predict = Predict()
        self.predicting = Predicting(self.predict, self._begun, self._subject, self._predicted)
        self.predict.on_event(self._guarded(self.predicting.event))

    # ---- what is predicted

    def _begun(self) -> bool:
        """Whether anything has been computed."""
        raise NotImplementedError

    def _subject(self) -> tuple[Any, Any]:
        """What a question sees, None where there is nothing, and what changes with it."""
        raise NotImplementedError

    def _predicted(self) -> None:
        """Draw what a person has predicted, where that can be."""
        self._look()

    def _look(self, caption: str | None = None) -> None:
        """Say what has come out, and the caption, unless a person may be about to predict it."""
        if caption is not None:
            self._caption = caption
        self.predicting.look()
        said = "" if self.predicting.secret else f'<p class="ew-caption">{self._caption}</p>'
        if said != self.caption.value:
            self.caption.value = said

    def _ipython_display_(self) -> None:
        display(self.view)
        threading.Thread(target=self.open, daemon=True).start()

    def open(self) -> None:
        """Draw the axes, and let a person begin."""
        self._guarded(self._lock)()
        self._guarded(self._open)()

    def _lock(self) -> None:
        """Lock and hide what the page's address says."""
        from widgets.opening import locks_of  # here, since it imports torch

        locks, said = locks_of(os.environ.get("QUERY_STRING", ""))
        self.controls.lock(locks)
        for sentence in said[:1]:
            self.messages.notice(f"Left out: {sentence}")

    def _open(self) -> None:
        raise NotImplementedError

    def _ask(self, about: Phenomenon) -> None:
        """The title and the question on top."""
        self.head.value = f"<h1>{about.title}</h1><p>{about.question}</p>"

    def _guarded(self, act: Callable[..., Any]) -> Callable[..., Any]:
        return guard(act, self.messages)


class Computing:
    """A button and a line of text above a figure. Its computation comes in pieces, one by one, in a
    thread; another one ends it where no page shows the figure.

    Nothing is computed before a person presses Compute. Stop ends it; Continue goes on with what is
    missing. Subclasses say what the pieces are, and take them.
    """

    def __init__(self, figure: LiveFigure, messages: Messages) -> None:
        self.button = ipw.Button(description=BEGIN, disabled=True)
        self.text = ipw.HTML()
        self.view = ipw.HBox([self.button, self.text])
        self.view.add_class("ew-compute")
        self.lock = threading.RLock()  # held where a computation goes on, ends or is ended
        self._figure, self._messages = figure, messages
        self._guarded = guarded = partial(guard, messages=messages)
        self._half = False  # it is said aloud that half of it is done
        self._ended = threading.Event()  # of the computation at work
        self._ended.set()
        self.button.on_click(guarded(lambda _: self.press()))
        self.say("starting ...")

    # ---- what a subclass says

    def pieces(self, going: Callable[[], bool]) -> Iterator[Any]:
        """What is missing, computed one by one; soon without more once it is not `going`."""
        raise NotImplementedError

    def take(self, piece: Any) -> None:
        """Keep a piece, and draw it."""
        raise NotImplementedError

    def clear(self) -> None:
        """Forget all pieces."""
        raise NotImplementedError

    @property
    def share(self) -> float:
        """The part of the work that is done."""
        raise NotImplementedError

    def words(self) -> str:
        """What is done."""
        raise NotImplementedError

    def finished(self) -> None:
        """What is done once all is computed; a person need not wait for it."""

    # ---- what a person does

    @property
    def computing(self) -> bool:
        return not self._ended.is_set()

    def press(self) -> None:
        """Begin, stop or go on."""
        with self.lock:
            if self.computing:
                self.stop("Stopped")
            else:
                self._begin()

    def ready(self, text: str) -> None:
        """Begin anew: end what goes on, forget all, and let a person press Compute."""
        with self.lock:
            self._ended.set()
            self.clear()
            self.button.description, self.button.disabled = BEGIN, False
            self.say(text)

    def stop(self, why: str) -> None:
        """End the computation, unless it has ended."""
        with self.lock:
            if self.computing:
                self._ended.set()
                self.button.description = GO_ON
                self.say(f"{why} after {self.words()}.")

    def say(self, text: str, aloud: bool = True) -> None:
        """Say how it stands; not aloud where that would be said many times a minute."""
        self.text.value = f"<span>{escape(text)}</span>"
        if aloud:
            self._messages.say(text)

    def _begin(self) -> None:
        from widgets.player import background

        budget.check()
        if self.share >= 1:
            self.clear()
        self._ended = ended = threading.Event()
        self._half = self.share >= 0.5
        self.button.description = STOP
        self.say("computing ...")
        background(self._guarded(lambda: self._compute(ended)))
        background(self._guarded(lambda: self._watch(ended)))

    # ---- two threads

    def _compute(self, ended: threading.Event) -> None:
        from lab_core.devices import one_thread

        one_thread()
        before, begun = self.share, time.perf_counter()
        try:
            for piece in self.pieces(lambda: not ended.is_set()):
                budget.check()
                with self.lock:
                    if ended.is_set():
                        return
                    self.take(piece)
                    took = time.perf_counter() - begun
                    self._tell(ended, took, (self.share - before) / took)
            if self.share >= 1:
                self.finished()
        except Exception:
            with self.lock:
                if not ended.is_set():
                    self.stop("Paused" if budget.spent() else "Stopped by an error")
            raise

    def _tell(self, ended: threading.Event, took: float, rate: float) -> None:
        """Say how far it is after so many seconds, at so much a second."""
        if self.share < 1:
            half, self._half = self._half, self.share >= 0.5
            left = f"about {(1 - self.share) / rate:.0f} s left."
            self.say(f"{self.words()}; {left}", aloud=self._half > half)
        else:
            ended.set()
            self.button.description = AGAIN
            self.say(f"{self.words()}, in {took:.0f} s.")

    def _watch(self, ended: threading.Event) -> None:
        from widgets.player import UNSEEN

        while not ended.is_set():
            self._figure.flush()
            if self._figure.alive > UNSEEN:
                with self.lock:
                    if not ended.is_set():
                        self.stop("Stopped, for no page was open,")
            time.sleep(BEAT)
        self._figure.flush()
