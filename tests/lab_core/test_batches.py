"""Minibatches: a stream of permutations that depends on the seed alone."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from lab_core.batches import Batches, permutation

CPU = torch.device("cpu")


def read(seed: int, n: int, sizes: list[int]) -> list[int]:
    """The examples that batches of these sizes use, one after the other."""
    stream, seen, out = Batches([seed], n, CPU), 0, []
    for size in sizes:
        out += stream.index(seen, size)[0].tolist()
        seen += size
    return out


@given(st.integers(0, 9), st.integers(1, 30), st.lists(st.integers(1, 40), max_size=8))
def test_the_stream_does_not_depend_on_the_batch_sizes(seed: int, n: int, sizes: list[int]) -> None:
    assert read(seed, n, sizes) == read(seed, n, [1] * sum(sizes))


@given(st.integers(0, 9), st.integers(1, 30))
def test_every_epoch_is_a_permutation(seed: int, n: int) -> None:
    three = read(seed, n, [3 * n])
    for e in range(3):
        assert sorted(three[e * n : (e + 1) * n]) == list(range(n))
    assert n < 8 or three[:n] != three[n : 2 * n], "each epoch in an order of its own"


def test_replicas_with_one_seed_see_one_batch_and_others_another() -> None:
    index = Batches([3, 5, 3], 20, CPU).index(7, 9)
    assert index.shape == (3, 9)
    assert torch.equal(index[0], index[2]) and not torch.equal(index[0], index[1])
    assert torch.equal(index[1], Batches([5], 20, CPU).index(7, 9)[0]), "whatever the stack"


def test_a_permutation_is_keyed_by_seed_and_epoch() -> None:
    orders = {tuple(permutation(s, e, 20).tolist()) for s in (0, 1, 11) for e in (0, 1, 11)}
    assert len(orders) == 9
