"""The terms of a public server, what it passes on, and what a visitor may still compute."""

from __future__ import annotations

import argparse
import json
import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)

from lab_core import cli_serve
from lab_core.knobs import BadInput
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.widgets.waiting import until
from widgets import budget
from widgets.player import Player
from widgets.public import pages, places
from widgets.public.gates import PASSED, passes
from widgets.public.terms import Terms


def terms(*words: str) -> Terms:
    """What the command line says."""
    parser = argparse.ArgumentParser()
    cli_serve.options(parser)
    args = parser.parse_args(words)
    cli_serve.check(args)
    return Terms.of(args)


def test_a_public_server_needs_no_more_than_the_word() -> None:
    plain = terms("--public")
    assert (plain.sessions, plain.memory, plain.budget) == (40, 512, 3600)
    assert (plain.host, plain.port, plain.base, plain.hosts) == ("127.0.0.1", 8866, "/", set())


def test_behind_a_proxy() -> None:
    far = terms("--public", "--base-url", "labs", "--origin", "https://Labs.example.org/")
    assert far.base == "/labs/"
    assert far.origins == ("https://labs.example.org",) and far.hosts == {"labs.example.org"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--sessions 3", "sessions: it is of a public server; add --public, or leave it out."),
        ("--origin x", "origin: it is of a public server"),
        ("--public --preheat", "preheat: a public server's kernels are warm anyhow"),
        ("--public --sessions 0", "sessions: 0 is out of its range; give 1 to 10,000."),
        ("--public --memory 1", "memory: 1 is out of its range; give 64 to 1,000,000 MB."),
        ("--public --budget nan", "budget: nan is out of its range; give 0.1 to 100,000 minutes."),
        ("--public --base-url a?b", "base-url: '/a?b/' is not a path such as /labs/; give one."),
        ("--public --origin labs.org", "origin: 'labs.org' is not of the form https://"),
        ("--public --origin https://a.org/b", "origin: 'https://a.org/b' is not of the form"),
    ],
)
def test_terms_that_cannot_be(words: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        terms(*words.split())
    assert str(error.value).startswith(said)


# ---- messages


def message(kind: str, content: Any = None, channel: str = "shell", *buffers: bytes) -> bytes:
    parts = [json.dumps(part).encode() for part in ({"msg_type": kind}, {}, {}, content or {})]
    return serialize_msg_to_ws_v1([*parts, *buffers], channel)


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_what_widgets_need_is_passed_on_as_it_is(channel: str) -> None:
    for kind in PASSED:
        sent = message(kind, {"comm_id": "x", "data": {"η": [1, None]}}, channel, b"\x00\xff", b"")
        passed = passes(sent)
        assert passed
        (there, parts), (at, before) = (deserialize_msg_from_ws_v1(m) for m in (passed, sent))
        assert there == at == channel and parts[4:] == before[4:]
        assert [json.loads(part) for part in parts[:4]] == [json.loads(part) for part in before[:4]]


REFUSED = ["execute_request", "input_reply", "debug_request", "history_request", "inspect_request",
           "complete_request", "is_complete_request", "shutdown_request", "interrupt_request",
           "create_subshell_request", "connect_request", "no_such_request", "EXECUTE_REQUEST",
           ["comm_msg"], None]  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED, ids=str)
@pytest.mark.parametrize("channel", ["shell", "control", "stdin", "iopub", "hb", ""])
def test_nothing_else_is(kind: str, channel: str) -> None:
    assert passes(message(kind, {"code": "1"}, channel)) is None


@pytest.mark.parametrize("channel", ["stdin", "iopub", "hb", ""])
def test_no_message_goes_another_way(channel: str) -> None:
    assert passes(message("comm_msg", {}, channel)) is None


def test_a_page_opens_the_control_of_its_widgets_and_no_widget() -> None:
    assert passes(message("comm_open", {"target_name": "jupyter.widget.control"}))
    for target in [
        "jupyter.widget",
        "jupyter.widget.control ",
        "x",
        None,
        ["jupyter.widget.control"],
    ]:
        assert passes(message("comm_open", {"target_name": target})) is None


