"""The timeline under the plots: every arm from the step at which it began, forks from their parents."""

from __future__ import annotations

from typing import Any

import traitlets as t

from widgets.base import View, script


class Timeline(View):
    """Tracks of arms, and a handle that goes back to any step. Events: seek (step, None for now).

    `arms` are [{"id", "parent" (id or None), "first", "t"}, ...], the last two steps, and what
    `widgets.key.labels` says of each; `moment` is the step that the page shows, None where it
    follows the run.
    """

    _esm = script("dom.js", "timeline.js")
    arms = t.List(t.Dict()).tag(sync=True)
    moment = t.Int(None, allow_none=True).tag(sync=True)
    arm = t.Int(0).tag(sync=True)  # the one that the handle goes back on

    def show(self, arms: list[dict[str, Any]], arm: int) -> None:
        """Draw these arms; the handle moves on `arm`."""
        with self.hold_trait_notifications():
            self.arms, self.arm = arms, arm
