"""Somebody else's Dask cluster: scheduler and workers in processes of their own."""

import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from npsle_app.cli.version import get_version
from npsle_app.engine import cluster as cluster_of_a_site
from npsle_app.engine.cluster import Cluster, ClusterError, look_around
from tests.cli.dask_cluster import ROOT, DaskCluster, dask_cluster, wait_for
from tests.test_app import differing

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path):
    """Return a cluster that has no worker yet."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with dask_cluster(folder) as started:
        yield started


def kill_the_first(flag: Path) -> None:
    """Kill the process that wrote its number into a file."""
    wait_for(lambda: flag.exists() and bool(flag.read_text()), what="a stage that waits")
    os.kill(int(flag.read_text()), signal.SIGKILL)


def test_a_killed_worker_s_stage_is_taken_over_and_the_outputs_are_those_of_a_local_run(
    app, dataset, cluster: DaskCluster, tmp_path
):
    flag = tmp_path / "flag"
    dataset.add("03", "T1w", "FLAIR", sidecar={"Wait": str(flag)})
    cluster.add_workers(2)
    killer = threading.Thread(target=kill_the_first, args=(flag,))
    killer.start()
    there = app("participant", "--dask-scheduler", cluster.address, out=tmp_path / "there")
    killer.join()
    here = app("participant", out=tmp_path / "here")
    assert (there.code, here.code) == (0, 0), there.err
    assert there.lines[-1] == here.lines[-1]
    assert differing(tmp_path / "there", tmp_path / "here") == []
    assert "sub-03 anat: the worker tcp://" in there.err
    assert "is gone; taken over by tcp://" in there.err
    assert not list((tmp_path / "there").glob(".npsle_app_*"))


def test_workers_that_all_go_away_fail_what_is_left_and_the_run_ends(
    app, dataset, cluster, tmp_path
):
    flag = tmp_path / "flag"
    dataset.add("03", "T1w", "FLAIR", sidecar={"Wait": str(flag)})
    cluster.add_workers(1)
    killer = threading.Thread(target=kill_the_first, args=(flag,))
    killer.start()
    call = app("participant", "--dask-scheduler", cluster.address, "--dask-wait", "5")
    killer.join()
    assert call.code == 1
    assert "had no worker for 5 s: run again with --failed-only" in call.err
    assert "has no worker: waiting up to 5 s for one" in call.err


def test_a_scheduler_without_workers_is_waited_for_and_then_refused(app, cluster, tmp_path, caplog):
    call = app("participant", "--dask-scheduler", cluster.address, "--dask-wait", "2")
    assert call.code == 2
    assert "has no worker: waiting up to 2 s for one" in caplog.text
    assert "had no worker for 2 s; start some, or wait longer with --dask-wait" in call.err
    assert not list((tmp_path / "out").rglob("*"))


def test_workers_of_another_version_are_refused(app, cluster, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(ROOT / "npsle_app", other / "npsle_app")
    with (other / "npsle_app" / "boxes.py").open("a") as stream:
        stream.write("# another version\n")
    (other / "pyproject.toml").touch()
    cluster.add_workers(1, root=other)
    call = app("participant", "--dask-scheduler", cluster.address)
    assert call.code == 2
    assert f"and this is {get_version()}: start workers from the same installation" in call.err


def test_a_worker_that_does_not_see_the_folders_is_refused_with_a_hint(cluster, tmp_path):
    cluster.add_workers(1)
    asked = Cluster(address=cluster.address, inputs=(Path("/nowhere"),), output=tmp_path, say=print)
    with pytest.raises(ClusterError, match=r"does not see /nowhere: the same folders must lie"):
        asked.check(get_version)


def test_a_worker_with_another_folder_of_the_same_name_does_not_see_the_token(tmp_path):
    _, unseen = look_around(get_version, [str(tmp_path)], str(tmp_path / "token"))
    assert unseen == [str(tmp_path)]


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "nonsense://host", "tcp://no.such.host.invalid:8786"]
)
def test_an_address_at_which_no_scheduler_answers_is_refused(app, address, monkeypatch):
    monkeypatch.setattr(cluster_of_a_site, "_CONNECT_S", 2)  # the app waits longer
    call = app("participant", "--dask-scheduler", address)
    assert call.code == 2
    assert f"no Dask scheduler answers at {address}" in call.err
    assert "such as tcp://host:8786" in call.err
