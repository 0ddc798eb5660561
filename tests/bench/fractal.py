"""The map of two learning rates against the same in JAX, jit(vmap(scan)): 256 x 256 nets of width 16 on
16 points, 500 steps, one thread each.

JAX has its threads kept to one by an environment variable that it reads as it is imported, so it runs
in a process of its own; it maps over chunks of nets, of the size that it is fastest at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import numpy as np

from lab_core.devices import one_thread
from lab_core.fractal import CAP, TAIL, Landscape
from lab_core.zooms import OVERVIEW, picture

LANDSCAPE, PIXELS = Landscape(width=16, points=16, steps=500), 256
ONE_THREAD = {"OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu",
              "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}  # fmt: skip
ALIKE = 0.995  # of the pixels: rounding decides those right at the border


def jax_picture(chunk: int = 64) -> tuple[float, list[bool]]:
    """Seconds, without compilation, and which nets train, row by row."""
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
        p, losses = jax.lax.scan(lambda p, _: step(p, rates), (W, v), None, LANDSCAPE.steps)
        ratio = jnp.where(jnp.isfinite(losses), jnp.minimum(losses / losses[0], CAP), CAP)
        return jnp.where(ratio[-TAIL:].mean() < 1, -ratio.sum(), (1 / ratio).sum())

    go = jax.jit(lambda rates: jax.lax.map(jax.vmap(speed), rates))
    at, up = OVERVIEW.axes(PIXELS)
    rates = 10.0 ** np.stack([np.tile(at, PIXELS), np.repeat(up, PIXELS)], 1)
    rates = jnp.asarray(rates.reshape(-1, chunk, 2))
    compiled = go.lower(rates).compile()
    start = time.perf_counter()
    speeds = np.asarray(compiled(rates))
    return time.perf_counter() - start, (speeds.ravel() < 0).tolist()


def in_jax() -> tuple[float, np.ndarray] | None:
    """The same from a process of its own; None where JAX is missing."""
    code = (
        "import json; from tests.bench.fractal import jax_picture; print(json.dumps(jax_picture()))"
    )
    if subprocess.run([sys.executable, "-c", "import jax"], capture_output=True).returncode:
        return None
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | ONE_THREAD, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    seconds, trains = json.loads(done.stdout.splitlines()[-1])
    return seconds, np.array(trains).reshape(PIXELS, PIXELS)


def main() -> None:
    one_thread()
    start = time.perf_counter()
    frame = picture(LANDSCAPE, OVERVIEW, PIXELS)
    seconds = time.perf_counter() - start
    what = (
        f"fractal boundary, {PIXELS} x {PIXELS} pixels x {LANDSCAPE.steps} steps: {seconds:.0f} s"
    )
    found = in_jax()
    if found is None:
        print(f"{what}; against JAX jit(vmap(scan)): JAX is not installed")
        return
    peer, trains = found
    alike = float(((frame.speeds < 0) == trains).mean())
    if alike < ALIKE:
        raise AssertionError(
            f"{what}; JAX computes another picture: {alike:.4f} of the pixels alike"
        )
    print(f"{what}, {peer / seconds:.2f}x JAX jit(vmap(scan)) (goal 1x), on one thread each;"
          f" {alike:.2%} of the pixels alike")  # fmt: skip


if __name__ == "__main__":
    main()
