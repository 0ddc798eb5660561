"""Grokking (Power et al. 2022): a net that knows its examples by heart learns the rule much later."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Claim, Verdict, span, unreached
from lab_core.outcomes import at_end, first
from lab_core.phenomena import corrupted_grokking, grokfast
from lab_core.phenomena.base import Phenomenon, Preset
from lab_core.phenomena.pairs import PAIRS
from lab_core.predictions import Number, Step
from lab_core.recipe import Branch
from lab_core.run import Run

PAPER = "grokking"
SEEDS = (0, 1, 2)
PROBES = (("accuracy", 10), ("weight_norm", 10), ("test_loss", 10))
MODULAR = PAIRS.set({"probes": PROBES})
PLOTS = ("accuracy", "losses", "weight_norm", "correctness")


def grokked(arm: Arm) -> float:
    """How many replicas came to 95%."""
    return float(np.isfinite(arm.record.reached("test_accuracy", 0.95)).sum())


PRESETS = {
    "delay": Preset(
        "Memorise, then generalise",
        "Both nets know all their examples after some fifty steps, and nothing else. The one with"
        " weight decay learns the rule some fifteen times later; the one without does not.",
        MODULAR.set({"weight_decay": (1.0, 0.0), "steps": 1200}),
        120,
        plots=PLOTS,
        question=Step(ask="At which step will the net with weight decay first have 95% of the unseen pairs"
                      " right?", measure=first("test_accuracy", 0.95), high=1200, place=0),
    ),
    "seeds": Preset(
        "Eight seeds",
        "Addition modulo 23: eight nets, each with half of the pairs as its examples. All of them"
        " grok, some three times sooner under a decay and a learning rate chosen for it (arm 1).",
        MODULAR.set(
            {
                "p": 23,
                "fraction": 0.5,
                "seed": tuple(range(8)),
                "steps": 1400,
                "changes": (Branch(0, 0, (("lr", 2e-2), ("weight_decay", 3.0)), True),),
            }
        ),  # fmt: skip
        140,
        plots=PLOTS,
        question=Number(ask="How many of the eight nets of arm 0 will ever have 95% of the unseen pairs right?",
                        measure=at_end(grokked), low=0, high=8, log=False, unit="nets"),
    ),
    "fraction": Preset(
        "More examples, less delay",
        "With 40, 50 and 60% of all pairs as examples memorising takes equally long, and"
        " generalising ever less.",
        MODULAR.set(
            {
                "p": 37,
                "fraction": 0.4,
                "steps": 1100,
                "changes": tuple(Branch(0, 0, (("fraction", f),), True) for f in (0.5, 0.6)),
            }
        ),  # fmt: skip
        100,
        plots=PLOTS,
    ),
    "operations": Preset(
        "Other operations",
        "Subtraction, multiplication, division and sums of squares modulo 37 are grokked like"
        " addition: memorised within sixty steps, understood at least four times later.",
        MODULAR.set(
            {
                "p": 37,
                "fraction": 0.5,
                "steps": 600,
                "changes": tuple(
                    Branch(0, 0, (("operation", name),), True)
                    for name in ("subtract", "multiply", "divide", "squares")
                ),
            }
        ),  # fmt: skip
        60,
        plots=PLOTS,
    ),
}  # fmt: skip


def times(arm: Arm, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Of each replica the steps at which it knows its examples (99%) and the others (`level`)."""
    return arm.record.reached("train_accuracy", 0.99), arm.record.reached("test_accuracy", level)


def judge_delay(runs: Sequence[Run]) -> Verdict:
    """With decay: memorised by 100, still at chance then, 95% at least 10 times later. Without:
    memorised, the weights grow on and on, test accuracy is never above 0.3.
    """
    (arm,) = runs[0].arms.values()
    decay = np.array([r.optimizer.weight_decay for r in arm.recipes])
    plain, decayed = decay == 0, decay > 0
    steps, test = arm.record["test_accuracy"]
    _, norm = arm.record["weight_norm"]
    memorised, grokked = times(arm)
    if never := unreached(memorised, grokked[decayed]):
        return never
    ratio = grokked[decayed] / memorised[decayed]
    early = test[np.searchsorted(steps, 100), decayed]
    longer = norm[-1, plain] / norm[-1, decayed]
    holds = (
        memorised.max() <= 100
        and early.max() < 0.15
        and ratio.min() >= 10
        and test[:, plain].max() < 0.3
        and longer.min() > 1.2
    )
    return Verdict(
        bool(holds),
        f"memorised at {span(memorised)}; with decay: test {span(early, 2)} at step 100, 95% at"
        f" {span(grokked[decayed], 4)}, {span(ratio)} times later; without: test at most"
        f" {test[:, plain].max():.2f}, the weights {span(longer)} times as long",
        "by 100; below 0.15, at least 10 times later; below 0.3, more than 1.2 times",
    )


