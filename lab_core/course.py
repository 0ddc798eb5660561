"""What a course's notebooks ask: a student's own numbers, and the points of a part with a sentence each.

The numbers are drawn from the student's id, as `setting.py` beside the notebook says. While
nbgrader grades, the id is that of the submission's folder, and a part whose first cell says another
is worth nothing. This bounds mistakes and endless loops; it is no sandbox.
"""

from __future__ import annotations

import builtins
import hashlib
import math
import os
import runpy
import textwrap
import time
import types
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from lab_core.bounds import Stopped, limited, quiet
from lab_core.knobs import BadInput
from lab_core.recipe import Recipe

FILE = "setting.py"
SECONDS = 15.0  # of CPU that the checks of a part may take together
LEAST = 1.0  # of those, that each has where those before it took too long
WIDE = 80  # characters of a line of feedback
LONGEST = 200  # characters of an id, or of an error that is repeated


# ---- whose numbers


def here() -> Path:
    """The folder in which the notebook began, whatever it changed to since."""
    return Path(os.environ.setdefault("EDGEWISE_SUBMISSION", os.getcwd()))


def folder() -> str | None:
    """The student whose submission nbgrader is grading (STEP/STUDENT/ASSIGNMENT); None elsewhere."""
    grading = os.environ.get("NBGRADER_EXECUTION") == "autograde"
    return unicodedata.normalize("NFC", here().parent.name) if grading else None


def student_id(student: Any) -> str:
    """An id as folders write it. Raises BadInput for one that no folder can have."""
    if not isinstance(student, str) or not student.strip():
        raise BadInput('STUDENT: it is blank; write your id between the quotes, like "ada".')
    name = unicodedata.normalize("NFC", student.strip())
    if (
        len(name) > LONGEST
        or name in (".", "..")
        or not name.isprintable()
        or set(name) & set("/\\")
    ):
        raise BadInput(
            f"STUDENT: {short(repr(name), 40)} cannot be the name of a folder; write the id under"
            " which you hand in."
        )
    return name


def setting() -> dict[str, Any]:
    """What `setting.py` beside the notebook defines: SALT, NUMBERS, recipe. Raises BadInput."""
    try:
        return runpy.run_path(str(here() / FILE))
    except FileNotFoundError:
        raise BadInput(
            f"{FILE}: it is not beside the notebook, in {here()}; put it back from the assignment."
        ) from None


def variant(student: Any) -> SimpleNamespace:
    """The numbers of a student, as attributes: the same for the same id and file, on any machine.

    Each is one of its pool in NUMBERS, by SHA-256 of SALT, id and name: Python's own hash differs from
    run to run. Another SALT gives everybody other numbers. Raises BadInput.
    """
    name, given = student_id(student), setting()

    def draw(key: str, pool: Sequence[Any]) -> Any:
        digest = hashlib.sha256(f"{given['SALT']}/{name}/{key}".encode()).digest()
        return pool[int.from_bytes(digest[:8], "big") % len(pool)]

    return SimpleNamespace(**{key: draw(key, pool) for key, pool in given["NUMBERS"].items()})


def recipe(mine: SimpleNamespace, name: str = "recipe") -> Recipe:
    """The assignment's run (or another that `setting.py` defines) with a student's numbers."""
    found: Recipe = setting()[name](mine)
    return found


# ---- what was handed in


def short(text: str, most: int = LONGEST) -> str:
    """The first line of a text, cut."""
    line = (text.strip().splitlines() or [""])[0]
    return line if len(line) <= most else line[: most - 1] + "…"


