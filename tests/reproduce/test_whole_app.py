"""The app's own stages, in processes of their own: recorded by one, made again by two.

People have tables of FreeSurfer and no image, which takes seconds; tests/test_app.py does the same
with images.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from npsle_app.documents import read_json
from tests.stats_files import write_tables_alone

pytestmark = pytest.mark.slow  # it runs the whole app three times


def call(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own programs
        [sys.executable, "-m", *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    bids = write_tables_alone(folder)
    flags = ("--derivatives", f"freesurfer={folder / 'fs'}", "--skip-bids-validation", "--sloppy")
    reference = ("--normative-reference", "own")
    levels = ("participant", "group")
    done = call("npsle_app", bids, folder / "out", *levels, *flags, *reference)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_one_process_recorded_it_and_two_make_the_same_bytes(study: Path) -> None:
    done = call("npsle_app.reproduce", study / "out", "--nprocs", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    told = read_json(study / "out-reproduced-differences.json")
    assert told["agrees"] is True
    assert told["surroundings"] == told["notes"] == told["differences"] == []
    assert told["files"]["identical"] > 30
    assert told["files"]["within"] == told["files"]["differing"] == 0


def test_a_folder_of_tables_that_changed_is_named_and_one_that_moved_is_asked_for(
    study: Path,
) -> None:
    table = next((study / "fs" / "sub-02_ses-1").rglob("aseg.stats"))
    before = table.read_bytes()
    table.write_bytes(before.replace(b"4000", b"4001"))
    changed = call("npsle_app.reproduce", study / "out", "--into", study / "new")
    table.write_bytes(before)
    assert changed.returncode == 2
    assert "sub-02_ses-1/stats/aseg.stats is not what it was" in changed.stdout

    (study / "fs").rename(study / "moved")
    lost = call("npsle_app.reproduce", study / "out", "--into", study / "new")
    (study / "moved").rename(study / "fs")
    assert lost.returncode == 2
    assert "--derivatives freesurfer=DIR" in lost.stderr
    assert not (study / "new").exists()
