"""Deep matrix factorisation (Brechet et al. 2023): gradient descent on the Bures-Wasserstein distance.

A net x -> W x fed with white noise generates covariance S = W^T W (+ tau I) and is to learn S0 = Z^T Z:
L = tr S + tr S0 - 2 tr (Z S Z^T)^(1/2) = |F - P Z|^2, F = (W; sqrt(tau) I), P the polar factor of F Z^T.
The curvature of L as a function of S goes to kappa / 2, kappa the condition number of S0; with tau it does
not. Change first: TAUS and CONDITIONS.
"""

import sys
import zlib

import numpy as np
import torch

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
D, LR, CONDITIONS, TAUS = 6, 0.1, [10.0, 1e3, 1e5], [0.0, 0.01]
torch.set_default_dtype(torch.float64)
basis = np.linalg.qr(np.random.default_rng(0).standard_normal((D, D)))[0]


def curvature(s, B):
    """The top eigenvalue of the Hessian of L by S: D -> sum_ij (B D B^T)_ij^2 / (s_i s_j (s_i + s_j))."""
    bend = 1 / (s[:, None] * s * (s[:, None] + s))
    return torch.linalg.matrix_norm(bend.sqrt().view(-1, 1) * torch.kron(B, B), 2) ** 2


print("step,arm,replica,parent_arm,lr,train_loss,covariance_error,covariance_curvature")
for arm, condition in enumerate(CONDITIONS):
    S0 = torch.tensor(basis * np.geomspace(1, 1 / condition, D) @ basis.T)
    Z = torch.tensor(basis * np.geomspace(1, 1 / condition, D) ** 0.5 @ basis.T)
    for replica, tau in enumerate(TAUS):
        stream = torch.Generator().manual_seed(zlib.crc32(b"init/0/weight1"))
        W = torch.randn(D, D, generator=stream) / D**0.5
        for t in range(STEPS):
            F = torch.cat([W, tau**0.5 * torch.eye(D)])
            U, s, Vt = torch.linalg.svd(F @ Z.T, full_matrices=False)
            off = F - U @ Vt @ Z
            if t % 2 == 0:
                error = (W.T @ W - S0).norm() / S0.norm()
                row = [off.square().sum(), error, curvature(s, Vt @ Z)]
                print(f"{t},{arm},{replica},,{LR}," + ",".join(str(v.item()) for v in row))
            W = W - LR * 2 * off[:D]  # the gradient of L
