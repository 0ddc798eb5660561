"""Which device a stack runs on: the one asked for, or a GPU where it gains from one."""

import pytest
import torch

from lab_core import devices
from lab_core.devices import GAIN, pick
from lab_core.knobs import BadInput
from lab_core.recipe import DEVICES, Recipe
from lab_core.run import Run
from tests.lab_core.small import SMALL, close


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
