"""The fractal boundary of trainability (Sohl-Dickstein 2024): one small net, two learning rates.

f(x) = v . tanh(sqrt(2/d) W x) / h, d = h = 4, on 4 random examples; gradient descent on L = mean (f - y)^2
with a rate for W and another for v. Each row is a run: it trains where the last losses are below the first.
Then the number is -sum_t L_t / L_0, else sum_t L_0 / L_t: the nearer to 0, the faster it goes either way.
Change first: X, Y and HALF, the window of log10 learning rates; make HALF eight times smaller.
"""

import sys
import zlib

import torch

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
X, Y, HALF, PIXELS, WIDTH, CAP, LAST = 1.5, 1.5, 2.0, 80, 4, 1e6, 20
torch.set_default_dtype(torch.float64)


def normal(name, *shape):
    """Numbers from N(0, 1) of a random stream with a name of its own."""
    stream = torch.Generator().manual_seed(zlib.crc32(f"fractal/0/{name}".encode()))
    return torch.randn(shape, generator=stream)


def losses(W, v):
    """L [B] of B nets with W [B, h, d] and v [B, h]."""
    hidden = torch.tanh((2 / WIDTH) ** 0.5 * W @ x.T)
    return ((v[:, :, None] * hidden).sum(1) / WIDTH - y).square().mean(1)


x, y = normal("x", 4, WIDTH), normal("y", 4)
across = HALF * ((2 * torch.arange(PIXELS) + 1) / PIXELS - 1)
log1, log2 = torch.cartesian_prod(X + across, Y + across).T
W, v = normal("W", 1, WIDTH, WIDTH), normal("v", 1, WIDTH)
W, v = W.repeat(PIXELS**2, 1, 1), v.repeat(PIXELS**2, 1)  # the same net, once for each pixel
every = torch.empty(STEPS, PIXELS**2)
for t in range(STEPS):  # the gradient of the sum of the losses holds that of each net
    L = losses(W.requires_grad_(), v.requires_grad_())
    every[t] = L.detach()
    g, h = torch.autograd.grad(L.sum(), (W, v))
    W, v = W.detach() - 10 ** log1[:, None, None] * g, v.detach() - 10 ** log2[:, None] * h
each = torch.fmin(every / every[0], torch.tensor(CAP))  # nan, too, counts as no more than that
trains = each[-LAST:].mean(0) < 1
speed = torch.where(trains, -each.sum(0), (1 / each).sum(0))
print("log10_rate1,log10_rate2,trains,speed")
for row in zip(log1.tolist(), log2.tolist(), trains.int().tolist(), speed.tolist(), strict=True):
    print(",".join(map(str, row)))
