"""A public server as a stranger finds it: what it answers, and what it does not."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPResponse
from tornado.websocket import WebSocketClosedError, websocket_connect

from tests.bench.load import PUBLIC, forks
from tests.bench.visitor import Visitor
from tests.browser.conftest import Server, running_server

LAB = """
import os, threading
from ipywidgets import IntSlider, Label, VBox
slider, echo = IntSlider(), Label("at 0")
def answer(change):
    echo.value = f"at {slider.value}"
    if slider.value == 90:
        try:
            bytearray(900 * 2**20)
        except MemoryError:
            echo.value = "no memory"
    if slider.value == 91:
        try:
            with open("written", "w") as file:
                file.write("x")
        except OSError:
            echo.value = "no file"
    if slider.value == 92:
        echo.value = f"{os.environ['OMP_NUM_THREADS']} thread"
slider.observe(answer, "value")
VBox([slider, echo])
"""
SECRET = "answers: 42"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("labs")
    nbformat.write(new_notebook(cells=[new_code_cell(LAB)]), folder / "a.ipynb")
    (folder / "assignments").mkdir()
    solution = new_notebook(cells=[new_code_cell(f"print('{SECRET}')")])
    nbformat.write(solution, folder / "assignments" / "solution.ipynb")
    (folder / "secret.txt").write_text(SECRET)
    (folder / "atlas.html").write_text("<h1>All claims</h1>")
    (folder / "other.html").write_text(SECRET)
    (folder.parent / "beside.ipynb").write_text((folder / "assignments/solution.ipynb").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", os.devnull)  # a service has none, and nothing can be written there
        with running_server(folder, *PUBLIC, "--sessions", "4", "--memory", "300") as server:
            yield server


def run(act: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(act())


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> HTTPResponse:
    """A request without any cookie; the answer, whatever it is."""

    async def fetch() -> HTTPResponse:
        body = "" if method in ("POST", "PUT", "PATCH") else None
        return await AsyncHTTPClient().fetch(
            server.url + path, method=method, body=body, headers=headers,
            raise_error=False, follow_redirects=False, request_timeout=60,
        )  # fmt: skip

    return run(fetch)


ID = "12345678-1234-1234-1234-123456789abc"
REFUSED = [
    ("GET", "api"), ("GET", "api/kernels"), ("POST", "api/kernels"), ("GET", "api/kernelspecs"),
    ("GET", "api/sessions"), ("POST", "api/sessions"), ("GET", "api/contents"),
    ("GET", "api/contents/secret.txt"), ("PUT", "api/contents/x"), ("GET", "api/status"),
    ("GET", "api/me"), ("POST", "api/shutdown"), ("POST", "api/terminals"), ("GET", "metrics"),
    ("GET", f"api/kernels/{ID}"), ("DELETE", f"api/kernels/{ID}"),
    ("GET", f"api/kernels/{ID}/channels"), ("POST", f"api/kernels/{ID}/interrupt"),
    ("POST", f"api/kernels/{ID}/restart"), ("POST", f"voila/api/shutdown/{ID}"),
    ("GET", f"voila/query/{ID}"), ("GET", f"voila/execution/{ID}"),
    ("GET", "voila/api/contents"), ("GET", "voila/api/contents/secret.txt"),
    ("GET", "voila/tree"), ("GET", "voila/tree/assignments"), ("GET", "tree"), ("GET", "lab"),
    ("GET", "login"), ("GET", "logout"), ("GET", "files/secret.txt"), ("GET", "voila/api/themes/"),
    ("GET", "voila/files/secret.txt"), ("GET", "voila/files/a.ipynb"),
    ("GET", "voila/files/assignments/solution.ipynb"), ("GET", "voila/files/../secret.txt"),
    ("GET", "voila/files/%2e%2e/%2e%2e/etc/passwd"), ("GET", "voila/files/..%2f..%2fetc%2fpasswd"),
    ("GET", "voila/static/../../secret.txt"), ("GET", "voila/static/%2e%2e/%2e%2e/app.py"),
    ("GET", "voila/static//etc/passwd"), ("GET", "voila/templates/lab/static/../../../x"),
    ("GET", "voila/templates/../static/x"), ("GET", "voila/templates/lab/static//etc/passwd"),
    ("GET", "voila/templates/x"), ("GET", "voila/labextensions/%2e%2e/%2e%2e/etc/passwd"),
    ("GET", "voila/labextensions//etc/passwd"),
    ("GET", "voila/render/"), ("GET", "voila/render/assignments/solution.ipynb"),
    ("GET", "voila/render/../beside.ipynb"), ("GET", "voila/render/%2e%2e/beside.ipynb"),
    ("GET", "voila/render/secret.txt"), ("GET", "voila/render//etc/passwd"),
    ("GET", "voila/render/a.ipynb/x"), ("POST", "voila/render/a.ipynb"), ("POST", ""),
    ("PUT", ""), ("DELETE", ""), ("GET", "nbextensions/x"), ("GET", "static/x"),
]  # fmt: skip


def test_nothing_else_is_answered(server: Server) -> None:
    replies = {f"{how} {path}": ask(server, path, how) for how, path in REFUSED}
    assert {way: r.code for way, r in replies.items() if not 400 <= r.code < 600} == {}
    assert [
        way for way, r in replies.items() if SECRET.encode() in r.body or b"root:" in r.body
    ] == []
    assert not forks(server)


def test_the_index_is_answered_with_headers_that_keep_it_apart(server: Server) -> None:
    reply = ask(server, "")
    assert reply.code == 200 and b"a.ipynb" in reply.body
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'self'" in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "same-origin"


def test_behind_a_proxy_it_answers_to_its_own_address_alone(tmp_path: Path) -> None:
    """The host is that which the proxy passes on."""
    nbformat.write(new_notebook(cells=[new_code_cell(LAB)]), tmp_path / "a.ipynb")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    terms = ("--origin", "https://labs.example.org:8443", "--base-url", "/labs/")
    with running_server(tmp_path, "--public", "--port", str(port), *terms) as server:
        assert server.url == "https://labs.example.org:8443/labs/"
        near = Server(f"http://127.0.0.1:{port}/labs/", server.process)
        reply = ask(near, "", Host="labs.example.org:8443")
        assert reply.code == 200 and b"a.ipynb" in reply.body
        for host in ("labs.example.org", "example.org:8443", f"127.0.0.1:{port}"):
            reply = ask(near, "", Host=host)
            assert (
                reply.code == 403 and b"at labs.example.org:8443 alone; open it there" in reply.body
            )
        assert ask(near, "../", Host="labs.example.org:8443").code == 404


def test_the_atlas_is_answered_and_no_other_page_of_that_kind(server: Server) -> None:
    assert ask(server, "atlas.html").body == b"<h1>All claims</h1>"
    assert b"atlas.html" in ask(server, "").body
    assert ask(server, "other.html").code == 404


async def visit(server: Server) -> Visitor:
    visitor = Visitor(server.url, "a.ipynb")
    await visitor.connected()
    return visitor


async def slide(visitor: Visitor, value: int) -> str:
    """Move the slider; what the label then says."""
    slider, echo = visitor.widget("readout_format"), visitor.widget("placeholder")
    before = visitor.states[echo]["value"]
    update = {"method": "update", "state": {"value": value}, "buffer_paths": []}
    await visitor.send("comm_msg", {"comm_id": slider, "data": update})
    await visitor.until(lambda: visitor.states[echo]["value"] not in (before, f"at {value}"), 1)
    return visitor.states[echo]["value"]


def test_a_visitor_moves_a_slider_and_runs_no_code(server: Server, tmp_path: Path) -> None:
    async def act() -> None:
        visitor = await visit(server)
        code = f"open({str(tmp_path / 'ran')!r}, 'w'); import os; os._exit(1)"
        for channel in ("shell", "control", "stdin", "iopub"):
            for content in ({"code": code, "silent": False}, {"code": code, "silent": True}):
                await visitor.send("execute_request", content, channel)
        await visitor.send("shutdown_request", {"restart": False}, "control")
        for target in ("jupyter.widget", "x"):
            await visitor.send("comm_open", {"comm_id": "1", "target_name": target, "data": {}})
        assert await slide(visitor, 7) == "at 7"
        assert await slide(visitor, 90) == "no memory"
        assert await slide(visitor, 91) == "no file"
        assert await slide(visitor, 92) == "1 thread"
        await visitor.leave()

    run(act)
    assert not list(tmp_path.iterdir())


def test_a_kernel_is_its_own_pages_alone(server: Server) -> None:
    async def act() -> None:
        mine, other = await visit(server), await visit(server)
        with pytest.raises(HTTPClientError) as error:
            await other.connect(mine.kernel)
        assert error.value.code == 403
        for way in ("GET", "DELETE"):
            assert (await other.fetch(f"api/kernels/{mine.kernel}", way)).code == 403
        assert (await other.fetch(f"voila/api/shutdown/{mine.kernel}", "POST")).code == 403
        assert (await mine.fetch(f"api/kernels/{mine.kernel}")).code == 200
        assert (await mine.fetch(f"api/kernels/{mine.kernel}", "DELETE")).code in (403, 405)
        assert (
            await mine.fetch(f"voila/api/shutdown/{mine.kernel}", "POST")
        ).code == 403  # no XSRF
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
            with pytest.raises(HTTPClientError) as error:
                await mine.connect(mine.kernel, **headers)
            assert error.value.code == 403
        assert await slide(mine, 5) == "at 5"
        await asyncio.gather(mine.leave(), other.leave())

    run(act)


def test_another_language_than_the_filtered_one_is_not_spoken(server: Server) -> None:
    async def act() -> None:
        visitor = await visit(server)
        with pytest.raises(HTTPClientError):
            await websocket_connect(visitor.request(visitor.kernel), subprotocols=["other"])
        await visitor.socket.write_message('{"channel": "shell", "header": {}}')
        await visitor.socket.write_message(b"\xff" * 64, binary=True)
        assert await slide(visitor, 3) == "at 3"
        await visitor.leave()

    run(act)


@pytest.mark.long
def test_a_flood_of_messages_is_cut_off(server: Server) -> None:
    async def act() -> None:
        visitor = await visit(server)
        with pytest.raises(WebSocketClosedError):
            for _ in range(20_000):
                await visitor.send("comm_info_request", {})
        assert visitor.socket.close_code == 1008
        await visitor.close()

    run(act)


def test_who_comes_when_all_places_are_taken_waits_and_then_gets_in(server: Server) -> None:
    async def act() -> None:
        free = 4 - len(forks(server))
        first = await asyncio.gather(*(visit(server) for _ in range(free)))
        late = Visitor(server.url, "a.ipynb")
        reply = await late.fetch("voila/render/a.ipynb")
        assert (
            reply.code == 503 and reply.headers["Retry-After"] == reply.headers["Refresh"] == "10"
        )
        assert b"All 4 places are taken" in reply.body
        for visitor in first:
            await visitor.leave()
        deadline = time.monotonic() + 10
        while reply.code == 503 and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            reply = await late.fetch("voila/render/a.ipynb")
        assert reply.code == 200

    run(act)
