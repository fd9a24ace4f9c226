"""The folders that a run lives in."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from npsle_app.cli.environment import check_space, work_folder
from npsle_app.cli.errors import RefusedError
from npsle_app.cli.version import _hash_source


def test_libraries_are_pointed_into_the_work_folder_and_back(tmp_path):
    before = tempfile.gettempdir()

    with work_folder(tmp_path) as folder:
        assert Path(tempfile.gettempdir()) == folder / "tmp"
        assert Path(os.environ["MPLCONFIGDIR"]).is_dir()
        assert Path(os.environ["XDG_CACHE_HOME"]).is_relative_to(folder)

    assert tempfile.gettempdir() == before
    assert folder.is_dir()


def test_a_folder_of_our_own_is_removed():
    with work_folder(None) as folder:
        (folder / "tmp" / "image").write_text("large")

    assert not folder.exists()


def test_a_work_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with (
        pytest.raises(RefusedError, match="give a writable one with --work-dir"),
        work_folder(tmp_path / "file" / "work"),
    ):
        pass


def test_a_full_disk_is_refused_with_what_is_left(tmp_path):
    with pytest.raises(RefusedError, match=r"OUTPUT_DIR .* has only \d+ MB left"):
        check_space(tmp_path / "new", least_mb=10**9, what="OUTPUT_DIR")

    check_space(tmp_path / "new", least_mb=0, what="OUTPUT_DIR")


def test_changed_code_has_another_version(tmp_path):
    (tmp_path / "a.py").write_text("1")
    first = _hash_source(tmp_path)
    (tmp_path / "a.py").write_text("2")

    assert _hash_source(tmp_path) != first


def test_what_looks_for_its_settings_when_imported_is_not_imported_before_the_work_folder():
    code = "import sys, npsle_app.cli.run; print(*{'matplotlib', 'dask', 'ants'} & {*sys.modules})"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"
