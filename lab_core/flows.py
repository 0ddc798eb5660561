"""The ghosts of gradient descent: its gradient flow and its central flow, computed beside an arm.

Gradient descent is often read as a flow in small steps. Beside the arm one sees up to where it is
that flow, the edge of stability, and what flow it is from there on.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from lab_core import curvature
from lab_core.arm import Arm
from lab_core.knobs import BadInput
from lab_core.models import stream
from lab_core.objective import Objective
from lab_core.optimizers import GD, Filter
from lab_core.record import Record

EVERY = 10  # steps between two rows of the record
STIFF = 1.0  # curvature times substep, at most; the curvature may grow until it is measured again
SUBSTEPS = 200  # of a step, at most: more would hold up the thread
NEAR = 0.85  # of the threshold: from here on the curvature is looked at in every step
TAKES_PART = 0.999  # of the threshold: an eigenvector from here on may oscillate
DIRECTIONS = 8  # that oscillate, at most
FALL = 0.05  # of the threshold: how much of a curvature above it a step takes away


class Flow:
    """A continuous path beside an arm of gradient descent, for its whole stack of replicas.

    A step of the arm takes the time lr m, with the learning rate and the schedule's multiplier that
    are in force there. The path begins where the arm did and runs on the whole training set; weight
    decay adds decay * w to the gradient. It only reads the arm, so that one thread may call
    `advance` while another trains.

    record: `train_loss` L, `sharpness` S, `ratio` = S / (2 / (lr m) - decay), `weight_norm` and
    `time`, the sum of lr m, at the arm's first step and every `EVERY` steps; and `distance` =
    |w_arm - w| / |w_arm - w_start| where the arm has a snapshot. nan for a replica that stopped.

    Raises BadInput beside another optimizer, or a filter.
    """

    label: ClassVar[str]
    predicts: ClassVar[str]

    def __init__(self, arm: Arm):
        self._refuse(arm)
        self.arm, self.record, self.t = arm, Record(arm.R), arm.first
        first = arm.snapshots.before(arm.first)
        self.start, self.w, self.time = first.w, first.w, first.time
        self.alive = torch.ones(arm.R, dtype=torch.bool, device=self.w.device)
        self.stopped: dict[int, str] = {}  # replica -> why
        # one of its own: the arm's has scratch buffers, which another thread is using
        self.objective = arm.start.objective(arm.start.loss(arm.recipes))
        self.k = 1  # eigenvectors that are followed, beside a runner-up
        self.vectors = self._random(2)
        self.sharpness = self.w.new_zeros(arm.R)  # as last seen

    def _refuse(self, arm: Arm) -> None:
        if type(arm.recipes[0].optimizer) is not GD or type(arm.filter) is not Filter:
            raise BadInput(
                f"ghost: the {self.label} is defined beside gradient descent; choose optimizer=gd"
                " and filter=none."
            )

    @property
    def ended(self) -> str:
        """Why no replica can go on, in a sentence; empty while one can."""
        return next(iter(self.stopped.values())) if len(self.stopped) == self.arm.R else ""

    def advance(self, n: int) -> bool:
        """Go on by n of the arm's steps, or up to where the arm stands; True if it moved."""
        begin, end = self.t, min(self.t + n, self.arm.t)
        with torch.inference_mode():
            while self.t < end and not self.ended:
                self._step()
        self._go_with_the_arm()
        return self.t > begin

    def _step(self) -> None:
        gd = self._settings()
        self._go_with_the_arm()
        self._measure(gd)
        w = self._finite(self._moved(gd))
        passed = torch.as_tensor(gd.lr)[:, 0].cpu().double() * self.alive.cpu()
        self.w, self.t, self.time = w, self.t + 1, self.time + passed

    def _moved(self, gd: GD) -> Tensor:
        """w [R, P] one step of the arm later."""
        raise NotImplementedError

    def _settings(self) -> GD:
        """What the arm takes step t with; lr, times the multiplier, and decay are [R, 1]."""
        recipes = self.arm.recipes_at(self.t)
        m = recipes[0].schedule(self.t, recipes[0].steps)
        lr = self.w.new_tensor([r.optimizer.lr * m for r in recipes])
        decay = self.w.new_tensor([r.optimizer.weight_decay for r in recipes])
        return GD(lr=lr[:, None], weight_decay=decay[:, None])

    def _stop(self, which: Tensor, why: str) -> None:
        for r in (which & self.alive).nonzero().flatten().tolist():
            self.stopped[r] = f"The {self.label} of replica {r} ends at step {self.t}: {why}."
        self.alive = self.alive & ~which

    def _finite(self, w: Tensor) -> Tensor:
        """The next weights, of a replica that is stopped the last ones."""
        self._stop(~w.isfinite().all(1), "it is not finite any more")
        return torch.where(self.alive[:, None], w, self.w)

    def _go_with_the_arm(self) -> None:
        gone = [self.arm.diverged.get(r, self.t + 1) <= self.t for r in range(self.arm.R)]
        self._stop(torch.tensor(gone, device=self.w.device), "gradient descent diverged")

    def slope(self, gd: GD, w: Tensor) -> Tensor:
        """grad L + decay w, [R, P]."""
        return gd.decayed(w, self.objective.gradient(w)[1])

    # ---- measuring

    def _measure(self, gd: GD) -> None:
        if self.t % EVERY == 0 or self.t == self.arm.first:
            self.sharpness = self.top(self.w)[0][:, 0]
            self._write("train_loss", self.objective.loss(self.w))
            self._write("sharpness", self.sharpness)
            self._write("ratio", self.sharpness / threshold(gd)[:, 0])
            self._write("weight_norm", self.w.norm(dim=1))
            self._write("time", self.time)
        there = self.arm.snapshots.at(self.t)
        if there is not None:
            way = (there.w - self.start).norm(dim=1).clamp_min(torch.finfo(self.w.dtype).tiny)
            self._write("distance", (there.w - self.w).norm(dim=1) / way)

    def _write(self, name: str, values: Tensor) -> None:
        row = torch.where(self.alive.cpu(), values.cpu().double(), torch.nan)
        self.record.extend(name, self.t, row.numpy())

    def top(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The `k` top eigenvalues of H(w) and a runner-up, [R, k + 1], and vectors [R, k + 1, P]."""
        product, alive = self.objective.hvp(w), self.alive[:, None]
        more = self.k + 1 - self.vectors.shape[1]
        if more > 0:
            self.vectors = torch.cat([self.vectors, self._random(more)], 1)
        # a stopped replica counts as flat, so that the others do not wait for it
        living, start = lambda v: torch.where(alive, product(v), 0.0), self.vectors[:, : self.k + 1]
        values, self.vectors, _ = curvature.top(living, start, self.k)
        return values, self.vectors

    def _random(self, m: int) -> Tensor:
        """Gaussians [R, m, P] to start from, the same for every replica."""
        shape, source = (m, self.w.shape[1]), stream("ghost", self.k)
        rows = torch.randn(shape, generator=source, dtype=torch.float64)
        return rows.to(self.w).expand(self.arm.R, -1, -1)


class GradientFlow(Flow):
    """dw/dt = -(grad L + decay w).

    By Runge-Kutta 4 (Kutta 1901) in equal substeps h with h S <= `STIFF`. That method has an edge
    of stability of its own, at h S = 2.785; with substeps as long as the arm's its sharpness would
    settle there, at 1.39 of the threshold, and look as if the flow had one.
    """

    label = "gradient flow"
    predicts = (
        "Gradient descent in infinitely small steps: nothing holds its sharpness at 2/lr, so it"
        " parts from the run where the run meets the edge of stability."
    )

    def _moved(self, gd: GD) -> Tensor:
        needed = ((self.sharpness[:, None] + gd.weight_decay) * gd.lr / STIFF).ceil()[:, 0]
        self._stop(
            ~(needed <= SUBSTEPS), f"a step of the arm takes more than {SUBSTEPS} of its own"
        )
        n = max(1, int(torch.where(self.alive, needed, 1).max()))
        w, h = self.w, -gd.lr / n
        for _ in range(n):
            a = self.slope(gd, w)
            b = self.slope(gd, w + h / 2 * a)
            c = self.slope(gd, w + h / 2 * b)
            d = self.slope(gd, w + h * c)
            w = w + h / 6 * (a + 2 * (b + c) + d)
        return w


class CentralFlow(Flow):
    """dw/dt = -(grad L + decay w + 1/2 grad <Sigma, H(w)>) (Cohen, Damian, Talwalkar, Kolter, Lee
    2024, "Understanding Optimization in Deep Learning with Central Flows").

    Sigma [P, P] is the covariance with which gradient descent oscillates about its mean: U X U^T,
    with U the eigenvectors at the threshold and X >= 0 just as large as it takes that no eigenvalue
    of H + decay passes 2/lr. Here a step flows and then pushes back what has
    passed the threshold (Moreau's catching-up, 1977), with lr X from `push`; for one direction u
    lr X = max(0, 2 (S - 2/lr) / |grad S|^2) with S and grad S = grad u^T H u after the flow.

    The flow is taken in Euler steps as long as the arm's. So it is gradient descent itself until
    the first push, and what parts it from the arm afterwards is the oscillation, not that the arm's
    steps are long, which in these nets moves it further than the oscillation does (Runge-Kutta 4
    and the same push: a distance of 0.09 to 0.11 instead of 0.003 to 0.008 on digits, lr 0.25, step
    1472). Beside minibatches it is refused: their noise adds to Sigma.
    """

    label = "central flow"
    predicts = (
        "Gradient descent without its oscillation, whose mean effect is put in its place: a push"
        " towards lower sharpness, just enough to stay at 2/lr."
    )

    def _refuse(self, arm: Arm) -> None:
        super()._refuse(arm)
        if arm.noisy:
            what = "batch_size=0" if arm.sampled else "a model and a loss that draw nothing"
            raise BadInput(f"ghost: the {self.label} is defined beside full batches; set {what}.")

    def _moved(self, gd: GD) -> Tensor:
        sampled = 0 < self.arm.recipes_at(self.t)[0].batch_size < self.arm.N
        self._stop(torch.full_like(self.alive, sampled), "the arm goes on in minibatches")
        w = self._finite(self.w - gd.lr * self.slope(gd, self.w))
        if not bool((self.sharpness >= NEAR * threshold(gd)[:, 0])[self.alive].any()):
            return w
        values, vectors = self._at_the_edge(w, TAKES_PART * threshold(gd))
        self.sharpness = values[:, 0]
        k = int((values >= TAKES_PART * threshold(gd)).sum(1).max())
        if not k:
            return w
        excess = torch.minimum(values[:, :k] - threshold(gd), FALL * threshold(gd))
        return w - push(turning(self.objective, w, vectors[:, :k]), excess)

    def _at_the_edge(self, w: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
        """`top`, with as many eigenpairs as there are at or above `least` [R, 1]."""
        while True:
            values, vectors = self.top(w)
            count = (values >= least).sum(1)  # those of a stopped replica are 0
            self._stop(count > DIRECTIONS, f"more than {DIRECTIONS} directions are unstable")
            most, had = int(torch.where(self.alive, count, 0).max()), self.k
            self.k = max(1, most)
            if most <= had:
                return torch.where(self.alive[:, None], values, 0.0).nan_to_num(0.0), vectors


def threshold(gd: GD) -> Tensor:
    """2 / lr - decay, [R, 1]."""
    return gd.stability_threshold()  # type: ignore[return-value]


def turning(objective: Objective, w: Tensor, U: Tensor) -> Tensor:
    """T [R, k, k, P], T_ij = grad of u_i^T H(w) u_j at fixed U [R, k, P].

    A central difference of Hessian-vector products, (H(w + e u_i) u_j - H(w - e u_i) u_j) / 2e: right
    to about e^2 in the units of w, and to the machine's precision over e. Needs |u_i| = 1.
    """
    k, e = U.shape[1], torch.finfo(w.dtype).eps ** (1 / 3)
    T = w.new_empty(len(w), k, k, w.shape[1])
    for i in range(k):
        sides = []
        for sign in (e, -e):
            product = objective.hvp(w + sign * U[:, i])
            sides.append(torch.stack([product(U[:, j]) for j in range(i + 1)], 1))
        T[:, i, : i + 1] = T[:, : i + 1, i] = (sides[0] - sides[1]) / (2 * e)
    return T


def push(T: Tensor, excess: Tensor) -> Tensor:
    """The displacement 1/2 sum_ij X_ij T_ij [R, P] against an excess of curvature [R, k].

    It lets U^T H U fall by at least diag(excess), to first order, and no further than it must.
    """
    T = torch.where(T.isfinite(), T, 0.0)  # of a replica whose curvature overflows: no push
    return 0.5 * torch.einsum("rij,rijp->rp", covariance(T.cpu(), excess.cpu()).to(T), T)


def covariance(T: Tensor, excess: Tensor, tol: float = 1e-6, most: int = 500) -> Tensor:
    """X [R, k, k] >= 0 of least 1/4 |sum X_ij T_ij|^2 - sum excess_i X_ii.

    Its condition of optimality is the complementarity that defines Sigma: with what is left of the
    excess, Y = 1/2 <T, sum X_ij T_ij> - diag(excess), X >= 0, Y >= 0 and <X, Y> = 0. By projected
    gradient with Nesterov's momentum and restarts (O'Donoghue & Candes 2015); exact in one turn
    where k = 1.
    """
    flat, E = T.double().flatten(1, 2), torch.diag_embed(excess.double())
    G = 0.5 * flat @ flat.mT
    steep = torch.linalg.eigvalsh(G)[:, -1].clamp_min(1e-100)[:, None, None]
    X = Y = torch.zeros_like(E)
    turn = 0
    for _ in range(most):
        down = E - (G @ Y.reshape(*G.shape[:2], 1)).view_as(E)
        values, V = torch.linalg.eigh(Y + down / steep)
        new = (V * values.clamp_min(0)[:, None]) @ V.mT
        moved = new - X
        if bool((moved.norm(dim=(1, 2)) <= tol * new.norm(dim=(1, 2))).all()):
            break
        turn = 0 if bool((((Y - new) * moved).sum((1, 2)) > 0).any()) else turn + 1
        X, Y = new, new + turn / (turn + 3) * moved
    return new


FLOWS: dict[str, type[Flow]] = {"gradient-flow": GradientFlow, "central-flow": CentralFlow}
