"""Sharing: the link of a page, the files to take away, opening them again, and what is recovered."""

from __future__ import annotations

import math
import os
import shlex
import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lab_core import formats, tables
from lab_core.arm import Arm
from lab_core.export import to_torch
from lab_core.knobs import BadInput
from lab_core.recipe import Recipe
from widgets import link, opening, standalone
from widgets.bar import LOCKABLE
from widgets.link import Look
from widgets.locks import FREE

if TYPE_CHECKING:
    from widgets.session import Session

FILES = {  # id: (label, how the name ends)
    "recipe": ("Recipe (JSON)", ".json"),
    "csv": ("Record (CSV)", ".csv"),
    "parquet": ("Record (Parquet)", ".parquet"),
    "html": ("Page to scrub without a server (HTML)", ".html"),
    "svg": ("Plots (SVG)", ".svg"),
    "png": ("Plots (PNG)", ".png"),
    "torch": ("PyTorch script", ".py"),
}
KEEP = 5.0  # s between two texts that the browser keeps
SOON = 0.5  # s after something that a person did
SLOW = 50_000  # characters for which it waits another second


class Sharing:
    """What leaves the page of a session, and what comes back."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._kept, self._due = "", math.inf
        share = session.lab.share
        stem = session.phenomenon.slug
        share.files = [{"id": i, "label": label, "name": stem + end}
                       for i, (label, end) in FILES.items()]  # fmt: skip

    def event(self, name: str, value: Any) -> None:
        """A person has done something in the dialogs."""
        acts: dict[str, Callable[[Any], None]] = {
            "take": self._take, "file": self._file, "recover": self._recover,
            "address": self._address,
        }  # fmt: skip
        for button, events in {"download": ["take"], "open": ["file"]}.items():
            if name in events:
                self.session.lab.bar.locks.check(button)
        acts[name](value)

    # ---- the page, written down

    @property
    def recipe(self) -> Recipe:
        """The run's, without what is measured for the plots alone."""
        s = self.session
        return s.run.recipe.set({"probes": s.opened.probes})

    def look(self) -> Look:
        """What the page shows of it."""
        s = self.session
        arms, plots, preset = s.run.arms, s.plots, s.phenomenon.presets[s.preset]
        locks = s.lab.controls.locks
        count = max(arms) + 1 if len(arms) > 1 or arms[0].t else 0
        return Look(
            preset=s.preset,
            at=tuple(_stands(arms[i]) if i in arms else 0 for i in range(count)),
            arm=s.changes.arm,
            moment=s.travel.moment,
            plot=plots.chosen if plots.chosen != preset.plots[-1] else "",
            x=plots.x if plots.x != preset.x else "",
            hidden=tuple(i for i in arms if not plots.visible(f"a{i}") and i not in plots.closed),
            closed=tuple(sorted(plots.closed)),
            ghosts=tuple(s.comparing.ghosts),
            zoom=dict(plots.figure.zoom),
            scale=dict(plots.figure.scales),
            lock=tuple(sorted(locks.locked)),
            hide=tuple(sorted(locks.hidden)),
        )

    def query(self, look: Look | None = None) -> str:
        """The query of a link that reopens the page as it is, or so that it shows something else.
        Raises BadInput where it is too long.
        """
        s = self.session
        recipe = formats.to_url(self.recipe, s.phenomenon.presets[s.preset].recipe)
        version = f"{opening.VERSION}={formats.VERSION}"
        return "&".join(filter(None, [version, recipe, link.to_query(look or self.look())]))

    def text(self) -> str:
        """The same as JSON, of any length."""
        return formats.to_json(self.recipe, link.to_plain(self.look()))

    def kept(self) -> str:
        """The same with what was predicted, which no link gives away."""
        made = self.session.predicting.made
        page = link.to_plain(self.look()) | ({} if made is None else {"prediction": made})
        return formats.to_json(self.recipe, page)

    def show(self, part: str) -> None:
        """Open a dialog."""
        if part == "share":
            self._write_texts()
        self.session.lab.share.show(part)

    def _write_texts(self) -> None:
        share, name = self.session.lab.share, self.session.phenomenon.slug.replace("-", "_")
        share.controls, share.start = [], ""
        texts = [{"label": "Python", "text": formats.to_python(self.recipe)}]
        share.link = ""
        try:
            query = share.link = self.query()
        except BadInput:  # beyond any link
            pass
        else:
            notebook = {"label": "In a notebook", "text": f'Lab("{name}", link="{query}")'}
            texts = [notebook, {"label": "Command line", "text": self.command()}, *texts]
            share.start = self.query(at_start(self.look()))
            share.controls = self._for_class()
        share.texts = texts

    def _for_class(self) -> list[dict[str, Any]]:
        """What a link for a class can lock and hide; nothing in a page that was opened by such a link."""
        controls = self.session.lab.controls
        if controls.locks != FREE:
            return []
        groups = [
            (g["title"], [(c["id"], c["label"]) for c in g["controls"]]) for g in controls.every
        ]
        groups.append(("Buttons", list(LOCKABLE.items())))
        return [
            {"title": title, "controls": [{"id": i, "label": label} for i, label in each]}
            for title, each in groups
        ]

    def command(self) -> str:
        """What runs the recipe without a screen."""
        s = self.session
        query = formats.to_url(self.recipe, s.phenomenon.presets[s.preset].recipe)
        settings = [f"--set {shlex.quote(unquote(piece))}" for piece in query.split("&") if piece]
        return " ".join(["edgewise run", s.phenomenon.slug, "--preset", s.preset, *settings])

    # ---- files

    def _take(self, kind: str) -> None:
        s, share = self.session, self.session.lab.share
        makers: dict[str, Callable[[], str | bytes]] = {
            "recipe": self.text, "csv": self._csv, "parquet": self._parquet, "html": self._html,
            "torch": lambda: to_torch(self.recipe),
        }  # fmt: skip
        try:
            if kind in ("svg", "png"):
                self._picture(kind)
                return
            with s.player.lock:
                data = makers[kind]()
        except Exception as error:
            share.refuse(kind, f"The file cannot be made: {error}")
            raise
        share.give(kind, data.encode() if isinstance(data, str) else data)

    def _picture(self, kind: str) -> None:
        """The page draws it, and says so later."""
        s, share = self.session, self.session.lab.share
        s.plots.figure.image(
            kind,
            lambda data: share.give(kind, data),
            s.phenomenon.title,
            lambda sentence: share.refuse(kind, sentence),
        )

    def _arms(self) -> list[tuple[int, int | None, Any]]:
        return [(i, arm.parent, arm.record) for i, arm in self.session.run.arms.items()]

    def _csv(self) -> str:
        file = StringIO()
        tables.write_csv(file, self._arms())
        return file.getvalue()

    def _parquet(self) -> bytes:
        file = BytesIO()
        tables.write_parquet(file, self._arms(), self.text())
        return file.getvalue()

    def _html(self) -> bytes:
        s, lab = self.session, self.session.lab
        return standalone.page(
            s.phenomenon.title, s.phenomenon.question, s.plots.figure, lab.timeline.arms,
            lab.messages.rows, lab.table.value,
        )  # fmt: skip

    # ---- opening

    def _file(self, file: dict[str, Any]) -> None:
        s, data = self.session, file["data"]
        if data.lstrip()[:1] != b"{":
            s.comparing.add(file["name"], tables.read(data, file["name"]))
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise BadInput(f"{file['name']}: it is not text; open a recipe's JSON.") from None
        self._recover(text)

    def _recover(self, text: str) -> None:
        s = self.session
        s.restore(opening.from_text(s.phenomenon, text, s.preset))

    def _address(self, query: str) -> None:
        """In JupyterLab, whose kernels do not know the address, the page says it when it opens."""
        s = self.session
        if "QUERY_STRING" in os.environ or not opening.is_link(query) or s.run.arms[0].t:
            return
        opened = opening.from_query(s.phenomenon, query, s.preset)
        named = opened.look.preset
        if named in s.phenomenon.presets or (not named and opened.look.locks != FREE):
            s.restore(opened)  # else it is another notebook's

    # ---- what the browser keeps

    def offer(self) -> None:
        """Offer to recover the run, which another is about to replace, where it was changed."""
        if self.session.run.changes != list(self.session.opened.changes):
            self.session.lab.share.offer(self.kept(), self._said())

    def _said(self) -> str:
        run = self.session.run
        arms, t = len(run.arms), max(arm.t for arm in run.arms.values())
        return f"step {t:,}" + (f", {arms} arms" if arms > 1 else "")

    def touch(self) -> None:
        """A person has changed something: it is to be kept soon."""
        self._due = min(self._due, time.monotonic() + SOON)

    def keep(self, now: bool = False) -> None:
        """Have the browser keep the run, not too often: from a person's first act on, since what
        the browser has may be of more worth than what a link has just opened.
        """
        run, player = self.session.run, self.session.player
        if player.returning or (not now and time.monotonic() < self._due):
            return
        if self._due == math.inf or not any(arm.t for arm in run.arms.values()):
            return
        text = self.kept()
        pause = KEEP + len(text) / SLOW if player.playing else math.inf
        self._due = time.monotonic() + pause
        if text != self._kept:
            self._kept = text
            self.session.lab.share.keep(text, self._said())


def at_start(look: Look) -> Look:
    """The same where no step has been taken."""
    beside = tuple(name for name in look.ghosts if name.endswith("-0"))
    return replace(look, at=(), arm=0, moment=None, hidden=(), closed=(), ghosts=beside, zoom={})


def _stands(arm: Arm) -> int:
    """The step up to which an arm is to be taken; one step on, where it there diverged."""
    return arm.t + (len(arm.diverged) == arm.R)
