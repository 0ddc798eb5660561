"""What a person changes with the controls: knobs while the run goes on, or another arm."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from lab_core.arm import Arm
from lab_core.flows import FLOWS
from lab_core.knobs import BadInput, knobs
from lab_core.recipe import PARTS, Recipe, companions, stacks
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
        self._brought: set[str] = set()  # the parts among them that nobody chose
        self._timer: threading.Timer | None = None
        self._scaled: dict[str, list[float]] = {}  # knob -> what a factor of 1 stands for

    def reset(self) -> None:
        """Choose the first arm again; forget what was to start a new one."""
        if self._timer:
            self._timer.cancel()
        self._wanted, self._brought = {}, set()
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
        else:
            self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        """Set a knob or a part, and with a part what it cannot be without."""
        s, settings = self.session, {name: value}
        if name in PARTS:
            settings = companions(self._recipes()[0], name, value)
        self._permit(name, settings)
        kept = self._kept(settings)
        if any(self._fresh(n) for n in settings):
            self._soon(settings | kept, name)
        elif s.travel.moment is not None:
            s.travel.want(name, *self._values(name, value))
            for n, v in kept.items():
                s.travel.want(n, v, None)
            s.frame()
        elif live(s.run.arms[self.arm].program, name):
            self._live(name, value, kept)
        else:
            self._open({name: value} | kept, self.origin == "start")

    def _permit(self, name: str, settings: dict[str, Any]) -> None:
        """Raise BadInput where a part would bring another in the place of one that is locked."""
        for other in settings:
            if other != name and other in self.session.lab.controls.locks:
                self.session.show()
                raise BadInput(
                    f"{name}: {settings[name]} needs {other} {settings[other]}, and {other} is locked"
                    " in this page; choose another one."
                )

    def _kept(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Locked knobs of parts that come back, as the page was opened with them; one in which replicas
        differ is carried along by its part.
        """
        opened, kept = self.session.opened, dict[str, Any]()
        for part in [p for p in settings if p in PARTS]:
            own = getattr(opened, part)
            if type(own) is PARTS[part].get(settings[part]):
                kept |= {n: getattr(own, n) for n in knobs(own)}
        held = self.session.lab.controls.locks
        return {n: v for n, v in kept.items() if n in held and not isinstance(v, tuple)}

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

    def _live(self, name: str, value: Any, kept: dict[str, Any]) -> None:
        s = self.session
        value, replica = self._values(name, value)
        try:
            with s.player.lock:
                s.run.change(name, value, self.arm, replica)
                for n, v in kept.items():
                    s.run.change(n, v, self.arm)
        except BadInput:
            s.show()
            raise
        if name in LIVE_PARTS:  # which brings knobs of its own
            s.show()

    def _soon(self, settings: dict[str, Any], name: str) -> None:
        """Open an arm once a person has stopped moving the sliders that start one; `name` is what they
        moved, the other settings are those that it needs.
        """
        self._wanted |= settings
        self._brought = {n for n in (*self._brought, *settings) if n != name and n in PARTS}
        if self._timer:
            self._timer.cancel()
        self._timer = threading.Timer(SETTLE, self.session.lab.guarded(self._open_wanted))
        self._timer.daemon = True
        self._timer.start()

    def _open_wanted(self) -> None:
        wanted, brought, self._wanted, self._brought = self._wanted, self._brought, {}, set()
        arm = self._open(wanted, from_start=True)
        if brought:
            parts = {n: f"{n} {PARTS[n][slug].label}" for n, slug in wanted.items() if n in PARTS}
            asked, more = (", ".join(parts[n] for n in parts if (n in brought) == also)
                           for also in (False, True))  # fmt: skip
            self.session.lab.messages.add(
                0, f"arm {arm.index} starts with {asked} and, so that they fit, {more}"
            )

    def _open(self, settings: dict[str, Any], from_start: bool) -> Arm:
        s = self.session
        try:
            with s.player.lock:
                arm = s.run.branch(settings, self.arm, from_start)
            self.target = f"{arm.index}:{choices.ALL}"
            s.travel.look(None)
            return arm
        finally:
            s.show()
