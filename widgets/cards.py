"""What the index page says of each lab, read from the notebook's own metadata."""

import json
from dataclasses import dataclass
from pathlib import Path

LABS = Path(__file__).parent.parent / "labs"


@dataclass(frozen=True)
class Card:
    """One lab on the index page; a notebook's metadata key `edgewise` holds the fields."""

    file: str
    title: str
    question: str = ""
    papers: tuple[str, ...] = ()
    minutes: int | None = None


def lab_cards(folder: Path) -> list[Card]:
    """The cards of the notebooks in `folder`, in the order of their file names."""
    return [read_card(path) for path in sorted(folder.glob("*.ipynb"))]


def read_card(path: Path) -> Card:
    """The card of one notebook: with its file name as title where its metadata says nothing."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))["metadata"]["edgewise"]
        return Card(
            file=path.name,
            title=str(about["title"]),
            question=str(about.get("question", "")),
            papers=tuple(map(str, about.get("papers", ()))),
            minutes=about.get("minutes"),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return Card(file=path.name, title=path.stem)
