"""The standalone page of a long run: how large the file is, and how soon its curves are drawn."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.browser.conftest import FLAGS, find_chromium
from widgets.plots import Plots
from widgets.standalone import page

STEPS, LOADS = 20_000, 7
LRS = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5]
# Milliseconds from navigation to the frame after the one in which the last curve got its points.
DRAWN = """() => new Promise(done => {
  const full = path => path.getAttribute("d").length > 1000;
  const look = () => [...document.querySelectorAll(".ew-plot .js-line")].filter(full).length >= 32
    ? requestAnimationFrame(() => setTimeout(() => done(performance.now())))
    : requestAnimationFrame(look);
  look();
})"""


def columns() -> dict[str, np.ndarray]:
    """What every one of so many steps of each replica could have measured, with noise on it."""
    lr, noise = np.array(LRS), np.random.default_rng(0).normal(size=(STEPS, len(LRS)))
    t = np.outer(np.arange(STEPS), lr)
    sharpness = np.minimum(2 / lr, 5 + t / 50) + 0.2 * noise
    return {
        "train_loss": (1 + 0.03 * noise) / (1 + t / 50),
        "sharpness": sharpness,
        "ratio": sharpness * lr / 2,
        "weight_norm": 3 + np.log1p(t / 100) + 0.01 * noise,
        "threshold": np.broadcast_to(2 / lr, t.shape),
    }


def long_run() -> Run:
    """A run that has not trained, with a record as if it had."""
    run = Run(Recipe().set({"lr": LRS}))
    record = run.arms[0].record
    record.columns.clear()
    for name, values in columns().items():
        record.extend(name, np.arange(STEPS), values)
    return run


def file() -> bytes:
    """The standalone page of that run."""
    plots = Plots()
    plots.sync(long_run())
    rows = [{"step": 1000 * i, "text": f"What happened at step {1000 * i}."} for i in range(20)]
    tracks = [{"id": 0, "parent": None, "first": 0, "t": STEPS}]
    return page("A long run", "How large is it?", plots.figure, tracks, rows)


def load(chromium: Browser, path: Path) -> float:
    """Seconds until all curves are drawn, in a fresh context."""
    context = chromium.new_context(viewport={"width": 1366, "height": 768})
    tab = context.new_page()
    tab.goto(path.as_uri(), wait_until="commit")
    ms = tab.evaluate(DRAWN)
    context.close()
    return ms / 1000


def main() -> None:
    content = file()
    print(f"standalone page, 20,000 steps of 8 replicas: {len(content) / 1e6:.2f} MB (goal 3)")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "run.html"
        path.write_bytes(content)
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        seconds = [load(chromium, path) for _ in range(LOADS)]
        chromium.close()
    print(f"standalone page opened, all curves drawn: {statistics.median(seconds):.2f} s (goal 2)")


if __name__ == "__main__":
    main()
