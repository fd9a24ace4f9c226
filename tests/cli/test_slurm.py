"""The printed script on a real Slurm: array, failure, resubmission, group by dependency."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from npsle_app.cli.batch import plan_batch, render
from npsle_app.cli.config import resolve
from npsle_app.cli.parser import parse
from tests.cli.dask_cluster import ROOT
from tests.cli.slurm_cluster import Slurm, find_hindrance, slurm
from tests.test_app import differing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(find_hindrance()), reason=find_hindrance() or "there is a Slurm"),
]

PROGRAM = """#!{python}
import sys
sys.path.insert(0, {root!r})
from npsle_app import pipeline
from npsle_app.__main__ import main
from tests.cli.plan import PLAN
pipeline.PARTICIPANT = PLAN
sys.exit(main())
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with slurm(tmp_path_factory.mktemp("slurm")) as started:
        yield started


@pytest.fixture
def submit(cluster: Slurm, dataset, tmp_path: Path):
    """Return what submits a printed script and waits: who was in it, and what it said."""
    program = tmp_path / "npsle_app"
    program.write_text(PROGRAM.format(python=sys.executable, root=str(ROOT)))
    program.chmod(0o755)

    def call(out: Path, *words: str) -> tuple[tuple[str, ...], str]:
        request = parse(
            [str(dataset.root), str(out), "participant", "--print-job", "slurm", *words]
        )
        batch = replace(plan_batch(request, resolve(request).options), program=str(program))
        script = tmp_path / "job.slurm"
        script.write_text(render(batch, system="slurm"))
        said = cluster.run("bash", script)
        cluster.wait_until_done()
        return batch.labels, said

    return call


def test_array_failure_resubmission_and_group_leave_what_a_local_run_leaves(
    app, dataset, submit, cluster: Slurm, tmp_path: Path
) -> None:
    # four in arrays of two: an index must be smaller than MaxArraySize, which is 3 here
    dataset.add("03", "T1w", "FLAIR", sidecar={"Crash": True})
    dataset.add("04", "T1w", "FLAIR")
    there, here = tmp_path / "there", tmp_path / "here"

    labels, said = submit(there)
    assert labels == ("01", "02", "03", "04")
    assert re.fullmatch(r"participants: \d+ \d+; group: \d+\n", said)
    logs = {path.name: path.read_text() for path in (there / "logs" / "slurm").iterdir()}
    assert len(logs) == 5, cluster.tell()
    (group,) = (text for name, text in logs.items() if "group" in name)
    assert "exit 0" in group, group
    assert not (there / "sub-03" / "anat").exists()

    for path in (dataset.root / "sub-03").rglob("*.json"):
        path.write_text(json.dumps({}))
    labels, _ = submit(there, "--failed-only")
    assert labels == ("03",)
    assert (there / "sub-03" / "anat").exists()

    assert app("participant", out=here).code == 0
    assert app("group", out=here).code == 0
    assert differing(there, here) == []
