"""The run of this assignment, and the pools from which each student's numbers are drawn."""

from lab_core.recipe import Recipe

SALT = "double descent"  # another one gives everybody other numbers
NUMBERS = {
    "seed": range(1, 1000),
    "n": (60, 75, 95, 120),
    "dim": (20, 25, 30),
    "noise": (0.2, 0.4, 0.8),
}


def recipe(mine):
    """Least squares on random features, from eight samples of the same noisy teacher."""
    return Recipe().set(
        {
            "data": "gaussian-teacher",
            "n": mine.n,
            "dim": mine.dim,
            "noise": mine.noise,
            "seed": tuple(range(8 * mine.seed, 8 * mine.seed + 8)),
            "model": "random-features",
            "features": 20,
            "optimizer": "least-squares",
            "steps": 2,
            "probes": (("test_loss", 1), ("gd_steps", 1)),
        }
    )
