"""Around code that somebody else wrote: its time is bounded, and nothing that it prints gets out.

This bounds mistakes; it is no sandbox.
"""

from __future__ import annotations

import contextlib
import io
import signal
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from lab_core.devices import one_thread

AGAIN = 0.2  # seconds after which code that goes on all the same is stopped again


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """torch as it is at first, whatever a notebook set; and nothing printed: nbgrader gives no points
    to a cell that wrote to stderr.
    """
    torch.set_default_dtype(torch.float32)
    torch.set_default_device("cpu")
    one_thread()
    with (
        torch.enable_grad(),
        warnings.catch_warnings(action="ignore"),
        contextlib.redirect_stdout(Nowhere()),
        contextlib.redirect_stderr(Nowhere()),
    ):
        yield


class Nowhere(io.TextIOBase):
    """Takes any amount of text and keeps none."""

    def write(self, text: str) -> int:
        return len(text)


class Stopped(BaseException):
    """Past its time; no `Exception`, so that `except Exception` in a notebook lets it through."""


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `Stopped` inside after so many seconds of CPU, and again and again while it is swallowed.

    CPU, so that a busy machine costs nobody points. Only in the main thread, and not on Windows:
    elsewhere, and for code that waits, nbgrader's own limit for a cell remains.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: Any) -> None:
        raise Stopped

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
