"""Edge of stability (Cohen et al. 2021): full-batch gradient descent, w <- w - lr grad L(w).

A quadratic of curvature S diverges as soon as S > 2/lr. Here the sharpness, the top eigenvalue of the
Hessian of L, climbs to 2/lr and stays there, and the loss goes on falling.
Change first: RATES. Then the 0.25 that the initial weights are scaled by.
"""

import sys
import zlib

import numpy as np
import torch
from sklearn.datasets import load_digits

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
RATES = [0.1, 0.25, 0.35, 0.5]
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
    """L(w) of a 64-32-10 tanh net: half the squared error summed over outputs, its mean over examples."""
    W1, b1, W2, b2 = w.split([64 * 32, 32, 32 * 10, 10])
    f = torch.tanh(x @ W1.view(64, 32) + b1) @ W2.view(32, 10) + b2
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
for replica, lr in enumerate(RATES):
    W1, W2 = normal("weight1", 64, 32) / 64**0.5, normal("weight2", 32, 10) / 32**0.5
    w = 0.25 * torch.cat([W1, torch.zeros(32), W2, torch.zeros(10)])
    v = normal("start", 1, len(w))
    for t in range(STEPS):
        L = loss(w.requires_grad_())
        (g,) = torch.autograd.grad(L, w, create_graph=t % 20 == 0)
        if t % 20 == 0:
            top, v = sharpness(w, g, v)
            print(f"{t},0,{replica},,{lr},{L.item()},{top},{2 / lr},{top * lr / 2}")
        w = (w - lr * g).detach()
