"""What happens when files are changed, links lead away, disks fill up or versions differ."""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys

import pytest

from npsle_app.cli import environment, jobs, reports, sessions
from npsle_app.engine import status


def _measures(out, label="01"):
    (table,) = (out / f"sub-{label}").glob("*_measures.tsv")
    return table


def _change_a_number(table):
    lines = table.read_text().splitlines()
    cells = lines[1].split("\t")
    cells[1] = "12345"
    table.write_text("\n".join([lines[0], "\t".join(cells), *lines[2:]]) + "\n")


@pytest.mark.parametrize("what", ["measures", "page", "notes"])
@pytest.mark.fault(
    "Files and folders",
    "page, notes or table of measures changed by hand",
    "made anew from the stages' records, and said",
)
def test_what_was_changed_by_hand_is_made_anew_by_the_next_run(app, tmp_path, what):
    out = tmp_path / "out"
    assert app("participant").code == 0
    changed = {
        "measures": _measures(out),
        "page": out / "sub-01.html",
        "notes": out / "sub-01" / "log" / "page.json",
    }[what]
    before = changed.read_bytes()
    changed.write_bytes(before.replace(b"1", b"7", 3))
    again = app("participant")
    assert again.code == 0
    assert f"{changed.relative_to(out)} changed since it was written" in again.err
    if what == "measures":
        assert changed.read_bytes() == before
    assert b"7" * 3 not in changed.read_bytes()[:200]


@pytest.mark.fault(
    "Files and folders",
    "a measure changed by hand before the group level",
    "the number that was measured enters",
)
def test_a_number_changed_by_hand_never_reaches_the_statistics(app, tmp_path):
    out = tmp_path / "out"
    assert app("participant", "group").code == 0
    truth = (out / "npsle_app_measures.tsv").read_bytes()
    _change_a_number(_measures(out))
    assert app("group").code == 0
    assert (out / "npsle_app_measures.tsv").read_bytes() == truth


@pytest.mark.fault(
    "Files and folders", "the same, and the records are gone", "refused, with what to run"
)
def test_a_changed_number_whose_records_are_gone_ends_the_group_level(app, tmp_path):
    out = tmp_path / "out"
    assert app("participant").code == 0
    _change_a_number(_measures(out))
    for record in (out / "sub-01" / "log").glob("*_stage-*.json"):
        record.write_text("{")
    call = app("group")
    assert call.code != 0
    assert "run the participant level for sub-01 again" in call.err + call.out


@pytest.mark.fault(
    "Runs",
    "run killed after its last stage and before its page",
    "page and table of measures are made anew by the next run",
)
def test_a_run_that_was_killed_before_its_page_leaves_no_old_page(app, monkeypatch, tmp_path):
    assert app("participant").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(reports.Reporter, "write", lambda *_: None)
        app("participant", "--wmh-threshold", "0.55")
    notes = tmp_path / "out" / "sub-01" / "log" / "page.json"
    assert "threshold = 0.55" not in notes.read_text()
    again = app("participant", "--wmh-threshold", "0.55")
    assert "0 stages done" in again.lines[-1]
    assert "threshold = 0.55" in notes.read_text()


@pytest.mark.fault(
    "Runs", "group level by another version", "the images keep the version that made them"
)
def test_the_group_level_alone_leaves_the_version_of_the_images(app, tmp_path):
    out = tmp_path / "out"
    assert app("participant").code == 0
    path = out / "dataset_description.json"
    content = json.loads(path.read_text())
    content["GeneratedBy"][0]["Version"] = "0.0.9+gabc"
    path.write_text(json.dumps(content))
    assert "made anew" not in app("group").err
    assert json.loads(path.read_text())["GeneratedBy"][0]["Version"] == "0.0.9+gabc"


@pytest.mark.fault("Runs", "worker of another version", "its job fails and says so")
def test_a_worker_of_another_version_computes_nothing(app, monkeypatch, tmp_path):
    monkeypatch.setattr(jobs, "get_version", lambda: "9.9.9")
    call = app("participant")
    assert call.code == 1
    assert "this worker runs version 9.9.9" in (tmp_path / "out/logs/status.tsv").read_text()


