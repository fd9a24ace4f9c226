"""Datasets that a real git-annex manages: locked and missing content, locked outputs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.plan import Dataset
from tests.test_app import differing

pytestmark = pytest.mark.skipif(
    shutil.which("git-annex") is None, reason="no git-annex (Debian: git-annex)"
)


class Annex:
    """A folder under git-annex, as DataLad makes one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder.parent / "home"
        self.home.mkdir(exist_ok=True)
        self.git("init", "-q")
        self.git("annex", "init", "-q")
        self.git("config", "annex.largefiles", "include=*.nii.gz")  # sidecars stand in git

    def git(self, *words: str) -> None:
        name = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")}  # fmt: skip
        subprocess.run(  # noqa: S603 - our own commands
            ["git", *words],  # noqa: S607
            cwd=self.folder, env=os.environ | name | {"HOME": str(self.home)},
            check=True, capture_output=True,
        )  # fmt: skip

    def save(self) -> None:
        self.git("annex", "add", "--quiet", ".")
        self.git("commit", "-q", "-m", "saved")


@pytest.fixture
def annex(dataset: Dataset) -> Annex:
    """The dataset of the other tests, its images locked by git-annex."""
    dataset.add("02", "T1w", seed=9)  # else content that is the same is stored, and lost, once
    annex = Annex(dataset.root)
    annex.save()
    assert (dataset.root / "sub-01" / "anat" / "sub-01_T1w.nii.gz").is_symlink()
    return annex


def test_locked_images_give_what_plain_files_give(
    app, dataset: Dataset, annex: Annex, tmp_path: Path
) -> None:
    locked, plain = tmp_path / "locked", tmp_path / "plain"
    assert app("participant", out=locked).code == 0
    annex.git("annex", "unlock", "--quiet", ".")
    assert not (dataset.root / "sub-01" / "anat" / "sub-01_T1w.nii.gz").is_symlink()
    assert app("participant", out=plain).code == 0
    assert differing(locked, plain) == []


def test_a_scan_whose_content_is_not_here_is_told_and_the_others_are_measured(
    app, annex: Annex, tmp_path: Path
) -> None:
    annex.git("annex", "drop", "--force", "--quiet", "sub-02")
    call = app("participant")
    assert call.code == 1
    assert "sub-02_T1w.nii.gz: its content is not present" in call.err
    assert "run: datalad get" in call.err
    assert (tmp_path / "out" / "sub-01" / "anat" / "sub-01_desc-preproc_T1w.nii.gz").is_file()
    plan = app("participant", "--dry-run", "--participant-label", "02")
    assert "its content is not present" in plan.out


def test_one_session_alone_is_what_a_job_of_babs_is_given(
    app, dataset: Dataset, tmp_path: Path
) -> None:
    """BABS clones the dataset, fetches one session, and names participant and session."""
    for session in ("1", "2"):
        dataset.add("03", "T1w", "FLAIR", session=session, seed=10 * int(session))
    annex = Annex(dataset.root)
    annex.save()
    annex.git("annex", "drop", "--force", "--quiet", "sub-03/ses-1", "sub-01", "sub-02")
    call = app("participant", "--participant-label", "sub-03", "--session-id", "ses-2")
    assert call.code == 0, call.err
    made = {path.parts[-3] for path in (tmp_path / "out").rglob("*_T1w.nii.gz")}
    assert made == {"ses-2"}


def test_locked_outputs_are_made_anew_and_what_was_saved_stays_as_it_was(
    app, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert app("participant").code == 0
    saved = Annex(out)
    saved.save()
    mask = next((out / "sub-01" / "anat").glob("*_mask.nii.gz"))
    assert mask.is_symlink()
    stored = mask.resolve()
    before = stored.read_bytes()
    assert app("participant").code == 0
    assert mask.is_symlink()  # current: nothing was computed
    assert app("participant", "--wmh-threshold", "0.4").code == 0
    assert not mask.is_symlink()
    assert mask.read_bytes() != before
    assert stored.read_bytes() == before
    saved.save()
    assert mask.is_symlink()
