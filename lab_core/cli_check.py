"""`edgewise check`: hand-ins run again, and whether what they say is so."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab_core.knobs import BadInput

if TYPE_CHECKING:
    from lab_core.handins import Checked, HandIn

SO, NOT_SO, BAD = 0, 1, 2
ROUNDING = {True: "", False: ", but for rounding"}


def options(sub: argparse.ArgumentParser) -> None:
    """The options of the command."""
    sub.add_argument("files", metavar="FILE", nargs="+", type=Path,
                     help="a hand-in that a page wrote, or a folder of them")  # fmt: skip
    sub.add_argument("--yes", action="store_true", help="run what takes long, too")


def check(args: argparse.Namespace) -> int:
    """Run hand-ins again, and say of each what comes out; exit code 1 where one is not so."""
    from lab_core.devices import one_thread

    one_thread()
    return max(checked(path, args.yes) for path in found(args.files))


def found(places: list[Path]) -> list[Path]:
    """The files, and those of folders. Raises BadInput for a folder without any."""
    every: list[Path] = []
    for place in places:
        inside = sorted(place.rglob("*.json")) if place.is_dir() else [place]
        if not inside:
            raise BadInput(f"{place}: there is no JSON file in this folder; give another.")
        every += inside
    return list(dict.fromkeys(every))


def checked(path: Path, patient: bool) -> int:
    """Check one file, and print a line about it; its exit code."""
    from lab_core import handins

    try:
        one = handins.from_json(text_of(path))
        for sentence in one.said:
            print(f"{path}: {sentence}", file=sys.stderr)
        result = handins.check(one, patient)
    except BadInput as error:
        print(f"{path}: {error}", file=sys.stderr)
        return BAD
    except MemoryError:
        print(f"{path}: recipe: it does not fit in memory.", file=sys.stderr)
        return BAD
    print(f"{path}: {line(one, result)}", flush=True)
    return NOT_SO if result.wrong else SO


def line(one: HandIn, result: Checked) -> str:
    """What is said of a hand-in that was run again."""
    words = one.question.words
    said = f"{one.lab}, {one.slug}: predicted {words(one.prediction)}, "
    if one.changed:
        said += f"not quite what was asked about ({', '.join(one.changed)}), "
    if result.wrong:
        said += f"NOT AS IT SAYS: {'; '.join(result.wrong)}. "
    else:
        said += f"came out {words(result.outcome)} as it says{ROUNDING[result.exact]}. "
    return f"{said}Score {result.score.points:g}: {result.score.reason}"


def text_of(path: Path) -> str:
    """The text of a file, no longer than one may be. Raises BadInput."""
    from lab_core.formats import LONGEST_JSON

    try:
        with path.open(encoding="utf-8") as file:
            return file.read(LONGEST_JSON + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise BadInput(f"file: it cannot be read ({why}); give a hand-in's JSON.") from None
