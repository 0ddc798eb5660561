"""The judges of the lab inside the grokked network can say no."""

from __future__ import annotations

import pytest
import torch

from lab_core.claims import finished
from lab_core.phenomena import progress_measures as progress
from lab_core.phenomena import telescoping_lens as lens
from lab_core.recipe import Branch, Recipe
from lab_core.run import Run

SEEDS = (0, 1, 2)
TRANSFORMER = progress.TRANSFORMER
EARLY = TRANSFORMER.set({"steps": 90, "p": 31, "fraction": 0.5})
JUDGES = (progress.judge_sparse, progress.judge_ablation, progress.judge_restricted,
          progress.judge_phases)  # fmt: skip


@pytest.mark.parametrize("judge", JUDGES)
def test_the_judges_of_the_transformer_refuse_a_net_that_has_not_grokked(judge: object) -> None:
    assert not judge([finished(EARLY)]).holds  # type: ignore[operator]


@pytest.mark.parametrize("judge", [progress.judge_restricted, progress.judge_phases])
def test_the_judges_of_the_order_refuse_a_net_that_generalises_at_once(judge: object) -> None:
    """With most pairs as examples nothing is memorised first, and nothing grows unseen."""
    at_once = finished(TRANSFORMER.set({"p": 31, "fraction": 0.9, "steps": 200}))
    assert at_once.arms[0].record["test_accuracy"][1].max() > 0.95
    assert not judge([at_once]).holds  # type: ignore[operator]


@pytest.mark.long
def test_the_judge_of_ablation_refuses_other_frequencies(monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(TRANSFORMER.set({"seed": SEEDS}))
    assert progress.judge_ablation([run]).holds
    keys = progress.key_mask(run.arms[0])
    for other in (torch.ones_like(keys), torch.zeros_like(keys), ~keys):
        monkeypatch.setattr(progress, "key_mask", lambda arm, other=other: other)
        assert not progress.judge_ablation([run]).holds


@pytest.mark.long
def test_in_other_frequencies_nothing_grows_before_it_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = finished(TRANSFORMER.set({"seed": SEEDS}))
    keys = progress.key_mask(run.arms[0])
    monkeypatch.setattr(progress, "key_mask", lambda arm: ~keys)
    assert not progress.judge_restricted([run]).holds
    assert not progress.judge_phases([run]).holds


def test_the_judges_of_the_transformer_refuse_the_two_layer_net() -> None:
    run = finished(progress.NEURONS.set({"steps": 100}))
    assert not progress.judge_sparse([run]).holds and not progress.judge_ablation([run]).holds


def test_the_judge_of_neurons_refuses_a_net_that_has_only_memorised() -> None:
    assert not progress.judge_neurons([finished(progress.NEURONS.set({"steps": 200}))]).holds


@pytest.mark.parametrize(
    "settings",
    [{"lr": (0.05, 0.1, 0.2), "steps": 200}, {"lr": 1e-2, "steps": 300}, {"steps": 60}],
    ids=["large steps", "a single rate", "before it groks"],
)
def test_the_judge_of_the_telescope_refuses(settings: dict[str, object]) -> None:
    run = Run(lens.PRESETS["telescope"].recipe.set(settings)).finish()
    assert not lens.judge_telescope([run]).holds


@pytest.mark.long
def test_the_judge_of_parameters_refuses_small_starts_and_targets_that_change_places() -> None:
    recipe: Recipe = lens.PRESETS["parameters"].recipe
    small = recipe.set({"init_scale": (1.0, 1.5), "steps": 1500})
    other = Branch(0, 0, (("degree", 4),), from_start=True)
    swapped = recipe.set({"degree": 3, "changes": (other,), "steps": 4000})
    for wrong in (small, swapped):
        assert not lens.judge_parameters([finished(wrong)]).holds
