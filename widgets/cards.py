"""What the index page says of each lab: of its notebook's own metadata, its picture, and what it has."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

LABS = Path(__file__).parent.parent / "labs"
PICTURES, WORDS = "pictures", "words.json"  # the folder beside the notebooks, and a file in it
UNSOUND = re.compile(r"<script|<foreignObject|href\s*=|\son\w+\s*=|url\(", re.IGNORECASE)
Find = tuple[str, str, str]


@dataclass(frozen=True)
class Card:
    """One lab on the index page; a notebook's metadata key `edgewise` holds the fields, `picture` is SVG
    text, and `finds` are (kind, what is said of it, more that is searched) of all that finds the lab.
    """

    file: str
    title: str
    question: str = ""
    papers: tuple[str, ...] = ()
    minutes: int | None = None
    picture: str = ""
    finds: tuple[Find, ...] = ()


def lab_cards(folder: Path) -> list[Card]:
    """The cards of the notebooks in `folder`, in the order of their file names; those in folders of it
    are no labs.
    """
    words = _words(folder)
    return [read_card(path, words) for path in sorted(folder.glob("*.ipynb"))]


def read_card(path: Path, words: dict[str, list[Find]]) -> Card:
    """The card of one notebook: with its file name as title where its metadata says nothing."""
    name = slug(path)
    try:
        about = json.loads(path.read_text(encoding="utf-8"))["metadata"]["edgewise"]
        return Card(
            file=path.name,
            title=str(about["title"]),
            question=str(about.get("question", "")),
            papers=tuple(map(str, about.get("papers", ()))),
            minutes=about.get("minutes"),
            picture=_picture(path.parent / PICTURES / f"{name}.svg"),
            finds=tuple(words.get(name, ())),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return Card(file=path.name, title=path.stem)


def slug(path: Path) -> str:
    """The phenomenon that a notebook is named after.

    >>> slug(Path("01_edge_of_stability.ipynb"))
    'edge-of-stability'
    """
    number, _, name = path.stem.partition("_")
    return (name if number.isdigit() else path.stem).replace("_", "-")


def _picture(path: Path) -> str:
    """The text of a picture; none where there is none, or where it could run or fetch something."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    return text if text.startswith("<svg ") and not UNSOUND.search(text) else ""


def _words(folder: Path) -> dict[str, list[Find]]:
    try:
        every = json.loads((folder / PICTURES / WORDS).read_text(encoding="utf-8"))
        return {
            name: [(str(kind), str(said), str(more)) for kind, said, more in finds]
            for name, finds in every.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
