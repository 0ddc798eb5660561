"""What a student hands in: a prediction, the recipe that was run, what came out and the score, as a small
JSON text; and the same run again, to see whether it says so.

It shows that this recipe has this outcome, and that the score follows from both. It cannot show that
the prediction came first: who edits that line has a better score and a true file.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lab_core import formats
from lab_core.costs import FIXED, footprint, work
from lab_core.fractal import Landscape
from lab_core.knobs import BadInput, knobs
from lab_core.phenomena import PHENOMENA
from lab_core.plain import Plain, brief, differences, from_plain, object_of, to_plain
from lab_core.predictions import SAME, Question, Score, number
from lab_core.recipe import Recipe
from lab_core.run import Run
from lab_core.sweep import Grid, Sweep
from lab_core.sweeps.estimates import LARGE, LONG, estimate
from lab_core.timeline import timelines
from lab_core.zooms import PIXELS, Frame, Picture, Window, picture

FIELDS = (
    "lab",
    "preset",
    "figure",
    "question",
    "prediction",
    "recipe",
    "outcome",
    "score",
    "reason",
)
ASIDE = {"probes", "device"}  # in which recipes differ without being other runs
TRIAL = 2.0  # s after which a run's pace says how long it will take
PACE = FIXED / 4e-4  # multiply-adds a second of one core
ROUNDED = 0.011  # of a score, which is written with two digits


@dataclass(frozen=True)
class HandIn:
    """`slug` is that of a preset or a figure of the lab; `recipe` the plain form of what was run; `said`
    what else the file had.
    """

    lab: str
    slug: str
    prediction: Any
    recipe: Plain
    outcome: Any
    score: Score
    said: tuple[str, ...] = ()

    @property
    def question(self) -> Question:
        return question_of(self.lab, self.slug)

    @property
    def changed(self) -> list[str]:
        """In what the run was another than the question is about."""
        return changed(self.lab, self.slug, self.recipe)


def question_of(lab: str, slug: str) -> Question:
    """The question of a preset or a figure. Raises BadInput where there is none."""
    about = PHENOMENA.get(lab)
    if about is None:
        raise BadInput(f"lab: {brief(lab)} is not known; choose {', '.join(PHENOMENA)}.")
    every: dict[str, Any] = {**about.presets, **about.figures}
    asked = {name: one.question for name, one in every.items() if one.question}
    if slug not in asked:
        raise BadInput(f"{lab}: {brief(slug)} asks nothing; choose {', '.join(asked)}.")
    return asked[slug]


def hand_in(lab: str, slug: str, prediction: Any, subject: Run | Grid | Picture) -> HandIn:
    """What is to be handed in. Raises BadInput where nothing has come out yet."""
    question = question_of(lab, slug)
    outcome = question.outcome(subject)
    if outcome is None:
        raise BadInput("hand in: nothing has come out yet; let the run go on to its end.")
    prediction = question.check(prediction)
    score = question.score(prediction, outcome)
    return HandIn(lab, slug, prediction, plain_of(subject), outcome, score)


def plain_of(subject: Run | Grid | Picture) -> Plain:
    """The plain form of what was computed: of a sweep its recipe, with all seeds; of a picture its
    landscape, its pixels and its window.
    """
    if isinstance(subject, Run):
        return to_plain(subject.recipe)
    if isinstance(subject, Grid):
        sweep = subject.sweep
        return to_plain(sweep.recipe.set({"seed": sweep.seeds}))
    land, frame = subject.landscape, subject.frame
    parts = {name: getattr(part, name) for part in (land, frame.window) for name in knobs(part)}
    return {**parts, "pixels": len(frame.speeds)}


def changed(lab: str, slug: str, recipe: Plain) -> list[str]:
    """The names in which a plain form differs from that of a preset or a figure."""
    about = PHENOMENA[lab]
    if slug in about.presets:
        return sorted({*differences(from_plain(recipe), about.presets[slug].recipe)} - ASIDE)
    subject = about.figures[slug].subject
    if isinstance(subject, Sweep):
        ours, theirs = from_plain(recipe), subject.recipe.set({"seed": subject.seeds})
        return sorted({*differences(ours, theirs)} - ASIDE)
    land = Landscape()
    return [name for name in knobs(land) if recipe.get(name) != getattr(land, name)]


# ---- as JSON


def to_json(one: HandIn) -> str:
    """A field a line."""
    kind = "preset" if one.slug in PHENOMENA[one.lab].presets else "figure"
    fields = {
        "edgewise": formats.VERSION, "lab": one.lab, kind: one.slug, "question": one.question.ask,
        "prediction": one.prediction, "recipe": one.recipe, "outcome": one.outcome,
        "score": one.score.points, "reason": one.score.reason,
    }  # fmt: skip
    lines = [f'"{name}": {json.dumps(v, ensure_ascii=False)}' for name, v in fields.items()]
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def is_hand_in(fields: Plain) -> bool:
    """Whether the fields of a JSON text are of a hand-in, and not of a recipe."""
    return "prediction" in fields and "recipe" in fields


def from_json(text: str) -> HandIn:
    """What a JSON text hands in; nothing of it has been run. Raises BadInput."""
    return from_fields(formats.json_fields(text))


def from_fields(fields: Plain) -> HandIn:
    """The same of its fields."""
    known = {name: fields[name] for name in FIELDS if name in fields}
    places = [name for name in ("preset", "figure") if name in known]
    missing = [n for n in FIELDS if n not in known and n not in ("preset", "figure")]
    if missing or len(places) != 1:
        what = missing[0] if missing else "preset"
        raise BadInput(f"{what}: it is missing; hand in the file as the page wrote it.")
    lab, slug = (known[name] if isinstance(known[name], str) else "" for name in ("lab", *places))
    question = question_of(lab, slug)
    if known["question"] != question.ask:
        raise BadInput(
            f"question: {slug} of {lab} asks another one; make the hand-in with this version."
        )
    recipe = object_of("recipe", known["recipe"])
    subject_of(lab, slug, recipe)
    points, reason = number(known["score"]), known["reason"]
    if points is None or not 0 <= points <= 1:
        raise BadInput(f"score: {brief(known['score'])} does not fit; give a number in [0, 1].")
    if not isinstance(reason, str):
        raise BadInput(f"reason: {brief(reason)} is not a sentence; give the page's.")
    said = tuple(
        f"{brief(name)}: there is no such field; it is left out."
        for name in fields
        if name not in FIELDS
    )
    return HandIn(lab, slug, question.check(known["prediction"]), recipe,
                  question.recorded(known["outcome"]), Score(points, reason), said)  # fmt: skip


# ---- the same again


@dataclass(frozen=True)
class Checked:
    """What came out of the run made again, the score that follows, whether the outcome is the file's to
    the last digit, and what of the file is not so.
    """

    outcome: Any
    score: Score
    exact: bool
    wrong: tuple[str, ...]


def check(one: HandIn, patient: bool = False) -> Checked:
    """Run it again. Raises BadInput where that would take too long, unless one is `patient`."""
    question = one.question
    outcome = again(one, patient)
    score = question.score(one.prediction, outcome)
    wrong = []
    if question.apart(one.outcome, outcome) > SAME:
        wrong.append(f"the outcome is {question.words(outcome)}, not {question.words(one.outcome)}")
    own = question.score(one.prediction, one.outcome)
    if abs(own.points - one.score.points) > ROUNDED:
        wrong.append(f"its score is {own.points:g} by its own figures, not {one.score.points:g}")
    return Checked(outcome, score, outcome == one.outcome, tuple(wrong))


def subject_of(lab: str, slug: str, recipe: Plain) -> Recipe | Sweep | Picture:
    """What is to be run, sound as a whole. Raises BadInput."""
    if slug in PHENOMENA[lab].presets:
        return from_plain(recipe)
    subject = PHENOMENA[lab].figures[slug].subject
    if isinstance(subject, Sweep):
        found = from_plain(recipe)
        seeds = found.seed if isinstance(found.seed, tuple) else (found.seed,)
        return replace(subject, recipe=found.set({"seed": seeds[0]}), seeds=seeds)
    return _picture(recipe)


def again(one: HandIn, patient: bool = False) -> Any:
    """The outcome of the run, made again."""
    subject, question = subject_of(one.lab, one.slug, one.recipe), one.question
    if isinstance(subject, Recipe):
        outcome = _run(subject, question, math.inf if patient else LONG)
    elif isinstance(subject, Sweep):
        found = estimate(subject, kept=False)
        if found.large and not patient:
            raise BadInput(f"recipe: {found}; give --yes.")
        outcome = question.outcome(subject.finish())
    else:
        n = len(subject.frame.speeds)
        _afford(subject.landscape.seconds(n * n), math.inf if patient else LONG)
        frame = picture(subject.landscape, subject.frame.window, n)
        outcome = question.outcome(Picture(subject.landscape, frame))
    if outcome is None:
        raise BadInput("recipe: the run ends before anything has come out; hand in a whole one.")
    return outcome


def _picture(recipe: Plain) -> Picture:
    """A picture of which nothing is known. Raises BadInput."""
    names = [*knobs(Landscape), *knobs(Window), "pixels"]
    if set(recipe) != set(names):
        raise BadInput(f"recipe: it is not a picture's; give {', '.join(names)}.")
    land = Landscape(**{name: recipe[name] for name in knobs(Landscape)})
    window = Window(**{name: recipe[name] for name in knobs(Window)})
    if recipe["pixels"] not in PIXELS:
        raise BadInput(f"pixels: {brief(recipe['pixels'])} is not known; choose {PIXELS}.")
    window.needs(recipe["pixels"])
    n = recipe["pixels"]
    return Picture(land, Frame(window, np.full((n, n), np.nan)))


def _run(recipe: Recipe, question: Question, most: float) -> Any:
    """The outcome of a run as soon as it is known, None where it never is."""
    arms = [arm.recipes for arm in timelines(recipe)]
    if most < math.inf and sum(footprint(each[0]) * len(each) for each in arms) > LARGE:
        raise BadInput(f"recipe: it takes more than {LARGE / 1e9:g} GB of memory; give --yes.")
    _afford(sum(work(each[0]) * len(each) for each in arms) / PACE, most)
    run, total = Run(recipe), sum(each[0].steps for each in arms)
    begun, looked = time.perf_counter(), False
    while (outcome := question.outcome(run)) is None and not run.done:
        t = sum(arm.t - arm.first for arm in run.arms.values())
        run.advance(max(20, t // 20))
        took = time.perf_counter() - begun
        if took > TRIAL and (not looked or took > most):
            looked = True
            now = sum(arm.t - arm.first for arm in run.arms.values())
            _afford(took * max(1.0, total / max(now, 1)), most)
    return question.outcome(run) if outcome is None else outcome


def _afford(seconds: float, most: float) -> None:
    if seconds > most:
        raise BadInput(
            f"recipe: to run it again takes about {seconds / 60:,.0f} minutes; give --yes."
        )
