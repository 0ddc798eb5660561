"""Where gradient descent on a small net trains, over the learning rates of its two layers.

After Sohl-Dickstein (2024), The boundary of neural network trainability is fractal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lab_core.knobs import check, knob
from lab_core.models import stream

CAP = 1e6  # of L_t / L_0, which counts no more than that
TAIL = 20  # last steps, whose mean L_t / L_0 < 1 is what training means
NUMBERS = 2**17  # in a stack's layer: a few of these stay in the cache of a core
MOST = 4096  # nets in a stack
LOOK = 16  # steps between two looks at which nets are past all return
COST = (
    2.3e-8,
    4.5e-9,
    2.4e-10,
)  # s, of a step: for each net, each tanh, each multiply-add; one core


@dataclass(frozen=True)
class Landscape:
    """f(x) = v.tanh(sqrt(2/d) W x) / h with h = d = `width` (the mean field of the paper's code), on
    `points` examples, all of W, v, x and y from N(0, 1) by the seed; L = mean (f - y)^2; W and v have a
    learning rate each; full batch, float64. Raises BadInput for a number outside its domain.

    The paper has as many points as weights (272 at width 16).
    """

    seed: int = knob(0, 0, 20, domain="[0, inf)", label="seed")
    width: int = knob(4, 2, 16, domain="[1, 32]", label="width", help="hidden units, and inputs")
    points: int = knob(4, 2, 16, domain="[1, 64]", label="points", help="training examples")
    steps: int = knob(
        300, 50, 2000, log=True, domain="[20, 10000]", label="steps",
        help="of gradient descent; the deeper the zoom, the more it takes to see its boundary",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)

    def drawn(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """W [h, d], v [h], x [n, d] and y [n]."""
        h, n = self.width, self.points
        shapes: dict[str, tuple[int, ...]] = {"W": (h, h), "v": (h,), "x": (n, h), "y": (n,)}
        W, v, x, y = (
            torch.randn(shape, generator=stream("fractal", self.seed, name), dtype=torch.float64)
            for name, shape in shapes.items()
        )
        return W, v, x, y

    @property
    def stack(self) -> int:
        """How many nets are trained together."""
        return max(1, min(MOST, NUMBERS // (self.width * self.points)))

    def seconds(self, nets: int) -> float:
        """About how long so many take on one core."""
        cells = self.width * self.points
        each = COST[0] + cells * (COST[1] + COST[2] * self.points)
        return nets * self.steps * each

    @property
    def memory(self) -> int:
        """Bytes of a stack, about."""
        return 8 * 3 * self.width * self.points * self.stack

    def speeds(
        self, x: np.ndarray, y: np.ndarray, going: Callable[[], bool] = lambda: True
    ) -> np.ndarray:
        """Of nets with log10 learning rates x [P] of W and y [P] of v, how they train [P]; best no more
        than `stack` of them. All nan if it was not `going` on any more.

        Below 0: it trains, and the number is -sum_t L_t / L_0, so the nearer to 0 the faster. Above
        0: it does not, and the number is sum_t L_0 / L_t, so the nearer to 0 the faster it diverges.
        L_t / L_0 counts as 1e6 where it is more; training is a mean below 1 over the last 20 steps.
        """
        rate1, rate2 = (torch.as_tensor(10.0 ** np.asarray(each, float)) for each in (x, y))
        return _speeds(self, rate1, rate2, going).numpy()


def _speeds(
    landscape: Landscape, rate1: Tensor, rate2: Tensor, going: Callable[[], bool]
) -> Tensor:
    """Train one stack; its sums over the steps as `Landscape.speeds` says."""
    stack, T = _Stack(landscape, rate1, rate2), landscape.steps
    place, out = torch.arange(len(rate1)), torch.empty_like(rate1)
    total, inverse, tail = torch.zeros(3, len(rate1), dtype=torch.float64)
    first, one, cap = None, rate1.new_ones(()), rate1.new_tensor(CAP)
    for left in reversed(range(T)):
        loss = stack.step()
        first = loss[:1].clone() if first is None else first  # the same for all of them
        ratio = torch.fmin(loss / first, cap)  # nan, too, counts as no more than that
        total += ratio
        inverse.addcdiv_(one, ratio)
        if left < TAIL:
            tail += ratio
        if left % LOOK == 0 and not going():
            return torch.full_like(out, math.nan)
        if left and left % LOOK == 0 and (kept := stack.drop(loss)) is not None:
            out[place[~kept]] = inverse[~kept] + left / CAP
            place, total, inverse, tail = (each[kept] for each in (place, total, inverse, tail))
    out[place] = torch.where(tail < TAIL, -total, inverse)
    return out


class _Stack:
    """B nets in the space of their values: u = 2 sqrt(2/d) W x [h, n, B], of which s = sigmoid(u) makes
    tanh = 2 s - 1 and 4 s (1 - s) its derivative, at less than half of tanh's cost and to the same
    precision. With r = (f - y) h / 2 = sum_i s_i v_i - sum_i v_i / 2 - y h / 2 [n, B], a step of W moves
    u by -rate1 (64 / (d n h^2)) (r_j v_i s_ij (1 - s_ij)) x x^T.
    """

    def __init__(self, landscape: Landscape, rate1: Tensor, rate2: Tensor) -> None:
        W, v, x, y = landscape.drawn()
        (h, d), n, B = W.shape, len(x), len(rate1)
        self.rate1, self.rate2, self.y = rate1, rate2, (y * h / 2).unsqueeze(1)
        u = 2 * math.sqrt(2 / d) * (W @ x.T)
        self.u = u.unsqueeze(2).expand(h, n, B).contiguous()
        self.v = v.unsqueeze(1).expand(h, B).contiguous()
        self.kernel = (x @ x.T * (-64 / (d * n * h * h))).expand(h, n, n)
        self._room = torch.empty(2, h * n * B, dtype=torch.float64)

    def step(self) -> Tensor:
        """Take a step; n h^2 / 4 times the losses [B] before it."""
        h, n, B = self.u.shape
        s, p = self._room[:, : h * n * B].view(2, h, n, B)
        torch.sigmoid(self.u, out=s)
        torch.mul(s, self.v.unsqueeze(1), out=p)
        r = p.sum(0).sub_(torch.add(self.y, self.v.sum(0), alpha=0.5))
        torch.mul(s, r, out=p)
        slope = p.sum(1)
        p.addcmul_(p, s, value=-1).mul_((self.v * self.rate1).unsqueeze(1))
        self.v.addcmul_(slope, self.rate2, value=-8 / (n * h * h))
        self.v.addcmul_(r.sum(0), self.rate2, value=4 / (n * h * h))
        self.u.baddbmm_(self.kernel, p)
        return r.square_().sum(0)

    def drop(self, loss: Tensor) -> Tensor | None:
        """Leave out nets whose losses [B] have overflown, for none comes back from there; which are kept
        [B], or None where it is not worth the copy.
        """
        kept = torch.isfinite(loss)
        if 8 * int(kept.sum()) > 7 * len(kept):
            return None
        self.u, self.v = self.u[:, :, kept], self.v[:, kept]
        self.rate1, self.rate2 = self.rate1[kept], self.rate2[kept]
        return kept
