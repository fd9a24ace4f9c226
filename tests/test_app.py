"""The whole app, from the command line to the files it leaves."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from npsle_app.documents import read_json
from npsle_app.phantom.head.image_files import write_image
from npsle_app.phantom.study import Study, write_study

pytestmark = pytest.mark.slow

EXPECTED = Path(__file__).with_name("expected_outputs.txt")
VOXEL_MM = 4.0
_WAIT_S = 1800


@dataclass(frozen=True)
class Run:
    """What a call of the app came to."""

    out: Path
    code: int
    last_line: str
    text: str

    @property
    def statuses(self) -> dict[tuple[str, str], str]:
        table = pd.read_csv(self.out / "logs" / "status.tsv", sep="\t", keep_default_na=False)
        return {(row.participant, row.stage): row.status for row in table.itertuples()}

    def measures(self, label: str) -> pd.DataFrame:
        table = self.out / f"sub-{label}" / f"sub-{label}_measures.tsv"
        return pd.read_csv(table, sep="\t").set_index("measure")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two synthetic people; the second has no FLAIR."""
    folder = tmp_path_factory.mktemp("study") / "bids"
    write_study(folder, study=Study(participants=2, seed=0, voxel_mm=VOXEL_MM))
    for path in (folder / "sub-02").rglob("*FLAIR*"):
        path.unlink()
    return folder


