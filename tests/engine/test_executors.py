"""One code path, inline or on several processes."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from npsle_app.engine.cluster import Cluster
from npsle_app.engine.executors import limit_threads, map_parts, open_executor
from npsle_app.engine.stage import Status


@pytest.fixture
def another_run() -> Iterator[None]:
    """Dask's own port is taken, as by another run on this machine."""
    with socket.socket() as taken:
        with suppress(OSError):  # then somebody else holds it already
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        yield


def test_a_list_is_handed_on_in_parts_and_in_order():
    with open_executor(1) as (executor, _):
        parts = map_parts(executor, list, range(7), size=3)
    assert parts == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.usefixtures("another_run")
def test_a_killed_worker_fails_its_own_job_and_the_others_go_on(study, tmp_path):
    study.add("00", t1w="kill", flair="9")
    study.add("02", t1w="3", flair="9")

    with open_executor(2, folder=tmp_path / "work") as (executor, at_once):
        outcomes = study.run(executor, at_once=at_once)
        again = study.run(executor, at_once=at_once)

    assert outcomes["00", "anat"].status is Status.FAILED
    assert "the worker was killed, most likely for lack of memory" in outcomes["00", "anat"].reason
    assert outcomes["00", "wmh"].reason == "waited for anat"
    for unit in ("01", "02"):
        assert [outcomes[unit, s].status for s in ("anat", "wmh", "tissue")] == [Status.DONE] * 3
    assert again["02", "tissue"].status is Status.REUSED


def test_where_all_is_reused_no_worker_is_started(study, inline, tmp_path):
    study.run(inline)
    began = time.perf_counter()

    with open_executor(2, folder=tmp_path / "work") as (executor, at_once):
        outcomes = study.run(executor, at_once=at_once)

    assert {outcome.status for outcome in outcomes.values()} == {Status.REUSED}
    assert not (tmp_path / "work").exists()
    assert time.perf_counter() - began < 5


def test_one_worker_means_this_process():
    with open_executor(1) as (executor, at_once):
        assert executor.submit(os.getpid).result() == os.getpid()
    assert at_once == 1


def test_threads_are_limited_for_every_library():
    assert limit_threads(3)["OMP_NUM_THREADS"] == "3"
    assert limit_threads(3)["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] == "3"


def _of(address: str, output: Path) -> Cluster:
    return Cluster(address=address, inputs=(), output=output, say=print)


def test_a_running_dask_cluster_is_one_more_place_to_compute(study):
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        open_executor(1, cluster=_of(cluster.scheduler_address, study.root)) as (executor, at_once),
    ):
        outcomes = study.run(executor, at_once=at_once)

    assert {outcome.status for outcome in outcomes.values()} == {Status.DONE}
