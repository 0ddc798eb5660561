"""The player pulls a run forward in a thread of its own; a second thread is the frame clock.

Neither the run nor its thread ever touches a widget: frames read the record, which only grows.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Mapping

from lab_core.devices import one_thread
from lab_core.run import NOWHERE, Run
from widgets import budget

FRAME, SLOWEST = 0.05, 0.15  # s between frames, and where the machine is busy
SLICE = 0.01  # s of training between two looks at the speed and the pause
UNSEEN = 10.0  # s without a sign of life from the page after which training waits for it


def background(work: Callable[[], None]) -> None:
    """Do something in a thread of its own."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    # a thread inside torch when the interpreter ends would abort the process
    atexit.register(thread.join, 2.0)


class Player:
    """Plays a run. `frame` is called about 20 times a second, `seen` says how long ago the page
    gave its last sign of life (s), `fail` gets an exception of either thread.

    `lock` is held while the run advances; hold it to change anything about the run.
    """

    def __init__(
        self,
        run: Run,
        frame: Callable[[], None],
        seen: Callable[[], float],
        fail: Callable[[Exception], None],
    ) -> None:
        self.run, self.lock = run, threading.RLock()
        self.speed: float | None = None  # steps/s; None is unlimited
        self.rate = 0.0  # steps/s reached
        self.waiting = False  # for the page
        self._frame, self._seen, self._fail = frame, seen, fail
        self._until: Mapping[int, int] = NOWHERE  # while it returns to where it stood
        self._then: Callable[[], None] = lambda: None
        self._going = threading.Event()
        self.closed = False
        background(self._train)
        background(self._clock)
        atexit.register(self.close)  # the last registered is the first called

    @property
    def playing(self) -> bool:
        return self._going.is_set()

    def play(self) -> None:
        """Go on; BadInput where all the compute of a public server's visitor is used up."""
        budget.check()
        self._going.set()

    def pause(self) -> None:
        """Stop; on the way to where the run stood, be content with where it is."""
        with self.lock:
            returning, then = self.returning, self._then
            self._stop()
            if returning:
                then()

    def _stop(self) -> None:
        self._going.clear()
        self.rate, self._until = 0.0, NOWHERE

    def catch_up(self, until: Mapping[int, int], then: Callable[[], None]) -> None:
        """Take every arm to a step, as fast as it goes, pause there and call `then`."""
        self._until, self._then = until, then
        self._going.set()

    def arrive(self) -> None:
        """Be there at once, and return then."""
        one_thread()
        with self.lock:
            while self.returning and self.run.advance(1000, self._until):
                pass
            self.pause()

    @property
    def returning(self) -> bool:
        """Whether it is catching up."""
        return bool(self._until)

    def step(self, n: int = 1) -> None:
        """Pause, and take n steps at once."""
        self.pause()
        budget.check()
        one_thread()
        with self.lock:
            self.run.advance(n)

    def replace(self, run: Run) -> None:
        """Pause, and take up another run."""
        with self.lock:
            self._stop()
            self.run = run

    def close(self) -> None:
        """End both threads."""
        self.closed = True
        self._going.set()

    def _train(self) -> None:
        one_thread()  # OpenMP keeps this setting for each thread
        chunk, owed, last = 1.0, 0.0, time.perf_counter()
        while not self.closed:
            if not self._going.is_set():
                self._going.wait()
                owed, last = 0.0, time.perf_counter()
                continue
            self.waiting = self._seen() > UNSEEN
            now = time.perf_counter()
            speed = None if self._until else self.speed
            owed = min(owed + (now - last) * speed, max(1.0, 0.1 * speed)) if speed else chunk
            last = now
            if self.waiting or owed < 1:
                time.sleep(0.005)
                continue
            n = int(min(owed, max(chunk, 1.0)))
            owed -= n
            took = self._advance(n)
            # steps that fit into a slice, following the measured pace without jumps
            chunk = max(1.0, min(2 * chunk, 0.5 * chunk + 0.5 * n * SLICE / max(took, 1e-6)))

    def _advance(self, n: int) -> float:
        """Take n steps; return the seconds that they took."""
        start, cpu = time.perf_counter(), time.thread_time()
        try:
            budget.check()
            with self.lock:
                if not self._going.is_set():  # paused, or another run's turn, while it waited
                    return SLICE
                if not self.run.advance(n, self._until) or self.run.done:
                    self.pause()
        except Exception as error:  # anything in a user's optimizer, too, belongs on the page
            self._stop()
            self._fail(error)
            return SLICE
        took = time.perf_counter() - start
        budget.give_way(took, time.thread_time() - cpu)
        return took

    def _clock(self) -> None:
        marks: list[tuple[float, dict[int, int]]] = []
        due, took = time.perf_counter(), 0.0
        while not self.closed:
            period = max(FRAME, min(SLOWEST, 3 * took))  # fewer frames where each takes long
            due = max(due + period, time.perf_counter())  # a frame's own time is part of its period
            time.sleep(max(0.0, due - time.perf_counter()))
            begun = time.perf_counter()
            try:
                t = {arm.index: arm.t for arm in list(self.run.arms.values())}
                marks = [*marks[-20:], (time.perf_counter(), t)] if self.playing else []
                if len(marks) > 1:
                    (t0, a), (t1, b) = marks[0], marks[-1]
                    ahead = max(b[i] - a[i] for i in a if i in b)  # of an arm that catches up, too
                    self.rate = max(0.0, ahead / (t1 - t0))
                self._frame()
                took = time.perf_counter() - begun
            except Exception as error:
                self._fail(error)
                time.sleep(1.0)
