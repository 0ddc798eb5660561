"""Files that are written: what goes wrong is said in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from lab_core.knobs import BadInput


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """A file to write."""
    with writing(path), path.open("w", encoding="utf-8") as file:
        yield file


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What goes wrong in here is said in a sentence about this path."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"{path}: it cannot be written ({error.strerror}); choose another place, or make room."
        ) from None
