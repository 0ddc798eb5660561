"""The map of two learning rates against the same in JAX, jit(vmap(scan)): 256 x 256 nets of width 16 on
16 points, 500 steps, one thread each, strip by strip in turn, for the speed of a shared machine drifts.

JAX reads how many threads it may have as it is imported, so it has a process of its own. It maps over
chunks of 64 nets, of which it is fastest; all in one vmap take it more than twice as long.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from lab_core.devices import one_thread
from lab_core.fractal import CAP, TAIL, Landscape
from lab_core.zooms import OVERVIEW

LANDSCAPE, PIXELS, STRIPS, CHUNK = Landscape(width=16, points=16, steps=500), 256, 8, 64
ONE_THREAD = {"OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu",
              "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}  # fmt: skip
ALIKE = 0.995  # of the pixels: rounding decides those right at the border


def strip(k: int) -> tuple[np.ndarray, np.ndarray]:
    """The log10 learning rates of the nets of strip k."""
    x, y = OVERVIEW.axes(PIXELS)
    rows = y[k * PIXELS // STRIPS : (k + 1) * PIXELS // STRIPS]
    return np.tile(x, len(rows)), np.repeat(rows, PIXELS)


def ours(k: int) -> np.ndarray:
    x, y = strip(k)
    parts = range(0, len(x), LANDSCAPE.stack)
    stacks = (slice(i, i + LANDSCAPE.stack) for i in parts)
    return np.concatenate([LANDSCAPE.speeds(x[some], y[some]) for some in stacks])


def jax_strips() -> Callable[[int], np.ndarray]:
    """The same in JAX, compiled."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    W, v, x, y = (jnp.asarray(each.numpy()) for each in LANDSCAPE.drawn())
    h, d = W.shape

    def loss(p):  # type: ignore[no-untyped-def]
        f = jnp.tanh(jnp.sqrt(2 / d) * x @ p[0].T) @ p[1] / h
        return jnp.mean((f - y) ** 2)

    def step(p, rates):  # type: ignore[no-untyped-def]
        now, g = jax.value_and_grad(loss)(p)
        return tuple(w - rate * gw for w, rate, gw in zip(p, rates, g, strict=True)), now

    def speed(rates):  # type: ignore[no-untyped-def]
        _, losses = jax.lax.scan(lambda p, _: step(p, rates), (W, v), None, LANDSCAPE.steps)
        ratio = jnp.where(jnp.isfinite(losses), jnp.minimum(losses / losses[0], CAP), CAP)
        return jnp.where(ratio[-TAIL:].mean() < 1, -ratio.sum(), (1 / ratio).sum())

    go = jax.jit(lambda rates: jax.lax.map(jax.vmap(speed), rates))

    def rates(k: int):  # type: ignore[no-untyped-def]
        return jnp.asarray(10.0 ** np.stack(strip(k), 1).reshape(-1, CHUNK, 2))

    compiled = go.lower(rates(0)).compile()
    return lambda k: np.asarray(compiled(rates(k))).ravel()


def serve_jax() -> None:
    """Answer each number of a strip with the seconds that it takes and which of its nets train."""
    work = jax_strips()
    for line in sys.stdin:
        seconds, speeds = timed(work, int(line))
        print(json.dumps([seconds, (speeds < 0).tolist()]), flush=True)


def timed(work: Callable[[int], np.ndarray], k: int) -> tuple[float, np.ndarray]:
    start = time.perf_counter()
    speeds = work(k)
    return time.perf_counter() - start, speeds


def against_jax() -> tuple[float, float, float]:
    """Seconds of ours and of JAX, and the share of the pixels that are alike."""
    code = "from tests.bench.fractal import serve_jax; serve_jax()"
    took, alike = np.zeros(2), []
    with subprocess.Popen([sys.executable, "-c", code], env=os.environ | ONE_THREAD, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as peer:  # fmt: skip
        assert peer.stdin and peer.stdout
        for k in range(STRIPS):
            seconds, speeds = timed(ours, k)
            print(k, file=peer.stdin, flush=True)
            theirs, trains = json.loads(peer.stdout.readline())
            took += seconds, theirs
            alike.append(((speeds < 0) == trains).mean())
        peer.stdin.close()
    return took[0], took[1], float(np.mean(alike))


def main() -> None:
    one_thread()
    what = f"fractal boundary, {PIXELS} x {PIXELS} pixels x {LANDSCAPE.steps} steps"
    if subprocess.run([sys.executable, "-c", "import jax"], capture_output=True).returncode:
        seconds = sum(timed(ours, k)[0] for k in range(STRIPS))
        print(f"{what}: {seconds:.0f} s; against JAX jit(vmap(scan)): JAX is not installed")
        return
    seconds, peer, alike = against_jax()
    if alike < ALIKE:
        raise AssertionError(f"{what}: JAX computes another picture, {alike:.2%} of it alike")
    print(f"{what}: {peer / seconds:.2f}x JAX jit(vmap(scan)) (goal 1x), {seconds:.0f} and {peer:.0f} s"
          f" on one thread each; {alike:.2%} of the pixels alike")  # fmt: skip


if __name__ == "__main__":
    main()