@pytest.fixture(scope="module")
def finished(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(study, tmp_path_factory.mktemp("run") / "out", "group")


@pytest.fixture(scope="module")
def spoilt(study: Path, finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The first has lost the skull; the second has T1w and a FLAIR that breaks off, no more.

    The T1w image of the second is as it was: what was made of it alone is taken over.
    """
    folder = tmp_path_factory.mktemp("spoilt") / "bids"
    shutil.copytree(study, folder, ignore=shutil.ignore_patterns("sourcedata"))
    truth = study / "sourcedata" / "sub-01" / "sub-01_{}.nii.gz"
    gm, wm = (nib.load(str(truth).format(name)).get_fdata() for name in ("gm", "wm"))
    strip(folder / "sub-01" / "anat" / "sub-01_T1w.nii.gz", keep=gm + wm > 0.5)
    for path in (folder / "sub-02").rglob("*"):
        if path.is_file() and "sub-02_T1w" not in path.name:
            path.unlink()
    flair = (study / "sub-01" / "anat" / "sub-01_FLAIR.nii.gz").read_bytes()
    (folder / "sub-02" / "anat" / "sub-02_FLAIR.nii.gz").write_bytes(flair[:20000])
    take_over("anat", whole=finished.out, out=folder.parent / "out", label="02")
    return run(folder, folder.parent / "out")


def command(bids: Path, out: Path, *words: str) -> list[str]:
    flags = ("--sloppy", "--skip-bids-validation")
    return [sys.executable, "-m", "npsle_app", str(bids), str(out), "participant", *words, *flags]


def run(bids: Path, out: Path, *words: str) -> Run:
    done = subprocess.run(  # noqa: S603
        command(bids, out, *words), capture_output=True, text=True, check=False, timeout=_WAIT_S
    )
    lines = done.stdout.strip().splitlines() or [""]
    return Run(out=out, code=done.returncode, last_line=lines[-1], text=done.stdout + done.stderr)


def take_over(stage: str, *, whole: Path, out: Path, label: str) -> None:
    """Copy what a stage has left of a participant or session: its receipt and what that names."""
    (receipt,) = whole.rglob(f"sub-{label}_receipt-{stage}.json")
    for path in (receipt, *(whole / name for name in read_json(receipt)["files"])):
        copy = out / path.relative_to(whole)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)


def listed(out: Path) -> set[str]:
    """Return every file, with the name of the run taken out."""
    names = (path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    return {re.sub(r"^logs/\d{8}T\d{6}-\w+/", "logs/<run>/", name) for name in names}


def contents(out: Path) -> dict[str, bytes]:
    """Return images, tables, pictures and sidecars; what tells of the run itself is left out."""
    kept = (".nii.gz", ".tsv", ".webp", ".json", ".txt")
    return {
        name.as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if (name := path.relative_to(out)).name.endswith(kept)
        and not {"logs", "log"} & set(name.parts)
    }


def differing(first: Path, second: Path) -> list[str]:
    a, b = contents(first), contents(second)
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def test_a_run_leaves_exactly_the_expected_files(finished: Run) -> None:
    expected, found = set(EXPECTED.read_text("utf-8").split()), listed(finished.out)
    missing, surplus = sorted(expected - found), sorted(found - expected)
    told = f"expected but not found: {missing}\nfound but not expected: {surplus}"
    assert expected == found, told


def test_all_well_is_exit_0_and_the_last_line_counts_what_was_done(finished: Run) -> None:
    assert finished.code == 0, finished.text
    assert finished.last_line == (
        "npsle_app: 2 participants, 2 sessions: 17 stages done, 0 reused, 0 failed, 0 blocked, "
        "7 absent; group: 7 stages done, 0 reused, 0 failed, 0 blocked, 0 absent: exit 0"
    )


def test_without_flair_tissue_is_measured_and_lesions_are_absent(finished: Run) -> None:
    statuses = finished.statuses
    assert statuses["sub-02", "wmh"] == statuses["sub-02", "filling"] == "absent"
    assert {"tiv_ml", "gm_ml", "wm_ml"} <= set(finished.measures("02").index)
    assert "wmh_ml" in finished.measures("01").index
    assert "wmh_ml" not in finished.measures("02").index


def test_the_output_is_valid_bids(finished: Run) -> None:
    validator = Path(sys.executable).with_name("bids-validator-deno")
    done = subprocess.run(  # noqa: S603
        [validator, finished.out, "--no-color"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "[ERROR]" not in done.stdout


def test_a_second_run_computes_nothing_and_changes_no_byte(finished: Run, study: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.out.rglob("*.nii.gz")}
    bytes_before = contents(finished.out)
    again = run(study, finished.out)
    assert again.code == 0
    assert set(again.statuses.values()) == {"reused", "absent"}
    assert contents(finished.out) == bytes_before
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_killed_in_the_middle_and_run_again_equals_an_unbroken_run(
    finished: Run, study: Path, tmp_path: Path
) -> None:
    """Two processes make afresh, one after the other, what one has made: byte by byte the same.

    The second person, DWI and arteries are taken over: the next test makes them anew.
    """
    out = tmp_path / "out"
    others = shutil.ignore_patterns("sub-01*", "group*", "logs")
    shutil.copytree(finished.out, out, ignore=others)
    for stage in ("dwi", "alps", "vessel_wall"):
        take_over(stage, whole=finished.out, out=out, label="01")
    with started(command(study, out, "group")) as kill:
        wait_for(lambda: any(out.rglob("sub-01_receipt-wmh.json")))
        kill()
    assert not list(out.rglob("sub-01_receipt-lesions.json"))
    again = run(study, out, "group")
    assert again.code == 0, again.text
    own = {stage: status for (who, stage), status in again.statuses.items() if who == "sub-01"}
    assert own["anat"] == own["dwi"] == own["vessel_wall"] == "reused"
    assert own["tissue"] == own["regions"] == own["lesions"] == "done"
    assert len(contents(out)) > 30
    assert differing(finished.out, out) == []


def test_it_is_reproduced_to_the_byte_from_its_record_by_two_processes(
    finished: Run, tmp_path: Path
) -> None:
    """One participant is: of the group level tests/reproduce tells."""
    again = tmp_path / "again"
    words = ["npsle_app.reproduce", str(finished.out), "--into", str(again), "--nprocs", "2"]
    words += ["--participant-label", "02", "--level", "participant"]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", *words], capture_output=True, text=True, check=False, timeout=_WAIT_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = read_json(tmp_path / "again-differences.json")
    assert told["agrees"] is True
    assert told["surroundings"] == []
    assert told["files"]["differing"] == 0
    assert told["files"]["identical"] > 100
    images = [name for name in contents(again) if name.endswith(".nii.gz")]
    assert len(images) > 20
    assert not set(images) & set(differing(finished.out, again))


class started:  # noqa: N801 - reads as a verb
    """A process group that is killed at the end, whatever happens."""

    def __init__(self, words: list[str]) -> None:
        self.words = words

    def __enter__(self) -> Callable[[], None]:
        self.process = subprocess.Popen(  # noqa: S603
            self.words,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self.kill

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _WAIT_S
    while not condition():
        assert time.monotonic() < end, "nothing came in time"
        time.sleep(0.05)


def test_a_broken_flair_is_exit_1_and_tissue_is_measured_all_the_same(spoilt: Run) -> None:
    assert spoilt.code == 1
    assert "sub-02_FLAIR.nii.gz" in spoilt.text
    assert spoilt.statuses["sub-02", "wmh"] == "failed"
    assert spoilt.statuses["sub-02", "anat"] == "reused"
    assert spoilt.statuses["sub-02", "tissue"] == spoilt.statuses["sub-02", "regions"] == "done"
    assert {"gm_ml", "wm_ml"} <= set(spoilt.measures("02").index)


def test_without_skull_all_runs_but_tiv_is_not_assessable(spoilt: Run) -> None:
    own = {stage: status for (who, stage), status in spoilt.statuses.items() if who == "sub-01"}
    assert own.pop("change") == own.pop("freesurfer") == "absent"
    assert len(own) == 10
    assert set(own.values()) == {"done"}
    found = spoilt.measures("01")
    assert found.qc["tiv_ml"] == "not assessable"
    assert np.isnan(found.value["tiv_ml"])
    assert found.value["gm_ml"] > 0
    assert "sub-01_desc-intracranial_mask.nii.gz" not in {p.name for p in spoilt.out.rglob("*")}


def strip(path: Path, *, keep: np.ndarray) -> None:
    scan = nib.load(path)
    data = np.where(keep, np.asarray(scan.dataobj), 0)
    image = nib.Nifti1Image(data, scan.affine, scan.header)
    path.unlink()
    write_image(path, image)
