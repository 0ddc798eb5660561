"""What a net on pairs still knows without the neurons that are not periodic."""

from __future__ import annotations

from torch import Tensor

from lab_core import fourier
from lab_core.models import PairMLP
from lab_core.probes.base import Columns, Moment
from lab_core.probes.training import of_corrupted, right, share

SHARE = 0.6  # of the neurons that are taken away


def pruned(m: Moment) -> Columns:
    """The columns of `corrupted`, and test accuracy, without the 60% of neurons that are least
    periodic (by inverse participation ratio; Doshi et al. 2024). Nothing for another model.
    """
    if not isinstance(m.objective.model, PairMLP):
        return {}
    v = m.views(m.w)
    periodic = fourier.participation(fourier.neurons([v["left"], v["right"], v["out"]]))
    last = periodic.kthvalue(max(1, round(SHARE * periodic.shape[1])), dim=1, keepdim=True).values
    v = v | {"out": v["out"] * (periodic > last)[:, None]}

    def outputs(x: Tensor) -> Tensor:
        return m.objective.model.forward(v, x.expand(len(m.w), -1, -1))

    x, y = m.test
    columns = {"pruned_test": share(right(outputs(x), y))} if m.classes and x.shape[1] else {}
    return columns | of_corrupted(m, "pruned", lambda: outputs(m.objective.x))
