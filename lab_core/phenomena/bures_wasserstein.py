"""The Bures-Wasserstein loss of a linear net, and its curvature where the rank is low (Brechet et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lab_core.arm import Arm
from lab_core.claims import Verdict, span
from lab_core.outcomes import at_end, series
from lab_core.phenomena.base import Preset, beside, claim_on
from lab_core.phenomena.covariances import (
    BASE,
    PAPER,
    last,
    reached,
    spectrum,
)
from lab_core.predictions import Choice, Option
from lab_core.rates import exponent
from lab_core.run import Run

PLOTS = ("loss", "covariance_error", "covariance_curvature", "covariance_eigenvalues")


def found(arm: Arm) -> str:
    """Whether the net without smoothing (replica 0) ends nearer to its target than the one with it."""
    without, smoothed = (series(arm, "covariance_error", r)[1] for r in (0, 1))
    if 0 in arm.diverged or without[-1] > without[0]:
        return "diverges"
    return "nearer" if without[-1] < smoothed[-1] else "farther"


ENDS = (
    Option("nearer", "it trains, and ends nearer to the target than the smoothed net",
           "gradient descent goes by the curvature of the weights, which stays bounded where that by Σ"
           " blows up; and smoothing moves the minimum by τ in each direction."),
    Option("farther", "it trains, but ends farther from the target than the smoothed net",
           "the smoothed net was the faster one here."),
    Option("diverges", "it diverges", "the curvature was more than its learning rate allows."),
)  # fmt: skip

PRESETS = {
    "low-rank-target": Preset(
        "A target that loses its rank",
        "One layer; the target's condition number κ is 10, 1,000 and 100,000 (arms 0, 1 and 2). As the"
        " net comes to a target of nearly low rank, the curvature of the loss as a function of the"
        " covariance Σ goes to κ/2. Smoothed by τ it ends at most at 1/(2τ), and what is found is off by"
        " τ in each direction: that is the floor of the error.",
        BASE.set({"tau": (0.0, 1e-2), "steps": 200,
                  "changes": (beside(condition=1e3), beside(condition=1e5))}),
        20,
        plots=PLOTS,
        question=Choice(ask="The target of arm 2 has all but lost its rank, and the curvature by Σ grows to"
                        " 50,000. What will become of its net without smoothing (τ = 0)?",
                        measure=at_end(found, arm=2, replica=1), options=ENDS),
    ),
    "tiny-start": Preset(
        "From a tiny start",
        "Two layers from a start of 0.03. Σ is nearly 0, and the curvature by Σ is ε^(−3/2), ε its"
        " smallest eigenvalue; with smoothing it is no more than ½ τ^(−3/2). The price: without smoothing"
        " the net leaves at once, with it it waits at the saddle, the longer the larger τ. Under the"
        " Frobenius loss (arm 1) it waits too.",
        BASE.set({"depth": 2, "init_scale": 0.03, "tau": (0.0, 1e-3, 1e-2), "steps": 600,
                  "changes": (beside(loss="frobenius"),)}),
        60,
        plots=("covariance_error", "covariance_curvature", "loss", "covariance_eigenvalues"),
    ),
    "weights": Preset(
        "The same by the weights",
        "One layer, tiny start, small steps, and the Hessian by the weights: without smoothing its largest"
        " eigenvalue is 2 all along. What blows up is the smallest one, like −1 ÷ the sum of the two"
        " smallest singular values; with smoothing all are negative at first, and the smallest is"
        " 2 − 2/√τ. Along such directions the net leaves: the blow-up is no instability.",
        BASE.set({"init_scale": 1e-4, "lr": 0.001, "tau": (0.0, 1e-2), "steps": 300,
                  "probes": (("covariance", 5), ("curvature_range", 5))}),
        30,
        plots=("negative_curvature", "loss", "covariance_error", "covariance_eigenvalues"),
        x="log-step",
    ),
    "bottleneck": Preset(
        "A net of lower rank than its target",
        "Two layers with a bottleneck of two. The loss ends at the sum of the four eigenvalues that are"
        " given up, and Σ has no rank in their directions: the curvature by Σ has no limit at τ = 0 (off"
        " the plot), and goes like τ^(−3/2).",
        BASE.set({"depth": 2, "width": 2, "tau": (0.0, 1e-4, 1e-3, 1e-2), "steps": 500}),
        50,
        plots=PLOTS,
    ),
}  # fmt: skip


def bend(target: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The largest curvature [R] by Σ where net + tau (`found`) and target [R, d] share their basis."""
    root = np.sqrt(target * found)
    i, j = root[:, :, None], root[:, None, :]
    pairs = target[:, :, None] * target[:, None, :] / (i * j * (i + j))
    return np.asarray(pairs.max((1, 2)))


