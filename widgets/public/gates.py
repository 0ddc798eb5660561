"""What a public server answers. All else that Voila would, it does not know."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from jupyter_server.services.kernels.handlers import KernelHandler
from jupyter_server.utils import url_path_join
from tornado import web
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler
from voila.tornado.treehandler import TornadoVoilaTreeHandler

from widgets.cards import lab_cards
from widgets.public.places import Full

PROTOCOL = "v1.kernel.websocket.jupyter.org"
VISITOR = "edgewise-visitor"  # a cookie
KEYS = {"edgewise-kernel": "api/kernels/", "edgewise-end": "voila/api/shutdown/"}  # and their paths
AGAIN = 10  # s until the page at the door asks again
# A page's widgets need no more of a kernel than these; above all no `execute_request`.
PASSED = {"comm_msg", "comm_close", "comm_info_request", "kernel_info_request"}
CONTROL = "jupyter.widget.control"  # by which a page asks what widgets there are; it opens no other
MOST = 64  # parts of a message
FLOOD = 500  # messages a second, over ten seconds, beyond which no page is but a program


class Gate:
    """A handler that answers to the right address alone."""

    async def prepare(self) -> None:
        await ensure_async(super().prepare())  # type: ignore[misc] # first, for the page of an error, too
        hosts = self.settings["voila"].terms.hosts  # type: ignore[attr-defined]
        if hosts and self.request.host.lower() not in hosts:  # type: ignore[attr-defined]
            raise web.HTTPError(
                403,
                f"This server answers at {' and '.join(sorted(hosts))} alone; open it there. A proxy must"
                " pass on the host that was asked for, with its port.",
            )


class Own(Gate):
    """A handler of one kernel, for the page that it was started for, which has the `key` to it."""

    key = "edgewise-kernel"

    async def prepare(self) -> None:
        await super().prepare()
        kernel_id = self.path_kwargs.get("kernel_id") or self.path_args[0]  # type: ignore[attr-defined]
        if self.get_signed_cookie(self.key) != kernel_id.encode():  # type: ignore[attr-defined]
            raise web.HTTPError(403, "This is another page's kernel.")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.finish()  # type: ignore[attr-defined] # to a script, which needs the number alone


class Index(Gate, TornadoVoilaTreeHandler):
    """The cards of the labs."""


class Atlas(Gate, web.StaticFileHandler):
    """The page of every claim."""


class LabPage(Gate, TornadoVoilaHandler):
    """A lab and a kernel for it, where there is a place; no other notebook is served."""

    async def get(self, path: str = "") -> None:
        if path not in {card.file for card in lab_cards(self.settings["voila"].folder)}:
            raise web.HTTPError(404, f"{path} does not exist")
        try:
            with self.kernel_manager.place(self._visitor()) as kernel_id:
                self._admit(kernel_id)
                async with self.kernel_manager.door:
                    await super().get(path)
        except Full:
            self._wait()

    def _visitor(self) -> str:
        """Who asks, by a cookie that only this server can make."""
        known = self.get_signed_cookie(VISITOR)
        visitor = known.decode() if known else secrets.token_urlsafe(16)
        if not known:
            self._give(VISITOR, visitor, self.base_url)
        return visitor

    def _admit(self, kernel_id: str) -> None:
        """Give the browser what the gates of this kernel ask for."""
        for key, path in KEYS.items():
            self._give(key, kernel_id, url_path_join(self.base_url, path, kernel_id))
        self.xsrf_token  # noqa: B018 - which gives the page what it says with its end

    def _give(self, name: str, value: str, path: str) -> None:
        safe = {"httponly": True, "samesite": "Lax", "secure": self.request.protocol == "https"}
        self.set_signed_cookie(name, value, expires_days=None, path=path, **safe)

    def _wait(self) -> None:
        self.set_status(503)
        self.set_header("Retry-After", str(AGAIN))
        self.set_header("Refresh", str(AGAIN))
        self.write(self.render_template("full.html", sessions=self.kernel_manager.terms.sessions))


class Status(Own, KernelHandler):  # type: ignore[misc]
    """Whether a kernel is there; it ends with its page, not otherwise."""

    async def delete(self, kernel_id: str) -> None:
        raise web.HTTPError(405)


class End(Own, VoilaShutdownKernelHandler):
    """A page says that it goes."""

    key = "edgewise-end"


class Channels(Own, VoilaKernelWebsocketHandler):
    """What a page and its kernel tell each other."""

    async def prepare(self) -> None:
        await super().prepare()
        if not self.check_origin():  # before it could take the place of the page's own connection
            raise web.HTTPError(403)
        spoken = self.request.headers.get("Sec-WebSocket-Protocol", "")
        if PROTOCOL not in [one.strip() for one in spoken.split(",")]:
            raise web.HTTPError(400)

    def select_subprotocol(self, subprotocols: list[str]) -> str:
        return PROTOCOL

    def open(self, kernel_id: str) -> Any:
        self._messages, self._since = 0, time.monotonic()
        return super().open(kernel_id)

    def on_message(self, message: str | bytes) -> None:
        self._messages += 1
        if self._messages > 10 * FLOOD:
            if time.monotonic() - self._since < 10:
                return self.close(1008, "too many messages")
            self._messages, self._since = 0, time.monotonic()
        if passed := passes(message):
            super().on_message(passed)


def passes(message: str | bytes) -> bytes | None:
    """A message as it is passed on to the kernel, None if it is not.

    It is written anew from what was read of it, so that the kernel cannot read it in another way.
    """
    try:
        if isinstance(message, str) or int.from_bytes(message[:8], "little") > MOST:
            return None  # the reader would believe any number of parts
        channel, parts = deserialize_msg_from_ws_v1(message)
        header, parent, metadata, content = (json.loads(part) for part in parts[:4])
        kind = header["msg_type"]
        opens = kind == "comm_open" and content["target_name"] == CONTROL
        known = opens or kind in PASSED
    except (ValueError, LookupError, TypeError, RecursionError, MemoryError):
        return None
    if channel not in ("shell", "control") or not known:
        return None
    again = [json.dumps(part).encode() for part in (header, parent, metadata, content)]
    return serialize_msg_to_ws_v1([*again, *parts[4:]], channel)
