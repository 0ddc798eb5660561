"""The plots that a page can show: columns of the record as curves, and what is wider than a number."""

from __future__ import annotations

from dataclasses import dataclass

FOURTH = 3  # the place of the plot that a person chooses


@dataclass(frozen=True)
class Plot:
    """One plot: columns of the record as curves; `probes` are switched on, every so many steps.

    `words` tell several columns apart, on the plot. `dashed` are columns that the others are to
    come to, drawn once; `words` then tell these from those. `rate` writes beside each curve how
    fast it falls. `array` is shown as a curve of its own instead, as `stems`, as `cells` or `values`
    (a heat map of one replica), or as a boundary between the `points` of two classes. `span` is what
    the y axis shows, no more and no less; `one` draws a line at 1, the threshold of what is divided
    by it.
    """

    title: str
    y: str
    columns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    dashed: tuple[str, ...] = ()
    rate: bool = False
    log: bool = False
    threshold: bool = False
    one: bool = False
    probes: tuple[str, ...] = ()
    every: int = 10
    array: str = ""
    stems: bool = False
    cells: tuple[str, ...] = ()  # what each of its numbers means, from 1 on
    values: tuple[str, ...] = ()  # the matrices side by side in it, an empty column between two
    points: tuple[str, ...] = ()  # the two labels, +1 and -1, of the array "points": x, y, label
    x: str = "step"
    include: tuple[float, float] | tuple[()] = ()
    clip: tuple[float, float] | tuple[()] = ()
    span: tuple[float, float] | tuple[()] = ()

    @property
    def is_map(self) -> bool:
        """Whether it is a heat map."""
        return bool(self.cells or self.values)

    @property
    def once(self) -> bool:
        """Whether some of it is drawn of one replica alone."""
        return bool(self.is_map or self.points or self.dashed)


def numbered(column: str, many: int = 5) -> tuple[str, ...]:
    """So many columns of that name."""
    return tuple(f"{column}_{i}" for i in range(1, many + 1))


