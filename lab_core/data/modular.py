"""Modular arithmetic: all pairs of numbers below p, some of them seen, some of those mislabelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab_core.data.base import Arrays, Data
from lab_core.knobs import BadInput, knob

OPERATIONS = ("add", "subtract", "multiply", "divide", "squares")


def modular(p: int, operation: str, fraction: float, corruption: float, seed: int) -> Arrays:
    """Pairs (a, b) and the class a + b, a - b, a b, a / b or a^2 + b^2 mod p (Power et al. 2022).

    A seeded `fraction` of all pairs is the training set, the rest the test set. The labels of a
    share `corruption` of the training pairs are other ones, drawn anew (Doshi et al. 2024). a / b is
    the c with b c = a: p must be prime, and b is not 0.
    """
    a, b = (n.ravel() for n in np.meshgrid(np.arange(p), np.arange(p), indexing="ij"))
    if operation == "divide":
        a, b = a[b > 0], b[b > 0]
    inverse = np.array([pow(n, -1, p) if operation == "divide" and n else 0 for n in range(p)])
    c = {
        "add": a + b,
        "subtract": a - b,
        "multiply": a * b,
        "divide": a * inverse[b],
        "squares": a * a + b * b,
    }[operation] % p
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(c))
    n = round(fraction * len(c))
    train, test = order[:n], order[n:]
    wrong = rng.integers(1, p, n) * (np.arange(n) < round(corruption * n))
    x, eye = np.stack([a, b], 1).astype(float), np.eye(p)
    return x[train], eye[(c[train] + wrong) % p], x[test], eye[c[test]]


@dataclass(frozen=True)
class Modular(Data):
    """Modular arithmetic; see `modular`. Raises BadInput for a training set that lacks a class."""

    label = "modular arithmetic"
    targets = "one-hot"
    inputs = "pairs"
    source = staticmethod(modular)
    operation: str = knob("add", choices=OPERATIONS,
                          help="a+b, a−b, a·b, a÷b or a²+b², each mod p")  # fmt: skip
    p: int = knob(59, 5, 113, domain="[3, 199]", label="modulus p")
    fraction: float = knob(0.3, 0.1, 0.9, domain="(0, 1)", label="training fraction")
    corruption: float = knob(0.0, 0.0, 0.5, domain="[0, 1]", label="corrupted labels ξ",
                             help="the share of training labels that are wrong")  # fmt: skip

    def arrays(self, seed: int) -> Arrays:
        if self.operation == "divide" and any(self.p % n == 0 for n in range(2, self.p)):
            raise BadInput(
                f"p: {self.p} is not prime, so not every number below it can be divided by; choose a"
                " prime such as 23, 59 or 97, or another operation."
            )
        x, y, x_test, y_test = super().arrays(seed)
        seen = self.truth(seed).sum(0)
        # a class of one pair, as that of (0, 0) among squares can be, is no rule to be learnt
        missing = int(((seen == 0) & (y_test.sum(0) > 1)).sum())
        if missing or not len(x_test):
            why = (
                f"no example of {missing} of {self.p} classes" if missing else "nothing to test on"
            )
            raise BadInput(
                f"fraction: {self.fraction:g} of the pairs leaves {why} (seed {seed}); choose one"
                f" {'further from 0' if missing else 'further from 1'}, such as 0.5."
            )
        return x, y, x_test, y_test
