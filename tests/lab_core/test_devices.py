"""Which device a stack runs on: the one asked for, or a GPU where it gains from one."""

import pytest
import torch
from torch import Tensor

from lab_core import devices
from lab_core.devices import GAIN, pick
from lab_core.knobs import BadInput
from lab_core.losses import CrossEntropy
from lab_core.recipe import DEVICES, Recipe
from lab_core.run import Run
from tests.lab_core.small import CLASSES, SMALL, close


def machine(monkeypatch: pytest.MonkeyPatch, cuda: bool = False, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize("cuda, mps, dtype, work, expected", [
    (False, False, "float32", 10 * GAIN, "cpu"),
    (True, False, "float64", 10 * GAIN, "cuda"),
    (True, True, "float32", 10 * GAIN, "cuda"),
    (True, True, "float32", 0.1 * GAIN, "cpu"),
    (False, True, "float32", 10 * GAIN, "mps"),
    (False, True, "float64", 10 * GAIN, "cpu"),
])  # fmt: skip
def test_auto_takes_a_gpu_that_is_there_and_gains(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, dtype: str, work: float, expected: str
) -> None:
    machine(monkeypatch, cuda, mps)
    device, reason = pick(Recipe(dtype=dtype), work)
    assert device.type == expected
    assert reason.startswith("CPU: " if expected == "cpu" else "GPU: ")


def test_one_that_is_asked_for_is_taken_or_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine(monkeypatch, cuda=True, mps=True)
    for name in DEVICES[1:]:
        assert pick(Recipe(device=name, dtype="float32"), 1.0)[0].type == name
    with pytest.raises(BadInput, match="device: mps has no float64; set dtype=float32, or device="):
        pick(Recipe(device="mps"), 1.0)
    machine(monkeypatch)
    for name in ("cuda", "mps"):
        with pytest.raises(BadInput, match=f"device: {name} is not available here; set device="):
            pick(Recipe(device=name, dtype="float32"), 1.0)


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Precisions in which no softmax works any more."""
    names: set[str] = set()
    first = CrossEntropy.first

    def tried(self: CrossEntropy, f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if self.precision in names:
            raise RuntimeError("'log_softmax' not implemented for 'Half'")
        return first(self, f, y)

    monkeypatch.setattr(CrossEntropy, "first", tried)
    return names


def test_a_precision_that_the_machine_lacks_is_a_sentence(lacking: set[str]) -> None:
    lacking.add("float16")
    recipe = CLASSES.set({"loss": "cross-entropy", "device": "cpu"})
    for precision in ("same", "float32", "float64"):
        pick(recipe.set({"precision": precision}), 1.0)
    with pytest.raises(BadInput) as error:
        Run(recipe.set({"precision": "float16"}))
    assert str(error.value) == (
        "precision: no cross-entropy in float16 on cpu here (this build of torch lacks it);"
        " set precision=same."
    )


def test_a_live_change_to_such_a_precision_changes_nothing(lacking: set[str]) -> None:
    lacking.add("float16")
    run = Run(CLASSES.set({"loss": "cross-entropy"}))
    run.advance(3)
    before = run.recipe
    with pytest.raises(BadInput, match="^precision: no cross-entropy in float16 on cpu here"):
        run.change("precision", "float16")
    with pytest.raises(BadInput, match="^precision: no cross-entropy in float16 on cpu here"):
        run.branch({"precision": "float16"})
    assert run.recipe == before and run.arms[0].recipes_at(3) == before.split()
    run.finish()


def test_mps_has_no_softmax_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, mps=True)  # which is not there: what is tried on it fails
    recipe = CLASSES.set({"loss": "stablemax", "precision": "float64", "dtype": "float32"})
    with pytest.raises(BadInput) as error:
        pick(recipe.set({"device": "mps"}), 1.0)
    assert str(error.value) == (
        "precision: no StableMax cross-entropy in float64 on mps here (mps has no float64);"
        " set precision=same, or device=cpu."
    )
    assert pick(recipe, 10 * GAIN)[0].type == "cpu", "auto goes where it is"
    assert pick(recipe.set({"precision": "same"}), 10 * GAIN)[0].type == "mps"


def test_an_arm_says_where_it_runs() -> None:
    arm = Run(SMALL.set({"device": "cpu"})).arms[0]
    assert arm.device.type == "cpu" and arm.device_reason == "CPU: as asked"


def test_one_thread() -> None:
    devices.one_thread()
    assert torch.get_num_threads() == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
def test_a_gpu_gives_the_same_run() -> None:
    recipe = SMALL.set({"seed": (0, 1), "optimizer": "adam", "probes": (("sharpness", 5),)})
    cpu, gpu = (Run(recipe.set({"device": d})).finish().arms[0] for d in ("cpu", "cuda"))
    close(gpu.state.w.cpu(), cpu.state.w, rtol=1e-6)
    close(gpu.record["sharpness"][1].tolist(), cpu.record["sharpness"][1].tolist(), rtol=1e-3)
