"""A sweep that a page computes when it is asked to, stack by stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from widgets.computing import BEGIN, Computing
from widgets.live_plot import LiveFigure
from widgets.messages import Messages

if TYPE_CHECKING:  # the page shows its empty plots before torch is there
    from lab_core.sweep import Grid, Sweep


class Sweeping(Computing):
    """A sweep, stack by stack: from left to right, or from a coarse grid to ever finer ones.

    `draw(grid)` is called after each stack, and `tell(grid)` at the end.
    """

    def __init__(
        self,
        figure: LiveFigure,
        messages: Messages,
        draw: Callable[[Grid], None],
        tell: Callable[[Grid], None],
        coarse: bool = False,
    ) -> None:
        super().__init__(figure, messages)
        self._draw, self._told, self._coarse = draw, tell, coarse
        self.grid: Grid | None = None
        self._work: dict[tuple[int, ...], float] = {}  # of each run

    def open(self, sweep: Sweep) -> None:
        """Take up another sweep, of which nothing is known."""
        from lab_core.costs import work
        from lab_core.sweep import Grid

        with self.lock:
            self.grid = Grid(sweep)
            self._work = {cell.place: work(cell.recipe) for cell in sweep.cells()}
            self.ready(f"{len(sweep):,} runs; press {BEGIN}.")

    def pieces(self, going: Callable[[], bool]) -> Iterator[Any]:
        from lab_core.sweep import compute, in_stacks

        grid = self._known
        for cells in in_stacks(grid.sweep, self._coarse, list(grid.outcomes)):
            yield compute(cells, grid.sweep.stop, going)

    def take(self, piece: Any) -> None:
        self._known.add(piece)
        self._draw(self._known)

    def clear(self) -> None:
        from lab_core.sweep import Grid

        self.grid = Grid(self._known.sweep)
        self._draw(self.grid)

    @property
    def begun(self) -> bool:
        """Whether any run has been computed, or is."""
        return self.computing or bool(self.grid and self.grid.outcomes)

    @property
    def subject(self) -> tuple[Grid | None, Any]:
        """All of it, once it is there, and what changes with that."""
        grid = self.grid
        return (grid if grid and grid.done else None), (id(grid), grid.done if grid else False)

    @property
    def share(self) -> float:
        done = sum(self._work[place] for place in self._known.outcomes)
        return 1.0 if self._known.done else done / sum(self._work.values())

    def finished(self) -> None:
        self._told(self._known)

    def words(self) -> str:
        grid = self._known
        return f"{len(grid.outcomes):,} of {len(grid.sweep):,} runs"

    @property
    def _known(self) -> Grid:
        if self.grid is None:
            raise RuntimeError("The page did not open; it says why.")
        return self.grid
