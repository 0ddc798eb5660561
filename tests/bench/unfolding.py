"""How long the default preset of each grokking lab takes to show its phenomenon, from Play, drawn."""

from __future__ import annotations

import time

from playwright.sync_api import sync_playwright

from tests.bench.screen import LABS
from tests.browser.conftest import FLAGS, find_chromium, running_server

SAYS = {
    "04_grokking.ipynb": "grokked at step",
    "05_why_grokking_waits.ipynb": "softmax collapsed at step",
    "06_inside_the_grokked_network.ipynb": "grokked at step",
}


def main() -> None:
    with sync_playwright() as playwright, running_server(LABS) as server:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        for lab, sentence in SAYS.items():
            page = chromium.new_page(viewport={"width": 1366, "height": 768})
            page.goto(server.lab(lab))
            page.get_by_role("slider", name="learning rate", exact=True).wait_for()
            page.locator(".main-svg").first.wait_for()
            page.get_by_role("button", name="Play").click()
            start = time.perf_counter()
            page.get_by_text(sentence).first.wait_for(timeout=120_000)
            took = time.perf_counter() - start
            print(f"{lab}, from Play to {sentence!r}: {took:.1f} s (goal 15)")
            page.close()
        chromium.close()


if __name__ == "__main__":
    main()
