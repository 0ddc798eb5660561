"""What is behind the card that asks for a prediction, on whatever page."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from widgets import theme
from widgets.figure import Spec, axes, threshold
from widgets.predict import Predict

if TYPE_CHECKING:  # the page appears before torch is there
    from lab_core.predictions import Question

WORD = "your prediction"
FIXED = "prediction: the run has begun, so that it is fixed; begin anew to predict again."
Mark = tuple[float, str]
Drawn = tuple[list[Spec], list[Mark], list[Spec]]
NO_MORE: Drawn = ([], [], [])


class Predicting:
    """The prediction of a page, and its score.

    `begun()` says whether anything has been computed; `subject()` gives what a question sees, None
    where there is nothing yet, and what is another whenever that may give another outcome. `redraw()`
    is called where what is drawn of the prediction changes.
    """

    def __init__(
        self,
        card: Predict,
        begun: Callable[[], bool],
        subject: Callable[[], tuple[Any, Any]],
        redraw: Callable[[], None],
    ) -> None:
        self.card, self._begun, self._subject, self._redraw = card, begun, subject, redraw
        self._lock = threading.RLock()  # frames look, and a person acts
        self.question: Question | None = None
        self._lab = self._slug = ""
        self._plots: tuple[str, ...] = ("",) * 4
        self._seen: Any = None

    # ---- what the page says

    def ask(
        self, lab: str, slug: str, question: Question | None, plots: tuple[str, ...] = ("",) * 4
    ) -> None:
        """Take up the question of a preset with its four plots, of a figure, or none; what was predicted
        before is gone.
        """
        with self._lock:
            self._plots = plots
            self._lab, self._slug, self.question = lab, slug, question
            self._seen, self._made = None, None
            self.card.result, self.card.made, self.card.said = {}, None, ""
            self.card.note, self.card.fixed = "", False
        self.show()

    def show(self) -> None:
        """Have the card ask, once it is heard: an answer given before would be lost."""
        with self._lock:
            asks = self.question if self.card.heard else None
            self.card.question = asks.form() if asks else {}

    def recall(self, prediction: Any) -> None:
        """Take up what was predicted before. Raises BadInput."""
        if self.question is not None and prediction is not None:
            self._keep(prediction)

    @property
    def made(self) -> Any:
        """The prediction, None for none."""
        return self.card.made

    @property
    def secret(self) -> bool:
        """Whether what comes out is not to be said yet: a person may be about to predict it."""
        return self.question is not None and self.card.made is None and not self._begun()

    def look(self) -> None:
        """Say what has come out."""
        if self.question is None:
            return
        with self._lock:
            self.card.fixed = self._begun()
            subject, stamp = self._subject()
            stamp = (stamp, self.card.made)
            if stamp != self._seen:
                self._seen = stamp
                self._judge(self.question, subject)

    def _judge(self, question: Question, subject: Any) -> None:
        from lab_core import handins
        from lab_core.knobs import BadInput

        card, note = self.card, ""
        result: dict[str, Any] = {}
        try:
            outcome = None if subject is None or card.made is None else question.outcome(subject)
            if outcome is not None:
                score = question.score(card.made, outcome)
                result = {"outcome": question.words(outcome), "points": score.points,
                          "reason": score.reason}  # fmt: skip
                result |= {"curve": outcome} if question.kind == "curve" else {}
                recipe = handins.plain_of(subject)
                other = ", ".join(handins.changed(self._lab, self._slug, recipe))
                if other:
                    note = (
                        f"Judged on what was run, which is not quite what was asked about: {other}."
                    )
        except BadInput as error:
            note = str(error)
        card.result, card.note = result, note

    # ---- what a person does

    def event(self, name: str, value: Any) -> None:
        """A prediction is made, or is to be handed in."""
        if name == "take":
            self._take()
            return
        from lab_core.knobs import BadInput

        try:
            if self._begun():
                raise BadInput(FIXED)
            if value is None:
                raise BadInput("prediction: nothing is given yet; choose, draw or type it first.")
            self._keep(value)
        except BadInput as error:
            self.card.note = str(error)

    def _keep(self, value: Any) -> None:
        with self._lock:
            if self.question is None:
                return
            found = self.question.check(value)
            self.card.said, self.card.note = self.question.words(found), ""
            self.card.made = found
        self._redraw()

    def _take(self) -> None:
        from lab_core import handins

        with self._lock:
            one = handins.hand_in(self._lab, self._slug, self.card.made, self._subject()[0])
        self.card.give(f"{self._lab}-{self._slug}-hand-in.json", handins.to_json(one))

    # ---- what is drawn of it

    def drawn(self, place: int, slug: str, along: bool) -> Drawn:
        """In one of `plots`, if it is that, `along` steps or not: traces, marks, what a curve is called."""
        if slug != self._plots[place]:
            return NO_MORE
        if along:
            return self.traces(place), self.marks(place), self.key(place)
        level = self.question is not None and self.question.kind == "number"
        return (self.traces(place), [], []) if level else NO_MORE

    def traces(self, place: int) -> list[Spec]:
        """In a plot: a level, or a curve."""
        q, made = self.question, self.card.made
        if q is None or made is None or q.place != place:
            return []
        uid = f"prediction_p{place}"
        if q.kind == "number":
            line = threshold(uid, place, 0, WORD, WORD)
            own = {"line": line["line"] | theme.PREDICTION, "x": [0.0], "y": [made]}
            return [{k: v for k, v in line.items() if k != "marker"} | own]
        if q.kind == "curve":
            x, y = axes(place)
            points = {"x": [p[0] for p in made], "y": [p[1] for p in made]}
            return [{"uid": uid, "type": "scatter", "mode": "lines", "name": WORD, "xaxis": x, "yaxis": y,
                     "line": theme.PREDICTION, **points}]  # fmt: skip
        return []

    def marks(self, place: int) -> list[Mark]:
        """In a plot along steps: the step."""
        q, made = self.question, self.card.made
        if q is None or q.kind != "step" or q.place != place or not isinstance(made, int):
            return []
        return [(made, WORD)]

    def key(self, place: int | None = None) -> list[Spec]:
        """What a curve is called, for the head of its plot, or of any plot."""
        places = [place] if place is not None else range(4)
        drawn = self.question and self.question.kind == "curve" and any(map(self.traces, places))
        return [{"word": WORD, **theme.PREDICTION}] if drawn else []
