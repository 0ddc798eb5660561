"""The plots that a page can show: columns of the record as curves."""

from __future__ import annotations

from dataclasses import dataclass

FOURTH = 3  # the place of the plot that a person chooses
USUAL = "weight_norm"  # what it shows at first


@dataclass(frozen=True)
class Plot:
    """One plot: columns of the record as curves; `probe` is switched on, every so many steps."""

    title: str
    y: str
    columns: tuple[str, ...]
    log: bool = False
    threshold: bool = False
    probe: str = ""
    every: int = 10
    array: str = ""  # shown as a curve of its own instead of columns
    x: str = "step"
    include: tuple[float, float] | tuple[()] = ()
    clip: tuple[float, float] | tuple[()] = ()


LOSS = Plot("Training loss", "loss", ("train_loss",), log=True)
SHARPNESS = Plot("Sharpness and its threshold", "top eigenvalue", ("sharpness",), threshold=True,
                 include=(0.0, 0.0))  # fmt: skip
RATIO = Plot("Sharpness ÷ threshold", "fraction of the threshold", ("ratio",),
             include=(0.0, 1.2), clip=(0.0, 3.0))  # fmt: skip
CHOICES = {
    "weight_norm": Plot("Weight norm", "‖w‖", ("weight_norm",), probe="weight_norm"),
    "eigenvalues": Plot("Five largest eigenvalues", "eigenvalue",
                        tuple(f"eigenvalue_{i}" for i in range(1, 6)), probe="eigenvalues", every=20),
    "spectrum": Plot("Hessian spectrum, newest", "share of eigenvalues per unit", (), log=True,
                     probe="spectrum", every=100, array="spectrum", x="eigenvalue",
                     clip=(1e-6, 1e6)),
    "accuracy": Plot("Accuracy, train and test", "share correct",
                     ("train_accuracy", "test_accuracy"), probe="accuracy", include=(0.0, 1.0)),
    "gradient_norm": Plot("Gradient norm", "‖∇L‖", ("gradient_norm",), log=True,
                          probe="gradient_norm"),
    "distance": Plot("Distance to the flows", "share of the run's way", ("distance",)),
    "raw_sharpness": Plot("Sharpness, not preconditioned", "top eigenvalue", ("sharpness",)),
}  # fmt: skip
