"""Data sets are functions of their knobs and a seed: shapes, scale, targets, disjoint test sets."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.polynomial.chebyshev import chebval
from sklearn.datasets import load_digits

from lab_core.data import DATASETS, Chebyshev, Clusters, Data, Digits, Kinks, Modular, Point
from lab_core.data.classic import PIXELS
from lab_core.data.modular import OPERATIONS
from lab_core.knobs import BadInput, check

# name -> (inputs d, outputs c, test examples at the defaults, whether the seed matters)
REFERENCE = {
    "digits": (64, 10, 500, True),
    "chebyshev": (1, 1, 19, False),
    "clusters": (20, 4, 500, True),
    "point": (1, 1, 0, False),
    "modular": (2, 59, 59**2 - 1044, True),
    "xor": (4000, 1, 1000, True),
    "single-index": (30, 1, 1000, True),
    "sparse-linear": (200, 1, 1000, True),
    "sparse-signs": (200, 1, 1000, True),
    "sensing": (400, 1, 20, True),
    "completion": (40, 20, 20, True),
    "covariance": (6, 6, 0, True),
    "separable": (20, 1, 1000, True),
    "hard-set": (2, 1, 0, False),
    "digit-pair": (65, 1, 107, True),
    "kinks": (2, 1, 400, True),
}
EXAMPLES = {"modular": 1044, "sensing": 800, "completion": 20, "covariance": 6}
ROWS = (40, 20)  # of the test set of measurements: (e_i, weights), and M[i]
MOST = {"digits": 1797, "digit-pair": 357}  # examples; 1000 of the others
SIZED = [name for name, cls in DATASETS.items() if hasattr(cls, "n")]


def test_every_data_set_has_its_reference_line() -> None:
    assert set(REFERENCE) == set(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
def test_shapes_targets_and_seeds(name: str) -> None:
    d, c, tests, seeded = REFERENCE[name]
    data = DATASETS[name]()
    x, y, x_test, y_test = data.arrays(seed=3)
    n = getattr(data, "n", EXAMPLES.get(name))
    d_test, c_test = ROWS if data.inputs == "measurements" else (d, c)
    assert x.shape == (n, d) and y.shape == (n, c)
    assert x_test.shape == (tests, d_test) and y_test.shape == (tests, c_test)
    assert all(a.dtype == np.float64 and np.isfinite(a).all() for a in (x, y, x_test, y_test))
    if data.targets == "one-hot":
        assert set(np.unique(y)) == {0.0, 1.0} and (y.sum(1) == 1).all(), "one-hot"
    again, other = data.arrays(seed=3), data.arrays(seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(again, (x, y, x_test, y_test), strict=True))
    assert (np.array_equal(other[0], x) and np.array_equal(other[1], y)) != seeded


@pytest.mark.parametrize("name", DATASETS)
def test_the_test_set_is_disjoint(name: str) -> None:
    x, _, x_test, _ = DATASETS[name]().arrays(seed=0)
    assert not {row.tobytes() for row in x} & {row.tobytes() for row in x_test}


@pytest.mark.parametrize("name", SIZED)
def test_one_example_and_the_most(name: str) -> None:
    for n in (1, MOST.get(name, 1000)):
        data: Data = DATASETS[name](n=n)  # type: ignore[call-arg]
        check(data)
        x, y, _, _ = data.arrays(seed=0)
        assert len(x) == len(y) == n and np.isfinite(x).all() and np.isfinite(y).all()


def test_digits_are_centred_by_pixel_and_scaled_by_one_number() -> None:
    x, y, x_test, _ = Digits(n=300).arrays(seed=1)
    assert np.allclose(x.mean(0), 0, atol=1e-12) and np.isclose(x.std(), 1)
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(1).permutation(1797)
    pixels = images[order[:800]] / 16
    mean = pixels[:300].mean(0)
    scale = (pixels[:300] - mean).std()
    assert np.allclose(np.concatenate([x, x_test]), (pixels - mean) / scale, atol=1e-12)
    assert (y.argmax(1) == labels[order[:300]]).all()


def test_the_pixels_of_digits_can_be_shuffled_together_or_apart_or_be_noise() -> None:
    """One order for all keeps every distance, an order each keeps an image's pixels alone."""
    kinds = {p: Digits(n=200, pixels=p).arrays(seed=3) for p in PIXELS}
    true, together, apart, noise = (kinds[p] for p in PIXELS)
    for x, y, x_test, y_test in kinds.values():
        assert np.array_equal(y, true[1]) and np.array_equal(y_test, true[3])
        assert np.isclose(x.std(), 1, atol=0.02) and np.isclose(x_test.std(), 1, atol=0.05)
    both = [np.concatenate(one[::2]) for one in (true, together)]
    assert np.allclose(both[0] @ both[0].T, both[1] @ both[1].T) and not np.allclose(*both)
    images = load_digits().data[np.random.default_rng(3).permutation(1797)[:700]] / 16
    draw = np.random.default_rng([3, 1])
    pixels = draw.permuted(load_digits().data / 16, axis=1)
    assert np.array_equal(np.sort(pixels, 1), np.sort(load_digits().data / 16, 1))
    mine = pixels[np.random.default_rng(3).permutation(1797)[:700]]
    mean = mine[:200].mean(0)
    expected = (mine - mean) / (mine[:200] - mean).std()
    assert np.allclose(np.concatenate(apart[::2]), expected), (
        "the pixels of each image, in any order"
    )
    assert np.ptp(mean) < 0.25 < np.ptp(images[:200].mean(0)), "so that every place is alike"
    assert abs(np.corrcoef(noise[0].T)[np.triu_indices(64, 1)]).max() < 0.4


