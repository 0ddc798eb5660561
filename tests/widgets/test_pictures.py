"""The index's pictures and words: there for each lab, sound, and what the labs now give."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab_core.phenomena import PHENOMENA
from widgets import pictures
from widgets.cards import LABS, PICTURES, WORDS, lab_cards, slug

CARDS = lab_cards(LABS)
CHEAP = "fractal-boundary"
ELEMENTS = {"svg", "title", "desc", "g", "path", "text"}


def kept(name: str) -> str:
    return (LABS / PICTURES / f"{name}.svg").read_text(encoding="utf-8")


def structure(text: str) -> list:
    """All but the numbers of paths and places: what is drawn, its colours, and what is written."""
    told = ("stroke", "fill", "stroke-width", "stroke-dasharray")
    return [
        (part.tag, [part.get(name) for name in told], part.text if part.get("x") is None else "")
        for part in ElementTree.fromstring(text).iter()
    ]


def test_each_lab_has_its_picture_and_each_picture_its_lab() -> None:
    assert {slug(Path(card.file)) for card in CARDS} == set(pictures.NAMES)
    assert set(PHENOMENA) == set(pictures.STILLS)
    assert all(card.picture and card.finds for card in CARDS)
    assert {path.stem for path in (LABS / PICTURES).glob("*.svg")} == set(pictures.NAMES)


@pytest.mark.parametrize("name", pictures.NAMES)
def test_a_picture_is_small_says_what_it_is_and_fetches_nothing(name: str) -> None:
    text = kept(name)
    parts = [part.tag.rpartition("}")[2] for part in ElementTree.fromstring(text).iter()]
    assert set(parts) <= ELEMENTS and parts[1:3] == ["title", "desc"] and len(text) < 9000
    assert "NaN" not in text and "nan" not in text and len(re.findall("https?://", text)) == 1
    about = PHENOMENA.get(name)
    captions = [pictures.TRIED_CAPTION]
    captions += (
        [one.caption for kinds in (about.presets, about.figures) for one in kinds.values()]
        if about
        else []
    )
    assert ElementTree.fromstring(text)[1].text in captions


def test_a_cheap_picture_is_what_is_drawn_anew() -> None:
    assert structure(pictures.draw(CHEAP)) == structure(kept(CHEAP))


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in pictures.NAMES if name != CHEAP])
def test_a_picture_is_what_is_drawn_anew(name: str) -> None:
    assert structure(pictures.draw(name)) == structure(kept(name))


def test_the_words_are_those_of_the_labs() -> None:
    text = (LABS / PICTURES / WORDS).read_text(encoding="utf-8")
    assert json.loads(text) == {name: pictures.words(name) for name in pictures.NAMES}
    edge = json.loads(text)["edge-of-stability"]
    assert ["knob", "momentum", "beta"] in edge and ["optimizer", "Adam", "adam"] in edge


def test_a_lab_that_is_none_is_one_sentence(capsys) -> None:
    assert pictures.main(["edge"]) == 2
    assert capsys.readouterr().err.startswith("lab: 'edge' is not known; choose edge-of-stability")
