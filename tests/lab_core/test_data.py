"""Data sets are functions of their knobs and a seed: shapes, scale, targets, disjoint test sets."""

import numpy as np
import pytest
from numpy.polynomial.chebyshev import chebval
from sklearn.datasets import load_digits

from lab_core.data import DATASETS, Chebyshev, Clusters, Data, Digits, Point
from lab_core.knobs import check

# name -> (inputs d, outputs c, test examples at the defaults, whether the seed matters)
REFERENCE = {
    "digits": (64, 10, 500, True),
    "chebyshev": (1, 1, 19, False),
    "clusters": (20, 4, 500, True),
    "point": (1, 1, 0, False),
    "xor": (4000, 1, 1000, True),
    "single-index": (30, 1, 1000, True),
    "sparse-linear": (200, 1, 1000, True),
    "sparse-signs": (200, 1, 1000, True),
}


def test_every_data_set_has_its_reference_line() -> None:
    assert set(REFERENCE) == set(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
def test_shapes_targets_and_seeds(name: str) -> None:
    d, c, tests, seeded = REFERENCE[name]
    data = DATASETS[name]()
    x, y, x_test, y_test = data.arrays(seed=3)
    assert x.shape == (data.n, d) and y.shape == (data.n, c)
    assert x_test.shape == (tests, d) and y_test.shape == (tests, c)
    assert all(a.dtype == np.float64 and np.isfinite(a).all() for a in (x, y, x_test, y_test))
    if data.targets == "one-hot":
        assert set(np.unique(y)) == {0.0, 1.0} and (y.sum(1) == 1).all(), "one-hot"
    again, other = data.arrays(seed=3), data.arrays(seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(again, (x, y, x_test, y_test), strict=True))
    assert np.array_equal(other[0], x) != seeded


@pytest.mark.parametrize("name", DATASETS)
def test_the_test_set_is_disjoint(name: str) -> None:
    x, _, x_test, _ = DATASETS[name]().arrays(seed=0)
    assert not {row.tobytes() for row in x} & {row.tobytes() for row in x_test}


@pytest.mark.parametrize("name", DATASETS)
def test_one_example_and_the_most(name: str) -> None:
    for n in (1, 1797 if name == "digits" else 1000):
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