@pytest.mark.parametrize("place", ["sub-01", "sub-01/anat", "logs", "group"])
@pytest.mark.fault(
    "Files and folders",
    "folder of the output that is a link to elsewhere",
    "refused; nothing is written there",
)
def test_a_folder_that_is_a_link_out_of_the_output_is_refused(app, tmp_path, place):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (out / place).parent.mkdir(parents=True)
    (out / place).symlink_to(elsewhere)
    call = app("participant")
    assert call.code == 2
    assert "is a link out of OUTPUT_DIR" in call.err
    assert not any(elsewhere.iterdir())


@pytest.mark.fault(
    "Files and folders", "output that is a locked link of a data manager", "replaced by a file"
)
def test_files_that_are_links_of_a_data_manager_are_replaced(app, tmp_path):
    out, store = tmp_path / "out", tmp_path / "store"
    assert app("participant").code == 0
    store.mkdir()
    table = _measures(out)
    shutil.move(table, store / "object")
    table.symlink_to(store / "object")
    (store / "object").chmod(0o444)
    assert app("participant", "--reports-only").code == 0
    assert not table.is_symlink()


@pytest.mark.fault("Runs", "disk full in the middle", "told, exit 1, and no table says done")
def test_a_full_disk_is_told_and_leaves_no_table_that_says_done(app, monkeypatch, tmp_path):
    out = tmp_path / "out"
    assert app("participant").code == 0

    def full(path, _rows):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(reports, "update_rows", full)
    call = app("participant", "--wmh-threshold", "0.3")
    assert call.code == 1
    assert "2 reports failed" in call.lines[-1]
    assert "No space left on device" in call.err
    assert not (out / "sub-01" / "log" / "status.tsv").exists()
    rows = status.read_rows(out / "logs" / "status.tsv")
    assert not any(row.status == "done" for row in rows)


@pytest.mark.fault(
    "Files and folders",
    "folder of one participant that cannot be read",
    "that one fails, the others complete",
)
def test_one_participant_that_cannot_be_read_leaves_the_others(app, monkeypatch, tmp_path):
    real = sessions.find_sessions

    def find(bids_dir, participant, **options):
        if participant == "01":
            raise PermissionError(13, "Permission denied", str(bids_dir / "sub-01"))
        return real(bids_dir, participant, **options)

    monkeypatch.setattr(sessions, "find_sessions", find)
    call = app("participant")
    assert call.code == 1
    assert "1 participant could not be read" in call.lines[-1]
    assert "sub-01 cannot be indexed: PermissionError" in call.err
    assert (tmp_path / "out" / "sub-02.html").is_file()


@pytest.mark.fault("Files and folders", "OUTPUT_DIR with a name of 300 characters", "refused")
def test_a_name_that_is_too_long_is_refused_before_anything(app, tmp_path):
    call = app("participant", out=tmp_path / ("x" * 300))
    assert call.code == 2
    assert "cannot be used" in call.err


@pytest.mark.fault("Files and folders", "OUTPUT_DIR that is a file", "refused")
def test_an_output_that_is_a_file_is_refused(app, tmp_path):
    (tmp_path / "out").write_text("")
    call = app("participant")
    assert call.code == 2
    assert "is no folder" in call.err


@pytest.mark.fault("Runs", "--dry-run with --bids-database-dir", "writes nothing")
def test_a_dry_run_makes_no_index(app, tmp_path):
    index = tmp_path / "index"
    assert app("participant", "--dry-run", "--bids-database-dir", str(index)).code == 0
    assert not index.exists()


@pytest.mark.fault(
    "Runs", "run killed by SIGKILL", "its temporary folder is removed by the next run"
)
def test_folders_of_killed_runs_are_cleared_and_those_of_living_ones_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.tempfile, "tempdir", str(tmp_path))
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    owners = {
        "dead": f"{socket.gethostname()} {gone}",
        "alive": f"{socket.gethostname()} {os.getppid()}",
        "elsewhere": f"another-host {gone}",
        "odd": "?",
    }
    for name, owner in owners.items():
        (tmp_path / f"npsle_app_{name}").mkdir()
        (tmp_path / f"npsle_app_{name}" / "owner").write_text(owner)
    with environment.work_folder(None) as folder:
        assert folder.parent == tmp_path
        left = {path.name for path in tmp_path.glob("npsle_app_*")} - {folder.name}
    assert left == {"npsle_app_alive", "npsle_app_elsewhere", "npsle_app_odd"}
