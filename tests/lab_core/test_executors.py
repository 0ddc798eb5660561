"""Stacks computed in processes or on a Dask cluster are those computed here, whoever is killed meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from distributed import LocalCluster

from lab_core.knobs import BadInput
from lab_core.recipe import Recipe
from lab_core.sweep import Axis, Outcome, Sweep, in_stacks
from lab_core.sweeps import executor, executors, sweep
from lab_core.sweeps.cluster import Dask, connected
from lab_core.sweeps.executors import InProcess, Processes
from tests.lab_core.deadly import Deadly

PROBES = (("accuracy", 10), ("sharpness", 100), ("spectrum", 200))
BASE = Recipe().set({"data": "chebyshev", "width": 4, "steps": 400, "probes": PROBES})
LR = Axis(("lr",), "lr", (0.01, 0.1, 1e4))
SWEEP = Sweep(BASE, (Axis(("width",), "width", (2, 3, 4, 5)), LR), (0, 1))
STACKS = list(in_stacks(SWEEP, workers=2))
CELLS = STACKS[0]


@pytest.fixture(scope="module")
def here() -> list[Outcome]:
    return flat(InProcess().outcomes(STACKS))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster


def flat(stacks: Iterator[list[Outcome]]) -> list[Outcome]:
    return [outcome for outcomes in stacks for outcome in outcomes]


def same(one: list[Outcome], two: list[Outcome]) -> None:
    """The same cells, each once, with equal bits in everything that they recorded."""
    theirs = {outcome.cell.place: outcome for outcome in two}
    assert len(one) == len(two) == len(theirs)
    for mine in one:
        other = theirs[mine.cell.place]
        assert (mine.cell, mine.diverged) == (other.cell, other.diverged)
        assert list(mine.record.columns) == list(other.record.columns)
        for name in mine.record.columns:
            for a, b in zip(mine.record[name], other.record[name], strict=True):
                np.testing.assert_array_equal(a, b)
        assert list(mine.record.arrays) == list(other.record.arrays)
        for name, (t, wide) in mine.record.arrays.items():
            assert t == other.record.arrays[name][0]
            assert all(map(torch.equal, wide, other.record.arrays[name][1]))


def test_here_is_the_oracle(here: list[Outcome]) -> None:
    assert [len(stack) for stack in STACKS] == [6] * 4 and len(here) == len(SWEEP) == 24
    assert {outcome.diverged is None for outcome in here} == {True, False}
    assert "spectrum" in here[0].record.arrays


def test_processes_do_the_same_and_one_that_is_killed_is_replaced(here: list[Outcome]) -> None:
    found, heard = [], []
    tell = lambda cells, share: heard.append(share)  # noqa: E731
    for outcomes in Processes(2).outcomes(STACKS, tell=tell):
        if not found:
            victim = active_children()[0].pid
            assert victim
            os.kill(victim, signal.SIGKILL)
        found += outcomes
    same(here, found)
    assert not active_children()
    assert max(heard) == 1.0 and min(heard) == 50 / 400


def test_one_that_is_killed_as_it_starts_is_replaced_too() -> None:
    worker = executors.Worker(executors.Job(CELLS), None)
    worker.process.kill()
    assert worker.heard() == ("died", None)
    assert worker.buried().deaths == 1


def test_what_is_sent_carries_no_other_replicas(here: list[Outcome]) -> None:
    """The spectrum of one replica is a view into that of its stack."""
    grid, _ = whole = here[0].record.arrays["spectrum"][1]
    assert grid.untyped_storage().nbytes() == 6 * 8 * grid.numel()
    (outcome,) = executors.portable(here[:1])
    sent = outcome.record.arrays["spectrum"][1]
    assert [part.untyped_storage().nbytes() for part in sent] == [8 * grid.numel()] * 2
    assert all(map(torch.equal, sent, whole))


DEADLY: Any = Deadly()


def test_a_stack_that_kills_its_workers_is_given_up_and_the_others_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executors, "DEATHS", 1)
    coming = Processes(1).outcomes([CELLS[2:3], CELLS[:2]], DEADLY)
    assert [outcome.cell for outcome in next(coming)] == CELLS[2:3]
    with pytest.raises(BadInput, match="1 of them died.* on width=2, lr=0.01, seed=0; width=2"):
        next(coming)
    assert not active_children()


def test_an_error_comes_with_the_place_where_it_happened_and_ends_all() -> None:
    with pytest.raises(RuntimeError, match=r"in of\n.*raise Arithm.*\n.*no more"):
        flat(Processes(1).outcomes([CELLS[:3]], DEADLY))
    assert not active_children()


UNGUARDED = """
from lab_core.recipe import Recipe
from lab_core.sweeps import sweep
list(sweep(Recipe(), {"lr": [0.1]}, workers=1))
"""


@pytest.mark.long
def test_a_script_that_forgets_its_guard_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(UNGUARDED)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, env=environment,
                          capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert 'if __name__ == "__main__":`; put it there.' in done.stderr.splitlines()[-1]


def test_no_worker_is_no_executor() -> None:
    with pytest.raises(BadInput, match="workers: 0 compute nothing"):
        Processes(0)
    with pytest.raises(BadInput, match="leave out workers, or dask"), executor(2, "tcp://a:1"):
        pass


# ---- Dask


def test_a_cluster_does_the_same_and_a_worker_that_is_killed_loses_nothing(
    cluster: Any, here: list[Outcome]
) -> None:
    with connected(cluster.scheduler_address) as client:
        found: list[Outcome] = []
        for outcomes in Dask(client).outcomes(STACKS):
            if not found:
                os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
            found += outcomes
    same(here, found)


def test_a_sweep_goes_through_a_cluster_by_its_address(cluster: Any, here: list[Outcome]) -> None:
    over = {"width": [2, 3, 4, 5], "lr": LR.values}
    going = sweep(BASE, over, 2, dask=cluster.scheduler_address)
    with closing(iter(going)) as coming:  # type: ignore[type-var]
        mine = next(coming)
    assert mine.cell in [outcome.cell for outcome in here]
    with connected(cluster.scheduler_address) as client:
        assert len(list(sweep(BASE, over, 1, dask=client))) == 12
        assert client.status == "running", "it is not ours to close"


def test_a_stack_that_kills_the_workers_of_a_cluster_is_given_up(cluster: Any) -> None:
    before, cluster.scheduler.allowed_failures = cluster.scheduler.allowed_failures, 0
    said = "was killed on width=2, lr=0.01, seed=0"
    with connected(cluster.scheduler_address) as client, pytest.raises(BadInput, match=said):
        flat(Dask(client).outcomes([CELLS[:2]], DEADLY))
    cluster.scheduler.allowed_failures = before


@pytest.mark.parametrize(("address", "why"), [
    ("tcp://127.0.0.1:9", "Timed out"),
    ("nonsense", "missing port"),
    ("ftp://127.0.0.1:9", "unknown address scheme"),
])  # fmt: skip
def test_a_scheduler_out_of_reach_is_said_within_ten_seconds(address: str, why: str) -> None:
    start = time.monotonic()
    with pytest.raises(BadInput, match=f"^dask: no scheduler was found at .*{why}"):
        next(iter(sweep(BASE, {"lr": [0.1]}, dask=address)))
    assert time.monotonic() - start < 10


def test_something_else_that_answers_is_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab_core.sweeps.cluster.PATIENCE", 1)
    said = pytest.raises(BadInput, match="nothing answers within 1 s")
    with socket.create_server(("127.0.0.1", 0)) as silent, said:
        next(iter(sweep(BASE, {"lr": [0.1]}, dask=f"127.0.0.1:{silent.getsockname()[1]}")))


def test_a_cluster_without_workers_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab_core.sweeps.cluster.PATIENCE", 1)
    said = pytest.raises(BadInput, match="has no worker; start one")
    with LocalCluster(n_workers=0, dashboard_address=":0") as empty, said:
        next(iter(sweep(BASE, {"lr": [0.1]}, dask=empty.scheduler_address)))


ALONE = """
import time
from distributed import LocalCluster

