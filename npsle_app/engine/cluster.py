"""Somebody else's Dask cluster: whether it can do the work, and what becomes of work given to it.

A cluster may have no worker for a while, or for ever; its workers may run other code, see other
folders, and go away in the middle. Each of these is said, and none is waited for without end.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeAlias, TypeVar

from npsle_app.engine.job import describe, printable

T = TypeVar("T")
Say: TypeAlias = Callable[[str], None]

DEFAULT_WAIT_S = 300
_CONNECT_S = 15
_LOOK_S = 2.0
_TOKEN_S = 5.0  # file systems of clusters show a new file after a while
_TOPIC = "npsle_app"
_SHOWN = 3
_SAME = "start workers from the same installation"


class ClusterError(Exception):
    """A cluster cannot do the work; the text says what was found and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A running Dask cluster.

    `inputs` are folders that each worker must see, `output` one in which each must see a file
    that is written here. A worker is waited for no longer than `wait_s`, in s; `say` is told
    what is waited for and which workers went away.
    """

    address: str
    inputs: tuple[Path, ...]
    output: Path
    wait_s: float = DEFAULT_WAIT_S
    say: Say

    def check(self, running_version: Callable[[], str]) -> None:
        """Refuse a cluster that cannot do the work, before anything is given to it.

        Parameters
        ----------
        running_version : callable
            Returns the version of the code, here and in each worker; it must survive pickling.

        Raises
        ------
        ClusterError
            If no scheduler answers there, no worker comes in time, or one of them runs another
            version or does not see the folders.
        """
        with _connect(self.address) as client:
            # clusters that grow by demand start their first worker for it
            demand = client.submit(socket.gethostname, pure=False)
            _await_worker(client, self)
            with _token(self.output) as token:
                places = [str(folder) for folder in self.inputs]
                found = client.run(
                    look_around, running_version, places, str(token), on_error="return"
                )
            del demand
        _judge(found, version=running_version())

    def join(self, stack: ExitStack) -> "ClusterExecutor":
        """Open an executor that is closed with the stack."""
        client = stack.enter_context(_connect(self.address))
        return stack.enter_context(ClusterExecutor(client, self))


@contextmanager
def _connect(address: str) -> Iterator[Any]:
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, set_as_default=False, timeout=_CONNECT_S)
    except Exception as error:  # what distributed raises depends on what is wrong
        msg = (
            f"no Dask scheduler answers at {printable(address)} ({describe(error)}); give the "
            "address that `dask scheduler` printed when it was started, such as tcp://host:8786"
        )
        raise ClusterError(msg) from error
    with client:
        yield client


def look_around(
    running_version: Callable[[], str], folders: Sequence[str], token: str
) -> tuple[str, list[str]]:
    """Return, in a worker, the version of its code and what it does not see."""
    unseen = [folder for folder in folders if not Path(folder).is_dir()]
    until = time.monotonic() + _TOKEN_S
    while not (there := Path(token).is_file()) and time.monotonic() < until:
        time.sleep(0.2)
    return running_version(), unseen if there else [*unseen, str(Path(token).parent)]


class ClusterExecutor(Executor):
    """Gives jobs to a cluster, says what happens to them there, and never waits without end."""

    def __init__(self, client: Any, cluster: Cluster) -> None:
        self._client, self._cluster = client, cluster
        self._executor = client.get_executor(pure=False)
        self._folders = [str(folder) for folder in (*cluster.inputs, cluster.output)]
        self._pending: set[Future[Any]] = set()
        self._begun: dict[str, str] = {}
        self._closed = threading.Event()
        client.subscribe_topic(_TOPIC, self._hear)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Give a job to the cluster; whatever goes wrong with that stands in its future."""
        future: Future[T] = Future()
        name = f"{_name(fn)} #{token_hex(4)}"
        self._pending.add(future)
        try:
            there = self._executor.submit(_run_there, name, self._folders, fn, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the scheduler is gone: a job's failure
            self._fail(future, f"it cannot be given to {self._cluster.address} ({describe(error)})")
        else:
            there.add_done_callback(partial(self._finish, name, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop watching; what the cluster still computes is given up with the client."""
        del wait, cancel_futures
        self._closed.set()
        self._watcher.join()

    def _finish(self, name: str, future: Future[T], there: Future[T]) -> None:
        self._begun.pop(name, None)
        try:
            error = there.exception()
        except CancelledError:
            self._fail(future, f"the Dask scheduler {self._cluster.address} is gone")
            return
        self._pending.discard(future)
        with suppress(InvalidStateError):  # it was given up before
            if error is None:
                future.set_result(there.result())
            else:
                future.set_exception(error)

    def _fail(self, future: Future[Any], why: str) -> None:
        self._pending.discard(future)
        with suppress(InvalidStateError):
            future.set_exception(ClusterError(f"{why}: run again with --failed-only"))

    def _hear(self, event: tuple[float, Mapping[str, str]]) -> None:
        """Learn from a worker that it begins a job: for the second time, if one was lost."""
        name, worker = event[1]["name"], event[1]["worker"]
        before = self._begun.get(name)
        if before is not None:
            told = name.rpartition(" #")[0]
            self._cluster.say(f"{told}: the worker {before} is gone; taken over by {worker}")
        self._begun[name] = worker

    def _watch(self) -> None:
        """Say when workers go, and give up what is left when none has been there for long."""
        known: set[str] = set()
        alone_since: float | None = None
        while not self._closed.wait(_LOOK_S):
            now = self._workers()
            if gone := sorted(known - now):
                self._cluster.say(f"Dask workers gone: {_few(gone)}; {len(now)} left")
            known = now
            if now or not self._pending:
                alone_since = None
                continue
            if alone_since is None:
                alone_since = time.monotonic()
                self._cluster.say(_say_waiting(self._cluster))
            elif time.monotonic() - alone_since > self._cluster.wait_s:
                for future in tuple(self._pending):
                    self._fail(future, _say_no_worker(self._cluster))

    def _workers(self) -> set[str]:
        try:
            return set(self._client.nthreads())
        except Exception:  # noqa: BLE001 - who cannot be asked has no workers
            return set()


def _run_there(
    name: str, folders: Sequence[str], fn: Callable[..., T], *args: Any, **kwargs: Any
) -> T:
    """Run a job in a worker, and tell that it has begun."""
    from distributed import get_worker

    worker = get_worker()
    worker.log_event(_TOPIC, {"name": name, "worker": worker.address})
    if unseen := [folder for folder in folders if not Path(folder).is_dir()]:
        raise ClusterError(_say_unseen(worker.address, unseen))
    return fn(*args, **kwargs)


def _name(fn: Callable[..., Any]) -> str:
    return str(getattr(getattr(fn, "__self__", None), "name", fn.__name__))


def _await_worker(client: Any, cluster: Cluster) -> None:
    if client.nthreads():
        return
    cluster.say(_say_waiting(cluster))
    until = time.monotonic() + cluster.wait_s
    while not client.nthreads():
        if time.monotonic() > until:
            msg = f"{_say_no_worker(cluster)}; start some, or wait longer with --dask-wait"
            raise ClusterError(msg)
        time.sleep(min(_LOOK_S, max(until - time.monotonic(), 0.0)))


@contextmanager
def _token(folder: Path) -> Iterator[Path]:
    """Leave a file in a folder for a moment, by which others prove that they see this one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        token = folder / f".npsle_app_{token_hex(8)}"
        token.touch()
    except OSError as error:
        msg = f"cannot write to {folder}: {error.strerror or error}"
        raise ClusterError(msg) from error
    try:
        yield token
    finally:
        token.unlink(missing_ok=True)


def _judge(found: Mapping[str, Any], *, version: str) -> None:
    for worker, told in sorted(found.items()):
        if isinstance(told, BaseException):
            msg = f"the Dask worker {worker} cannot run this app ({describe(told)}): {_SAME}"
            raise ClusterError(msg)
        other, unseen = told
        if other != version:
            msg = f"the Dask worker {worker} runs version {other} and this is {version}: {_SAME}"
            raise ClusterError(msg)
        if unseen:
            raise ClusterError(_say_unseen(worker, unseen))
    if not found:
        msg = "all Dask workers went away before they could be asked what they see"
        raise ClusterError(msg)


def _say_unseen(worker: str, folders: Iterable[str]) -> str:
    return (
        f"the Dask worker {worker} does not see {_few(list(folders))}: the same folders must lie "
        "at the same paths on all machines (in containers, bind them into the workers' as well)"
    )


def _say_waiting(cluster: Cluster) -> str:
    return (
        f"the Dask scheduler {cluster.address} has no worker: waiting up to "
        f"{cluster.wait_s:.0f} s for one"
    )


def _say_no_worker(cluster: Cluster) -> str:
    return f"the Dask scheduler {cluster.address} had no worker for {cluster.wait_s:.0f} s"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
