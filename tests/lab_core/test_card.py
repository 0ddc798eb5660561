"""The card says of our optimizers what the labs' claims say, and finds out what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from lab_core import card as cards
from lab_core import cli, own
from lab_core.card import TRIALS, Row, brought, of
from lab_core.card.base import TITLES, Setting
from lab_core.card.descent import descends_twice
from lab_core.card.races import RACES
from lab_core.card.rows import at_the_edge, groks, threshold, warm_up
from lab_core.card.threshold import measured
from lab_core.knobs import BadInput
from lab_core.optimizers import GD, OPTIMIZERS, Adam, AdamW, HeavyBall
from lab_core.phenomena import PHENOMENA
from lab_core.phenomena import double_descent_nets as nets
from lab_core.phenomena import edge_of_stability as edge
from tests.lab_core.test_own import Momentum

SMALL_EDGE = edge.PRESETS["chebyshev"].recipe.set({"steps": 1500, "probes": (("sharpness", 10),)})
LIMITED = [name for name, cls in OPTIMIZERS.items() if cls.formula and not cls.models]


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    before = dict(OPTIMIZERS)
    yield
    OPTIMIZERS.clear()
    OPTIMIZERS.update(before)


class Wrong(Momentum):
    """Heavy ball that states half of its threshold."""

    def stability_threshold(self) -> Any:
        return (1 + self.mu) / self.lr


class Reckless(Momentum):
    """A step so large that nothing trains."""

    lr = 1e4


OTHER = {"lr": 0.003, "weight_decay": 0.1}


@pytest.mark.parametrize(("name", "settings"), [*((name, {}) for name in LIMITED), ("nesterov", OTHER),
                                                ("adam", OTHER)])  # fmt: skip
def test_the_threshold_on_a_quadratic_is_the_stated_one(
    name: str, settings: dict[str, float]
) -> None:
    o = OPTIMIZERS[name](**settings)  # type: ignore[arg-type]
    found = measured(o)
    assert found.threshold == pytest.approx(float(o.stability_threshold()), rel=0.01)
    assert found.adaptive == found.held == hasattr(o, "beta2")
    row = threshold(Setting(o))
    assert row.holds and "as it states" in row.said
    assert row.figures["times_lr"] == pytest.approx(found.threshold * o.lr)


@pytest.mark.parametrize(("theirs", "unit", "adaptive"), [
    ((torch.optim.SGD, {"momentum": 0.5}), 3.0, False),
    pytest.param((torch.optim.Adam, {"lr": 0.1}), 38.0, True, marks=pytest.mark.long),
])  # fmt: skip
def test_an_adapted_one_has_its_threshold_measured(
    theirs: Any, unit: float, adaptive: bool
) -> None:
    slug, o = brought(theirs, {})
    row = threshold(Setting(o))
    assert (
        row.holds is None and row.figures["stated"] is None and "it states no threshold" in row.said
    )
    assert row.figures["times_lr"] == pytest.approx(unit, rel=0.03) and slug.startswith("torch-")
    assert ("gradients of size 1" in row.said) == adaptive


def test_a_wrong_threshold_is_found_out_by_both_rows() -> None:
    setting = Setting(brought(Wrong, {"lr": 0.2})[1])
    row = threshold(setting)
    assert row.holds is False and "but it states 7.5" in row.said
    assert row.figures["threshold"] == pytest.approx(15, rel=0.01)
    settles = at_the_edge(setting, SMALL_EDGE)
    assert settles.holds is False and settles.figures["level"] == pytest.approx(2, rel=0.1)
    right = at_the_edge(Setting(brought(Momentum, {"lr": 0.2})[1]), SMALL_EDGE)
    assert right.holds and right.figures["level"] == pytest.approx(1, abs=0.05)
    assert [which for which, _ in right.lines].count(0) >= 1


@pytest.mark.long
def test_what_states_none_is_held_to_what_was_measured_or_to_two_over_lr_without_a_verdict() -> (
    None
):
    sgd = at_the_edge(
        Setting(brought(torch.optim.SGD, {"lr": 0.2})[1]), SMALL_EDGE.set({"steps": 600})
    )
    assert "measured on a quadratic, 2 / lr" in sgd.said and sgd.holds is not None
    adam = at_the_edge(Setting(brought(torch.optim.Adam, {})[1]), SMALL_EDGE.set({"steps": 20}))
    assert "over 2 / lr (it states no threshold)" in adam.said and adam.holds is None


def test_one_that_diverges_everywhere_says_so() -> None:
    setting = Setting(brought(Reckless, {})[1])
    row = at_the_edge(setting, SMALL_EDGE.set({"steps": 30}))
    assert row.holds is False and "it diverges at step" in row.said and row.figures["level"] is None
    json.loads(of("reckless", setting.optimizer, [row]).to_json())


def test_grokking_within_a_few_steps_is_a_no_with_its_figures() -> None:
    row = groks(Setting(GD()), steps=30)
    assert row.holds is False and "Does not memorise within 30 steps; does not grok" in row.said
    assert row.figures["grokked"] is None and row.figures["adamw_grokked"] is None


def test_a_row_that_cannot_be_says_why_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cards, "TRIALS", {"threshold": threshold, "sensing": RACES[0]})
    done = dict(cards.rows(OPTIMIZERS["normalised-gd"]()))
    assert "asks for the objective" in done["threshold"].said and done["threshold"].holds is None
    least = dict(cards.rows(OPTIMIZERS["least-squares"](lr=0.1)))
    assert all("Cannot be put here" in row.said for row in least.values())
    stopped = list(cards.rows(GD(), going=lambda: False))
    assert stopped == []
    assert [s for s, _ in cards.rows(GD(), known=lambda s: s == "sensing")] == ["threshold"]


def test_mistakes_within_a_row_stop_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    late = type("Late", (Momentum,), {"step": lambda self, w, g, s, at: (
        Momentum.step(self, w, g, s, at) if at.t < 20 else 1 / 0)})  # fmt: skip
    monkeypatch.setattr(cards, "TRIALS", {"sensing": RACES[0], "threshold": threshold})
    (_, race), (_, quadratic) = cards.rows(brought(late, {})[1])
    assert "Late.step raised ZeroDivisionError" in race.said + quadratic.said
    assert "Late.step raised ZeroDivisionError" in quadratic.said and race.holds is not True


def test_the_command_prints_rows_and_writes_the_card(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(cards, "TRIALS", {"threshold": threshold})
    path = tmp_path / "card.json"
    assert (
        cli.main(
            ["card", "heavy-ball", "--set", "beta=0.5", "--set", "lr=0.2", "--json", str(path)]
        )
        == 0
    )
    assert "[1/1] Its threshold on a quadratic: yes" in capsys.readouterr().out
    written = json.loads(path.read_text())
    assert written["settings"] == {"lr": 0.2, "weight_decay": 0.0, "beta": 0.5}
    assert written["rows"][0]["figures"]["stated"] == pytest.approx(15)
    for arguments, why in ((["muon"], "'muon' is not known; choose gd"),
                           (["gd", "--set", "beta=1"], "beta: gd has no such knob; choose lr"),
                           (["gd", "--set", "lr=-1"], "lr: -1 is outside its domain"),
                           (["gd", "--set", "lr=1,2"], "a card is of one value")):  # fmt: skip
        assert cli.main(["card", *arguments]) == 2
        assert why in capsys.readouterr().err
    with pytest.raises(BadInput, match="is not known"):
        brought("torch-adam", {})


def test_every_lab_has_a_row_or_a_reason() -> None:
    assert set(TITLES) == set(TRIALS)
    assert {lab for lab, _, _ in TITLES.values()} | set(cards.WITHOUT) == set(PHENOMENA)


# ---- whole cards


@pytest.fixture(scope="module")
def whole() -> Any:
    """Each optimizer's whole card, once."""
    done: dict[str, dict[str, Row]] = {}

    def rows(name: str, optimizer: Any) -> dict[str, Row]:
        if name not in done:
            done[name] = dict(cards.rows(optimizer))
        return done[name]

    return rows


