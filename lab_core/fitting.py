"""Which data, models, losses and optimizers fit one another."""

from __future__ import annotations

from lab_core.data import DATASETS, Data
from lab_core.knobs import BadInput
from lab_core.losses import LOSSES, Loss
from lab_core.models import MODELS, Model
from lab_core.optimizers import Optimizer

TARGETS = {"real": "real targets", "one-hot": "class labels", "signs": "labels +1 and -1"}


def fits(loss: Loss | type[Loss], data: Data | type[Data]) -> bool:
    """Whether a loss can read the targets of a data set."""
    return loss.targets in ("real", data.targets)


def check_fit(data: Data, model: Model, loss: Loss, optimizer: Optimizer) -> None:
    """Raises BadInput, with what would fit, where one of them cannot work with another."""
    if not fits(loss, data):
        losses = [s for s, other in LOSSES.items() if fits(other, data)]
        sets = [s for s, other in DATASETS.items() if fits(loss, other)]
        raise BadInput(
            f"loss: {loss.label} needs {TARGETS[loss.targets]} and {data.label} has"
            f" {TARGETS[data.targets]}; choose {' or '.join(losses)}, or the data"
            f" {' or '.join(sets)}."
        )
    if model.inputs != data.inputs:
        fitting = [s for s, other in MODELS.items() if other.inputs == data.inputs]
        raise BadInput(
            f"model: a {model.label} cannot read {data.label}, whose inputs are {data.inputs}; choose"
            f" {' or '.join(fitting)}, or other data."
        )
    needs = optimizer.models
    moved = [s for s, other in MODELS.items() if s in needs or other.inputs in needs]
    if needs and type(model) not in [MODELS[s] for s in moved]:
        raise BadInput(
            f"optimizer: {optimizer.label} cannot move {model.label}; choose gd or the model"
            f" {' or '.join(moved)}."
        )
    if optimizer.losses and type(loss) not in [LOSSES[s] for s in optimizer.losses]:
        raise BadInput(
            f"optimizer: {optimizer.label} cannot minimise {loss.label}; choose gd or the loss"
            f" {' or '.join(optimizer.losses)}."
        )
