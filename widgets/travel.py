"""Time travel: the page looks at a moment of the past, and forks the run from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab_core.recipe import Recipe
from lab_core.timeline import live
from widgets import choices

if TYPE_CHECKING:
    from widgets.session import Session


class Travel:
    """`moment` is the step that the page shows of the chosen arm, None where it follows the run.

    What a person changes at a moment is kept until they fork there; the run itself stays as it is.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.moment: int | None = None
        self.wanted: dict[tuple[str, int | None], Any] = {}  # (knob, replica or all) -> value

    @property
    def arm(self) -> int:
        """The chosen arm, on whose track the handle moves."""
        return self.session.changes.arm

    def recipes(self) -> list[Recipe]:
        """What the chosen arm is set to at the moment."""
        arm = self.session.run.arms[self.arm]
        return arm.recipes if self.moment is None else arm.recipes_at(self.moment)

    def seek(self, step: int | None) -> None:
        """Show a step of the chosen arm; None, or one that it has not passed, is now."""
        s, arm = self.session, self.session.run.arms[self.arm]
        if step is not None:
            s.player.pause()
            step = None if step >= arm.t else max(step, arm.first)
        moved = step != self.moment
        self.look(step)
        if moved:
            s.show()

    def look(self, step: int | None) -> None:
        """Have timeline, sentences and plots show a step, or now; forget what was to be changed."""
        s = self.session
        self.moment, self.wanted = step, {}
        s.lab.timeline.moment = s.lab.messages.until = step
        with s.player.lock, s.screen:
            s.plots.look(s.run, step)

    def by(self, steps: int) -> None:
        """Move so many steps on or back."""
        now = self.session.run.arms[self.arm].t
        self.seek((now if self.moment is None else self.moment) + steps)

    def want(self, name: str, value: Any, replica: int | None) -> None:
        """Keep a change for the fork."""
        self.wanted.pop((name, replica), None)  # the newest comes last
        self.wanted[name, replica] = value

    def fork(self) -> None:
        """Open an arm from the moment, with what was changed there."""
        s, run, program = self.session, self.session.run, self.recipes()[0]
        here = run.arms[self.arm]
        opening = {n: v for (n, _), v in self.wanted.items() if not live(program, n)}
        with s.player.lock:
            arm = run.branch(opening, self.arm, step=self.moment)
            for (name, replica), value in self.wanted.items():
                if name not in opening:
                    run.change(name, value, arm.index, replica)
            if here.program.steps <= arm.t:  # a fork of the end has steps to go on for
                run.change("steps", arm.t + here.program.steps, arm.index)
        s.changes.target = f"{arm.index}:{choices.ALL}"
        self.look(None)
        s.show()