if __name__ == "__main__":
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0")
    print(cluster.scheduler_address, flush=True)
    time.sleep(600)
"""


@contextmanager
def alone(tmp_path: Path, before: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A cluster in a process of its own, which does something `before`, and its address."""
    (tmp_path / "alone.py").write_text(before + ALONE)
    own = subprocess.Popen([sys.executable, "alone.py"], stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.DEVNULL, cwd=tmp_path,
                           env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    try:
        assert own.stdout
        yield own, own.stdout.readline().strip()
    finally:
        own.kill()
        own.communicate()


@pytest.mark.long
def test_a_scheduler_that_is_lost_leaves_what_is_finished(tmp_path: Path) -> None:
    over, out = {"width": [2, 3, 4, 5, 6, 7], "lr": LR.values}, tmp_path / "out"
    with alone(tmp_path) as (own, address):
        going = iter(sweep(BASE, over, 1, dask=address, out=out))
        first = [next(going).cell.place for _ in range(3)]
        own.kill()
        with pytest.raises(BadInput, match="dask: the scheduler is gone"):
            first += [outcome.cell.place for outcome in going]
    rest = [outcome.cell.place for outcome in sweep(BASE, over, 1, out=out)]
    assert set(first) <= set(rest) and len(set(rest)) == len(rest) == 18


@pytest.mark.long
def test_a_cluster_without_edgewise_is_said(tmp_path: Path) -> None:
    without = "import sys; sys.modules['lab_core'] = None"
    said = pytest.raises(BadInput, match="dask: .*lab_core.*; install the same edgewise there")
    with alone(tmp_path, without) as (_, address), said:
        list(sweep(BASE, {"lr": LR.values}, 1, dask=address))
