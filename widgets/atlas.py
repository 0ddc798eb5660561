"""The atlas: one page with every claim, the measured figure beside the expected one, and its picture."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from lab_core.claims import Claim, Verdict, finished
from lab_core.cli_claims import check, wanted
from lab_core.curves import Curve
from lab_core.files import opened, writing
from lab_core.knobs import BadInput
from lab_core.phenomena import Phenomenon
from lab_core.sweep import Grid
from widgets import svg, theme
from widgets.base import script
from widgets.drawing import Mark, stroke

PICTURES = 2  # of a claim
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'">
<title>Every claim of Edgewise</title>
<style>{css}</style>
</head>
<body>
<main>
<h1>Every claim of Edgewise</h1>
<p>{summary}</p>
<nav aria-label="Phenomena"><ul>{contents}</ul></nav>
{sections}
</main>
</body>
</html>
"""


@dataclass(frozen=True)
class Entry:
    """A claim that was checked; `picture` are SVGs of the runs that it was judged by, `key` tells their
    curves apart.
    """

    phenomenon: Phenomenon
    claim: Claim
    verdict: Verdict
    picture: Sequence[str]
    key: Sequence[Mark] = ()


def page(entries: Sequence[Entry], of: int, day: date) -> str:
    """The page, of `of` claims that were to be checked."""
    about = [(p, list(each)) for p, each in groupby(entries, key=lambda entry: entry.phenomenon)]
    return PAGE.format(
        css=theme.css_of_the_system() + script("atlas.css"),
        summary=_summary(entries, of, day),
        contents="".join(_content(p, each) for p, each in about),
        sections="".join(_section(p, each) for p, each in about),
    )


def _summary(entries: Sequence[Entry], of: int, day: date) -> str:
    held = sum(entry.verdict.holds for entry in entries)
    checked = f"{len(entries)} of {of} claims were checked" if len(entries) < of else f"{of} claims"
    return (
        f"{checked}; {held} hold. Edgewise {version('edgewise')}, torch {version('torch')},"
        f" Python {platform.python_version()}, {day:%-d %B %Y}. Each claim was judged by runs made for"
        " this page, over the seeds that are named; the curves are those runs."
    )


def _content(p: Phenomenon, entries: Sequence[Entry]) -> str:
    held = sum(entry.verdict.holds for entry in entries)
    count = f"{held} of {len(entries)} hold"
    return f'<li><a href="#{p.slug}">{escape(p.title)}</a> <span>{count}</span></li>'


def _section(p: Phenomenon, entries: Sequence[Entry]) -> str:
    articles = "".join(_article(entry) for entry in entries)
    return (
        f'<section id="{p.slug}"><h2>{escape(p.title)}</h2><p>{escape(p.question)}</p>'
        f"{articles}</section>"
    )


def _article(entry: Entry) -> str:
    claim, verdict = entry.claim, entry.verdict
    citation = dict(entry.phenomenon.papers)[claim.paper]
    kind, word = ("good", "holds") if verdict.holds else ("bad", "does not hold")
    seeds = ", ".join(map(str, claim.seeds))
    figures = [("measured", verdict.measured), ("expected", verdict.expected),
               ("paper", citation), ("runs", f"{claim.preset}, seeds {seeds}")]  # fmt: skip
    rows = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in figures)
    pictures = "".join(f"<div>{picture}</div>" for picture in entry.picture)
    marks = "".join(f"<li>{stroke(mark)} {escape(mark.word)}</li>" for mark in entry.key)
    key = f'<ul class="key" aria-label="Curves">{marks}</ul>' if marks else ""
    return (
        f'<article><h3><span class="{kind}">{word}</span> {escape(claim.claim)}</h3>'
        f'<dl>{rows}</dl>{key}<div class="pictures">{pictures}</div></article>'
    )


def pictures(p: Phenomenon, claim: Claim) -> list[str]:
    """What the first of a claim's subjects looks like: two plots of its preset, or its figure."""
    subject = finished(claim.recipes[0])
    if claim.preset in p.presets:
        preset = p.presets[claim.preset]
        drawn = [slug for slug in preset.plots if svg.can_draw(subject, slug)]
        return [svg.of_run(subject, slug, preset.x, keyed=False) for slug in drawn[:PICTURES]]
    figure = p.figures[claim.preset]
    if isinstance(subject, Grid):
        panels = len(figure.panels) if isinstance(figure, Curve) else 1
        return [svg.of_grid(figure, subject, i) for i in range(min(panels, PICTURES))]
    return [
        svg.of_frame(frame) for frame in subject[0][-PICTURES:]
    ]  # the deepest of a chain of zooms


def write(out: Path, names: Sequence[str], json: Path | None = None) -> int:
    """Check claims and write the page of them, also of those that were checked before an interrupt."""
    of = len(list(wanted(names)))
    with writing(out):  # what cannot be written is known before the work
        out.open("a").close()
    entries: list[Entry] = []

    def see(p: Phenomenon, claim: Claim, verdict: Verdict) -> None:
        key = svg.key(finished(claim.recipes[0])) if claim.preset in p.presets else []
        entries.append(Entry(p, claim, verdict, pictures(p, claim), key))

    try:
        return check(names, json, see)
    finally:
        with opened(out) as file:
            file.write(page(entries, of, date.today()))


def main(argv: list[str] | None = None) -> int:
    """The command line `python -m widgets.atlas FILE [NAME ...]`; the exit code, as of `edgewise claims`."""
    parser = argparse.ArgumentParser(prog="widgets.atlas")
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    try:
        return write(args.out, args.names, args.json)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"Interrupted; {args.out} has what was checked.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
