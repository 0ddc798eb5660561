"""Which device a stack runs on, and why."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Any

import torch

from lab_core.knobs import BadInput
from lab_core.losses import PRECISIONS
from lab_core.recipe import Recipe

# A step of a small net is some 20 kernels: about 0.3 ms of launches on a GPU whatever their size. A
# CPU core does as much in about 3e7 multiply-adds (R * N * P counts one of the six a step needs).
GAIN = 5e6


def pick(recipe: Recipe, work: float) -> tuple[torch.device, str]:
    """The device and a sentence; `work` is R * N * P, multiply-adds of one forward pass.

    Raises BadInput where the device asked for is not there or lacks a precision asked for.
    """
    device, why = _picked(recipe, work)
    check_precision(recipe.loss, device)
    return device, why


def _picked(recipe: Recipe, work: float) -> tuple[torch.device, str]:
    loss: Any = recipe.loss
    found = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available() and recipe.dtype == "float32",
    }
    if recipe.device == "auto":
        fitting = (name for name, there in found.items() if there and able(loss, name))
        gpu = next(fitting, None)
        if gpu is None:
            return torch.device("cpu"), "CPU: no GPU here for this precision"
        if work < GAIN:
            return torch.device("cpu"), "CPU: the stack is too small to gain from the GPU"
        return torch.device(gpu), "GPU: the stack is large enough to gain from it"
    if recipe.device == "mps" and recipe.dtype != "float32":
        raise BadInput("device: mps has no float64; set dtype=float32, or device=cpu.")
    if not found.get(recipe.device, True):
        raise BadInput(f"device: {recipe.device} is not available here; set device=auto or cpu.")
    return torch.device(recipe.device), f"{recipe.device.upper()}: as asked"


def check_precision(loss: Any, device: torch.device) -> None:
    """Raises BadInput where a loss cannot be computed in its precision on a device."""
    if able(loss, device.type):
        return
    why = "this build of torch lacks it"
    if (device.type, loss.precision) == ("mps", "float64"):
        why = "mps has no float64"
    other = "" if device.type == "cpu" else ", or device=cpu"
    raise BadInput(
        f"precision: no {loss.label} in {loss.precision} on {device.type} here ({why}); set"
        f" precision=same{other}."
    )


def able(loss: Any, device: str) -> bool:
    """Whether a loss can be computed in its precision there: tried on one example."""
    if getattr(loss, "precision", PRECISIONS[0]) == PRECISIONS[0]:
        return True
    try:
        loss.first(*torch.eye(2, device=device)[:, None, None])
    except (RuntimeError, TypeError, AssertionError):  # as a device without it says so
        return False
    return True


TRIM, MMAP = (-1, 2**29), (-3, 2**25)  # glibc's M_TRIM_THRESHOLD and M_MMAP_THRESHOLD


def one_thread() -> None:
    """Keep torch to one thread: nets of this size are faster so, and much so on a busy machine.

    And have glibc keep what is freed, where it is the C library: to give the large tensors of a step
    back to the system and to take fresh pages for the next costs up to a quarter of the time.
    """
    torch.set_num_threads(1)
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        for option in (TRIM, MMAP):
            libc.mallopt(*option)
