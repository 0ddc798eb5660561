"""Double descent (Mei & Montanari 2019): least squares on N random ReLU features of 100 noisy examples.

w = (Phi^T Phi / n + ridge I)^-1 Phi^T y / n, or where the ridge is 0 the w of least norm that fits best. The
test error rises without bound where N comes to n = 100, the first model that fits every example, and falls
again to below all that came before; a ridge of 0.001 takes the peak away.
Change first: NOISE, then RIDGES.
"""

import sys
import zlib

import numpy as np
import torch

SEEDS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
EXAMPLES, D, NOISE, RIDGES = 100, 30, 0.4, [0.0, 1e-4, 1e-3, 1e-2]
WIDTHS = [3, 5, 10, 15, *range(20, 91, 10), *range(95, 111, 5), 120, 140, 170, *range(200, 301, 50)]
WIDTHS += [400, 500]
torch.set_default_dtype(torch.float64)


def examples(draw, n):
    """Inputs from N(0, I), and the linear function of them that is to be learnt."""
    x = draw.standard_normal((n, D))
    return torch.tensor(x), torch.tensor(x.sum(1) / D**0.5)


def directions(seed, block):
    """64 directions v_j, those of a block, from a random stream with a name of its own."""
    stream = torch.Generator().manual_seed(zlib.crc32(f"features/{seed}/{block}".encode()))
    return torch.randn(64, D, generator=stream)


x_test, y_test = examples(np.random.default_rng([D, 1]), 1000)
print("features,ridge,seed,train_error,test_error")
for seed in range(SEEDS):
    draw = np.random.default_rng(seed)
    x, y = examples(draw, EXAMPLES)
    y = y + NOISE * torch.tensor(draw.standard_normal(EXAMPLES))
    V = torch.cat([directions(seed, block) for block in range(8)])
    for width in WIDTHS:
        phi, phi_test = (torch.relu(a @ V[:width].T / D**0.5) / width**0.5 for a in (x, x_test))
        U, s, Vt = torch.linalg.svd(phi, full_matrices=False)
        for ridge in RIDGES:
            w = Vt.T @ (
                s / (s**2 + EXAMPLES * ridge) * (U.T @ y)
            )  # phi = U diag(s) Vt, all s above 0
            train, test = (phi @ w - y).square().mean(), (phi_test @ w - y_test).square().mean()
            print(f"{width},{ridge},{seed},{train.item()},{test.item()}")
