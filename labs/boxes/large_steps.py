"""Large steps (Tyurin 2024): logistic regression from w = 0, w <- w + lr mean_i y_i x_i sigmoid(-y_i w . x_i).

Two classes that a plane can tell apart, and step sizes from 0.01 to a million. The larger the step, the
sooner all examples are right, though the loss jumps: the method becomes the perceptron of w / lr.
Change first: RATES. Then MARGIN, by which every example is moved from the plane.
"""

import sys

import numpy as np
import torch

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 1600
RATES = [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 1e4, 1e5, 1e6]
N, D, MARGIN = 200, 20, 0.1
torch.set_default_dtype(torch.float64)

# a plane, examples about it, and each of them moved away from it
rng = np.random.default_rng(0)
plane = rng.standard_normal(D)
x = rng.standard_normal((N + 1000, D))[:N]
y = np.where(x @ plane < 0, -1.0, 1.0)[:, None]
x = x + MARGIN * y * plane / np.linalg.norm(plane)
z = torch.tensor(y * x)  # an example is right where w . z > 0

print("step,arm,replica,parent_arm,lr,train_loss,train_error,margin")
rates = torch.tensor(RATES)
w = torch.zeros(D, len(RATES))  # a column for each step size: they run side by side
for t in range(STEPS):
    m = z @ w
    loss = torch.logaddexp(torch.zeros_like(m), -m).mean(0)
    error = 1 - (m > 0).double().mean(0)
    margin = m.amin(0) / w.norm(dim=0)
    for r, (L, e, least) in enumerate(zip(loss, error, margin, strict=True)):
        shown = "" if least.isnan() else least.item()  # w = 0 has none
        print(f"{t},0,{r},,{RATES[r]},{L.item()},{e.item()},{shown}")
    w = w + rates * (z.T @ torch.sigmoid(-m)) / N
