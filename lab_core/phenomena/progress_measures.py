"""Progress measures for grokking (Nanda et al. 2023): what grows inside a net before it shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lab_core import fourier
from lab_core.arm import Arm
from lab_core.claims import Claim, Verdict, span, unreached
from lab_core.models import Transformer, views
from lab_core.outcomes import arm_of, series
from lab_core.phenomena.base import Preset
from lab_core.phenomena.pairs import PAIRS
from lab_core.predictions import Choice, Option
from lab_core.probes.fourier import excluded, restricted, sums
from lab_core.probes.training import right, share
from lab_core.recipe import Recipe
from lab_core.record import Record
from lab_core.run import Run

PAPER = "progress-measures"
CITATION = (PAPER, "Nanda et al. 2023, Progress Measures for Grokking via Mechanistic"
            " Interpretability")  # fmt: skip
SEEDS = (0, 1, 2)
MOST_KEYS = 8  # of 29
TRANSFORMER = Recipe().set(
    {
        "data": "modular",
        "fraction": 0.4,
        "model": "transformer",
        "width": 64,
        "mlp_width": 128,
        "loss": "cross-entropy",
        "optimizer": "adamw",
        "lr": 1e-2,
        "beta2": 0.98,
        "weight_decay": 2.0,
        "schedule": "warmup",
        "warmup": 10,
        "dtype": "float32",
        "steps": 600,
        "probes": tuple(
            (name, 10) for name in ("accuracy", "test_loss", "progress", "fourier", "weight_norm")
        ),
    }
)
NEURONS = PAIRS.set(
    {"probes": tuple((name, 20) for name in ("accuracy", "fourier", "neurons", "correctness")),
     "steps": 1200}
)  # fmt: skip


def sooner(run: Run) -> str | None:
    """Whether the restricted loss has halved before half of the test pairs are right."""
    arm = arm_of(run, 0)
    if arm is None or not arm.done:
        return None
    steps, restricted = series(arm, "restricted_loss")
    halved = steps[restricted < 0.5 * restricted[0]]
    jump = arm.record.reached("test_accuracy", 0.5)[0]
    found = halved[0] if len(halved) else np.inf
    return "together" if found == jump else "measure" if found < jump else "accuracy"


FIRST = (
    Option("measure", "the restricted loss",
           "the circuit that adds grows while the memorised answers still outweigh it; only when these are"
           " cleaned up does the accuracy show it."),
    Option("together", "both at the same measurement", "nothing had announced the jump."),
    Option("accuracy", "the test accuracy", "the jump came before the circuit could be seen."),
)  # fmt: skip

PRESETS = {
    "transformer": Preset(
        "A transformer learns trigonometry",
        "Test accuracy jumps long after the examples are known. The restricted loss, of the part of"
        " the logits that depends on a + b alone, falls before; the embedding ends with a handful of"
        " frequencies, and its weights shrink as what was memorised goes.",
        TRANSFORMER,
        50,
        plots=("accuracy", "progress", "fourier", "weight_norm"),
        question=Choice(ask="The restricted loss is that of the part of the logits that depends on a + b alone."
                        " Which comes first: that it has halved, or that half of the unseen pairs are right?",
                        measure=sooner, options=FIRST),
    ),
    "neurons": Preset(
        "One frequency a neuron",
        "A two-layer net uses all frequencies, so that its embedding never gets sparse; but each of"
        " its neurons ends with one of its own.",
        NEURONS,
        120,
        plots=("accuracy", "fourier", "neurons", "correctness"),
    ),
}  # fmt: skip


def embedding(arm: Arm, w: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """The named pieces of w, and the transformer's table [R, p, width] of the numbers."""
    pieces = views(w, arm.objective.shapes)
    return pieces, arm.program.model.tables(pieces)[0]


