"""How long a kernel lives: as long as a page is connected to it, and a short grace after."""

from typing import Any
from weakref import WeakKeyDictionary

from jupyter_client.manager import KernelManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets import Integer


class LabKernels(AsyncMappingKernelManager):
    """Kernels that end when no page is connected to them any more, busy or not.

    The server's culler sweeps every `cull_interval` seconds; here it counts for how long a kernel
    has had no websocket connection. A page that is hidden keeps its connection, one whose network
    is cut has `cull_idle_timeout` seconds to come back, and a new kernel waits `first_connection`
    seconds for its page. Voila's own sweep passes over the kernels of the pre-heated pool.

    `labs/voila.json` has the times. It also pings, so that a connection that has gone silent is
    lost after 17 s, and forbids to restart a kernel that died, whose page could not go on with it.
    """

    first_connection = Integer(
        60, config=True, help="Seconds that a new kernel waits for its page, slow to load when cold"
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # The seconds that a kernel has been without a connection, as swept.
        self._alone: WeakKeyDictionary[KernelManager, int] = WeakKeyDictionary()

    async def start_kernel(self, **kwargs: Any) -> str:  # type: ignore[override]
        # Without it every kernel warns on the terminal that local traffic is not encrypted.
        return await super().start_kernel(**kwargs, extra_arguments=["--log-level=ERROR"])

    def notify_connect(self, kernel_id: str) -> None:
        super().notify_connect(kernel_id)
        if kernel_id in self:  # it may have ended amid the handshake
            self._alone[self.get_kernel(kernel_id)] = 0

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End the kernel if it has been without a connection for too long."""
        if self._kernel_connections.get(kernel_id):
            return
        kernel = self.get_kernel(kernel_id)
        newcomer = self.cull_idle_timeout - self.first_connection
        self._alone[kernel] = self._alone.get(kernel, newcomer) + self.cull_interval
        if self._alone[kernel] > self.cull_idle_timeout:
            await self.shutdown_kernel(kernel_id)
