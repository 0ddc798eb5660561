"""A class on two cores: twenty sessions of a public server, all training, one of them a real browser.

Among the others one diverges, one computes a phase diagram without an end, and all go as fast as they
can. A visitor of `tests/bench/visitor.py` acknowledges frames as a page does.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.async_api import Page, async_playwright

from tests.bench.screen import PAINTED
from tests.bench.visitor import PATIENCE, Visitor
from tests.browser.conftest import FLAGS, Server, find_chromium, running_server

LABS = Path(__file__).parents[2] / "labs"
EDGE, DIAGRAMS = "01_edge_of_stability.ipynb", "14_phase_diagrams.ipynb"
ENDLESS = "?steps=100000000"
SESSIONS, SECONDS, MOVES = 20, 10, 4
FRONT = "--disable-renderer-backgrounding"  # its page is one that somebody looks at
GONE = 60  # s after which no kernel may be left
PUBLIC = ("--public", "--port", "0")


def forks(server: Server) -> list[psutil.Process]:
    """The kernels that are alive now: what the warm process has forked."""
    warm = [c for c in server.process.children() if "forkserver" in " ".join(c.cmdline())]
    return [kernel for one in warm for kernel in one.children()]


def memory(kernels: Iterable[psutil.Process]) -> list[tuple[float, float, float]]:
    """MB of each kernel: all that it has mapped, its share of that, and what is its alone."""
    infos = [kernel.memory_full_info() for kernel in kernels]
    return [(info.rss / 1e6, info.pss / 1e6, info.uss / 1e6) for info in infos]


@dataclass
class Figures:
    """What was measured: seconds until each was ready, frames a second, seconds until an answer."""

    ready: list[float]
    rates: list[float]
    answers: list[float]
    memory: list[tuple[float, float, float]]


async def arrive(server: Server, n: int) -> tuple[list[Visitor], list[float]]:
    """Open n pages at once, and have all of them train as fast as they can; no frames are counted of
    the last two where there are more than two, for they draw what has diverged, and a diagram.
    """
    queries = [ENDLESS] * n
    if n > 2:
        queries[-2] = f"{ENDLESS}&lr=1000000"
    places = [EDGE] * (n - 1) + [DIAGRAMS if n > 2 else EDGE]
    visitors = [Visitor(server.url, *where) for where in zip(places, queries, strict=True)]
    ready = list(await asyncio.gather(*(visitor.open() for visitor in visitors)))
    for visitor in visitors:
        if visitor.has("button_style"):
            await visitor.compute()
        if visitor.has("playing"):
            await visitor.until(lambda visitor=visitor: "step" in visitor.text)
            await visitor.press("speed", None)
            await visitor.press("play")
    return visitors, ready


async def answered(visitor: Visitor, lr: float) -> float:
    """Seconds from a move of the slider to a threshold that has changed; 10 where none does."""
    seen, start = len(visitor.said), time.perf_counter()
    await visitor.set("lr", lr)

    def changed() -> bool:
        return any(moved(content) for _, _, content in visitor.said[seen:])

    await visitor.until(changed, 10)
    return time.perf_counter() - start


def moved(frame: dict) -> bool:
    """Whether a frame restyles a threshold, whose label has the learning rate."""
    specs = list(frame.get("specs", {}).values()) + frame.get("figure", {}).get("data", [])
    return any("threshold" in spec["uid"] for spec in specs)


async def watch(server: Server, visitors: list[Visitor], seconds: float, moves: int) -> Figures:
    """Watch visitors for so long, move each one's slider so often; then they leave."""
    plain = visitors[:-2] if len(visitors) > 2 else visitors
    await asyncio.sleep(min(5, seconds))
    before, start = [len(visitor.frames) for visitor in plain], time.perf_counter()
    await asyncio.sleep(seconds)
    took = time.perf_counter() - start
    rates = [(len(v.frames) - b) / took for v, b in zip(plain, before, strict=True)]
    answers = []
    for i in range(moves):
        lr = (0.8, 1.0)[i % 2]
        answers += await asyncio.gather(*(answered(visitor, lr) for visitor in plain))
        await asyncio.sleep(0.5)
    used = memory(forks(server))
    await asyncio.gather(*(visitor.close() for visitor in visitors))
    return Figures([], rates, answers, used)


async def enter(page: Page, server: Server) -> float:
    """A real browser opens the lab and trains, too; the seconds until it does."""
    start = time.perf_counter()
    await page.goto(server.lab(EDGE) + ENDLESS)
    await page.get_by_role("slider", name="learning rate", exact=True).wait_for()
    await page.get_by_label("speed").select_option(label="unlimited")
    await page.get_by_role("button", name="Play", exact=True).click()
    return time.perf_counter() - start


async def painted(page: Page, during: asyncio.Task) -> list[float]:
    """The frames that the browser paints a second, every three seconds while the others are there."""
    frames = []
    while not during.done():
        frames.append(await page.evaluate(PAINTED, 3))
    return frames


async def left(server: Server) -> tuple[int, float]:
    """Kernels that are left after a minute at most, and the seconds that it took."""
    start = time.perf_counter()
    while (kernels := forks(server)) and time.perf_counter() - start < GONE:
        await asyncio.sleep(0.5)
    return len(kernels), time.perf_counter() - start


async def run(sessions: int) -> None:
    """Measure, and print every figure beside its goal."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=find_chromium(), args=[*FLAGS, FRONT]
        )
        with running_server(LABS, *PUBLIC) as server:
            page = await chromium.new_page(viewport={"width": 1366, "height": 768})
            page.set_default_timeout(1000 * PATIENCE)
            (visitors, ready), own = await asyncio.gather(
                arrive(server, sessions - 1), enter(page, server)
            )
            during = asyncio.create_task(watch(server, visitors, SECONDS, MOVES))
            drawn = await painted(page, during)
            figures = await during
            await chromium.close()
            kernels, took = await left(server)
    figures.ready = [*ready, own]
    show(figures, drawn, sessions, kernels, took)


def show(figures: Figures, drawn: list[float], sessions: int, kernels: int, took: float) -> None:
    """Print it."""
    rates, answers = sorted(figures.rates), sorted(figures.answers)
    p95 = answers[int(0.95 * len(answers))]
    rss, pss, uss = (statistics.median(each) for each in zip(*figures.memory, strict=True))
    most = max(pss for _, pss, _ in figures.memory)
    print(f"{sessions} sessions of a public server, all training on {psutil.cpu_count()} cores:")
    print(f"  until all were ready: {max(figures.ready):.1f} s")
    print(f"  frames a second: min {rates[0]:.1f}, median {statistics.median(rates):.1f},"
          f" max {rates[-1]:.1f} (goal 5 each)")  # fmt: skip
    print(f"  slider to changed threshold: p50 {statistics.median(answers):.2f} s, p95 {p95:.2f} s,"
          f" max {answers[-1]:.2f} s (goal 1)")  # fmt: skip
    print(f"  painted by the browser: median {statistics.median(drawn):.1f} a second, min"
          f" {min(drawn):.1f} (goal 5)")  # fmt: skip
    print(f"  memory of a session: {pss:.0f} MB, at most {most:.0f} (goal 300): its own {uss:.0f} and a"
          f" share of what all have; {rss:.0f} as `ps` counts it")  # fmt: skip
    print(f"  kernels left: {kernels}, {took:.0f} s after the last page went (goal 0 within 60 s)")


def main() -> None:
    counts = [int(word) for word in sys.argv[1:] if re.fullmatch(r"\d+", word)]
    asyncio.run(run(counts[0] if counts else SESSIONS))


if __name__ == "__main__":
    main()