def test_a_header_that_says_two_things_is_passed_on_as_it_was_read() -> None:
    header = b'{"msg_type": "execute_request", "msg_type": "comm_msg"}'
    passed = passes(serialize_msg_to_ws_v1([header, b"{}", b"{}", b"{}"], "shell"))
    assert passed and b"execute_request" not in passed


@pytest.mark.parametrize("noise", ["", "{}", b"", b"\x00", b"\xff" * 64, message("comm_msg")[:60],
                                   message("comm_msg") + b"[" * 5000, b"\x01" + bytes(7)])  # fmt: skip
def test_noise_is_dropped(noise: str | bytes) -> None:
    passed = passes(noise)
    assert passed is None or b"comm_msg" in passed


# ---- routes

ROUTES = {
    "Index": "",
    "Atlas": r"(atlas\.html)",
    "LabPage": "voila/render/(.*)",
    "Status": f"api/kernels/{pages.KERNEL}",
    "Channels": f"api/kernels/{pages.KERNEL}/channels",
    "End": f"voila/api/shutdown/{pages.KERNEL}",
    "TemplateStaticFileHandler": "voila/templates/(.*)",
    "MultiStaticFileHandler": "voila/static/(.*)",
    "FileFindHandler": "voila/labextensions/(.*)",
    "AllowListFileHandler": "voila/files/(.*)",
}


def test_these_are_all_the_routes_that_there_are(tmp_path) -> None:
    """A route that a later Voila adds is not served; one that it moves fails here."""
    app = pages.PublicPages(terms("--public", "--base-url", "labs"), tmp_path)
    app.initialize([str(tmp_path)])
    app.connection_dir = str(tmp_path)
    app.init_settings()
    assert {one[1].__name__: one[0] for one in app.init_handlers()} == {
        name: f"/labs/{path}" for name, path in ROUTES.items()
    }


# ---- places and budgets


class Some(places.Places):
    """Places without kernels."""

    def __init__(self, terms: Terms) -> None:
        parent = SimpleNamespace(terms=terms)
        self.parent_ = parent
        super().__init__()

    @property
    def terms(self) -> Terms:
        return self.parent_.terms


def test_the_place_after_the_last_is_refused_until_one_is_free() -> None:
    some = Some(terms("--public", "--sessions", "2"))
    with some.place("a") as first, some.place("b") as second:
        assert first != second and some.new_kernel_id() == second
        with pytest.raises(places.Full), some.place("c"):
            pass
    with some.place("c"):  # neither a nor b started its kernel
        pass


def test_a_visitors_budget_is_that_of_all_their_pages_and_whole_again_later() -> None:
    some = Some(terms("--public", "--budget", "1"))
    some._kernels = {"k": Mock(), "l": Mock()}
    some._visitors = {"k": "a", "l": "a"}
    some._used = {"k": 20.0, "l": 10.0}
    assert some.left("a") == 30 and some.left("b") == 60
    some.remove_kernel("k")
    assert some.left("a") == 30
    some.remove_kernel("l")
    assert some.left("a") == 30
    assert some.left("a", time.monotonic() + places.REST) == 60


def test_a_run_pauses_when_the_budget_is_used_up_and_says_so(monkeypatch) -> None:
    said: list[Exception] = []
    recipe = Recipe().set({"data": "chebyshev", "width": 8, "steps": 10_000_000, "probes": ()})
    player = Player(Run(recipe), lambda: None, lambda: 0.0, said.append)
    monkeypatch.setenv(budget.BUDGET, f"{time.process_time() + 0.3} of 5")
    player.play()
    until(lambda: not player.playing)
    assert not player.playing and player.run.arms[0].t > 0
    sentence = "compute: the 5 minutes of this visit are used up, so what was computing is paused."
    assert [str(error).startswith(sentence) for error in said] == [True]
    for again in (player.play, player.step):
        with pytest.raises(BadInput, match="used up"):
            again()
    player.close()


def test_only_where_many_share_the_machine_a_thread_that_was_held_up_rests(monkeypatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(budget, "time", SimpleNamespace(sleep=slept.append))
    budget.give_way(0.02, 0.01)
    assert not slept
    monkeypatch.setenv(budget.BUDGET, "60 of 1")
    budget.give_way(0.010, 0.010)
    budget.give_way(0.012, 0.010)
    budget.give_way(0.100, 0.010)
    assert slept == pytest.approx([0, 0.02, budget.LONGEST])