def judge_low_rank(runs: Sequence[Run]) -> Verdict:
    """κ/2 without smoothing, in each arm; with it no more than 1/(2τ), and what theory says."""
    found, bare, smooth, limits = list(runs[0].arms.values()), [], [], []
    kappas = {float(1 / spectrum(arm, "target")[0, 0, -1]) for arm in found}
    for arm in found:
        curvature, tau = last(arm, "covariance_curvature"), arm.knob("tau")
        target = spectrum(arm, "target")[0]
        bare.append(curvature[tau == 0] * 2 * target[tau == 0, -1])
        some = tau[tau > 0]
        ends = np.maximum(target[tau > 0], some[:, None])
        smooth.append(curvature[tau > 0] / bend(target[tau > 0], ends))
        limits.append(curvature[tau > 0] * 2 * some)
    off, near, share = np.concatenate(bare), np.concatenate(smooth), np.concatenate(limits)
    holds = bool(
        len(kappas) > 2 and max(kappas) > 1e4 and off.size and near.size
        and np.abs(off - 1).max() < 0.01 and np.abs(near - 1).max() < 0.06 and share.max() < 1.01
    )  # fmt: skip
    if not off.size or not near.size:
        return Verdict(False, "no run with smoothing beside one without", "both")
    return Verdict(
        holds,
        f"κ {span(sorted(kappas))}; curvature ÷ κ/2 is {span(off)} without smoothing; with it, ÷ its"
        f" limit {span(near)}, × 2τ {span(share)}",
        "κ from 10 to 100,000; 1 within 1%; 1 within 6%, at most 1",
    )


def judge_smoothed(runs: Sequence[Run]) -> Verdict:
    """The smoothed loss falls at every step to its minimum, with Σ at the target less τ."""
    errors, levels, rises = [], [], []
    for arm in runs[0].arms.values():
        tau, target = arm.knob("tau")[:, None], spectrum(arm, "target")[0]
        some = tau[:, 0] > 0
        floor = np.linalg.norm(np.minimum(tau, target), axis=1) / np.linalg.norm(target, axis=1)
        least = np.square(np.maximum(np.sqrt(tau) - np.sqrt(target), 0)).sum(1)
        errors.append((last(arm, "covariance_error") / np.maximum(floor, 1e-300))[some])
        loss = arm.record["train_loss"][1][:, some]
        levels.append(loss[-1] - least[some])
        rises.append(np.diff(loss, axis=0).max(initial=-np.inf))
    error, level = np.concatenate(errors), np.concatenate(levels)
    if not error.size:
        return Verdict(False, "no run is smoothed", "some")
    holds = bool(np.abs(error - 1).max() < 0.03 and level.max() < 1e-4 and max(rises) < 1e-12)
    return Verdict(
        holds,
        f"error ÷ the floor that τ sets {span(error)}; loss ends {span(level)} above its least; it"
        f" rises by {max(rises):.1g} at most",
        "1 within 3%; below 1e-4; by rounding",
    )


def judge_powers(runs: Sequence[Run]) -> Verdict:
    """Curvature against the smallest eigenvalue along the run at τ = 0; its start where τ > 0."""
    arm = runs[0].arms[0]
    tau, curvature = arm.knob("tau"), arm.record["covariance_curvature"][1]
    least = spectrum(arm, "covariance")[:, :, -1]
    early = least < 1e-3
    if not (tau == 0).any() or len(set(tau[tau > 0])) < 2 or early.sum(0).min() < 5:
        return Verdict(False, "no τ = 0 beside two above it, or no tiny start", "all of them")
    slopes = [exponent(least[early[:, r], r], curvature[early[:, r], r])
              for r in np.flatnonzero(tau == 0)]  # fmt: skip
    caps = (curvature.max(0) * 2 * tau**1.5)[tau > 0]
    holds = bool(np.abs(np.array(slopes) + 1.5).max() < 0.05 and np.abs(caps - 1).max() < 0.02)
    return Verdict(
        holds,
        f"slope of log curvature by log ε {span(slopes, 4)} at τ = 0; largest curvature ÷ ½ τ^(−3/2)"
        f" {span(caps, 4)} above",
        "−1.5 ± 0.05; 1 within 2%",
    )


def judge_saddle(runs: Sequence[Run]) -> Verdict:
    """Steps until the error is halved, by τ and seed: the more, the larger τ; more under Frobenius."""
    arm, other = (list(runs[0].arms.values()) * 2)[:2]
    tau, steps = arm.knob("tau"), reached(arm, 0.5)
    rows = np.stack([steps[tau == t] for t in sorted(set(tau))])
    theirs = reached(other, 0.5)
    late = other.program.steps if other.program.loss.label != arm.program.loss.label else 0
    holds = bool(
        len(rows) > 1 and (rows[1:] > 2 * rows[:-1]).all() and rows[0].max() < 50
        and last(arm, "covariance_error")[tau == 0].max() < 1e-9
        and np.minimum(theirs, late).min() > 2 * rows[0].max()
    )  # fmt: skip
    each = "; ".join(f"τ {t:g}: {span(r)}" for t, r in zip(sorted(set(tau)), rows, strict=True))
    return Verdict(
        holds,
        f"steps to half of the error: {each}; Frobenius {span(theirs)}",
        "below 50 at τ = 0, and each time more than twice as many; more than twice as many",
    )


