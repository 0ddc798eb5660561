"""The run of this assignment, and the pools from which each student's numbers are drawn."""

from lab_core.recipe import Recipe

SALT = "grokking"  # another one gives everybody other numbers
NUMBERS = {
    "seed": range(1, 1000),
    "p": (29, 31, 34, 37),
    "operation": ("add", "subtract"),
}


def recipe(mine):
    """The baseline: a net on pairs of numbers below p, half of all pairs its examples, under AdamW."""
    return Recipe().set(
        {
            "data": "modular",
            "p": mine.p,
            "operation": mine.operation,
            "fraction": 0.5,
            "model": "pair-mlp",
            "width": 128,
            "loss": "cross-entropy",
            "optimizer": "adamw",
            "lr": 1e-2,
            "beta2": 0.98,
            "weight_decay": 1.0,
            "dtype": "float32",
            "seed": mine.seed,
            "steps": 1200,
            "probes": (("accuracy", 5),),
        }
    )
