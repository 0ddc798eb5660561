"""The run of this assignment, and the pools from which each student's numbers are drawn."""

from lab_core.recipe import Recipe

SALT = "edge of stability"  # another one gives everybody other numbers
NUMBERS = {
    "seed": range(1, 1000),
    "width": (20, 28, 40),
    "n": (120, 160, 220),
    "beta": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    "momentum_lr": (0.02, 0.03, 0.05, 0.07, 0.11),
}


def recipe(mine):
    """Gradient descent on handwritten digits, its sharpness measured at every tenth step."""
    return Recipe().set(
        {
            "data": "digits",
            "n": mine.n,
            "width": mine.width,
            "seed": mine.seed,
            "init_scale": 0.25,
            "dtype": "float32",
            "lr": 0.2,
            "steps": 620,
            "probes": (("sharpness", 10),),
        }
    )
