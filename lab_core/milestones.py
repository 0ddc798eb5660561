"""Milestones: what happened, at which step, in a sentence. Pure functions of the record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from lab_core.arm import Arm
from lab_core.flows import Flow
from lab_core.models import Linear, views
from lab_core.optimizers import Optimizer
from lab_core.run import Run

NEAR = 0.05  # hovering: the mean ratio is this close to 1
REARM = 0.8  # a crossing counts again once the ratio has been below this
WINDOW = 25  # measurements over which hovering is judged
MEMORISED = 0.99  # of the training set
GENERALISED = 0.95  # of the test set: what Power et al. 2022 and after them most call solved
LATER = 2  # times as late as memorising, and generalising is called grokking
BEFORE = -1  # as the step of what had happened before an arm grew from its parent
COLLAPSED = 0.5  # of the training examples have a loss of exactly 0
RECOVERED = 1e-6  # relative error of a matrix, Frobenius


@dataclass(frozen=True)
class Milestone:
    """An event of one replica of an arm; `kind` is the detector's name."""

    step: int
    arm: int
    replica: int
    kind: str
    sentence: str


def find(run: Run) -> list[Milestone]:
    """All milestones of a run so far, by step."""
    found = [m for arm in run.arms.values() for detector in DETECTORS for m in detector(arm)]
    return sorted(found, key=lambda m: (m.step, m.arm, m.replica))


def as_json(milestones: list[Milestone]) -> list[dict[str, Any]]:
    return [asdict(m) for m in milestones]


def name(arm: Arm, replica: int) -> str:
    """How a sentence calls a replica: its number and label, and its arm after the first."""
    where = f"arm {arm.index}, " if arm.index else ""
    return f"{where}replica {replica}, {arm.label(replica)},"


def largest_lr(optimizer: Optimizer, curvature: float) -> float:
    """The learning rate whose threshold is this curvature; every threshold here is a/lr - b."""
    lr = float(optimizer.lr)
    twice = replace(optimizer, lr=2 * lr)
    here, there = (float(o.stability_threshold()) for o in (optimizer, twice))
    a = 2 * (here - there) * lr
    return a / (curvature + a / lr - here)


def crossed(arm: Arm) -> list[Milestone]:
    """The ratio rose to 1; or, further down, fell from there below `REARM`."""
    steps, ratio = arm.record["ratio"]
    _, threshold = arm.record["threshold"]
    out = []
    for r in range(arm.R):
        level = np.where(ratio[:, r] >= 1, 1, np.where(ratio[:, r] < REARM, -1, 0))
        known = np.maximum.accumulate(np.where(level != 0, np.arange(len(level)), 0))
        level = level[known]  # in between, what it was last
        turns = np.flatnonzero(np.diff(level, prepend=-1))
        for i in turns[:20]:
            at = f"its threshold {threshold[i, r]:.3g} at step {steps[i]}"
            verb = ("crossed" if i else "starts above") if level[i] == 1 else "fell back below"
            kind = "crossed" if level[i] == 1 else "left"
            if level[i] or i:
                out.append(Milestone(int(steps[i]), arm.index, r, kind,
                                     f"{name(arm, r)} {verb} {at}"))  # fmt: skip
    return out


def settled(arm: Arm) -> list[Milestone]:
    """The mean of the last `WINDOW` ratios came within `NEAR` of 1, all of them past the crossing."""
    steps, ratio = arm.record["ratio"]
    if len(steps) < WINDOW:
        return []
    out = []
    for r in range(arm.R):
        above = np.flatnonzero(ratio[:, r] >= 1)
        total = np.cumsum(np.concatenate([[0.0], ratio[:, r]]))
        mean = (total[WINDOW:] - total[:-WINDOW]) / WINDOW  # ends at measurement i + WINDOW - 1
        fits = np.flatnonzero(np.abs(mean - 1) < NEAR)
        fits = fits[fits >= above[0]] if len(above) else fits[:0]
        if len(fits):
            i = int(fits[0]) + WINDOW - 1
            text = f"hovers at its threshold: {mean[fits[0]]:.2f} of it on average since step"
            out.append(Milestone(int(steps[i]), arm.index, r, "settled",
                                 f"{name(arm, r)} {text} {steps[i - WINDOW + 1]}"))  # fmt: skip
    return out


