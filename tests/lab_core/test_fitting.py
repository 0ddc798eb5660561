"""Data, model and loss must fit one another: what does not is a sentence, what does is offered."""

from __future__ import annotations

import pytest

from lab_core.fitting import fits
from lab_core.knobs import BadInput
from lab_core.losses import LOSSES
from lab_core.models import MODELS
from lab_core.optimizers import OPTIMIZERS
from lab_core.recipe import PARTS, Recipe, companions, fitting, slug
from tests.lab_core.small import CLASSES, PAIRS, SMALL, having


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_that_needs_labels_refuses_other_targets(loss: str) -> None:
    for name, cls in PARTS["data"].items():
        recipe = having("data", name).set({"loss": "squared-error"})
        if fits(LOSSES[loss], cls):
            assert recipe.set({"loss": loss}).replicas == 1
        else:
            with pytest.raises(BadInput, match="^loss: .* needs .* and .* has .*; choose"):
                recipe.set({"loss": loss})


@pytest.mark.parametrize("model", MODELS)
def test_a_model_reads_the_inputs_that_it_is_made_for_and_refuses_others(model: str) -> None:
    for name, cls in PARTS["data"].items():
        recipe = having("data", name)
        if cls.inputs == MODELS[model].inputs:
            assert slug("model", recipe.set({"model": model}).model) == model
        else:
            with pytest.raises(BadInput, match="^model: a .* cannot read .*, whose inputs are"):
                recipe.set({"model": model})


def test_the_sentence_about_a_model_and_data_that_do_not_fit() -> None:
    readers = {
        kind: " or ".join(name for name, cls in MODELS.items() if cls.inputs == kind)
        for kind in ("pairs", "real")
    }
    with pytest.raises(BadInput) as error:
        SMALL.set({"data": "modular"})
    assert str(error.value) == (
        "model: a multi-layer perceptron cannot read modular arithmetic, whose inputs are pairs;"
        f" choose {readers['pairs']}, or other data."
    )
    with pytest.raises(BadInput, match=f"inputs are real; choose {readers['real']}, or other data"):
        SMALL.set({"model": "pair-mlp"})


@pytest.mark.parametrize("recipe", [SMALL, CLASSES, PAIRS], ids=["real", "classes", "pairs"])
@pytest.mark.parametrize("part", PARTS)
def test_what_fits_is_what_can_be_set(recipe: Recipe, part: str) -> None:
    fits = fitting(recipe, part)
    assert slug(part, getattr(recipe, part)) in fits
    for name in PARTS[part]:
        if name in fits:
            assert slug(part, getattr(recipe.set({part: name}), part)) == name
        else:
            with pytest.raises(BadInput):
                recipe.set({part: name})


def test_what_fits_the_data_and_the_model() -> None:
    assert fitting(PAIRS, "data") == ["modular"]
    assert fitting(PAIRS, "model") == [n for n, cls in MODELS.items() if cls.inputs == "pairs"]
    assert "modular" not in fitting(CLASSES, "data") and "pair-mlp" not in fitting(CLASSES, "model")
    assert "cross-entropy" not in fitting(SMALL, "loss")
    assert "logistic" not in fitting(PAIRS, "loss")
    assert fitting(SMALL, "optimizer") == [n for n, cls in OPTIMIZERS.items() if not cls.models]


def test_every_entry_can_be_reached_from_everywhere_by_the_fewest_parts() -> None:
    for start in (SMALL, CLASSES, PAIRS):
        for part, registry in PARTS.items():
            for name in registry:
                settings = companions(start, part, name)
                assert slug(part, getattr(start.set(settings), part)) == name
                assert len(settings) == 1 or name not in fitting(start, part)
    assert companions(CLASSES, "data", "modular") == {"data": "modular", "model": "pair-mlp"}
    assert companions(PAIRS, "model", "mlp") == {"model": "mlp", "data": "digits"}
    assert companions(PAIRS, "data", "chebyshev") == {
        "data": "chebyshev", "model": "mlp", "loss": "squared-error"
    }  # fmt: skip
    assert companions(PAIRS, "data", "nothing") == {"data": "nothing"}
