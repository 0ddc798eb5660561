"""Where the stacks of a sweep are computed: in this process, or in processes beside it.

An executor yields the outcomes of stack after stack as they end, in any order. It takes a stack when it
has somebody to compute it, so that a grid of a million cells costs no more memory than a small one.
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import parent_process
from os import _exit
from typing import Any, Protocol

from torch import Tensor

from lab_core.devices import one_thread
from lab_core.knobs import BadInput
from lab_core.sweep import Cell, Outcome, Success, compute

DEATHS = 3  # of its workers, after which a stack is given up


class Executor(Protocol):
    """`workers` is how many stacks it computes at once."""

    workers: int

    def outcomes(
        self, stacks: Iterable[list[Cell]], stop: Success | None = None, tell: Hears | None = None
    ) -> Iterator[list[Outcome]]:
        """Raises BadInput, after all others, where stacks had to be given up. Closing it ends all work.

        Meanwhile `tell` may hear how far the stacks are that are being computed.
        """


class Hears(Protocol):
    def __call__(self, cells: list[Cell], share: float) -> None: ...


class InProcess:
    """Here, one stack after another."""

    workers = 1

    def outcomes(
        self, stacks: Iterable[list[Cell]], stop: Success | None = None, tell: Hears | None = None
    ) -> Iterator[list[Outcome]]:
        for cells in stacks:
            yield compute(cells, stop, tell=partial(tell, cells) if tell else _nobody)


def _nobody(share: float) -> None: ...


def given_up(stacks: list[list[Cell]], why: str) -> BadInput:
    """What is said of stacks that nobody could compute."""
    cells = [cell for stack in stacks for cell in stack]
    names = "; ".join(cell.name for cell in cells[:3])
    more = f" and {len(cells) - 3:,} more" if len(cells) > 3 else ""
    return BadInput(
        f"workers: {why} on {names}{more}, so these cells are given up; make them smaller, or give"
        " the workers more memory. All others are computed."
    )


def portable(outcomes: list[Outcome]) -> list[Outcome]:
    """Outcomes that can be sent. An array of one replica is a view into that of its stack, which would
    be sent along with it, for every replica again: so it is copied.
    """
    for outcome in outcomes:
        arrays = outcome.record.arrays
        outcome.record.arrays = {name: (t, _own(wide)) for name, (t, wide) in arrays.items()}
    return outcomes


def _own(wide: Any) -> Any:
    if isinstance(wide, tuple):
        return tuple(map(_own, wide))
    return wide.cpu().clone() if isinstance(wide, Tensor) else wide


# ---- processes


@dataclass
class Job:
    """A stack, and how many workers have died on it."""

    cells: list[Cell]
    deaths: int = 0


class Worker:
    """A process with one torch thread that computes one stack at a time; it dies with its parent."""

    def __init__(self, job: Job, stop: Success | None):
        self.pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self.process = context.Process(target=serve, args=(theirs, stop), daemon=True)
        self.job, self.ready = job, False
        # Ctrl-C goes to all processes of a terminal; it is for the parent to end the others
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    def give(self, job: Job) -> None:
        """Have it compute a stack."""
        self.job = job
        with suppress(OSError):  # it has died: the next word from it says so
            self.pipe.send_bytes(pickle.dumps(job.cells))

    def heard(self) -> tuple[str, Any]:
        """Its next word, ("died", None) where there will be none."""
        try:
            word, what = pickle.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            return "died", None
        if word == "ready":
            self.ready = True
            self.give(self.job)
        return word, what

    def buried(self) -> Job:
        """The stack on which it died. Raises BadInput where it ended by itself before it began."""
        self.process.join(5)  # a kill while it still ends by itself would hide its exit code
        code = self.process.exitcode
        self.end()
        if not self.ready and code is not None and code >= 0:  # below 0, a signal killed it
            raise BadInput(
                f"workers: one ended as it started (exit code {code}), as happens in"
                ' a script that calls a sweep outside `if __name__ == "__main__":`; put it there.'
            )
        self.job.deaths += 1
        return self.job

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def serve(pipe: Connection, stop: Success | None) -> None:
    """What a worker does: compute the stacks that come through a pipe, until it is ended."""
    threading.Thread(target=_follow, daemon=True).start()
    one_thread()

    def say(word: str, what: Any = None) -> None:
        pipe.send_bytes(pickle.dumps((word, what)))

    say("ready")
    while True:
        cells = pickle.loads(pipe.recv_bytes())
        try:
            outcomes = compute(cells, stop, tell=partial(say, "at"))
            say("done", portable(outcomes))
        except (BadInput, MemoryError) as error:
            say("failed", error)
        except Exception:
            say("failed", RuntimeError(traceback.format_exc()))


def _follow() -> None:
    """End with the parent, even where that was killed."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    _exit(1)


class Processes:
    """In `workers` processes of this machine, started afresh; one that dies is replaced, and its stack
    computed again.
    """

    def __init__(self, workers: int):
        if workers < 1:
            raise BadInput(f"workers: {workers} compute nothing; give one at least.")
        self.workers = workers

    def outcomes(
        self, stacks: Iterable[list[Cell]], stop: Success | None = None, tell: Hears | None = None
    ) -> Iterator[list[Outcome]]:
        jobs, again = (Job(cells) for cells in stacks), deque[Job]()
        crew: dict[Connection, Worker] = {}
        lost: list[list[Cell]] = []

        def next_job() -> Job | None:
            return again.popleft() if again else next(jobs, None)

        try:
            while True:
                while len(crew) < self.workers and (job := next_job()):
                    worker = Worker(job, stop)
                    crew[worker.pipe] = worker
                if not crew:
                    break
                for pipe in wait(list(crew)):
                    worker = crew[pipe]  # type: ignore[index]
                    word, what = worker.heard()
                    if word == "failed":
                        raise what
                    if word == "at" and tell:
                        tell(worker.job.cells, what)
                    if word == "died":
                        del crew[worker.pipe]
                        job = worker.buried()
                        if job.deaths < DEATHS:
                            again.append(job)
                        else:
                            lost.append(job.cells)
                    if word == "done":
                        if job := next_job():
                            worker.give(job)
                        else:
                            crew.pop(worker.pipe).end()
                        yield what
        finally:
            for worker in crew.values():
                worker.end()
        if lost:
            raise given_up(lost, f"{DEATHS} of them died")