def judge_seeds(runs: Sequence[Run]) -> Verdict:
    """Every seed groks in both arms, at least 10 times later than it memorised in the first; the
    second is sooner for each of them.
    """
    first, second = runs[0].arms.values()
    (memorised, grokked), quick = times(first), times(second)[1]
    if never := unreached(memorised, grokked, quick):
        return never
    ratio, sooner = grokked / memorised, grokked / quick
    holds = ratio.min() >= 10 and sooner.min() > 2
    return Verdict(
        bool(holds),
        f"95% at {span(grokked)}, {span(ratio)} times later than memorised; arm 1"
        f" {span(sooner)} times sooner",
        "at least 10 times later; at least twice as soon",
    )


def judge_fraction(runs: Sequence[Run]) -> Verdict:
    """The more examples, the sooner 95%, each time by a factor of 1.5; memorising does not move."""
    arms = list(runs[0].arms.values())
    memorised, grokked = (np.array(t) for t in zip(*map(times, arms), strict=True))
    if never := unreached(memorised, grokked):
        return never
    gain = grokked[:-1] / grokked[1:]
    holds = gain.min() > 1.5 and np.ptp(memorised) <= 20
    return Verdict(
        bool(holds),
        "; ".join(
            f"{arm.program.flat()['fraction']:g}: memorised at {span(m)}, 95% at {span(g)}"
            for arm, m, g in zip(arms, memorised, grokked, strict=True)
        ),
        "memorised within 20 steps of each other, 95% at least 1.5 times sooner each",
    )


def judge_operations(runs: Sequence[Run]) -> Verdict:
    """Each operation is memorised and reaches 95% at least 4 times later."""
    arms = list(runs[0].arms.values())
    pairs = [times(arm) for arm in arms]
    if never := unreached(*(steps for pair in pairs for steps in pair)):
        return never
    ratio = [grokked / memorised for memorised, grokked in pairs]
    holds = np.min(ratio) >= 4
    return Verdict(
        bool(holds),
        "; ".join(
            f"{arm.program.flat()['operation']}: 95% at {span(g)}, {span(q)} times later"
            for arm, (_, g), q in zip(arms, pairs, ratio, strict=True)
        ),
        "at least 4 times later",
    )


LONG = ("seeds", "fraction", "operations")  # to check
CLAIMS = tuple(
    Claim(PAPER, sentence, (PRESETS[preset].recipe.set({"seed": seeds}),), judge, preset,
          preset in LONG)
    for preset, seeds, judge, sentence in (
        ("delay", SEEDS, judge_delay,
         "Long after a net has memorised its examples, weight decay makes it generalise: test"
         " accuracy goes from chance to 95%; without decay it stays low."),
        ("seeds", tuple(range(8)), judge_seeds,
         "It does so for every split and every start."),
        ("fraction", SEEDS, judge_fraction,
         "The more of all pairs are examples, the shorter the delay."),
        ("operations", SEEDS, judge_operations,
         "It does so for other operations too."),
    )
)  # fmt: skip

GROKKING = Phenomenon(
    slug="grokking",
    title="Grokking",
    question="A network knows all its examples by heart and fails on everything else. Then, much"
    " later, it understands. What happened, and can one make it happen sooner?",
    papers=(
        (PAPER, "Power et al. 2022, Grokking: Generalization Beyond Overfitting on Small Algorithmic"
         " Datasets"),
        grokfast.CITATION,
        corrupted_grokking.CITATION,
    ),
    presets=PRESETS | grokfast.PRESETS | corrupted_grokking.PRESETS,
    claims=CLAIMS + grokfast.CLAIMS + corrupted_grokking.CLAIMS,
    minutes=10,
    choices=("correctness", "weight_norm", "pruned", "neurons", "fourier", "gini", "progress",
             "alignment", "zero_loss", "slowness", "kernel", "gradient_norm", "sharpness"),
)  # fmt: skip
