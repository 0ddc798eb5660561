"""Probes of what a net on numbers modulo p has learned, by Fourier analysis (Nanda et al. 2023)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lab_core import fourier as F
from lab_core.models import PairMLP
from lab_core.objective import Objective
from lab_core.probes.base import Columns, Moment
from lab_core.probes.training import right, share


class Sums(NamedTuple):
    """s [R, N], the number that the class of each pair is, of the training pairs and of the others."""

    train: Tensor
    test: Tensor


def tables(m: Moment) -> list[Tensor]:
    """The tables [R, p, d] in which the model looks its numbers up; none where it does not."""
    return m.objective.model.tables(m.views(m.w))


def sums(L: Objective, test: tuple[Tensor, Tensor]) -> Sums | None:
    """a + b or a - b mod p of every pair, whichever the test pairs' classes are; None where they are
    neither, so that no functions of it are to be looked for.
    """
    if L.model.inputs != "pairs" or not test[1].shape[1]:
        return None
    label, p = test[1].argmax(-1), test[1].shape[-1]
    for sign in (1, -1):
        each = [(x.long() @ torch.tensor([1, sign], device=x.device)) % p for x in (L.x, test[0])]
        if torch.equal(each[1], label):
            return Sums(*(s.expand(L.replicas, -1) for s in each))
    return None


def fourier(m: Moment) -> Columns:
    """Of the embedding's power over frequencies (for a net on pairs, of both its tables): Gini's
    coefficient, and how many frequencies hold 90%. `arrays["fourier"]` are frequencies [R, F] and
    their shares of the power [R, F].
    """
    found = tables(m)
    if not found:
        return {}
    power = F.power(*found)
    grid = torch.arange(1, power.shape[1] + 1, device=power.device).to(power)
    m.arrays["fourier"] = (grid.expand_as(power), F.shares(power))
    return {"gini": F.gini(power), "key_frequencies": F.key_frequencies(power).sum(-1)}


def progress(m: Moment) -> Columns:
    """Restricted and excluded loss (Nanda et al. 2023), by the part g(a + b) of the logits: their
    least-squares fit by functions of the sum, on test pairs alone.

    Restricted: the loss and the accuracy on test pairs with the logits replaced by the fit, in all
    frequencies, for which of them will be the key ones is not known before the end. Excluded: the
    loss on training pairs with the fit's part in the key frequencies of the present embedding taken
    from the logits. Nothing for other operations than a + b and a - b.
    """
    found, s = tables(m), sums(m.objective, m.test)
    if not found or s is None:
        return {}
    keys = F.key_frequencies(F.power(*found))
    columns = restricted(m.objective, m.test, m.tested, s, torch.ones_like(keys))
    return columns | {"excluded_loss": excluded(m.objective, m.train, m.tested, s, keys)}


def restricted(
    L: Objective, test: tuple[Tensor, Tensor], f: Tensor, s: Sums, keys: Tensor
) -> Columns:
    """The loss and the accuracy on test pairs of the fit of their outputs f in the frequencies of a
    mask [R, F].
    """
    constant, table = F.fit(f, s.test, keys)
    fitted, y = F.at(table, s.test) + constant, test[1]
    loss = L.criterion(fitted, y).mean(-1)
    return {"restricted_loss": loss, "restricted_accuracy": share(right(fitted, y))}


def excluded(L: Objective, train: Tensor, tested: Tensor, s: Sums, keys: Tensor) -> Tensor:
    """The loss [R] on training pairs without the fit, on test pairs, in the frequencies of a mask."""
    _, table = F.fit(tested, s.test, keys)
    return L.criterion(train - F.at(table, s.train), L.y).mean(-1)


def neurons(m: Moment) -> Columns:
    """Of the hidden neurons of a net on pairs, the median share of a neuron's power in its own best
    frequency, and the median inverse participation ratio; `arrays["neurons"]` are ranks [R, width]
    in 0 .. 1 and ratios, sorted. Each is a mean over its columns of both tables and its outputs.
    """
    if not isinstance(m.objective.model, PairMLP):
        return {}
    q = F.neurons([*tables(m), m.views(m.w)["out"]])
    ipr = F.participation(q)
    rank = torch.linspace(0, 1, ipr.shape[1], device=ipr.device).to(ipr)
    m.arrays["neurons"] = (rank.expand_as(ipr), ipr.sort(-1).values)
    best = q.mean(0).amax(1)
    return {"neuron_share": best.median(-1).values, "ipr": ipr.median(-1).values}


def correctness(m: Moment) -> Columns:
    """`arrays["correctness"]`, int8 [R, p, p] with a row for each a and a column for each b: 1 and 2
    are training pairs, right and wrong, 3 and 4 test pairs; 0 is no pair.
    """
    if m.objective.model.inputs != "pairs":
        return {}
    R, p = len(m.w), m.objective.y.shape[-1]
    cells = torch.zeros(R, p * p, dtype=torch.int8, device=m.w.device)
    for first, x, f, y in (
        (1, m.objective.x, m.train, m.objective.y),
        (3, m.test[0], m.tested, m.test[1]),
    ):
        place = (x.long() @ torch.tensor([p, 1], device=x.device)).expand(R, -1)
        cells.scatter_(1, place, (first + ~right(f, y)).to(torch.int8))
    m.arrays["correctness"] = cells.view(R, p, p)
    return {}