@pytest.mark.long
@pytest.mark.parametrize("o", [GD(), HeavyBall(), Adam(), AdamW()], ids=lambda o: o.label)
def test_the_whole_card_says_what_the_claims_say(o: Any, whole: Any) -> None:
    rows = whole(o.label, o)
    assert list(rows) == list(TRIALS)
    assert rows["threshold"].holds and rows["hump"].holds is not None
    assert rows["edge"].holds, rows["edge"].said
    assert rows["sensing"].holds and rows["labels"].holds and rows["logistic"].holds is not None
    assert rows["grokking"].holds == isinstance(o, AdamW), rows["grokking"].said
    peak = rows["double-descent"].figures
    assert peak["gd_peak"] is not None and peak["peak"] is not None


@pytest.mark.long
def test_warm_up_is_worth_more_to_gradient_descent() -> None:
    row = warm_up(Setting(GD()))
    assert row.holds and row.figures["with"] > 4 * row.figures["without"]  # type: ignore[operator]


def test_double_descent_is_read_off_the_same_sweep() -> None:
    """Few steps: no peak, by anything; the figures are of the rate with the smallest training error."""
    base = nets.RECIPE.set({"steps": 21, "probes": (("test_loss", 20),)})
    row = descends_twice(Setting(Adam(lr=0.01)), base, (0,))
    assert row.holds is False and row.figures["peak"] < 1.5  # type: ignore[operator]
    (_, mine), (_, other) = row.lines
    assert row.figures["train_at_peak"] is not None
    assert mine.x.tolist() == other.x.tolist() and np.isfinite(mine.y).all()


def test_a_setting_keeps_what_a_person_set() -> None:
    s = Setting(HeavyBall(lr=0.2, beta=0.3))
    recipe = s.on(SMALL_EDGE, (1.0, 2.0))
    assert recipe.flat()["lr"] == (0.2, 0.4) and recipe.flat()["beta"] == 0.3
    assert replace(s.optimizer, lr=0.1).lr == 0.1 and own.settings({"lr": 1}) == {"lr": 1}
