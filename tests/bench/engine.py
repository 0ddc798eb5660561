"""The engine against its peers: a plain PyTorch loop, SciPy's eigsh, and JAX where it is installed.

Every figure is a ratio of two rates measured in turn in this process, the median over rounds, since
the speed of a shared machine drifts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from lab_core.curvature import Product
from lab_core.devices import one_thread
from lab_core.objective import Objective
from lab_core.optimizers import GD
from lab_core.recipe import Recipe
from lab_core.run import Run

SIZES, N, LR = (12, 20, 20, 1), 20, 1e-3  # 701 parameters, 20 examples
RECIPE = Recipe().set(
    {"data": "clusters", "n": N, "dim": 12, "width": 20, "depth": 3, "dtype": "float32", "lr": LR,
     "probes": (), "steps": 10_000_000}
)  # fmt: skip


def rate(work: Callable[[int], object], n: int) -> float:
    """Units of work per second."""
    start = time.perf_counter()
    work(n)
    return n / (time.perf_counter() - start)


def ratio(ours: Callable[[int], object], n: int, peer: Callable[[int], object], m: int,
          rounds: int = 7) -> tuple[float, float, float]:  # fmt: skip
    """Median ratio of rates, and both median rates."""
    ours(n // 4), peer(m // 4)
    pairs = [(rate(ours, n), rate(peer, m)) for _ in range(rounds)]
    return (
        statistics.median(a / b for a, b in pairs),
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
    )


def scalar_target(replicas: int, probes: tuple[tuple[str, int], ...] = ()) -> Run:
    """A run on the bench's shapes: the clusters' inputs with one real target."""
    from lab_core import data

    class Bench(data.Clusters):
        classes = False

        def arrays(self, seed: int) -> data.Arrays:
            x, _, x_test, _ = super().arrays(seed)
            y = np.random.default_rng(seed).standard_normal((len(x), 1))
            return x, y, x_test, y[:0]

    recipe = RECIPE.set({"probes": probes, "init_seed": tuple(range(replicas))})
    bench = Bench(n=N, dim=12)
    return Run(Recipe(**{**vars(recipe), "data": bench}))


def sequential() -> tuple[Callable[[int], object], nn.Module, torch.Tensor, torch.Tensor]:
    """The peer: nn.Sequential, torch.optim.SGD, backward."""
    layers: list[nn.Module] = []
    for m, n in zip(SIZES, SIZES[1:], strict=False):
        layers += [nn.Linear(m, n), nn.Tanh()]
    net = nn.Sequential(*layers[:-1])
    x, y = torch.randn(N, SIZES[0]), torch.randn(N, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)

    def steps(k: int) -> None:
        for _ in range(k):
            optimizer.zero_grad()
            loss = 0.5 * (net(x) - y).square().sum(1).mean()
            loss.backward()
            optimizer.step()

    return steps, net, x, y


def eigsh_steps() -> Callable[[int], object]:
    """GD with the sharpness of every step from scipy.sparse.linalg.eigsh on double backward."""
    from scipy.sparse.linalg import LinearOperator, eigsh

    arm = scalar_target(1).arms[0]
    objective = Objective(arm.program.model, arm.program.loss, arm.x, arm.y, 1)

    def steps(k: int) -> None:
        w = arm.state.w.clone()
        for _ in range(k):
            hvp = objective.hvp(w)

            def product(v: np.ndarray, hvp: Product = hvp) -> np.ndarray:
                return hvp(torch.as_tensor(v, dtype=torch.float32).reshape(1, -1)).numpy().ravel()

            operator = LinearOperator((w.shape[1],) * 2, matvec=product, dtype=np.float32)
            eigsh(operator, k=1, which="LA", tol=1e-3, return_eigenvectors=False)
            w = GD(lr=LR).step(w, objective.gradient(w)[1], {}, arm.at)[0]

    return steps


def jax_steps(replicas: int) -> Callable[[int], object] | None:
    """jit(vmap(scan)) over replicas, nothing observed on the way; None where JAX is missing."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    key = jax.random.PRNGKey(0)
    x, y = jax.random.normal(key, (N, SIZES[0])), jax.random.normal(key, (N, 1))
    params = [
        (0.2 * jax.random.normal(key, (replicas, m, n)), jnp.zeros((replicas, n)))
        for m, n in zip(SIZES, SIZES[1:], strict=False)
    ]

    def loss(p):  # type: ignore[no-untyped-def]
        h = x
        for i, (w, b) in enumerate(p):
            h = h @ w + b
            h = jnp.tanh(h) if i < len(p) - 1 else h
        return 0.5 * ((h - y) ** 2).sum(1).mean()

    def step(p, _):  # type: ignore[no-untyped-def]
        g = jax.grad(loss)(p)
        return jax.tree.map(lambda a, b: a - LR * b, p, g), None

    chunk = 500
    go = jax.jit(jax.vmap(lambda p: jax.lax.scan(step, p, None, length=chunk)[0]))

    def steps(k: int) -> None:
        p = params
        for _ in range(max(1, k // chunk)):
            p = go(p)
        jax.block_until_ready(p)

    return steps


def main() -> None:
    one_thread()
    peer, *_ = sequential()
    one, many = scalar_target(1), scalar_target(64)
    r, a, b = ratio(lambda n: one.advance(n), 4000, peer, 1500)
    print(
        f"one replica of GD, 701 parameters: {r:.1f}x nn.Sequential (goal 3x); {a:,.0f} and {b:,.0f} steps/s"
    )
    r, a, b = ratio(lambda n: many.advance(n), 600, peer, 1500)
    print(f"64 replicas of it: {64 * r:.1f}x (goal 30x); {64 * a:,.0f} replica-steps/s")
    jax = jax_steps(64)
    if jax is None:
        print("64 replicas against JAX jit(vmap(scan)): JAX is not installed")
    else:
        r, a, b = ratio(lambda n: many.advance(n), 600, jax, 2000)
        print(f"64 replicas against JAX jit(vmap(scan)): {r:.2f}x (goal 1x)")
    sharp = scalar_target(1, (("sharpness", 1),))
    r, a, b = ratio(lambda n: sharp.advance(n), 400, eigsh_steps(), 12, rounds=5)
    print(
        f"sharpness at every step: {r:.1f}x eigsh (goal 5x); {a:,.0f} steps/s (indicative: 1,500)"
    )


if __name__ == "__main__":
    main()