def diverged(arm: Arm) -> list[Milestone]:
    """A replica's loss left all bounds; with the last curvature measured and what it allows."""
    return [
        Milestone(step, arm.index, r, "diverged",
                  f"{name(arm, r)} diverged at step {step}{_why(arm, r)}")
        for r, step in list(arm.diverged.items())
        if step >= arm.first and not (arm.parent is not None and step == arm.first and arm.first)
    ]  # fmt: skip


def _why(arm: Arm, r: int) -> str:
    _, threshold = arm.record["threshold"]
    what = "effective_sharpness" if "effective_sharpness" in arm.record.columns else "sharpness"
    _, curvature = arm.record[what]
    known = np.flatnonzero(np.isfinite(curvature[:, r]))
    if not len(known):
        return ""
    i = known[-1]
    value, limit = curvature[i, r], threshold[i, r]
    text = f": {what.replace('_', ' ')} {value:.3g}"
    if np.isfinite(limit):
        text += f" against a threshold of {limit:.3g}"
    if not value > limit:
        return text + " when last measured"
    optimizer = arm.recipes[r].optimizer
    return (f"{text}; at that sharpness the limit is lr {largest_lr(optimizer, value):.2g}"
            f"{_where(arm, r, what)}")  # fmt: skip


def _where(arm: Arm, r: int, what: str) -> str:
    """In which parameters the step grew: where most of the top eigenvector lies."""
    vectors = arm.last_seen[r].get(what)
    if vectors is None:
        return ""
    pieces = views(vectors[:1], arm.objective.shapes)
    mass = {n: float(p.square().sum()) for n, p in pieces.items()}
    total, (most, share) = sum(mass.values()), max(mass.items(), key=lambda item: item[1])
    if not total > 0:
        return ""
    return f" (it grew along the top eigenvector, {share / total:.0%} of which lies in {most})"


def catapulted(arm: Arm) -> list[Milestone]:
    """The loss rose above 3 times its start and came back below it, somewhere flatter."""
    steps, loss = arm.record["train_loss"]
    _, sharp = arm.record["sharpness"]
    out = []
    for r in range(arm.R):
        if r in arm.diverged or not len(loss) or not len(sharp):
            continue
        peak = int(np.argmax(loss[:, r]))
        back = np.flatnonzero(loss[peak:, r] < loss[0, r])
        flatter = sharp[-1, r] / sharp[0, r]
        if loss[peak, r] > 3 * loss[0, r] and len(back) and flatter < 0.9:
            text = (f"was catapulted: its loss rose {loss[peak, r] / loss[0, r]:.2g}-fold by step"
                    f" {steps[peak]} and landed where the sharpness is {flatter:.2g} of the first")  # fmt: skip
            step = int(steps[peak + back[0]])
            out.append(Milestone(step, arm.index, r, "catapulted", f"{name(arm, r)} {text}"))
    return out


def learned(arm: Arm) -> list[Milestone]:
    """The training set was memorised, or separated by a linear classifier; and the test set got right,
    with it or much later (grokked).
    """
    linear = isinstance(arm.program.model, Linear)
    level, kind = (1.0, "separated") if linear else (MEMORISED, "memorised")
    memorised, generalised = (
        reached(arm, f"{name}_accuracy", least)
        for name, least in (("train", level), ("test", GENERALISED))
    )
    out = [
        Milestone(step, arm.index, r, kind, f"{name(arm, r)} {kind} at step {step}:"
                  f" {level:.0%} of the training set are right")
        for r, step in memorised.items()
        if step != BEFORE
    ]  # fmt: skip
    for r, step in generalised.items():
        first = memorised.get(r, step)  # corrupted labels may never be
        kind, when = "generalised", f"at step {step}"
        if step == BEFORE:
            continue
        if first == BEFORE:
            when += f", having {'separated' if linear else 'memorised'} before step {arm.first}"
        elif step > LATER * first:
            kind, when = "grokked", f"{when}, {_factor(step, first)} later"
        elif r in memorised:
            when += f", {'soon after' if step > first else 'together with'} the training set"
        text = f"{name(arm, r)} {kind} {when}: {GENERALISED:.0%} of the test set are right"
        out.append(Milestone(step, arm.index, r, kind, text))
    return out


