"""Going back in a long run, in a real Chromium: from the handle's move to the plots redrawn."""

from __future__ import annotations

import statistics

from playwright.sync_api import Page, sync_playwright

from tests.bench.screen import LABS, opened, step
from tests.browser.conftest import FLAGS, find_chromium, running_server

BACK, TRIES = 50_000, 24
QUIET = 700  # ms without a change after which a plot is taken to be complete
MOVED = """([value, quiet]) => new Promise(done => {
  const handle = document.querySelector(".ew-timeline input"), figure = document.querySelector(".ew-figure");
  const start = performance.now();
  let last = start, timer;
  const watch = new MutationObserver(() => {
    last = performance.now();
    clearTimeout(timer);
    timer = setTimeout(() => (watch.disconnect(), done(last - start)), quiet);
  });
  watch.observe(figure, { childList: true, subtree: true, attributes: true });
  handle.value = value;
  handle.dispatchEvent(new Event("input"));
})"""


def times(page: Page, end: int) -> list[float]:
    """Milliseconds of each move, to steps around `BACK` before the end."""
    out = []
    for i in range(TRIES):
        out.append(page.evaluate(MOVED, [end - BACK - 997 * (i % 7) + 499 * (i % 5), QUIET]))
    return sorted(out)


def main() -> None:
    with running_server(LABS) as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1366, "height": 768})
        page.set_default_timeout(300_000)
        opened(page, server)
        page.get_by_label("speed").select_option(label="unlimited")
        page.get_by_role("button", name="Play", exact=True).click()
        while step(page) < BACK + 8000:
            page.wait_for_timeout(500)
        page.get_by_role("button", name="Pause", exact=True).click()
        page.wait_for_timeout(1000)
        for plot in ("Weight norm", "Hessian spectrum, newest"):
            page.get_by_label("fourth plot").select_option(label=plot)
            page.wait_for_timeout(1000)
            found = times(page, step(page))
            p95 = found[int(0.95 * TRIES) - 1]
            print(f"{BACK:,} steps back, fourth plot {plot}: p50 {statistics.median(found):.0f} ms,"
                  f" p95 {p95:.0f} ms (goal 300)")  # fmt: skip
            page.get_by_role("button", name="Now", exact=True).click()
        chromium.close()


if __name__ == "__main__":
    main()
