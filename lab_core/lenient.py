"""What can be read of a recipe that is not sound: all that is, and a sentence about what is not."""

from __future__ import annotations

from lab_core.formats import add_piece, url_pieces
from lab_core.knobs import BadInput
from lab_core.plain import DEFAULT, Plain, from_plain
from lab_core.recipe import PARTS, Recipe

MOST_FIELDS = 200  # that are looked at one by one; a recipe has some forty
MOST_ENTRIES = 2000  # changes that are


def readable_url(query: str, base: Recipe = DEFAULT) -> tuple[Recipe, list[str]]:
    """`from_url`, except that what it would refuse is left out, each with a sentence."""
    fields: Plain = {}
    said: list[str] = []
    try:
        pieces = url_pieces(query)
    except BadInput as error:
        return base, [str(error)]
    for piece in pieces:
        try:
            add_piece(fields, piece)
        except BadInput as error:
            said.append(str(error))
            if piece.startswith("branch"):  # later pieces count the arms
                break
    recipe, more = readable(fields, base)
    return recipe, said + more


def readable(fields: Plain, base: Recipe = DEFAULT) -> tuple[Recipe, list[str]]:
    """`from_plain`, except that what it would refuse is left out, each with a sentence.

    Of the changes those before the first that is wrong stay: the later ones build on it.
    """
    try:
        return from_plain(fields, base), []
    except BadInput as error:
        first = str(error)
    good: Plain = {"changes": []} if "changes" in fields else {}
    said: list[str] = []
    parts = {name: fields[name] for name in PARTS if name in fields}
    if _wrong(good | parts, base) is None:  # together, for one may need another
        good |= parts
    rest = [n for n in fields if n not in good and n != "changes"]
    for name in sorted(rest[:MOST_FIELDS], key=lambda n: n not in PARTS):
        if why := _wrong(good | {name: fields[name]}, base):
            said.append(why)
        else:
            good[name] = fields[name]
    if "changes" in fields:
        said += _changes(good, fields["changes"], base)
    return from_plain(good, base), said or [first]


def _changes(good: Plain, entries: object, base: Recipe) -> list[str]:
    """Add to `good` the longest sound beginning of the changes; what is wrong with the next."""
    if not isinstance(entries, list):
        return [_wrong(good | {"changes": entries}, base) or ""]
    # the first `low` are sound, the first `high + 1` are not; a long log is not searched
    low, high = 0, len(entries) if len(entries) < MOST_ENTRIES else 0
    while low < high:
        middle = (low + high + 1) // 2
        if _wrong(good | {"changes": entries[:middle]}, base) is None:
            low = middle
        else:
            high = middle - 1
    good["changes"] = entries[:low]
    why = _wrong(good | {"changes": entries[: low + 1]}, base)
    return [why] if why else []


def _wrong(fields: Plain, base: Recipe) -> str | None:
    """Why `from_plain` refuses these, or None."""
    try:
        from_plain(fields, base)
    except BadInput as error:
        return str(error)
    return None
