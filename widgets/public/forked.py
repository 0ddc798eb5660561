"""What a forked process does: it is a kernel, within its limits. It knows nothing of the server."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from pathlib import Path

NICE = 10  # the server, which all wait for, goes before the kernels
STACKS = 192 * 2**20  # bytes of address space that its threads take, hardly any of it memory
FIRST_TO_GO = 500  # of 1000, where the machine's memory runs out all the same


def become_kernel(arguments: list[str], env: dict[str, str], cwd: str | None, memory: int) -> None:
    """Run a kernel in this process, within its limits, to its end."""
    os.setpgid(0, 0)  # not a session: Linux would give each as much of the machine as the server
    os.environ.clear()
    os.environ.update(env)
    if cwd:
        os.chdir(cwd)
    limit(memory)
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = ["ipykernel_launcher"]
    own = [
        f"--IPKernelApp.parent_handle={os.getppid()}",  # with which it ends
        "--InteractiveShellApp.extra_extensions=ipywidgets",  # which was imported before the kernel
        "--HistoryManager.enabled=False",
    ]
    try:
        IPKernelApp.launch_instance([*arguments, *own])
    finally:
        os._exit(0)  # threads inside torch would abort an orderly end


def limit(memory: int) -> None:
    """Take no more than `memory` MB beyond what there is, write no file, and give way to the server."""
    most = written() + STACKS + memory * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))  # an allocation beyond it fails
    tempfile.gettempdir()  # it is found by writing there
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICE)
    Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_GO))


def written() -> int:
    """Bytes of this process's memory that it could write to."""
    status = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmData"))
