"""Curvature and warm-up (Gilmer et al. 2022): gradient descent whose learning rate goes up to lr by steps.

A deep ReLU net, initialised too large, has a sharpness in the thousands, where lr = 0.1 allows 2/lr = 20:
it diverges at once (arm 0). With a warm-up, lr_t = lr min(1, (t + 1) / 200), the sharpness comes down
before the rate has gone up (arm 1).
Change first: WARMUPS. Then the 2.0 that the initial weights are scaled by.
"""

import sys
import zlib

import numpy as np
import torch
from sklearn.datasets import load_digits

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 600
LR, WARMUPS, LAYERS = 0.1, [1, 200], [(64, 32), (32, 32), (32, 32), (32, 32), (32, 10)]
torch.set_default_dtype(torch.float64)

# 200 handwritten digits of 64 pixels, standardised; targets are one-hot
images, labels = load_digits(return_X_y=True)
some = np.random.default_rng(0).permutation(len(images))[:200]
x = images[some] / 16 - images[some].mean(0) / 16
x, y = torch.tensor(x / x.std()), torch.eye(10)[labels[some]]


def normal(name, m, n):
    """Numbers from N(0, 1), m x n, of a random stream with a name of its own."""
    stream = torch.Generator().manual_seed(zlib.crc32(f"init/0/{name}".encode()))
    return torch.randn(m, n, generator=stream).flatten()


def loss(w):
    """L(w) of the ReLU net: half the squared error summed over outputs, its mean over examples."""
    f, pieces = x, w.split([size for m, n in LAYERS for size in (m * n, n)])
    for i, (W, b) in enumerate(zip(pieces[::2], pieces[1::2], strict=True)):
        f = (torch.relu(f) if i else f) @ W.view(LAYERS[i]) + b
    return 0.5 * (f - y).square().sum(1).mean()


def sharpness(w, g, v):
    """The top eigenvalue of H by Lanczos: that of Q H Q^T, with Q an orthonormal basis of v, H v, H^2 v, ..."""
    Q, HQ = v[None] / v.norm(), v.new_zeros(0, len(v))
    for _ in range(30):
        (Hq,) = torch.autograd.grad(g, w, Q[-1], retain_graph=True)  # H q = d(g . q) / dw
        HQ = torch.cat([HQ, Hq[None]])
        rest = Hq - Q.T @ (Q @ Hq)
        rest = rest - Q.T @ (Q @ rest)  # once more, for rounding
        Q = torch.cat([Q, rest[None] / rest.norm()])
    values, vectors = torch.linalg.eigh(Q[:-1] @ HQ.T)
    return values[-1].item(), vectors[:, -1] @ Q[:-1]


print("step,arm,replica,parent_arm,lr,train_loss,sharpness,threshold,ratio")
for arm, warmup in enumerate(WARMUPS):
    pieces = []
    for i, (m, n) in enumerate(LAYERS, 1):
        pieces += [2.0 * m**-0.5 * normal(f"weight{i}", m, n), torch.zeros(n)]
    w = torch.cat(pieces)
    v = normal("start", 1, len(w))
    for t in range(STEPS):
        lr = LR * min(1.0, (t + 1) / warmup)
        L = loss(w.requires_grad_())
        (g,) = torch.autograd.grad(L, w, create_graph=t % 5 == 0)
        if not L < 1e6:  # it has diverged
            break
        if t % 5 == 0:
            top, v = sharpness(w, g, v)
            print(f"{t},{arm},0,,{lr},{L.item()},{top},{2 / lr},{top * lr / 2}")
        w = (w - lr * g).detach()