def judge_weights(runs: Sequence[Run]) -> Verdict:
    """The smallest eigenvalue by the weights is 2 less a multiple of 1/(s_5 + s_6), or starts at
    2 − 2/√τ.
    """
    (arm,) = runs[0].arms.values()
    tau, low = arm.knob("tau"), arm.record["curvature_min"][1]
    sizes = np.sqrt(spectrum(arm, "covariance")[:, :, -2:]).sum(2)
    tiny = (sizes < 0.1) & (low < 0)
    tiny[0] = False  # before the first step the net has no basis in common with its target
    if not (tau == 0).any() or not (tau > 0).any() or tiny[:, tau == 0].sum(0).min() < 5:
        return Verdict(False, "no run with τ = 0 beside one above, from a tiny start", "both")
    slopes = [
        exponent(sizes[tiny[:, r], r], 2 - low[tiny[:, r], r]) for r in np.flatnonzero(tau == 0)
    ]
    caps = (low.min(0) / (2 - 2 / np.sqrt(np.where(tau, tau, 1e-300))))[tau > 0]
    high = arm.record["curvature_max"][1][:, tau == 0]
    holds = bool(
        np.abs(np.array(slopes) + 1).max() < 0.1 and low[0, tau == 0].max() < -1e4
        and np.abs(caps - 1).max() < 0.02 and np.abs(high - 2).max() < 0.01
    )  # fmt: skip
    return Verdict(
        holds,
        f"largest {span(high)}; smallest starts at {span(low[0, tau == 0])} at τ = 0, slope"
        f" {span(slopes)}; with smoothing ÷ (2 − 2/√τ) {span(caps)}",
        "2; below −1e4, −1 ± 0.1; 1 within 2%",
    )


def judge_bottleneck(runs: Sequence[Run]) -> Verdict:
    """The loss of the eigenvalues given up; curvature by τ^(−3/2)."""
    (arm,) = runs[0].arms.values()
    tau, rank = arm.knob("tau"), arm.program.model.width  # type: ignore[attr-defined]
    given = spectrum(arm, "target")[0, :, rank:]
    if not given.size or len(set(tau)) < 3:
        return Verdict(False, "nothing is given up, or few τ", "a bottleneck, and three of them")
    least = np.square(np.sqrt(given) - np.sqrt(tau)[:, None]).sum(1)
    loss = last(arm, "train_loss") / least
    curvature = last(arm, "covariance_curvature")
    some = tau > 0
    ratio = curvature[some] * 2 * tau[some] ** 1.5 / np.sqrt(given[some, 0])
    rise = exponent(tau[some], curvature[some])
    holds = bool(
        np.abs(loss - 1).max() < 1e-3 and abs(rise + 1.5) < 0.05 and np.abs(ratio - 1).max() < 0.05
        and curvature[~some].min(initial=np.inf) > 1e12
    )  # fmt: skip
    return Verdict(
        holds,
        f"loss ÷ that of what is given up {span(loss, 5)}; slope of log curvature by log τ {rise:.3f},"
        f" ÷ ½ √λ τ^(−3/2) {span(ratio)}; at τ = 0 {span(curvature[~some])}",
        "1 within 0.1%; −1.5 ± 0.05, 1 within 5%; above 1e12, for there is no limit",
    )


claim = partial(claim_on, PAPER, PRESETS)
CLAIMS = (
    claim(
        "As the net comes to a target of nearly low rank, the curvature by the covariance blows up to"
        " κ/2; smoothed by τ it stays below 1/(2τ) for every target.",
        "low-rank-target",
        judge_low_rank,
    ),
    claim(
        "The smoothed loss falls at every step to its minimum, the target less τ in each direction.",
        "low-rank-target",
        judge_smoothed,
    ),
    claim(
        "Where the net is nearly of low rank the curvature by its covariance is ε^(−3/2), ε the smallest"
        " eigenvalue; smoothing caps it at ½ τ^(−3/2).",
        "tiny-start",
        judge_powers,
    ),
    claim(
        "Smoothing has a price: from a tiny start the net of two layers waits at a saddle, the longer"
        " the larger τ; without smoothing it leaves at once, and under the Frobenius loss it waits.",
        "tiny-start",
        judge_saddle,
    ),
    claim(
        "By the weights of one layer it is negative curvature that blows up, like −1 ÷ the sum of the"
        " two smallest singular values, and smoothing caps it at 2 − 2/√τ; the largest eigenvalue is 2.",
        "weights",
        judge_weights,
    ),
    claim(
        "A net of bounded rank ends at the sum of the eigenvalues it gives up, and the curvature there"
        " goes as τ^(−3/2).",
        "bottleneck",
        judge_bottleneck,
    ),
)
