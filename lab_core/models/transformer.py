"""A transformer of one layer that reads two numbers and "=", and answers at "="."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lab_core.knobs import BadInput, knob
from lab_core.models.base import Model, Shapes
from lab_core.models.table import rows


@dataclass(frozen=True)
class Transformer(Model):
    """Tokens a, b, "=" at positions 0, 1, 2, without layer norm (Nanda et al. 2023):

    x_i = T[token i] + P_i;  A_i = softmax_i(x_i K . x_2 Q / sqrt(width / heads)), for each head;
    r = x_2 + (sum_i A_i x_i V) O;  f = (r + relu(r W_in + b_in) W_out + b_out) U.

    T [c + 1, width], its last row is "="; P [3, width]; K, Q, V, O [width, width], a head being a
    block of columns of the first three; every entry is drawn with variance 1 / fan-in, those of T
    and P with 1 / width. Only "=" is read, so keys and values are needed of two tables, not of every
    example.
    """

    label: ClassVar[str] = "one-layer transformer"
    inputs: ClassVar[str] = "pairs"
    width: int = knob(64, 16, 512, log=True, domain="[1, 4096]")
    heads: int = knob(4, 1, 8, domain="[1, 64]")
    mlp_width: int = knob(256, 16, 1024, log=True, domain="[1, 4096]", label="width of its MLP")
    init_scale: float = knob(1.0, 0.1, 8.0, log=True, domain="[0, inf)", stacks=True)

    def shapes(self, d: int, c: int) -> Shapes:
        if self.width % self.heads:
            fitting = max(n for n in range(1, self.heads) if self.width % n == 0)
            raise BadInput(
                f"heads: {self.heads} heads cannot share a width of {self.width} equally; choose"
                f" {fitting}, or a width that {self.heads} divides."
            )
        square = (self.width, self.width)
        return {
            "tokens": (c + 1, self.width),
            "positions": (3, self.width),
            "query": square,
            "key": square,
            "value": square,
            "mix": square,
            "mlp_in": (self.width, self.mlp_width),
            "mlp_in_bias": (1, self.mlp_width),
            "mlp_out": (self.mlp_width, self.width),
            "mlp_out_bias": (1, self.width),
            "unembed": (self.width, c),
        }

    def stds(self, d: int, c: int) -> dict[str, float]:
        drawn = [name for name in self.shapes(d, c) if not name.endswith("bias")]
        return dict.fromkeys(drawn, self.width**-0.5) | {"mlp_out": self.mlp_width**-0.5}

    def tables(self, views: dict[str, Tensor]) -> list[Tensor]:
        return [views["tokens"][:, :-1]]

    def attended(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        """r [R, N, width] at "=" after attention, of pairs x [R, N, 2]."""
        tokens, positions = views["tokens"], views["positions"]
        last = tokens[:, -1:] + positions[:, 2:]
        found = [self._keys_and_values(views, last, last)]
        for i in (0, 1):
            tables = self._keys_and_values(views, tokens[:, :-1] + positions[:, i : i + 1], last)
            score, value = (rows(table, x[..., i].long()) for table in tables)
            found.append((score, value))
        scores, values = zip(*found, strict=True)
        attention = torch.stack(torch.broadcast_tensors(*scores)).softmax(0)
        heads = [
            A[..., None] * v.unflatten(-1, (self.heads, -1))
            for A, v in zip(attention, values, strict=True)
        ]
        return last + sum(heads).flatten(-2) @ views["mix"]

    def _keys_and_values(
        self, views: dict[str, Tensor], x: Tensor, last: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The scores [R, n, heads] of x [R, n, width] as read at "=", and its values [R, n, width]."""
        query, key = (
            (a @ views[name]).unflatten(-1, (self.heads, -1))
            for a, name in ((last, "query"), (x, "key"))
        )
        return (query * key).sum(-1) * (self.heads / self.width) ** 0.5, x @ views["value"]

    def forward(self, views: dict[str, Tensor], x: Tensor) -> Tensor:
        r = self.attended(views, x)
        hidden = torch.baddbmm(views["mlp_in_bias"], r, views["mlp_in"]).relu_()
        return torch.baddbmm(r + views["mlp_out_bias"], hidden, views["mlp_out"]) @ views["unembed"]