def test_kinks_are_where_the_line_turns() -> None:
    x, y, x_test, y_test = Kinks(n=12, bends=3).arrays(seed=1)
    assert (x[:, 1] == 1).all() and (y[0], abs(y[-1])) == (1, 1)
    slopes = np.diff(y_test[:, 0]) / np.diff(x_test[:, 0])
    changes = np.abs(np.diff(slopes)) > 1e-9
    assert 3 <= changes.sum() <= 6, "a kink between two points changes two slopes"
    assert np.sign(slopes[[0, -1]]).tolist() == [-1, 1], "down, up, down, up"


def test_chebyshev_is_the_polynomial() -> None:
    for degree in (0, 1, 4, 7):
        x, y, x_test, y_test = Chebyshev(n=20, degree=degree).arrays(seed=0)
        one = [0] * degree + [1]
        assert np.allclose(y, chebval(x, one), atol=1e-12)
        assert np.allclose(y_test, chebval(x_test, one), atol=1e-12)
    assert np.allclose(np.diff(x[:, 0]), 2 / 19) and (x[0], x[-1]) == (-1, 1)
    assert np.allclose(x_test, (x[1:] + x[:-1]) / 2)


def test_clusters_have_the_stated_means_and_spread() -> None:
    data = Clusters(n=6000, k=3, dim=16, separation=5.0)
    x, y, x_test, _ = data.arrays(seed=2)
    unit = 2 / 16**0.5
    for j in range(3):
        own = x[y[:, j] == 1]
        assert len(own) == 2000, "classes take turns"
        assert np.isclose(np.linalg.norm(own.mean(0)), 5.0 * unit, rtol=0.02)
        assert np.allclose(own.std(0), 0.5 * unit, rtol=0.1)
    assert np.ptp(Clusters(n=11, k=4).arrays(seed=0)[1].sum(0)) == 1, "balanced to within one"


def test_no_separation_leaves_one_cluster() -> None:
    x, y, _, _ = Clusters(n=4000, k=2, dim=4, separation=0.0).arrays(seed=0)
    assert np.abs(x[y[:, 0] == 1].mean(0) - x[y[:, 1] == 1].mean(0)).max() < 0.1


def test_a_point_is_one_input_with_target_zero() -> None:
    x, y, x_test, _ = Point(n=3).arrays(seed=9)
    assert (x == 1).all() and (y == 0).all() and not len(x_test)


# ---- modular arithmetic

# the class of a pair, by brute force where it is a question
BRUTE = {
    "add": lambda a, b, p: (a + b) % p,
    "subtract": lambda a, b, p: (a - b) % p,
    "multiply": lambda a, b, p: a * b % p,
    "divide": lambda a, b, p: next(c for c in range(p) if b * c % p == a),
    "squares": lambda a, b, p: (a**2 + b**2) % p,
}


def pairs(x: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(map(int, row)) for row in x]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("p", [3, 12, 13])
def test_every_pair_is_there_once_with_its_class(operation: str, p: int) -> None:
    data = Modular(operation=operation, p=p, fraction=0.7)
    if operation == "divide" and p == 12:
        return
    x, y, x_test, y_test = data.arrays(seed=1)
    every, classes = pairs(x) + pairs(x_test), np.concatenate([y, y_test])
    numbers = range(1 if operation == "divide" else 0, p)
    assert sorted(every) == [(a, b) for a in range(p) for b in numbers]
    assert len(x) == round(0.7 * len(every)) and classes.shape == (len(every), p)
    assert classes.argmax(1).tolist() == [BRUTE[operation](*pair, p) for pair in every]


