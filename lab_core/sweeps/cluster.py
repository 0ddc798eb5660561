"""Stacks of a sweep on an existing Dask cluster. Needs the optional extra: `pip install edgewise[cluster]`."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from lab_core.devices import one_thread
from lab_core.knobs import BadInput
from lab_core.plain import brief
from lab_core.sweep import Cell, Outcome, Success, compute
from lab_core.sweeps.executors import Hears, given_up, portable

PATIENCE = 5  # seconds for a scheduler to answer, and then for a first worker
AHEAD = 2  # stacks that a worker thread has or is about to have


class Dask:
    """On the workers of a cluster, `workers` threads of theirs in all. Where one is killed, the scheduler
    gives its stacks to others (its setting `allowed-failures` says how often).
    """

    def __init__(self, client: Any):
        self.client = client
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise BadInput(
                f"dask: {_where(client)} has no worker; start one (`dask worker {_where(client)}`)."
            ) from None
        self.workers = sum(client.nthreads().values())

    def outcomes(
        self, stacks: Iterable[list[Cell]], stop: Success | None = None, tell: Hears | None = None
    ) -> Iterator[list[Outcome]]:
        from distributed import as_completed
        from distributed.client import ClosedClientError, FutureCancelledError

        left, running = iter(stacks), {}
        lost: list[list[Cell]] = []
        ended = as_completed(loop=self.client.loop)

        def submit() -> None:
            for cells in itertools.islice(left, 1):
                future = self.client.submit(task, cells, stop, pure=False)
                running[future] = cells
                ended.add(future)

        try:
            for _ in range(AHEAD * self.workers):
                submit()
            for future in ended:
                cells = running.pop(future)
                submit()
                outcomes = _result(future)
                if outcomes is None:
                    lost.append(cells)
                else:
                    yield outcomes
        except (FutureCancelledError, ClosedClientError, OSError):
            raise BadInput(
                "dask: the scheduler is gone, or has dropped the work; start it, and then the sweep"
                " again: with a folder to write to, only the cells that are missing are computed."
            ) from None
        finally:
            with suppress(Exception):  # whatever is wrong has been said
                self.client.cancel(list(running))
        if lost:
            raise given_up(lost, "one after the other was killed")


def _result(future: Any) -> list[Outcome] | None:
    """The outcomes of a stack; None where it killed one worker after the other. Raises BadInput where they
    cannot compute it.
    """
    from distributed import KilledWorker

    try:
        outcomes: list[Outcome] = future.result()
        return outcomes
    except KilledWorker:
        return None
    except (ImportError, RuntimeError) as error:
        lacking = error if isinstance(error, ImportError) else error.__cause__
        if not isinstance(lacking, ImportError):
            raise
        raise BadInput(
            f"dask: its scheduler or a worker lacks a module ({lacking}); install the same edgewise"
            " there."
        ) from None


def task(cells: list[Cell], stop: Success | None) -> list[Outcome]:
    """What a worker of the cluster does."""
    one_thread()
    return portable(compute(cells, stop))


def _where(client: Any) -> str:
    return client.scheduler.address if client.scheduler else "the scheduler"


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler at an address. Raises BadInput, within ten seconds."""
    try:
        from distributed import Client
    except ImportError:
        raise BadInput("dask: it is not installed here; pip install 'edgewise[cluster]'.") from None
    try:
        _greet(address)  # beforehand, for a client that is half made takes long to end
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except Exception as error:  # whatever answers there may say anything
        why = str(error) if isinstance(error, (OSError, ValueError)) else "what answers is no Dask"
        raise BadInput(
            f"dask: no scheduler was found at {brief(address)} ({why}); give the address that"
            " `dask scheduler` prints, for example tcp://127.0.0.1:8786."
        ) from None
    log = logging.getLogger("distributed.client")
    before = log.level
    log.setLevel(logging.CRITICAL)  # a scheduler that is lost is said in a sentence
    try:
        yield client
    finally:
        client.close()
        log.setLevel(before)


def _greet(address: str) -> None:
    """Connect once. Raises whatever goes wrong."""
    from distributed import Security
    from distributed.comm import connect

    async def greet() -> None:
        how = Security().get_connection_args("client")
        comm = await connect(address, timeout=PATIENCE, **how)
        await comm.close()

    def run() -> None:
        try:
            asyncio.run(greet())
            found.append(None)
        except Exception as error:
            found.append(error)

    # a thread, for a notebook's own has a loop that runs; and some that answer never end a sentence
    found: list[Exception | None] = []
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE + 1)
    if error := found[0] if found else OSError(f"nothing answers within {PATIENCE} s"):
        raise error
