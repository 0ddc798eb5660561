"""Large learning rates (Andriushchenko et al. 2023): SGD, one example a step, fresh noise on its label.

A linear model written as b = u^2 - v^2 has 40 examples of a teacher that uses 3 of 100 inputs. The large
steps last for 0, 50, 200 or 1000 steps (arms 0 to 3); then the step size drops to a tenth and the noise
ends. The longer they last, the fewer weights are left, and the nearer is b to the teacher.
Change first: PHASES, then NOISE.
"""

import sys
import zlib

import numpy as np
import torch

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
N, D, LR, NOISE, PHASES = 40, 100, 0.04, 1.0, [0, 50, 200, 1000]
torch.set_default_dtype(torch.float64)
inputs = torch.tensor(np.random.default_rng(0).standard_normal((N + 1000, D)))
targets = inputs[:, :3].sum(1)
x, y, x_test, y_test = inputs[:N], targets[:N], inputs[N:], targets[N:]


def stream(*key):
    """A random stream with a name of its own."""
    return torch.Generator().manual_seed(zlib.crc32("/".join(map(str, key)).encode()))


print("step,arm,replica,parent_arm,lr,train_loss,teacher_error,nonzeros")
for arm, phase in enumerate(PHASES):
    u = v = torch.full((D,), 0.25)
    for t in range(STEPS):
        b, lr = u**2 - v**2, LR if t < phase else 0.1 * LR
        if t % 10 == 0:
            loss = 0.5 * (x @ b - y).square().mean()
            error = (x_test @ b - y_test).square().mean().sqrt()
            print(f"{t},{arm},0,,{lr},{loss.item()},{error.item()},{int((b.abs() > 0.05).sum())}")
        if t % N == 0:  # a new order of the examples
            order = torch.randperm(N, generator=stream("batch", 0, t // N))
        i = order[t % N]
        coin = (torch.rand(1, generator=stream("label noise", 0, t)) - 0.5).sign().item()
        residual = x[i] @ b - (y[i] + coin * NOISE * (t < phase))
        u, v = u - lr * residual * 2 * u * x[i], v + lr * residual * 2 * v * x[i]
