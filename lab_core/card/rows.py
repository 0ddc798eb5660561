"""The labs in which a card puts an optimizer, and how each is judged: by what its own claims look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab_core.arm import Arm
from lab_core.card.base import (
    FEW,
    UP,
    WIDE,
    Row,
    Setting,
    at_rate,
    ended,
    line,
    rates,
    row,
    step,
    when,
)
from lab_core.claims import finished
from lab_core.phenomena import curvature_and_warmup as warmup
from lab_core.phenomena import edge_of_stability as edge
from lab_core.phenomena import grokking as grok
from lab_core.recipe import Recipe

CLOSE = 0.01  # of the threshold, on a quadratic
CLOSER = 4  # rates that are tried between one that trains and one that does not
NEAR, ABOVE = 0.05, 0.15  # of it, at the edge; above it where there is a P (RMSProp: up to 12%)
TRAINED = 1e-2  # of the first loss
RISE, FALL = 10.0, 0.25  # of the hump, as its claim has them
LARGER = (1.0, 4.0, 16.0)  # rates for it: the labs' are above most defaults
DECAY = 1.0  # the weight decay of the grokking lab; twice that is tried as well


def threshold(s: Setting) -> Row:
    """What it is on a quadratic, against what the optimizer states."""
    m, stated = s.quadratic, float(s.optimizer.stability_threshold())
    unit = m.threshold * s.lr
    what = "P⁻¹H" if m.held else "H, at gradients of size 1," if m.adaptive else "H"
    if m.threshold == 0 or not np.isfinite(m.threshold):
        which = "unstable at every" if m.threshold == 0 else "stable at any"
        said = f"{which} curvature that was tried (0.05 / lr to 5000 / lr)"
    else:
        said = f"a quadratic diverges once {what} exceeds {m.threshold:.4g} = {unit:.4g} / lr"
    figures = {"threshold": step(m.threshold), "stated": step(stated), "times_lr": step(unit)}
    if not np.isfinite(stated):
        return row(s, "threshold", None, f"{said}; it states no threshold", figures)
    holds = bool(abs(m.threshold / stated - 1) < CLOSE)
    verdict = "as it states" if holds else f"but it states {stated:.4g}"
    return row(s, "threshold", holds, f"{said}, {verdict}", figures)


# ---- the edge of stability


@dataclass(frozen=True)
class Level:
    """The curvature that decides over the threshold to which it is held [T, R], and what that is."""

    steps: np.ndarray
    ratio: np.ndarray
    of: str
    own: bool  # whether it is a threshold of the optimizer itself


def level(s: Setting, arm: Arm) -> Level:
    """Against the stated threshold; else what was measured on the quadratic; else 2 / lr."""
    steps, ratio = arm.record["ratio"]
    if np.isfinite(ratio).any():
        effective = "effective_sharpness" in arm.record.columns
        return Level(
            steps, ratio, f"its {'effective ' * effective}sharpness over its threshold", True
        )
    sharpness, lr = arm.record["sharpness"][1], arm.knob("lr")
    try:
        unit = s.quadratic.threshold * s.lr
        if 0 < unit < np.inf and not s.adaptive:
            of = f"sharpness over the threshold measured on a quadratic, {unit:.3g} / lr"
            return Level(steps, sharpness * lr / unit, of, True)
    except ValueError:
        pass
    return Level(steps, sharpness * lr / 2, "sharpness over 2 / lr (it states no threshold)", False)


@dataclass(frozen=True)
class Scan:
    """A stack of rates at the edge: the level at the end [R], nan where it diverged, and the last loss."""

    arm: Arm
    found: Level
    end: np.ndarray
    loss: np.ndarray

    @property
    def there(self) -> np.ndarray:
        """The replicas that have been past 1 and train on."""
        return np.flatnonzero(np.isfinite(self.end) & (np.nanmax(self.found.ratio, 0) >= 1))

    @property
    def best(self) -> int:
        """Of those that get there, or else of all, the one with the lowest loss."""
        each = self.there if len(self.there) else np.arange(self.arm.R)
        return int(each[self.loss[each].argmin()])

    def between(self, s: Setting) -> tuple[float, ...]:
        """Factors between the largest rate that trains and the smallest that does not."""
        lr, lost = self.arm.knob("lr"), ~np.isfinite(self.loss)
        if lost.all() or not lost.any() or lr[~lost].max() > lr[lost].min():
            return ()
        rates = np.geomspace(lr[~lost].max(), lr[lost].min(), CLOSER + 2)[1:-1]
        return tuple((rates / s.lr).tolist())


def scan(s: Setting, base: Recipe, factors: tuple[float, ...]) -> Scan:
    (arm,) = s.run(s.on(base, factors)).arms.values()
    found, loss = level(s, arm), ended(arm)
    late = found.ratio[found.steps >= 0.75 * arm.program.steps]
    end = np.where(np.isfinite(loss), late.mean(0) if len(late) else np.nan, np.nan)
    return Scan(arm, found, end, loss)


def at_the_edge(s: Setting, base: Recipe = edge.DIGITS) -> Row:
    """Whether the sharpness rises to the threshold and stays; shown is, of the rates that get there, the
    one with the lowest loss. Where none does, some closer to the first that diverges are tried too.
    """
    first = shown = scan(s, base, WIDE)
    if not len(first.there) and (closer := first.between(s)):
        shown = scan(s, base, closer)
    mine, best, there = WIDE.index(1.0), shown.best, len(shown.there)
    lr, end = float(shown.arm.knob("lr")[best]), shown.end[best]
    said = f"{shown.found.of}: at {at_rate(s.lr)} {_end(first, mine)}"
    if shown is not first or best != mine:
        said += f"; best of the scan that {'gets there' if there else 'trains'}, {at_rate(lr)}:"
        said += f" {_end(shown, best)}"
    holds = None
    if shown.found.own:
        above = ABOVE if "effective_sharpness" in shown.arm.record.columns else NEAR
        holds = bool(there and -NEAR < end - 1 < above)
    elif not there and not np.isfinite(first.loss).any():
        holds = False
    figures = {"level": step(end), "lr": lr, "level_at_own_lr": step(first.end[mine]),
               "last_loss": step(shown.loss[best])}  # fmt: skip
    pairs = [(first, mine)] + [(shown, best)] * (shown is not first or best != mine)
    drawn = []
    for which, r in pairs:
        name = at_rate(which.arm.knob("lr")[r])
        drawn.append((0, line(name, which.arm, "ratio", r, which.found.ratio[:, r])))
        drawn.append((3, line(name, which.arm, "train_loss", r)))
    return row(s, "edge", holds, said, figures, drawn)


def _end(which: Scan, r: int) -> str:
    """What became of a replica."""
    arm, found = which.arm, which.found
    if r in arm.diverged:
        return f"it diverges at step {arm.diverged[r]}"
    highest = np.nanmax(found.ratio[:, r])
    if highest < 1:
        return f"it is at most {highest:.2f} in {arm.program.steps} steps"
    crossed = int(found.steps[np.argmax(found.ratio[:, r] >= 1)])
    return f"it is past 1 at step {crossed} and settles at {which.end[r]:.2f}"


def hump(s: Setting, base: Recipe = edge.PRESETS["cross-entropy"].recipe) -> Row:
    """With cross-entropy: how far the sharpness rises, and falls again; shown is the lowest loss."""
    (arm,) = s.run(s.on(base, FEW)).arms.values()
    loss, lr, (steps, sharpness) = ended(arm), arm.knob("lr"), arm.record["sharpness"]
    if not np.isfinite(loss).any():
        return row(s, "hump", False, f"it diverges at {rates(lr)}", {"rise": None, "fall": None})
    best = int(loss.argmin())
    top = int(sharpness[:, best].argmax())
    rise, fall = (
        sharpness[top, best] / sharpness[0, best],
        sharpness[-1, best] / sharpness[top, best],
    )
    said = (f"at {at_rate(lr[best])}, the lowest loss of {rates(lr)}: the sharpness rises {rise:.3g}-fold by"
            f" step {steps[top]} and ends at {fall:.2g} of that")  # fmt: skip
    holds = bool(rise > RISE and fall < FALL)
    figures: dict[str, float | None] = {
        "rise": float(rise),
        "fall": float(fall),
        "lr": float(lr[best]),
    }
    return row(s, "hump", holds, said, figures)


def warm_up(s: Setting, base: Recipe = warmup.PRESETS["warmup"].recipe) -> Row:
    """The largest learning rate of the scan that trains the badly scaled net, with and without."""
    factors = (1 / 64, 1 / 16, *UP)
    recipe = s.on(base, factors).set({"probes": (), "steps": 300})
    largest: list[float] = []
    for arm in s.run(recipe).arms.values():
        first = arm.record["train_loss"][1][0]
        good = arm.knob("lr")[ended(arm) < TRAINED * first]
        largest.append(float(good.max()) if len(good) else np.nan)
    without, with_ = (f"{v:.3g}" if np.isfinite(v) else "none" for v in largest)
    said = (f"largest learning rate of {rates(s.rates(factors))} that trains to {TRAINED:g} of the first"
            f" loss in {recipe.steps} steps: {without} without warm-up, {with_} with it")  # fmt: skip
    a, b = largest
    gains = None if not np.isfinite(b) else bool(not np.isfinite(a) or b > a)
    figures = {"without": step(a), "with": step(b)}
    return row(s, "warmup", gains, said, figures)


# ---- grokking


def groks(s: Setting, base: Recipe = grok.MODULAR, steps: int = 1200) -> Row:
    """Whether, and when, it generalises; with its own weight decay, and with the lab's. The lab's AdamW
    trains beside it.
    """
    base = base.set({"steps": steps, "probes": (("accuracy", 10),)})
    others = {"weight_decay": _decays(s)} if s.has("weight_decay") else {}
    (arm,) = s.run(s.on(base, LARGER, **others)).arms.values()
    (reference,) = finished(base).arms.values()
    (memorised, grokked), lr = grok.times(arm), arm.knob("lr")
    theirs = float(grok.times(reference)[1][0])
    said = f"{_first(arm, memorised, 'memorises')}; {_first(arm, grokked, 'groks')}; AdamW (lr"
    said += f" {base.optimizer.lr:g}, decay {DECAY:g}) {when(theirs, 'groks', steps)}"
    best = int(grokked.argmin() if np.isfinite(grokked).any() else memorised.argmin())
    figures = {"memorised": step(memorised.min()), "grokked": step(grokked.min()), "lr": float(lr[best]),
               "adamw_grokked": step(theirs)}  # fmt: skip
    if others:
        figures["weight_decay"] = float(arm.knob("weight_decay")[best])
    own = line(f"{s.optimizer.label}, {at_rate(lr[best])}", arm, "test_accuracy", best)
    lines = [(1, own), (1, line("AdamW, the lab's", reference, "test_accuracy", 0))]
    return row(s, "grokking", bool(np.isfinite(grokked).any()), said, figures, lines)


def _decays(s: Setting) -> tuple[float, ...]:
    """Its own weight decay; where that is 0 also the lab's, and twice that."""
    own = float(s.optimizer.weight_decay)
    return (own, DECAY, 2 * DECAY) if own == 0 else (own,)


def _first(arm: Arm, at: np.ndarray, verb: str) -> str:
    """Which replica is the first to do something, and when."""
    r = int(at.argmin())
    where = at_rate(arm.knob("lr")[r])
    if "weight_decay" in arm.program.flat():
        where += f", weight decay {arm.knob('weight_decay')[r]:g}"
    did = when(at[r], verb, arm.program.steps)
    return f"{did} ({where})" if np.isfinite(at[r]) else did
