"""`edgewise claims`: which claims are asked for, their checks, and what is said of them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab_core.files import opened, writing
from lab_core.knobs import BadInput

if TYPE_CHECKING:
    from lab_core.claims import Claim, Verdict
    from lab_core.phenomena import Phenomenon

See = Callable[["Phenomenon", "Claim", "Verdict"], None]


def options(sub: argparse.ArgumentParser) -> None:
    """The options of the command."""
    sub.add_argument(
        "names", metavar="NAME", nargs="*", help="a phenomenon or a paper; default: all"
    )
    sub.add_argument("--json", metavar="FILE", type=Path, help="write the verdicts there")
    sub.add_argument("--report", metavar="FILE", type=Path,
                     help="write one page there: each claim with its figures and its picture")  # fmt: skip


def claims(args: argparse.Namespace) -> int:
    """Check claims, all or by name; exit code 1 when one does not hold."""
    if args.report:  # the pictures are drawn by what draws the plots of the labs
        program = ["-m", "widgets.atlas", str(args.report), *args.names]
        program += [f"--json={args.json}"] if args.json else []
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *program])
    return check(args.names, args.json)


def check(names: Sequence[str], out: Path | None = None, see: See | None = None) -> int:
    """Check the claims of phenomena and papers, all where none is named, and print what is found;
    `see` is shown each as it is known. The exit code. Raises BadInput for a name that is not known.
    """
    from lab_core.devices import one_thread

    one_thread()
    asked = list(wanted(names))
    if out:  # what cannot be written is known before the work
        with writing(out):
            out.open("a").close()
    rows: list[dict[str, Any]] = []
    for i, (phenomenon, claim) in enumerate(asked, 1):
        print(f"[{i}/{len(asked)}] {claim.paper}: {claim.claim}", flush=True)
        rows.append(claim.report(verdict := claim.check()))
        print(f"    {'holds' if verdict.holds else 'DOES NOT HOLD'}, seeds {claim.seeds}")
        print(f"    measured: {verdict.measured}\n    expected: {verdict.expected}", flush=True)
        if see:
            see(phenomenon, claim, verdict)
    if out:
        with opened(out) as file:
            json.dump(rows, file, indent=2, ensure_ascii=False)
    return 0 if all(row["holds"] for row in rows) else 1


def wanted(names: Sequence[str]) -> Iterator[tuple[Phenomenon, Claim]]:
    """The claims of phenomena and papers by name, all where there is none. Raises BadInput."""
    from lab_core.phenomena import PHENOMENA

    every = [(p, claim) for p in PHENOMENA.values() for claim in p.claims]
    known = dict.fromkeys(name for p, claim in every for name in (p.slug, claim.paper))
    for name in names:
        if name not in known:
            raise BadInput(f"{name}: neither a phenomenon nor a paper; choose {', '.join(known)}.")
    chosen = set(names) or set(known)
    return ((p, claim) for p, claim in every if {p.slug, claim.paper} & chosen)
