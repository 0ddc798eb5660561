"""Why grokking waits (Prieto et al. 2025): a + b mod 37 with AdamW, in four ways.

Arm 0, cross-entropy in float32: once the right output leads by 17, an example's loss rounds to exactly 0
and its gradient with it, and the net never generalises. Arm 1: StableMax, which does not saturate. Arm 2:
only the part of the gradient that is perpendicular to the weights. Arm 3: weight decay, for comparison.
Change first: the precision of arm 0, to torch.float64.
"""

import sys
import zlib

import numpy as np
import torch

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 1400
P, FRACTION, WIDTH, LR, BETA1, BETA2 = 37, 0.6, 128, 0.01, 0.9, 0.98
torch.set_default_dtype(torch.float64)

pairs = torch.cartesian_prod(torch.arange(P), torch.arange(P))
order = torch.tensor(np.random.default_rng(0).permutation(P * P))
train, test = order.split([round(FRACTION * P * P), P * P - round(FRACTION * P * P)])
answer = pairs.sum(1) % P


def normal(std, name):
    """A P x WIDTH matrix from N(0, std^2), of a random stream with a name of its own."""
    stream = torch.Generator().manual_seed(zlib.crc32(f"init/0/{name}".encode()))
    return std * torch.randn(P, WIDTH, generator=stream)


def outputs(w, some):
    """f(a, b) = U (A_a + B_b)^2."""
    a, b = pairs[some].T
    return (w[0][a] + w[1][b]).square() @ w[2].T


def softmax(f):
    return f.log_softmax(1)


def stablemax(f):
    """log of s(f) / sum s(f), where s grows like f, not like exp(f)."""
    s = torch.where(f >= 0, f + 1, 1 / (1 - f.clamp_max(0)))
    return (s / s.sum(1, keepdim=True)).log()


ARMS = [  # log-probabilities, their precision, perpendicular, weight decay, init scale, steps
    (softmax, torch.float32, False, 0.0, 1.0, 1400),
    (stablemax, torch.float64, False, 0.0, 1.0, 1200),
    (softmax, torch.float32, True, 0.0, 4.0, 600),
    (softmax, torch.float32, False, 1.0, 4.0, 600),
]
print("step,arm,replica,parent_arm,lr,train_loss,train_accuracy,test_accuracy,zero_loss")
for arm, (log_p, precision, perpendicular, decay, scale, end) in enumerate(ARMS):
    stds = {"left": (6 * P) ** -0.5, "right": (6 * P) ** -0.5, "out": (3 * WIDTH) ** -0.5}
    w = [normal(scale * std, name) for name, std in stds.items()]
    m, v = ([torch.zeros_like(p) for p in w] for _ in "mv")
    for t in range(min(STEPS, end)):
        f = outputs([p.requires_grad_() for p in w], train)
        low = f.detach().to(precision).requires_grad_()  # the loss and its slope are computed here
        each = torch.nn.functional.nll_loss(log_p(low), answer[train], reduction="none")
        (slope,) = torch.autograd.grad(each.sum(), low)
        if t % 20 == 0:
            right = (outputs(w, slice(None)).argmax(1) == answer).double()
            row = [each.double(), right[train], right[test], (each == 0).double()]
            print(f"{t},{arm},0,,{LR}," + ",".join(str(column.mean().item()) for column in row))
        g = torch.autograd.grad(f, w, slope.double() / len(train))
        for i, (p, d) in enumerate(zip(w, g, strict=True)):
            if perpendicular:  # what is left of d without its part along p, made as long as d
                across = d - (d * p).sum() / p.square().sum() * p
                d = across * d.norm() / across.norm()
            m[i], v[i] = BETA1 * m[i] + (1 - BETA1) * d, BETA2 * v[i] + (1 - BETA2) * d**2
            m_hat, v_hat = m[i] / (1 - BETA1 ** (t + 1)), v[i] / (1 - BETA2 ** (t + 1))
            w[i] = (1 - LR * decay) * p.detach() - LR * m_hat.detach() / (
                v_hat.detach().sqrt() + 1e-8
            )
