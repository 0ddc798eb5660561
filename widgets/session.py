"""What is behind a lab's page: the run, its player, and what each control does to them."""

from __future__ import annotations

import threading
import time
from html import escape
from typing import TYPE_CHECKING, Any

from lab_core import milestones
from lab_core.knobs import BadInput, knobs
from lab_core.run import Run
from lab_core.timeline import live
from widgets import choices
from widgets.opening import opened, phenomenon
from widgets.player import Player
from widgets.travel import Travel

if TYPE_CHECKING:
    from widgets.lab import Lab

LOOK = 0.5  # s between two looks for milestones while a run plays
SETTLE = 0.8  # s after the last move of a slider that starts a new arm


class Session:
    """Connects the widgets of a `Lab` with a run. All changes to the run happen under its lock."""

    def __init__(self, lab: Lab, name: str, preset: str | None, settings: dict[str, Any],
                 query: str) -> None:  # fmt: skip
        self.lab, self.phenomenon = lab, phenomenon(name)
        self.preset, self.opened = opened(
            self.phenomenon, preset, settings, query, lab.messages.notice
        )
        self.plots, self.travel = lab.plots, Travel(self)
        self.origin, self.target = "here", f"0:{choices.ALL}"
        self.screen = threading.RLock()  # frames come from the clock and from a person's events
        self._looked = 0.0
        self._told: set[milestones.Milestone] = set()
        self._judged = False
        self._shown: list[int] = [0]  # arms that the controls know
        self._wanted: dict[str, Any] = {}
        self._timer: threading.Timer | None = None
        self._scaled: dict[str, list[float]] = {}  # knob -> what a factor of 1 stands for
        # last, since its clock asks for frames at once
        self.player = Player(
            Run(self.opened), self.frame, lambda: self.plots.figure.alive, self._fail
        )
        self._connect()
        self._title()
        self._pace(self.phenomenon.presets[self.preset].speed)
        self._begin()

    # ---- starting

    def _title(self) -> None:
        (_, citation), title = self.phenomenon.papers[0], self.phenomenon.title
        self.lab.head.value = (
            f"<h1>{escape(title)}</h1><p>{escape(self.phenomenon.question)}"
            f" <cite>{escape(citation)}</cite></p>"
        )

    def _connect(self) -> None:
        lab, guarded = self.lab, self.lab.guarded
        lab.bar.on_event(guarded(self._bar))
        lab.controls.on_change(guarded(self._control))
        lab.arms.on_event(guarded(self._arms))
        lab.timeline.on_event(guarded(lambda _, step: self.travel.seek(step)))
        self.plots.figure.on_choice(guarded(self._choice))

    def _reset(self) -> None:
        """Start anew from the recipe that the page was opened with."""
        with self.player.lock, self.screen:
            self.player.replace(Run(self.opened))
            self._begin()

    def _begin(self) -> None:
        """Show a run that is at its start."""
        with self.player.lock, self.screen:
            self.plots.clear()
            self.plots.watch(self.run)
            self._told, self._judged = set(), False
            self.target, self.origin = f"0:{choices.ALL}", "here"
            self.travel.look(None)
            self.lab.messages.clear()
            self.lab.messages.add(None, self.phenomenon.presets[self.preset].caption)
        self.show()

    def _pace(self, speed: float | None) -> None:
        """Steps/s; None for as many as there can be."""
        self.player.speed = self.lab.bar.speed = speed

    # ---- what the page shows

    @property
    def run(self) -> Run:
        return self.player.run

    def show(self) -> None:
        """Controls, arms and plots as the run now is."""
        self._shown = list(self.run.arms)
        recipes = self.travel.recipes()
        each = [r.optimizer for r in recipes]
        self._scaled = {
            n: [getattr(o, n) for o in each]
            for n, k in knobs(each[0]).items()
            if k.log and len({getattr(o, n) for o in each}) > 1
        }
        self.lab.controls.set_spec(
            choices.groups(
                self.phenomenon, self.preset, self.run, self.target, self.origin, recipes
            )
        )
        self.frame()
        self.lab.arms.show([
            {"id": arm.index, "name": f"arm {arm.index}: {arm.program.optimizer.label}",
             "replicas": [arm.label(r) for r in range(arm.R)], "arm": arm.index,
             "visible": self.plots.visible(arm.index), "closable": arm.index > 0}
            for arm in self.run.arms.values() if arm.index not in self.plots.closed
        ])  # fmt: skip

    def frame(self) -> None:
        """One frame: new points, the state of the run, what has happened."""
        if self._shown != list(self.run.arms):  # a branch of the recipe has come due
            self.show()
        bar, now = self.lab.bar, time.monotonic()
        with self.screen:
            self.plots.sync(self.run)
            self.plots.figure.flush()
            if now - self._looked > LOOK or not self.player.playing:
                self._looked = now
                self._tell()
                bar.text = self._state()
                self._tracks()
            bar.playing = self.player.playing

    def _tracks(self) -> None:
        """The arms on the timeline."""
        tracks = [
            {"id": a.index, "parent": a.parent if a.first else None, "first": a.first, "t": a.t}
            for a in self.run.arms.values()
            if a.index not in self.plots.closed
        ]
        if tracks != self.lab.timeline.arms or self.travel.arm != self.lab.timeline.arm:
            self.lab.timeline.show(tracks, self.travel.arm)

    def _state(self) -> str:
        arms = list(self.run.arms.values())
        replicas = sum(a.R for a in arms)
        t = min((a.t for a in arms if not a.done), default=max(a.t for a in arms))
        if self.travel.moment is not None:
            wanted = ", ".join(dict.fromkeys(n.replace("_", " ") for n, _ in self.travel.wanted))
            return f"step {self.travel.moment:,} of {t:,}" + (
                f" · fork with {wanted}" if wanted else ""
            )
        counted = f"{replicas} replica{'s' * (replicas > 1)}"
        pace = f" · {self.player.rate:,.0f} steps/s" if self.player.playing else ""
        return f"step {t:,} · {counted}{pace} · {arms[0].device_reason.split(':')[0]}"

    def _tell(self) -> None:
        for m in milestones.find(self.run):
            if m not in self._told:
                self._told.add(m)
                self.lab.messages.add(m.step, m.sentence, m.replica)
        if self.run.done and not self._judged:
            self._judged = True
            self._judge()

    def _judge(self) -> None:
        """At the end of an untouched preset: whether its claims hold, with their figures."""
        preset = self.phenomenon.presets[self.preset].recipe
        if self.run.recipe.set({"probes": preset.probes}) != preset:
            return
        for claim in self.phenomenon.claims:
            if claim.preset == self.preset:
                verdict = claim.judge([self.run])
                word = "claim holds" if verdict.holds else "claim does not hold on this seed"
                self.lab.messages.add(
                    self.run.arms[0].t,
                    f"{word}: {claim.claim} Measured: {verdict.measured}. Expected:"
                    f" {verdict.expected}.",
                )

    def _fail(self, error: Exception) -> None:
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
        else:
            {"play": self.player.play, "pause": self.player.pause, "step": self.player.step,
             "reset": self._reset}[name]()  # fmt: skip
        self.frame()

    def _arms(self, name: str, arm: int) -> None:
        if name == "close":
            with self.player.lock:
                self.run.change("steps", self.run.arms[arm].t, arm)
            with self.screen:
                self.plots.remove(arm)
            self.target = f"0:{choices.ALL}"
            self.travel.look(None)
        else:
            with self.screen:
                self.plots.show(arm, name == "show")
        self.show()

    def _choice(self, panel: int, value: str) -> None:
        with self.player.lock, self.screen:
            self.plots.choose(value, self.run)

    def _control(self, name: str, value: Any) -> None:
        arm, replica = choices.target_of(self.target)
        if name in ("target", "origin"):
            setattr(self, name, value)
            if choices.target_of(self.target)[0] != arm:  # which may not have been at the moment
                self.travel.seek(self.travel.moment)
            self.show()
        elif name == "preset":
            self.preset = value
            self.opened = self.phenomenon.presets[value].recipe
            self._pace(self.phenomenon.presets[value].speed)
            self._reset()
        elif self.travel.moment is not None and not self._fresh(name):
            self.travel.want(name, *self._values(name, value, replica))
            self.frame()
        elif live(self.run.arms[arm].program, name):
            self._live(arm, replica, name, value)
        elif name in ("optimizer", "loss"):
            self._open({name: value}, self.origin == "start")
        else:
            self._soon(name, value)

    def _fresh(self, name: str) -> bool:
        """Whether a knob or part can only be set at the start of an arm."""
        return not (live(self.travel.recipes()[0], name) or name in ("optimizer", "loss"))

    def _values(self, name: str, value: Any, replica: int | None) -> tuple[Any, int | None]:
        """What a slider's value means, and for which replica (None: all)."""
        if replica is None and name in self._scaled:
            value = tuple(v * value for v in self._scaled[name])
        own = knobs(self.travel.recipes()[0].optimizer)
        return value, replica if name in own else None

    def _live(self, arm: int, replica: int | None, name: str, value: Any) -> None:
        value, replica = self._values(name, value, replica)
        try:
            with self.player.lock:
                self.run.change(name, value, arm, replica)
        except BadInput:
            self.show()
            raise
        if name == "schedule":
            self.show()

    def _soon(self, name: str, value: Any) -> None:
        """Open an arm once a person has stopped moving the sliders that start one."""
        self._wanted[name] = value
        if self._timer:
            self._timer.cancel()
        self._timer = threading.Timer(SETTLE, self.lab.guarded(self._open_wanted))
        self._timer.daemon = True
        self._timer.start()

    def _open_wanted(self) -> None:
        wanted, self._wanted = self._wanted, {}
        self._open(wanted, from_start=True)

    def _open(self, settings: dict[str, Any], from_start: bool) -> None:
        parent, _ = choices.target_of(self.target)
        try:
            with self.player.lock:
                arm = self.run.branch(settings, parent, from_start)
            self.target = f"{arm.index}:{choices.ALL}"
        finally:
            self.show()
