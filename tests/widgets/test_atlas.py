"""The atlas: what it says is what was judged, and nothing in it runs or is fetched."""

import re
from datetime import date
from html.parser import HTMLParser

import pytest

from lab_core import phenomena
from lab_core.claims import Claim, Verdict
from lab_core.curves import Curve, Panel, along
from lab_core.phenomena import Phenomenon
from lab_core.phenomena.base import Preset
from lab_core.recipe import Branch, Recipe
from lab_core.sweep import Axis, Sweep
from widgets import atlas

TINY = Recipe().set({"data": "chebyshev", "width": 4, "depth": 1, "steps": 40})
ARMS = TINY.set({"changes": tuple(
    Branch(0, 0, (("optimizer", name), ("weight_decay", 0.01), ("init_scale", 0.5)), from_start=True)
    for name in ("heavy-ball", "adamw")
)})  # fmt: skip
SWEEP = Sweep(TINY, (Axis(("width",), "width", (2, 4)),), (0, 1, 2))


def judged(holds):
    return lambda subjects: Verdict(holds, "3 < 4 & more", "4")


@pytest.fixture
def toys(monkeypatch):
    curve = Curve("Widths", "", SWEEP, (Panel("Loss", "width", "loss", along("train_loss")),))
    claims = (
        Claim("a-paper", "It <falls>.", (ARMS.set({"seed": (0, 1, 2)}),), judged(True), "first"),
        Claim("a-paper", "It is so wide.", (SWEEP,), judged(False), "widths"),
    )
    toy = Phenomenon("toy", "Toys & more", "Why?", (("a-paper", "A. Paper 2020"),),
                     {"first": Preset("First", "", ARMS, 1)}, claims, 1,
                     figures={"widths": curve})  # fmt: skip
    monkeypatch.setattr(phenomena, "PHENOMENA", {"toy": toy})


class Reader(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self, page):
        super().__init__()
        self.text, self.tags = "", []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_every_claim_stands_there_with_its_figures_and_pictures(toys, tmp_path, capsys):
    assert atlas.main([str(tmp_path / "atlas.html")]) == 1  # one does not hold
    page = Reader((tmp_path / "atlas.html").read_text("utf-8"))
    tags = [tag for tag, _ in page.tags]
    assert "2 claims; 1 hold" in page.text
    assert str(date.today().year) in page.text
    assert "It <falls>." in page.text
    assert all(f"{name}, init scale 0.5" in page.text for name in ("heavy ball", "AdamW"))
    assert page.text.count("3 < 4 & more") == 2
    assert "A. Paper 2020" in page.text
    assert "seeds 0, 1, 2" in page.text
    assert "does not hold" in page.text
    assert tags.count("article") == 2
    pictures = [tag for tag, attributes in page.tags if attributes.get("role") == "img"]
    assert pictures == ["svg"] * 3  # the run has measured loss and sharpness, the grid the loss
    assert "[2/2]" in capsys.readouterr().out


def test_nothing_in_it_runs_or_is_fetched(toys, tmp_path):
    atlas.main([str(tmp_path / "atlas.html"), "toy"])
    page = Reader((tmp_path / "atlas.html").read_text("utf-8"))
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    targets = [v for _, attrs in page.tags for k, v in attrs.items() if k in ("href", "src")]
    assert all(target.startswith("#") for target in targets)
    assert "default-src 'none'" in page.tags[5][1]["content"]


def test_what_was_checked_before_an_interrupt_is_kept(toys, tmp_path, monkeypatch, capsys):
    check = Claim.check

    def interrupted(claim):
        if claim.preset == "widths":
            raise KeyboardInterrupt
        return check(claim)

    monkeypatch.setattr(Claim, "check", interrupted)
    assert atlas.main([str(tmp_path / "atlas.html")]) == 130
    page = Reader((tmp_path / "atlas.html").read_text("utf-8"))
    assert "1 of 2 claims were checked; 1 hold" in page.text
    assert "has what was checked" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["{folder}/atlas.html", "nothing"], ["{folder}", "toy"]])
def test_bad_input_is_one_sentence(toys, tmp_path, capsys, arguments):
    assert atlas.main([a.format(folder=tmp_path) for a in arguments]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert re.fullmatch(r".+: .+[;,] .+\.\n", err)