EMPTY = Plot("", "")
SHARE = (0.0, 1.0)
PLOTS = {
    "loss": Plot("Training loss", "loss", ("train_loss",), log=True),
    "sharpness": Plot("Sharpness and its threshold", "top eigenvalue", ("sharpness",),
                      threshold=True, probes=("sharpness",), include=(0.0, 0.0)),
    "ratio": Plot("Sharpness ÷ threshold", "fraction of the threshold", ("ratio",), one=True,
                  probes=("sharpness",), include=(0.0, 1.2), clip=(0.0, 3.0)),
    "weight_norm": Plot("Weight norm", "‖w‖", ("weight_norm",), probes=("weight_norm",)),
    "eigenvalues": Plot("Five largest eigenvalues", "eigenvalue",
                        numbered("eigenvalue"), probes=("eigenvalues",),
                        every=20),
    "spectrum": Plot("Hessian spectrum, newest", "share of eigenvalues per unit", log=True,
                     probes=("spectrum",), every=100, array="spectrum", x="eigenvalue",
                     clip=(1e-6, 1e6)),
    "accuracy": Plot("Accuracy", "share correct", ("test_accuracy", "train_accuracy"),
                     ("test", "train"), probes=("accuracy",), span=SHARE),
    "losses": Plot("Loss", "loss", ("test_loss", "train_loss"), ("test", "train"), log=True,
                   probes=("test_loss",)),
    "gradient_norm": Plot("Gradient norm", "‖∇L‖", ("gradient_norm",), log=True,
                          probes=("gradient_norm",)),
    "zero_loss": Plot("Examples with a loss of exactly 0", "share of training examples",
                      ("zero_loss",), probes=("zero_loss",), span=SHARE),
    "alignment": Plot("Gradient step along the weights", "cos(−∇L, w)", ("alignment",),
                      probes=("alignment",), span=(-1.0, 1.0)),
    "slowness": Plot("Gradient along its slow part", "cos(∇L, slow part)", ("slowness",),
                     probes=("slowness",), span=(-1.0, 1.0)),
    "corrupted": Plot("Corrupted examples", "share predicted",
                      ("corrupted_true", "corrupted_fitted"), ("true label", "wrong label"),
                      probes=("corrupted",), span=SHARE),
    "correctness": Plot("Which pairs are right", "first operand a", probes=("correctness",),
                        every=100, array="correctness", x="second operand b",
                        cells=("train, right", "train, wrong", "test, right", "test, wrong")),
    "fourier": Plot("Fourier spectrum, newest", "share of the embedding's power",
                    probes=("fourier",), every=100, array="fourier", stems=True, x="frequency k"),
    "gini": Plot("Sparsity of the Fourier spectrum", "Gini coefficient", ("gini",),
                 probes=("fourier",), every=100, span=SHARE),
    "neurons": Plot("Periodic neurons, newest", "periodicity (IPR)", probes=("neurons",),
                    every=100, array="neurons", x="neurons, sorted (share)", span=SHARE),
    "progress": Plot("Progress measures", "loss", ("test_loss", "restricted_loss", "excluded_loss"),
                     ("test", "restricted", "excluded"), log=True, probes=("progress", "test_loss"),
                     every=100),
    "pruned": Plot("Only the periodic neurons", "share predicted",
                   ("pruned_test", "pruned_true", "pruned_fitted"),
                   ("test", "true", "wrong"), probes=("pruned",), every=100, span=SHARE),
    "kernel": Plot("How far the kernel went", "‖K − K₀‖ / ‖K₀‖", ("ntk_drift",), log=True,
                   probes=("kernel",), every=100),
    "kernel_alignment": Plot("Kernel along the targets", "yᵀKy / (‖K‖ ‖y‖²)", ("kernel_alignment",),
                             log=True, probes=("kernel",), every=100),
    "weight_drift": Plot("How far the weights went", "‖w − w₀‖ / ‖w₀‖", ("weight_drift",), log=True,
                         probes=("kernel",), every=100),
    "predictors": Plot("Distance to two predictors", "‖b − b*‖ / ‖b*‖",
                       ("distance_rich", "distance_kernel"), ("L1, rich", "L2, kernel"),
                       probes=("predictors",), every=100, include=SHARE),
    "parameters": Plot("Effective parameters", "parameters used",
                       ("parameters_test", "parameters_train"), ("test", "train"),
                       probes=("parameters",), every=100),
    "telescope": Plot("Error of the sum of small steps", "relative error", ("telescope_error",),
                      log=True, probes=("telescope",), every=100),
    "linearity": Plot("How linear the net is", "correlation with linear part", ("linearity",),
                      probes=("linearity",), every=100, include=SHARE),
    "distance": Plot("Distance to the flows", "share of the run's way", ("distance",)),
    "raw_sharpness": Plot("Sharpness, not preconditioned", "top eigenvalue", ("sharpness",),
                          probes=("sharpness",)),
    "recovery": Plot("Recovery error", "‖X̂ − M‖ / ‖M‖", ("recovery",), rate=True, log=True,
                     probes=("recovery",)),
    "singular": Plot("Singular values", "singular value", numbered("singular"),
                     ("iterate", "truth"), dashed=numbered("truth"), log=True,
                     probes=("singular",), clip=(1e-10, 1e10)),
    "matrix": Plot("The matrix", "row", probes=("matrix",), array="matrix", x="column",
                   values=("iterate", "truth")),
    "boundary": Plot("Points and boundary", "second input", probes=("boundary",), array="boundary",
                     x="first input", points=("label +1", "label −1")),
    "covariance_error": Plot("Distance to the target's covariance", "‖Σ − Σ₀‖ / ‖Σ₀‖",
                             ("covariance_error",), log=True, probes=("covariance",)),
    "covariance_eigenvalues": Plot("Eigenvalues of the covariance", "eigenvalue",
                                   numbered("covariance", 6), ("net", "target"),
                                   dashed=numbered("target", 6), log=True,
                                   probes=("covariance",), clip=(1e-12, 1e6)),
    "covariance_curvature": Plot("Curvature by the covariance", "top eigenvalue",
                                 ("covariance_curvature",), log=True,
                                 probes=("covariance_curvature",), clip=(1e-6, 1e20)),
    "negative_curvature": Plot("Most negative curvature", "−(smallest eigenvalue)",
                               ("negative_curvature",), log=True, probes=("curvature_range",)),
    "curvature_range": Plot("Ends of the Hessian's spectrum", "eigenvalue",
                            ("curvature_max", "curvature_min"), ("largest", "smallest"),
                            probes=("curvature_range",)),
    "margin": Plot("Margin", "min y w·x / ‖w‖", ("margin",), probes=("margin",), every=1,
                   include=(0.0, 0.0)),
    "train_error": Plot("Training error", "share not right", ("train_error",), log=True,
                        probes=("margin",), every=1),
    "angle": Plot("Angle to the largest margin", "degrees", ("angle",), probes=("margin",), every=1,
                  include=(0.0, 90.0)),
    "perceptron": Plot("Distance to the perceptron", "‖w/γ − v‖ / ‖v‖", ("perceptron_distance",),
                       log=True, probes=("perceptron",), every=1),
    "perceptron_cosine": Plot("Direction of the perceptron", "cos(w, v)", ("perceptron_cosine",),
                              probes=("perceptron",), every=1, include=(1.0, 1.0)),
    "weight_l1": Plot("L1 norm of the weights", "‖w‖₁", ("weight_l1",), log=True,
                      probes=("weight_l1",)),
    "nonzeros": Plot("Weights that are not 0", "|βᵢ| > 0.05", ("nonzeros",),
                     probes=("linear_sparsity",), include=(0.0, 0.0)),
    "teacher_error": Plot("Distance to the teacher", "‖β − β*‖", ("teacher_error",), log=True,
                          probes=("linear_sparsity",)),
    "patterns": Plot("Distinct activation patterns", "sets of examples", ("patterns",),
                     probes=("patterns",), include=(0.0, 0.0)),
    "slope_variation": Plot("Total variation of the slope", "Σ |Δf′|", ("slope_variation",),
                            probes=("function",), include=(0.0, 0.0)),
    "function": Plot("The function, newest", "f(x)", probes=("function",), every=100,
                     array="function", x="x", points=("examples",)),
}  # fmt: skip
