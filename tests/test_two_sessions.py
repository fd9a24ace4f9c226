"""Two sessions of one person, from the command line to the change of the lesions."""

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from npsle_app.phantom.study import Study, write_study
from tests.test_app import Run, differing, run, take_over

pytestmark = pytest.mark.slow  # it runs the whole app

UNTOUCHED = ("dwi", "alps")
CHANGE = ("wmh_new_ml", "wmh_enlarged_ml", "wmh_shrunken_ml", "wmh_resolved_ml")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first session alone has arteries, and the later one alone DWI: none is compared."""
    folder = tmp_path_factory.mktemp("visits") / "bids"
    write_study(folder, study=Study(participants=1, seed=0, voxel_mm=4.0, sessions=2))
    for kind in ("dwi", "fmap"):
        shutil.rmtree(folder / "sub-01" / "ses-1" / kind)
    return folder


@pytest.fixture(scope="module")
def finished(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(study, tmp_path_factory.mktemp("run") / "out", "group", "--nprocs", "2")


def measures(out: Path, session: str) -> pd.DataFrame:
    table = out / "sub-01" / f"ses-{session}" / f"sub-01_ses-{session}_measures.tsv"
    return pd.read_csv(table, sep="\t").set_index("measure")


def statuses(out: Path) -> dict[str, str]:
    table = pd.read_csv(out / "logs" / "status.tsv", sep="\t", keep_default_na=False)
    rows = table[table.stage == "change"]
    return dict(zip(rows.session, rows.status, strict=True))


def count(out: Path, session: str) -> Counter[str]:
    """Count the stages of a session by their status."""
    table = pd.read_csv(out / "logs" / "status.tsv", sep="\t", keep_default_na=False)
    return Counter(table.status[table.session == session])


def test_the_later_session_is_compared_with_the_earlier_one(finished: Run) -> None:
    assert finished.code == 0, finished.text
    assert statuses(finished.out) == {"ses-1": "absent", "ses-2": "done"}
    assert "wmh_new_ml" not in measures(finished.out, "1").index


def test_the_books_of_the_whole_app_balance(finished: Run) -> None:
    found = measures(finished.out, "2").value
    new, enlarged, shrunken, resolved = (found[name] for name in CHANGE)
    gained = new + enlarged - shrunken - resolved
    assert found.wmh_later_ml == pytest.approx(found.wmh_earlier_ml + gained, abs=1e-4)
    assert gained == pytest.approx(found.wmh_net_change_ml, abs=1e-4)
    assert found.wmh_net_change_ml_per_year == pytest.approx(gained, rel=0.01, abs=1e-6)


def test_the_output_is_valid_bids(finished: Run) -> None:
    validator = Path(sys.executable).with_name("bids-validator-deno")
    done = subprocess.run(  # noqa: S603
        [validator, finished.out, "--no-color"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "[ERROR]" not in done.stdout


def test_sessions_run_one_after_the_other_leave_the_same_files(
    finished: Run, study: Path, tmp_path: Path
) -> None:
    """Alone, the first is called with what it was called with before: all of it is reused.

    Then the later one is made afresh beside it, but for stages that the plan hands nothing of
    another session: to be reused, they too must be called as before.
    """
    out = tmp_path / "out"
    later = shutil.ignore_patterns("*ses-2*", "group*", "logs")
    shutil.copytree(finished.out, out, ignore=later)
    first = run(study, out, "group", "--session-label", "1")
    assert first.code == 0, first.text
    assert count(out, "ses-1")["done"] == 0
    for stage in UNTOUCHED:
        take_over(stage, whole=finished.out, out=out, label="01_ses-2")
    second = run(study, out, "group", "--session-label", "2")
    assert second.code == 0, second.text
    assert count(out, "ses-2")["reused"] == len(UNTOUCHED)
    assert differing(finished.out, out) == []
