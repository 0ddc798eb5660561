"""Open the box: the experiment of a lab as a script of plain torch, to read, to run and to change."""

from __future__ import annotations

import io
import tokenize

import traitlets as t

from lab_core.knobs import BadInput
from widgets.base import View, script
from widgets.cards import LABS

BOXES = LABS / "boxes"
PREFIX = "ew-code-"  # of the CSS classes of the kinds of words
UNCOUNTED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
             tokenize.ENDMARKER}  # fmt: skip


class Box(View):
    """A folded panel below a lab: `Box("edge_of_stability")` shows `labs/boxes/edge_of_stability.py`.

    `html` is the text of the script with its words coloured. `record` says whether what it prints is a
    record, which the page of the lab can open. Raises BadInput where there is no such script.
    """

    _esm = script("dom.js", "box.js")
    name = t.Unicode("").tag(sync=True)
    lines = t.Int(0).tag(sync=True)
    needs = t.Unicode("").tag(sync=True)
    record = t.Bool(False).tag(sync=True)
    text = t.Unicode("").tag(sync=True)
    html = t.Unicode("").tag(sync=True)

    def __init__(self, lab: str) -> None:
        slug = lab.replace("-", "_")
        known = {path.stem: path for path in sorted(BOXES.glob("*.py"))}
        if slug not in known:
            raise BadInput(f"box: {lab!r} has no script; choose {', '.join(known)}.")
        text = known[slug].read_text("utf-8")
        super().__init__(
            name=f"{slug}.py", lines=code_lines(text), text=text, html=coloured(text),
            record='print("step,arm,replica,parent_arm,' in text,
            needs="torch, numpy and scikit-learn" if "sklearn" in text else "torch and numpy",
        )  # fmt: skip


def coloured(text: str) -> str:
    """HTML of Python, a span with a class around each word that has a colour."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(text, PythonLexer(), HtmlFormatter(nowrap=True, classprefix=PREFIX))


def code_lines(text: str) -> int:
    """How many lines of Python are code: neither empty nor comment nor docstring.

    >>> code_lines('"What it does."\\n\\nx = (1,  # one\\n     2)\\n')
    2
    """
    lines: set[int] = set()
    statement: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in UNCOUNTED:
            statement.append(token)
        elif token.type == tokenize.NEWLINE:
            if [word.type for word in statement] != [tokenize.STRING]:
                lines |= {n for word in statement for n in range(word.start[0], word.end[0] + 1)}
            statement = []
    return len(lines)
