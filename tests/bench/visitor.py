"""A visitor without a browser: opens a lab's page, keeps its widgets' states, and answers as it does."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

PROTOCOL = "v1.kernel.websocket.jupyter.org"
KERNEL = re.compile(r'"kernelId": "([\w-]+)"')
EVERY = 4  # frames for one acknowledgement, as in live_plot.js
PATIENCE = 120.0  # s


class Visitor:
    """One page. `frames` has the time of each frame of its figure."""

    def __init__(self, server: str, notebook: str, query: str = "") -> None:
        self.server, self.path = server, f"voila/render/{notebook}{query}"
        self.cookies: dict[str, str] = {}
        self.states: dict[str, dict[str, Any]] = {}  # of each widget
        self.frames: list[float] = []
        self.said: list[
            tuple[float, str, dict[str, Any]]
        ] = []  # what else came: when, widget, what
        self.session = uuid4().hex
        self._ready = asyncio.Event()
        self._told = 0

    async def open(self) -> float:
        """Open the page and show its plots; the seconds that it took."""
        start = time.perf_counter()
        await self.connected()
        await self.custom(self.figure, {"type": "ready"})
        while not self.frames:
            await asyncio.sleep(0.02)
        return time.perf_counter() - start

    async def connected(self) -> None:
        """Open the page, connect to its kernel, and take up its widgets."""
        reply = await self.fetch(self.path)
        found = KERNEL.search(reply.body.decode())
        assert found, reply.body
        self.kernel = found[1]
        self.socket = await self.connect(self.kernel)
        self._reading = asyncio.create_task(self._read())
        await self.control()
        await asyncio.wait_for(self._ready.wait(), PATIENCE)

    async def fetch(self, path: str, method: str = "GET", body: str = "") -> HTTPResponse:
        """The answer to a request with this visitor's cookies, whatever it is."""
        client = AsyncHTTPClient(max_clients=100)  # of this loop
        reply = await client.fetch(
            self.server + path, method=method, body=body if method == "POST" else None,
            headers=self._cookie, request_timeout=PATIENCE, raise_error=False,
        )  # fmt: skip
        for line in reply.headers.get_list("Set-Cookie"):
            self.cookies |= {name: one.value for name, one in SimpleCookie(line).items()}
        return reply

    @property
    def _cookie(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def request(self, kernel: str, **headers: str) -> HTTPRequest:
        """What asks for a connection to a kernel."""
        url = f"{self.server.replace('http', 'ws', 1)}api/kernels/{kernel}/channels"
        return HTTPRequest(f"{url}?session_id={self.session}", headers=self._cookie | headers)

    async def connect(self, kernel: str, **headers: str) -> WebSocketClientConnection:
        """A connection to a kernel."""
        return await websocket_connect(self.request(kernel, **headers), subprotocols=[PROTOCOL])

    async def leave(self) -> None:
        """Go and say so, as a page does."""
        end = f"voila/api/shutdown/{self.kernel}"
        reply = await self.fetch(end, "POST", f"_xsrf={quote(self.cookies['_xsrf'])}")
        assert reply.code == 204, reply.code
        await self.close()

    async def close(self) -> None:
        """Go without a word, as where a network is lost."""
        self.socket.close()
        await asyncio.wait([self._reading], timeout=5)

    # ---- what it sends

    async def send(self, kind: str, content: dict[str, Any], channel: str = "shell") -> None:
        """A message to the kernel."""
        header = {"msg_id": uuid4().hex, "msg_type": kind, "session": self.session, "username": "",
                  "version": "5.3", "date": "2026-01-01T00:00:00Z"}  # fmt: skip
        parts = [json.dumps(part).encode() for part in (header, {}, {"version": "1.0.0"}, content)]
        await self.socket.write_message(serialize_msg_to_ws_v1(parts, channel), binary=True)

    async def control(self) -> None:
        """Ask for the states of all widgets."""
        opened = {"comm_id": uuid4().hex, "target_name": "jupyter.widget.control", "data": {}}
        await self.send("comm_open", opened)
        asked = {"comm_id": opened["comm_id"], "data": {"method": "request_states"}}
        await self.send("comm_msg", asked)

    async def custom(self, widget: str, content: dict[str, Any]) -> None:
        """What a widget's script sends to Python."""
        data = {"method": "custom", "content": content}
        await self.send("comm_msg", {"comm_id": widget, "data": data})

    async def press(self, name: str, value: Any = None) -> None:
        """A button of the bar, or its speed."""
        await self.custom(self.widget("playing"), {"event": name, "value": value})

    async def compute(self) -> None:
        """Press Compute, once it can be."""
        button = self.widget("button_style")
        await self.until(lambda: self.states[button].get("disabled") is False)
        await self.custom(button, {"event": "click"})

    async def set(self, knob: str, value: Any) -> None:
        """Move a control."""
        await self.custom(self.widget("groups"), {"event": knob, "value": value})

    # ---- what it receives

    def has(self, trait: str) -> bool:
        """Whether the page has a widget with a trait."""
        return any(trait in state for state in self.states.values())

    def widget(self, trait: str) -> str:
        """The widget that has a trait."""
        return next(i for i, state in self.states.items() if trait in state)

    @property
    def figure(self) -> str:
        return self.widget("scales")

    @property
    def text(self) -> str:
        """What the bar says."""
        return str(self.states[self.widget("playing")].get("text"))

    async def until(self, holds: Callable[[], bool], patience: float = PATIENCE) -> float:
        """Wait for something; the seconds that it took, `patience` where it did not come."""
        start = time.perf_counter()
        while not holds() and time.perf_counter() - start < patience:
            await asyncio.sleep(0.005)
        return time.perf_counter() - start

    async def _read(self) -> None:
        with suppress(WebSocketClosedError):  # amid an answer
            await self._listen()

    async def _listen(self) -> None:
        while (message := await self.socket.read_message()) is not None:
            _, parts = deserialize_msg_from_ws_v1(message)
            if json.loads(parts[0])["msg_type"] in ("comm_msg", "comm_open"):
                await self._take(json.loads(parts[3]))

    async def _take(self, content: dict[str, Any]) -> None:
        data, widget = content["data"], content["comm_id"]
        method = data.get("method")
        if method == "update_states":
            self.states |= {i: one["state"] for i, one in data["states"].items()}
            self._ready.set()
        elif method == "update":
            self.states.setdefault(widget, {}).update(data["state"])
        elif method == "custom":
            self.said.append((time.perf_counter(), widget, data["content"]))
            await self._answer(widget, data["content"])

    async def _answer(self, widget: str, content: dict[str, Any]) -> None:
        """What the script of a figure does: it acknowledges frames, and says that it is there."""
        seq = content.get("seq")
        if content.get("type") == "frame":
            self.frames.append(time.perf_counter())
            if self._told <= seq < self._told + EVERY:
                return
        if content.get("type") in ("frame", "ping"):
            self._told = seq
            await self.custom(widget, {"type": "ack", "seq": seq})
