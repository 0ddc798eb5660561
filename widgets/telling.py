"""What the page says of the run: its state, its arms' tracks, what happened, whether claims hold."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lab_core import milestones
from widgets.key import labels
from widgets.player import background

if TYPE_CHECKING:
    from widgets.session import Session


class Telling:
    """Says in the page of a session what is new."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._told: set[tuple[int, int, str, int]] = set()  # arm, replica, kind, how manieth
        self._listed: list[object] = []
        self._labels: dict[int, dict[str, Any]] = {}
        self._judged = self._captioned = False

    def restart(self) -> None:
        """The run starts anew: nothing has happened yet."""
        s = self.session
        self._told, self._judged, self._listed = set(), False, []
        self._captioned = False
        s.lab.messages.clear()
        self._caption()

    def look(self) -> None:
        """Say what is new."""
        s = self.session
        self._caption()
        self._milestones()
        s.lab.bar.text = self._state()
        self._settings()
        self._tracks()
        beside = s.comparing.beside()
        if beside != s.lab.beside.value:
            s.lab.beside.value = beside

    def _caption(self) -> None:
        """What the preset shows, unless a person may be about to predict it."""
        s = self.session
        if not self._captioned and not s.predicting.secret:
            self._captioned = True
            s.lab.messages.add(None, s.phenomenon.presets[s.preset].caption)

    def _tracks(self) -> None:
        """The arms on the timeline."""
        s, timeline = self.session, self.session.lab.timeline
        tracks = [
            {"id": a.index, "parent": a.parent if a.first else None, "first": a.first, "t": a.t}
            | self._labels.get(a.index, {})
            for a in s.arms
        ]
        if tracks != timeline.arms or s.travel.arm != timeline.arm:
            timeline.show(tracks, s.travel.arm)

    def _settings(self) -> None:
        """The list of arms and the table of settings, where one of them has been changed."""
        s = self.session
        keys = [*s.comparing.saved, *(f"a{arm.index}" for arm in s.arms)]
        now: list[object] = [s.travel.moment, [(a.index, a.recipes) for a in s.arms]]
        now += [(key, s.plots.visible(key)) for key in keys]
        if now != self._listed:
            self._listed = now
            self._labels = labels(s.arms, s.colours)
            s.list_arms()

    def _state(self) -> str:
        s = self.session
        arms, moment = list(s.run.arms.values()), s.travel.moment
        if s.player.returning:
            return f"step {min(a.t for a in arms):,} · returning to where the run stood"
        replicas = sum(a.R for a in arms)
        t = min((a.t for a in arms if not a.done), default=max(a.t for a in arms))
        if moment is not None:
            wanted = ", ".join(dict.fromkeys(n.replace("_", " ") for n, _ in s.travel.wanted))
            return f"step {moment:,} of {t:,}" + (f" · fork with {wanted}" if wanted else "")
        counted = f"{replicas} replica{'s' * (replicas > 1)}"
        pace = f" · {s.player.rate:,.0f} steps/s" if s.player.playing else ""
        return f"step {t:,} · {counted}{pace} · {arms[0].device_reason.split(':')[0]}"

    def stands(self) -> str:
        """Where the run stands: a sentence for those who do not see the bar."""
        s = self.session
        t, moment = max(arm.t for arm in s.run.arms.values()), s.travel.moment
        if s.player.playing:
            return f"Playing from step {t:,}."
        if moment is not None:
            return f"Step {moment:,} of {t:,} is shown."
        return f"{'Finished' if s.run.done else 'Paused'} at step {t:,}."

    def _milestones(self) -> None:
        s, first = self.session, self.session.colours
        seen: Counter[tuple[int, int, str]] = Counter()
        for m in milestones.find(s.run):  # which may be worded anew once a learning rate has moved
            kind = (m.arm, m.replica, m.kind)
            seen[kind] += 1
            if (*kind, seen[kind]) not in self._told:
                self._told.add((*kind, seen[kind]))
                s.lab.messages.add(m.step, m.sentence, first[m.arm] + m.replica)
        if s.run.done and not self._judged:
            self._judged = True
            # some claims take seconds, and frames must not wait
            background(s.lab.guarded(self._judge))

    def _judge(self) -> None:
        """At the end of an untouched preset: whether its claims hold, with their figures."""
        s, run = self.session, self.session.run
        if s.sharing.recipe != s.phenomenon.presets[s.preset].recipe:
            return
        for claim in [c for c in s.phenomenon.claims if c.preset == s.preset]:
            verdict = claim.judge([run])
            if run is s.run:
                end = max(arm.t for arm in run.arms.values())
                s.lab.messages.add(end, claim.sentence(verdict, " on this seed"))
