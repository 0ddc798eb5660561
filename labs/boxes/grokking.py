"""Grokking (Power et al. 2022): AdamW on a + b mod 59, of which 30% of all pairs are seen.

The net knows its examples by heart after some fifty steps and fails on the others. With weight decay
(replica 0) it learns the rule some fifteen times later; without (replica 1) it does not.
Change first: DECAYS. Then FRACTION: below a quarter it takes far longer, or does not come.
"""

import sys
import zlib

import numpy as np
import torch

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 1200
P, FRACTION, WIDTH, DECAYS, LR, BETA1, BETA2 = 59, 0.3, 128, [1.0, 0.0], 0.01, 0.9, 0.98
torch.set_default_dtype(torch.float64)

pairs = torch.cartesian_prod(torch.arange(P), torch.arange(P))
order = torch.tensor(np.random.default_rng(0).permutation(P * P))
seen = round(FRACTION * P * P)


def normal(std, name, m, n):
    """An m x n matrix from N(0, std^2), of a random stream with a name of its own."""
    stream = torch.Generator().manual_seed(zlib.crc32(f"init/0/{name}".encode()))
    return std * torch.randn(m, n, generator=stream)


def measure(w, some):
    """Mean cross-entropy, and share of pairs that are right, of the net U (A_a + B_b)^2."""
    A, B, U = w
    a, b = pairs[some].T
    f, answer = (A[a] + B[b]).square() @ U.T, (a + b) % P
    return torch.nn.functional.cross_entropy(f, answer), (f.argmax(1) == answer).double().mean()


print("step,arm,replica,parent_arm,lr,train_loss,test_loss,train_accuracy,test_accuracy")
for replica, decay in enumerate(DECAYS):
    A, B = (normal((6 * P) ** -0.5, name, P, WIDTH) for name in ("left", "right"))
    w = [A, B, normal((3 * WIDTH) ** -0.5, "out", P, WIDTH)]
    m, v = ([torch.zeros_like(p) for p in w] for _ in "mv")
    for t in range(STEPS):
        L, right = measure([p.requires_grad_() for p in w], order[:seen])
        if t % 10 == 0:
            test = [number.item() for number in measure(w, order[seen:])]
            print(f"{t},0,{replica},,{LR},{L.item()},{test[0]},{right.item()},{test[1]}")
        g = torch.autograd.grad(L, w)
        for i in range(len(w)):  # m and v start at 0: they are divided by what is missing
            m[i] = BETA1 * m[i] + (1 - BETA1) * g[i]
            v[i] = BETA2 * v[i] + (1 - BETA2) * g[i] ** 2
            m_hat, v_hat = m[i] / (1 - BETA1 ** (t + 1)), v[i] / (1 - BETA2 ** (t + 1))
            w[i] = (1 - LR * decay) * w[i].detach() - LR * m_hat / (v_hat.sqrt() + 1e-8)
