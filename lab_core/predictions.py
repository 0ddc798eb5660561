"""Questions that are asked before a run: what is predicted, what came out, and how near that was.

A prediction and an outcome have the same form, one that JSON knows: a number, a step (or "never"), the
slug of an option, or a list of points [x, y].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lab_core.knobs import BadInput

NEVER = "never"
SAME = 0.02  # two outcomes no further apart are the same: rounding differs between machines


@dataclass(frozen=True)
class Score:
    """Points in [0, 1], and why so many."""

    points: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """`measure` sees what was computed, a run or a sweep's grid, and nothing else; it gives None for as
    long as the outcome is not known. `place` is the plot, 0 to 3, in which a prediction is drawn.

    A prediction is `apart` from the outcome by a number: up to `full` it has the full score, from
    `none` on it has none, and in between the score falls linearly.
    """

    ask: str
    measure: Callable[[Any], Any]
    place: int | None = None
    kind: ClassVar[str]
    full: ClassVar[float]
    none: ClassVar[float]

    def outcome(self, subject: Any) -> Any:
        """What came out, None where that is not known yet. Raises BadInput where the run cannot say."""
        found = self.measure(subject)
        return None if found is None else self._measured(found)

    def check(self, prediction: Any) -> Any:
        """The prediction, as it is kept. Raises BadInput."""
        raise NotImplementedError

    def recorded(self, outcome: Any) -> Any:
        """An outcome that a file has, in its form: as a prediction, but of any size. Raises BadInput."""
        raise NotImplementedError

    def apart(self, prediction: Any, outcome: Any) -> float:
        """How far; infinite where no distance makes sense."""
        raise NotImplementedError

    def words(self, value: Any) -> str:
        """A prediction or an outcome, for a sentence."""
        raise NotImplementedError

    def score(self, prediction: Any, outcome: Any) -> Score:
        """Of a prediction that is sound."""
        far = self.apart(prediction, outcome)
        points = min(1.0, max(0.0, (self.none - far) / (self.none - self.full)))
        return Score(round(points, 2), self._reason(prediction, outcome, far))

    def form(self) -> dict[str, Any]:
        """What a page needs to ask it."""
        return {"kind": self.kind, "ask": self.ask}

    def _measured(self, found: Any) -> Any:
        return self.recorded(found)

    def _reason(self, prediction: Any, outcome: Any, far: float) -> str:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Number(Question):
    """A number in [low, high]. Where `log`, the distance is |log(prediction / outcome)|: full within
    10%, none from a factor of 4 on. Else it is |prediction - outcome| in parts of high - low: full within
    5%, none from 30% on.
    """

    low: float
    high: float
    log: bool = True
    unit: str = ""
    kind: ClassVar[str] = "number"

    @property
    def full(self) -> float:  # type: ignore[override]
        return math.log(1.1) if self.log else 0.05

    @property
    def none(self) -> float:  # type: ignore[override]
        return math.log(4) if self.log else 0.3

    def check(self, prediction: Any) -> float:
        value = number(prediction)
        if value is None or not self.low <= value <= self.high:
            raise BadInput(
                f"prediction: {quoted(prediction)} does not fit; give a number in [{self.low:g},"
                f" {self.high:g}]."
            )
        return value

    def recorded(self, outcome: Any) -> float:
        value = number(outcome)
        if value is None or (self.log and value <= 0):
            rule = "a number above 0" if self.log else "a finite number"
            raise BadInput(
                f"outcome: {quoted(outcome)} has no score, for it is not {rule}; press Reset, and change"
                " less."
            )
        return value

    def apart(self, prediction: Any, outcome: Any) -> float:
        if self.log:
            return abs(math.log(prediction / outcome))
        return abs(prediction - outcome) / (self.high - self.low)

    def words(self, value: Any) -> str:
        return f"{value:.3g} {self.unit}".strip()

    def form(self) -> dict[str, Any]:
        return super().form() | {
            "low": self.low,
            "high": self.high,
            "log": self.log,
            "unit": self.unit,
        }

    def _reason(self, prediction: Any, outcome: Any, far: float) -> str:
        if self.log:
            rule = "Full marks within 10%, none from a factor of 4 on."
            return f"{factor(prediction, outcome)} {rule}"
        wide = self.high - self.low
        rule = f"Full marks within {self.full * wide:.2g}, none from {self.none * wide:.2g} on."
        side = "too high" if prediction > outcome else "too low"
        gap = abs(prediction - outcome)
        return f"{f'It is {gap:.2g} {side}.' if gap else 'It is exact.'} {rule}"


@dataclass(frozen=True, kw_only=True)
class Step(Question):
    """A step from 0 to `high`, or "never". The distance is |log((prediction + 1) / (outcome + 1))|: full
    within 10%, none from a factor of 4 on; none where one of the two is "never".
    """

    high: int
    kind: ClassVar[str] = "step"
    full: ClassVar[float] = math.log(1.1)
    none: ClassVar[float] = math.log(4)

    def check(self, prediction: Any) -> int | str:
        value = number(prediction)
        if prediction == NEVER:
            return NEVER
        if value is None or value != int(value) or not 0 <= value <= self.high:
            raise BadInput(
                f"prediction: {quoted(prediction)} does not fit; give a step, an integer in [0,"
                f' {self.high}], or "never".'
            )
        return int(value)

    def recorded(self, outcome: Any) -> int | str:
        value = number(outcome)
        if outcome == NEVER:
            return NEVER
        if value is None or value != int(value) or value < 0:
            raise BadInput(
                f'outcome: {quoted(outcome)} is not a step; give an integer, or "never".'
            )
        return int(value)

    def apart(self, prediction: Any, outcome: Any) -> float:
        if NEVER in (prediction, outcome):
            return 0.0 if prediction == outcome else math.inf
        return abs(math.log((prediction + 1) / (outcome + 1)))

    def words(self, value: Any) -> str:
        return NEVER if value == NEVER else f"step {value:,}"

    def form(self) -> dict[str, Any]:
        return super().form() | {"low": 1, "high": self.high, "log": True, "unit": "steps"}

    def _reason(self, prediction: Any, outcome: Any, far: float) -> str:
        if outcome == NEVER:
            return (
                "It never came about." if prediction == NEVER else "It never came about; no marks."
            )
        if prediction == NEVER:
            return f"It did come about, at step {outcome:,}; no marks."
        rule = "Full marks within 10%, none from a factor of 4 on."
        return f"{factor(prediction + 1, outcome + 1)} {rule}"


@dataclass(frozen=True)
class Option:
    """One of several answers; `because` says why it is right where it is what came out."""

    slug: str
    label: str
    because: str


@dataclass(frozen=True, kw_only=True)
class Choice(Question):
    """One of some options, by its slug: 1 where it is what came out, or else 0."""

    options: tuple[Option, ...]
    kind: ClassVar[str] = "choice"
    full: ClassVar[float] = 0.0
    none: ClassVar[float] = 1.0

    def check(self, prediction: Any) -> str:
        if not isinstance(prediction, str) or prediction not in self._known:
            raise BadInput(
                f"prediction: {quoted(prediction)} is not an option; choose {', '.join(self._known)}."
            )
        return prediction

    def recorded(self, outcome: Any) -> str:
        if not isinstance(outcome, str) or outcome not in self._known:
            raise BadInput(
                f"outcome: {quoted(outcome)} is not an option; it is one of {', '.join(self._known)}."
            )
        return outcome

    def apart(self, prediction: Any, outcome: Any) -> float:
        return 0.0 if prediction == outcome else math.inf

    def words(self, value: Any) -> str:
        return f"“{self._known[value].label}”"

    def form(self) -> dict[str, Any]:
        options = [{"value": o.slug, "label": o.label} for o in self.options]
        return super().form() | {"options": options}

    @property
    def _known(self) -> dict[str, Option]:
        return {o.slug: o for o in self.options}

    def _reason(self, prediction: Any, outcome: Any, far: float) -> str:
        return f"{'Right' if prediction == outcome else 'Not so'}: {self._known[outcome].because}"


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def quoted(value: Any) -> str:
    """A value, as far as a sentence has room for it."""
    text = repr(value[:3] if isinstance(value, (list, str)) and len(value) > 40 else value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def factor(prediction: float, outcome: float) -> str:
    """By how much one number is off the other, as a sentence."""
    ratio = prediction / outcome
    if abs(ratio - 1) < 5e-4:
        return "It is exact."
    side = "high" if ratio > 1 else "low"
    if max(ratio, 1 / ratio) < 2:
        return f"It is {abs(ratio - 1):.1%} too {side}."
    return f"It is too {side} by a factor of {max(ratio, 1 / ratio):.3g}."
