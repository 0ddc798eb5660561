"""The two runs of this assignment, and the pools from which each student's numbers are drawn."""

from lab_core.recipe import Recipe

SALT = "large steps and sensing"  # another one gives everybody other numbers
NUMBERS = {
    "seed": range(1, 1000),
    "n": (100, 150, 200),
    "dim": (4, 5, 6, 8),
    "size": (14, 15, 16),
    "outliers": (0.15, 0.2, 0.25),
    "condition": (20.0, 50.0, 100.0),
}


def recipe(mine):
    """Gradient descent on the logistic loss, a tenth of whose labels are wrong: there is a minimum."""
    return Recipe().set(
        {
            "data": "separable",
            "n": mine.n,
            "dim": mine.dim,
            "corruption": 0.1,
            "seed": mine.seed,
            "model": "linear",
            "loss": "logistic",
            "lr": 4.0,
            "steps": 2000,
            "probes": (("sharpness", 100),),
        }
    )


def sensing(mine):
    """Gradient descent on the squared error of measurements of a matrix, some of them grossly wrong."""
    return Recipe().set(
        {
            "data": "sensing",
            "size": mine.size,
            "true_rank": 2,
            "measurements": 25 * mine.size,
            "outliers": mine.outliers,
            "seed": mine.seed,
            "model": "symmetric-factors",
            "rank": mine.size,
            "init_scale": 1e-3,
            "loss": "squared-error",
            "lr": 0.01,
            "steps": 1000,
            "probes": (("recovery", 20),),
        }
    )
