"""Two sessions of one person, from the command line to the change of the lesions."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from npsle_app.phantom.study import Study, write_study
from tests.test_app import Run, contents, run

pytestmark = pytest.mark.slow  # it runs the whole app

CHANGE = ("wmh_new_ml", "wmh_enlarged_ml", "wmh_shrunken_ml", "wmh_resolved_ml")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("visits") / "bids"
    write_study(folder, study=Study(participants=1, seed=0, voxel_mm=4.0, sessions=2))
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
    for label in ("1", "2"):
        done = run(study, tmp_path / "out", "group", "--session-label", label)
        assert done.code == 0, done.text
    one, other = contents(finished.out), contents(tmp_path / "out")
    assert {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)} == set()