def ablated(arm: Arm, mask: Tensor) -> np.ndarray:
    """Test accuracy [R] without the frequencies of a mask [R, F] in the embedding."""
    pieces, table = embedding(arm, arm.state.w)
    cut = torch.cat((fourier.without(table, mask), pieces["tokens"][:, table.shape[1] :]), 1)
    x, y = arm.test
    f = arm.program.model.forward(pieces | {"tokens": cut}, x.expand(arm.R, -1, -1))
    return share(right(f, y)).numpy()


def key_mask(arm: Arm) -> Tensor:
    """The frequencies [R, F] that hold 90% of the power of the embedding as it is now."""
    return fourier.key_frequencies(fourier.power(embedding(arm, arm.state.w)[1]))


def judge_sparse(runs: Sequence[Run]) -> Verdict:
    """The embedding's spectrum is flat at first, and a few frequencies of many in the end."""
    record = runs[0].arms[0].record
    (_, gini), (_, keys) = record["gini"], record["key_frequencies"]
    holds = gini[0].max() < 0.15 and gini[-1].min() > 0.7 and keys[-1].max() <= MOST_KEYS
    return Verdict(
        bool(holds and keys[0].min() > 20),
        f"Gini coefficient {span(gini[0], 2)} at first, {span(gini[-1], 2)} in the end; 90% of the"
        f" power in {span(keys[0])} frequencies, then in {span(keys[-1])}",
        f"below 0.15, above 0.7; above 20, at most {MOST_KEYS}",
    )


def judge_ablation(runs: Sequence[Run]) -> Verdict:
    """Without the key frequencies of the embedding accuracy is chance, without all others or any one
    of them it stays.
    """
    arm = runs[0].arms[0]
    if not isinstance(arm.program.model, Transformer):
        return Verdict(False, f"a {arm.program.model.label}", "a transformer")
    keys = key_mask(arm)
    kept, removed = ablated(arm, ~keys), ablated(arm, keys)
    single = torch.eye(keys.shape[1], dtype=torch.bool)
    one = np.stack([ablated(arm, single[k].expand_as(keys)) for k in range(len(single))], 1)
    other = np.where(keys.numpy(), 1.0, one).min(1)
    chance = 1 / arm.y.shape[2]
    few = keys.sum(-1).numpy()
    holds = kept.min() > 0.95 and removed.max() < 3 * chance and other.min() > 0.95
    return Verdict(
        bool(holds and few.max() <= MOST_KEYS),
        f"test accuracy with {span(few)} key frequencies alone {span(kept)}, without them"
        f" {span(removed, 2)} (chance {chance:.2g}), without any other one {span(other)}",
        f"at most {MOST_KEYS}, above 0.95; below three times chance; above 0.95",
    )


def hindsight(arm: Arm) -> Record:
    """The restricted and the excluded loss at each snapshot, by the key frequencies of the end."""
    keys, record, L = key_mask(arm), Record(arm.R), arm.objective
    s = sums(L, arm.test)
    if s is None:
        return record
    for step in arm.snapshots.steps:
        w = arm.state_at(step).w
        with torch.inference_mode():
            train, tested = L.outputs(w, arm.x), L.outputs(w, arm.test[0])
            columns = restricted(L, arm.test, tested, s, keys)
            columns["excluded_loss"] = excluded(L, train, tested, s, keys)
        for name, values in columns.items():
            record.extend(name, step, values.numpy())
    return record


def milestones(record: Record) -> list[np.ndarray]:
    """The steps [R] at which the examples are known, half of the test is, nearly all of it is."""
    levels = (("train_accuracy", 0.99), ("test_accuracy", 0.5), ("test_accuracy", 0.95))
    return [record.reached(*level) for level in levels]


