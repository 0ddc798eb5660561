"""The server's command line, its cards, and its count of the seconds without a connection."""

import asyncio
import json
import socket
from unittest.mock import Mock

import pytest

from lab_core.knobs import BadInput
from widgets.cards import Card, lab_cards
from widgets.kernels import LabKernels
from widgets.server import bind, main


@pytest.mark.parametrize("port", [-1, 65_536])
def test_port_out_of_range(port: int) -> None:
    with pytest.raises(BadInput, match=f"port: {port} is not a port; give 1 to 65535"):
        bind(port)


def test_port_in_use_is_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port), "--no-browser"]) == 2
    said = capsys.readouterr()
    assert said.err == f"port: {port} is in use; give another one, or leave it out.\n"
    assert not said.out


def test_a_free_port_listens_on_this_machine_only() -> None:
    with bind(0) as free:
        assert free.getsockname()[0] == "127.0.0.1"


def write(folder, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_cards_come_from_the_notebooks_metadata(tmp_path) -> None:
    about = {"title": "Edge", "question": "Why?", "papers": ["a", "b"], "minutes": 15}
    write(tmp_path, "02.ipynb", json.dumps({"metadata": {"edgewise": about}}))
    write(tmp_path, "01.ipynb", json.dumps({"metadata": {"edgewise": {"title": "First"}}}))
    write(tmp_path, "notes.txt", "no notebook")
    second = Card("02.ipynb", "Edge", "Why?", ("a", "b"), 15)
    assert lab_cards(tmp_path) == [Card("01.ipynb", "First"), second]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"metadata": {"edgewise": 3}}', '{"metadata": {"edgewise": {}}}']
)
def test_a_notebook_that_says_nothing_has_its_file_name(tmp_path, text: str) -> None:
    write(tmp_path, "mine.ipynb", text)
    assert lab_cards(tmp_path) == [Card("mine.ipynb", "mine")]


@pytest.mark.parametrize("bad", ["<script>", '<a href="x">', "<g onclick='f()'>", "url(http:)"])
def test_a_picture_and_words_come_from_the_folder_beside(tmp_path, bad: str) -> None:
    write(tmp_path, "01_my_lab.ipynb", '{"metadata": {"edgewise": {"title": "Mine"}}}')
    (tmp_path / "pictures").mkdir()
    write(tmp_path, "pictures/my-lab.svg", "<svg >one on one</svg>")
    write(tmp_path, "pictures/words.json", '{"my-lab": [["knob", "rate", "lr"]]}')
    (card,) = lab_cards(tmp_path)
    assert card.picture == "<svg >one on one</svg>" and card.finds == (("knob", "rate", "lr"),)
    write(tmp_path, "pictures/my-lab.svg", f"<svg >{bad}</svg>")
    write(tmp_path, "pictures/words.json", '{"my-lab": [3]}')
    (card,) = lab_cards(tmp_path)
    assert card.title == "Mine" and not card.picture and not card.finds


class Sweeps(LabKernels):
    """`LabKernels` with one kernel, "k", that needs no process."""

    def __init__(self) -> None:
        super().__init__(cull_idle_timeout=40, cull_interval=2)
        self._kernels["k"] = Mock()
        self._kernel_connections["k"] = 0
        self.ended = False

    async def shutdown_kernel(self, kernel_id: str) -> None:
        self.ended = True

    def sweep(self, seconds: int) -> bool:
        for _ in range(seconds // self.cull_interval):
            asyncio.run(self.cull_kernel_if_idle("k"))
        return self.ended


def test_a_new_kernel_waits_a_minute_for_its_page() -> None:
    kernels = Sweeps()
    assert not kernels.sweep(60)
    assert kernels.sweep(2)


def test_a_connected_kernel_is_never_ended() -> None:
    kernels = Sweeps()
    kernels.notify_connect("k")
    assert not kernels.sweep(3600)


def test_each_lost_connection_has_40_seconds_to_come_back() -> None:
    kernels = Sweeps()
    for _ in range(3):
        kernels.notify_connect("k")
        kernels.notify_disconnect("k")
        assert not kernels.sweep(40)
    assert kernels.sweep(2)


def test_a_kernel_ends_with_the_last_of_two_connections() -> None:
    kernels = Sweeps()
    kernels.notify_connect("k")
    kernels.notify_connect("k")
    kernels.notify_disconnect("k")
    assert not kernels.sweep(60)
    kernels.notify_disconnect("k")
    assert kernels.sweep(42)
