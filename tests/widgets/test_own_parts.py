"""Parts of a person's own on the pages: they enter a lab, their mistakes are sentences, a card fills."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from lab_core import card as cards
from lab_core.card.races import RACES
from lab_core.card.rows import threshold
from lab_core.recipe import BROUGHT, PARTS
from tests.lab_core.test_own import Momentum, after, fails
from tests.widgets.waiting import until
from widgets import Lab, OptimizerCard


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    before = {part: dict(PARTS[part]) for part in BROUGHT}
    yield
    for part, entries in before.items():
        registry: Any = PARTS[part]
        registry.clear()
        registry.update(entries)


def option(lab: Lab, part: str) -> dict[str, Any]:
    return lab.controls._control(part)


def test_a_lab_takes_an_optimizer_of_ones_own_with_its_sliders_and_its_link() -> None:
    lab = Lab("edge_of_stability", "chebyshev", optimizer=Momentum, lr=(0.1, 0.2), steps=60)
    lab.run(20)
    assert lab.messages.notices == []
    assert option(lab, "optimizer")["value"] == "momentum"
    assert "Momentum" in [o["label"] for o in option(lab, "optimizer")["options"]]
    assert option(lab, "mu")["value"] == 0.5
    lab.session.changes.control("mu", 0.9)
    lab.run(5)
    assert lab.session.run.arms[0].program.flat()["mu"] == 0.9
    query = lab.session.sharing.query()
    assert "optimizer=momentum" in query
    again = Lab("edge_of_stability", link=query)
    assert again.session.run.arms[0].program.optimizer.label == "Momentum"
    PARTS["optimizer"].pop("momentum")  # type: ignore[attr-defined]
    gone = Lab("edge_of_stability", link=query)
    assert gone.session.run.arms[0].program.optimizer.label == "gradient descent"
    (notice,) = gone.messages.notices
    assert notice["text"].startswith("Left out: optimizer: 'momentum' is not known")
    assert "bring your own: Lab(..., optimizer=...)" in notice["text"]


def test_a_mistake_is_a_sentence_on_the_page_and_the_other_arm_goes_on() -> None:
    lab = Lab("edge_of_stability", "chebyshev", optimizer=type("Late", (Momentum,), {
        "step": after(12, fails)}), lr=0.1, steps=60)  # fmt: skip
    lab.session.run.branch({"optimizer": "gd"}, from_start=True)
    lab.run(200)
    said = [row["text"] for row in lab.messages.rows]
    assert any("arm 0 stopped at step 12: Late.step raised ZeroDivisionError" in s for s in said)
    arms = lab.session.run.arms
    assert arms[0].t == 12 and arms[1].t == 60


def test_what_cannot_be_brought_is_said_and_the_preset_is_there() -> None:
    lab = Lab("edge_of_stability", "chebyshev", optimizer=3)
    assert lab.session.run.arms[0].program.optimizer.label == "gradient descent"
    assert "int has no init and no step" in lab.messages.notices[0]["text"]


def test_a_lab_takes_a_loss_a_model_and_data() -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    lab = Lab("edge_of_stability", "chebyshev", loss=lambda f, y: (f - y).abs().pow(1.5).sum(-1),
              model=lambda d, c: torch.nn.Linear(d, c), data=(x, x[:, 0]), lr=0.1)  # fmt: skip
    lab.run(30)
    arm = lab.session.run.arms[0]
    assert lab.messages.notices == [] and arm.objective.size == 4 and arm.N == 30
    loss = arm.record["train_loss"][1]
    assert loss[-1, 0] < 0.5 * loss[0, 0]


# ---- the card


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[OptimizerCard]:
    monkeypatch.setattr(cards, "TRIALS", {"threshold": threshold, "sensing": RACES[0]})
    page = OptimizerCard(Momentum, lr=0.2)
    page.figure._receive(None, {"type": "ready"}, [])
    page.open()
    yield page
    page.trying.stop("")


def test_a_card_fills_row_by_row_and_can_be_taken_away(page: OptimizerCard) -> None:
    assert page.messages.notices == [] and not page.trying.computing and page.table.value == ""
    assert "press Compute" in page.trying.text.value
    assert page.controls._control("optimizer")["value"] == "momentum"
    assert page.controls._control("lr")["value"] == 0.2
    page.trying.button.click()
    until(lambda: not page.trying.computing, 60)
    assert page.messages.notices == [] and page.trying.share == 1
    assert page.table.value.count("<tr>") == 3 and "as it states" in page.table.value
    link = page.files.value.partition("application/json;base64,")[2].partition('"')[0]
    written = json.loads(b64decode(link))
    assert written["optimizer"] == "momentum" and len(written["rows"]) == 2
    assert "<script" not in page.card.to_html() and "Momentum" in page.card.to_html()
    page._change("mu", 0.9)
    assert page.table.value == "" and page.trying.button.description == "Compute"


def test_bad_input_is_a_sentence_and_the_rows_stay(page: OptimizerCard) -> None:
    page.trying.take(("threshold", threshold_row(page)))
    page._guarded(page._change)("lr", -1.0)
    assert page.messages.notices[-1]["text"].startswith("lr: -1 is outside its domain")
    assert page.table.value != "" and page.controls._control("lr")["value"] == 0.2
    page._change("optimizer", "adam")
    assert page.controls._control("beta1")["value"] == 0.9 and page.table.value == ""


def threshold_row(page: OptimizerCard) -> Any:
    from lab_core.card.base import Setting, row

    return row(Setting(page.optimizer), "threshold", True, "it is so", {})


def test_a_page_with_what_is_no_optimizer_opens_with_another_and_says_why() -> None:
    page = OptimizerCard(3)
    page.open()
    assert "int has no init and no step" in page.messages.notices[0]["text"]
    assert page.controls._control("optimizer")["value"] == "gd"
