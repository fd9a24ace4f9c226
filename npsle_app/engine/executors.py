"""Where jobs run: here, on the cores of this machine, or on a cluster."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from npsle_app.engine.cluster import Cluster, ClusterError
from npsle_app.engine.job import NO_MEMORY, describe, one_line

T = TypeVar("T")
S = TypeVar("S")
_SECONDS_TO_RESTART = 60
_THREADS = (
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def limit_threads(count: int) -> dict[str, str]:
    """Return the environment that keeps numerical libraries to `count` threads.

    It must be set before they are imported.
    """
    return dict.fromkeys(_THREADS, str(count))


class InlineExecutor(Executor):
    """Runs each call at once, in this process: for one worker, for tests and debugging."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run the call and return its finished future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future carries any error
            future.set_exception(error)
        return future


class LazyExecutor(Executor):
    """Opens the executor behind it when the first job comes.

    Where all is reused no worker is started, which would take seconds.
    """

    def __init__(self, opening: Callable[[ExitStack], Executor]) -> None:
        self._opening = opening
        self._stack = ExitStack()
        self._executor: Executor | None = None

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Hand the call on."""
        if self._executor is None:
            self._executor = self._opening(self._stack)
        return self._executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Close what was opened; jobs under way are ended."""
        del wait, cancel_futures  # a closed cluster leaves nothing to wait for
        self._stack.close()


class _FullExecutor(Executor):
    """Gives out a job only when all workers are up, so that it never queues behind another.

    A job that waits on a worker which is killed would be lost with it.
    """

    def __init__(self, client: Any, *, workers: int) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)
        self._workers = workers

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        self._client.wait_for_workers(self._workers, timeout=_SECONDS_TO_RESTART)
        future: Future[T] = self._executor.submit(fn, *args, **kwargs)
        return future


@contextmanager
def open_executor(
    workers: int,
    *,
    memory_mb: int | None = None,
    threads: int = 1,
    folder: Path | None = None,
    cluster: Cluster | None = None,
) -> Iterator[tuple[Executor, int]]:
    """Choose an executor and how many jobs to give it at once.

    Parameters
    ----------
    workers : int
        Processes on this machine. One without a memory limit means this process.
    memory_mb : int, optional
        Memory for all workers together; a worker that takes more than its share is ended.
        Without it, the memory of the machine (or of the container).
    threads : int
        Threads that numerical libraries may use in each worker.
    folder : Path, optional
        Where workers may keep files of their own.
    cluster : Cluster, optional
        A running Dask cluster, used instead of workers of our own.
    """
    if cluster:
        lazy = LazyExecutor(cluster.join)
        at_once = 10_000  # the cluster has a queue and knows its size
    elif workers > 1 or memory_mb:
        share = f"{memory_mb / workers:.0f}MiB" if memory_mb else _memory_share(workers)
        lazy = LazyExecutor(
            lambda stack: _start(workers, share, threads=threads, folder=folder, stack=stack)
        )
        at_once = workers
    else:
        yield InlineExecutor(), 1
        return
    with lazy:
        yield lazy, at_once


def map_parts(
    executor: Executor, call: Callable[[Sequence[S]], T], items: Sequence[S], *, size: int = 25
) -> list[T]:
    """Call a function with one part of a list after the other, side by side.

    What all items share is then sent to a worker, and made ready there, once for a part.
    """
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    return [future.result() for future in [executor.submit(call, part) for part in parts]]


def explain(error: BaseException) -> str:
    """Say in one plain line why a job came back without an outcome."""
    if type(error).__name__ == "KilledWorker":  # named, for distributed is imported on demand
        return f"the worker was killed, {NO_MEMORY}"
    return one_line(str(error)) if isinstance(error, ClusterError) else describe(error)


def _memory_share(workers: int) -> float:
    from distributed.system import MEMORY_LIMIT  # knows of containers and batch systems

    return float(MEMORY_LIMIT) / workers


def _start(
    workers: int, memory: str | float, *, threads: int, folder: Path | None, stack: ExitStack
) -> Executor:
    import dask
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    stack.enter_context(dask.config.set(_config(threads)))
    cluster = stack.enter_context(
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=memory,
            dashboard_address="127.0.0.1:0",  # any free port: two runs share a machine
            local_directory=str(folder) if folder else None,
            silence_logs=logging.CRITICAL,
        )
    )
    client = stack.enter_context(Client(cluster, set_as_default=False))
    return _FullExecutor(client, workers=workers)


def _config(threads: int) -> Mapping[str, Any]:
    return {
        "distributed.scheduler.allowed-failures": 0,
        "distributed.scheduler.work-stealing": False,
        # a worker whose memory stays high would else be paused and never get a job again
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": 0.95,
        "distributed.nanny.pre-spawn-environ": limit_threads(threads)
        | {"MALLOC_TRIM_THRESHOLD_": "65536"},
        "distributed.admin.tick.limit": "1h",  # a job that holds the interpreter is no news
        "distributed.comm.timeouts.connect": "60s",
        "distributed.comm.timeouts.tcp": "60s",
        "logging": {"distributed": "critical", "tornado": "critical"},
    }


def keep_home_out(folder: Path) -> dict[str, str]:
    """Return the environment with which Dask looks for its settings in `folder`, not at home."""
    return {"DASK_CONFIG": os.fspath(folder)}
