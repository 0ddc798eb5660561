"""A student's own numbers, what may be handed in, and how a part is scored whatever was."""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lab_core import bounds, course
from lab_core.course import Answers
from lab_core.knobs import BadInput

SETTING = """
from lab_core.recipe import Recipe
SALT = "a salt"
NUMBERS = {"seed": range(1, 1000), "width": (8, 16)}
def recipe(mine):
    return Recipe().set({"data": "chebyshev", "width": mine.width, "seed": mine.seed})
"""


@pytest.fixture(autouse=True)
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a notebook of the student ada, while nbgrader grades it."""
    folder = tmp_path / "autograded" / "ada" / "edges"
    folder.mkdir(parents=True)
    (folder / "setting.py").write_text(SETTING)
    monkeypatch.setenv("EDGEWISE_SUBMISSION", str(folder))
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    return folder


def test_numbers_are_those_of_the_id_and_the_salt_on_every_machine(beside: Path) -> None:
    assert course.variant("ada") == course.variant(" ada ") == SimpleNamespace(seed=ADA, width=8)
    others = [course.variant(f"student {i}") for i in range(50)]
    assert len({v.seed for v in others}) > 40 and {v.width for v in others} == {8, 16}
    (beside / "setting.py").write_text(SETTING.replace("a salt", "pepper"))
    assert course.variant("ada").seed != ADA


ADA = 448


def test_an_accent_is_the_same_however_it_is_typed() -> None:
    assert course.variant("Zoe\u0308") == course.variant("Zo\u00eb")


def test_the_run_has_the_students_numbers() -> None:
    flat = course.recipe(course.variant("ada")).flat()
    assert flat["seed"] == ADA and flat["width"] == 8


@pytest.mark.parametrize("odd", ["", "  ", None, 7, "a/b", "..", "a\\b", "a\nb", "a\0b", "x" * 300])
def test_an_id_that_no_folder_can_have_is_refused_in_a_sentence(odd: Any) -> None:
    with pytest.raises(BadInput, match=r"^STUDENT: .*\.$"):
        course.variant(odd)


def test_a_setting_that_is_not_there_is_missed_in_a_sentence(beside: Path) -> None:
    (beside / "setting.py").unlink()
    with pytest.raises(BadInput, match=r"^setting.py: it is not beside the notebook"):
        course.variant("ada")


def test_a_notebook_that_changes_its_folder_is_still_whose_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert course.folder() == "ada"
    monkeypatch.delenv("NBGRADER_EXECUTION")
    assert course.folder() is None


# ---- what may be handed in

WRONG: dict[str, tuple[Any, str]] = {
    "nothing": (None, "nothing is filled in yet"),
    "text": ("high", "'high' is no number"),
    "many": ([1.0, 2.0], "its shape is"),
    "nan": (float("nan"), "it is not finite"),
    "infinite": (float("inf"), "it is not finite"),
    "huge": (10**400, "is no number"),
    "outside": (1e9, "outside its range"),
    "function": (print, "is no number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_number_that_is_none_is_refused_in_a_sentence(case: str) -> None:
    value, why = WRONG[case]
    with pytest.raises(BadInput, match=why) as refused:
        Answers({"x": value}).number("x", 0, 100)
    assert str(refused.value).startswith("x: ") and "\n" not in str(refused.value)


def test_numbers_of_every_sort_are_taken() -> None:
    for value in (
        3,
        3.0,
        torch.tensor(3),
        torch.tensor(3.0).numpy(),
        torch.tensor(3.0).numpy()[()],
    ):
        assert Answers({"x": value}).number("x") == 3


def test_a_name_that_is_gone_is_missed_in_a_sentence() -> None:
    with pytest.raises(BadInput, match="^x: there is no such name"):
        Answers({}).number("x")
    with pytest.raises(BadInput, match="^x: it is no function but 3"):
        Answers({"x": 3}).function("x")


def test_what_a_function_raises_becomes_a_sentence() -> None:
    def broken() -> None:
        raise ValueError("first line\nsecond line")

    with pytest.raises(BadInput, match="it raised ValueError: first line.$"):
        Answers({"f": broken}).function("f")()
    with pytest.raises(BadInput, match="returns nothing"):
        Answers({"f": lambda: None}).function("f")()


def test_only_the_knobs_that_are_allowed_may_be_set() -> None:
    assert Answers({"s": {"lr": 1}}).settings("s", ("lr",)) == {"lr": 1}
    for value in ({}, [1], {"fraction": 0.9}):
        with pytest.raises(BadInput, match="^s: "):
            Answers({"s": value}).settings("s", ("lr",))


# ---- points


def scored(capsys: pytest.CaptureFixture[str], part: Any, **names: Any) -> tuple[float, list[str]]:
    found = course.score({"STUDENT": "ada"} | names, part)
    out = capsys.readouterr()
    assert out.err == ""  # nbgrader takes all points from a cell that wrote there
    return found, out.out.replace("\n    ", " ").splitlines()  # what was wrapped, in one line


def three() -> Any:
    def whole(answer: Any, mine: Any) -> Any:
        return 1, f"Seed {mine.seed}."

    def half(answer: Any, mine: Any) -> Any:
        return answer.number("x"), "A half."

    def refuses(answer: Any, mine: Any) -> Any:
        return answer.function("f")(), "Never."

    return (2, whole), (3, half), (1, refuses)


def test_each_check_has_its_points_and_its_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    points, said = scored(capsys, three, x=0.5)
    assert points == 3.5
    assert said[0] == f"[2 of 2] Seed {ADA}." and said[1] == "[1.5 of 3] A half."
    assert said[2].startswith("[0 of 1] f: there is no such name")


def test_sentences_are_wrapped_for_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    def part() -> Any:
        return ((1, lambda answer, mine: (1, "word " * 50)),)

    course.score({"STUDENT": "ada"}, part)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2 and max(map(len, lines)) <= course.WIDE


def test_another_students_notebook_is_worth_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    points, said = scored(capsys, three, x=0.5, STUDENT="bob")
    assert points == 0 and "says 'bob', the folder says 'ada'" in said[0] and len(said) == 1
    assert scored(capsys, three, x=0.5, STUDENT="")[0] == 0


def test_a_notebook_cannot_hide_the_names_that_a_test_needs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hidden = dict.fromkeys(("float", "print", "course", "whole", "__builtins__"), 0)
    assert scored(capsys, three, x=1, **hidden)[0] == 5


def test_what_a_notebook_did_to_torch_is_undone_and_its_noise_unheard(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def part() -> Any:
        def check(answer: Any, mine: Any) -> Any:
            import torch

            answer.function("noise")()
            return torch.tensor(1.0).dtype == torch.float32 and torch.is_grad_enabled(), "Clean."

        return ((1, check),)

    def noise() -> bool:
        print("x" * 10**6)
        print("error", file=sys.stderr)
        warnings.warn("careful", stacklevel=1)
        return True

    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            assert scored(capsys, part, noise=noise) == (1, ["[1 of 1] Clean."])
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("end", [SystemExit(), RecursionError(), MemoryError("all of it")])
def test_a_check_that_ends_in_an_error_is_worth_nothing(
    capsys: pytest.CaptureFixture[str], end: BaseException
) -> None:
    def ends() -> None:
        raise end

    def part() -> Any:
        def check(answer: Any, mine: Any) -> Any:
            return answer.get("ends")(), "Never."

        return ((1, check),)

    points, said = scored(capsys, part, ends=ends)
    assert points == 0 and type(end).__name__ in said[0]


def test_an_interrupt_from_nbgrader_ends_the_part_with_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def waits() -> None:
        raise KeyboardInterrupt

    points, said = scored(capsys, three, x=1, f=waits)
    assert points == 0 and said[-1].startswith("[0 of 6] Interrupted; look for a loop")


def test_endless_loops_are_stopped_and_the_rest_is_scored(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def part() -> Any:
        def loops(answer: Any, mine: Any) -> Any:
            return answer.function("endless")(), "Never."

        def other(answer: Any, mine: Any) -> Any:
            return 1, "The rest."

        return (1, loops), (1, other), (1, loops)

    def stubborn() -> None:
        while True:
            try:  # noqa: SIM105
                time.monotonic()
            except:  # noqa: E722  # swallows even what stops it
                pass

    def endless() -> None:
        while True:
            pass

    monkeypatch.setattr(course, "SECONDS", 0.2)
    monkeypatch.setattr(course, "LEAST", 0.1)
    monkeypatch.setattr(bounds, "AGAIN", 0.01)
    for f in (endless, stubborn):
        points, said = scored(capsys, part, endless=f)
        assert points == 1 and "look for a loop" in said[0] and said[1] == "[1 of 1] The rest."