class Answers:
    """The names that a notebook defines, asked for one by one; what does not fit raises BadInput."""

    def __init__(self, names: Mapping[str, Any]):
        self.names = names

    def get(self, name: str) -> Any:
        value = self.names.get(name, self)
        if value is self:
            raise BadInput(f"{name}: there is no such name; put its cell back, without an error.")
        if value is None or value is Ellipsis:
            raise BadInput(f"{name}: nothing is filled in yet.")
        return value

    def number(self, name: str, low: float = -math.inf, high: float = math.inf) -> float:
        """A finite number in [low, high]."""
        try:
            value = float(tensor(self.get(name), (), name))
        except OverflowError:
            value = math.inf
        if not (math.isfinite(value) and low <= value <= high):
            raise BadInput(f"{name}: {value:g} is outside its range; give {low:g} to {high:g}.")
        return value

    def function(self, name: str) -> Callable[..., Any]:
        """A function or class; what it raises becomes a sentence, and so does a call without result."""
        value = self.get(name)
        if not callable(value):
            raise BadInput(f"{name}: it is no function but {short(repr(value), 40)}; define one.")

        def call(*arguments: Any, **named: Any) -> Any:
            try:
                found = value(*arguments, **named)
            except NotImplementedError:
                found = None
            except Exception as error:
                raise BadInput(f"{name}: called by the test, it raised {told(error)}.") from error
            if found is None or found is Ellipsis:
                raise BadInput(f"{name}: it returns nothing; fill it in, and return the result.")
            return found

        return call

    def settings(self, name: str, allowed: Sequence[str]) -> dict[str, Any]:
        """A dict of knobs, of which only some may be moved."""
        value = self.get(name)
        if not isinstance(value, dict) or not value:
            raise BadInput(f"{name}: give a dict of knobs and values, such as {{'lr': 0.1}}.")
        if others := [short(str(key), 40) for key in value if key not in allowed]:
            raise BadInput(
                f"{name}: {', '.join(others)} may not be set; choose {', '.join(allowed)}."
            )
        return value


def tensor(value: Any, shape: tuple[int, ...], name: str) -> Tensor:
    """A result as finite numbers [shape] in float64. Raises BadInput for anything else."""
    try:
        found = torch.as_tensor(value).detach().to("cpu", torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise BadInput(
            f"{name}: {short(repr(value), 40)} is no number or tensor; give one."
        ) from None
    if found.shape != shape:
        raise BadInput(f"{name}: its shape is {list(found.shape)}; it must be {list(shape)}.")
    if not bool(found.isfinite().all()):
        raise BadInput(f"{name}: it is not finite; look for a division by 0 or an overflow.")
    return found


def told(error: BaseException) -> str:
    return short(f"{type(error).__name__}: {error}".removesuffix(": "))


# ---- points

Check = Callable[[Answers, SimpleNamespace], tuple[float, str]]
Part = Callable[[], Sequence[tuple[float, Check]]]


def score(names: Mapping[str, Any], part: Part) -> float:
    """The points of one part, which nbgrader reads as the cell's value; a sentence for each is printed.

    `names` is `globals()`. `part` returns (points, check) pairs; it imports what it needs and is run
    apart from the notebook's names, which may hide any other. A check takes the answers and the
    student's numbers, and returns the share of its points, 0 to 1, and a sentence. What is handed in
    cannot make this raise.
    """
    checks = types.FunctionType(part.__code__, {"__builtins__": builtins})()
    total, most = 0.0, sum(points for points, _ in checks)
    try:
        mine = owner(names)
    except BadInput as error:
        say(0, most, str(error))
        return 0.0
    end = time.process_time() + SECONDS
    try:
        for points, check in checks:
            share, sentence = judged(check, Answers(names), mine, end)
            total += points * share
            say(points * share, points, sentence)
    except KeyboardInterrupt:  # by nbgrader, which then gives the cell no points
        say(0, most, "Interrupted; look for a loop that does not end.")
        return 0.0
    return round(total, 2)


def say(points: float, most: float, sentence: str) -> None:
    """Points and a sentence, in lines that a page of feedback has room for."""
    print(textwrap.fill(f"[{points:.3g} of {most:g}] {sentence}", WIDE, subsequent_indent="    "))


def judged(check: Check, answers: Answers, mine: SimpleNamespace, end: float) -> tuple[float, str]:
    """What a check finds, whatever happens in it: the share of its points, and a sentence."""
    try:
        with quiet(), limited(max(end - time.process_time(), LEAST)):
            share, sentence = check(answers, mine)
            return min(max(float(share), 0.0), 1.0), sentence
    except BadInput as error:
        return 0.0, str(error)
    except Stopped:
        return 0.0, (
            f"Stopped: this part's tests have {SECONDS:.0f} s of computing; look for a loop that"
            " does not end."
        )
    except (Exception, SystemExit) as error:
        return 0.0, f"With your answers the test itself ended in {told(error)}."


def owner(names: Mapping[str, Any]) -> SimpleNamespace:
    """The numbers of who handed in. Raises BadInput where the first cell says somebody else."""
    said, whose = student_id(names.get("STUDENT")), folder()
    if whose is not None and said != whose:
        raise BadInput(
            f"STUDENT: the first cell says {said!r}, the folder says {whose!r}: these are another"
            " student's numbers; write your own id, and answer for your own."
        )
    return variant(said)
