"""What is behind a lab's page: the run, its player, and what each control does to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from lab_core.arm import Arm
from lab_core.knobs import BadInput
from lab_core.run import Run
from widgets import choices, opening
from widgets.changes import Changes
from widgets.comparing import Comparing
from widgets.key import names
from widgets.link import Look
from widgets.opening import Opened
from widgets.player import Player
from widgets.predicting import Predicting
from widgets.sharing import Sharing
from widgets.sources import Source, first_colours, of_arm
from widgets.telling import Telling
from widgets.travel import Travel

if TYPE_CHECKING:
    from widgets.lab import Lab

LOOK = 0.5  # s between two looks for milestones while a run plays


class Session:
    """Connects the widgets of a `Lab` with a run. All changes to the run happen under its lock."""

    def __init__(self, lab: Lab, name: str, preset: str | None, settings: dict[str, Any],
                 query: str) -> None:  # fmt: skip
        self.lab, self.phenomenon = lab, opening.phenomenon(name)
        asked = opening.with_settings(opening.from_query(self.phenomenon, query, preset), settings)
        asked, run = opening.started(self.phenomenon, asked)
        self.preset, self.opened = asked.preset, asked.recipe
        self.plots = lab.plots
        self.travel, self.changes = Travel(self), Changes(self)
        self.comparing, self.telling = Comparing(self), Telling(self)
        self.screen = threading.RLock()  # frames come from the clock and from a person's events
        self._looked = 0.0
        self._shown: list[int] = [0]  # arms that the controls know
        self.sharing = Sharing(self)
        self.predicting = Predicting(lab.predict, self._begun, self._subject, self._predicted)
        self.plots.beside = self.predicting.drawn
        with self.screen:  # the player's clock asks for frames at once
            self.player = Player(run, self.frame, lambda: self.plots.figure.alive, self.fail)
            self._take_up(asked)
        self._connect()

    # ---- starting

    def _title(self) -> None:
        """The question, and the paper that the preset's claims are from."""
        p, papers = self.phenomenon, dict(self.phenomenon.papers)
        about = [c.paper for c in p.claims if c.preset == self.preset and c.paper in papers]
        citation = papers[about[0]] if about else p.papers[0][1]
        self.lab.head.value = (
            f"<h1>{escape(p.title)}</h1><p>{escape(p.question)} <cite>{escape(citation)}</cite></p>"
        )

    def _connect(self) -> None:
        lab, guarded = self.lab, self._guarded
        lab.bar.on_event(self._bar, guarded)
        lab.controls.on_change(self.changes.control, guarded)
        lab.share.on_event(guarded(self.sharing.event))
        lab.arms.on_event(guarded(self._arms))
        lab.predict.on_event(guarded(self.predicting.event))
        self.predicting.show()
        lab.timeline.on_event(guarded(lambda _, step: self.travel.seek(step)))
        self.plots.figure.on_choice(guarded(self._choice))
        lab.share.place = self.phenomenon.slug  # which lets the page know that the lab listens

    def _guarded(self, act: Callable[..., None]) -> Callable[..., None]:
        """What a person does: an error in it reaches the page, and the browser keeps the outcome."""

        def acted(*what: Any) -> None:
            act(*what)
            self.sharing.touch()

        return self.lab.guarded(acted)

    def choose(self, preset: str) -> None:
        """Start a preset."""
        self.restore(opening.from_preset(self.phenomenon, preset))

    def restore(self, asked: Opened) -> None:
        """Take up what a link or a file says; what was changed in the run before can be recovered."""
        self.sharing.offer()
        asked, run = opening.started(self.phenomenon, asked)
        with self.player.lock, self.screen:
            self.player.replace(run)
            self.preset, self.opened = asked.preset, asked.recipe
            self._take_up(asked)

    def _take_up(self, asked: Opened) -> None:
        """Show a run that is at its start, and take it to where it stood."""
        self._title()
        look = asked.look
        self.lab.bar.lock(look.locks)
        self.lab.controls.lock(look.locks)  # for good, whatever is opened next
        preset = self.phenomenon.presets[self.preset]
        self._pace(preset.speed)
        self.predicting.ask(self.phenomenon.slug, self.preset, preset.question, preset.plots)
        self.lab.guarded(self.predicting.recall)(asked.prediction)
        self.plots.open(preset, self.phenomenon.choices, look.plot, look.x)
        self._begin()
        self.plots.figure.zoom, self.plots.figure.scales = look.zoom, look.scale
        if asked.notice:
            self.lab.messages.notice(asked.notice)
        until = dict(enumerate(look.at[: asked.recipe.arms]))
        until |= {k: look.at[0] for k in range(len(until), asked.recipe.arms) if look.at}
        if not until:
            self.comparing.recall(look.ghosts)
        self.show()
        if until:
            self.player.catch_up(until, self.lab.guarded(lambda: self._arrived(look)))

    def _arrived(self, look: Look) -> None:
        """The arms stand where they stood: show of them what was shown."""
        with self.player.lock, self.screen:
            self.plots.sync(self.run)
            for arm in self.run.arms:
                if arm in look.closed and arm > 0:
                    self.plots.remove(f"a{arm}")
                elif arm in look.hidden:
                    self.plots.show(f"a{arm}", False)
            if look.arm in self.run.arms and look.arm not in self.plots.closed:
                self.changes.target = f"{look.arm}:{choices.ALL}"
        self.comparing.recall(look.ghosts)
        self.show()
        self.travel.seek(look.moment)

    def _reset(self) -> None:
        """Start anew from the recipe that the page was opened with."""
        with self.player.lock, self.screen:
            self.player.replace(Run(self.opened))
            beside = [name for name in self.comparing.ghosts if name.endswith("-0")]
            self._begin()
            self.comparing.recall(beside)
            self.show()

    def _begin(self) -> None:
        """Take the page back to the start of a run; it is left to show it."""
        with self.player.lock, self.screen:
            self.plots.clear()
            self.run.advance(0)  # which opens the arms that it has from the start
            self.plots.watch(self.run)
            self.changes.reset()
            self.travel.look(None)
            self.comparing.restart()
            self.telling.restart()

    def _pace(self, speed: float | None) -> None:
        """Steps/s; None for as many as there can be."""
        self.player.speed = self.lab.bar.speed = speed

    # ---- what the page shows

    @property
    def run(self) -> Run:
        return self.player.run

    @property
    def arms(self) -> list[Arm]:
        """The arms that are on the page: all that were not closed."""
        return [arm for i, arm in list(self.run.arms.items()) if i not in self.plots.closed]

    @property
    def colours(self) -> dict[int, int]:
        """The number of the colour of each arm's first replica."""
        return first_colours(self.run.arms.values())

    def show(self) -> None:
        """Controls, arms and plots as the run now is."""
        with self.screen:
            self._shown = list(self.run.arms)
            arm, replica = choices.target_of(self.changes.target)
            self.plots.pick(arm, replica or 0)
            self.lab.controls.set_spec(self.changes.spec())
            self._looked = 0.0
            self.frame()

    def list_arms(self) -> None:
        """The list of what is drawn, and the settings in which it differs."""
        self.lab.arms.show([*self._arm_rows(), *self._saved_rows()])
        table = self.comparing.table()
        if table != self.lab.table.value:
            self.lab.table.value = table

    def _arm_rows(self) -> Iterator[dict[str, Any]]:
        called, colours = names(self.arms), self.colours
        for arm in self.arms:
            source = of_arm(arm, colours[arm.index])
            yield self._row(f"arm {arm.index}: {called[arm.index]}", source, arm.index > 0)

    def _saved_rows(self) -> Iterator[dict[str, Any]]:
        for saved in self.comparing.saved.values():
            source = saved.source
            yield self._row(source.name, source, True)

    def _row(self, name: str, source: Source, closable: bool) -> dict[str, Any]:
        return {"id": source.key, "name": name, "replicas": source.labels, "arm": source.style,
                "first": source.first, "visible": self.plots.visible(source.key),
                "closable": closable}  # fmt: skip

    def frame(self) -> None:
        """One frame: new points, the state of the run, what has happened."""
        bar, now = self.lab.bar, time.monotonic()
        with self.screen:
            if self._shown != list(self.run.arms):  # a branch of the recipe has come due
                self.show()
            self.plots.sync(self.run, self.comparing.sources())
            self.plots.figure.flush()
            if now - self._looked > LOOK or not self.player.playing:
                self._looked = now
                self.telling.look()
                self.predicting.look()
                self.plots.fit()
                self.sharing.keep()
            if bar.playing != self.player.playing:
                bar.playing = self.player.playing
                self.lab.messages.say(self.telling.stands())

    def _begun(self) -> bool:
        return any(arm.t for arm in list(self.run.arms.values()))

    def _subject(self) -> tuple[Run, Any]:
        """The run, and what tells that it has gone on."""
        run = self.run
        return run, (id(run), len(run.changes), [arm.t for arm in list(run.arms.values())])

    def _predicted(self) -> None:
        """Draw what a person has predicted."""
        with self.player.lock, self.screen:
            question = self.predicting.question
            if question and question.place is not None and self.plots.figure.traces:
                self.plots.anew(question.place)

    def fail(self, error: Exception) -> None:
        def again() -> None:
            raise error

        self.lab.guarded(again)()

    # ---- what a person does

    def _bar(self, name: str, value: Any) -> None:
        if name == "play" and self.run.done:
            raise BadInput(
                "Play: the run has reached its last step; raise 'steps', or press Reset."
            )
        past = self.travel.moment is not None
        if name == "play" and past:
            self.travel.seek(None)
        if name == "speed":
            self._pace(value)
        elif name == "back" or (name == "step" and past):
            self.travel.by(1 if name == "step" else -1)
        elif name == "fork":
            self.travel.fork()
        elif name in ("share", "download", "open"):
            self.sharing.show(name)
        else:
            {"play": self.player.play, "pause": self.player.pause, "step": self.player.step,
             "reset": self._reset}[name]()  # fmt: skip
        self.frame()
        if name in ("step", "back", "reset"):
            self.lab.messages.say(self.telling.stands())

    def _arms(self, name: str, key: str) -> None:
        if name != "close":
            with self.screen:
                self.plots.show(key, name == "show")
        elif key in self.comparing.saved:
            self.comparing.remove(key)
        else:
            self._close(int(key.removeprefix("a")))
        self.show()

    def _close(self, arm: int) -> None:
        """End an arm where it stands, and take it from the page."""
        with self.player.lock:
            self.run.change("steps", self.run.arms[arm].t, arm)
        with self.screen:
            self.plots.remove(f"a{arm}")
        for name in [n for n in self.comparing.ghosts if n.endswith(f"-{arm}")]:
            self.comparing.dismiss(name)
        self.changes.reset()
        self.travel.look(None)

    def _choice(self, panel: int, value: str) -> None:
        with self.player.lock, self.screen:
            self.plots.choose(value, self.run)
            self.plots.look(self.run, self.travel.moment)
