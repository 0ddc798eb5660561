"""Inside the grokked network (Nanda et al. 2023): a transformer of one layer learns a + b mod 59.

Test accuracy jumps long after the examples are known. The restricted loss, that of the part of the logits
which depends on a + b alone, falls before; and of the embedding's 29 frequencies a handful is left in the
end, those that hold 90% of its power.
Change first: DECAY. Then FRACTION.
"""

import sys
import zlib

import numpy as np
import torch
from torch.nn.functional import cross_entropy

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 600
P, FRACTION, D, HEADS, HIDDEN = 59, 0.4, 64, 4, 128
LR, WARMUP, DECAY, BETA1, BETA2 = 0.01, 10, 2.0, 0.9, 0.98
torch.set_default_dtype(torch.float64)

pairs = torch.cartesian_prod(torch.arange(P), torch.arange(P), torch.tensor([P]))  # a, b, "="
order = torch.tensor(np.random.default_rng(0).permutation(P * P))
train, test = order[: round(FRACTION * P * P)], order[round(FRACTION * P * P) :]
answer = pairs[:, :2].sum(1) % P
SHAPES = {"tokens": (P + 1, D), "positions": (3, D)}
SHAPES |= dict.fromkeys(["query", "key", "value", "mix"], (D, D))
SHAPES |= {"mlp_in": (D, HIDDEN), "mlp_in_bias": (1, HIDDEN)}
SHAPES |= {"mlp_out": (HIDDEN, D), "mlp_out_bias": (1, D), "unembed": (D, P)}


def initial(name, m, n):
    """Numbers from N(0, 1 / fan-in), of a random stream with a name of its own; biases are 0."""
    stream = torch.Generator().manual_seed(zlib.crc32(f"init/0/{name}".encode()))
    std = 0 if "bias" in name else HIDDEN**-0.5 if name == "mlp_out" else D**-0.5
    return std * torch.randn(m, n, generator=stream)


def logits(w, some):
    """Attention from "=" to all three tokens, then a ReLU layer; both add to what is there."""
    tokens, positions, Q, K, V, mix, W1, b1, W2, b2, U = w
    x = tokens[pairs[some]] + positions  # [N, 3, D]
    q, k, v = ((y @ A).unflatten(-1, (HEADS, -1)) for y, A in ((x[:, 2:], Q), (x, K), (x, V)))
    attention = ((q * k).sum(-1) * (HEADS / D) ** 0.5).softmax(1)  # [N, 3, HEADS]
    r = x[:, 2] + (attention[..., None] * v).sum(1).flatten(1) @ mix
    return (r + torch.relu(r @ W1 + b1) @ W2 + b2) @ U


def restricted(f, s):
    """The loss of what of the logits f depends on the sum s alone: their mean over the pairs of one s."""
    mean = torch.zeros(P, P).index_add(0, s, f) / s.bincount(minlength=P)[:, None]
    return cross_entropy(mean[s], s).item()


columns = ["train_loss", "test_loss", "test_accuracy", "restricted_loss", "key_frequencies"]
print("step,arm,replica,parent_arm,lr," + ",".join(columns))
w = [initial(name, *shape) for name, shape in SHAPES.items()]
m, v = ([torch.zeros_like(p) for p in w] for _ in "mv")
for t in range(STEPS):
    lr = LR * min(1.0, (t + 1) / WARMUP)
    L = cross_entropy(logits([p.requires_grad_() for p in w], train), answer[train])
    if t % 10 == 0:
        f, s = logits(w, test).detach(), answer[test]
        power = torch.fft.rfft(w[0][:-1].detach(), dim=0)[1:].abs().square().sum(1)
        share = (power / power.sum()).sort(descending=True).values
        keys = int((share.cumsum(0) - share < 0.9).sum())
        right = (f.argmax(1) == s).double().mean()
        row = [L.item(), cross_entropy(f, s).item(), right.item(), restricted(f, s), keys]
        print(f"{t},0,0,,{lr}," + ",".join(map(str, row)))
    for i, g in enumerate(torch.autograd.grad(L, w)):  # AdamW
        m[i], v[i] = BETA1 * m[i] + (1 - BETA1) * g, BETA2 * v[i] + (1 - BETA2) * g**2
        m_hat, v_hat = m[i] / (1 - BETA1 ** (t + 1)), v[i] / (1 - BETA2 ** (t + 1))
        w[i] = (1 - lr * DECAY) * w[i].detach() - lr * m_hat / (v_hat.sqrt() + 1e-8)
