"""Matrix sensing (Xiong, Ding & Du 2023): gradient descent on X X^T, X with k columns, for a matrix M.

L(X) = |X X^T - M|^2 / 2, M 20 x 20 of rank 3. With k = 3 columns (arm 0) the error falls by the same
factor at every step; with spare ones (k = 4, 6, 10) like sqrt(k - 3) / (2 lr T), T steps, and no faster.
Change first: RANKS. Then LR.
"""

import sys
import zlib

import numpy as np
import torch

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
SIZE, TRUE_RANK, RANKS, LR = 20, 3, [3, 4, 6, 10], 0.05
torch.set_default_dtype(torch.float64)

# M = U U^T, U of orthonormal columns
draw = np.random.default_rng(0).standard_normal((2, SIZE, SIZE))[0]
U = torch.tensor(np.linalg.qr(draw[:, :TRUE_RANK])[0])
M = U @ U.T

print("step,arm,replica,parent_arm,lr,train_loss,recovery")
for arm, k in enumerate(RANKS):
    stream = torch.Generator().manual_seed(zlib.crc32(b"init/0/X"))
    X = torch.randn(SIZE, k, generator=stream) / SIZE**0.5
    for t in range(STEPS):
        off = X @ X.T - M
        if t % 5 == 0:
            loss, error = 0.5 * off.square().sum(), off.norm() / M.norm()
            print(f"{t},{arm},0,,{LR},{loss.item()},{error.item()}")
        X = X - LR * 2 * off @ X  # the gradient of L is 2 (X X^T - M) X
