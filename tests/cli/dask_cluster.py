"""A Dask cluster of processes of its own, as a site would run it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

WAIT_S = 240
ROOT = Path(__file__).parents[2]


def wait_for(condition: Callable[[], bool], *, what: str) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, f"{what} did not come in {WAIT_S} s"
        time.sleep(0.1)


@dataclass
class DaskCluster:
    """A scheduler in a process, and workers that join it."""

    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return str(json.loads((self.folder / "scheduler.json").read_text())["address"])

    def start(self) -> None:
        self._run("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        file = self.folder / "scheduler.json"
        wait_for(lambda: file.exists() and file.stat().st_size > 0, what="the scheduler")

    def add_workers(self, count: int, *, root: Path = ROOT) -> None:
        """Start workers that import the app from a folder."""
        from distributed import Client

        for _ in range(count):
            self._run(
                "worker", "--nworkers", "1", "--nthreads", "1", "--no-nanny", "--no-dashboard",
                "--local-directory", str(self.folder), root=root,
            )  # fmt: skip
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=WAIT_S)

    def _run(self, what: str, *words: str, root: Path = ROOT) -> None:
        file = str(self.folder / "scheduler.json")
        command = [sys.executable, "-m", "distributed.cli.dask_" + what, *words,
                   "--scheduler-file", file]  # fmt: skip
        log = (self.folder / f"{what}-{len(self.processes)}.log").open("wb")
        with log:
            self.processes.append(
                subprocess.Popen(  # noqa: S603
                    command,
                    cwd=self.folder,
                    stdout=log,
                    stderr=log,
                    env=os.environ | {"PYTHONPATH": str(root)},
                )
            )


@contextmanager
def dask_cluster(folder: Path) -> Iterator[DaskCluster]:
    cluster = DaskCluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        for process in reversed(cluster.processes):
            process.send_signal(signal.SIGKILL)
            process.wait()
