"""A class of three on a public server: counts alone, the times are of `make bench`."""

from __future__ import annotations

import asyncio

import pytest

from tests.bench.load import LABS, PUBLIC, arrive, left, watch
from tests.browser.conftest import running_server


@pytest.mark.long
def test_each_of_a_class_gets_frames_and_answers_and_nobody_is_left() -> None:
    async def act() -> None:
        visitors, _ = await arrive(server, 3)  # the second diverges, the third computes a diagram
        figures = await watch(server, visitors, seconds=5, moves=2)
        assert len(figures.memory) == 3 and len(figures.answers) == 2
        assert figures.rates[0] > 0 and max(figures.answers) < 10  # where none comes it says 10
        assert max(pss for _, pss, _ in figures.memory) < 300
        assert "diverged" in str(visitors[1].said)
        assert visitors[2].frames
        kernels, _ = await left(server)
        assert kernels == 0

    with running_server(LABS, *PUBLIC) as server:
        asyncio.run(act())
