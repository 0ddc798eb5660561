"""The live page in a real Chromium: what drawing costs the training, and how quickly it answers.

The browser, the server and the kernel share this machine's cores. The training rate is compared with
that of the same run in a process of its own, in turn, since the speed of a shared machine drifts.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import FLAGS, Server, find_chromium, running_server

LABS = Path(__file__).parents[2] / "labs"
EDGE = "01_edge_of_stability.ipynb"
QUERY = "?preset=chebyshev&steps=1000000"
ROUNDS, SECONDS, KEYS = 9, 3, 20
ALONE = f"""
import sys, time
from lab_core.devices import one_thread
from lab_core.phenomena import PHENOMENA
from lab_core.run import Run
from widgets.player import Player
one_thread()
recipe = PHENOMENA["edge-of-stability"].presets["chebyshev"].recipe.set({{"steps": 1000000}})
run = Run(recipe)
run.watch("weight_norm", 10)
player = Player(run, lambda: None, lambda: 0.0, print)
for _ in sys.stdin:
    player.play()
    time.sleep(0.5)
    start, t = time.perf_counter(), run.arms[0].t
    time.sleep({SECONDS})
    print((run.arms[0].t - t) / (time.perf_counter() - start), flush=True)
    player.pause()
"""
PAINTED = """seconds => new Promise(done => {
  const frames = new Set(); // by their times; a loop of animation frames would cost the page more
  const watch = new MutationObserver(() => frames.add(document.timeline.currentTime));
  watch.observe(document.querySelector(".ew-plot"), { subtree: true, attributeFilter: ["d"] });
  setTimeout(() => done(frames.size / seconds), 1000 * seconds);
})"""
ANSWER = """() => new Promise(done => {
  const labels = () => [...document.querySelectorAll(".ew-lab text")]
    .map(t => t.textContent).filter(t => t.includes("2/lr, lr")).join();
  const before = labels(), start = performance.now();
  const look = () => labels() !== before ? done(performance.now() - start)
    : performance.now() - start > 5000 ? done(5000) : requestAnimationFrame(look);
  look();
})"""


def step(page: Page) -> int:
    found = re.search(r"step ([\d,]+)", page.locator(".ew-lab").inner_text())
    return int(found[1].replace(",", "")) if found else 0


def opened(page: Page, server: Server) -> float:
    """Seconds from navigation to usable controls and the first plot."""
    start = time.perf_counter()
    page.goto(server.lab(EDGE) + QUERY)
    page.get_by_role("slider", name="learning rate", exact=True).wait_for()
    page.locator(".main-svg").first.wait_for()
    return time.perf_counter() - start


def measure(page: Page, server: Server, cold: float, seen: list[int]) -> None:
    """Print every figure of an open page; `seen` counts the bytes that it has received."""
    memory = max(k.memory_info().rss for k in server.kernels()) / 2**20
    page.get_by_label("speed").select_option(label="unlimited")
    start = time.perf_counter()
    page.get_by_role("button", name="Play", exact=True).click()
    page.locator(".js-line").first.wait_for(state="attached")
    first = time.perf_counter() - start
    rates, fps, sizes = [], [], []
    alone = subprocess.Popen([sys.executable, "-c", ALONE], text=True, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)  # fmt: skip
    assert alone.stdin and alone.stdout
    page.wait_for_timeout(5000)
    for _ in range(ROUNDS):
        before, begun = step(page), time.perf_counter()
        seen[0] = 0
        painted = page.evaluate(PAINTED, SECONDS)
        sizes.append(seen[0] / 1024 / max(1, painted * SECONDS))
        rates.append((step(page) - before) / (time.perf_counter() - begun))
        fps.append(painted)
        page.get_by_role("button", name="Pause", exact=True).click()
        print("go", file=alone.stdin, flush=True)
        rates[-1] /= float(alone.stdout.readline())
        page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_timeout(500)
    alone.stdin.close()
    alone.wait()
    slider = page.get_by_role("slider", name="learning rate", exact=True)
    slider.focus()
    answers = []
    for i in range(KEYS):
        answer = page.evaluate_handle(f"() => ({{ answer: ({ANSWER})() }})")
        page.keyboard.press("ArrowLeft" if i % 4 < 2 else "ArrowRight")
        answers.append(answer.evaluate("held => held.answer"))
        page.wait_for_timeout(200)
    print(f"training rate kept with four panels drawing: {statistics.median(rates):.0%} (goal 90%)")
    print(f"painted frames: {statistics.median(fps):.1f} a second (goal 18)")
    print(f"a frame: {statistics.median(sizes):.2f} KB (goal 3)")
    p95 = sorted(answers)[int(0.95 * KEYS) - 1]
    print(f"slider to changed threshold: p50 {statistics.median(answers):.0f} ms, p95 {p95:.0f} ms"
          " (indicative: 150)")  # fmt: skip
    print(f"Play to the first curve: {first:.2f} s (indicative: 1)")
    print(f"cold page to controls and plot: {cold:.1f} s (indicative: 3)")
    print(f"memory of the kernel with one lab open: {memory:.0f} MB (goal 300)")


def main() -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        with running_server(LABS) as server:
            warm = chromium.new_page()  # the first page of a server pays for its own imports
            opened(warm, server)
            warm.close()
            page = chromium.new_page(viewport={"width": 1366, "height": 768})
            seen = [0]

            def count(payload: bytes | str) -> None:
                seen[0] += len(payload)

            page.on("websocket", lambda socket: socket.on("framereceived", count))
            measure(page, server, opened(page, server), seen)
        with running_server(LABS, "--preheat") as server:
            page = chromium.new_page()
            page.wait_for_timeout(8000)  # for the pool to warm
            start = time.perf_counter()
            page.goto(server.lab(EDGE))
            page.get_by_role("slider", name="learning rate", exact=True).wait_for()
            page.locator(".main-svg").first.wait_for()
            print(f"pre-heated page: {time.perf_counter() - start:.1f} s (indicative: 2)")
        chromium.close()


if __name__ == "__main__":
    main()
