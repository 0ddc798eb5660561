"""Kernels that are forked from one warm process: there at once, and most of their memory is shared.

That process has imported torch and the labs, and runs a single thread, as a fork demands: no kernel,
no connection and no parallel sum has been in it.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager

from widgets.public.forked import become_kernel

WARM = ["widgets.public.warm"]
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_context: ForkServerContext = multiprocessing.get_context("forkserver")


def warm_up() -> None:
    """Start the warm process; what is forked from then on finds it warm."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    _context.set_forkserver_preload(WARM)
    first = _context.Process(target=gc.collect, daemon=True)
    first.start()
    first.join()


class Fork:
    """A forked process, as the `Popen` that jupyter_client knows."""

    stdin = stdout = stderr = None

    def __init__(self, process: ForkServerProcess) -> None:
        self._process, self.pid = process, process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self.poll()

    def send_signal(self, number: int) -> None:
        if self.poll() is None and self.pid:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class ForkProvisioner(LocalProvisioner):
    """Forks a kernel where the usual one starts a program."""

    memory = 0  # MB, beyond what it has when it is forked

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        at = cmd.index("ipykernel_launcher") + 1
        env = {str(name): value for name, value in kwargs["env"].items()}  # some are Voila's own
        work = (cmd[at:], env, kwargs.get("cwd"), self.memory)
        process = _context.Process(target=become_kernel, args=work, daemon=True)
        process.start()
        self.process = Fork(process)  # type: ignore[assignment]
        self.pid = self.pgid = process.pid  # it leads a group of its own
        return self.connection_info


class ForkedKernel(ServerKernelManager):
    """A kernel of a `PublicKernels`, which says how much memory it may take."""

    async def _async_pre_start_kernel(self, **kwargs: Any) -> tuple[list[str], dict[str, Any]]:
        self.provisioner = ForkProvisioner(
            kernel_id=kwargs["kernel_id"], kernel_spec=self.kernel_spec, parent=self
        )
        self.provisioner.memory = self.parent.terms.memory  # type: ignore[union-attr]
        return await super()._async_pre_start_kernel(**kwargs)
