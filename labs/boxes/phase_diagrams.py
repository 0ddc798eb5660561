"""Phase diagrams (Lewkowycz et al. 2020): where a large first step lands, over two knobs.

A two-layer linear net f = u . v / sqrt(h), h = 64, on one point with target 0: L = f^2 / 2. Gradient descent
over the scale of the initial weights and the learning rate. Where lr S(0) < 2 it stays as sharp as it began;
up to 4 it is catapulted to where it is flatter; beyond, it diverges (an empty cell).
Change first: SCALES and RATES, the two axes.
"""

import sys
import zlib

import numpy as np
import torch

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
WIDTH = 64
SCALES = [float(f"{scale:.3g}") for scale in np.geomspace(0.5, 2, 16)]
RATES = [float(f"{lr:.3g}") for lr in np.geomspace(0.125, 8, 24)]
torch.set_default_dtype(torch.float64)


def normal(name):
    """Numbers from N(0, 1) of a random stream with a name of its own."""
    stream = torch.Generator().manual_seed(zlib.crc32(f"init/0/{name}".encode()))
    return torch.randn(WIDTH, generator=stream)


def sharpness(u, v, f):
    """The top eigenvalue of the Hessian of L: H = grad f grad f^T + f (0 I; I 0) / sqrt(h)."""
    g, eye = torch.cat([v, u]) / WIDTH**0.5, torch.eye(WIDTH)
    swap = torch.cat([torch.cat([0 * eye, eye]), torch.cat([eye, 0 * eye])], 1)
    return torch.linalg.eigvalsh(torch.outer(g, g) + f * swap / WIDTH**0.5)[-1].item()


print("init_scale,lr,first_sharpness,sharpness")
for scale in SCALES:
    for lr in RATES:
        u, v, found = scale * normal("weight1"), scale * normal("weight2"), []
        for t in range(STEPS):
            f = u @ v / WIDTH**0.5
            if not f**2 / 2 < 1e6:  # it has diverged
                found.append("")
                break
            if t % 50 == 0:
                found.append(sharpness(u, v, f))
            u, v = u - lr * f * v / WIDTH**0.5, v - lr * f * u / WIDTH**0.5
        print(f"{scale},{lr},{found[0]},{found[-1]}")