def test_train_and_test_set_have_all_classes_in_about_equal_numbers() -> None:
    """Of sums mod p every class has p pairs, of which a share f is drawn without looking: the number
    in the training set has mean f p and variance just below f (1 - f) p."""
    p, f, seeds = 59, 0.5, range(40)
    sums = np.array([Modular(p=p, fraction=f).arrays(s)[1].sum(0) for s in seeds])
    assert (sums.sum(1) == round(f * p * p)).all()
    assert sums.mean() == pytest.approx(f * p, rel=1e-3)
    assert sums.var() == pytest.approx(f * (1 - f) * p, rel=0.1)
    assert sums.min() > 10 and sums.max() < p - 10


@pytest.mark.parametrize("clean", [Modular(), Digits(n=1000), Clusters(n=500)], ids=str)
def test_corrupted_labels_are_other_ones_and_more_of_them_contain_the_fewer(clean: Any) -> None:
    shares = (0.0, 0.1, 0.3, 1.0)
    x0, y0, x_test, y_test = clean.arrays(seed=2)
    before = np.zeros(len(x0), bool)
    wrong_label = y0
    for share in shares:
        data = replace(clean, corruption=share)
        x, y, *tests = data.arrays(seed=2)
        assert np.array_equal(x, x0) and np.array_equal(data.truth(seed=2), y0)
        assert all(np.array_equal(a, b) for a, b in zip(tests, (x_test, y_test), strict=True))
        wrong = (y != y0).any(1)
        assert wrong.sum() == round(share * len(x)) and (y.sum(1) == 1).all()
        assert wrong[before].all(), "those that were wrong stay so"
        assert np.array_equal(y[before], wrong_label[before]), "with the label that they had"
        before, wrong_label = wrong, y
    classes = y0.shape[1]
    drawn = np.bincount((wrong_label.argmax(1) - y0.argmax(1)) % classes, minlength=classes)
    mean = len(y0) / (classes - 1)
    assert drawn[0] == 0, "at a share of 1 every label is wrong"
    assert (np.abs(drawn[1:] - mean) < 5 * mean**0.5).all(), "and any other is as likely"


def test_labels_of_which_all_but_one_in_c_are_wrong_say_nothing_of_the_class() -> None:
    """Of the c^2 pairs of a true and a given class each is as frequent, to sampling."""
    for data in (Digits(n=1797, corruption=0.9), Clusters(n=2000, k=4, corruption=0.75)):
        y, truth = data.arrays(seed=0)[1], data.truth(seed=0)
        pairs = y.T @ truth / (y.sum(0)[:, None] * truth.sum(0) / len(y))
        assert np.abs(pairs - 1).max() < 5 * len(y.T) / len(y) ** 0.5


@pytest.mark.parametrize("name", DATASETS)
def test_the_truth_is_what_the_labels_are_without_corruption(name: str) -> None:
    data = DATASETS[name]()
    assert np.array_equal(data.truth(seed=1), data.arrays(seed=1)[1])


def test_a_class_of_a_single_pair_may_be_in_the_test_set() -> None:
    """Of a^2 + b^2 mod p only (0, 0) is 0 where p = 3 mod 4: no rule can be learnt of it."""
    seeds = range(20)
    at = [
        pairs(Modular(operation="squares", fraction=0.5).arrays(s)[2]).count((0, 0)) for s in seeds
    ]
    assert 0 < sum(at) < len(seeds)


REFUSED = [
    (dict(operation="divide", p=12), "p: 12 is not prime, .*; choose a prime such as 23, 59 or 97"),
    (dict(operation="divide", p=169), "p: 169 is not prime, .*, or another operation"),
    (dict(fraction=0.02), r"fraction: 0.02 of the pairs leaves no example of \d+ of 59 classes"
                          r" \(seed 0\); choose one further from 0, such as 0.5"),
    (dict(p=5, fraction=0.01), "fraction: 0.01 of the pairs leaves no example of 5 of 5 classes"),
    (dict(fraction=0.9999), r"fraction: 0.9999 of the pairs leaves nothing to test on \(seed 0\);"
                            " choose one further from 1, such as 0.5"),
]  # fmt: skip


@pytest.mark.parametrize("knobs, sentence", REFUSED, ids=str)
def test_what_leaves_nothing_to_learn_or_to_test_is_a_sentence(
    knobs: dict[str, Any], sentence: str
) -> None:
    data = Modular(**knobs)
    check(data)
    with pytest.raises(BadInput, match=f"^{sentence}") as error:
        data.arrays(seed=0)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
