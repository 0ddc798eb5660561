"""Questions: every one has a measured outcome, a score that can be good and bad, and refuses bad input."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab_core import handins, outcomes
from lab_core.cli import main
from lab_core.drawings import MOST, Drawing, Range
from lab_core.fractal import Landscape
from lab_core.knobs import BadInput
from lab_core.phenomena import PHENOMENA
from lab_core.predictions import NEVER, Choice, Number, Option, Question, Step
from lab_core.recipe import Branch, Change, Recipe
from lab_core.run import Run
from lab_core.sweep import Axis, Grid, Sweep
from lab_core.zooms import OVERVIEW, Picture, picture

RUNS = [(p.slug, slug) for p in PHENOMENA.values() for slug, x in p.presets.items() if x.question]
FIGURES = [
    (p.slug, slug) for p in PHENOMENA.values() for slug, x in p.figures.items() if x.question
]
QUICK = {"catapult", "alternating", "step-sizes", "two-speed", "overview"}
SLOW = [where for where in RUNS if where[1] not in QUICK]
ASKED = [
    pytest.param(lab, slug, id=f"{lab}/{slug}", marks=[] if slug in QUICK else [pytest.mark.long])
    for lab, slug in RUNS + FIGURES
]
NUMBER = Number(ask="?", measure=outcomes.last("train_loss"), low=0.1, high=100)
LINEAR = Number(ask="?", measure=outcomes.last("train_loss"), low=0, high=1, log=False)
STEP = Step(ask="?", measure=outcomes.first("train_loss", 0.2, below=True), high=1000)
CHOICE = Choice(
    ask="?",
    measure=outcomes.at_end(lambda arm: "up"),
    options=(Option("up", "it rises", "it did."), Option("down", "it falls", "it did not.")),
)
CURVE = Drawing(
    ask="?",
    measure=outcomes.along("train_loss"),
    x=Range("step", 1, 1000, log=True),
    y=Range("loss", 1e-3, 10, log=True),
)
SMALL = Recipe().set({"data": "chebyshev", "width": 8, "steps": 60, "lr": (0.1, 0.2)})


def finished(lab: str, slug: str) -> Any:
    """What a question sees of its own preset or figure, once all of it is there."""
    about = PHENOMENA[lab]
    if slug in about.presets:
        question, run = about.presets[slug].question, Run(about.presets[slug].recipe)
        assert question and question.outcome(run) is None, (
            "nothing has come out before the first step"
        )
        while question.outcome(run) is None and not run.done:
            run.advance(20)
        return run
    subject = about.figures[slug].subject
    if isinstance(subject, Sweep):
        assert about.figures[slug].question.outcome(Grid(subject)) is None
        return subject.finish()
    land = Landscape()
    overview = picture(land, OVERVIEW, 64)
    assert about.figures[slug].question.outcome(Picture(land, overview)) is None
    return Picture(land, picture(land, overview.busiest(), 64))


def bad(question: Question, outcome: Any) -> Any:
    """A sound prediction that is far off."""
    if isinstance(question, Number):
        return max((question.low, question.high), key=lambda v: question.apart(v, outcome))
    if isinstance(question, Step):
        return question.high if outcome != NEVER and outcome * 4 < question.high else 0
    if isinstance(question, Choice):
        return next(o.slug for o in question.options if o.slug != outcome)
    assert isinstance(question, Drawing)
    ends = [[[question.x.low, y], [question.x.high, y]] for y in (question.y.low, question.y.high)]
    return max(ends, key=lambda v: question.apart(v, outcome))


@pytest.mark.parametrize(("lab", "slug"), ASKED)
def test_a_question_is_answered_by_its_own_run(lab: str, slug: str) -> None:
    question = handins.question_of(lab, slug)
    outcome = question.outcome(finished(lab, slug))
    assert outcome is not None and question.recorded(outcome) == outcome
    assert json.loads(json.dumps(outcome)) == outcome
    if not isinstance(question, Drawing):
        assert question.check(outcome) == outcome, "what comes out can be predicted"
    ideal = question.score(outcome, outcome)
    assert ideal.points == 1 and ideal.reason
    far = question.score(question.check(bad(question, outcome)), outcome)
    assert far.points <= 0.3 and far.reason, far


@pytest.mark.parametrize(("lab", "slug"), SLOW)
def test_a_short_run_of_a_slow_one_measures_what_is_asked(lab: str, slug: str) -> None:
    """Its arms are cut short, so that what comes out is something or other, but it does come out."""
    question, recipe = handins.question_of(lab, slug), PHENOMENA[lab].presets[slug].recipe
    short = [replace(c, settings=tuple(s for s in c.settings if s[0] != "steps"))
             for c in recipe.changes if isinstance(c, Branch)]  # fmt: skip
    run = Run(recipe.set({"steps": 24, "changes": tuple(replace(c, step=0) for c in short)}))
    assert question.outcome(run) is None
    outcome = question.outcome(run.finish())
    assert question.score(outcome, outcome).points == 1 and question.recorded(outcome) == outcome


def test_every_lab_asks_and_every_kind_is_asked() -> None:
    asked = {lab for lab, _ in RUNS + FIGURES}
    assert asked == set(PHENOMENA)
    for about in PHENOMENA.values():
        first = about.default if about.presets else next(iter(about.figures.values()))
        assert first.question, f"{about.slug} does not ask what it opens with"
    kinds = {handins.question_of(*where).kind for where in RUNS + FIGURES}
    assert kinds == {"number", "step", "choice", "curve"}


@pytest.mark.parametrize(("lab", "slug"), RUNS + FIGURES)
def test_a_question_is_a_sentence_whose_answer_is_in_the_frame(lab: str, slug: str) -> None:
    question = handins.question_of(lab, slug)
    assert question.ask[-1] in "?." and len(question.ask) < 250
    form = question.form()
    assert json.loads(json.dumps(form)) == form and "because" not in json.dumps(form)
    if isinstance(question, Choice):
        assert len(question.options) >= 2 and all(o.because.endswith(".") for o in question.options)
    about = PHENOMENA[lab]
    if (
        isinstance(question, (Step, Drawing))
        and question.place is not None
        and slug in about.presets
    ):
        assert about.presets[slug].x in ("step", "log-step"), "it is drawn along the steps"


# ---- scores


def test_a_number_is_scored_by_its_factor() -> None:
    points = {p: NUMBER.score(p, 10.0).points for p in (10, 10.9, 9.2, 20, 40, 2.5, 2)}
    assert points[10] == points[10.9] == points[9.2] == 1
    assert 0.5 < points[20] < 0.6 and points[40] == points[2.5] == points[2] == 0
    assert NUMBER.score(20, 10.0).points == NUMBER.score(5, 10.0).points
    assert "factor of 2" in NUMBER.score(20, 10.0).reason and "10%" in NUMBER.score(20, 10.0).reason
    assert LINEAR.score(0.54, 0.5).points == 1 and LINEAR.score(0.9, 0.5).points == 0
    assert "0.4 too high" in LINEAR.score(0.9, 0.5).reason


def test_a_step_may_never_come() -> None:
    assert STEP.score(NEVER, NEVER).points == 1 and STEP.score(10, NEVER).points == 0
    assert STEP.score(NEVER, 10).points == 0 and STEP.score(0, 0).points == 1
    assert 0 < STEP.score(200, 100).points < 1 and "at step 100" in STEP.score(NEVER, 100).reason


def test_a_choice_says_why_the_right_one_is_right() -> None:
    assert CHOICE.score("up", "up").reason == "Right: it did."
    assert CHOICE.score("down", "up").points == 0 and "it did." in CHOICE.score("down", "up").reason


def test_a_curve_is_scored_by_its_distance_in_the_frame() -> None:
    level = [[1.0, 0.1], [1000.0, 0.1]]  # the middle of the frame, in log
    assert CURVE.score(level, level).points == 1
    assert CURVE.apart([[1.0, 10.0], [1000.0, 10.0]], level) == pytest.approx(0.5)
    assert CURVE.apart([[1.0, 1.0], [1000.0, 1.0]], level) == pytest.approx(0.25)
    assert 0 < CURVE.score([[1.0, 1.0], [1000.0, 1.0]], level).points < 0.5
    half = [[1.0, 0.1], [31.6, 0.1]]
    assert CURVE.apart([[1.0, 0.1], [31.6, 0.1], [1000.0, 10.0]], half) == pytest.approx(0)


def test_an_outcome_is_at_most_so_many_points() -> None:
    run = Run(SMALL.set({"steps": 400, "lr": 0.1})).finish()
    found = CURVE.outcome(run)
    assert 10 < len(found) <= MOST and found == CURVE.recorded(found)
    lost = Run(SMALL.set({"lr": 1e6, "steps": 5})).finish()
    with pytest.raises(BadInput, match="diverged at step"):
        NUMBER.outcome(lost)


# ---- bad input

GOOD = {"number": 1.0, "step": 10, "choice": "up", "curve": [[1, 1], [10, 0.1]]}
WRONG: dict[str, list[Any]] = {
    "number": [None, "1", True, math.nan, math.inf, 0.01, 1e9, -1, [1], {}, 10**400],
    "step": [None, "10", True, 1.5, -1, 1001, math.nan, [], "Never"],
    "choice": [None, "left", 1, True, ["up"], "", "up\n"],
    "curve": [None, 1, [], [[1, 1]], [[1, 1], [1, 2]], [[2, 1], [1, 1]], [[1, 1], [2, math.nan]],
              [[1, 1], [2]], [[1, 1], [2, "2"]], [[1, 1], [2000, 1]], [[1, 1], [2, 100]], "curve",
              [[1 + i / 100, 1] for i in range(51)], {"0": [1, 1]}],
}  # fmt: skip


@pytest.mark.parametrize("question", [NUMBER, STEP, CHOICE, CURVE], ids=lambda q: q.kind)
def test_bad_predictions_get_a_sentence(question: Question) -> None:
    assert question.check(GOOD[question.kind]) == GOOD[question.kind]
    for value in WRONG[question.kind]:
        with pytest.raises(BadInput, match=r"^prediction: .+; (give|choose) .+\.$") as said:
            question.check(value)
        assert len(str(said.value)) < 300


def test_a_question_says_what_a_run_has_not() -> None:
    for measure in (outcomes.last("train_loss", replica=5), outcomes.first("train_loss", 1, arm=3)):
        with pytest.raises(BadInput, match="which this run has not"):
            measure(Run(SMALL))
    with pytest.raises(BadInput, match="does not measure"):
        outcomes.last("recovery")(Run(SMALL).finish())


# ---- hand-ins


LARGE = "large-steps", "step-sizes"  # whose outcome, step 5, is known after six steps


@pytest.fixture(scope="module")
def one() -> handins.HandIn:
    run = Run(PHENOMENA[LARGE[0]].presets[LARGE[1]].recipe)
    run.advance(6)
    found = handins.hand_in(*LARGE, 5, run)
    assert found.outcome == 5 and found.score.points == 1
    return found


def write(path: Path, one: handins.HandIn, **fields: Any) -> str:
    """The file of a hand-in, with other fields."""
    path.write_text(json.dumps(json.loads(handins.to_json(one)) | fields))
    return str(path)


def test_a_hand_in_is_read_back_and_comes_out_the_same(
    one: handins.HandIn, tmp_path, capsys
) -> None:
    text = handins.to_json(one)
    assert len(text) < 4000 and handins.from_json(text) == one
    result = handins.check(one)
    assert result.exact and not result.wrong and result.score == one.score
    path = tmp_path / "ann.json"
    path.write_text(text)
    assert main(["check", str(path)]) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "as it says" in said and "Score 1: It is exact." in said


def test_who_edits_outcome_or_score_is_found_out(one: handins.HandIn, tmp_path, capsys) -> None:
    far = {"prediction": 500}
    for fields in (far | {"score": 1.0}, far | {"outcome": 500}, {"outcome": 6}, {"score": 0.4}):
        assert main(["check", write(tmp_path / "bob.json", one, **fields)]) == 1
        said = capsys.readouterr().out
        assert "NOT AS IT SAYS" in said and f"Score {0 if 'prediction' in fields else 1}:" in said


def test_a_number_may_differ_by_rounding_alone() -> None:
    where = "edge-of-stability", "heavy-ball"
    run = Run(PHENOMENA[where[0]].presets[where[1]].recipe.set({"steps": 40})).finish()
    true = handins.hand_in(*where, 7.5, run)
    assert true.changed == ["steps"]
    for factor, exact, wrong in ((1, True, 0), (1.01, False, 0), (1.05, False, 1)):
        outcome = true.outcome * factor
        score = true.question.score(true.prediction, outcome)
        result = handins.check(replace(true, outcome=outcome, score=score))
        assert (result.exact, len(result.wrong)) == (exact, wrong)
        assert result.outcome == true.outcome and result.score == true.score


def test_changes_on_the_way_are_run_again() -> None:
    run = Run(PHENOMENA[LARGE[0]].presets[LARGE[1]].recipe)
    run.advance(2)
    run.change("lr", 0.02, replica=0)
    run.advance(20)
    other = handins.hand_in(*LARGE, 5, run)
    subject = handins.subject_of(*LARGE, other.recipe)
    assert isinstance(subject, Recipe) and subject.changes == (Change(2, 0, "lr", 0.02, 0),)
    assert other.changed == ["changes"] and handins.check(other).exact


def test_a_figure_is_handed_in_with_its_seeds() -> None:
    question = PHENOMENA["double-descent"].figures["random-features"].question
    whole = PHENOMENA["double-descent"].figures["random-features"].subject
    few = Sweep(
        whole.recipe, (Axis(("features",), "features N", (50, 100, 200)), whole.over[1]), (3, 4)
    )
    grid = few.finish()
    plain = handins.plain_of(grid)
    assert question and len(question.outcome(grid)) == 3 and plain["seed"] == [3, 4]
    again = handins.subject_of("double-descent", "random-features", plain)
    assert isinstance(again, Sweep) and again.seeds == (3, 4) and again.over == whole.over
    assert handins.changed("double-descent", "random-features", plain) == ["seed"]


def test_a_picture_is_handed_in_with_its_window() -> None:
    seen = finished("fractal-boundary", "overview")
    one = handins.hand_in("fractal-boundary", "overview", 1.5, seen)
    assert handins.from_json(handins.to_json(one)) == one and one.changed == []
    assert handins.check(one).exact


def test_bad_files_get_a_line_each_and_the_others_are_checked(
    one: handins.HandIn, tmp_path, capsys
) -> None:
    recipe = one.recipe
    bad: list[dict[str, Any]] = [
        {"lab": "none"}, {"preset": "digits"}, {"preset": 7}, {"question": "What?"}, {"score": 2},
        {"prediction": "__import__('os')"}, {"outcome": None}, {"recipe": 1}, {"recipe": recipe | {"x": 1}},
        {"recipe": recipe | {"lr": -1}}, {"edgewise": 9}, {"reason": 3}, {"figure": "x"}, {"score": "1"},
    ]  # fmt: skip
    for i, fields in enumerate(bad):
        write(tmp_path / f"{i}.json", one, **fields)
    for name, text in {
        "a": "",
        "b": "{",
        "c": "[]",
        "d": '{"edgewise": 1}',
        "e": "[" * 100_000,
    }.items():
        (tmp_path / f"{name}.json").write_text(text)
    (tmp_path / "f.json").write_bytes(b"\xff\xfe")
    write(tmp_path / "good.json", one, grade="A")
    assert main(["check", str(tmp_path)]) == 2
    out, errors = capsys.readouterr()
    assert out.count("\n") == 1 and "good.json" in out
    lines = errors.splitlines()
    assert len(lines) == len(bad) + 7 and "'grade': there is no such field" in errors
    assert all(re.fullmatch(r"\S+\.json: .+: .+\.", line) and len(line) < 400 for line in lines), (
        errors
    )
    assert main(["check", str(tmp_path / "none.json")]) == 2


def test_a_run_that_would_take_far_too_long_is_refused(
    one: handins.HandIn, tmp_path, capsys
) -> None:
    slow = {"steps": 10_000_000, "lr": [0.01] * 256}
    for change in ({"steps": 10_000_000, "n": 10_000}, slow):
        path = write(tmp_path / "long.json", one, recipe=one.recipe | change)
        assert main(["check", path]) == 2
        assert re.search(r"(minutes|memory); give --yes\.", capsys.readouterr().err)


def test_an_empty_folder_is_said(tmp_path, capsys) -> None:
    assert main(["check", str(tmp_path)]) == 2
    assert "no JSON file" in capsys.readouterr().err
