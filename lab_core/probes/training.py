"""Probes of what is learned: losses, accuracies, norms."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lab_core.probes.base import Columns, Moment


def weight_norm(m: Moment) -> Columns:
    """||w||, Euclidean."""
    return {"weight_norm": m.w.norm(dim=1)}


def weight_l1(m: Moment) -> Columns:
    """|w|_1, the sum of absolute values."""
    return {"weight_l1": m.w.abs().sum(1)}


def gradient_norm(m: Moment) -> Columns:
    """||grad L||, Euclidean, over all examples."""
    return {"gradient_norm": m.objective.gradient(m.w)[1].norm(dim=1)}


def accuracy(m: Moment) -> Columns:
    """Share of examples whose largest output is the label's; nothing where targets are real."""
    if not m.classes:
        return {}
    sets = {"train_accuracy": (m.train, m.objective.y), "test_accuracy": (m.tested, m.test[1])}
    return {name: share(right(f, y)) for name, (f, y) in sets.items() if y.shape[1]}


def test_loss(m: Moment) -> Columns:
    """The mean loss over the test set; nothing where there is none."""
    y = m.test[1]
    return {"test_loss": m.objective.criterion(m.tested, y).mean(-1)} if y.shape[1] else {}


def zero_loss(m: Moment) -> Columns:
    """Share of training examples whose loss is exactly 0 in the precision of the softmax."""
    return {"zero_loss": share(m.objective.criterion(m.train, m.objective.y) == 0)}


def alignment(m: Moment) -> Columns:
    """cos(-g, w): 1 where a step of gradient descent would only lengthen the weights (naive loss
    minimisation, Prieto et al. 2025).
    """
    return {"alignment": -cosine(m.g, m.w)}


def slowness(m: Moment) -> Columns:
    """cos(g, m) of the gradient with the slow part that Grokfast's filter (EMA) keeps of it: 1 where
    amplifying the slow part is no more than a larger learning rate. Nothing without that filter.
    """
    slow = m.state.get("slow")
    return {} if slow is None else {"slowness": cosine(m.g, slow)}


def corrupted(m: Moment) -> Columns:
    """Of the training examples whose label was corrupted: the share predicted as mislabelled, and as
    the true label was. Nothing where no label was corrupted.
    """
    return of_corrupted(m, "corrupted", lambda: m.train)


def of_corrupted(m: Moment, name: str, outputs: Callable[[], Tensor]) -> Columns:
    """The columns of `corrupted`, under another name, for these outputs on the training set."""
    truth, y = m.truth(), m.objective.y
    wrong = (truth != y).any(-1)
    if not bool(wrong.any()):
        return {}
    f = outputs()
    return {
        f"{name}_fitted": share(right(f, y), wrong),
        f"{name}_true": share(right(f, truth), wrong),
    }


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """The cosine [R] of two vectors, however small; 0 where one of them is 0. (torch's own takes a
    norm below 1e-8 for 1e-8.)
    """
    a, b = (v / v.abs().amax(1, keepdim=True).clamp_min(torch.finfo(v.dtype).tiny) for v in (a, b))
    return torch.cosine_similarity(a, b, dim=1)


def right(f: Tensor, y: Tensor) -> Tensor:
    """Whether the largest output of each example [R, N] is the label's; f, y [R, N, c].

    With one output, whether it is on the label's side of 0; 0 itself is on neither.
    """
    return f[..., 0] * y[..., 0] > 0 if y.shape[-1] == 1 else f.argmax(-1) == y.argmax(-1)


def share(hits: Tensor, among: Tensor | None = None) -> Tensor:
    """The share [R] of hits [R, N], of those `among` where it is given."""
    among = torch.ones_like(hits) if among is None else among
    counts = ((hits & among).sum(-1), among.sum(-1))
    return torch.div(*(n.cpu().double() for n in counts))
