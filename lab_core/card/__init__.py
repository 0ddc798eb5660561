"""The card of an optimizer: every lab that can take it, with what was measured there.

`card("adam", lr=0.01)`, or `card(MyOptimizer)`, runs them one after another, a minute or two in all;
`rows` gives each as it is done. A rate is the optimizer's own, and a scan about it, whose best by the
lab's own criterion is shown beside.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from lab_core import own
from lab_core.card.base import PANELS, TITLES, Given, Row, Setting, row
from lab_core.card.descent import descends_twice
from lab_core.card.races import RACES
from lab_core.card.rows import at_the_edge, groks, hump, threshold, warm_up
from lab_core.knobs import BadInput, check, knobs
from lab_core.optimizers import OPTIMIZERS, Optimizer

TRIALS: dict[str, Callable[[Setting], Row]] = {
    "threshold": threshold,
    "edge": at_the_edge,
    "hump": hump,
    "warmup": warm_up,
    "grokking": groks,
    **{race.slug: race for race in RACES},
    "double-descent": descends_twice,
}
# labs without a row, and why
WITHOUT = {
    "time-travel": "its ghosts are flows of gradient descent",
    "why-grokking-waits": "its arms differ from the grokking lab's in the loss and a filter",
    "inside-the-grokked-network": "it looks into the net that the grokking lab trains",
    "deep-matrix-factorisation": "it compares losses",
    "fractal-boundary": "its map is of gradient descent with two learning rates",
    "large-learning-rates": "its noise is that of SGD with one example a step",
    "phase-diagrams": "its maps are those of any lab, to be asked for there",
}


@dataclass(frozen=True)
class Card:
    """An optimizer, its knobs, and the rows that are known."""

    optimizer: str
    label: str
    settings: dict[str, float]
    rows: tuple[Row, ...]

    def to_json(self) -> str:
        """The card as JSON; figures that were never reached are null."""
        plain = {"edgewise_card": 1, "optimizer": self.optimizer, "label": self.label,
                 "settings": self.settings, "rows": [r.plain() for r in self.rows]}  # fmt: skip
        return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"

    def to_html(self) -> str:
        """The card as one file for a browser."""
        knobs = ", ".join(f"{n} {v:g}" for n, v in self.settings.items())
        return (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(self.label)}</title>"
            f"<h1>{escape(self.label)}</h1><p>{escape(knobs)}</p>{table(self.rows)}</html>\n"
        )


def brought(optimizer: Any, settings: dict[str, Any]) -> tuple[str, Optimizer]:
    """The name and the optimizer of a name in the registry, or of what `own.optimizer` takes. Raises
    BadInput.
    """
    slug = optimizer if isinstance(optimizer, str) else own.optimizer(optimizer)
    if slug not in OPTIMIZERS:
        known = ", ".join(OPTIMIZERS)
        raise BadInput(f"optimizer: {slug!r} is not known; choose {known}, or bring your own.")
    cls = OPTIMIZERS[slug]
    for name, value in settings.items():
        if name not in knobs(cls):
            raise BadInput(f"{name}: {slug} has no such knob; choose {', '.join(knobs(cls))}.")
        if isinstance(value, (list, tuple)):
            raise BadInput(
                f"{name}: a card is of one value; the learning rates are scanned anyway."
            )
    found = cls(**settings)
    check(found)
    return slug, found


def rows(
    optimizer: Optimizer,
    going: Callable[[], bool] = lambda: True,
    known: Callable[[str], bool] | None = None,
) -> Iterator[tuple[str, Row]]:
    """Each trial's name and row, one after another, but those that are `known`; soon without more once it
    is not `going`.
    """
    setting = Setting(optimizer, going)
    for slug, trial in TRIALS.items():
        if known and known(slug):
            continue
        try:
            found = trial(setting)
        except Given:
            return
        except BadInput as error:
            found = row(setting, slug, None, f"cannot be put here: {str(error).rstrip('.')}", {})
        if not going():
            return
        yield slug, found


def card(optimizer: Any, tell: Callable[[Row], None] = lambda row: None, **settings: Any) -> Card:
    """The whole card of an optimizer, by name or as a person wrote it, with its knobs. `tell` hears each
    row as it is done. Raises BadInput.
    """
    slug, found = brought(optimizer, settings)
    done = []
    for _, one in rows(found):
        done.append(one)
        tell(one)
    return of(slug, found, done)


def of(slug: str, optimizer: Optimizer, done: list[Row]) -> Card:
    """The card of these rows."""
    values = {n: getattr(optimizer, n) for n in knobs(optimizer)}
    return Card(slug, optimizer.label, values, tuple(done))


def mark(holds: bool | None) -> str:
    """Whether it is so, in a word."""
    return {True: "yes", False: "no", None: "–"}[holds]


def table(done: tuple[Row, ...]) -> str:
    """The rows as an HTML table."""
    heads = "".join(f"<th scope=col>{h}</th>" for h in ("asked", "holds", "measured", "paper"))
    body = "".join(
        f"<tr><th scope=row>{escape(r.title)}</th><td>{mark(r.holds)}</td><td>{escape(r.said)}</td>"
        f"<td>{escape(r.paper)}</td></tr>"
        for r in done
    )
    return f"<table class=ew-table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


__all__ = [
    "PANELS",
    "TITLES",
    "TRIALS",
    "WITHOUT",
    "Card",
    "Row",
    "brought",
    "card",
    "mark",
    "of",
    "rows",
    "table",
]