def _factor(step: int, first: int) -> str:
    """How many times as late; in steps where the first was step 0."""
    return f"{step / first:.2g} times" if first else f"{step} steps"


def collapsed(arm: Arm) -> list[Milestone]:
    """Softmax collapse (Prieto et al. 2025): rounding has taken the loss of so many examples."""
    return [
        Milestone(step, arm.index, r, "collapsed", f"{name(arm, r)} softmax collapsed at step {step}:"
                  " the loss of half of the examples is exactly 0")
        for r, step in reached(arm, "zero_loss", COLLAPSED).items()
        if step != BEFORE
    ]  # fmt: skip


def recovered(arm: Arm) -> list[Milestone]:
    """The error of a matrix that is recovered from measurements fell to `RECOVERED`."""
    return [
        Milestone(step, arm.index, r, "recovered",
                  f"{name(arm, r)} recovered the matrix to {RECOVERED:g} at step {step}")
        for r, step in reached(arm, "recovery", RECOVERED, below=True).items()
        if step != BEFORE
    ]  # fmt: skip


def mistaken(arm: Arm) -> list[Milestone]:
    """A part that a person brought made a mistake, at which the arm stopped."""
    text = f"arm {arm.index} stopped at step {arm.t}: {arm.mistake}"
    return [Milestone(arm.t, arm.index, 0, "mistaken", text)] if arm.mistake else []


def remarked(arm: Arm) -> list[Milestone]:
    """What its data and its model rule out from the start, once for all replicas that it is true of."""
    out = []
    for sentence, those in arm.start.remarks.items() if not arm.first else ():
        whole = f"arm {arm.index}: " if arm.index else ""
        who = whole if len(those) == arm.R else f"{name(arm, those[0])[:-1]}: "
        out.append(Milestone(0, arm.index, those[0], "remark", f"{who}{sentence}"))
    return out


def reached(arm: Arm, column: str, level: float, below: bool = False) -> dict[int, int]:
    """The step at which a replica's column was first at a level, or above (or below); of those that
    were.

    `BEFORE` in a fork that begins so: it happened to its parent.
    """
    first = enumerate(arm.record.reached(column, level, below))
    steps = {r: int(step) for r, step in first if np.isfinite(step)}
    begins = arm.record[column][0][:1]
    return {r: BEFORE if arm.first and step in begins else step for r, step in steps.items()}


DETECTORS = (crossed, settled, diverged, catapulted, learned, collapsed, recovered, mistaken,
             remarked)  # fmt: skip


def beside(flow: Flow, moment: int | None = None) -> str:
    """What a ghost predicts and how far its arm is from it, where it has got to or at a moment."""
    arm, (steps, ratio) = flow.arm, flow.record["ratio"]
    name = f"{flow.label} beside arm {arm.index}" if arm.index else flow.label
    said = [f"{name[0].upper()}{name[1:]}"]
    known, ours = arm.record["ratio"]
    last = np.inf if moment is None else moment
    common = np.intersect1d(steps[steps <= last], known)
    if len(common):
        t = common[-1]
        said[0] += (
            f", step {t:,}: it predicts {_span(ratio[steps == t])} of the threshold, the run has"
            f" {_span(ours[known == t])}"
        )
    at, apart = flow.record["distance"]
    if len(at) > 1:
        said.append(
            f"at step {at[-1]:,} the run is {_span(100 * apart[-1])}% of its way away from it"
        )
    return f"{'; '.join(said)}. {flow.ended if last >= flow.t else ''}".strip()


def _span(values: np.ndarray) -> str:
    """A figure over the replicas of which it is known."""
    known = values[np.isfinite(values)]
    if not len(known):
        return "no value"
    low, high = f"{known.min():.3g}", f"{known.max():.3g}"
    return low if low == high else f"{low} to {high}"
