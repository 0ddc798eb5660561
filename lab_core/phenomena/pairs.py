"""The setting from which the labs of modular arithmetic start: a net on pairs under AdamW."""

from __future__ import annotations

from lab_core.recipe import Recipe

PAIRS = Recipe().set(
    {
        "data": "modular",
        "model": "pair-mlp",
        "width": 128,
        "loss": "cross-entropy",
        "optimizer": "adamw",
        "lr": 1e-2,
        "beta2": 0.98,
        "weight_decay": 1.0,
        "dtype": "float32",
    }
)
