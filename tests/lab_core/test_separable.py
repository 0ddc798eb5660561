"""The two-class sets of the large-step lab: margins, flipped labels, what separates them."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from lab_core.data import DigitPair, HardSet, Separable
from lab_core.predictors import margin_l2


def teacher(seed: int, dim: int) -> np.ndarray:
    w = np.random.default_rng(seed).standard_normal(dim)
    return w / np.linalg.norm(w)


@pytest.mark.parametrize("margin", [0.0, 0.1, 2.0])
def test_the_teacher_separates_by_the_margin(margin: float) -> None:
    x, y, x_test, y_test = Separable(margin=margin).arrays(3)
    for a, b in ((x, y), (x_test, y_test)):
        own = b[:, 0] * (a @ teacher(3, 20))
        assert margin <= own.min() < margin + 0.05 and set(b.flat) == {1.0, -1.0}


def test_moved_along_the_teacher_and_otherwise_gaussian() -> None:
    plain, moved = (Separable(n=4000, margin=m).arrays(0) for m in (0.0, 0.5))
    np.testing.assert_allclose(moved[0] - plain[0], 0.5 * plain[1] * teacher(0, 20), atol=1e-12)
    np.testing.assert_allclose(plain[0].std(0), 1, rtol=0.05)
    wide = Separable(n=4000, dim=3, margin=0.0, stretch=9.0).arrays(0)[0]
    np.testing.assert_allclose(wide.std(0), [9, 3, 1], rtol=0.05)


def test_flipped_labels_are_the_training_sets_alone_and_leave_nothing_to_separate() -> None:
    clean, flipped = (Separable(corruption=c) for c in (0.0, 0.1))
    (x, y, *test), (x1, y1, *test1) = clean.arrays(1), flipped.arrays(1)
    assert np.array_equal(x, x1) and (y != y1).sum() == 20
    assert all(np.array_equal(a, b) for a, b in zip(test, test1, strict=True))
    assert np.array_equal(flipped.truth(1), y)
    assert np.isfinite(margin_l2(x, y[:, 0])).all() and np.isnan(margin_l2(x1, y1[:, 0])).all()


def test_the_hard_set_is_many_copies_of_one_example_and_one_other() -> None:
    x, y, _, _ = HardSet(n=50).arrays(0)
    z = y * x
    assert (z[:-1] == [1, 0.3]).all() and (z[-1] == [-1, 0.3]).all()
    np.testing.assert_allclose(margin_l2(x, y[:, 0]), [0, 1 / 0.3], atol=1e-9)


def test_digits_three_and_eight() -> None:
    x, y, x_test, y_test = DigitPair().arrays(2)
    images, labels = load_digits(return_X_y=True)
    every, signs = np.concatenate([x, x_test]), np.concatenate([y, y_test])[:, 0]
    assert (every[:, 64] == 1).all() and every.shape == (357, 65)
    for digit, sign in ((3, 1), (8, -1)):
        ours, theirs = every[signs == sign, :64] * 16, images[labels == digit]
        assert sorted(map(tuple, ours)) == sorted(map(tuple, theirs))
