"""The card that asks for a prediction before a run, and says afterwards how near it was."""

from __future__ import annotations

import traitlets as t

from widgets.base import View, script


class Predict(View):
    """Events: predict (a value, in the form that `question` asks for), take (None).

    `question` is what `Question.form` gives, {} where nothing is asked; `made` is the prediction, None
    for none, and `said` the same in words. `fixed` says that the run has begun. `result` is {} or has
    outcome and reason (words), points in [0, 1] and, of a curve, what came out. `note` is a sentence.
    """

    _esm = script("dom.js", "predict_curve.js", "predict.js")
    question = t.Dict().tag(sync=True)
    made = t.Any(None, allow_none=True).tag(sync=True)
    said = t.Unicode("").tag(sync=True)
    fixed = t.Bool(False).tag(sync=True)
    result = t.Dict().tag(sync=True)
    note = t.Unicode("").tag(sync=True)

    @property
    def heard(self) -> bool:
        """Whether anybody listens to what a person does."""
        return bool(self._listeners)

    def give(self, name: str, text: str) -> None:
        """The hand-in, a file to keep."""
        self.send({"type": "file", "name": name, "text": text})
