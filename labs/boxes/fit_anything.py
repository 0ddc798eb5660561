"""Fit anything (Zhang et al. 2017): one net, Adam, and five training sets of 200 digits.

True labels (arm 0), the pixels of all images in one other order (1), each image in an order of its own
(2), Gaussian noise (3), random labels (4): every one is fitted to the last example, random labels latest;
and of arms 2 to 4 no more than chance is right in the test set.
Change first: WIDTH. How small may it be?
"""

import sys
import zlib

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.nn.functional import cross_entropy

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
N, WIDTH, LR, BETA1, BETA2 = 200, 128, 0.002, 0.9, 0.99
torch.set_default_dtype(torch.float64)

images, labels = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
order = rng.permutation(len(images))
train, test = order[:N], order[N : N + 500]
# nine in ten moved to another class: what is left says nothing, for one in ten is right by chance
moved = rng.integers(1, 10, N) * (np.arange(N) < 0.9 * N)
random_labels = (labels[train] + moved) % 10


def digits(pixels):
    """The images with their pixels as named, standardised by the training set."""
    draw = np.random.default_rng([0, 1])
    x = images / 16
    if "shuffled" in pixels:
        x = x[:, draw.permutation(64)] if pixels == "shuffled" else draw.permuted(x, axis=1)
    x = (x - x[train].mean(0)) / (x[train] - x[train].mean(0)).std()
    return torch.tensor(draw.standard_normal(x.shape) if pixels == "noise" else x)


def normal(name, m, n):
    """An m x n matrix from N(0, 1 / m), of a random stream with a name of its own."""
    stream = torch.Generator().manual_seed(zlib.crc32(f"init/0/{name}".encode()))
    return torch.randn(m, n, generator=stream) / m**0.5


print("step,arm,replica,parent_arm,lr,train_loss,train_accuracy,test_accuracy")
for arm, pixels in enumerate(["true", "shuffled", "each-shuffled", "noise", "true"]):
    x, y = digits(pixels), torch.tensor(labels)
    if arm == 4:
        y[train] = torch.tensor(random_labels)
    W1, W2 = normal("weight1", 64, WIDTH), normal("weight2", WIDTH, 10)
    w = [W1, torch.zeros(WIDTH), W2, torch.zeros(10)]
    m, v = ([torch.zeros_like(p) for p in w] for _ in "mv")
    for t in range(STEPS):
        W1, b1, W2, b2 = (p.requires_grad_() for p in w)
        f = torch.relu(x @ W1 + b1) @ W2 + b2
        L, right = cross_entropy(f[train], y[train]), (f.argmax(1) == y).double()
        if t % 5 == 0:
            row = [L, right[train].mean(), right[test].mean()]
            print(f"{t},{arm},0,,{LR}," + ",".join(str(number.item()) for number in row))
        for i, g in enumerate(torch.autograd.grad(L, w)):  # Adam
            m[i], v[i] = BETA1 * m[i] + (1 - BETA1) * g, BETA2 * v[i] + (1 - BETA2) * g**2
            m_hat, v_hat = m[i] / (1 - BETA1 ** (t + 1)), v[i] / (1 - BETA2 ** (t + 1))
            w[i] = w[i].detach() - LR * m_hat / (v_hat.sqrt() + 1e-8)
