"""What ends a worker, in a module of its own that a worker can import."""

from __future__ import annotations

import os
import signal

import numpy as np

from lab_core.record import Record


class Deadly:
    """A `stop` that kills the process of a stack of two, and breaks on one of three."""

    def of(self, record: Record) -> np.ndarray:
        if record.replicas == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if record.replicas == 3:
            raise ArithmeticError("no more")
        return np.ones(record.replicas, bool)