def judge_restricted(runs: Sequence[Run]) -> Verdict:
    """The part of the logits that is a function of the sum, in the key frequencies of the end alone,
    is right more often than not before the logits are, and long before they nearly always are; its
    loss is then a fraction of the first.
    """
    arm = runs[0].arms[0]
    known, half, most = milestones(arm.record)
    if never := unreached(most):
        return never
    measures = hindsight(arm)
    ahead = measures.reached("restricted_accuracy", 0.5)
    fallen = measures.then("restricted_loss", half) / measures["restricted_loss"][1][0]
    lead, long = half - ahead, most - ahead
    return Verdict(
        bool(lead.min() >= 20 and long.min() >= 80 and fallen.max() < 0.5),
        f"restricted accuracy is past 50% {span(lead)} steps before test accuracy is, and"
        f" {span(long)} before that passes 95%; the restricted loss at test 50% is"
        f" {span(fallen, 2)} of the first",
        "at least 20 and 80 steps; below 0.5",
    )


def judge_phases(runs: Sequence[Run]) -> Verdict:
    """Memorisation: the examples are known, the rest is not. Circuit formation, from there to 50% of
    the test: the excluded loss rises while training loss falls. Clean-up, across the jump: the weights
    shrink.
    """
    arm = runs[0].arms[0]
    known, half, most = milestones(arm.record)
    if never := unreached(known, most):
        return never
    test, measures = arm.record.then("test_accuracy", known), hindsight(arm)
    formed = measures.then("excluded_loss", half) / measures.then("excluded_loss", known)
    train = arm.record.then("train_loss", half) / arm.record.then("train_loss", known)
    peak = arm.record["weight_norm"][1].max(0)
    before, after = (arm.record.then("weight_norm", at) / peak for at in (half, most + 50))
    holds = (
        (most >= 2.5 * known).all()
        and test.max() < 0.4
        and formed.min() > 1.2
        and train.max() < 1
        and (after < before - 0.05).all()
        and after.max() < 0.9
    )
    return Verdict(
        bool(holds),
        f"known at {span(known)}, test then {span(test, 2)}; up to test 50% at {span(half)} the"
        f" excluded loss grows {span(formed, 2)}-fold, the training loss falls to {span(train, 2)};"
        f" the weights' norm, {span(before, 2)} of its peak there, is {span(after, 2)} fifty steps"
        f" after test 95% at {span(most)}",
        "95% at least 2.5 times later than known; below 0.4; above 1.2, below 1; lower by 0.05,"
        " below 0.9",
    )


def judge_neurons(runs: Sequence[Run]) -> Verdict:
    """The two-layer net groks with all frequencies in its tables and one in each neuron."""
    record = runs[0].arms[0].record
    test, keys, gini = (record[n][1][-1] for n in ("test_accuracy", "key_frequencies", "gini"))
    _, own = record["neuron_share"]
    holds = test.min() > 0.95 and keys.min() > 20 and gini.max() < 0.3
    return Verdict(
        bool(holds and own[0].max() < 0.3 and own[-1].min() > 0.75),
        f"test accuracy {span(test)}; 90% of the power in {span(keys)} frequencies, Gini"
        f" coefficient {span(gini, 2)}; share of a neuron's power in its own best frequency (median)"
        f" {span(own[0], 2)} at first, {span(own[-1], 2)} in the end",
        "above 0.95; above 20, below 0.3; below 0.3, above 0.75",
    )


CLAIMS = tuple(
    Claim(PAPER, sentence, (PRESETS[preset].recipe.set({"seed": SEEDS}),), judge, preset,
          long=True)
    for preset, judge, sentence in (
        ("transformer", judge_sparse,
         "A transformer that has grokked addition embeds numbers in a few frequencies."),
        ("transformer", judge_ablation,
         "It answers by these frequencies: without them it is lost, without all others it is not."),
        ("transformer", judge_restricted,
         "The restricted loss falls before test accuracy jumps."),
        ("transformer", judge_phases,
         "Training has three phases: memorisation, circuit formation, clean-up."),
        ("neurons", judge_neurons,
         "In a two-layer net it is not the embedding but each neuron that has few frequencies."),
    )
)  # fmt: skip
