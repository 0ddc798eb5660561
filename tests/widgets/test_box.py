"""The box below a lab: what it shows of a script, and that its words can be read."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape

import pytest

from lab_core.knobs import BadInput
from tests.widgets.test_controls import contrast
from widgets import theme
from widgets.base import HERE, script
from widgets.box import BOXES, PREFIX, Box, code_lines

COLOURED = re.compile(rf'class="{PREFIX}(\w+)"')


@pytest.mark.parametrize("path", sorted(BOXES.glob("*.py")), ids=lambda path: path.stem)
def test_shows_the_text_of_the_script_and_no_other(path):
    box = Box(path.stem)
    assert box.text == path.read_text("utf-8") and box.name == path.name
    shown = re.sub("<[^>]+>", "", box.html)
    assert unescape(shown) == box.text
    assert set(re.findall(r"<(/?\w+)", box.html)) == {"span", "/span"}
    assert 15 < box.lines == code_lines(box.text) <= 60
    assert ("scikit-learn" in box.needs) == ("load_digits" in box.text)
    assert box.record == (path.stem not in ("double_descent", "fractal_boundary", "phase_diagrams"))


def test_a_lab_without_a_script_is_one_sentence():
    assert Box("time-travel").name == "time_travel.py"
    for name in ("nothing", "../cards", ""):
        with pytest.raises(
            BadInput, match="^box: '.*' has no script; choose curvature_and_warmup, "
        ):
            Box(name)


def test_counts_code_and_nothing_else():
    text = '"""What.\n\nMore.\n"""\n\nx = [  # a list\n    1,\n]\n\n\ndef f():\n    "Why."\n'
    text += '    # so\n    return """\n"""\n'
    assert code_lines(text) == 3 + 1 + 2
    assert code_lines("") == 0


def test_needs_no_torch():
    code = "import sys; from widgets import Box; Box('grokking'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("which", [0, 1])
def test_every_colour_of_the_code_can_be_read(which):
    rules = re.findall(
        r"^\.ew-box [^{]*ew-code[^{]*\{ color: var\((--ew-[\w-]+)\)", script("page.css"), re.M
    )
    block = theme.css().split("body")[1 + which]
    colours = dict(re.findall(r"(--ew-[\w-]+):(#\w+)", block))
    assert len(rules) == 5
    for name in ("--ew-ink", *rules):
        assert contrast(colours[name], colours["--ew-surface"]) >= 4.5, name


def test_most_words_of_a_script_have_a_colour():
    styled = set(re.findall(rf"\.{PREFIX}(\w+)", (HERE / "page.css").read_text("utf-8")))
    used = {kind for path in BOXES.glob("*.py") for kind in COLOURED.findall(Box(path.stem).html)}
    plain = {"n", "nn", "o", "p", "w", "ow", "fm", "se"}  # names, operators: ink
    assert used - styled <= plain
    assert styled <= used | {"kc", "ow", "mf", "sa", "si"}
