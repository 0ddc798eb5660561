"""What a person changes with the controls: knobs while the run goes on, or another arm."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from lab_core.flows import FLOWS
from lab_core.knobs import BadInput, knobs
from lab_core.recipe import Recipe, stacks
from lab_core.timeline import FROM_HERE, LIVE_PARTS, OWN, live, part_of
from widgets import choices

if TYPE_CHECKING:
    from widgets.session import Session

SETTLE = 0.8  # s after the last move of a slider that starts a new arm


class Changes:
    """Knobs of `target` ("arm:replica") change; an arm with another optimizer, loss and so on grows
    from `origin`, here or the start.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.origin, self.target = "here", f"0:{choices.ALL}"
        self._wanted: dict[str, Any] = {}
        self._timer: threading.Timer | None = None
        self._scaled: dict[str, list[float]] = {}  # knob -> what a factor of 1 stands for

    def reset(self) -> None:
        """Choose the first arm again; forget what was to start a new one."""
        if self._timer:
            self._timer.cancel()
        self._wanted = {}
        self.origin, self.target = "here", f"0:{choices.ALL}"

    @property
    def arm(self) -> int:
        """The chosen arm."""
        return choices.target_of(self.target)[0]

    def spec(self) -> list[choices.Spec]:
        """All controls, as the chosen arm is set at the moment."""
        s, recipes = self.session, self.session.travel.recipes()
        each = {
            n: [getattr(getattr(r, part), n) for r in recipes]
            for part in OWN
            for n, k in knobs(getattr(recipes[0], part)).items()
            if k.log
        }
        self._scaled = {n: values for n, values in each.items() if len(set(values)) > 1}
        return [
            *choices.groups(
                s.phenomenon, s.preset, s.arms, self.target, self.origin, recipes, s.colours
            ),
            choices.compared(
                s.plots.x, [f"{kind}-{self.arm}" in s.comparing.ghosts for kind in FLOWS]
            ),
        ]

    def control(self, name: str, value: Any) -> None:
        """A person has moved a control."""
        s = self.session
        if name in ("target", "origin"):
            arm = self.arm
            setattr(self, name, value)
            if self.arm != arm:  # which may not have been at the moment
                s.travel.seek(s.travel.moment)
            s.show()
        elif name == "preset":
            s.choose(value)
        elif name == "against":
            s.comparing.against(value)
        elif name in FLOWS:
            s.comparing.toggle(name, value)
        elif s.travel.moment is not None and not self._fresh(name):
            s.travel.want(name, *self._values(name, value))
            s.frame()
        elif live(s.run.arms[self.arm].program, name):
            self._live(name, value)
        elif name in FROM_HERE:
            self._open({name: value}, self.origin == "start")
        else:
            self._soon(name, value)

    def _fresh(self, name: str) -> bool:
        """Whether a knob or part can only be set at the start of an arm."""
        return not (live(self._recipes()[0], name) or name in FROM_HERE)

    def _recipes(self) -> list[Recipe]:
        return self.session.travel.recipes()

    def _values(self, name: str, value: Any) -> tuple[Any, int | None]:
        """What a slider's value means, and for which replica (None: all)."""
        _, replica = choices.target_of(self.target)
        if replica is None and name in self._scaled:
            value = tuple(v * value for v in self._scaled[name])
        program = self._recipes()[0]
        part = part_of(program, name, OWN)
        alone = part is not None and stacks(part, knobs(getattr(program, part))[name])
        return value, replica if alone else None

    def _live(self, name: str, value: Any) -> None:
        s = self.session
        value, replica = self._values(name, value)
        try:
            with s.player.lock:
                s.run.change(name, value, self.arm, replica)
        except BadInput:
            s.show()
            raise
        if name in LIVE_PARTS:  # which brings knobs of its own
            s.show()

    def _soon(self, name: str, value: Any) -> None:
        """Open an arm once a person has stopped moving the sliders that start one."""
        self._wanted[name] = value
        if self._timer:
            self._timer.cancel()
        self._timer = threading.Timer(SETTLE, self.session.lab.guarded(self._open_wanted))
        self._timer.daemon = True
        self._timer.start()

    def _open_wanted(self) -> None:
        wanted, self._wanted = self._wanted, {}
        self._open(wanted, from_start=True)

    def _open(self, settings: dict[str, Any], from_start: bool) -> None:
        s = self.session
        try:
            with s.player.lock:
                arm = s.run.branch(settings, self.arm, from_start)
            self.target = f"{arm.index}:{choices.ALL}"
            s.travel.look(None)
        finally:
            s.show()
