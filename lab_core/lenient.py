"""What can be read of a recipe that is not sound: all that is, and a sentence about what is not."""

from __future__ import annotations

from lab_core.formats import add_piece, url_pieces
from lab_core.knobs import BadInput, knobs
from lab_core.plain import DEFAULT, Plain, from_plain
from lab_core.recipe import PARTS, Recipe

FIELDS = {name for kinds in PARTS.values() for cls in kinds.values() for name in knobs(cls)}
FIELDS |= {*knobs(Recipe), "probes"}
MOST_FIELDS = 200  # that are looked at one by one; a recipe has some forty
SEARCHED = 20_000  # changes, times replicas, among which the first that is wrong is looked for


def readable_url(query: str, base: Recipe = DEFAULT) -> tuple[Recipe, list[str]]:
    """`from_url`, except that what it would refuse is left out, each with a sentence."""
    fields: Plain = {}
    said: list[str] = []
    broken = False
    try:
        pieces = url_pieces(query)
    except BadInput as error:
        return base, [str(error)]
    for piece in pieces:
        logged = piece.startswith(("change=", "branch="))
        if broken and logged:
            continue
        try:
            add_piece(fields, piece)
        except BadInput as error:
            said.append(str(error))
            broken |= logged
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
    parts = {name: fields[name] for name in PARTS if name in fields}
    if _wrong(good | parts, base) is None:  # together, for one may need another
        good |= parts
    left = [name for name in fields if name not in good]
    left.sort(key=lambda name: (name not in PARTS, name not in FIELDS))
    left, unread = left[:MOST_FIELDS], left[MOST_FIELDS:]
    said = (
        [f"{len(unread)} more fields: a recipe has some forty; leave them out."] if unread else []
    )
    said = list(_add(good, left, fields, base).values()) + said
    if "changes" in fields:
        said += _changes(good, fields["changes"], base)
    return from_plain(good, base), said or [first]


def _add(good: Plain, names: list[str], fields: Plain, base: Recipe) -> dict[str, str]:
    """Add to `good` the sound ones of these fields, in whatever order they are; why not the others."""
    refused: dict[str, str] = {}
    while True:
        for name in names:
            if why := _wrong(good | {name: fields[name]}, base):
                refused[name] = why
            else:
                good[name] = fields[name]
        left = [name for name in names if name not in good]
        if len(left) in (0, len(names)):
            return {name: refused[name] for name in left}
        names = left


def _changes(good: Plain, entries: object, base: Recipe) -> list[str]:
    """Add to `good` the longest sound beginning of the changes; what is wrong with the next."""
    why = _wrong(good | {"changes": entries}, base)
    if why is None:
        good["changes"] = entries
        return []
    if not isinstance(entries, list):
        return [why]
    if len(entries) * from_plain(good, base).replicas > SEARCHED:
        return [f"{why} All {len(entries):,} changes are left out."]
    low, high = 0, len(entries) - 1  # the first `low` are sound, the first `high + 1` are not
    while low < high:
        middle = (low + high + 1) // 2
        if _wrong(good | {"changes": entries[:middle]}, base) is None:
            low = middle
        else:
            high = middle - 1
    why = _wrong(good | {"changes": entries[: low + 1]}, base) or why
    good["changes"] = entries[:low]
    return [why]


def _wrong(fields: Plain, base: Recipe) -> str | None:
    """Why `from_plain` refuses these, or None."""
    try:
        from_plain(fields, base)
    except BadInput as error:
        return str(error)
    return None
