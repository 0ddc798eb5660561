"""The places of a public server: whose each kernel is, and what its visitor has computed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

import psutil
from jupyter_core.utils import ensure_async

from widgets.budget import BUDGET
from widgets.kernels import LabKernels
from widgets.public.terms import Terms

REST = 3600.0  # s after which a visitor who has left has a whole budget again
TOLD = 10.0  # s in which the page of a kernel that has died is told so, before it is 404
booked: ContextVar[str] = ContextVar("booked")  # the place that the page being made will have


class Places(LabKernels):
    """Kernels of many visitors: no more than the terms allow, each with what is left of a budget."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(kernel_manager_class="widgets.public.forks.ForkedKernel", **kwargs)
        self._visitors: dict[str, str] = {}  # of each kernel that there is or is about to be
        self._used: dict[str, float] = {}  # s of compute of each kernel, as swept
        self._past: dict[str, tuple[float, float]] = {}  # of each visitor: s, and when that was
        self._dead: dict[str, float] = {}  # when a kernel was found dead
        self.door = asyncio.Semaphore(
            os.cpu_count() or 1
        )  # a class that comes at once goes in turn

    @property
    def terms(self) -> Terms:
        return self.parent.terms  # type: ignore[union-attr]

    @contextmanager
    def place(self, visitor: str) -> Iterator[str]:
        """A place, and in it the id of the kernel that will be started. Raises Full."""
        if len(self._visitors) >= self.terms.sessions:
            raise Full
        kernel_id = str(uuid4())
        self._visitors[kernel_id] = visitor
        booked.set(kernel_id)
        try:
            yield kernel_id
        finally:
            if kernel_id not in self:  # it was never started, or has ended again
                self._visitors.pop(kernel_id, None)

    def new_kernel_id(self, **kwargs: Any) -> str:
        return booked.get()

    async def start_kernel(self, **kwargs: Any) -> str:  # type: ignore[override]
        visitor = self._visitors[booked.get()]
        kwargs["env"][BUDGET] = f"{self.left(visitor)} of {self.terms.budget / 60}"
        return await super().start_kernel(**kwargs)

    def left(self, visitor: str, now: float | None = None) -> float:
        """The seconds of compute that a visitor may still use."""
        now = time.monotonic() if now is None else now
        self._past = {v: past for v, past in self._past.items() if now - past[1] < REST}
        going = sum(self._used.get(k, 0.0) for k, v in self._visitors.items() if v == visitor)
        return max(0.0, self.terms.budget - self._past.get(visitor, (0.0,))[0] - going)

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        kernel = self.get_kernel(kernel_id)
        if not await ensure_async(kernel.is_alive()):
            now = time.monotonic()
            if now - self._dead.setdefault(kernel_id, now) > TOLD:
                await self.shutdown_kernel(kernel_id, now=True)
            return
        self._used[kernel_id] = compute(kernel.provisioner.pid)  # type: ignore[union-attr]
        await super().cull_kernel_if_idle(kernel_id)

    def remove_kernel(self, kernel_id: str) -> Any:
        visitor, used = self._visitors.pop(kernel_id, ""), self._used.pop(kernel_id, 0.0)
        self._dead.pop(kernel_id, None)
        before = self._past.get(visitor, (0.0,))[0]
        self._past[visitor] = (before + used, time.monotonic())
        return super().remove_kernel(kernel_id)


class Full(Exception):
    """All places are taken."""


def compute(pid: int) -> float:
    """Seconds that all threads of a process have computed; 0 where it has ended."""
    with suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return times.user + times.system
    return 0.0
