"""Data with a teacher: what is said of their means, labels and corruption, and of the nets for them."""

import numpy as np
import pytest
import torch

from lab_core.data import SingleIndex, SparseLinear, SparseSigns, XorClusters
from lab_core.models import MODELS, Committee, DiagonalLinear, ScaledCommittee, initial, views
from lab_core.recipe import Recipe
from lab_core.run import Run
from tests.lab_core.small import close, gaussian


def test_xor_clusters_lie_on_two_axes_one_a_label() -> None:
    x, y, x_test, y_test = XorClusters(n=4000, dim=10, separation=8.0).arrays(seed=0)
    for inputs, labels in ((x, y), (x_test, y_test)):
        axis, sign = (labels[:, 0] < 0).astype(int), np.sign(inputs[:, :2].sum(1))
        mean = np.zeros_like(inputs)
        mean[np.arange(len(inputs)), axis] = 8 * sign
        assert np.abs((inputs - mean).mean(0)).max() < 0.15 and 0.95 < (inputs - mean).std() < 1.05
        sizes = [((axis == a) & (sign == s)).sum() for a in (0, 1) for s in (-1, 1)]
        assert set(sizes) == {len(inputs) // 4}, "balanced"


def test_corruption_flips_its_share_of_each_cluster_and_nothing_else() -> None:
    clean = XorClusters(n=200, dim=20).arrays(seed=3)
    noisy = XorClusters(n=200, dim=20, corruption=0.1)
    x, y, x_test, y_test = noisy.arrays(seed=3)
    assert all(np.array_equal(a, b) for a, b in zip((x, x_test, y_test), clean[::2] + clean[3:],
                                                    strict=True))  # fmt: skip
    flipped = (y != clean[1])[:, 0]
    assert [flipped[k::4].sum() for k in range(4)] == [5] * 4
    assert np.array_equal(noisy.truth(seed=3), clean[1])


def test_a_polynomial_of_one_direction_has_inputs_of_unit_length_and_its_factorial() -> None:
    x, y, _, _ = SingleIndex(n=10000, dim=30, degree=2).arrays(seed=0)
    assert (x**2).sum(1).mean() == pytest.approx(1, rel=0.02)
    assert np.allclose(y, 15 * x[:, :1] ** 2)
    assert y.mean() == pytest.approx(0.5, rel=0.05) and y.var() == pytest.approx(0.5, rel=0.15)


def test_sparse_teachers_share_inputs_and_one_is_the_sign_of_the_other() -> None:
    x, y, _, y_test = SparseLinear(n=50, dim=40, nonzeros=3).arrays(seed=1)
    u, signs, _, signs_test = SparseSigns(n=50, dim=40, nonzeros=3).arrays(seed=1)
    assert np.array_equal(x, u) and np.allclose(y[:, 0], x[:, :3].sum(1))
    assert np.array_equal(signs, np.sign(y)) and np.array_equal(signs_test, np.sign(y_test))


# ---- the nets


def test_the_linear_part_of_a_committee_is_its_odd_part() -> None:
    model = Committee(width=6)
    pieces, x = views(gaussian(2, 2 * 5 * 6), model.shapes(5, 2)), gaussian(2, 7, 5, seed=1)
    odd = (model.forward(pieces, x) - model.forward(pieces, -x)) / 2
    close(model.linear(pieces, x), odd)


def test_half_of_a_committee_votes_each_way() -> None:
    a = Committee(width=10).signs(torch.zeros(1))
    assert float(a.sum()) == 0 and float(a.square().sum()) == pytest.approx(1)


def test_a_diagonal_net_starts_as_zero_at_its_init_scale() -> None:
    w = initial(DiagonalLinear(), 5, 2, 0, 3.0)
    assert torch.equal(w, torch.full((20,), 3.0, dtype=torch.float64))
    assert not DiagonalLinear().forward(views(w[None], DiagonalLinear().shapes(5, 2)),
                                        gaussian(1, 4, 5)).any()  # fmt: skip


SCALED = Recipe().set({"data": "single-index", "n": 40, "dim": 6, "model": "scaled-committee",
                       "width": 8, "lr": 2.0, "steps": 30, "probes": ()})  # fmt: skip


def test_output_scales_stack_and_each_counts_from_its_own_start() -> None:
    scales = (0.3, 3.0, 30.0)
    stack = Run(SCALED.set({"output_scale": scales, "seed": (0, 1)})).finish().arms[0]
    for i, scale in enumerate(scales):
        alone = Run(SCALED.set({"output_scale": scale, "seed": (0, 1)})).finish().arms[0]
        close(stack.state.w[2 * i : 2 * i + 2], alone.state.w)
    assert not stack.objective.outputs(stack.start.w, stack.x).any()
    loss = stack.record["train_loss"][1][0]
    close(torch.tensor(loss), (stack.y.square().mean((1, 2)) / 2))


def test_descent_in_v_is_the_paper_s_descent_in_w() -> None:
    """w <- w - lr m / alpha^2 dL/dw, f = alpha (1/m sum phi(w x) - the same at the start)."""
    alpha, m, lr, bend = 3.0, 8, 2.0, 0.25
    arm = Run(SCALED.set({"output_scale": alpha})).finish().arms[0]
    v0 = arm.start.w.view(1, 6, m)[0]
    x, y, w = arm.x[0], arm.y[0, :, 0], v0 * m**0.5 / alpha
    phi = lambda h: h + bend / 2 * h.square()  # noqa: E731
    first = phi(x @ w).mean(1)
    for _ in range(30):
        h = x @ w
        r = alpha * (phi(h).mean(1) - first) - y
        slope = alpha / m * x.T @ (r[:, None] * (1 + bend * h)) / len(x)
        w = w - lr * m / alpha**2 * slope
    close(arm.state.w.view(6, m) * m**0.5 / alpha, w, rtol=1e-9)


def test_a_fork_of_a_centred_net_counts_from_the_start_of_the_run() -> None:
    run = Run(SCALED)
    run.advance(10)
    run.branch({"loss": "squared-error"})
    run.finish()
    close(run.arms[1].state.w, run.arms[0].state.w)
    close(run.arms[0].state_at(17).w, Run(SCALED.set({"steps": 17})).finish().arms[0].state.w)


@pytest.mark.parametrize("batch_size", [0, 7])
def test_the_gradient_of_a_centred_net_is_that_of_what_it_outputs(batch_size: int) -> None:
    arm = Run(SCALED.set({"seed": (0, 1), "batch_size": batch_size})).finish().arms[0]
    index = torch.arange(14).view(2, 7) if batch_size else None
    w = arm.state.w.clone().requires_grad_()
    x, y = arm.objective.batch(index)
    loss = arm.objective.criterion(arm.objective.outputs(w, x), y).mean(-1)
    value, g = arm.objective.gradient(arm.state.w, index)
    close(value, loss.detach())
    close(g, torch.autograd.grad(loss.sum(), w)[0])


@pytest.mark.parametrize("name", ["scaled-committee", "diagonal-linear"])
def test_the_tangent_kernel_is_that_of_the_jacobian(name: str) -> None:
    model = MODELS[name]()
    shapes = model.shapes(4, 2)
    w, x = gaussian(1, sum(int(np.prod(s)) for s in shapes.values())), gaussian(1, 6, 4, seed=1)
    signs = torch.tensor([1.0, -1.0], dtype=torch.float64)

    def output(w: torch.Tensor) -> torch.Tensor:
        return model.forward(views(w, shapes), x)[0] @ signs

    J = torch.autograd.functional.jacobian(output, w)[:, 0]
    close(model.kernel(views(w, shapes), x)[0], J @ J.T)


def test_stacked_scales_have_their_own_kernels() -> None:
    scales = torch.tensor([[0.5], [4.0]], dtype=torch.float64)
    shapes = ScaledCommittee().shapes(4, 1)
    pieces, x = views(gaussian(2, 240), shapes), gaussian(2, 6, 4, seed=1)
    both = ScaledCommittee(output_scale=scales).kernel(pieces, x)  # type: ignore[arg-type]
    for r in range(2):
        one = ScaledCommittee(output_scale=float(scales[r]))
        close(both[r], one.kernel({"weight": pieces["weight"][r : r + 1]}, x[r : r + 1])[0])
