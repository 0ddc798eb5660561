"""The player: its pace, its pause, and that nothing trains for a page that is gone."""

from __future__ import annotations

import time

from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.widgets.waiting import until
from widgets.player import UNSEEN, Player

RECIPE = Recipe().set({"data": "chebyshev", "width": 8, "steps": 10_000_000, "probes": ()})


def player(seen: float = 0.0, errors: list | None = None) -> Player:
    fail = (errors if errors is not None else []).append
    return Player(Run(RECIPE), lambda: None, lambda: seen, fail)


def test_it_goes_only_while_it_plays_and_keeps_its_pace() -> None:
    p = player()
    p.speed = 100
    p.play()
    time.sleep(1.0)
    p.pause()
    with p.lock:
        t = p.run.arms[0].t
    assert 20 <= t <= 150  # below on a busy machine, never much above
    time.sleep(0.2)
    assert p.run.arms[0].t == t
    p.step(3)
    assert p.run.arms[0].t == t + 3
    p.close()


def test_unlimited_is_faster_than_a_pace_of_100() -> None:
    p = player()
    p.play()
    time.sleep(1.0)
    p.close()
    assert p.run.arms[0].t > 150


def test_it_waits_for_a_page_that_gives_no_sign_of_life() -> None:
    p = player(seen=UNSEEN + 1)
    p.play()
    time.sleep(0.3)
    assert p.waiting and p.run.arms[0].t == 0
    p.close()


def test_it_pauses_at_the_last_step() -> None:
    p = player()
    p.replace(Run(RECIPE.set({"steps": 20})))
    p.play()
    until(lambda: not p.playing, 10)
    assert not p.playing and p.run.arms[0].t == 20
    p.close()


def test_an_exception_in_training_pauses_and_is_handed_on() -> None:
    errors: list[Exception] = []
    p = player(errors=errors)
    p.run.advance = lambda n, until: 1 / 0  # type: ignore[assignment, method-assign]
    p.play()
    time.sleep(0.3)
    assert not p.playing and isinstance(errors[0], ZeroDivisionError)
    p.close()
